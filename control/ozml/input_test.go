package ozml

import (
	"strings"
	"testing"
	"time"
)

// menu is a UserInput with a prompt of two seconds and the Inputs 1 and 2.
func menu(attrs string) string {
	return `<UserInput ` + attrs + `><InitialCommands><Speak>p</Speak><Speak>q</Speak></InitialCommands>
		<Inputs><Input key="1"><Speak>one</Speak></Input><Input Key="2"><Speak>two</Speak></Input></Inputs></UserInput><Speak>after</Speak>`
}

const (
	prompt = "0s Speak text=p\n1s Speak text=q\n"
	pin    = `<UserInput enteredUrl="u" digits="4" timeout="10"/><Beep/>`
)

// TestMenus: spec ozeki 9.6, by the steps of its algorithm.
func TestMenus(t *testing.T) {
	for _, s := range []scene{
		{name: "outside of an API extension", third: true, script: menu(""), want: `
			0s fault 303 Command 'UserInput' cannot be used here
			0s Speak text=after
			1s Ended`},
		{name: "2: a key stops the prompt, and the rest of it", script: menu("timeout='5'"), presses: "500ms 1", want: `
			0s Speak text=p
			500ms Speak is cut short
			500ms Speak text=one
			1.5s Speak text=after
			2.5s Ended`},
		{name: "2: a key stops a Delay", script: `<UserInput><InitialCommands><Delay>60</Delay><Beep/></InitialCommands><Inputs><Input key="1"/></Inputs></UserInput><Beep/>`,
			presses: "7s 1", want: `
			7s Beep
			7.5s Ended`},
		{name: "2: a key stops no other command, yet what follows", script: `<UserInput><InitialCommands><Hold/><Speak>p</Speak><Hold/></InitialCommands></UserInput>`,
			presses: "0s 1", want: `0s Ended`},
		{name: "2: a key that comes during another command", script: `<UserInput><InitialCommands><Record/><Speak>p</Speak></InitialCommands><Inputs><Input key="1"/></Inputs></UserInput><Hold/>`,
			presses: "1s 1", want: `
			0s Record
			5s Hold
			5s Ended`},
		{name: "2: a key stops a loop, and Vars are set", script: `<Array ID="l"><item>1</item><item>2</item></Array><UserInput><InitialCommands>
			<ForEach Source="l"><Speak>$item</Speak></ForEach><Var ID="v">set</Var></InitialCommands><Inputs><Input key="1"><Speak>$v</Speak></Input></Inputs></UserInput>`,
			presses: "1.5s 1", want: `
			0s Speak text=1
			1s Speak text=2
			1.5s Speak is cut short
			1.5s Speak text=set
			2.5s Ended`},
		{name: "a key typed ahead: no prompt at all", script: menu("timeout='5'"), presses: "0s 2", want: `
			0s Speak text=two
			1s Speak text=after
			2s Ended`},
		{name: "a key during a plain Speak does not stop it, and counts", script: `<Speak>hello</Speak>` + menu(""), presses: "500ms 2", want: `
			0s Speak text=hello
			1s Speak text=two
			2s Speak text=after
			3s Ended`},
		{name: "7: the time-out counts from the end of the prompt", script: menu("timeout='5'"), presses: "6900ms 1", want: prompt + `
			6.9s Speak text=one
			7.9s Speak text=after
			8.9s Ended`},
		{name: "7: time-out", script: menu("timeout='5'"), want: prompt + `
			7s Speak text=after
			8s Ended`},
		{name: "7: no time-out: left right after the prompt", script: menu(""), want: prompt + `
			2s Speak text=after
			3s Ended`},
		{name: "6: Repeat after a time-out, a branch, and what is no Input", script: menu("timeout='1' repeat='true'") + `<Beep/>`, presses: "5500ms 2, 6600ms 9, 7700ms 1",
			limits: Limits{Time: 9 * time.Second}, want: prompt + `
			3s Speak text=p
			4s Speak text=q
			5.5s Speak text=two
			6.5s Speak text=p
			6.6s Speak is cut short
			6.6s Speak text=p
			7.6s Speak text=q
			7.7s Speak is cut short
			7.7s Speak text=one
			8.7s Speak text=p
			9s Speak is cut short
			9s fault 303 Command 'Speak' cannot be used here: the script is ended, its time of 9s is over
			9s Limited`},
		{name: "5: what is no Input is like a time-out", script: menu("timeout='5'"), presses: "2.5s 9", want: prompt + `
			2.5s Speak text=after
			3.5s Ended`},
		{name: "BackKey of the outermost", script: menu("timeout='5' BackKey='*'"), presses: "1.2s *", want: `
			0s Speak text=p
			1s Speak text=q
			1.2s Speak is cut short
			1.2s Speak text=after
			2.2s Ended`},
		{name: "BackKey is one as the first key only", script: `<UserInput Digits="2" BackKey="*" Timeout="9" ForwardToUrl="u"/>`, presses: "1s 1*", want: `
			1s DtmfEntered u DtmfDigits=1*
			1s fault 302 no answer
			1s Ended`},
	} {
		s.run(t)
	}
}

