package main

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
)

const (
	providerAt = "203.0.113.5:5060"
	spareAt    = "203.0.113.6:5060"
)

// outsideLines is two trunks: calls in to 5503301 ring 2000, those to 00... go out by the spare; extensions may call 0...
// by the provider and, when that fails, by the spare, 2001 may not.
func outsideLines(c *Config) {
	c.Trunks = []Trunk{
		{Name: "provider", Address: providerAt, Transport: "udp", Identify: ownAddress(providerAt), Username: "acct", Password: "secret"},
		{Name: "spare", Address: spareAt, Transport: "udp", Identify: ownAddress(spareAt)},
	}
	c.Routes.Inbound = []InboundRoute{
		{Trunk: "provider", Pattern: regexp.MustCompile("^5503301$"), To: "2000"},
		{Trunk: "provider", Pattern: regexp.MustCompile("^9[0-9]+$"), To: "{number}"},
	}
	c.Routes.Outbound = []OutboundRoute{
		{Pattern: regexp.MustCompile("^9[0-9]+$"), Trunks: []string{"spare"}, Strip: 1, Prepend: "00"},
		{Pattern: regexp.MustCompile("^0[0-9]+$"), Trunks: []string{"provider", "spare"}},
	}
	for i := range c.Extensions {
		c.Extensions[i].Outbound = c.Extensions[i].Number != "2001"
	}
}

// gateway is a provider's side of a trunk: it is nobody's extension. on sees what it receives first, as OnRequest does.
func (r *rig) gateway(at string, on func(p *phone.Phone, m *phone.Message) bool) *phone.Phone {
	r.Helper()
	var self atomic.Pointer[phone.Phone]
	p := r.unregistered("0044123", func(c *phone.Config) {
		c.Local, c.Domain, c.Password = at, "provider.example", "none"
		if on != nil {
			c.OnRequest = func(m *phone.Message) bool { return on(self.Load(), m) }
		}
	})
	self.Store(p)
	return p
}

// refuses answers every INVITE with a status, and no other request.
func refuses(status int, opts ...phone.Option) func(p *phone.Phone, m *phone.Message) bool {
	return func(p *phone.Phone, m *phone.Message) bool {
		if m.Method == "INVITE" {
			p.Respond(m, status, "", opts...)
		}
		return m.Method == "INVITE"
	}
}

// A call from outside rings the extension of its route, without a challenge, and shows who calls; either side hangs up.
func TestTrunkCallsIn(t *testing.T) {
	for _, outside := range []bool{true, false} {
		bubble(t, func(r *rig) {
			gw, alice := r.gateway(providerAt, nil), r.phone("2000")
			a, b := r.connect(gw, "sip:5503301@192.0.2.1", alice)
			r.tones(a, aliceTone, b, bobTone)
			if from := b.Invite.Get("From"); !strings.Contains(from, "sip:0044123@example.com") {
				t.Errorf("the phone is shown %s", from)
			}
			r.received(gw, "INVITE 401 0")
			if outside {
				r.ok(a.Hangup())
			} else {
				r.ok(b.Hangup())
			}
			r.ends(a, b)
		}, outsideLines)
	}
}

// A number that no route knows is not found; one that leads nowhere rings nobody.
func TestTrunkCallsNowhere(t *testing.T) {
	bubble(t, func(r *rig) {
		gw, spare := r.gateway(providerAt, nil), r.gateway(spareAt, nil)
		r.refused(r.dial(gw, "sip:777@192.0.2.1"), 404)
		r.refused(r.dial(spare, "sip:5503301@192.0.2.1"), 404) // the route is of the other trunk
		r.refused(r.dial(gw, "sip:5503301@192.0.2.1"), 480)    // no phone of 2000 is there
	}, outsideLines)
}

