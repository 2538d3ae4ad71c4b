package main

import (
	"slices"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// Spec ozeki 7.3: Call in a script begins another call and does not wait for it: the caller of the IVR hears the next prompt
// while the other phone rings, and each call has its own script.
func TestCall_InAScript(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{
			"/ivr":       script(`<Call Url="/connected" CallerId="3000">2001</Call>`, `<Play Repeat="true" Timeout="6">540.wav</Play>`),
			"/connected": script(`<Play>820.wav</Play>`, `<Hangup/>`),
		})
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.reception(alice)
		b := r.rung(bob)
		r.ok(a.Media.WaitTone(r.ctx, clipTone))
		r.same("calls", len(r.list()), 2)
		r.pass(2 * time.Second)
		r.masked(a, clipTone)
		r.ok(b.Answer())
		r.ok(b.Media.WaitTone(r.ctx, nextTone))
		r.ended(b, 0)
		r.masked(a, clipTone)
		r.same("calls", len(r.list()), 1)
		r.ended(a, 0)
		r.oneStream(a, b)
		n := r.told("CallConnected")
		r.same("who called", [4]string{n.path, n.Get("ApiExtension"), n.Get("CallerId"), n.Get("Dialed")}, [4]string{"/connected", "9990", "3000", "2001"})
	}, callers(t))
}

// An API extension calls another one, or itself: two applications have nothing to say to each other, and might call each
// other for ever. It is refused, and no application is asked; also where a phone forwards to one.
func TestCall_ApplicationToApplication(t *testing.T) {
	for _, number := range []string{"9991", "9990", "2001"} {
		scene2(t, number, func(r *rig) {
			got := r.calls(number)
			r.same("the reply", got.Message, "Call connect to '"+number+"' failed with result state 'Error'")
			r.pass(time.Second)
			r.same("notifications", len(r.app.names()), 0)
		}, callers(t), func(c *Config) {
			for i := range c.Extensions {
				if c.Extensions[i].Number == "2001" {
					c.Extensions[i].Forward.Always = "9991"
				}
			}
		})
	}
}

// Who was called by an application sends it on with its phone: the script goes on with the new party, who hears it from
// where it is; nobody is left behind.
func TestCall_CalleeTransfers(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/connected": script(`<Play>540.wav</Play>`, `<Delay>3</Delay>`, `<Play Repeat="true" Timeout="3">820.wav</Play>`)})
		bob, carol := r.phone("2001"), r.phone("2002")
		r.same("code", r.calls("2001").Code, 200)
		b := r.rung(bob)
		r.ok(b.Answer())
		b.Media.SendTone(bobTone)
		r.ok(b.Media.WaitTone(r.ctx, clipTone))
		m, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.status(m, err, 202)
		c := r.rung(carol)
		r.ok(c.Answer())
		c.Media.SendTone(carolTone)
		r.ends(b)
		r.ok(c.Media.WaitTone(r.ctx, nextTone))
		r.same("what is shown", r.shown(), "9990 2002 2001 2002 InCall")
		r.ended(c, 0)
		r.oneStream(c)
		r.told("CallFinished")
	}, callers(t))
}

// Feature codes are an IVR's own digits as long as it talks to the phone; once it has left, they are the switch's again.
func TestCall_FeatureCodes(t *testing.T) {
	for _, way := range []string{"event", "INFO"} {
		scene2(t, way, func(r *rig) {
			r.app.answers(map[string]string{
				"/ivr": script(`<UserInput Timeout="9" Digits="8" FinishKey="#"><InitialCommands><Play>540.wav</Play></InitialCommands>
					<Inputs><Input key="*032002"><Play>820.wav</Play><BlindTransfer>2001</BlindTransfer></Input></Inputs></UserInput>`),
			})
			s := &codeScene{rig: r, way: way, alice: r.phone("2000"), bob: r.phone("2001"), carol: r.phone("2002")}
			s.parted = r.partings()
			a := r.reception(s.alice)
			a.Media.SendSilence()
			r.ok(a.Media.WaitTone(r.ctx, clipTone))
			s.press(a, "*032002#")
			r.ok(a.Media.WaitTone(r.ctx, nextTone))
			b := r.rung(s.bob)
			r.received(s.carol, "INVITE 0")
			r.ok(b.Answer())
			r.tones(a, aliceTone, b, bobTone)
			s.press(a, "*03")
			s.both(a, dialTone, dialTone2)
			s.press(a, "2002#")
			c := r.rung(s.carol)
			r.ends(a)
			r.ok(c.Answer())
			r.tones(b, bobTone, c, carolTone)
			r.same("digits at bob", received(s.bob, b), "")
			r.ok(b.Hangup())
			r.ends(c)
		}, callers(t))
	}
}

// Calls at once by one application, of which each has a script and an end of its own.
func TestCall_Several(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/connected": script(`<Play>540.wav</Play>`)})
		var all []*phone.Call
		for _, n := range []string{"2001", "2002", "2003", "2004"} {
			p := r.phone(n)
			r.same("code", r.calls(n).Code, 200)
			c := r.rung(p)
			r.ok(c.Answer())
			all = append(all, c)
		}
		for _, c := range all[1:] {
			r.ok(c.Media.WaitTone(r.ctx, clipTone))
		}
		for _, c := range all {
			r.ended(c, 0)
		}
		r.oneStream(all...)
		r.soon(5*time.Second, "four ends", func() bool { return len(r.app.all("CallFinished")) == 4 })
		r.same("connected", len(r.app.all("CallConnected")), 4)
	}, callers(t))
}

// all are the notifications of a name so far.
func (a *application) all(name string) []notification {
	return slices.DeleteFunc(a.taken(), func(n notification) bool { return n.Get("NotificationName") != name })
}
