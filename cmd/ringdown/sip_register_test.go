package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// signed sends a REGISTER of our own writing with right credentials.
func (r *rig) signed(p *phone.Phone, number string, more ...string) *phone.Message {
	r.Helper()
	return r.register(p, append(more, "Authorization: "+r.answerTo(r.challenge(p)[0], number).String())...)
}

// contacts asks for the bindings of a number.
func (r *rig) contacts(p *phone.Phone, number string) []string {
	r.Helper()
	return r.status(r.signed(p, number), nil, 200).List("Contact")
}

// A binding is added, listed, refreshed, removed, and removed with all others by "*".
func TestRegistrar(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		expect := func(want ...string) {
			t.Helper()
			got := r.contacts(p, "2001")
			ok := len(got) == len(want)
			for i := 0; ok && i < len(want); i++ {
				ok = strings.Contains(strings.Join(got, "\n"), want[i])
			}
			if !ok {
				r.Errorf("contacts %q, expected %q", got, want)
			}
		}
		expect()
		a, b := "Contact: <sip:2001@198.51.100.1:1111>", "Contact: <sip:2001@198.51.100.1:2222>;q=0.5"
		r.status(r.signed(p, "2001", a, "Expires: 120"), nil, 200)
		expect("<sip:2001@198.51.100.1:1111>;expires=120")
		r.status(r.signed(p, "2001", b+";expires=600"), nil, 200)
		expect(":1111>;expires=120", ":2222>;expires=600;q=0.5")
		r.status(r.signed(p, "2001", a+";expires=0"), nil, 200)
		expect(":2222>;expires=600;q=0.5")
		r.status(r.signed(p, "2001", "m: <sip:2001@198.51.100.1:3333>;expires=60, <sip:2001@198.51.100.1:4444>"), nil, 200)
		expect(":2222>", ":3333>;expires=60", ":4444>;expires=3600")
		time.Sleep(time.Minute)
		expect(":2222>;expires=540", ":4444>;expires=3540")
		r.status(r.signed(p, "2001", "Contact: *", "Expires: 0"), nil, 200)
		expect()
		if n := r.sw.agent.Counts().Bindings; n != 0 {
			r.Errorf("%d bindings are kept", n)
		}
	})
}

// N2: a repeated REGISTER gets the same answer; an older one is refused and changes nothing.
func TestN2_RegisterRepeated(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.phone("2001")
		last := ""
		for _, e := range p.Transcript() {
			if e.Out {
				last = e.Text
			}
		}
		r.ok(p.Send([]byte(last)))
		again := phone.Key{Method: "REGISTER", Status: 200, Repeat: true}
		r.soon(time.Second, "repeated answer", func() bool { return p.Count(again) == 1 })
		m, err := p.RegisterRaw(r.ctx, phone.WithHeader("CSeq", "1 REGISTER"), phone.WithExpires(0))
		r.status(m, err, 500)
		if n := r.sw.agent.Counts().Bindings; n != 1 {
			r.Errorf("%d bindings", n)
		}
	})
}

// N3, N4, N5, N7 and what else is refused: the bindings stay as they were.
func TestRegisterRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.phone("2001")
		good := "Contact: <sip:2001@198.51.100.1:1111>"
		for _, row := range []struct {
			name  string
			want  int
			lines []string
		}{
			{"N3 star without Expires", 400, []string{"Contact: *"}},
			{"N3 star with another Expires", 400, []string{"Contact: *", "Expires: 60"}},
			{"N3 star and another", 400, []string{"Contact: *", good, "Expires: 0"}},
			{"N4 one of two refused", 423, []string{good, "Contact: <sip:2001@198.51.100.1:2222>;expires=5"}},
			{"N4 one of two broken", 400, []string{good, "Contact: <mailto:bob@example.com>"}},
			{"N5 too short", 423, []string{good, "Expires: 59"}},
			{"bad Expires", 400, []string{good, "Expires: soon"}},
			{"bad q", 400, []string{good + ";q=7"}},
			{"Require", 420, []string{good, "Require: gruu"}},
		} {
			res := r.signed(p, "2001", row.lines...)
			if res.Status != row.want {
				r.Errorf("%s: %s", row.name, res.StartLine())
			}
			if res.Status == 423 && res.Get("Min-Expires") != "60" {
				r.Errorf("%s: Min-Expires %q", row.name, res.Get("Min-Expires"))
			}
			if got := r.contacts(p, "2001"); len(got) != 1 || !strings.Contains(got[0], p.ContactURI()) {
				r.Errorf("%s: contacts %q", row.name, got)
			}
		}
		m, err := p.RegisterRaw(r.ctx, phone.WithTo("<sip:2002@example.com>"))
		r.status(m, err, 403) // N7
	})
}

// N5: a longer time than allowed is shortened, and the answer says so.
func TestN5_ExpiresShortened(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		m, err := p.RegisterRaw(r.ctx, phone.WithExpires(9_999_999))
		if c := r.status(m, err, 200).Get("Contact"); !strings.Contains(c, ";expires=7200") {
			r.Errorf("granted %q", c)
		}
	})
}