// TestCollect: when an input is complete, and what it is then.
func TestCollect(t *testing.T) {
	told := map[string]string{"u": `<Response><Speak>ok</Speak></Response>`, "quiet": "",
		"ask": `<Response><UserInput ForwardToUrl="goto ask" timeout="5"/></Response>`, "outer": `<Response><UserInput ForwardToUrl="inner" timeout="5"/><GoTo>gone</GoTo></Response>`, "inner": `<Response><GoTo>gone</GoTo></Response>`,
		"goto ask": `<Response><GoTo>ask</GoTo></Response>`}
	entered := func(at, digits, rest string) string {
		return at + "s DtmfEntered u DtmfDigits=" + digits + "\n" + at + "s Speak text=ok\n" + rest
	}
	longer := `<UserInput timeout="5" ForwardToUrl="u"><Inputs><Input key="1"><Speak>one</Speak></Input><Input key="12"><Speak>twelve</Speak></Input></Inputs></UserInput><Beep/>`
	for _, s := range []scene{
		{name: "4 digits", script: pin, presses: "1s 12, 2s 3, 4s 4", want: entered("4", "1234", "5s Beep\n5.5s Ended")},
		{name: "4 digits, and what is more stays", script: pin + `<UserInput ForwardToUrl="u"/>`, presses: "1s 12345", want: entered("1", "1234", `
			2s Beep
			2.5s DtmfEntered u DtmfDigits=5
			2.5s Speak text=ok
			3.5s Ended`)},
		{name: "3 of 4 digits: the time-out counts from the last", script: pin, presses: "1s 12, 9s 3", want: `
			19s Beep
			19.5s Ended`},
		{name: "a # is a digit like others while some are missing", script: pin, presses: "1s 12#4", want: entered("1", "12#4", "2s Beep\n2.5s Ended")},
		{name: "a range: the pause", script: `<UserInput MinDigits="2" MaxDigits="4" timeout="9" ForwardToUrl="u"/>`, presses: "1s 1, 5s 2", want: entered("8", "12", "9s Ended")},
		{name: "a range: the most", script: `<UserInput MinDigits="2" MaxDigits="4" timeout="9" ForwardToUrl="u"/>`, presses: "1s 1, 5s 234", want: entered("5", "1234", "6s Ended")},
		{name: "a range: #", script: `<UserInput MinDigits="2" MaxDigits="4" timeout="9" ForwardToUrl="u"/>`, presses: "1s 12#", want: entered("1", "12", "2s Ended")},
		{name: "a range: # when it is too early is a digit", script: `<UserInput MinDigits="2" MaxDigits="4" timeout="9" ForwardToUrl="u"/>`, presses: "1s 1##", want: entered("1", "1#", "2s Ended")},
		{name: "a # alone is a key", script: `<UserInput timeout="9" ForwardToUrl="u"/>`, presses: "1s #", want: entered("1", "#", "2s Ended")},
		{name: "at least", script: `<UserInput MinDigits="3" timeout="9" ForwardToUrl="u"/>`, presses: "1s 123", want: entered("1", "123", "2s Ended")},
		{name: "at most", script: `<UserInput MaxDigits="3" timeout="9" ForwardToUrl="u"/>`, presses: "1s 1", want: entered("4", "1", "5s Ended")},
		{name: "an Input that a longer one begins with: the pause", script: longer, presses: "1s 1", want: `
			4s Speak text=one
			5s Beep
			5.5s Ended`},
		{name: "an Input that a longer one begins with: #", script: longer, presses: "1s 1#", want: `
			1s Speak text=one
			2s Beep
			2.5s Ended`},
		{name: "an Input of fewer digits than wanted: the pause", script: `<UserInput digits="4" timeout="9"><Inputs><Input key="1"><Speak>one</Speak></Input><Input key="12"/></Inputs></UserInput>`,
			presses: "1s 1", want: "4s Speak text=one\n5s Ended"},
		{name: "an Input of fewer digits than wanted: #", script: `<UserInput digits="4" timeout="9"><Inputs><Input key="1"><Speak>one</Speak></Input><Input key="12"/></Inputs></UserInput>`,
			presses: "1s 1#", want: "1s Speak text=one\n2s Ended"},
		{name: "input between GoTos", script: `<GoTo>ask</GoTo>`, presses: "1s 1, 2s 1, 3s 1", limits: Limits{Jumps: 2}, want: `
			0s GoTo ask
			1s DtmfEntered goto ask DtmfDigits=1 from ask
			1s GoTo ask from goto ask
			2s DtmfEntered goto ask DtmfDigits=1 from ask
			2s GoTo ask from goto ask
			3s DtmfEntered goto ask DtmfDigits=1 from ask
			3s GoTo ask from goto ask
			8s Ended`},
		{name: "where a script came from, during the answer to DtmfEntered and after it", script: `<GoTo>outer</GoTo>`, presses: "1s 1", want: `
			0s GoTo outer
			1s DtmfEntered inner DtmfDigits=1 from outer
			1s GoTo gone from inner
			1s fault 302 no answer
			1s GoTo gone from outer
			1s fault 302 no answer
			1s Ended`},
		{name: "the longer one, at once", script: longer, presses: "1s 1, 2s 2", want: `
			2s Speak text=twelve
			3s Beep
			3.5s Ended`},
		{name: "neither: the key that fits none stays", script: longer + `<UserInput ForwardToUrl="u"/>`, presses: "1s 13", want: `
			1s Speak text=one
			2s Beep
			2.5s DtmfEntered u DtmfDigits=3
			2.5s Speak text=ok
			3.5s Ended`},
		{name: "an Input goes before the URL, and before the number of digits", script: `<UserInput digits="4" timeout="5" ForwardToUrl="u"><Inputs><Input key="*"><Beep/></Input></Inputs></UserInput>`,
			presses: "1s *", want: "1s Beep\n1.5s Ended"},
		{name: "letters", script: `<UserInput digits="2" timeout="5" ForwardToUrl="u"><Inputs><Input key="bc"><Beep/></Input></Inputs></UserInput>`,
			presses: "1s xBc", want: "1s Beep\n1.5s Ended"},
		{name: "no answer of the URL", script: `<UserInput ForwardToUrl="gone" timeout="5"/><Beep/>`, presses: "1s 1", want: `
			1s DtmfEntered gone DtmfDigits=1
			1s fault 302 no answer
			1s Beep
			1.5s Ended`},
		{name: "6: Repeat after the answer of the URL", script: `<UserInput repeat="true" ForwardToUrl="u" timeout="5"/>`, presses: "1s 1, 3s 2",
			limits: Limits{Time: 5 * time.Second}, want: entered("1", "1", entered("3", "2", `
			5s fault 303 Command 'UserInput' cannot be used here: the script is ended, its time of 5s is over
			5s Limited`))},
		{name: "an answer without a script", script: `<UserInput ForwardToUrl="quiet" timeout="5"/><Beep/>`, presses: "1s 1", want: `
			1s DtmfEntered quiet DtmfDigits=1
			1s Beep
			1.5s Ended`},
		{name: "variables in the attributes", script: `<Var ID="u">u</Var><Var ID="n">2</Var><UserInput digits="$n" ForwardToURL="$u" timeout="$n"><Inputs><Input key="$n"><Beep/></Input></Inputs></UserInput>`,
			presses: "1s 34", want: entered("1", "34", "2s Ended")},
		{name: "what does not belong there", script: `<UserInput><Speak>x</Speak><Foo/><Inputs><Key/><Speak/><Input/><Input key="1x"/><Input key=""/><Input key="1"><Beep/></Input><Input key="1"/></Inputs></UserInput>`,
			presses: "0s 1", want: `
			0s fault 303 Command 'Speak' cannot be used here
			0s fault 301 Not implemented command: 'Foo'
			0s fault 301 Not implemented command: 'Key'
			0s fault 303 Command 'Speak' cannot be used here
			0s fault 302 Missing or invalid parameter 'Key' for command 'Input'
			0s fault 302 Missing or invalid parameter 'Key' for command 'Input'
			0s fault 302 Missing or invalid parameter 'Key' for command 'Input'
			0s Beep
			500ms Ended`},
	} {
		s.answers = told
		s.run(t)
	}
}

