package ozml

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestGoTo: spec ozeki 9.5 and 5.4.
func TestGoTo(t *testing.T) {
	answers := map[string]string{
		"http://app/a":   `<Response><Speak>there $x</Speak></Response>`,
		"http://app/b":   `<Response><GoTo>a</GoTo></Response>`,
		"a":              `<Response><Beep/></Response>`,
		"http://app/no":  `<Response><Beep></Response>`,
		"http://app/nil": " \n",
		"http://app/rej": `<Response><Reject/><Beep/></Response>`,
		"http://app/end": `<Response/>`,
		"loop":           `<Response><GoTo>loop</GoTo></Response>`,
		"talk":           `<Response><Speak>again</Speak><GoTo>talk</GoTo></Response>`,
	}
	for _, s := range []scene{
		{name: "takes the place of the rest, and variables stay", script: `<Var ID="x">1</Var><GoTo>http://app/a</GoTo><Beep/>`, want: `
			0s GoTo http://app/a
			0s Speak text=there 1
			1s Ended`},
		{name: "knows where a script came from", script: `<GoTo Url="http://app/b"/>`, want: `
			0s GoTo http://app/b
			0s GoTo a from http://app/b
			0s Beep
			500ms Ended`},
		{name: "no answer", script: `<GoTo>http://other/</GoTo><Beep/>`, want: `
			0s GoTo http://other/
			0s fault 302 no answer
			0s Beep
			500ms Ended`},
		{name: "an answer that cannot be read", script: `<GoTo>http://app/no</GoTo><Beep/>`, want: `
			0s GoTo http://app/no
			0s fault 300 line 1: </Response> where </Beep> is due: element <Beep> of line 1 is not closed
			0s Beep
			500ms Ended`},
		{name: "an answer without a script", script: `<GoTo>http://app/nil</GoTo><Beep/>`, want: `
			0s GoTo http://app/nil
			0s fault 302 Missing or invalid parameter 'Url' for command 'GoTo'
			0s Beep
			500ms Ended`},
		{name: "a script without elements", script: `<GoTo>http://app/end</GoTo><Beep/>`, want: `
			0s GoTo http://app/end
			0s Ended`},
		{name: "a Reject there is not the first", script: `<GoTo>http://app/rej</GoTo>`, want: `
			0s GoTo http://app/rej
			0s fault 303 Command 'Reject' cannot be used here
			0s Beep
			500ms Ended`},
		{name: "a query, and nothing", script: `<GoTo>SELECT ozml FROM scripts</GoTo><GoTo/><GoTo>selected</GoTo>`, want: `
			0s fault 302 Missing or invalid parameter 'Url' for command 'GoTo'
			0s fault 302 Missing or invalid parameter 'Url' for command 'GoTo'
			0s GoTo selected
			0s fault 302 no answer
			0s Ended`},
		{name: "out of a loop", script: `<Array ID="l"><item>1</item><item>2</item></Array><ForEach Source="l"><GoTo>http://app/a</GoTo></ForEach><Beep/>`, want: `
			0s GoTo http://app/a
			0s Speak text=there $x
			1s Ended`},
		{name: "round and round", script: `<GoTo>loop</GoTo>`, limits: Limits{Jumps: 2}, want: `
			0s GoTo loop
			0s GoTo loop from loop
			0s fault 303 Command 'GoTo' cannot be used here: the script is ended, it has gone on to 2 documents without any audio or input
			0s Limited`},
		{name: "round and round with audio", script: `<GoTo>talk</GoTo>`, limits: Limits{Jumps: 2, Time: 3500 * time.Millisecond}, want: `
			0s GoTo talk
			0s Speak text=again
			1s GoTo talk from talk
			1s Speak text=again
			2s GoTo talk from talk
			2s Speak text=again
			3s GoTo talk from talk
			3s Speak text=again
			3.5s Speak is cut short
			3.5s fault 303 Command 'Speak' cannot be used here: the script is ended, its time of 3.5s is over
			3.5s Limited`},
	} {
		s.answers = answers
		s.run(t)
	}
}

