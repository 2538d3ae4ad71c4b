package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// F6: a phone, or a forwarding setting, sends its caller to an outside number: what counts is whether its own user may
// call there, never whether the caller may. 2000 may, 2001 may not.
func TestForwarding_F6_Outside(t *testing.T) {
	for _, way := range []string{"302", "always", "busy", "no answer"} {
		for _, allowed := range []bool{true, false} {
			caller, sender := "2001", "2000"
			if !allowed {
				caller, sender = sender, caller
			}
			setting := map[string]Forward{"always": {Always: "0044123"}, "busy": {Busy: "0044123"}, "no answer": {NoAnswer: "0044123"}}[way]
			scene2(t, fmt.Sprint(way, allowed), func(r *rig) {
				gw, from, to := r.gateway(providerAt, nil), r.phone(caller), r.phone(sender)
				a := r.dial(from, sender)
				switch way {
				case "302":
					r.ok(r.rings(to).Reject(302, "Moved Temporarily", phone.WithContact("<sip:0044123@example.com>")))
				case "busy":
					r.ok(r.rings(to).Reject(486, "Busy Here"))
				case "no answer":
					r.rings(to)
				}
				if !allowed {
					end, err := a.WaitEnd(r.ctx)
					r.ok(err)
					r.that(slices.Contains([]int{403, 480, 486}, end.Status), "ended with %d", end.Status)
					r.received(gw, "INVITE 0")
					return
				}
				c := r.rung(gw)
				r.diverted(c, caller, sender+" "+map[string]string{"302": "deflection", "always": "unconditional", "busy": "user-busy", "no answer": "no-answer"}[way])
				r.ok(c.Answer())
				r.ok(a.WaitAnswer(r.ctx))
				r.tones(a, aliceTone, c, carolTone)
				r.oneStream(a, c)
				r.ok(c.Hangup())
				r.ends(a)
			}, outsideLines, sends(map[string]Forward{sender: setting}))
		}
	}
}

// F6, T34: the target of a transfer sends the call to an outside number: by its own right.
func TestRefer_F6_T34_TargetSendsOutside(t *testing.T) {
	for number, allowed := range map[string]bool{"2002": true, "2001": false} {
		scene2(t, number, func(r *rig) {
			gw, alice, bob := r.gateway(providerAt, nil), r.phone("2000"), r.phone("2003")
			target := r.phone(number)
			a, b := r.talk(alice, "2003", bob)
			m, err := b.Refer(r.ctx, "sip:"+number+"@example.com")
			r.status(m, err, 202)
			r.ok(r.rings(target).Reject(302, "Moved Temporarily", phone.WithContact("<sip:0044123@example.com>")))
			if !allowed {
				r.soon(5*time.Second, "the last report", func() bool { return strings.HasSuffix(strings.Join(sipfrags(bob), ","), "terminated") })
				r.pass(300 * time.Millisecond)
				r.hear(a, bobTone, b, aliceTone)
				r.received(gw, "INVITE 0")
			} else {
				c := r.rung(gw)
				r.ok(c.Answer())
				r.tones(a, aliceTone, c, carolTone)
			}
			r.ok(a.Hangup())
			r.ends(b)
		}, outsideLines)
	}
}

// T17, F6: REFER to an outside number: by the right of who refers, whichever side called. An outside party may not.
func TestRefer_T17_F6_Outside(t *testing.T) {
	for number, allowed := range map[string]bool{"2000": true, "2001": false} {
		scene2(t, number, func(r *rig) {
			gw, alice, by := r.gateway(providerAt, nil), r.phone("2003"), r.phone(number)
			a, b := r.talk(alice, number, by)
			m, err := b.Refer(r.ctx, "sip:0044123@example.com")
			r.status(m, err, 202)
			if !allowed {
				r.soon(5*time.Second, "the reports", func() bool { return len(sipfrags(by)) == 2 })
				r.same("NOTIFYs", sipfrags(by), []string{"100 Trying active", "403 Forbidden terminated"})
				r.hear(a, bobTone, b, aliceTone)
				r.received(gw, "INVITE 0")
				r.ok(a.Hangup())
				r.ends(b)
				return
			}
			c := r.rung(gw)
			r.that(strings.Contains(c.Invite.Get("From"), "sip:2003@"), "From: %q", c.Invite.Get("From"))
			r.ringback(a)
			r.ok(c.Answer())
			r.tones(a, aliceTone, c, carolTone)
			r.ends(b)
			r.ok(c.Hangup())
			r.ends(a)
		}, outsideLines)
	}
	scene2(t, "by an outside party", func(r *rig) {
		gw, spare, alice := r.gateway(providerAt, nil), r.gateway(spareAt, nil), r.phone("2000")
		a, b := r.connect(gw, "sip:5503301@192.0.2.1", alice)
		r.tones(a, aliceTone, b, bobTone)
		m, err := a.Refer(r.ctx, "sip:9441234@example.com")
		r.ok(err)
		if m.Status == 202 {
			r.soon(5*time.Second, "the reports", func() bool { return len(sipfrags(gw)) == 2 })
			r.same("NOTIFYs", sipfrags(gw), []string{"100 Trying active", "403 Forbidden terminated"})
		} else {
			r.same("answer", m.Status, 403)
		}
		r.received(spare, "INVITE 0")
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	}, outsideLines)
}

