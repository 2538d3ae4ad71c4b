package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// alive fails unless an ordinary call still works.
func (r *rig) alive() {
	r.Helper()
	alice, bob := r.phone("2010"), r.phone("2011")
	a, b := r.connect(alice, "2011", bob)
	r.converse(a, b)
	r.ok(a.Hangup())
	r.ends(a, b)
}

// X3: a request without one of its mandatory headers, or with a broken one, is refused or dropped and harms nothing.
// The RFC 4475 messages one by one (X1, X2) are the transaction layer's tests.
func TestX3_MissingHeaders(t *testing.T) {
	oddBubble(t, func(r *rig) {
		p := r.phone("2000")
		for _, method := range []string{"INVITE", "REGISTER", "BYE", "OPTIONS", "REFER", "ACK", "CANCEL"} {
			text := strings.ReplaceAll(strings.Replace(inviteText, "{more}", "", 1), "INVITE", method)
			for _, header := range []string{"To", "From", "Call-ID", "CSeq", "Via", "Max-Forwards", "Contact", "Content-Length"} {
				for _, line := range []string{"", header + ":", header + ": ", header + ": \x00\xff", header + ": ;;;;<>", header + ": " + strings.Repeat("a", 9000)} {
					at := strings.Index(text, "\n"+header+":") + 1
					broken := text[:at] + line + text[at+strings.Index(text[at:], "\n"):]
					if line == "" {
						broken = strings.Replace(broken, "\n\n", "\n", 1)
					}
					r.ok(p.Send([]byte(p.Fill(broken))))
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		for _, raw := range []string{"", "\r\n\r\n", "\x00", "INVITE", "SIP/2.0 200 OK\r\n\r\n", strings.Repeat("x", 60000)} {
			r.ok(p.Send([]byte(raw)))
		}
		time.Sleep(40 * time.Second)
		r.alive()
	})
}

// X4: answers to nothing are dropped; a 2xx to an INVITE that we never sent makes us send nothing (X16).
func TestX4_StrayResponses(t *testing.T) {
	oddBubble(t, func(r *rig) {
		p := r.phone("2000")
		for _, status := range []string{"100 Trying", "200 OK", "404 Not Found"} {
			for _, method := range []string{"INVITE", "BYE", "REGISTER"} {
				r.ok(p.Send([]byte(p.Fill("SIP/2.0 " + status + "\nVia: SIP/2.0/UDP {server};branch={branch}\nFrom: <sip:x@example.com>;tag={tag}\n" +
					"To: <sip:y@example.com>;tag=y\nCall-ID: {callid}\nCSeq: 1 " + method + "\nContact: <sip:y@{local}>\nContent-Length: 0\n\n"))))
			}
		}
		time.Sleep(40 * time.Second)
		r.received(p, "ACK 0", "BYE 0")
		r.alive()
	})
}

// X5: limits on size, count and depth.
func TestX5_Limits(t *testing.T) {
	oddBubble(t, func(r *rig) {
		p := r.phone("2000")
		for _, row := range []struct{ name, more string }{
			{"headers", strings.Repeat("X-A: b\n", 5000)},
			{"vias", strings.Repeat("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\n", 500)},
			{"contacts", "Contact: " + strings.Repeat("<sip:a@192.0.2.9>, ", 2000) + "<sip:b@192.0.2.9>\n"},
			{"routes", strings.Repeat("Record-Route: <sip:192.0.2.9;lr>\n", 2000)},
			{"long", "Subject: " + strings.Repeat("a", 50000) + "\n"},
			{"authorizations", strings.Repeat("Authorization: Digest username=\"a\"\n", 900)},
			{"length", "Content-Length: 99999999999999999999\n"},
			{"negative", "Content-Length: -1\n"},
		} {
			res, err := p.Do(r.ctx, strings.Replace(inviteText, "{more}", row.more, 1))
			if err != nil || res.Status < 400 {
				r.Errorf("%s: %v %v", row.name, res, err)
			}
		}
		time.Sleep(40 * time.Second)
		r.alive()
	})
}

// X10: every method that is not for everybody is challenged; afterwards it is told what we do not do.
func TestX10_Challenged(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.phone("2000")
		for method, status := range map[string]int{"MESSAGE": 405, "SUBSCRIBE": 489, "PUBLISH": 489, "REFER": 403, "FOO": 501} {
			m, err := p.Request(r.ctx, method, "2001", phone.WithoutAuth())
			r.status(m, err, 401)
			m, err = p.Request(r.ctx, method, "2001")
			r.status(m, err, status)
		}
		m, err := p.Request(r.ctx, "INFO", "2001")
		r.status(m, err, 481)
		m, err = p.Request(r.ctx, "SUBSCRIBE", "2001", phone.WithPassword("wrong"))
		r.status(m, err, 403)
	})
}

// X11: requests inside a dialog from elsewhere, or with a tag that is not right, do nothing.
func TestX11_SpoofedRequests(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob, mallory := r.phone("2000"), r.phone("2001"), r.phone("2009")
		a, b := r.connect(alice, "2001", bob)
		local, remote := a.Tags()
		from, to := "<sip:2000@example.com>;tag="+local, "<sip:2001@example.com>;tag="+remote
		opts := func(from, to string) []phone.Option {
			return []phone.Option{phone.WithFrom(from), phone.WithTo(to), phone.WithHeader("Call-ID", a.ID), phone.WithSDP(plainSDP),
				phone.WithHeader("Refer-To", "<sip:2009@example.com>")}
		}
		for i, method := range []string{"BYE", "INVITE", "UPDATE", "REFER", "INFO"} {
			seq := phone.WithHeader("CSeq", fmt.Sprint(100+i, " ", method))
			m, err := mallory.Request(r.ctx, method, "2001", append(opts(from, to), seq)...)
			r.status(m, err, 403) // its own password is not alice's
			m, err = mallory.Request(r.ctx, method, "2001", append(opts(from, to), seq, phone.WithoutAuth())...)
			r.status(m, err, 401)
			m, err = alice.Request(r.ctx, method, "2001", append(opts("<sip:2000@example.com>;tag=guessed", to), seq)...)
			r.status(m, err, 481)
			m, err = alice.Request(r.ctx, method, "2001", append(opts(from, "<sip:2001@example.com>;tag=guessed"), seq)...)
			r.status(m, err, 481)
		}
		if len(remote) < 12 {
			r.Errorf("our tag %q has less than 64 random bits", remote)
		}
		r.converse(a, b)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// X13: offers that make no sense, or that would have us send media where it must not go.
func TestX13_BadOffers(t *testing.T) {
	codecs := ""
	for i := range 1000 {
		codecs += fmt.Sprint(" ", i%128)
	}
	port := func(p string) string { return strings.Replace(plainSDP, " 4000 ", " "+p+" ", 1) }
	at := func(host string) string { return strings.ReplaceAll(plainSDP, "198.51.100.9", host) }
	bubble(t, func(r *rig) {
		alice := r.phone("2000")
		r.phone("2001", func(c *phone.Config) {
			c.OnInvite = func(b *phone.Call) {
				if b.Ring() == nil && b.Answer() == nil {
					b.Media.SendTone(bobTone)
				}
			}
		})
		r.net.SetTap(func(from, to netip.AddrPort, _ []byte) {
			ours := from.Addr() == switchAt.Addr() && from != switchAt
			if ours && (to.Addr() == switchAt.Addr() && to.Port() != 4000 || to.Addr().IsMulticast() || to.Addr().IsLoopback() || to.Addr().As4()[0] == 255) {
				r.Errorf("media went to %v", to)
			}
		})
		other := r.dial(alice, "2001")
		r.ok(other.WaitAnswer(r.ctx))
		open := fmt.Sprintf(" %d ", other.Remote().Addr.Port())
		for _, row := range []struct {
			name, sdp string
			refused   bool // else it may also be answered, without media
		}{
			{"X13 no media line", strings.Split(plainSDP, "m=")[0], true},
			{"X13 port 65536", port("65536"), true},
			{"X13 port -1", port("-1"), true},
			{"X13 port 0", port("0"), false},
			{"X13 1000 codecs", strings.Replace(plainSDP, "RTP/AVP 0", "RTP/AVP"+codecs, 1), false},
			{"X13 same codec", strings.Replace(plainSDP, "RTP/AVP 0", "RTP/AVP 0 0 0 0", 1), false},
			{"X13 our host", at("192.0.2.1"), false},
			{"X13 our media port", strings.Replace(at("192.0.2.1"), " 4000 ", open, 1), true},
			{"X13 our SIP port", strings.Replace(at("192.0.2.1"), " 4000 ", " 5060 ", 1), true},
			{"X13 multicast", at("224.0.0.5"), false},
			{"X13 broadcast", at("255.255.255.255"), false},
			{"X13 loopback", at("127.0.0.1"), false},
			{"X13 name", at("example.com"), false},
			{"X13 empty lines", "\r\n\r\n", true},
			{"X13 lines", plainSDP + strings.Repeat("a=x\r\n", 5000), false},
		} {
			a := r.dial(alice, "2001", phone.WithSDP(row.sdp))
			r.soon(time.Second, "answer to "+row.name, func() bool { return a.Active() || ended(a) })
			if a.Active() {
				if row.refused {
					r.Errorf("%s was accepted", row.name)
				}
				time.Sleep(time.Second)
				r.ok(a.Hangup())
			}
			end, err := a.WaitEnd(r.ctx)
			r.ok(err)
			if s := end.Status; s != 0 && s != 488 && s != 400 && s != 415 && s != 413 {
				r.Errorf("%s: %d %s", row.name, s, end.Reason)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

func ended(c *phone.Call) bool {
	for _, m := range c.Responses() {
		if m.Status >= 400 && m.Status != 401 {
			return true
		}
	}
	return false
}

// X15: names and numbers that try to break out of their header.
func TestX15_Injection(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		for _, from := range []string{
			`"a\"b\\" <sip:2000@example.com>`, `"x" <sip:2000%0d%0aEvil:1@example.com>`, `"<sip:2009@example.com>" <sip:2000@example.com>`,
		} {
			a := r.dial(alice, "2001", phone.WithFrom(from+";tag=t1"), phone.WithHeader("Subject", "x"))
			b := r.rings(bob)
			if text := b.Invite.String(); strings.Contains(text, "\r\nEvil") || !strings.Contains(b.Invite.Get("From"), "sip:2000@example.com") {
				r.Errorf("%s", text)
			}
			r.ok(b.Answer())
			r.ok(a.WaitAnswer(r.ctx))
			r.ok(b.Hangup())
			r.ends(a, b)
		}
		a, b := r.connect(alice, "2001", bob)
		for _, target := range []string{"sip:20%0d%0aEvil:1@example.com", "sip:2002@example.com;method=BYE", "sip:2002@example.com?Route=%3csip:evil%3e", "tel:+1;x", "http://x"} {
			m, err := a.Request(r.ctx, "REFER", phone.WithHeader("Refer-To", "<"+target+">"), phone.WithHeader("Referred-By", `<sip:"@>`))
			r.ok(err)
			if m.Status < 202 || m.Status >= 500 {
				r.Errorf("%s: %s", target, m.StartLine())
			}
			time.Sleep(time.Second)
		}
		if a.Active() {
			r.ok(a.Hangup())
		}
		r.ends(a, b)
	})
}
