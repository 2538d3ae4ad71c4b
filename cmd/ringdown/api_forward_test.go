package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// F1, F11: the old target stops ringing and is told why, the new one rings and is told by whom, the caller keeps its
// INVITE and its CallId and is never disturbed.
func TestForwardCall_F1_F11(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.ring(alice, "2001", bob)
		before := r.only()
		r.pass(time.Second)
		r.must("ForwardCall", "CallId", before.CallID, "Destination", "2002")
		c := r.rung(carol)
		end := r.ended(b, 487)
		r.that(end.Remote, "bob ended it himself")
		cancel := requests(bob, "CANCEL")
		r.same("CANCELs", len(cancel), 1)
		r.that(strings.Contains(cancel[0].Get("Reason"), "cause=302"), "Reason of the CANCEL: %q", cancel[0].Get("Reason"))
		r.that(strings.Contains(c.Invite.Get("Diversion"), "sip:2001@example.com"), "Diversion: %q", c.Invite.Get("Diversion"))
		history := strings.Join(c.Invite.All("History-Info"), ", ")
		r.that(strings.Contains(history, "2001@example.com>;index=1") && strings.Contains(history, "2002@example.com>;index=1.1"),
			"History-Info: %q", history)
		r.that(strings.Contains(c.Invite.Get("From"), "sip:2000@"), "From of the forwarded call: %q", c.Invite.Get("From"))
		_, err := a.WaitStatus(r.ctx, 181)
		r.ok(err)
		r.pass(100 * time.Millisecond)
		r.same("responses to the caller", statuses(a), []int{180, 181, 180})
		after := r.only()
		r.same("CallId", after.CallID, before.CallID)
		r.same("list", after.Source+" "+after.Destination+" "+after.CallState, "2000 2002 Ringing")
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.same("state", r.only().CallState, "InCall")
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// After early media of the old target the caller has a stream: it hears the switch's ringing, not silence, until the
// new target answers, in one stream throughout (F1, M8).
func TestForwardCall_F1_AfterEarlyMedia(t *testing.T) {
	for _, codecs := range [][]string{{"PCMU"}, {"PCMA"}} {
		t.Run(codecs[0], func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob := r.phone("2000"), r.phone("2001")
				carol := r.phone("2002", func(c *phone.Config) { c.Codecs = codecs })
				a, err := alice.Dial(r.ctx, "2001")
				r.ok(err)
				b, err := bob.WaitCall(r.ctx)
				r.ok(err)
				r.ok(b.Progress())
				b.Media.SendTone(bobTone)
				_, err = a.WaitProgress(r.ctx)
				r.ok(err)
				r.ok(a.Media.WaitTone(r.ctx, bobTone))
				r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "2002")
				c := r.rung(carol)
				r.ringback(a)
				r.pass(time.Second)
				r.unheard(a, bobTone)
				r.ok(c.Answer())
				r.ok(a.WaitAnswer(r.ctx))
				r.tones(a, aliceTone, c, carolTone)
				r.oneStream(a, c)
				r.ok(c.Hangup())
				r.ends(a)
			})
		})
	}
}

// Early media in opus, then a target that has PCMU alone: once answered the caller is moved to PCMU and hears (T31).
func TestForwardCall_OpusEarlyMediaThenPCMU(t *testing.T) {
	scene(t, func(r *rig) {
		both := func(c *phone.Config) { c.Codecs = []string{"opus", "PCMU"} }
		alice, bob := r.phone("2000", both), r.phone("2001", both)
		carol := r.phone("2002", func(c *phone.Config) { c.Codecs = []string{"PCMU"} })
		a, err := alice.Dial(r.ctx, "2001")
		r.ok(err)
		b, err := bob.WaitCall(r.ctx)
		r.ok(err)
		r.ok(b.Progress())
		b.Media.SendTone(bobTone)
		r.ok(a.Media.WaitTone(r.ctx, bobTone))
		r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "2002")
		c := r.rung(carol)
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// A destination that cannot be rung is refused with 302, and the old target rings on (spec ozeki 8.1).
func TestForwardCall_BadDestinationRingsOn(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.ring(alice, "2001", bob)
		id := r.only().CallID
		for _, to := range []string{"2009" /* not registered */, "9999" /* unknown */, "2000" /* the caller itself: F5 */, "", "20 01", "2002;x", "2002@evil"} {
			before := r.only()
			got := r.do("ForwardCall", "CallId", id, "Destination", to)
			r.same("code for "+to, got.Code, 302)
			r.same("text", got.Message, "Missing or invalid parameter 'Destination' for command 'ForwardCall'")
			r.quiet(time.Second, alice, bob)
			after := r.only()
			r.same("list", after.CallID+after.Destination+after.CallState, before.CallID+before.Destination+before.CallState)
		}
		r.must("ForwardCall", "CallId", id, "Destination", "2001") // it rings there already
		r.quiet(time.Second, alice, bob)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, b, bobTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// A new target that is busy, or silent, ends the call for the caller with 486 or 480.
func TestForwardCall_TargetBusyOrSilent(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(r *rig, c *phone.Call)
		want int
	}{
		"busy":     {func(r *rig, c *phone.Call) { r.ok(c.Reject(486, "")) }, 486},
		"declined": {func(r *rig, c *phone.Call) { r.ok(c.Reject(603, "")) }, 603},
		"silent":   {func(r *rig, c *phone.Call) { r.ok(c.Ring()); r.pass(29 * time.Second) }, 480},
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				a, b := r.ring(alice, "2001", bob)
				r.pass(20 * time.Second)
				r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "2002")
				c, err := carol.WaitCall(r.ctx)
				r.ok(err)
				row.do(r, c)
				r.ended(a, row.want)
				r.ends(b)
				r.same("calls", len(r.list()), 0)
			})
		})
	}
}

