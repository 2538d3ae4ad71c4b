package sip

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
	"ringdown/callstate"
)

// call sends an INVITE to a number and gives what the agent offered to the exchange, or the status of its refusal.
func (o *office) call(p *phone.Phone, uri, from string, opts ...phone.Option) (callstate.LegOffered, int) {
	o.Helper()
	o.mu.Lock()
	before := o.calls
	o.mu.Unlock()
	opts = append(opts, phone.WithURI(uri), phone.WithTo("<"+uri+">"), phone.WithFrom(from+";tag=1"), phone.WithSDP(sdpOffer))
	c, err := p.Dial(o.Context(), uri, opts...)
	if err != nil {
		o.Fatal(err)
	}
	o.settle()
	o.mu.Lock()
	after := o.calls
	o.mu.Unlock()
	if after == before {
		var status int
		for _, m := range c.Responses() {
			status = m.Status
		}
		return callstate.LegOffered{}, status
	}
	offer := o.offered()
	o.agent.Do(callstate.HangUp{Leg: offer.Leg, Cause: callstate.Cause{Kind: callstate.NotFound, Status: 404}})
	o.settle()
	return offer, 0
}

// An INVITE is a trunk's by what is most exact, and then not challenged. A stranger's is, whatever number it is for, and
// so is that of an extension behind the trunk's address, which then calls as itself.
func TestIdentify(t *testing.T) {
	trunks := []Trunk{
		{Name: "wide", Address: "203.0.113.5", Identify: []netip.AddrPort{at("203.0.113.5")}},
		{Name: "exact", Address: "203.0.113.6", Identify: []netip.AddrPort{at("203.0.113.5:5080")}},
		{Name: "own address", Address: "203.0.113.7:5070"},
	}
	withTrunks(t, func(o *office) {
		const outside = "<sip:00441234@provider.example>"
		for _, tt := range []struct {
			name, from, caller string
			trunk, number      string
			status             int
		}{
			{"by address, any port", "203.0.113.5:5061", outside, "wide", "00441234", 0},
			{"address and port are more exact", "203.0.113.5:5080", outside, "exact", "00441234", 0},
			{"where calls are sent to", "203.0.113.7:5070", outside, "own address", "00441234", 0},
			{"another port of it", "203.0.113.7:5071", outside, "", "", 401},
			{"a stranger", "198.51.100.4:5060", outside, "", "", 401},
			{"a stranger that claims to be an extension", "198.51.100.4:5061", "<sip:2000@example.com>", "", "", 401},
			{"an extension behind the trunk's address", "203.0.113.5:5062", "<sip:2000@example.com>", "", "", 401},
			{"an extension that has our address for our domain", "203.0.113.5:5063", "<sip:2000@192.0.2.1>", "", "", 401},
			{"an outside number like that of an extension", "203.0.113.5:5064", "<sip:2000@provider.example>", "wide", "2000", 0},
			{"no extension of ours at our domain", "203.0.113.5:5065", "<sip:5551@example.com>", "wide", "5551", 0},
		} {
			p := o.peer(tt.from, nil)
			e, status := o.call(p, "sip:5503301@192.0.2.1", tt.caller, phone.WithoutAuth())
			if e.Trunk != tt.trunk || e.From.Number != tt.number || status != tt.status || status == 0 && e.To != "5503301" {
				t.Errorf("%s: by %q from %+v to %q, status %d", tt.name, e.Trunk, e.From, e.To, status)
			}
			p.Close()
		}
		// The extension behind the trunk's address answers its challenge.
		p := o.peer("203.0.113.5:5066", nil)
		e, status := o.call(p, "sip:2001@example.com", "<sip:2000@example.com>", phone.WithUser("2000"))
		if status != 0 || e.Trunk != "" || e.From != (callstate.Party{Number: "2000", Name: "Alice"}) {
			t.Errorf("the extension calls as %+v by %q, status %d", e.From, e.Trunk, status)
		}
	}, trunks...)
}

