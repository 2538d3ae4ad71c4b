package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// referred is a call between alice and bob in which one of them sent a REFER to carol's number.
type referred struct {
	*rig
	alice, bob, carol   *phone.Phone
	referrer            *phone.Phone
	leaves, stays       *phone.Call
	leaveTone, stayTone int
	answer              *phone.Message // to the REFER
}

// refers runs a test with either party as the one that sends the REFER.
func refers(t *testing.T, to string, play func(x *referred)) {
	t.Helper()
	t.Parallel()
	for _, side := range []string{"caller", "callee"} {
		t.Run(side, func(t *testing.T) {
			scene(t, func(r *rig) {
				x := &referred{rig: r}
				x.alice, x.bob, x.carol = r.three()
				a, b := r.talk(x.alice, "2001", x.bob)
				x.referrer, x.leaves, x.stays, x.leaveTone, x.stayTone = x.alice, a, b, aliceTone, bobTone
				if side == "callee" {
					x.referrer, x.leaves, x.stays, x.leaveTone, x.stayTone = x.bob, b, a, bobTone, aliceTone
				}
				var err error
				x.answer, err = x.leaves.Refer(r.ctx, to)
				r.ok(err)
				play(x)
			})
		})
	}
}

// reported waits for the last report and compares all of them: status, phrase and state of the subscription.
func (x *referred) reported(want ...string) {
	x.Helper()
	_, err := x.leaves.WaitNotify(x.ctx, len(want))
	x.ok(err)
	x.pass(time.Second)
	x.same("NOTIFYs", strings.Join(sipfrags(x.referrer), ", "), strings.Join(want, ", "))
	for _, m := range requests(x.referrer, "NOTIFY") {
		x.that(strings.HasPrefix(m.Get("Event"), "refer"), "Event: %q", m.Get("Event"))
		x.that(strings.HasPrefix(m.Get("Content-Type"), "message/sipfrag"), "Content-Type: %q", m.Get("Content-Type"))
		if strings.HasPrefix(m.Get("Subscription-State"), "terminated") {
			x.same("state", m.Get("Subscription-State"), "terminated;reason=noresource")
		}
	}
}

// goesOn fails unless the old pair talks as before.
func (x *referred) goesOn() {
	x.Helper()
	x.pass(300 * time.Millisecond)
	x.hear(x.leaves, x.stayTone, x.stays, x.leaveTone)
	x.oneStream(x.leaves, x.stays)
	x.same("state", x.only().CallState, "InCall")
	x.ok(x.leaves.Hangup())
	x.ends(x.stays)
}

// T1, T26, T30: 202, NOTIFY 100, 180, 200; the target is told who calls and who referred; the transferee hears ringing
// and then the target; a transferor that stays is sent away some seconds later.
func TestRefer_T1_T26_T30(t *testing.T) {
	refers(t, "sip:2002@example.com", func(x *referred) {
		x.same("answer", x.answer.Status, 202)
		c := x.rung(x.carol)
		stay, leave := "2001", "2000"
		if x.referrer == x.bob {
			stay, leave = leave, stay
		}
		x.that(strings.Contains(c.Invite.Get("From"), "sip:"+stay+"@"), "From: %q", c.Invite.Get("From"))
		x.same("Referred-By", c.Invite.Get("Referred-By"), "<sip:"+leave+"@example.com>")
		x.ringback(x.stays)
		x.pass(time.Second)
		x.unheard(x.stays, x.leaveTone)
		answered := time.Now()
		x.ok(c.Answer())
		x.tones(x.stays, x.stayTone, c, carolTone)
		x.reported("100 Trying active", "180 Ringing active", "200 OK terminated")
		end := x.ended(x.leaves, 0)
		x.that(end.Remote && time.Since(answered) > 2*time.Second && time.Since(answered) < 10*time.Second,
			"the transferor was sent away after %v", time.Since(answered))
		x.same("list", x.only().Source+" "+x.only().Destination, stay+" 2002")
		x.oneStream(x.stays, c)
		x.ok(c.Hangup())
		x.ends(x.stays)
	})
}