// P2, P3: the Replaces of a REFER names a dialog of another host. When the number leads to an outside line, it goes there
// with it, and what becomes of it is reported; an extension's number leads nowhere else, so that nothing matches.
func TestAttendedRefer_P2_P3_OtherHost(t *testing.T) {
	const replaces = "far@203.0.113.5;to-tag=a;from-tag=b"
	for name, status := range map[string]int{"answered": 0, "refused": 481} {
		scene2(t, name, func(r *rig) {
			gw, bob, alice := r.gateway(providerAt, nil), r.phone("2000"), r.phone("2001")
			a, b := r.talk(alice, "2000", bob)
			m, err := b.Refer(r.ctx, "<sip:0044123@203.0.113.5?Replaces="+phone.Escape(replaces)+">")
			r.status(m, err, 202)
			c := r.rings(gw)
			r.same("Replaces", c.Invite.Get("Replaces"), replaces)
			r.that(strings.Contains(c.Invite.Get("Referred-By"), "2000@"), "Referred-By: %q", c.Invite.Get("Referred-By"))
			if status != 0 {
				r.ok(c.Reject(status, ""))
				r.soon(5*time.Second, "the last report", func() bool { return strings.HasSuffix(strings.Join(sipfrags(bob), ","), "terminated") })
				r.that(strings.Contains(strings.Join(sipfrags(bob), ","), "481 "), "NOTIFYs: %q", sipfrags(bob))
				r.pass(300 * time.Millisecond)
				r.hear(a, bobTone, b, aliceTone)
				r.ok(a.Hangup())
				r.ends(b)
				return
			}
			r.ok(c.Answer())
			r.tones(a, aliceTone, c, carolTone)
			r.ends(b)
			r.that(strings.HasSuffix(strings.Join(sipfrags(bob), ","), "200 OK terminated"), "NOTIFYs: %q", sipfrags(bob))
			r.ok(c.Hangup())
			r.ends(a)
		}, outsideLines)
	}
	scene2(t, "an extension", func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Refer(r.ctx, "<sip:2002@203.0.113.5?Replaces="+phone.Escape(replaces)+">")
		r.status(m, err, 202)
		r.soon(5*time.Second, "the reports", func() bool { return len(sipfrags(bob)) == 2 })
		r.same("NOTIFYs", sipfrags(bob), []string{"100 Trying active", "481 Call/Transaction Does Not Exist terminated"})
		r.received(carol, "INVITE 0")
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	}, outsideLines)
}

// P2, T17: who may not call outside sends no INVITE with Replaces there either.
func TestAttendedRefer_P2_T17_Barred(t *testing.T) {
	scene(t, func(r *rig) {
		gw, bob, alice := r.gateway(providerAt, nil), r.phone("2001"), r.phone("2000")
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Refer(r.ctx, "<sip:0044123@203.0.113.5?Replaces="+phone.Escape("far@203.0.113.5;to-tag=a;from-tag=b")+">")
		r.status(m, err, 202)
		r.soon(5*time.Second, "the reports", func() bool { return len(sipfrags(bob)) == 2 })
		r.that(!strings.HasPrefix(sipfrags(bob)[1], "200"), "NOTIFYs: %q", sipfrags(bob))
		r.received(gw, "INVITE 0")
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	}, outsideLines)
}

// P1: both parties of the transferor's calls are outside: they are joined, through us, by nobody's right but the
// transferor's, who has spoken to both. The trunks are asked nothing.
func TestAttendedRefer_P1_OutsideParties(t *testing.T) {
	for _, ringing := range []bool{false, true} {
		scene2(t, fmt.Sprint(ringing), func(r *rig) {
			gw, spare, alice := r.gateway(providerAt, nil), r.gateway(spareAt, nil), r.phone("2000")
			a, first := r.connect(gw, "sip:5503301@192.0.2.1", alice)
			r.tones(a, aliceTone, first, bobTone)
			second, c := r.ring(alice, "9441234", spare)
			if !ringing {
				r.ok(c.Answer())
				r.ok(second.WaitAnswer(r.ctx))
				r.tones(second, bobTone, c, carolTone)
			}
			m, err := first.ReferReplaces(r.ctx, second)
			r.status(m, err, 202)
			if ringing {
				r.ringback(a)
				r.ok(c.Answer())
			}
			r.tones(a, aliceTone, c, carolTone)
			r.ends(first, second)
			r.received(gw, "INVITE 0", "REFER 0")
			r.received(spare, "INVITE 1", "REFER 0", "CANCEL 0")
			r.oneStream(a, c)
			r.ok(c.Hangup())
			r.ends(a)
		}, outsideLines)
	}
}
