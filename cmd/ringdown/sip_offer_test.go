package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// converse lets both sides send their tones and fails unless they hear each other.
func (r *rig) converse(a, b *phone.Call) {
	r.Helper()
	a.Media.SendTone(aliceTone)
	b.Media.SendTone(bobTone)
	r.hear(a, bobTone, b, aliceTone)
}

// reinvites hands the re-INVITEs of a phone to f.
func reinvites(f func(*phone.Message) bool) func(*phone.Config) {
	return taking(func(m *phone.Message) bool { return m.Method == "INVITE" && m.ToTag() != "" && f(m) })
}

// Hold in every form, by either side, and resume: the held party hears music, and nothing disturbs it.
func TestPhoneHold(t *testing.T) {
	for _, how := range []string{phone.SendOnly, phone.Inactive, "0.0.0.0"} {
		t.Run(how, func(t *testing.T) {
			bubble(t, func(r *rig) {
				alice, bob := r.phone("2000"), r.phone("2001")
				a, b := r.connect(alice, "2001", bob)
				r.converse(a, b)
				for _, side := range [][2]*phone.Call{{a, b}, {b, a}} {
					holder, held := side[0], side[1]
					r.ok(holder.Hold(r.ctx, how))
					time.Sleep(time.Second)
					if held.Media.Silent(200 * time.Millisecond) {
						r.Errorf("the held party hears nothing")
					}
					if held.Media.Hears(aliceTone, 200*time.Millisecond) || held.Media.Hears(bobTone, 200*time.Millisecond) {
						r.Errorf("the held party hears the holder")
					}
					r.ok(holder.Resume(r.ctx))
					r.hear(a, bobTone, b, aliceTone)
				}
				r.ok(a.Hangup())
				r.ends(a, b)
				if len(a.Media.Stats().SSRCs) != 1 || len(b.Media.Stats().SSRCs) != 1 {
					r.Errorf("SSRCs %v and %v", a.Media.Stats().SSRCs, b.Media.Stats().SSRCs)
				}
			})
		})
	}
}

// A phone moves its media to another port.
func TestMediaMoves(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		r.converse(a, b)
		r.ok(a.MoveMedia(r.ctx))
		time.Sleep(time.Second)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(b.MoveMedia(r.ctx))
		time.Sleep(time.Second)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// R1: our re-INVITE meets glare: we wait 0 to 2 s where the phone made the Call-ID, 2.1 to 4 s where we did, and try
// again. R14: after three more tries we keep the old session.
func TestR1_R14_OurGlare(t *testing.T) {
	for _, row := range []struct {
		name     string
		refusals int
		caller   bool
		offers   int
		min, max time.Duration
	}{
		{"R1 they own the Call-ID", 1, true, 2, 0, 2 * time.Second},
		{"R1 we own the Call-ID", 1, false, 2, 2100 * time.Millisecond, 4 * time.Second},
		{"R14", 99, false, 4, 3 * 2100 * time.Millisecond, 12 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				left := row.refusals
				var stubborn *phone.Phone
				refuse := reinvites(func(m *phone.Message) bool {
					if left--; left < 0 {
						return false
					}
					r.ok(stubborn.Respond(m, 491, ""))
					return true
				})
				var alice, bob *phone.Phone
				if row.caller {
					alice, bob = r.phone("2000", refuse), r.phone("2001")
					stubborn = alice
				} else {
					alice, bob = r.phone("2000"), r.phone("2001", refuse)
					stubborn = bob
				}
				a, b := r.connect(alice, "2001", bob)
				r.must("Hold", "CallId", r.only().CallID)
				time.Sleep(20 * time.Second)
				first, n, gap := time.Time{}, 0, time.Duration(0)
				for _, e := range stubborn.Transcript() {
					m, err := phone.ParseMessage([]byte(e.Text))
					if err == nil && !e.Out && m.Method == "INVITE" && m.ToTag() != "" {
						if n++; n == 1 {
							first = e.At
						}
						gap = e.At.Sub(first)
					}
				}
				if n != row.offers || gap < row.min || gap > row.max+50*time.Millisecond {
					r.Errorf("%d offers within %v\n%s", n, gap, stubborn.Ladder())
				}
				r.must("Unhold", "CallId", r.only().CallID)
				left = 0
				r.converse(a, b)
				r.ok(a.Hangup())
				r.ends(a, b)
			})
		})
	}
}

