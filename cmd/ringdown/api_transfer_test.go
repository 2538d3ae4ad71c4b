package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// transfers is a call between alice and bob that is being transferred to carol by one side; the other one stays.
type transfers struct {
	*rig
	alice, bob, carol     *phone.Phone
	leaves, stays, target *phone.Call
	id                    string
	leaverTone, stayTone  int
}

// sides runs a test with either party as the transferor. carol's phone has been called, nothing more.
func sides(t *testing.T, play func(x *transfers)) {
	t.Helper()
	t.Parallel()
	for _, side := range []string{"caller", "callee"} {
		t.Run(side, func(t *testing.T) {
			scene(t, func(r *rig) {
				x := &transfers{rig: r}
				x.alice, x.bob, x.carol = r.three()
				a, b := r.talk(x.alice, "2001", x.bob)
				x.id = r.only().CallID
				x.leaves, x.stays, x.leaverTone, x.stayTone = a, b, aliceTone, bobTone
				if side == "callee" {
					x.leaves, x.stays, x.leaverTone, x.stayTone = b, a, bobTone, aliceTone
				}
				r.must("BlindTransfer", "CallId", x.id, "TransferorParty", side, "Target", "2002")
				var err error
				x.target, err = x.carol.WaitCall(r.ctx)
				r.ok(err)
				play(x)
			})
		})
	}
}

// restored fails unless the old pair talks again as if nothing had been (I9).
func (x *transfers) restored() {
	x.Helper()
	x.pass(300 * time.Millisecond)
	x.hear(x.leaves, x.stayTone, x.stays, x.leaverTone)
	call := x.only()
	x.same("list", call.CallID+" "+call.Source+" "+call.Destination+" "+call.CallState, x.id+" 2000 2001 InCall")
	x.oneStream(x.leaves, x.stays)
	x.ok(x.stays.Hangup())
	x.ends(x.leaves)
}

// The target answers: it talks to the party that stays, the transferor is released only then, and the list shows the
// new pair under the same CallId (spec ozeki 8.7). The transferor's INVITE shows the one that stays (T30).
func TestBlindTransfer_Answered(t *testing.T) {
	sides(t, func(x *transfers) {
		x.ok(x.target.Ring())
		x.ringback(x.stays)
		x.pass(time.Second)
		x.that(x.leaves.Active(), "the transferor was released before the answer")
		x.unheard(x.stays, x.leaverTone)
		stayNumber := map[bool]string{true: "2000", false: "2001"}[x.stayTone == aliceTone]
		x.that(strings.Contains(x.target.Invite.Get("From"), "sip:"+stayNumber+"@"), "From at the target: %q", x.target.Invite.Get("From"))
		x.same("Diversion", x.target.Invite.Get("Diversion"), "")
		x.ok(x.target.Answer())
		x.tones(x.stays, x.stayTone, x.target, carolTone)
		x.ended(x.leaves, 0)
		call := x.only()
		x.same("list", call.CallID+" "+call.Source+" "+call.Destination+" "+call.CallState, x.id+" "+stayNumber+" 2002 InCall")
		x.oneStream(x.stays, x.target)
		x.must("SendDTMF", "CallId", x.id, "Party", "callee", "Keys", "42")
		x.ok(x.target.Media.WaitDigits(x.ctx, "42"))
		x.ok(x.target.Hangup())
		x.ends(x.stays)
	})
}

// A transferred call is transferred again, by the one who was the target.
func TestBlindTransfer_Again(t *testing.T) {
	sides(t, func(x *transfers) {
		x.ok(x.target.Answer())
		x.tones(x.stays, x.stayTone, x.target, carolTone)
		x.ended(x.leaves, 0)
		back := map[bool]*phone.Phone{true: x.bob, false: x.alice}[x.stayTone == aliceTone]
		number := map[bool]string{true: "2001", false: "2000"}[x.stayTone == aliceTone]
		x.must("BlindTransfer", "CallId", x.id, "TransferorParty", "callee", "Target", number)
		again := x.rung(back)
		x.ringback(x.stays)
		x.ok(again.Answer())
		x.tones(x.stays, x.stayTone, again, x.leaverTone)
		x.ended(x.target, 0)
		x.oneStream(x.stays, again)
		x.ok(x.stays.Hangup())
		x.ends(again)
	})
}

