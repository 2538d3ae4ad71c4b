package ozml

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the samples do, and elements.md, anew")

// pressed are the keys of the samples that have a use for them. A prompt is spoken for a second.
var pressed = map[string]string{
	"userinput_ivr": "12.5s 2",           // after the menu of 2s and its time-out of 10s: while it is spoken again
	"userinput_pin": "900ms 12, 2.5s 34", // in the prompt, and later
}

// TestSamples: every OzML document that the public pages print (spec ozeki 8 to 10 and 12), letter by letter, and what it
// does. Fragments stand in a <Response>; the two malformed ones are in the form that spec ozeki 7.1 describes.
func TestSamples(t *testing.T) {
	var b strings.Builder
	all := samples(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			b.WriteString("## " + name + "\n")
			if _, err := Parse([]byte(all[name])); err != nil {
				b.WriteString(err.Error() + "\n\n")
				return
			}
			f := &fake{ext: true, answers: map[string]string{
				"http://yourapp.com/":                  `<Response><Speak>gone to</Speak></Response>`,
				"http://yourapp.com/dtmf_received.php": `<Response><Speak>Welcome.</Speak><Hangup/></Response>`,
			}, ends: map[string]Outcome{"Hangup": {Over: true}, "Reject": {Over: true}, "BlindTransfer": {Over: true}}}
			b.WriteString(strings.Join(f.play(t, all[name], pressed[name], Limits{}), "\n") + "\n\n")
		})
	}
	golden(t, "testdata/samples.txt", b.String())
}

// golden compares with a file that -rewrite writes.
func golden(t *testing.T, file, want string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is stale (%v): go test ./control/ozml -rewrite\n%s", file, err, want)
	}
}