// TestInvalidInput: an attribute that cannot be meant is named, and the element is skipped.
func TestInvalidInput(t *testing.T) {
	for attrs, name := range map[string]string{
		"Repeat='maybe'":              "Repeat",
		"Timeout='soon'":              "Timeout",
		"Timeout='-1'":                "Timeout",
		"Timeout='3601'":              "Timeout",
		"BackKey='**'":                "BackKey",
		"BackKey='x'":                 "BackKey",
		"Digits='0'":                  "Digits",
		"Digits='many'":               "Digits",
		"Digits='129'":                "Digits",
		"MinDigits='0'":               "MinDigits",
		"MaxDigits='1.5'":             "MaxDigits",
		"MinDigits='3' MaxDigits='2'": "MaxDigits",
		"ExecuteSQL='SELECT 1'":       "ExecuteSQL",
	} {
		scene{name: attrs, script: menu(attrs), want: "0s fault 302 Missing or invalid parameter '" + name + "' for command 'UserInput'\n0s Speak text=after\n1s Ended"}.run(t)
	}
}

// TestRepeatsEnd: a UserInput that nobody listens to is left, and so are those around it.
func TestRepeatsEnd(t *testing.T) {
	inner := `<UserInput timeout="1" repeat="true"><InitialCommands><Beep Party="inner"/></InitialCommands></UserInput>`
	f := &fake{ext: true}
	log := strings.Join(f.play(t, `<Response><UserInput timeout="1" repeat="true"><InitialCommands><Beep Party="outer"/></InitialCommands>
		<Inputs><Input key="1">`+inner+`</Input></Inputs></UserInput><Speak>after</Speak>`+inner+`</Response>`, "10s 1", Limits{}), "\n")
	// At 10s the seventh round of the outer one is on; each takes 1.5s. After the prompt is over a key comes.
	if outer, in := strings.Count(log, "outer"), strings.Count(log, "inner"); outer != 7 || in != 2*(1+maxRepeats) {
		t.Errorf("%d prompts of the outer one, %d of the two others:\n%s", outer, in, log)
	}
	if !strings.HasSuffix(log, "Ended") || strings.Contains(log, "fault") {
		t.Error(log)
	}
}