// An extension with the right calls out; S26: the provider's challenge is answered, and nobody notices.
func TestCallsOut(t *testing.T) {
	bubble(t, func(r *rig) {
		gw := r.gateway(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			if m.Method == "INVITE" && m.Get("Proxy-Authorization") == "" {
				p.Respond(m, 407, "", phone.WithHeader("Proxy-Authenticate", `Digest realm="provider.example", nonce="n", qop="auth"`))
				return true
			}
			return false
		})
		alice := r.phone("2000")
		a, b := r.connect(alice, "0044123", gw)
		r.tones(a, aliceTone, b, bobTone)
		if b.Invite.URI != "sip:0044123@"+providerAt || !strings.Contains(b.Invite.Get("P-Asserted-Identity"), "sip:2000@example.com") {
			t.Errorf("the provider is sent\n%s", b.Invite)
		}
		r.received(gw, "INVITE 2")
		r.ok(b.Hangup())
		r.ends(a, b)
	}, outsideLines)
}

// Who may not call out is refused, a stranger is challenged, and the provider hears of neither (design: toll fraud).
func TestCallsOutRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		gw, bob := r.gateway(providerAt, nil), r.phone("2001")
		r.refused(r.dial(bob, "0044123"), 403)
		stranger := r.unregistered("3000")
		r.refused(r.dial(stranger, "0044123", phone.WithoutAuth()), 401)
		r.refused(r.dial(stranger, "0044123"), 403) // it is not told that there is no such extension (X8)
		elsewhere := r.gateway("203.0.113.5:5061", nil)
		r.refused(r.dial(elsewhere, "sip:5503301@192.0.2.1", phone.WithoutAuth()), 401) // the provider's address, another port
		r.received(gw, "INVITE 0")
	}, outsideLines)
}

// O15, N14: when the first trunk answers 503, is silent, or takes no credentials, the next one is taken; the caller is
// told nothing of it, and the next call does not try a trunk that asked for a pause, or was silent, again.
func TestCallsOutByTheNextTrunk(t *testing.T) {
	for _, tt := range []struct {
		name  string
		on    func(p *phone.Phone, m *phone.Message) bool
		again int // INVITEs at the first trunk after the second call
	}{
		{"503 with Retry-After", refuses(503, phone.WithHeader("Retry-After", "60")), 1},
		{"503", refuses(503), 2},
		{"silence", func(p *phone.Phone, m *phone.Message) bool { return m.Method == "INVITE" }, 1},
		{"credentials refused", refuses(401, phone.WithHeader("WWW-Authenticate", `Digest realm="r", nonce="n"`)), 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			oddBubble(t, func(r *rig) {
				first, spare := r.gateway(providerAt, tt.on), r.gateway(spareAt, nil)
				alice := r.phone("2000")
				began := time.Now()
				a, b := r.connect(alice, "0044123", spare)
				if d := time.Since(began); d > 5*time.Second {
					t.Errorf("the next trunk was called after %s", d)
				}
				r.tones(a, aliceTone, b, bobTone)
				r.ok(a.Hangup())
				r.ends(a, b)
				a, b = r.connect(alice, "0044123", spare)
				r.ok(a.Hangup())
				r.ends(a, b)
				r.received(first, "INVITE "+string(rune('0'+tt.again)))
				for _, m := range a.Responses() {
					if m.Status > 200 && m.Status != 401 { // its own challenge
						t.Errorf("the caller is told %s", m.StartLine())
					}
				}
				time.Sleep(time.Minute) // its INVITE was given up long before its transaction
			}, outsideLines)
		})
	}
	// When all fail the caller hears of it, but never 503 (RFC 3261 §16.7).
	bubble(t, func(r *rig) {
		r.gateway(providerAt, refuses(503))
		r.gateway(spareAt, refuses(486))
		r.refused(r.dial(r.phone("2000"), "0044123"), 486)
	}, outsideLines)
}

