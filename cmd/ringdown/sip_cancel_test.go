package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// taking lets f see the requests of a phone; what f returns true for is left to the test.
func taking(f func(*phone.Message) bool) func(*phone.Config) {
	return func(c *phone.Config) { c.OnRequest = f }
}

// S1: the CANCEL comes with the INVITE, before any answer.
func TestS1_CancelAtOnce(t *testing.T) {
	oddBubble(t, func(r *rig) { // a hand-made caller acknowledges nothing
		alice, bob := r.phone("2000"), r.phone("2001")
		invite := alice.Fill(strings.Replace(inviteText, "{more}", "", 1))
		res, err := alice.Do(r.ctx, invite)
		r.status(res, err, 401)
		r.ok(alice.Send([]byte(ackFor(invite, res))))
		d := r.answerTo(res.Get("WWW-Authenticate"), "2000")
		d.method, d.uri = "INVITE", "sip:2001@example.com"
		branch := phone.Param(strings.Split(invite, "\r\n")[1], "branch")
		invite = strings.NewReplacer(branch, branch+"2", "CSeq: 7", "CSeq: 8", "Max-Forwards",
			"Authorization: "+d.String()+"\r\nMax-Forwards").Replace(invite)
		m := mustParse(r, invite)
		cancel := strings.ReplaceAll(ackFor(invite, m), "ACK", "CANCEL")
		r.ok(alice.Send([]byte(invite)))
		r.ok(alice.Send([]byte(cancel)))
		r.soon(time.Second, "487", func() bool { return alice.Received("INVITE", 487) == 1 })
		r.ok(alice.Send([]byte(ackFor(invite, mustParse(r, got(alice, "SIP/2.0 487", "INVITE", 1))))))
		r.received(alice, "CANCEL 200 1")
		if bob.Received("INVITE", 0) > 0 { // it was faster; S2 holds for it
			r.ends(r.rings(bob))
			r.received(bob, "CANCEL 1")
		}
	})
}

// S2: the callee's phone has sent nothing yet, so its CANCEL waits for the first answer, whatever that is.
func TestS2_CancelHeldBack(t *testing.T) {
	for _, row := range []struct {
		first int
		want  []string // at the callee
	}{
		{180, []string{"CANCEL 1", "ACK 1", "BYE 0"}},
		{100, []string{"CANCEL 1", "ACK 1", "BYE 0"}},
		{486, []string{"CANCEL 0", "ACK 1", "BYE 0"}},
		{200, []string{"CANCEL 0", "ACK 1", "BYE 1"}},
	} {
		t.Run("S2 "+itoa(row.first), func(t *testing.T) {
			bubble(t, func(r *rig) {
				invites := make(chan *phone.Message, 1)
				alice := r.phone("2000")
				bob := r.phone("2001", taking(func(m *phone.Message) bool {
					if m.Method == "INVITE" {
						invites <- m
					}
					return m.Method == "INVITE"
				}))
				a := r.dial(alice, "2001")
				_, err := a.WaitStatus(r.ctx, 100)
				r.ok(err)
				m := <-invites
				r.ok(a.Cancel())
				r.refused(a, 487)
				time.Sleep(200 * time.Millisecond)
				r.received(bob, "CANCEL 0")
				if n := len(r.list()); n != 0 {
					r.Errorf("%d calls are listed", n)
				}
				r.ok(bob.Respond(m, row.first, "", phone.WithHeader("To", m.Get("To")+";tag=b"),
					phone.WithContact("<"+bob.ContactURI()+">"), phone.WithSDP(plainSDP)))
				time.Sleep(2 * time.Second)
				r.received(bob, row.want...)
			})
		})
	}
}

// S3: the callee rings; CANCEL goes to it with the branch of its INVITE.
func TestS3_CancelWhileRinging(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		b := r.rings(bob)
		r.ok(a.WaitRinging(r.ctx))
		r.ok(a.Cancel())
		r.refused(a, 487)
		r.ends(b)
		time.Sleep(time.Second)
		r.received(bob, "INVITE 1", "CANCEL 1", "ACK 1")
		cancel := mustParse(r, got(bob, "CANCEL", "CANCEL", 1))
		if cancel.Branch() != b.Invite.Branch() || cancel.URI != b.Invite.URI || cancel.Get("To") != b.Invite.Get("To") {
			r.Errorf("CANCEL does not match its INVITE:\n%s\n%s", b.Invite, cancel)
		}
	})
}

// S6: a CANCEL that comes again long after gets 481.
func TestS6_CancelAfterAll(t *testing.T) {
	oddBubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		b := r.rings(bob)
		r.ok(a.WaitRinging(r.ctx))
		r.ok(a.Cancel())
		r.ends(a, b)
		time.Sleep(time.Minute)
		r.ok(alice.Send([]byte(sent(alice, "CANCEL", 1))))
		r.soon(time.Second, "481", func() bool { return alice.Received("CANCEL", 481) == 1 })
	})
}

// S4: the callee's 200 crosses our CANCEL: ACK, then BYE; the caller keeps its 487 and nobody was ever connected.
func TestS4_AnswerCrossesCancel(t *testing.T) {
	bubble(t, func(r *rig) {
		var b *phone.Call
		alice := r.phone("2000")
		var bob *phone.Phone
		bob = r.phone("2001", taking(func(m *phone.Message) bool {
			if m.Method != "CANCEL" {
				return false
			}
			r.ok(b.Answer())
			r.ok(bob.Respond(m, 200, ""))
			return true
		}))
		a := r.dial(alice, "2001")
		b = r.rings(bob)
		r.ok(a.WaitRinging(r.ctx))
		r.ok(a.Cancel())
		r.refused(a, 487)
		r.ends(b)
		r.received(bob, "CANCEL 1", "ACK 1", "BYE 1")
		r.received(alice, "INVITE 200 0", "BYE 0")
	})
}