// The target is busy, declines, does not answer or cannot talk: the old pair talks again (I9).
func TestBlindTransfer_TargetFails(t *testing.T) {
	for name, fail := range map[string]func(x *transfers){
		"busy":                 func(x *transfers) { x.ok(x.target.Reject(486, "")) },
		"declined":             func(x *transfers) { x.ok(x.target.Ring()); x.pass(time.Second); x.ok(x.target.Reject(603, "")) },
		"silent":               func(x *transfers) { x.ok(x.target.Ring()); x.ended(x.target, 487) },
		"dead":                 func(x *transfers) { x.carol.Close() },
		"no codec":             func(x *transfers) { x.ok(x.target.Reject(488, "")) },
		"no answer in its 200": func(x *transfers) { x.ok(x.target.Answer(phone.WithoutSDP())); x.ends(x.target) },
	} {
		t.Run(name, func(t *testing.T) {
			sides(t, func(x *transfers) {
				start := time.Now()
				fail(x)
				if name == "silent" {
					x.that(time.Since(start).Round(time.Second) == 15*time.Second, "given up after %v", time.Since(start))
				}
				if name == "dead" {
					x.pass(16 * time.Second)
				}
				x.restored()
			})
		})
	}
}

// Each party hangs up at each moment of a transfer: while the target is called, while it rings, in the moment of its
// answer, and right after. Nobody rings on, nobody stays alone, and the switch keeps nothing.
func TestBlindTransfer_HangUpAtEachMoment(t *testing.T) {
	for _, moment := range []string{"called", "ringing", "answering", "answered", "talking"} {
		for _, who := range []string{"transferor", "transferee", "target", "API"} {
			t.Run(moment+"/"+who, func(t *testing.T) { sides(t, func(x *transfers) { x.hangUpAt(moment, who) }) })
		}
	}
}

func (x *transfers) hangUpAt(moment, who string) {
	x.Helper()
	switch moment {
	case "ringing":
		x.ok(x.target.Ring())
		x.pass(100 * time.Millisecond)
	case "answering": // both at once
		x.ok(x.target.Answer())
	case "answered": // the answer is at the switch, its ACK is not at the target
		x.ok(x.target.Answer())
		x.pass(7 * time.Millisecond)
	case "talking":
		x.ok(x.target.Answer())
		x.tones(x.stays, x.stayTone, x.target, carolTone)
		x.ended(x.leaves, 0)
	}
	answered := moment != "called" && moment != "ringing"
	switch who {
	case "transferor":
		_ = x.leaves.Hangup() // it may be released already
		if moment == "called" || moment == "ringing" {
			x.ok(x.target.Answer()) // T3: the transfer goes on
		}
		x.tones(x.stays, x.stayTone, x.target, carolTone)
		x.oneStream(x.stays, x.target)
		x.ok(x.stays.Hangup())
	case "transferee":
		x.ok(x.stays.Hangup())
		if moment == "called" {
			_ = x.target.Ring() // S2
		}
	case "target":
		x.ok(x.target.Hangup())
		if !answered {
			x.restored()
			return
		}
	case "API":
		x.must("Hangup", "CallId", x.id)
		if moment == "called" {
			_ = x.target.Ring()
		}
	}
	x.pass(2 * time.Second)
	if who == "target" && moment == "answering" && len(x.list()) == 1 { // it never became part of the call
		x.restored()
		return
	}
	x.ends(x.leaves, x.stays, x.target)
	x.same("calls", len(x.list()), 0)
}

// A transfer out of a hold: the party that stays is taken off it and hears ringing, then the target.
func TestBlindTransfer_FromHold(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		r.must("Hold", "CallId", id)
		r.pass(300 * time.Millisecond)
		r.must("BlindTransfer", "CallId", id, "TransferorParty", "callee", "Target", "2002")
		c := r.rung(carol)
		r.ringback(a)
		r.ok(c.Answer())
		r.tones(a, aliceTone, c, carolTone)
		r.same("state", r.only().CallState, "InCall")
		r.same("seen by alice", shownHold(alice), "sendrecv")
		r.ended(b, 0)
		r.oneStream(a, c)
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// Out of a hold to a target that is busy: the hold of the one who leaves stands, and Unhold brings both back (I9).
func TestBlindTransfer_FromHoldFails(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		r.must("Hold", "CallId", id)
		r.pass(300 * time.Millisecond)
		r.must("BlindTransfer", "CallId", id, "TransferorParty", "callee", "Target", "2002")
		c := r.rung(carol)
		r.ok(c.Reject(486, ""))
		r.pass(300 * time.Millisecond)
		if r.only().CallState == "Hold" {
			r.apart(a, b)
			r.must("Unhold", "CallId", id)
			r.pass(300 * time.Millisecond)
		}
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}