// A call from one trunk to the other needs no extension and no registration.
func TestTrunkToTrunk(t *testing.T) {
	bubble(t, func(r *rig) {
		gw, spare := r.gateway(providerAt, nil), r.gateway(spareAt, nil)
		a, b := r.connect(gw, "sip:9441234@192.0.2.1", spare)
		r.tones(a, aliceTone, b, bobTone)
		if b.Invite.URI != "sip:00441234@"+spareAt || b.Invite.Get("Max-Forwards") != "69" {
			t.Errorf("sent on as\n%s", b.Invite)
		}
		r.ok(a.Hangup())
		r.ends(a, b)
		// The caller gives up while it rings.
		c, err := gw.Dial(r.ctx, "sip:9441234@192.0.2.1")
		r.ok(err)
		d := r.rung(spare)
		r.ok(c.WaitRinging(r.ctx))
		r.ok(c.Cancel())
		r.ends(c, d)
		r.received(spare, "CANCEL 1")
	}, outsideLines)
}

// T17: a phone sends its caller from outside on to an outside number, by REFER; the two outside parties hear each other.
func TestReferTrunkToTrunk(t *testing.T) {
	bubble(t, func(r *rig) {
		gw, spare, alice := r.gateway(providerAt, nil), r.gateway(spareAt, nil), r.phone("2000")
		a, b := r.connect(gw, "sip:5503301@192.0.2.1", alice)
		r.tones(a, aliceTone, b, bobTone)
		m, err := b.Refer(r.ctx, "tel:9441234")
		r.status(m, err, 202)
		c := r.rung(spare)
		r.ok(c.Answer())
		c.Media.SendTone(carolTone)
		r.hear(a, carolTone, c, aliceTone)
		r.ends(b)
		r.ok(c.Hangup())
		r.ends(a, c)
	}, outsideLines)
}

// Another switch is the provider: we register there as one of its extensions, are called by it through that, and call by
// it with that extension's credentials.
func TestRegisteredTrunk(t *testing.T) {
	bubble(t, func(r *rig) {
		far := &rig{TB: r.TB, net: r.net, trace: newTracer(nil), cfg: DefaultConfig()}
		far.cfg.SIP.Listen = []Listener{{"udp", netip.MustParseAddrPort(providerAt)}}
		far.cfg.SIP.Domain = "provider.example"
		far.cfg.Ozeki.Listen, far.cfg.Yeastar.Listen = netip.AddrPort{}, netip.AddrPort{}
		far.start(seams{
			udp:    func(a netip.AddrPort) (net.PacketConn, error) { return r.net.ListenPacket(a.String()) },
			media:  memMedia{r.net},
			tracer: far.trace,
		})
		r.Cleanup(far.close)
		bob := far.phone("2001", func(c *phone.Config) { c.Local = "198.51.100.77:0" })
		alice := r.phone("2000")
		r.soon(10*time.Second, "registered", func() bool { return r.sw.agent.Trunks()[0].Status == "up" })

		a, b := far.connect(bob, "2005", alice)
		r.tones(a, aliceTone, b, bobTone)
		if from := b.Invite.Get("From"); !strings.Contains(from, "sip:2001@") {
			t.Errorf("the phone is shown %s", from)
		}
		r.ok(a.Hangup())
		r.ends(a, b)

		a, b = r.connect(alice, "62001", bob)
		r.tones(a, aliceTone, b, bobTone)
		r.ok(b.Hangup())
		r.ends(a, b)
		far.settled()
	}, func(c *Config) {
		c.Trunks = []Trunk{{Name: "isp", Address: providerAt, Transport: "udp", Username: "2005", Password: demoPassword, Register: true}}
		c.Routes.Inbound = []InboundRoute{{Trunk: "isp", Pattern: regexp.MustCompile("^2005$"), To: "2000"}}
		c.Routes.Outbound = []OutboundRoute{{Pattern: regexp.MustCompile("^6"), Trunks: []string{"isp"}, Strip: 1}}
		i := slices.IndexFunc(c.Extensions, func(e Extension) bool { return e.Number == "2000" })
		c.Extensions[i].Outbound = true
	})
}