// Forwarded on and on: back to the first target too, until calls.hops ends it with 302 while the last target rings (T14).
func TestForwardCall_AgainUntilHops(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, now := r.ring(alice, "2001", bob)
		id := r.only().CallID
		next := map[*phone.Phone]*phone.Phone{bob: carol, carol: bob}
		at, number := bob, map[*phone.Phone]string{bob: "2001", carol: "2002"}
		for hop := 1; hop <= 3; hop++ {
			at = next[at]
			r.must("ForwardCall", "CallId", id, "Destination", number[at])
			old := now
			now = r.rung(at)
			r.ended(old, 487)
			r.same("Diversions", len(now.Invite.All("Diversion")), hop)
		}
		r.code(302, "ForwardCall", "CallId", id, "Destination", number[next[at]])
		r.ok(now.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, now, carolTone)
		r.ok(a.Hangup())
		r.ends(now)
	}, func(c *Config) { c.Calls.Hops = 3 })
}

// F2: the old target answers while the CANCEL is on its way to it. It is acknowledged and hung up, the new one rings on.
func TestForwardCall_F2_AnswerCrossesCancel(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.ring(alice, "2001", bob)
		r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "2002")
		r.ok(b.Answer()) // the CANCEL takes 5 ms to bob
		c := r.rung(carol)
		r.ended(b, 0)
		r.same("ACKs at bob", bob.Received("ACK", 0), 1)
		r.same("BYEs at bob", bob.Received("BYE", 0), 1)
		r.that(!a.Active(), "the caller was answered by the old target")
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// F2, A6: an answer that is a moment earlier wins; the command finds the call answered.
func TestForwardCall_F2_AnswerFirst(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.ring(alice, "2001", bob)
		id := r.only().CallID
		r.ok(b.Answer())
		r.pass(6 * time.Millisecond) // it is at the switch, the caller does not know yet
		r.that(!a.Active(), "the caller knows already")
		r.code(303, "ForwardCall", "CallId", id, "Destination", "2002")
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, b, bobTone)
		r.same("INVITEs at carol", carol.Received("INVITE", 0), 0)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// F3: the caller gives up around the forward, at every millisecond of it: nobody rings on, the caller gets 487.
func TestForwardCall_F3_CallerGivesUp(t *testing.T) {
	for wait := time.Duration(0); wait <= 24*time.Millisecond; wait += 3 * time.Millisecond {
		t.Run(wait.String(), func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				a, b := r.ring(alice, "2001", bob)
				id := r.only().CallID
				r.ok(a.Cancel())
				r.pass(wait % (8 * time.Millisecond))
				got := r.do("ForwardCall", "CallId", id, "Destination", "2002")
				r.that(got.Code == 200 || got.Code == 601, "code %d", got.Code)
				r.ended(a, 487)
				r.ended(b, 487)
				r.pass(time.Second)
				if carol.Received("INVITE", 0) > 0 { // else the CANCEL was there before the new target was located
					r.that(got.Code == 200, "carol was called by a refused forward")
					r.ended(r.rung(carol), 487) // S2: its CANCEL waits until it says something
				}
				r.same("calls", len(r.list()), 0)
			})
		})
	}
}

// F3 the other way round: the forward is under way, then the caller gives up.
func TestForwardCall_F3_GivesUpAfterwards(t *testing.T) {
	for _, wait := range []time.Duration{0, 4 * time.Millisecond, 6 * time.Millisecond, 12 * time.Millisecond, 50 * time.Millisecond} {
		t.Run(wait.String(), func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				a, b := r.ring(alice, "2001", bob)
				r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "2002")
				r.pass(wait)
				r.ok(a.Cancel())
				c := r.rung(carol)
				r.ended(a, 487)
				r.ended(b, 487)
				r.ended(c, 487)
			})
		})
	}
}

// Two clients forward at once: both are answered, the call ends at one target (A3, A6).
func TestForwardCall_A3_TwoClients(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		dave := r.phone("2003")
		a, b := r.ring(alice, "2001", bob)
		id := r.only().CallID
		codes := make(chan int, 2)
		for _, to := range []string{"2002", "2003"} {
			go func() { codes <- r.do("ForwardCall", "CallId", id, "Destination", to).Code }()
		}
		first, second := <-codes, <-codes
		r.that(first == 200 || second == 200, "codes %d %d", first, second)
		r.ended(b, 487)
		r.pass(time.Second)
		last := r.only()
		r.same("CallId", last.CallID, id)
		var c *phone.Call
		var err error
		if last.Destination == "2002" {
			c, err = carol.WaitCall(r.ctx)
		} else {
			c, err = dave.WaitCall(r.ctx)
		}
		r.ok(err)
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.ok(a.Hangup())
		r.ends(c)
	})
}
