package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// pickupGroup puts extensions into one.
func pickupGroup(numbers ...string) func(*Config) {
	return func(c *Config) {
		for i := range c.Extensions {
			for _, n := range numbers {
				if c.Extensions[i].Number == n {
					c.Extensions[i].Pickup = "sales"
				}
			}
		}
	}
}

// takes sends an INVITE that wants the place of a call.
func (r *rig) takes(p *phone.Phone, replaces string, opts ...phone.Option) *phone.Call {
	r.Helper()
	return r.dial(p, "2999", append(opts, phone.WithHeader("Replaces", replaces), phone.WithHeader("Require", "replaces"))...)
}

// P6, F14: carol's phone rings; dave, of her group, picks the call up. Her phone stops to ring, and is told why.
func TestPickup_P6(t *testing.T) {
	scene(t, func(r *rig) {
		alice, carol, dave := r.phone("2000"), r.phone("2002"), r.phone("2003")
		a, c := r.ring(alice, "2002", carol)
		d := r.takes(dave, c.Replaces()+";early-only")
		r.ok(d.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, d, bobTone)
		end := r.ended(c, 487)
		r.that(strings.Contains(end.Reason, "cause=200"), "carol is told %q", end.Reason)
		r.same("answers to alice", statuses(a), []int{180, 200})
		r.oneStream(a, d)
		r.ok(d.Hangup())
		r.ends(a)
	}, pickupGroup("2002", "2003"))
}

// P6, P12: who is not of the group may not, nor may a stranger; the phone rings on, and is answered.
func TestPickup_P12(t *testing.T) {
	scene(t, func(r *rig) {
		alice, carol, dave := r.phone("2000"), r.phone("2002"), r.phone("2003")
		a, c := r.ring(alice, "2002", carol)
		r.refused(r.takes(dave, c.Replaces()), 403)
		r.refused(r.takes(dave, c.Replaces(), phone.WithoutAuth()), 401)
		r.refused(r.takes(dave, a.Replaces()), 481) // of a call to us there is nobody yet to talk to
		r.refused(r.takes(dave, "x;to-tag=a;from-tag=b"), 481)
		r.same("CANCELs", carol.Received("CANCEL", 0), 0)
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.refused(r.takes(dave, c.Replaces()), 403) // an answered call is taken by its own user alone
		r.hear(a, carolTone, c, aliceTone)
		r.ok(a.Hangup())
		r.ends(c)
		r.refused(r.takes(dave, c.Replaces()), 603) // P4
	}, pickupGroup("2002", "2004"))
}

// F14: the pick-up meets the answer: one of the two talks to the caller, the other is told that it was too late.
func TestPickup_F14(t *testing.T) {
	for ms := range 24 {
		scene2(t, fmt.Sprint(ms), func(r *rig) {
			alice, carol, dave := r.phone("2000"), r.phone("2002"), r.phone("2003", func(c *phone.Config) { c.ReuseNonce = true })
			a, c := r.ring(alice, "2002", carol)
			go func() {
				r.pass(time.Duration(ms) * time.Millisecond)
				_ = c.Answer()
			}()
			r.pass(8 * time.Millisecond)
			d := r.takes(dave, c.Replaces()+";early-only")
			r.ok(a.WaitAnswer(r.ctx))
			r.soon(5*time.Second, "one winner", func() bool { return c.Active() != d.Active() })
			r.pass(time.Second)
			talks := c
			if d.Active() {
				talks = d
			}
			r.that(c.Active() != d.Active(), "both talk, or none")
			r.tones(a, aliceTone, talks, bobTone)
			r.ok(a.Hangup())
			r.ends(c, d)
		}, pickupGroup("2002", "2003"))
	}
}

// RFC 3891 §1: a user goes on with a call at another phone of its own; the other party notices nothing, and the call
// stays what it was.
func TestTakeOver(t *testing.T) {
	for _, side := range []string{"caller", "callee"} {
		scene2(t, side, func(r *rig) {
			alice, bob := r.phone("2000"), r.phone("2001")
			a, b := r.connect(alice, "2001", bob)
			r.tones(a, aliceTone, b, bobTone)
			id := r.only().CallID
			gone, stays, number := a, b, "2000"
			if side == "callee" {
				gone, stays, number = b, a, "2001"
			}
			r.refused(r.takes(r.unregistered("2002"), gone.Replaces()), 403)
			r.refused(r.takes(r.unregistered(number), gone.Replaces()+";early-only"), 486) // P5
			d := r.takes(r.unregistered(number), gone.Replaces())
			r.ok(d.WaitAnswer(r.ctx))
			r.ended(gone, 0)
			r.tones(stays, bobTone, d, carolTone)
			r.same("call", r.only().CallID, id)
			r.oneStream(d)
			r.ok(d.Hangup())
			r.ends(stays)
		})
	}
}

// T30: after an attended transfer the phones of those who want it show their new partner; the others get no UPDATE.
func TestAttendedRefer_T30_ConnectedLine(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		x.refer(x.first, x.second)
		x.tones(x.a, aliceTone, x.c, carolTone)
		r.pass(5 * time.Second)
		r.same("alice is shown", x.a.Shows().Number, "2002")
		r.same("UPDATEs at alice", x.alice.Received("UPDATE", 0), 1)
		r.same("UPDATEs at carol", x.carol.Received("UPDATE", 0), 0)
		m := requests(x.alice, "UPDATE")[0]
		r.that(strings.HasSuffix(m.Get("P-Asserted-Identity"), "<sip:2002@example.com>") && len(m.Body) == 0, "%s", m)
		x.joined()
	}, func(c *Config) {
		for i := range c.Extensions {
			c.Extensions[i].ConnectedLine = c.Extensions[i].Number == "2000"
		}
	})
}