// TestLimits: one fault that names the limit, and the end.
func TestLimits(t *testing.T) {
	items := strings.Repeat("<item/>", 100)
	for _, s := range []scene{
		{name: "steps", script: `<Beep/><Beep/><Beep/>`, limits: Limits{Steps: 2}, want: `
			0s Beep
			500ms Beep
			1s fault 303 Command 'Beep' cannot be used here: the script is ended, it has run 2 elements
			1s Limited`},
		{name: "as many steps as allowed", script: `<Beep/><Beep/>`, limits: Limits{Steps: 2}, want: `
			0s Beep
			500ms Beep
			1s Ended`},
		{name: "loops of nothing", script: `<Array ID="l">` + items + `</Array><ForEach Source="l"><ForEach Source="l"><ForEach Source="l"/></ForEach></ForEach><Beep/>`, want: `
			0s fault 303 Command 'ForEach' cannot be used here: the script is ended, it has run 1000 elements
			0s Limited`},
		{name: "rounds are steps", script: `<Array ID="l">` + items + `</Array><ForEach Source="l"/><Beep/>`, limits: Limits{Steps: 101}, want: `
			0s fault 303 Command 'ForEach' cannot be used here: the script is ended, it has run 101 elements
			0s Limited`},
		{name: "unknown elements are steps", script: `<A/><B/><C/>`, limits: Limits{Steps: 2}, want: `
			0s fault 301 Not implemented command: 'A'
			0s fault 301 Not implemented command: 'B'
			0s fault 303 Command 'C' cannot be used here: the script is ended, it has run 2 elements
			0s Limited`},
		{name: "time, in a Delay that is the last", script: `<Delay>60</Delay>`, limits: Limits{Time: time.Second}, want: `
			1s fault 303 Command 'Delay' cannot be used here: the script is ended, its time of 1s is over
			1s Limited`},
		{name: "time, in a UserInput", script: `<UserInput Timeout="60"/><Beep/>`, limits: Limits{Time: time.Second}, want: `
			1s fault 303 Command 'UserInput' cannot be used here: the script is ended, its time of 1s is over
			1s Limited`},
		{name: "menus in menus", script: `<UserInput ForwardToUrl="u"/>`, presses: "0s 11111111111111111111111111111111, 1s 11111111111111111111111111111111",
			answers: map[string]string{"u": `<Response><UserInput Timeout="5" ForwardToUrl="u"/></Response>`},
			want: strings.Repeat("0s DtmfEntered u DtmfDigits=1\n", 1) + strings.Repeat("0s DtmfEntered u DtmfDigits=1 from u\n", 31) +
				strings.Repeat("1s DtmfEntered u DtmfDigits=1 from u\n", 18) +
				`1s fault 303 Command 'UserInput' cannot be used here: the script is ended, it is 50 UserInputs deep
			1s Limited`},
	} {
		s.run(t)
	}
}

// TestCallEnds: whatever the script is at, the end of its context ends it at once.
func TestCallEnds(t *testing.T) {
	for name, script := range map[string]string{
		"nothing yet": `<Delay>2</Delay>`,
		"audio":       `<Play>a</Play><Beep/>`,
		"prompt":      `<UserInput Repeat="true"><InitialCommands><Play>a</Play></InitialCommands></UserInput><Beep/>`,
		"delay":       `<Delay>60</Delay><Beep/>`,
		"input":       `<UserInput Timeout="60" Repeat="true"/><Beep/>`,
		"loop":        `<Array ID="l"><item/><item/></Array><ForEach Source="l"><Delay>60</Delay></ForEach>`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{ext: true, start: time.Now(), keys: NewKeys()}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				s, err := Parse([]byte("<Response>" + script + "</Response>"))
				if err != nil {
					t.Fatal(err)
				}
				end := Run(ctx, s, f, Limits{})
				if took := time.Since(f.start); end != Stopped || took != time.Second {
					t.Errorf("%v after %v", end, took)
				}
				for _, line := range f.log {
					if strings.Contains(line, "fault") || strings.Contains(line, "Beep") {
						t.Error(line)
					}
				}
			})
		})
	}
}

// TestNoScript: nil runs to its end.
func TestNoScript(t *testing.T) {
	if end := Run(t.Context(), nil, &fake{}, Limits{}); end != Ended {
		t.Error(end)
	}
}