// With loss on the network a call by a trunk that challenges still comes about, once.
func TestCallsOutWithLoss(t *testing.T) {
	for seed := range uint64(20) {
		synctestRig(t, memnet.Options{Seed: seed, Loss: 0.15, Delay: 10 * time.Millisecond}, func(r *rig) {
			gw := r.gateway(providerAt, func(p *phone.Phone, m *phone.Message) bool {
				if m.Method == "INVITE" && m.Get("Authorization") == "" {
					p.Respond(m, 401, "", phone.WithHeader("WWW-Authenticate", `Digest realm="provider.example", nonce="n"`))
					return true
				}
				return false
			})
			alice := r.phone("2000")
			a, b := r.connect(alice, "0044123", gw)
			r.tones(a, aliceTone, b, bobTone)
			r.ok(a.Hangup())
			r.ends(a, b)
		}, outsideLines)
	}
}

// synctestRig is oddBubble on a network with these options.
func synctestRig(t *testing.T, o memnet.Options, f func(r *rig), change ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := memRig(t, o, change...)
		f(r)
		r.settled()
	})
}

// What goes to a phone carries on what is left of Max-Forwards as well: behind it may be a switch that sends the call back
// by a trunk (T14, RFC 7332 §5). Who has none left hears so.
func TestMaxForwards_T14(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001", phone.WithHeader("Max-Forwards", "9"))
		b := r.rung(bob)
		r.same("Max-Forwards at bob's phone", b.Invite.Get("Max-Forwards"), "8")
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.ok(a.Hangup())
		r.ends(a, b)
		r.refused(r.dial(alice, "2001", phone.WithHeader("Max-Forwards", "1")), 483)
		r.same("INVITEs at bob's phone", bob.Received("INVITE", 0), 1)
	})
}

// T17, A16: however an outside number is written, who has no right to call it reaches no trunk: an extension by INVITE and
// by REFER, a stranger, and a provider's caller who says that it is an extension with the right.
func TestNoWayOut_T17(t *testing.T) {
	forms := []string{"sip:0044123@example.com", "sip:%30044123@example.com", "sip:0044123;phone-context=+49@example.com",
		"sip:0044123:pw@example.com", "tel:0044123", "tel:0044123;phone-context=+49", "sips:0044123@example.com", "SIP:0044123@example.com",
		"sip:0044123@" + providerAt, "sip:94%34123@example.com;user=phone"}
	bubble(t, func(r *rig) {
		gw, spare := r.gateway(providerAt, nil), r.gateway(spareAt, nil)
		alice, bob := r.phone("2000"), r.phone("2001")
		for _, to := range forms {
			r.refused(r.dial(bob, to), 403)
			r.refused(r.dial(alice, to, phone.WithoutAuth()), 401)
			a, b := r.connect(alice, "2001", bob)
			before := len(sipfrags(bob))
			_, err := b.Refer(r.ctx, "<"+to+">")
			r.ok(err)
			r.pass(time.Second)
			told := sipfrags(bob)[before:]
			r.same("what the REFER to "+to+" led to", told[len(told)-1], "403 Forbidden terminated")
			r.ok(a.Hangup())
			r.ends(a, b)
		}
		for from, status := range map[string]int{"2000@example.com": 401, "%32000@EXAMPLE.com": 401, "2000@192.0.2.1": 401, "2000@provider.example": 404} {
			r.refused(r.dial(gw, "sip:0044123@192.0.2.1", phone.WithFrom("<sip:"+from+">;tag=1"), phone.WithoutAuth(),
				phone.WithHeader("P-Asserted-Identity", "<sip:2000@example.com>")), status)
		}
		r.same("INVITEs at the trunks", gw.Received("INVITE", 0)+spare.Received("INVITE", 0), 0)
	}, outsideLines)
}