// TestRepeatsGoOn: the repeats are counted from the last input that there was something for.
func TestRepeatsGoOn(t *testing.T) {
	silent := `<UserInput timeout="1" repeat="true"/>`
	for name, row := range map[string]struct {
		branch, presses string
		prompts         int
	}{
		"a branch has run":           {``, "15200ms 1, 31s 1", 11 + 11 + 1 + maxRepeats},
		"no input that there is for": {``, "15200ms 2, 31s 2", 1 + maxRepeats},
		"an inner one was given up":  {silent, "200ms 1", 1},
		"yet then a key came":        {silent + `<UserInput timeout="9"/>`, "200ms 1, 25s 2", 1 + 1 + maxRepeats},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{ext: true}
			log := strings.Join(f.play(t, `<Response><UserInput timeout="1" repeat="true"><InitialCommands><Beep/></InitialCommands>
				<Inputs><Input key="1">`+row.branch+`</Input></Inputs></UserInput></Response>`, row.presses, Limits{}), "\n")
			if got := strings.Count(log, "Beep\n"); got != row.prompts {
				t.Errorf("%d prompts, not %d:\n%s", got, row.prompts, log)
			}
		})
	}
}

// TestNested: menus of several levels, and how each is left (spec ozeki 9.6).
func TestNested(t *testing.T) {
	house := `<UserInput timeout="5" BackKey="*"><InitialCommands><Speak>main</Speak></InitialCommands><Inputs>
		<Input key="1"><Speak>one</Speak>
			<UserInput timeout="5" BackKey="*"><InitialCommands><Speak>sub</Speak></InitialCommands><Inputs>
				<Input key="1"><Speak>leaf</Speak></Input>
				<Input key="2"><GoTo>u</GoTo></Input>
				<Input key="3"><Exit/></Input>
				<Input key="4"><BlindTransfer>101</BlindTransfer></Input>
			</Inputs></UserInput>
			<Speak>after sub</Speak>
		</Input></Inputs></UserInput><Speak>after main</Speak>`
	start := `0s Speak text=main
		500ms Speak is cut short
		500ms Speak text=one
		1.5s Speak text=sub
		1.9s Speak is cut short
		`
	for _, s := range []scene{
		{name: "a leaf, and all that follows", script: house, presses: "500ms 1, 1900ms 1", want: start + `
			1.9s Speak text=leaf
			2.9s Speak text=after sub
			3.9s Speak text=after main
			4.9s Ended`},
		{name: "back to the enclosing one, back out of it", script: house, presses: "500ms 1, 1900ms *, 2400ms *", want: start + `
			1.9s Speak text=main
			2.4s Speak is cut short
			2.4s Speak text=after main
			3.4s Ended`},
		{name: "GoTo leaves all", script: house, presses: "500ms 1, 1900ms 2", want: start + `
			1.9s GoTo u
			1.9s Beep
			2.4s Ended`},
		{name: "Exit leaves all", script: house, presses: "500ms 1, 1900ms 3", want: start + `
			1.9s Ended`},
		{name: "a transfer that comes about leaves all", script: house, presses: "500ms 1, 1900ms 4", ends: map[string]Outcome{"BlindTransfer": {Over: true}}, want: start + `
			1.9s BlindTransfer target=101
			1.9s Left`},
		{name: "a transfer that fails does not", script: house, presses: "500ms 1, 1900ms 4", ends: map[string]Outcome{"BlindTransfer": {Fault: &Fault{Code: 302, Message: "busy"}}}, want: start + `
			1.9s BlindTransfer target=101
			1.9s fault 302 busy
			1.9s Speak text=after sub
			2.9s Speak text=after main
			3.9s Ended`},
		{name: "all the way by keys typed ahead", script: house, presses: "0s 11", want: `
			0s Speak text=one
			1s Speak text=leaf
			2s Speak text=after sub
			3s Speak text=after main
			4s Ended`},
		{name: "out of a loop in a branch", script: `<Array ID="l"><item>a</item><item>b</item></Array><UserInput BackKey="*"><Inputs><Input key="1">
			<ForEach Source="l"><UserInput timeout="5" BackKey="*"/><Speak>$item</Speak></ForEach></Input></Inputs></UserInput><Beep/>`, presses: "0s 1*", want: `
			0s Beep
			500ms Ended`},
		{name: "in the initial commands", script: `<UserInput><InitialCommands><Speak>language?</Speak><UserInput timeout="5" BackKey="*"><Inputs><Input key="1"><Speak>english</Speak></Input></Inputs></UserInput>
			<Speak>menu</Speak></InitialCommands><Inputs><Input key="2"><Beep/></Input></Inputs></UserInput>`, presses: "2s *, 5s 1, 6500ms 2", want: `
			0s Speak text=language?
			2s Speak text=language?
			5s Speak text=english
			6s Speak text=menu
			6.5s Speak is cut short
			6.5s Beep
			7s Ended`},
	} {
		s.answers = map[string]string{"u": `<Response><Beep/></Response>`}
		s.run(t)
	}
}