// R1, R2, R5: while an offer of ours is open on a leg, theirs get 491 there, and the other leg is answered at once.
func TestR1_R2_R5_TheirGlare(t *testing.T) {
	bubble(t, func(r *rig) {
		var open *phone.Message
		alice := r.phone("2000")
		bob := r.phone("2001", reinvites(func(m *phone.Message) bool { open = m; return true }))
		a, b := r.connect(alice, "2001", bob)
		r.must("Hold", "CallId", r.only().CallID)
		r.soon(time.Second, "re-INVITE", func() bool { return bob.Received("INVITE", 0) == 2 })
		m, err := b.Request(r.ctx, "INVITE", phone.WithSDP(plainSDP))
		r.status(m, err, 491)
		m, err = b.Request(r.ctx, "UPDATE", phone.WithSDP(plainSDP))
		r.status(m, err, 491)
		m, err = b.Update(r.ctx)
		r.status(m, err, 200)
		m, err = a.Reinvite(r.ctx) // R5
		r.status(m, err, 200)
		r.ok(bob.Respond(open, 488, ""))
		time.Sleep(time.Second)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// R3, R4, R19: in the early dialog an UPDATE without offer is answered; offers are not legal there yet, neither are
// second INVITEs.
func TestR3_R4_R19_EarlyDialog(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		b := r.rings(bob)
		r.ok(a.WaitRinging(r.ctx))
		m, err := a.Update(r.ctx)
		r.status(m, err, 200)
		for _, method := range []string{"INVITE", "UPDATE"} {
			m, err = a.Request(r.ctx, method, phone.WithSDP(plainSDP))
			if wait := r.status(m, err, 500).Get("Retry-After"); len(wait) != 1 {
				r.Errorf("Retry-After %q", wait)
			}
		}
		m, err = b.Update(r.ctx)
		r.status(m, err, 200)
		m, err = b.Request(r.ctx, "UPDATE", phone.WithSDP(plainSDP))
		r.status(m, err, 491) // R2: our offer is the open one there
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.converse(a, b)
		r.ok(b.Hangup())
		r.ends(a, b)
	})
}

// R19: once the first offer has its answer, an UPDATE may offer in the early dialog.
func TestR19_UpdateAfterEarlyAnswer(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		b, err := bob.WaitCall(r.ctx)
		r.ok(err)
		r.ok(b.Progress())
		_, err = a.WaitProgress(r.ctx)
		r.ok(err)
		m, err := b.Update(r.ctx, phone.WithDirection(phone.SendRecv))
		r.status(m, err, 200)
		m, err = a.Update(r.ctx, phone.WithDirection(phone.SendRecv))
		r.status(m, err, 200)
		r.ok(b.Answer(phone.WithoutSDP()))
		r.ok(a.WaitAnswer(r.ctx))
		r.converse(a, b)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// R7: a re-INVITE that overtakes the ACK is taken, since it shows that our 200 arrived; then the call is as good as any.
func TestR7_ReinviteBeforeAck(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob, carol := r.phone("2000"), r.phone("2001"), r.phone("2002")
		a := r.dial(alice, "2001", phone.ManualAck())
		b := r.rings(bob)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		m, err := a.Request(r.ctx, "INVITE", phone.WithSDP(string(mustParse(r, sent(alice, "INVITE", 2)).Body)))
		r.status(m, err, 200)
		late := strings.Replace(ackFor(sent(alice, "INVITE", 2), mustParse(r, got(alice, "SIP/2.0 200", "INVITE", 1))), "z9hG4bK", "z9hG4bKl", 1)
		ack := strings.Replace(ackFor(sent(alice, "INVITE", 3), m), "z9hG4bK", "z9hG4bKa", 1)
		r.ok(alice.Send([]byte(ack)))
		r.ok(alice.Send([]byte(late)))
		time.Sleep(40 * time.Second)
		r.converse(a, b)
		m, err = a.Refer(r.ctx, "sip:2002@example.com") // only a confirmed dialog may
		r.status(m, err, 202)
		c := r.rings(carol)
		r.ok(c.Answer())
		r.ends(a)
		r.ok(c.Hangup())
		r.ends(b, c)
	})
}