// S5: the caller's CANCEL crosses our 200: the call is answered, and the caller hangs it up.
func TestS5_CancelCrossesAnswer(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		b := r.rings(bob)
		r.ok(a.WaitRinging(r.ctx))
		r.ok(b.Answer())
		time.Sleep(7 * time.Millisecond) // the 200 is on its second way
		r.ok(a.Cancel())
		r.ends(a, b)
		r.received(alice, "CANCEL 200 1", "INVITE 200 1", "INVITE 487 0", "BYE 200 1")
		r.received(bob, "CANCEL 0", "BYE 1")
	})
}

// S7: the callee answers neither CANCEL nor INVITE: its leg is given up 64*T1 after the CANCEL. S30: its late answers
// are acknowledged all the same.
func TestS7_S30_CancelUnanswered(t *testing.T) {
	for _, row := range []struct {
		name  string
		after time.Duration
		late  int
		want  []string
	}{
		{"S7 never", 0, 0, []string{"ACK 0", "BYE 0"}},
		{"S30 486 in time", 20 * time.Second, 486, []string{"ACK 1", "BYE 0"}},
		{"S30 200 in time", 20 * time.Second, 200, []string{"ACK 1", "BYE 1"}},
		{"S30 200 after all is over", 40 * time.Second, 200, []string{"ACK 1", "BYE 1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			oddBubble(t, func(r *rig) {
				alice := r.phone("2000")
				var invite *phone.Message
				bob := r.phone("2001", taking(func(m *phone.Message) bool {
					if m.Method == "INVITE" {
						invite = m
					}
					return m.Method == "CANCEL"
				}))
				a := r.dial(alice, "2001")
				b := r.rings(bob)
				r.ok(a.WaitRinging(r.ctx))
				r.ok(a.Cancel())
				r.refused(a, 487)
				if row.late == 0 {
					time.Sleep(33 * time.Second)
					if c := r.sw.agent.Counts(); c.Legs != 0 {
						r.Errorf("%+v", c)
					}
				}
				time.Sleep(row.after)
				local, _ := b.Tags()
				switch row.late {
				case 486:
					r.ok(b.Reject(486, ""))
				case 200:
					r.ok(bob.Respond(invite, 200, "", phone.WithHeader("To", invite.Get("To")+";tag="+local),
						phone.WithContact("<"+bob.ContactURI()+">"), phone.WithSDP(plainSDP)))
				}
				time.Sleep(2 * time.Second)
				r.received(bob, row.want...)
			})
		})
	}
}

// S8: every copy of the callee's 200 gets the same ACK; also one that comes after all timers does no harm.
func TestS8_AnswerRepeated(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		for _, wait := range []time.Duration{time.Second, 2 * time.Second, 40 * time.Second} {
			time.Sleep(wait)
			r.ok(bob.Send([]byte(sentStatus(bob, 200))))
		}
		time.Sleep(time.Second)
		r.received(bob, "ACK 4", "BYE 0")
		if got(bob, "ACK", "ACK", 1) != got(bob, "ACK", "ACK", 2) {
			r.Errorf("another ACK")
		}
		if !a.Active() || !b.Active() {
			r.Errorf("the call ended\n%s", r.ladder())
		}
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// S9: our 200 is repeated in steps from T1 to T2 for 64*T1; then both legs are hung up.
func TestS9_NoAck(t *testing.T) {
	oddBubble(t, func(r *rig) { // the caller does not acknowledge
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001", phone.ManualAck())
		b := r.rings(bob)
		r.ok(b.Answer())
		r.ends(a, b)
		var at []time.Duration
		var first time.Time
		for _, e := range alice.Transcript() {
			if !e.Out && strings.HasPrefix(e.Text, "SIP/2.0 200") && strings.Contains(e.Text, "CSeq: 2 INVITE") {
				if first.IsZero() {
					first = e.At
				}
				at = append(at, e.At.Sub(first).Round(100*time.Millisecond))
			}
		}
		want := []float64{0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5}
		for i := range want {
			if len(at) != len(want) || at[i].Seconds() != want[i] {
				r.Fatalf("the 200 came at %v", at)
			}
		}
		r.received(alice, "BYE 1")
		r.received(bob, "BYE 1")
	})
}

// S10: on a network without any delay the ACK is matched however early it comes.
func TestS10_EarlyAck(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		for range 20 {
			a, b := r.connect(alice, "2001", bob)
			time.Sleep(time.Second)
			r.ok(b.Hangup())
			r.ends(a, b)
		}
		if n := alice.Count(phone.Key{Method: "INVITE", Status: 200, Repeat: true}); n != 0 {
			r.Errorf("%d repeated answers", n)
		}
	})
}

// S12: BYE in the early dialog ends the INVITE with 487.
func TestS12_ByeBeforeAnswer(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		b := r.rings(bob)
		r.ok(a.WaitRinging(r.ctx))
		m, err := a.Request(r.ctx, "BYE")
		r.status(m, err, 200)
		r.refused(a, 487)
		r.ends(b)
		r.received(bob, "CANCEL 1")
	})
}

// S13: BYE before the ACK ends the call; the late ACK is swallowed.
func TestS13_ByeBeforeAck(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001", phone.ManualAck())
		b := r.rings(bob)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.ok(a.Hangup())
		r.ends(a, b)
		r.ok(a.Ack(""))
		time.Sleep(time.Second)
		r.received(alice, "BYE 200 1", "BYE 0")
	})
}
