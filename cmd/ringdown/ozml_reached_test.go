package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// reaches are the ways to an API extension; each returns the one phone that talks to it then.
var reaches = map[string]struct {
	config func(*Config)
	reach  func(r *rig, alice, bob *phone.Phone) *phone.Call
	from   string // who the application is told calls
}{
	"dialled": {nil, func(r *rig, alice, _ *phone.Phone) *phone.Call { return r.reception(alice) }, "2000"},
	"a trunk's route": {outsideLines, func(r *rig, _, _ *phone.Phone) *phone.Call {
		a := r.dial(r.gateway(providerAt, nil), "sip:9990@192.0.2.1")
		r.ok(a.WaitAnswer(r.ctx))
		return a
	}, "0044123"},
	"forwarded when busy": {sends(map[string]Forward{"2001": {Busy: "9990"}}), func(r *rig, alice, bob *phone.Phone) *phone.Call {
		a := r.dial(alice, "2001")
		r.ok(r.rung(bob).Reject(486, "Busy Here"))
		r.ok(a.WaitAnswer(r.ctx))
		return a
	}, "2000"},
	"forwarded when not answered": {sends(map[string]Forward{"2001": {NoAnswer: "9990"}}), func(r *rig, alice, bob *phone.Phone) *phone.Call {
		a := r.dial(alice, "2001")
		r.ended(r.rung(bob), 487)
		r.ok(a.WaitAnswer(r.ctx))
		return a
	}, "2000"},
	"ForwardCall": {nil, func(r *rig, alice, bob *phone.Phone) *phone.Call {
		a, b := r.ring(alice, "2001", bob)
		r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "9990")
		r.ended(b, 487)
		r.ok(a.WaitAnswer(r.ctx))
		return a
	}, "2000"},
	"BlindTransfer": {nil, func(r *rig, alice, bob *phone.Phone) *phone.Call {
		a, b := r.talk(alice, "2001", bob)
		r.must("BlindTransfer", "CallId", r.only().CallID, "TransferorParty", "callee", "Target", "9990")
		r.ended(b, 0)
		return a
	}, "2000"},
	"Yeastar's call/transfer": {nil, func(r *rig, alice, bob *phone.Phone) *phone.Call {
		y := r.yeastarApp()
		a, b := y.talk(alice, "2001", bob)
		y.does(y.transfer("blind", "2000", `"number":"9990"`))
		r.ended(b, 0)
		return a
	}, "2000"},
	"a phone's REFER": {nil, func(r *rig, alice, bob *phone.Phone) *phone.Call {
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Refer(r.ctx, "sip:9990@example.com")
		r.ok(err)
		r.same("the answer", m.Status, 202)
		_, err = b.WaitReported(r.ctx)
		r.ok(err)
		r.ok(b.Hangup())
		return a
	}, "2000"},
	"a phone's attended transfer": {nil, func(r *rig, alice, bob *phone.Phone) *phone.Call {
		a, b := r.talk(alice, "2001", bob)
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		consultation := r.reception(bob)
		r.ok(consultation.Media.WaitTone(r.ctx, fileTone))
		m, err := b.ReferReplaces(r.ctx, consultation)
		r.ok(err)
		r.same("the answer", m.Status, 202)
		_, err = b.WaitReported(r.ctx)
		r.ok(err)
		if b.Active() {
			r.ok(b.Hangup())
		}
		r.ends(consultation)
		return a
	}, "2001"}, // who consulted it
}

// An API extension is reached in every way in which a phone is. Whoever comes hears its script, presses its keys, and is
// sent on by it; then the two phones talk, in one stream.
func TestExtensionReached(t *testing.T) {
	for way, x := range reaches {
		config := x.config
		if config == nil {
			config = func(*Config) {}
		}
		scene2(t, way, func(r *rig) {
			r.app.answers(map[string]string{"/ivr": script(`<UserInput Timeout="60"><InitialCommands><Play Repeat="true">880.wav</Play></InitialCommands>`,
				`<Inputs><Input key="1"><BlindTransfer>2002</BlindTransfer></Input></Inputs></UserInput>`)})
			alice, bob, carol := r.three()
			a := x.reach(r, alice, bob)
			a.Media.SendSilence()
			if way != "a phone's attended transfer" { // who consulted it has heard the prompt
				r.ok(a.Media.WaitTone(r.ctx, fileTone))
			}
			n := r.told("IncomingCall")
			r.same("who calls whom", [2]string{n.Get("CallerId"), n.Get("ApiExtension")}, [2]string{x.from, "9990"})
			r.ok(a.Media.SendDigit4733('1', 100))
			c := r.rung(carol)
			r.ringback(a)
			r.ok(c.Answer())
			r.tones(a, aliceTone, c, carolTone)
			r.oneStream(a, c)
			r.faulted()
			r.ok(c.Hangup())
			r.ends(a)
		}, stagehand(t), config)
	}
}

// The phone leaves in the middle of a script: it ends at once, and asks for nothing more.
func TestExtensionLeftByThePhone(t *testing.T) {
	for name, first := range map[string]string{
		"in a prompt": `<Play Repeat="true">880.wav</Play>`, "in a pause": `<Delay>60</Delay>`,
		"in an input": `<UserInput Timeout="60"/>`, "in a recording": `<Record/>`, "in a transfer": `<BlindTransfer>2002</BlindTransfer>`,
	} {
		scene2(t, name, func(r *rig) {
			r.app.answers(map[string]string{"/ivr": script(first, `<GoTo>/more</GoTo>`)})
			alice, carol := r.phone("2000"), r.phone("2002")
			a := r.reception(alice)
			if name == "in a transfer" {
				c := r.rung(carol)
				defer r.ended(c, 487)
			}
			r.pass(2 * time.Second)
			r.ok(a.Hangup())
			r.told("CallChanged/Completed")
			r.quiet(2*time.Minute, alice)
			_, asked := r.app.find("GoTo")
			r.that(!asked, "the script has gone on")
			r.faulted()
		}, stagehand(t))
	}
}

// The ring time is over before the application has answered: the caller is refused, or sent on where the number says so.
// A13: what the application answers after that changes nothing.
func TestExtensionRingsTooLong_A13(t *testing.T) {
	slow := func(c *Config) { c.Ozeki.Notify.Timeout = 2 * time.Minute }
	scene2(t, "refused", func(r *rig) {
		r.app.answers(map[string]string{"/ivr": script(`<GoTo>/more</GoTo>`)})
		r.app.before(func(n notification) {
			if n.path == "/ivr" {
				r.pass(40 * time.Second)
			}
		})
		a := r.dial(r.phone("2000"), "9990")
		began := time.Now()
		r.ended(a, 480)
		rang := time.Since(began).Round(time.Second)
		r.that(rang == r.cfg.RingTimeout, "it rang for %v", rang)
		r.pass(20 * time.Second) // the script comes at last
		_, asked := r.app.find("GoTo")
		r.that(!asked, "it has run")
		r.faulted()
	}, stagehand(t), slow)
	scene2(t, "the caller gives up", func(r *rig) {
		r.app.answers(map[string]string{"/ivr": hangs})
		alice := r.phone("2000")
		a := r.dial(alice, "9990")
		r.ok(a.WaitRinging(r.ctx))
		r.ok(a.Cancel())
		r.ended(a, 487)
		r.quiet(time.Minute, alice)
	}, stagehand(t), slow)
}