// An extension may have so many contacts and no more.
func TestContactsLimit(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		for i := range 12 {
			want := 200
			if i >= 10 {
				want = 403
			}
			r.status(r.signed(p, "2001", fmt.Sprintf("Contact: <sip:2001@198.51.100.1:%d>", 1000+i)), nil, want)
		}
	})
}

// N1: a registration that expires ends no call.
func TestN1_ExpiryDuringCall(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.unregistered("2001")
		r.ok(bob.Register(r.ctx, 60))
		a, b := r.connect(alice, "2001", bob)
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		time.Sleep(2 * time.Minute)
		r.refused(r.dial(alice, "2001"), 480)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// F8: a phone that answers nothing is not called again until it registers anew, also when the caller or the ring time
// gave up before its transaction did; one that registered meanwhile is, and one that rang is.
func TestF8_DeadContact(t *testing.T) {
	for _, c := range []struct {
		name             string
		patience         time.Duration // of the caller
		answers, returns bool
		left             int
	}{
		{"the ring time ends", time.Minute, false, false, 0},
		{"the caller gives up", 2 * time.Second, false, false, 0},
		{"back meanwhile", time.Minute, false, true, 1},
		{"it rang", time.Minute, true, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				alice, bob := r.phone("2000"), r.phone("2001")
				a := r.dial(alice, "2001")
				if c.answers {
					r.rings(bob)
				}
				time.AfterFunc(c.patience, func() { _ = a.Cancel() })
				time.Sleep(20 * time.Second)
				if c.returns {
					r.ok(bob.Register(r.ctx, 300))
				}
				time.Sleep(13 * time.Second)
				if got := r.contacts(bob, "2001"); len(got) != c.left {
					r.Errorf("contacts %q, expected %d", got, c.left)
				}
			})
		})
	}
}

// N6: a phone that was set up anew has another instance; at its old address it is one phone and rings once.
func TestN6_SetUpAnew(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		for _, instance := range []string{"1", "2"} {
			r.status(r.signed(p, "2001", `Contact: <sip:2001@198.51.100.1:1111>;+sip.instance="<urn:uuid:`+instance+`>"`), nil, 200)
		}
		if got := r.contacts(p, "2001"); len(got) != 1 || !strings.Contains(got[0], "uuid:2") {
			r.Errorf("contacts %q", got)
		}
	})
}

// N6: a phone whose NAT gave it another port registers again; its call goes on there.
func TestN6_RebindingDuringCall(t *testing.T) {
	oddBubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001", natted("old"))
		a, b := r.connect(alice, "2001", bob)
		moved := r.unregistered("2001", natted("new"))
		m, err := moved.RegisterRaw(r.ctx, phone.WithExpires(300))
		if got := r.status(m, err, 200).List("Contact"); len(got) != 1 {
			r.Errorf("contacts %q", got)
		}
		r.ok(a.Hangup())
		r.soon(time.Second, "BYE at the new port", func() bool { return moved.Received("BYE", 0) == 1 })
		r.received(bob, "BYE 0")
		_ = b
	})
}

// natted is a phone that shows one private contact wherever it really is.
func natted(string) func(*phone.Config) {
	return func(c *phone.Config) { c.Contact = "sip:2001@10.0.0.9:5060" }
}

// N12, N13: a phone behind a NAT that knows nothing of it is called, answers, and is hung up.
func TestN13_PrivateContact(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001", natted(""))
		a, b := r.connect(alice, "2001", bob)
		if b.Invite.URI != "sip:2001@10.0.0.9:5060" {
			r.Errorf("called at %s", b.Invite.URI)
		}
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		r.ok(a.Hangup())
		r.ends(a, b)
		r.received(bob, "ACK 1", "BYE 1")
	})
}

// N12: the answer goes to where the request came from, and its Via says where that was.
func TestN12_ViaWithoutRport(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		text := strings.Replace(strings.Replace(registerText, "{more}", "", 1), "{local};branch={branch};rport",
			"10.0.0.9:5060;branch={branch}", 1)
		res, err := p.Do(r.ctx, text)
		via := r.status(res, err, 401).Get("Via")
		if !strings.Contains(via, "received="+p.Addr().Addr().String()) {
			r.Errorf("Via: %s", via)
		}
	})
}

// OPTIONS is answered to anybody, for any number alike.
func TestOptions(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		for _, target := range []string{"2001", "7777", "sip:example.com"} {
			m, err := p.Request(r.ctx, "OPTIONS", target)
			r.status(m, err, 200)
			if !strings.Contains(m.Get("Allow"), "REFER") || m.Get("Accept") != "application/sdp" {
				r.Errorf("%s", m)
			}
			for tag, is := range map[string]bool{"100rel": false, "timer": false, "replaces": true} {
				if strings.Contains(m.Get("Supported"), tag) != is {
					r.Errorf("%s: advertised must be %v (P13)", tag, is)
				}
			}
		}
	})
}