// A registered trunk is known by the account that its calls are addressed to, together with its address; the number is
// then where the provider left it.
func TestIdentifyByAccount(t *testing.T) {
	other := registers()
	other.Name, other.Username = "other", "acct2"
	withTrunks(t, func(o *office) {
		o.peer(providerAt, takesAll)
		o.settle()
		p := o.peer("203.0.113.5:5099", nil)
		for _, tt := range []struct {
			uri, to, called string
			trunk, number   string
		}{
			{"sip:acct@192.0.2.1:5060", "<sip:5503301@provider.example>", "", "provider", "5503301"},
			{"sip:acct2@192.0.2.1:5060", "<sip:5503302@provider.example>", "", "other", "5503302"},
			{"sip:acct2@192.0.2.1:5060", "<sip:acct2@provider.example>", "<tel:+5503303>", "other", "+5503303"},
			{"sip:acct2@192.0.2.1:5060", "<sip:acct2@provider.example>", "", "other", "acct2"},
		} {
			opts := []phone.Option{phone.WithHeader("To", tt.to)}
			if tt.called != "" {
				opts = append(opts, phone.WithHeader("P-Called-Party-ID", tt.called))
			}
			if e, status := o.call(p, tt.uri, "<sip:1@provider.example>", opts...); e.Trunk != tt.trunk || e.To != tt.number {
				t.Errorf("%s to %s: %q calls %q, status %d", tt.uri, tt.to, e.Trunk, e.To, status)
			}
		}
		stranger := o.peer("203.0.113.9:5099", nil)
		if _, status := o.call(stranger, "sip:acct@192.0.2.1", "<sip:1@provider.example>", phone.WithoutAuth()); status != 401 {
			t.Errorf("the account alone: status %d", status)
		}
	}, registers(), other)
}

// A trunk is trusted to say who calls (RFC 3325), and a caller who does not want to be known is not.
func TestTrunkCaller(t *testing.T) {
	trunk := provider()
	trunk.Identify = []netip.AddrPort{at("203.0.113.5")}
	withTrunks(t, func(o *office) {
		p := o.peer(providerAt, nil)
		for _, tt := range []struct {
			name, from string
			headers    []phone.Option
			want       callstate.Party
		}{
			{"From", `"Bob \"B\"" <sip:+4412@x.example>`, nil, callstate.Party{Number: "+4412", Name: `Bob "B"`}},
			{"tel", `<tel:+4412;phone-context=x>`, nil, callstate.Party{Number: "+4412"}},
			{"asserted", `<sip:1@x.example>`, []phone.Option{phone.WithHeader("P-Asserted-Identity", `"Bob" <sip:77@x.example>, <tel:+4477>`)},
				callstate.Party{Number: "77", Name: "Bob"}},
			{"anonymous", `"Anonymous" <sip:anonymous@anonymous.invalid>`, nil, callstate.Party{Number: "anonymous"}},
			{"asserted, but private", `<sip:1@x.example>`, []phone.Option{phone.WithHeader("P-Asserted-Identity", `<sip:77@x.example>`),
				phone.WithHeader("Privacy", "critical; id")}, callstate.Party{Number: "anonymous"}},
			{"asserted, but anonymous", `<sip:anonymous@anonymous.invalid>`, []phone.Option{phone.WithHeader("P-Asserted-Identity", `<sip:77@x.example>`)},
				callstate.Party{Number: "anonymous"}},
			{"no number", `<sip:x.example>`, nil, callstate.Party{Number: "anonymous"}},
			{"control characters (X15)", `<sip:1%0d%0aVia@x.example>`, nil, callstate.Party{Number: "1Via"}},
			{"long", `<sip:` + strings.Repeat("1", 500) + `@x.example>`, nil, callstate.Party{Number: strings.Repeat("1", 128)}},
		} {
			if e, status := o.call(p, "sip:5503301@192.0.2.1", tt.from, tt.headers...); e.From != tt.want {
				t.Errorf("%s: %+v, expected %+v, status %d", tt.name, e.From, tt.want, status)
			}
		}
	}, trunk)
}

