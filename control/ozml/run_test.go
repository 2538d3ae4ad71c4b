package ozml

import "testing"

// scene is one script and what it does.
type scene struct {
	name, script, presses, want string
	third                       bool // third-party control: no API extension in the call
	answers                     map[string]string
	ends                        map[string]Outcome
	limits                      Limits
}

func (s scene) run(t *testing.T) {
	t.Run(s.name, func(t *testing.T) {
		f := &fake{ext: !s.third, answers: s.answers, ends: s.ends}
		same(t, f.play(t, "<Response>"+s.script+"</Response>", s.presses, s.limits), s.want)
	})
}

// TestElements: each element, used as it is meant to be and otherwise (spec ozeki 7 to 9).
func TestElements(t *testing.T) {
	for _, s := range []scene{
		{name: "nothing", script: ``, want: `0s Ended`},
		{name: "in order, one after the other", script: `<Speak>a</Speak><Play>b.wav</Play><Beep/><SendDTMF Keys="1"/>`, want: `
			0s Speak text=a
			1s Play audiofile=b.wav
			11s Beep
			11.5s SendDTMF keys=1
			11.5s Ended`},
		{name: "any case, and the canonical names", script: `<SPEAK TEXT="a"/><forward destination="5"/><call dialled="6" URL="u"/>
			<BlindTransfer TranferorParty="caller">7</BlindTransfer>`, want: `
			0s Speak text=a
			1s ForwardCall destination=5
			1s Call dialed=6 url=u
			1s BlindTransfer target=7 transferorparty=caller
			1s Ended`},
		{name: "the attribute wins over the text", script: `<Speak Text="a">b</Speak>`, want: `
			0s Speak text=a
			1s Ended`},
		{name: "unknown, later, for URLs, out of place", script: `<Foo/><SendSms Recipient="1">x</SendSms><SQL>x</SQL><ListActiveCalls/><Input key="1"/><Speak>a<b/><Delay>9</Delay></Speak>`, want: `
			0s fault 301 Not implemented command: 'Foo'
			0s fault 301 Not implemented command: 'SendSMS'
			0s fault 301 Not implemented command: 'SQL'
			0s fault 303 Command 'ListActiveCalls' cannot be used here
			0s fault 303 Command 'Input' cannot be used here
			0s fault 301 Not implemented command: 'b'
			0s fault 303 Command 'Delay' cannot be used here
			0s Speak text=a
			1s Ended`},
		{name: "a fault of a command", script: `<Hold/><Speak>a</Speak>`, ends: map[string]Outcome{"Hold": {Fault: &Fault{Code: 303, Message: "no"}}}, want: `
			0s Hold
			0s fault 303 no
			0s Speak text=a
			1s Ended`},
		{name: "a command that ends it", script: `<Hangup/><Speak>a</Speak>`, ends: map[string]Outcome{"Hangup": {Over: true}}, want: `
			0s Hangup
			0s Left`},
		{name: "Reject first", script: `<Reject/><Speak>a</Speak>`, ends: map[string]Outcome{"Reject": {Over: true}}, want: `
			0s Reject
			0s Left`},
		{name: "Reject later", script: `<Var ID="a"/><Reject/><Beep/>`, want: `
			0s fault 303 Command 'Reject' cannot be used here
			0s Beep
			500ms Ended`},
		{name: "Exit", script: `<Beep/><Exit/><Beep/>`, want: `
			0s Beep
			500ms Ended`},
		{name: "Delay", script: `<Delay>1.5</Delay><Beep/><Delay Time=" 2 "/><Beep/>`, want: `
			1.5s Beep
			4s Beep
			4.5s Ended`},
		{name: "Delays that are none", script: `<Delay/><Delay>-1</Delay><Delay>soon</Delay><Delay>Inf</Delay><Delay>1e3</Delay><Delay>86401</Delay>`, want: `
			0s fault 302 Missing or invalid parameter 'Time' for command 'Delay'
			0s fault 302 Missing or invalid parameter 'Time' for command 'Delay'
			0s fault 302 Missing or invalid parameter 'Time' for command 'Delay'
			0s fault 302 Missing or invalid parameter 'Time' for command 'Delay'
			0s fault 302 Missing or invalid parameter 'Time' for command 'Delay'
			0s fault 302 Missing or invalid parameter 'Time' for command 'Delay'
			0s Ended`},
	} {
		s.run(t)
	}
}
