package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// recalls is a transfer whose transferor, bob, has left at once, and whose target is busy; alice is the one that waits.
func recalls(t *testing.T, play func(r *rig, a *phone.Call, alice, bob *phone.Phone, failed time.Time), change ...func(*Config)) {
	t.Helper()
	change = append(change, func(c *Config) { c.Calls.Silence = 0 })
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		_, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.ok(err)
		r.ok(b.Hangup())
		c := r.rung(carol)
		r.ringback(a)
		r.ok(c.Reject(486, ""))
		play(r, a, alice, bob, time.Now())
	}, change...)
}

// T7: the transferor has gone and the target is busy: after the pause the transferor is called back, shown the
// transferee; the transferee hears ringing meanwhile; answered, both talk.
func TestRecall_T7_Answered(t *testing.T) {
	recalls(t, func(r *rig, a *phone.Call, _, bob *phone.Phone, failed time.Time) {
		r.pass(6 * time.Second)
		r.ok(a.Media.WaitTone(r.ctx, ringTone)) // 2 s of 6 are tone
		back := r.rung(bob)
		after := time.Since(failed)
		r.that(after >= 10*time.Second && after < 10*time.Second+100*time.Millisecond, "called back after %v", after)
		r.same("From", phone.URIOf(back.Invite.Get("From")), "sip:2000@example.com")
		r.ok(back.Answer())
		r.tones(a, aliceTone, back, bobTone)
		r.same("list", r.only().Source+" "+r.only().Destination+" "+r.only().CallState, "2000 2001 InCall")
		r.oneStream(a, back)
		r.ok(back.Hangup())
		r.ends(a)
	})
}

// T7: the transferor does not answer: it is called back as often as configured, then the transferee is released.
func TestRecall_T7_Retries(t *testing.T) {
	recalls(t, func(r *rig, a *phone.Call, _, bob *phone.Phone, failed time.Time) {
		for try := 1; try <= 2; try++ {
			back := r.rung(bob)
			after := time.Since(failed).Round(time.Second)
			r.same("called back after", after, time.Duration(try)*7*time.Second-4*time.Second)
			r.ended(back, 487)
		}
		r.ended(a, 0)
		r.same("given up after", time.Since(failed).Round(time.Second), 14*time.Second)
		r.pass(20 * time.Second)
		r.same("INVITEs at the transferor", bob.Received("INVITE", 0), 3)
	}, func(c *Config) {
		c.Transfer.Delay, c.Transfer.NoAnswer, c.Transfer.Retries = 3*time.Second, 4*time.Second, 2
	})
}

// T7 with on_fail release: the transferee is released at once.
func TestRecall_T7_Release(t *testing.T) {
	recalls(t, func(r *rig, a *phone.Call, _, bob *phone.Phone, failed time.Time) {
		r.ended(a, 0)
		r.that(time.Since(failed) < time.Second, "released after %v", time.Since(failed))
		r.pass(15 * time.Second)
		r.same("INVITEs at the transferor", bob.Received("INVITE", 0), 1)
	}, func(c *Config) { c.Transfer.OnFail = "release" })
}

// T7: the transferee gives up, in the pause or while the transferor is called back.
func TestRecall_T7_TransfereeGivesUp(t *testing.T) {
	t.Run("in the pause", func(t *testing.T) {
		recalls(t, func(r *rig, a *phone.Call, _, bob *phone.Phone, _ time.Time) {
			r.pass(3 * time.Second)
			r.ok(a.Hangup())
			r.pass(15 * time.Second)
			r.same("calls", len(r.list()), 0)
			r.same("INVITEs at the transferor", bob.Received("INVITE", 0), 1)
		})
	})
	t.Run("while it rings", func(t *testing.T) {
		recalls(t, func(r *rig, a *phone.Call, _, bob *phone.Phone, _ time.Time) {
			back := r.rung(bob)
			r.pass(time.Second)
			r.ok(a.Hangup())
			r.ended(back, 487)
		})
	})
	t.Run("by the API", func(t *testing.T) {
		recalls(t, func(r *rig, a *phone.Call, _, bob *phone.Phone, _ time.Time) {
			back := r.rung(bob)
			id := r.only().CallID
			r.code(303, "Hold", "CallId", id)
			r.must("Hangup", "CallId", id)
			r.ended(back, 487)
			r.ends(a)
		})
	})
}