// T26: a Referred-By of the phone's own is passed on as it is; where there is none, the transferor's identity is told.
func TestRefer_T26_ReferredBy(t *testing.T) {
	for sent, want := range map[string]string{
		`"Al" <sip:al@example.net>;x=1`: `"Al" <sip:al@example.net>;x=1`,
		"":                              "<sip:2001@example.com>",
	} {
		t.Run(sent, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				a, b := r.talk(alice, "2001", bob)
				opts := []phone.Option{phone.WithHeader("Refer-To", "sip:2002@example.com")}
				if sent != "" {
					opts = append(opts, phone.WithHeader("Referred-By", sent))
				}
				m, err := b.Request(r.ctx, "REFER", opts...)
				r.ok(err)
				r.same("answer", m.Status, 202)
				c := r.rung(carol)
				r.same("Referred-By", c.Invite.Get("Referred-By"), want)
				r.ok(c.Answer())
				r.tones(a, aliceTone, c, carolTone)
				r.ok(c.Hangup())
				r.ends(a, b)
			})
		})
	}
}

// T3: the transferor says BYE right after the 202. The transfer goes on, and the final NOTIFY still comes.
func TestRefer_T3_ByeAfter202(t *testing.T) {
	refers(t, "sip:2002@example.com", func(x *referred) {
		x.ok(x.leaves.Hangup())
		c := x.rung(x.carol)
		x.ringback(x.stays)
		x.ok(c.Answer())
		x.tones(x.stays, x.stayTone, c, carolTone)
		x.reported("100 Trying active", "180 Ringing active", "200 OK terminated")
		x.oneStream(x.stays, c)
		x.ok(x.stays.Hangup())
		x.ends(c)
	})
}

// T4: the transferee hangs up while the target rings.
func TestRefer_T4_TransfereeLeaves(t *testing.T) {
	refers(t, "sip:2002@example.com", func(x *referred) {
		c := x.rung(x.carol)
		x.pass(100 * time.Millisecond)
		x.ok(x.stays.Hangup())
		x.ended(c, 487)
		x.ended(x.leaves, 0)
		x.reported("100 Trying active", "180 Ringing active", "487 Request Terminated terminated")
	})
}

// T5: the target is busy, declines, is silent, unknown or not registered: the NOTIFY says so, the old pair talks.
func TestRefer_T5_TargetFails(t *testing.T) {
	for name, row := range map[string]struct {
		to   string
		fail func(x *referred)
		last string
	}{
		"busy":           {"2002", func(x *referred) { x.ok(x.rung(x.carol).Reject(486, "")) }, "486 Busy Here terminated"},
		"declined":       {"2002", func(x *referred) { x.ok(x.rung(x.carol).Reject(603, "")) }, "603 Decline terminated"},
		"silent":         {"2002", func(x *referred) { x.ended(x.rung(x.carol), 487) }, "480 Temporarily Unavailable terminated"},
		"unknown":        {"9999", func(*referred) {}, "404 Not Found terminated"},
		"not registered": {"2009", func(*referred) {}, "480 Temporarily Unavailable terminated"},
	} {
		t.Run(name, func(t *testing.T) {
			refers(t, "sip:"+row.to+"@example.com", func(x *referred) {
				x.same("answer", x.answer.Status, 202)
				row.fail(x)
				if row.to == "2002" {
					x.reported("100 Trying active", "180 Ringing active", row.last)
				} else {
					x.reported("100 Trying active", row.last)
				}
				x.goesOn()
			})
		})
	}
}

// T6: the target answers and hangs up at once: the transfer counts as done, the transferee's call ends with it.
func TestRefer_T6_AnswersAndHangsUp(t *testing.T) {
	refers(t, "sip:2002@example.com", func(x *referred) {
		c := x.rung(x.carol)
		x.ok(c.Answer())
		_, err := c.WaitAck(x.ctx)
		x.ok(err)
		x.ok(c.Hangup())
		x.ended(x.stays, 0)
		x.reported("100 Trying active", "180 Ringing active", "200 OK terminated")
		x.ended(x.leaves, 0)
	})
}

