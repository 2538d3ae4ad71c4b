package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// E1: both sides hang up at once.
func TestE1_ByeCrossesBye(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		time.Sleep(time.Second)
		r.ok(a.Hangup())
		r.ok(b.Hangup())
		r.ends(a, b)
		time.Sleep(time.Second)
		r.received(alice, "BYE 200 1")
		r.received(bob, "BYE 200 1")
		if alice.Received("BYE", 0)+bob.Received("BYE", 0) > 1 {
			r.Errorf("both were hung up\n%s", r.ladder())
		}
	})
}

// E2: requests for a dialog that does not exist get 481 and leave no state.
func TestE2_UnknownDialog(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.phone("2001")
		for _, method := range []string{"BYE", "INVITE", "UPDATE", "INFO", "REFER", "NOTIFY", "PRACK", "OPTIONS", "SUBSCRIBE"} {
			m, err := p.Request(r.ctx, method, "2000", phone.WithTo("<sip:2000@example.com>;tag=none"))
			r.status(m, err, 481)
		}
	})
}

// E3, E4: whatever becomes of our BYE, the leg is over, and the other side never waits for it.
func TestE3_E4_ByeRefused(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
	}{{"E3 401", 401}, {"E3 407", 407}, {"E4 408", 408}, {"E4 481", 481}, {"E4 500", 500}, {"E4 none", 0}} {
		t.Run(row.name, func(t *testing.T) {
			oddBubble(t, func(r *rig) {
				alice := r.phone("2000")
				var bob *phone.Phone
				bob = r.phone("2001", taking(func(m *phone.Message) bool {
					if m.Method == "BYE" && row.status > 0 {
						r.ok(bob.Respond(m, row.status, "", phone.WithHeader("WWW-Authenticate", `Digest realm="example.com", nonce="1"`)))
					}
					return m.Method == "BYE"
				}))
				a, b := r.connect(alice, "2001", bob)
				r.ok(a.Hangup())
				r.soon(100*time.Millisecond, "200 to BYE", func() bool { return alice.Received("BYE", 200) == 1 })
				r.soon(100*time.Millisecond, "BYE", func() bool { return bob.Received("BYE", 0) == 1 })
				if n := len(r.list()); n != 0 {
					r.Errorf("%d calls are listed", n)
				}
				r.settled()
				r.received(bob, "BYE 1")
				if !b.Active() {
					r.Errorf("the phone gave up")
				}
			})
		})
	}
}

// E5: the phone hangs up while our re-INVITE is on its way; if it accepts that all the same, it gets its ACK.
func TestE5_ByeCrossesReinvite(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
	}{{"E5 481", 0}, {"E5 200", 200}, {"E5 487", 487}} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				alice := r.phone("2000")
				var bob *phone.Phone
				bob = r.phone("2001", taking(func(m *phone.Message) bool {
					if m.Method != "INVITE" || m.ToTag() == "" || row.status == 0 {
						return false
					}
					r.ok(bob.Respond(m, row.status, "", phone.WithContact("<"+bob.ContactURI()+">"), phone.WithSDP(plainSDP)))
					return true
				}))
				a, b := r.connect(alice, "2001", bob)
				r.must("Hold", "CallId", r.only().CallID)
				time.Sleep(time.Millisecond)
				r.ok(b.Hangup())
				r.ends(a, b)
				time.Sleep(2 * time.Second)
				r.received(bob, "INVITE 2", "ACK 2", "BYE 0", "BYE 200 1")
				r.received(alice, "BYE 1")
			})
		})
	}
}

// E6, E7: BYE right behind another request: each gets one final answer.
func TestE6_E7_ByeBehindRequest(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE", "INFO", "REFER", "OPTIONS"} {
		t.Run("E7 "+method, func(t *testing.T) {
			oddBubble(t, func(r *rig) { // whether the 2xx to a re-INVITE is acknowledged is up to the phone
				alice, bob := r.phone("2000"), r.phone("2001")
				a, b := r.connect(alice, "2001", bob)
				time.Sleep(time.Second)
				done := make(chan *phone.Message, 1)
				go func() {
					opts := []phone.Option{phone.WithSDP(plainSDP)}
					if method == "REFER" {
						opts = []phone.Option{phone.WithHeader("Refer-To", "<sip:2002@example.com>")}
					}
					m, err := a.Request(r.ctx, method, opts...)
					r.ok(err)
					done <- m
				}()
				r.soon(time.Second, method, func() bool { return alice.Sent(method, 0) > 0 && sent(alice, method, 1) != "" && last(alice, method) })
				r.ok(a.Hangup())
				m := <-done
				r.ends(a, b)
				if m.Status < 200 {
					r.Errorf("%s", m.StartLine())
				}
				time.Sleep(40 * time.Second) // a 200 that nobody acknowledges is repeated until the BYE at the latest
				r.received(alice, "BYE 200 1")
			})
		})
	}
}

