package media

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ringdown/callstate"
)

var rewrite = flag.Bool("rewrite", false, "write what the engine says now into testdata")

// TestGolden plays the scripts in testdata: negotiations as text. A line that starts with ">" is a command, the lines
// after it a description that goes with it; a "<" starts what the engine answers. Ports and session ids of ours are
// written as PORT and ID.
//
//	> open a             OpenMedia with a's offer, or without
//	> offer b like=a dir=sendonly
//	> take b             TakeAnswer
//	> answer a like=b    MakeAnswer, with an offer or without; mixable, as of an offer, when an application is at the other end
//	> connect a b        a hears b
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			switch {
			case got == string(want):
			case *rewrite:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s\n%s", file, diff(string(want), got))
			}
		})
	}
}

// play runs a script and returns it with the engine's answers as they are.
func play(t *testing.T, script string) string {
	var cfg func(*Config)
	if strings.Contains(script, "# IPv6") {
		cfg = func(c *Config) { c.Listen = netip.MustParseAddr("2001:db8::1") }
	}
	b := newBed(t, cfg)
	var out strings.Builder
	lines := strings.Split(strings.TrimRight(script, "\n"), "\n")
	for i := 0; i < len(lines); {
		l := lines[i]
		i++
		if strings.HasPrefix(l, "<") { // an old answer
			for i < len(lines) && lines[i] != "" && lines[i][0] != '>' && lines[i][0] != '#' {
				i++
			}
			continue
		}
		fmt.Fprintln(&out, l)
		if !strings.HasPrefix(l, ">") {
			continue
		}
		var body []string
		for ; i < len(lines) && lines[i] != "" && lines[i][0] != '<' && lines[i][0] != '>' && lines[i][0] != '#'; i++ {
			fmt.Fprintln(&out, lines[i])
			body = append(body, lines[i]+"\r\n")
		}
		b.Do(command(t, b, l, []byte(strings.Join(body, ""))))
		for _, ev := range b.take() {
			out.WriteString(show(ev))
		}
	}
	return out.String()
}

func command(t *testing.T, b *bed, line string, body []byte) callstate.MediaCommand {
	f := strings.Fields(line)[1:]
	leg := func(name string) callstate.LegID { return legID(uint32(name[0]-'a') + 1) }
	var like callstate.LegID
	var dir callstate.Direction
	mixable := false
	for _, o := range f[2:] {
		if v, ok := strings.CutPrefix(o, "like="); ok {
			like = leg(v)
		}
		mixable = mixable || o == "mixable"
		if v, ok := strings.CutPrefix(o, "dir="); ok {
			dir = callstate.Direction(v)
		}
	}
	b.ref++
	switch f[0] {
	case "open":
		return callstate.OpenMedia{Leg: leg(f[1]), Offer: body}
	case "offer":
		return callstate.MakeOffer{Leg: leg(f[1]), Ref: b.ref, Like: like, Mixable: mixable, Direction: dir}
	case "take":
		return callstate.TakeAnswer{Leg: leg(f[1]), Ref: b.ref, Answer: body}
	case "answer":
		return callstate.MakeAnswer{Leg: leg(f[1]), Ref: b.ref, Offer: body, Like: like, Mixable: mixable, Direction: dir}
	case "connect":
		return callstate.Connect{Leg: leg(f[1]), Hears: []callstate.LegID{leg(f[2])}}
	}
	t.Fatalf("unknown command %q", line)
	return nil
}

var (
	ownOrigin = regexp.MustCompile(`(?m)^o=- \d+ (\d+) `)
	ownPort   = regexp.MustCompile(`(?m)^(m=\S+) (200\d\d) `)
)

func show(ev callstate.Event) string {
	leg := func(id callstate.LegID) string { return string(rune('a' + id.N - 1)) }
	facts := func(f callstate.Facts) string {
		return fmt.Sprintf("%q %s events=%v mixable=%v", f.Codec, f.Direction, f.Events, f.Mixable)
	}
	sdp := func(b []byte) string {
		s := ownOrigin.ReplaceAllString(strings.ReplaceAll(string(b), "\r\n", "\n"), "o=- ID $1 ")
		return ownPort.ReplaceAllString(s, "$1 PORT ")
	}
	switch ev := ev.(type) {
	case callstate.OfferMade:
		return fmt.Sprintf("< offer of %s\n%s", leg(ev.Leg), sdp(ev.SDP))
	case callstate.AnswerMade:
		return fmt.Sprintf("< answer of %s: %s\n%s", leg(ev.Leg), facts(ev.Facts), sdp(ev.SDP))
	case callstate.AnswerTaken:
		return fmt.Sprintf("< taken %s: %s\n", leg(ev.Leg), facts(ev.Facts))
	case callstate.MediaFailed:
		return fmt.Sprintf("< failed %s: %s: %s\n", leg(ev.Leg), ev.Reason, ev.Text)
	case callstate.Connected:
		return fmt.Sprintf("< connected %s: %s\n", leg(ev.Leg), ev.How)
	}
	return fmt.Sprintf("< %+v\n", ev)
}

// diff shows the first line that differs, with what is around it.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		at := func(l []string) string {
			if i < len(l) {
				return l[i]
			}
			return "(end)"
		}
		if at(w) != at(g) {
			return fmt.Sprintf("line %d:\n want %s\n got  %s\n\nall of it:\n%s", i+1, at(w), at(g), got)
		}
	}
	return ""
}