// T8: a second REFER while the first runs is refused with 491; after it has failed another one is taken, and its
// NOTIFYs carry the id (RFC 3515 §2.4.6).
func TestRefer_T8_Second(t *testing.T) {
	refers(t, "sip:2002@example.com", func(x *referred) {
		c := x.rung(x.carol)
		m, err := x.leaves.Refer(x.ctx, "sip:2003@example.com")
		x.ok(err)
		x.same("answer to the second", m.Status, 491)
		m, err = x.stays.Refer(x.ctx, "sip:2003@example.com") // T9
		x.ok(err)
		x.same("answer to the other side's", m.Status, 491)
		x.ok(c.Reject(486, ""))
		_, err = x.leaves.WaitNotify(x.ctx, 3)
		x.ok(err)
		m, err = x.leaves.Refer(x.ctx, "sip:2002@example.com")
		x.ok(err)
		x.same("answer to the third", m.Status, 202)
		n, err := x.leaves.WaitNotify(x.ctx, 4)
		x.ok(err)
		seq, _ := m.CSeq()
		x.that(strings.HasPrefix(n.Get("Event"), "refer;id="), "Event: %q of the REFER %d", n.Get("Event"), seq)
		x.ok(x.rung(x.carol).Reject(486, ""))
		_, err = x.leaves.WaitNotify(x.ctx, 6)
		x.ok(err)
		x.goesOn()
	})
}

// T9: both parties send a REFER at the same moment: one is taken, the other gets 491.
func TestRefer_T9_Both(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		status := make(chan int, 2)
		for _, c := range []*phone.Call{a, b} {
			go func() {
				m, err := c.Refer(r.ctx, "sip:2002@example.com")
				if err != nil {
					status <- -1
					return
				}
				status <- m.Status
			}()
		}
		r.same("answers", <-status+<-status, 202+491)
		r.ok(r.rung(carol).Reject(486, ""))
		r.pass(300 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// T10, T11: a REFER before the call is answered, and one into a dialog that is ending.
func TestRefer_T10_T11(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.ring(alice, "2001", bob)
		m, err := a.Refer(r.ctx, "sip:2002@example.com")
		r.ok(err)
		r.that(m.Status == 403 || m.Status == 481, "answer in an early dialog: %d", m.Status)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, b, bobTone)
		r.must("Hangup", "CallId", r.only().CallID)
		m, err = b.Refer(r.ctx, "sip:2002@example.com") // our BYE is on its way
		r.ok(err)
		r.same("answer under a BYE", m.Status, 481)
		r.ends(a, b)
		r.pass(time.Second)
		r.same("INVITEs", carol.Received("INVITE", 0), 0)
	})
}

// T12: the transferor refers to its own number: it is called like any other.
func TestRefer_T12_ToItself(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Refer(r.ctx, "sip:2001@example.com")
		r.ok(err)
		r.same("answer", m.Status, 202)
		again := r.rung(bob)
		r.ok(again.Answer())
		r.tones(a, aliceTone, again, carolTone)
		r.ended(b, 0)
		r.ok(a.Hangup())
		r.ends(again)
	})
}

// T13: to the transferee itself: NOTIFY 482, the call goes on.
func TestRefer_T13_ToTransferee(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		_, err := b.Refer(r.ctx, "sip:2000@example.com")
		r.ok(err)
		_, err = b.WaitNotify(r.ctx, 2)
		r.ok(err)
		r.same("NOTIFYs", sipfrags(bob), []string{"100 Trying active", "482 Loop Detected terminated"})
		r.hear(a, bobTone, b, aliceTone)
		r.same("INVITEs at alice", alice.Received("INVITE", 0), 0)
		r.ok(a.Hangup())
		r.ends(b)
	})
}
