package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// shownHold is the direction of the last re-INVITE that a phone got; empty when there was none.
func shownHold(p *phone.Phone) string {
	invites := requests(p, "INVITE")
	for i := len(invites) - 1; i >= 0; i-- {
		if phone.Param(invites[i].Get("To"), "tag") != "" {
			return invites[i].SDP().Direction
		}
	}
	return ""
}

// apart fails unless neither hears the other's tone for some time.
func (r *rig) apart(a, b *phone.Call) {
	r.Helper()
	for range 4 {
		r.pass(250 * time.Millisecond)
		r.unheard(a, bobTone)
		r.unheard(b, aliceTone)
	}
}

// Hold: both hear music at once, never the other, and see sendonly; Unhold: they talk, and see sendrecv (spec ozeki
// 8.4, 8.5). One stream throughout (M8). Holding twice is holding once (H7).
func TestHoldAndUnhold_H7(t *testing.T) {
	for _, codecs := range [][]string{{"PCMU"}, {"PCMA"}} {
		t.Run(codecs[0], func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, _ := r.three(func(c *phone.Config) { c.Codecs = codecs })
				a, b := r.talk(alice, "2001", bob)
				id := r.only().CallID
				for round := range 2 {
					r.must("Hold", "CallId", id)
					r.same("state", r.only().CallState, "Hold")
					r.pass(300 * time.Millisecond)
					r.must("Hold", "CallId", id) // no-op
					r.apart(a, b)
					r.music(a, b)
					r.same("seen", shownHold(alice)+" "+shownHold(bob), "sendonly sendonly")
					r.same("re-INVITEs", len(requests(bob, "INVITE")), 2+2*round)
					r.must("Unhold", "CallId", id)
					r.same("state", r.only().CallState, "InCall")
					r.pass(300 * time.Millisecond)
					r.hear(a, bobTone, b, aliceTone)
					r.same("seen", shownHold(alice)+" "+shownHold(bob), "sendrecv sendrecv")
				}
				r.oneStream(a, b)
				r.ok(a.Hangup())
				r.ends(b)
			})
		})
	}
}

// H10: a phone that refuses the re-INVITE is held by the media alone, and talks again after Unhold.
func TestHold_H10_Refused(t *testing.T) {
	scene(t, func(r *rig) {
		alice := r.phone("2000")
		var bob *phone.Phone
		refusals := 0
		bob = r.phone("2001", func(c *phone.Config) {
			c.OnRequest = func(m *phone.Message) bool {
				again := m.Method == "INVITE" && m.ToTag() != ""
				if again {
					refusals++
					_ = bob.Respond(m, 488, "")
				}
				return again
			}
		})
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		r.must("Hold", "CallId", id)
		r.pass(300 * time.Millisecond)
		r.apart(a, b)
		r.music(a, b)
		r.same("state", r.only().CallState, "Hold")
		r.must("Unhold", "CallId", id)
		r.pass(300 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.that(refusals > 0, "no re-INVITE was refused")
		r.oneStream(a, b)
		r.ok(b.Hangup())
		r.ends(a)
	})
}

// H1, H2, H3: however a phone holds, it is answered as RFC 3264 says and hears nothing it did not ask for; its partner
// hears music and sees no re-INVITE; resumed, both talk.
func TestPhoneHold_H1_H2_H3(t *testing.T) {
	for how, answer := range map[string]string{phone.SendOnly: "recvonly", phone.Inactive: "inactive", "0.0.0.0": ""} {
		t.Run(how, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, _ := r.three()
				a, b := r.talk(alice, "2001", bob)
				r.ok(b.Hold(r.ctx, how))
				if answer != "" {
					r.same("answer", b.Remote().Direction, answer)
				}
				r.same("state", r.only().CallState, "Hold")
				r.pass(300 * time.Millisecond)
				r.music(a)
				r.unheard(a, bobTone)
				before := b.Media.Stats().Packets
				r.pass(500 * time.Millisecond)
				r.same("packets to the phone that holds", b.Media.Stats().Packets-before, 0)
				r.same("re-INVITEs to its partner", shownHold(alice), "")
				r.ok(b.Resume(r.ctx))
				r.same("state", r.only().CallState, "InCall")
				r.pass(200 * time.Millisecond)
				r.hear(a, bobTone, b, aliceTone)
				r.oneStream(a, b)
				r.ok(b.Hangup())
				r.ends(a)
			})
		})
	}
}