// R7: while the offer of our 200 waits for its answer in the ACK, theirs gets 491.
func TestR7_ReinviteBeforeAnswerInAck(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001", phone.WithoutSDP(), phone.ManualAck())
		b := r.rings(bob)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		m, err := a.Request(r.ctx, "INVITE", phone.WithSDP(plainSDP))
		r.status(m, err, 491)
		r.ok(a.Ack(""))
		r.converse(a, b)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// R8: an offer that cannot be taken is refused, and the call goes on as it was.
func TestR8_TheirOfferRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		r.converse(a, b)
		for _, row := range []struct {
			want int
			opts []phone.Option
		}{
			{488, []phone.Option{phone.WithSDP(strings.Replace(plainSDP, "RTP/AVP 0", "RTP/AVP 18", 1))}},
			{488, []phone.Option{phone.WithSDP("v=0\r\n")}},
			{415, []phone.Option{phone.WithBody("text/plain", "hello")}},
			{420, []phone.Option{phone.WithSDP(plainSDP), phone.WithHeader("Require", "100rel")}},
		} {
			for _, method := range []string{"INVITE", "UPDATE"} {
				m, err := a.Request(r.ctx, method, row.opts...)
				r.status(m, err, row.want)
			}
		}
		time.Sleep(time.Second)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// R10: a re-INVITE without an offer gets a full one, and the answer in the ACK is applied.
func TestR10_OfferlessReinvite(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		r.converse(a, b)
		for _, c := range []*phone.Call{a, b} {
			m, err := c.Reinvite(r.ctx, phone.WithoutSDP())
			offer := r.status(m, err, 200).SDP()
			if offer == nil || len(offer.Codecs) < 2 {
				r.Errorf("the offer is not a full one:\n%s", m)
			}
			time.Sleep(time.Second)
			r.hear(a, bobTone, b, aliceTone)
		}
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// R11: the same description again changes nothing: the answer is the same, the stream goes on.
func TestR11_SameOffer(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		r.converse(a, b)
		before := got(alice, "SIP/2.0 200", "INVITE", 1)
		for range 2 {
			m, err := a.Reinvite(r.ctx)
			if r.status(m, err, 200); string(m.Body) != string(mustParse(r, before).Body) {
				r.Errorf("before\n%s\nafter\n%s", before, m.Body)
			}
		}
		time.Sleep(time.Second)
		r.hear(a, bobTone, b, aliceTone)
		if s := a.Media.Stats(); len(s.SSRCs) != 1 || s.Lost+s.Backward > 0 {
			r.Errorf("the stream was restarted: %+v", s)
		}
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// R12: the Contact of a re-INVITE, an UPDATE or a 2xx is the target from then on; that of a refused one is not.
func TestR12_TargetRefresh(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		m, err := b.Reinvite(r.ctx, phone.WithContact("<sip:moved@198.51.100.1:7000>"))
		r.status(m, err, 200)
		m, err = b.Request(r.ctx, "INVITE", phone.WithSDP("v=0\r\n"), phone.WithContact("<sip:refused@198.51.100.1:7001>"))
		r.status(m, err, 488)
		m, err = a.Update(r.ctx, phone.WithContact("<sip:updated@198.51.100.1:7002>"))
		r.status(m, err, 200)
		r.must("Hangup", "CallId", r.only().CallID)
		r.ends(a, b)
		if bye := got(bob, "BYE", "BYE", 1); !strings.HasPrefix(bye, "BYE sip:moved@198.51.100.1:7000 ") {
			r.Errorf("%s", bye)
		}
		if bye := got(alice, "BYE", "BYE", 1); !strings.HasPrefix(bye, "BYE sip:updated@198.51.100.1:7002 ") {
			r.Errorf("%s", bye)
		}
	})
}

// R13: an older CSeq is refused and does nothing; a gap is fine.
func TestR13_CSeqOrder(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		for _, method := range []string{"INVITE", "UPDATE", "INFO", "BYE", "REFER", "OPTIONS"} {
			m, err := a.Request(r.ctx, method, phone.WithHeader("CSeq", "1 "+method))
			r.status(m, err, 500)
		}
		m, err := a.Request(r.ctx, "OPTIONS", phone.WithHeader("CSeq", "5000 OPTIONS"))
		r.status(m, err, 200)
		m, err = a.Request(r.ctx, "OPTIONS", phone.WithHeader("CSeq", "4999 OPTIONS"))
		r.status(m, err, 500)
		r.converse(a, b)
		r.ok(b.Hangup())
		r.ends(a, b)
	})
}

// Digits as INFO reach the other side in its own way, and requests with other bodies are told so (D8).
func TestInfoDigits(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		r.converse(a, b)
		for _, row := range []struct {
			kind, body string
			want       int
			opts       []phone.Option
		}{
			{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", 200, nil},
			{"application/dtmf-relay", "Signal = *\r\n", 200, nil},
			{"application/dtmf", "7", 200, nil},
			{"application/dtmf", "11", 200, nil},
			{"application/dtmf-relay", "Duration=160\r\n", 400, nil},
			{"application/dtmf", "x", 400, nil},
			{"text/plain", "5", 415, nil},
			{"application/dtmf", "5", 469, []phone.Option{phone.WithHeader("Info-Package", "foo")}},
		} {
			m, err := a.Info(r.ctx, row.kind, row.body, row.opts...)
			r.status(m, err, row.want)
		}
		r.ok(b.Media.WaitDigits(r.ctx, "5*7#"))
		if got := a.Media.DigitString(); got != "" {
			r.Errorf("the sender hears %q", got)
		}
		m, err := b.Info(r.ctx, "application/dtmf", "3")
		r.status(m, err, 200)
		r.ok(a.Media.WaitDigits(r.ctx, "3"))
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// Digits reach a phone without telephone-event by INFO, one after the other.
func TestDigitsByInfo(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001", noEvents)
		a, b := r.connect(alice, "2001", bob)
		r.must("SendDTMF", "CallId", r.only().CallID, "Party", "callee", "Keys", "12,3#")
		_, err := b.WaitRequest(r.ctx, "INFO", 4)
		r.ok(err)
		digits := ""
		for i := range 4 {
			body := got(bob, "INFO", "INFO", i+1)
			_, signal, _ := strings.Cut(body, "Signal=")
			digits += signal[:1]
		}
		if digits != "123#" {
			r.Errorf("digits %q\n%s", digits, bob.Ladder())
		}
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}
