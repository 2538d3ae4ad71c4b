package main

import (
	"fmt"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// F9: numbers that lead to each other's phones, and numbers of many phones: at most ten ring at once, whoever names them.
func TestRedirect_F9_Explosion(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		var rung []*phone.Phone
		for _, n := range []string{"2002", "2003", "2004"} {
			for i := range 6 {
				rung = append(rung, r.phone(n, func(c *phone.Config) { c.Local = fmt.Sprintf("198.51.100.%s%d:0", n[3:], i) }))
			}
		}
		a := r.dial(alice, "2001")
		r.ok(r.rings(bob).Reject(302, "Moved Temporarily", phone.WithContact("<sip:2002@example.com>, <sip:2003@example.com>, <sip:2004@example.com>")))
		r.pass(time.Second)
		var calls []*phone.Call
		for _, p := range rung {
			n := p.Received("INVITE", 0)
			r.that(n <= 1, "%d INVITEs at one phone", n)
			if n == 1 {
				calls = append(calls, r.rung(p))
			}
		}
		r.same("phones that ring", len(calls), 10)
		r.ok(calls[7].Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, calls[7], carolTone)
		for i, c := range calls {
			if i != 7 {
				r.ended(c, 487)
			}
		}
		r.ok(a.Hangup())
		r.ends(calls[7])
	})
	// Four that send everything to all others, by 302: nobody is tried twice, and the caller hears of it soon.
	scene2(t, "mutual", func(r *rig) {
		alice := r.phone("2000")
		everywhere := phone.WithContact("<sip:2001@example.com>, <sip:2002@example.com>, <sip:2003@example.com>, <sip:2004@example.com>")
		var all []*phone.Phone
		for _, n := range []string{"2001", "2002", "2003", "2004"} {
			all = append(all, r.phone(n, func(c *phone.Config) {
				c.OnInvite = func(c *phone.Call) { _ = c.Reject(302, "Moved Temporarily", everywhere) }
			}))
		}
		began := time.Now()
		a := r.dial(alice, "2001")
		end, err := a.WaitEnd(r.ctx)
		r.ok(err)
		r.that(end.Status == 480 || end.Status == 482 || end.Status == 440, "ended with %d", end.Status)
		r.that(time.Since(began) < 5*time.Second, "the caller heard of it after %v", time.Since(began))
		for _, p := range all {
			r.that(p.Received("INVITE", 0) <= 1, "%d INVITEs at %s", p.Received("INVITE", 0), p.URI())
		}
	})
}

// F10: a phone that registers while its number rings is not rung in this round; in the next one it is.
func TestCall_F10_LateContact(t *testing.T) {
	scene(t, func(r *rig) {
		alice, carol := r.phone("2000"), r.phone("2002")
		a, c := r.ring(alice, "2002", carol)
		late := r.phone("2002")
		r.quiet(5*time.Second, late)
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.received(late, "INVITE 0")
		r.ok(a.Hangup())
		r.ends(c)
		a, c = r.ring(alice, "2002", carol)
		again := r.rung(late)
		r.ok(again.Answer())
		r.ended(c, 487)
		r.ok(a.WaitAnswer(r.ctx))
		r.ok(a.Hangup())
		r.ends(again)
	})
	// The same while it rings for a transfer.
	scene2(t, "transfer", func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.status(m, err, 202)
		c := r.rung(carol)
		late := r.phone("2002")
		r.quiet(3*time.Second, late)
		r.ok(c.Answer())
		r.tones(a, aliceTone, c, carolTone)
		r.received(late, "INVITE 0")
		r.ok(c.Hangup())
		r.ends(a, b)
	})
}

// F13: one phone of a number declines: the other phones of the user stop to ring, for it was the user who declined. Of
// the numbers that a 302 names, each is a user of its own: the others ring on.
func TestRedirect_F13_Decline(t *testing.T) {
	scene(t, func(r *rig) {
		alice, carol, carol2 := r.phone("2000"), r.phone("2002"), r.phone("2002")
		a, c := r.ring(alice, "2002", carol)
		c2 := r.rung(carol2)
		r.ok(c.Reject(603, "Decline"))
		r.ended(c2, 487)
		r.refused(a, 603)
	})
	scene2(t, "of several numbers", func(r *rig) {
		alice, bob, carol := r.three()
		carol2, dave := r.phone("2002"), r.phone("2003")
		a := r.dial(alice, "2001")
		r.ok(r.rings(bob).Reject(302, "Moved Temporarily", phone.WithContact("<sip:2002@example.com>, <sip:2003@example.com>")))
		c, c2, d := r.rung(carol), r.rung(carol2), r.rung(dave)
		r.ok(c.Reject(603, "Decline"))
		r.ended(c2, 487)
		r.pass(2 * time.Second)
		r.received(dave, "CANCEL 0")
		r.ok(d.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, d, carolTone)
		r.ok(d.Hangup())
		r.ends(a)
	})
	scene2(t, "target of a transfer", func(r *rig) {
		alice, bob, carol := r.three()
		carol2 := r.phone("2002")
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.status(m, err, 202)
		c, c2 := r.rung(carol), r.rung(carol2)
		r.ok(c2.Reject(603, "Decline"))
		r.ended(c, 487)
		_, err = b.WaitReported(r.ctx)
		r.ok(err)
		r.same("last NOTIFY", sipfrags(bob)[len(sipfrags(bob))-1], "603 Decline terminated")
		r.pass(300 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// F4: the numbers of a 302 that nobody answers at are tried one after the other, all within the time
// that one of them may ring.
func TestRedirect_F4_Bounded(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		dave, erin := r.phone("2003"), r.phone("2004")
		began := time.Now()
		a := r.dial(alice, "2001")
		r.ok(r.rings(bob).Reject(302, "Moved Temporarily", phone.WithContact(
			"<sip:2002@example.com>;q=0.9, <sip:2003@example.com>;q=0.5, <sip:2004@example.com>;q=0.1")))
		for _, p := range []*phone.Phone{carol, dave, erin} {
			c, err := p.WaitCall(r.ctx)
			if err != nil {
				break
			}
			r.ok(c.Ring())
			r.ended(c, 487)
		}
		end, err := a.WaitEnd(r.ctx)
		r.ok(err)
		r.that(end.Status == 480 || end.Status == 408, "ended with %d", end.Status)
		r.that(time.Since(began) < r.cfg.RingTimeout+time.Second, "rang for %v", time.Since(began))
	})
}