// last tells whether the newest request that the phone sent is of that method.
func last(p *phone.Phone, method string) bool {
	t := p.Transcript()
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].Out && !strings.HasPrefix(t[i].Text, "SIP/2.0") {
			return strings.HasPrefix(t[i].Text, method+" ")
		}
	}
	return false
}

// E8: 481, 408 or no answer to a re-INVITE ends the leg, and the other one with a Reason; an INFO only with 481.
func TestE8_DialogLost(t *testing.T) {
	for _, row := range []struct {
		name, method, command string
		status                int
		ends                  bool
	}{
		{"E8 INVITE 481", "INVITE", "Hold", 481, true}, {"E8 INVITE 408", "INVITE", "Hold", 408, true},
		{"E8 INVITE silent", "INVITE", "Hold", 0, true}, {"R8 INVITE 404", "INVITE", "Hold", 404, false},
		{"R8 INVITE 488", "INVITE", "Hold", 488, false}, {"R8 INVITE 603", "INVITE", "Hold", 603, false},
		{"E8 INFO 481", "INFO", "SendDTMF", 481, true}, {"E8 INFO silent", "INFO", "SendDTMF", 0, false},
		{"E8 INFO 415", "INFO", "SendDTMF", 415, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			oddBubble(t, func(r *rig) {
				alice := r.phone("2000")
				var bob *phone.Phone
				bob = r.phone("2001", noEvents, opaque, taking(func(m *phone.Message) bool {
					if m.Method != row.method || m.ToTag() == "" {
						return false
					}
					if row.status > 0 {
						r.ok(bob.Respond(m, row.status, ""))
					}
					return true
				}))
				a, b := r.connect(alice, "2001", bob)
				r.do(row.command, "CallId", r.only().CallID, "Party", "callee", "Keys", "1")
				if row.ends {
					r.ends(a)
					r.received(alice, "BYE 1")
					if reason := got(alice, "BYE", "BYE", 1); !strings.Contains(reason, "Reason: SIP;cause=408") {
						r.Errorf("no Reason:\n%s", reason)
					}
					r.ends(b)
				} else {
					time.Sleep(40 * time.Second)
					if !a.Active() || !b.Active() {
						r.Errorf("the call ended\n%s", r.ladder())
					}
					r.ok(a.Hangup())
					r.ends(a, b)
				}
			})
		})
	}
}

// noEvents is a phone without telephone-event, opaque one whose codec has no tones: digits go by INFO.
func noEvents(c *phone.Config) { c.NoEvents = true }
func opaque(c *phone.Config)   { c.Codecs = []string{"PCMU"} }

// E10: the Reason of a BYE reaches the other side.
func TestE10_Reason(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		r.ok(a.Hangup(phone.WithHeader("Reason", `Q.850;cause=16;text="Normal call clearing"`)))
		end, err := b.WaitEnd(r.ctx)
		r.ok(err)
		if end.Reason != `Q.850;cause=16;text="Normal call clearing"` {
			r.Errorf("Reason %q", end.Reason)
		}
	})
}

// E11: calls.max ends a call for both.
func TestE11_MaxCall(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		time.Sleep(59 * time.Second)
		if !a.Active() || !b.Active() {
			r.Fatalf("ended early\n%s", r.ladder())
		}
		r.ends(a, b)
		r.received(alice, "BYE 1")
		r.received(bob, "BYE 1")
		if bye := got(alice, "BYE", "BYE", 1); !strings.Contains(bye, "Maximum call duration") {
			r.Errorf("%s", bye)
		}
	}, func(c *Config) { c.Calls.Max = time.Minute })
}

// E9: a call that nobody is in any more ends; one that is held does not.
func TestE9_Silence(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		time.Sleep(3 * time.Minute)
		r.ok(b.Hold(r.ctx, phone.Inactive))
		a.Media.Stop()
		b.Media.Stop()
		time.Sleep(3 * time.Minute)
		if !a.Active() || !b.Active() {
			r.Fatalf("a held call ended\n%s", r.ladder())
		}
		r.ok(b.Resume(r.ctx))
		start := time.Now()
		r.ends(a, b)
		if d := time.Since(start); d < 59*time.Second || d > 3*time.Minute {
			r.Errorf("ended after %v", d)
		}
		r.received(alice, "BYE 1")
		r.received(bob, "BYE 1")
		if bye := got(bob, "BYE", "BYE", 1); !strings.Contains(bye, "No media") {
			r.Errorf("%s", bye)
		}
	}, func(c *Config) { c.Calls.Silence = time.Minute })
}
