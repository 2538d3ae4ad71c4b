package main

import (
	"testing"
)

// The OzML documents of the vendor's pages, byte for byte.
const (
	seedForward = `<?xml version="1.0"?> <Response> <ForwardCall Destination="102"></ForwardCall> </Response>`
	seedDigits  = `<?xml version="1.0"?> <Response> <Speak Party="caller">You will get dtmf keys 123.</Speak> <SendDTMF Party="caller" Keys="123"></SendDTMF> <Speak Party="callee">You will get dtmf keys 321.</Speak> <SendDTMF Party="callee" Keys="321"></SendDTMF> </Response>`
)

// The tones that stand for speech: the command of spoken reads them for texts with these digits in them.
const (
	spokenTone = 620
	spoken321  = 880
)

// office has the numbers of the vendor's pages.
func office(c *Config) {
	for _, n := range []string{"101", "102", "103", "104", "105"} {
		c.Extensions = append(c.Extensions, Extension{Number: n, Name: n, Password: demoPassword})
	}
}

// spoken has the switch speak in tones of a second.
func spoken(t testing.TB) func(*Config) {
	folder := sounds(t, 1, spokenTone, spoken321)
	return func(c *Config) {
		c.Media.Folder = folder
		c.Ozeki.Speak = []string{"sh", "-c", `case "$1" in *321*) cat "$0/880.wav";; *) cat "$0/620.wav";; esac`, folder, "{text}"}
	}
}

// Spec ozeki 12, vector 13, and the page of ForwardCall: the boss's phone rings, the application answers with the script,
// and the secretary has the call. The same script is the answer to the next ringing as well, where it can do nothing.
func TestOzMLForwardOfThePage(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"CallChanged/Ringing": seedForward})
		customer, secretary, boss := r.phone("101"), r.phone("102"), r.phone("103")
		a, err := customer.Dial(r.ctx, "103")
		r.ok(err)
		b := r.rung(boss)
		r.ok(a.WaitRinging(r.ctx))
		c := r.rung(secretary)
		r.ended(b, 487)
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		call := r.only()
		r.same("what is shown", [4]string{call.CallerDialed, call.CalleeDialed, call.Destination, call.CallState}, [4]string{"103", "102", "102", "InCall"})
		r.ok(a.Hangup())
		r.ends(c)
		r.told("CallChanged/Completed")
		r.same("what the application was told", r.app.names(), []string{"CallChanged/Ringing", "CallChanged/Ringing",
			"CallChanged/Answered", "CallChanged/InCall", "CallChanged/Completed"})
	}, notify, office, func(c *Config) { c.Ozeki.Notify.Error = applicationAt + "/errors" })
}

// The page of SendDTMF: each party is told of its keys, and gets them, and hears nothing of the other's.
func TestOzMLDigitsOfThePage(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"CallChanged/InCall": seedDigits})
		alice, bob := r.phone("103"), r.phone("101")
		a, b := r.connect(alice, "101", bob)
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		r.ok(a.Media.WaitTone(r.ctx, spokenTone))
		r.ok(b.Media.WaitTone(r.ctx, aliceTone)) // the callee goes on hearing the caller
		r.unheard(a, bobTone)
		r.ok(a.Media.WaitDigits(r.ctx, "123"))
		r.same("the callee's digits by then", b.Media.DigitString(), "")
		r.ok(b.Media.WaitTone(r.ctx, spoken321))
		r.unheard(b, spokenTone)
		r.ok(b.Media.WaitDigits(r.ctx, "321"))
		r.hear(a, bobTone, b, aliceTone)
		r.same("the caller's digits", a.Media.DigitString(), "123")
		r.oneStream(a, b)
		r.ok(b.Hangup())
		r.ends(a)
	}, notify, office, spoken(t))
}