// N13: what we send in the dialog with a trunk goes to its Contact, or its Record-Route, also a private one; a phone is
// found where it really is. X11: from elsewhere nobody has a say in the trunk's call.
func TestTrunkContact(t *testing.T) {
	for _, tt := range []struct{ name, contact, route, next string }{
		{"private address", "<sip:gw@10.1.2.3:5070>", "", "10.1.2.3:5070"},
		{"route set", "<sip:gw@10.1.2.3:5070>", "<sip:10.9.9.9;lr>", "10.9.9.9:5060"},
		{"a name is not looked up", "<sip:gw@gw.provider.example>", "", providerAt},
		{"no address at all", "<sip:gw@0.0.0.0>", "", providerAt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withTrunks(t, func(o *office) {
				next := o.peer(providerAt, takesAll)
				if tt.next != providerAt {
					next = o.peer(tt.next, takesAll)
				}
				p := o.phones[0]
				opts := []phone.Option{phone.WithURI("sip:5503301@192.0.2.1"), phone.WithFrom("<sip:1@provider.example>;tag=1"),
					phone.WithContact(tt.contact), phone.WithSDP(sdpOffer)}
				if tt.route != "" {
					opts = append(opts, phone.WithHeader("Record-Route", tt.route))
				}
				c, err := p.Dial(o.Context(), "sip:5503301@192.0.2.1", opts...)
				if err != nil {
					o.Fatal(err)
				}
				leg := o.offered().Leg
				o.agent.Do(callstate.Answer{Leg: leg, SDP: []byte(sdpOffer)})
				if err := c.WaitAnswer(o.Context()); err != nil {
					o.Fatal(err)
				}
				o.expect(leg, "LegOffered, LegConfirmed")

				local, remote := c.Tags()
				spoofed := "BYE sip:ringdown@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP {local};branch={branch}\nMax-Forwards: 70\nFrom: <sip:1@provider.example>;tag=" +
					local + "\nTo: <sip:5503301@192.0.2.1>;tag=" + remote + "\nCall-ID: " + c.ID + "\nCSeq: 77 BYE\nContent-Length: 0\n\n"
				if m, err := o.peer("198.51.100.66:5060", nil).Do(o.Context(), spoofed); err != nil || m.Status != 403 {
					o.Errorf("a stranger's BYE: %v %v", m, err)
				}
				o.agent.Do(callstate.Reoffer{Leg: leg, Ref: 7, SDP: []byte(sdpOffer)})
				o.count(next, "INVITE", 1)
				o.agent.Do(callstate.HangUp{Leg: leg, Cause: callstate.Cause{Kind: callstate.Normal}})
				o.count(next, "BYE", 1)
				if tt.next != providerAt {
					o.count(p, "BYE", 0)
				}
			}, provider())
		})
	}
}

// A trunk's Max-Forwards is carried on to the next trunk, so that a ring of switches comes to its end (T14, RFC 7332).
func TestTrunkMaxForwards(t *testing.T) {
	far := Trunk{Name: "far", Address: "203.0.113.8"}
	withTrunks(t, func(o *office) {
		p, other := o.peer(providerAt, nil), o.peer("203.0.113.8:5060", takesAll)
		for _, tt := range []struct{ in, out string }{{"12", "11"}, {"2", "1"}, {"1", ""}} {
			p.Dial(o.Context(), "sip:5503301@192.0.2.1", phone.WithFrom("<sip:1@x.example>;tag=1"), phone.WithHeader("Max-Forwards", tt.in), phone.WithSDP(sdpOffer))
			offer := o.offered()
			in := offer.Leg
			before := len(got(other, "INVITE"))
			out := callstate.LegID{Call: in.Call, N: 2}
			o.agent.Do(callstate.Dial{Leg: out, To: o.locate("far", "5503301")[0], Number: "5503301", From: callstate.Party{Number: "1"}, Forwards: offer.Forwards})
			o.settle()
			if ms := got(other, "INVITE")[before:]; len(ms) == 1 && ms[0].Get("Max-Forwards") != tt.out || (len(ms) == 1) != (tt.out != "") {
				t.Errorf("Max-Forwards %s: %v", tt.in, ms)
			}
			if tt.out == "" {
				o.expect(out, "ended loop 483")
			}
			o.agent.Do(callstate.HangUp{Leg: out})
			o.agent.Do(callstate.HangUp{Leg: in, Cause: callstate.Cause{Kind: callstate.Loop, Status: 483}})
		}
		time.Sleep(time.Second)
	}, provider(), far)
}