// H4: port 0 takes the stream away, and the call stays; another offer brings it back.
func TestPhoneHold_H4_PortZero(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		off := "v=0\r\no=2001 5 5 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n"
		m, err := b.Reinvite(r.ctx, phone.WithSDP(off))
		r.ok(err)
		r.same("status", m.Status, 200)
		r.same("port", m.SDP().Addr.Port(), 0)
		r.pass(500 * time.Millisecond)
		r.that(a.Active() && b.Active(), "the call was ended")
		r.unheard(a, bobTone)
		r.ok(b.Resume(r.ctx))
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// H5, H8: both hold; media flows only when both have resumed, and the resume of one never lifts the other's hold. A
// resume without a hold changes nothing.
func TestPhoneHold_H5_H8_Both(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.ok(a.Resume(r.ctx)) // H8: not held
		r.pass(200 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hold(r.ctx, phone.SendOnly))
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		r.pass(300 * time.Millisecond)
		r.apart(a, b)
		r.ok(a.Resume(r.ctx))
		r.pass(300 * time.Millisecond)
		r.apart(a, b)
		r.same("state", r.only().CallState, "Hold")
		r.music(a)
		r.code(303, "Unhold", "CallId", r.only().CallID)
		r.ok(b.Resume(r.ctx))
		r.pass(300 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.same("state", r.only().CallState, "InCall")
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// H9: the phone's hold and the application's are two; they talk when both are off, in whatever order that happens.
func TestHold_H9_PhoneAndAPI(t *testing.T) {
	for _, phoneFirst := range []bool{true, false} {
		for _, phoneResumesFirst := range []bool{true, false} {
			name := map[bool]string{true: "phone", false: "API"}
			t.Run(name[phoneFirst]+" holds first, "+name[phoneResumesFirst]+" resumes first", func(t *testing.T) {
				scene(t, func(r *rig) {
					alice, bob, _ := r.three()
					a, b := r.talk(alice, "2001", bob)
					id := r.only().CallID
					hold := func() { r.must("Hold", "CallId", id) }
					unhold := func() { r.must("Unhold", "CallId", id) }
					if phoneFirst {
						r.ok(b.Hold(r.ctx, phone.SendOnly))
						hold()
					} else {
						hold()
						r.pass(100 * time.Millisecond)
						r.ok(b.Hold(r.ctx, phone.SendOnly))
					}
					r.pass(300 * time.Millisecond)
					r.apart(a, b)
					r.music(a)
					if phoneResumesFirst {
						r.ok(b.Resume(r.ctx))
					} else {
						unhold()
					}
					r.pass(300 * time.Millisecond)
					r.same("state", r.only().CallState, "Hold")
					r.apart(a, b)
					if phoneResumesFirst {
						unhold()
					} else {
						r.ok(b.Resume(r.ctx))
					}
					r.pass(300 * time.Millisecond)
					r.same("state", r.only().CallState, "InCall")
					r.hear(a, bobTone, b, aliceTone)
					r.oneStream(a, b)
					r.ok(a.Hangup())
					r.ends(b)
				})
			})
		}
	}
}

// H6, R1: both phones resume at once, or a phone resumes into the switch's own re-INVITE: it settles, they talk.
func TestHold_H6_Glare(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		r.ok(a.Hold(r.ctx, phone.SendOnly))
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		r.must("Hold", "CallId", id)
		r.pass(200 * time.Millisecond)
		r.must("Unhold", "CallId", id)
		both := make(chan error, 2)
		for _, c := range []*phone.Call{a, b} {
			go func() { both <- c.Resume(r.ctx) }()
		}
		r.ok(<-both)
		r.ok(<-both)
		r.pass(6 * time.Second)
		r.same("state", r.only().CallState, "InCall")
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// H12: digits of a held party do not reach the party that holds; afterwards they do again.
func TestHold_H12_Digits(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		r.ok(a.Media.SendDigit4733('1', 100))
		r.ok(b.Media.SendDigit4733('2', 100))
		r.pass(time.Second)
		r.same("digits", a.Media.DigitString()+b.Media.DigitString(), "")
		r.ok(b.Resume(r.ctx))
		r.ok(a.Media.SendDigit4733('3', 100))
		r.ok(b.Media.WaitDigits(r.ctx, "3"))
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// A held call is not silent: it outlives calls.silence, and one that nobody speaks in does not (E9).
func TestHold_E9_OutlivesSilence(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.connect(alice, "2001", bob)
		r.must("Hold", "CallId", r.only().CallID)
		r.pass(20 * time.Second)
		r.that(a.Active() && b.Active(), "a held call was ended")
		r.must("Unhold", "CallId", r.only().CallID)
		r.pass(12 * time.Second)
		r.that(!a.Active() && !b.Active(), "a call without a sound goes on")
		r.ends(a, b)
	}, func(c *Config) { c.Calls.Silence = 5 * time.Second })
}
