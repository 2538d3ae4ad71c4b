package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/bench/phone"
	"ringdown/callstate"
)

// An INVITE to a trunk: the number at its host, the caller at our domain and asserted, and what the core wants said.
func TestTrunkINVITE(t *testing.T) {
	shown := Trunk{Name: "shown", Address: "203.0.113.6:5070", From: "555000"}
	elsewhere := Trunk{Name: "elsewhere", Address: "203.0.113.7", From: "5551@sip.provider.example"}
	withTrunks(t, func(o *office) {
		refuse := func(p *phone.Phone, m *phone.Message) bool { p.Respond(m, 404, ""); return true }
		peers := map[string]*phone.Phone{"provider": o.peer(providerAt, refuse), "shown": o.peer("203.0.113.6:5070", refuse),
			"elsewhere": o.peer("203.0.113.7:5060", refuse)}
		for _, tt := range []struct {
			trunk  string
			change func(*callstate.Dial)
			want   map[string]string // header, "URI" for the Request-URI; empty: must not be there
		}{
			{"provider", nil, map[string]string{
				"URI": "sip:5503301@203.0.113.5:5060", "To": "<sip:5503301@203.0.113.5:5060>", "From": `"Alice" <sip:2000@example.com>`,
				"P-Asserted-Identity": `"Alice" <sip:2000@example.com>`, "Max-Forwards": "70", "Contact": "<sip:ringdown@192.0.2.1:5060>",
				"Replaces": "", "Privacy": "", "Diversion": "", "Authorization": ""}},
			{"shown", nil, map[string]string{"From": `"Alice" <sip:555000@203.0.113.6:5070>`, "P-Asserted-Identity": `"Alice" <sip:2000@example.com>`}},
			{"elsewhere", nil, map[string]string{"URI": "sip:5503301@203.0.113.7", "From": `"Alice" <sip:5551@sip.provider.example>`}},
			{"provider", func(d *callstate.Dial) { d.From = callstate.Party{Number: "anonymous", Name: "Alice"} }, map[string]string{
				"From": `"Anonymous" <sip:anonymous@anonymous.invalid>`, "Privacy": "id", "P-Asserted-Identity": ""}},
			{"provider", func(d *callstate.Dial) {
				d.Replaces, d.ReferredBy = "abc;to-tag=1;from-tag=2", "<sip:2001@example.com>"
				d.Diversions = []callstate.Diversion{{Number: "2001", Reason: "user-busy"}}
			}, map[string]string{"Replaces": "abc;to-tag=1;from-tag=2", "Referred-By": "<sip:2001@example.com>",
				"Diversion": "<sip:2001@example.com>;reason=user-busy;counter=1"}},
		} {
			before := len(got(peers[tt.trunk], "INVITE"))
			change := tt.change
			if change == nil {
				change = func(*callstate.Dial) {}
			}
			o.expect(o.dial(tt.trunk, "5503301", change), "ended not found 404")
			ms := got(peers[tt.trunk], "INVITE")[before:]
			if len(ms) != 1 {
				t.Fatalf("%s: %d INVITEs", tt.trunk, len(ms))
			}
			ms[0].Add("URI", ms[0].URI)
			for name, want := range tt.want {
				if v, _, _ := strings.Cut(ms[0].Get(name), ";tag="); v != want {
					t.Errorf("%s: %s: %q, expected %q", tt.trunk, name, v, want)
				}
			}
		}
	}, provider(), shown, elsewhere)
}

// A trunk that does not answer an INVITE within 4 s fails the leg, so that the next one is taken, and is left out for a
// while. Its INVITE is not repeated any more: that could only have somebody called for nothing. What it answers later is put
// in order: a 180 is cancelled, a 200 hung up, a refusal acknowledged.
func TestSilentTrunk(t *testing.T) {
	for _, late := range []int{0, 180, 200, 486} {
		withTrunks(t, func(o *office) {
			var invite atomic.Pointer[phone.Message]
			p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
				switch {
				case m.Method == "INVITE":
					invite.Store(m)
				case m.Method == "BYE" && m.Get("Authorization") == "":
					challenges(p, m, 401, `Digest realm="r", nonce="n"`) // E3
				default:
					p.Respond(m, 200, "")
				}
				return true
			})
			leg := o.dial("provider", "5503301")
			time.Sleep(3800 * time.Millisecond)
			o.expect(leg, "")
			time.Sleep(200 * time.Millisecond)
			o.expect(leg, "ended unavailable 480")
			if cs := o.locate("provider", "5503301"); len(cs) != 0 {
				t.Errorf("it is dialled on: %+v", cs)
			}
			copies := all(p, "INVITE")
			time.Sleep(4 * time.Second)
			if n := all(p, "INVITE"); copies != 4 || n != copies {
				t.Errorf("%d INVITEs until it was given up, %d in the end", copies, n)
			}
			switch late {
			case 180:
				p.Respond(invite.Load(), 180, "")
				o.count(p, "CANCEL", 1)
				p.Respond(invite.Load(), 487, "")
				o.count(p, "ACK", 1)
			case 200:
				answers(p, invite.Load())
				o.count(p, "ACK", 1)
				o.count(p, "BYE", 2)
			case 486:
				p.Respond(invite.Load(), 486, "")
				o.count(p, "ACK", 1)
			}
			o.expect(leg, "ended unavailable 480")
			time.Sleep(10 * time.Second)
			if cs := o.locate("provider", "5503301"); len(cs) != 1 {
				t.Errorf("it never comes back: %+v", o.agent.Trunks())
			}
		}, provider())
	}

	// The same when the call ends before. That alone says nothing of the trunk, which was asked once.
	withTrunks(t, func(o *office) {
		var invite atomic.Pointer[phone.Message]
		p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			if m.Method == "INVITE" {
				invite.Store(m)
				return true
			}
			return takesAll(p, m)
		})
		leg := o.dial("provider", "5503301")
		o.settle()
		o.agent.Do(hangUp(leg))
		time.Sleep(5 * time.Second)
		o.expect(leg, "ended normal 0")
		if n := all(p, "INVITE"); n != 1 {
			t.Errorf("%d INVITEs", n)
		}
		if cs := o.locate("provider", "5503301"); len(cs) != 1 {
			t.Errorf("%+v", o.agent.Trunks())
		}
		answers(p, invite.Load())
		o.count(p, "ACK", 1)
		o.count(p, "BYE", 1)
	}, provider())

	// A 100 in time is enough: then the ring time is what counts, not ours.
	withTrunks(t, func(o *office) {
		o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			if m.Method == "INVITE" {
				p.Respond(m, 100, "")
			} else if m.Method == "CANCEL" {
				return false
			}
			return true
		})
		leg := o.dial("provider", "5503301")
		time.Sleep(20 * time.Second)
		o.expect(leg, "")
		o.agent.Do(callstate.HangUp{Leg: leg, Cause: callstate.Cause{Kind: callstate.NoAnswer}})
		time.Sleep(40 * time.Second)
		o.expect(leg, "ended no answer 0")
	}, provider())
}

// all counts the requests of a method that a peer received, repetitions too.
func all(p *phone.Phone, method string) (n int) {
	for _, e := range p.Transcript() {
		if m, err := phone.ParseMessage([]byte(e.Text)); err == nil && !e.Out && m.Method == method {
			n++
		}
	}
	return n
}

// O15: a trunk that answers 503 with Retry-After gets no calls for so long, but at most 5 minutes; without it the next
// call may try. A call that runs there goes on.
func TestTrunkRetryAfter(t *testing.T) {
	withTrunks(t, func(o *office) {
		var after atomic.Pointer[string]
		p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			s := after.Load()
			switch {
			case m.Method != "INVITE" || s == nil:
				return takesAll(p, m)
			case *s == "":
				p.Respond(m, 503, "")
			default:
				p.Respond(m, 503, "", phone.WithHeader("Retry-After", *s))
			}
			return true
		})
		running := o.dial("provider", "1")
		o.expect(running, "answered")
		for _, tt := range []struct {
			value string
			pause time.Duration
		}{{"", 0}, {"nonsense", 0}, {"120 (too many calls);duration=60", 2 * time.Minute}, {"99999999", 5 * time.Minute}} {
			after.Store(&tt.value)
			o.expect(o.dial("provider", "2"), "ended failed 503")
			if tt.pause > 0 {
				time.Sleep(tt.pause - time.Second)
				if cs := o.locate("provider", "2"); len(cs) != 0 || o.agent.Trunks()[0].Status != TrunkPaused {
					t.Errorf("%q: dialled in the pause: %+v", tt.value, o.agent.Trunks())
				}
				time.Sleep(time.Second)
			}
			if cs := o.locate("provider", "2"); len(cs) != 1 || o.agent.Trunks()[0].Status != TrunkUp {
				t.Errorf("%q: not dialled after the pause: %+v", tt.value, o.agent.Trunks())
			}
		}
		o.expect(running, "answered")
		o.agent.Do(callstate.HangUp{Leg: running})
		o.count(p, "BYE", 1)
	}, provider())
}

// zone is a Resolver with fixed answers.
type zone struct {
	srv   []*net.SRV
	hosts map[string]string
	fail  atomic.Bool
	asked atomic.Int32
}

func (n *zone) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	if len(n.srv) == 0 {
		return "", nil, errors.New("no such host")
	}
	return "", n.srv, nil
}

func (n *zone) LookupNetIP(_ context.Context, _, host string) (out []netip.Addr, err error) {
	n.asked.Add(1)
	if n.fail.Load() {
		return nil, errors.New("the resolver is away")
	}
	for s := range strings.FieldsSeq(n.hosts[host]) {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

// N14: the addresses of a trunk are tried in their order, each in a transaction of its own, when one is silent, cannot be
// reached or answers 503; the call is told only what the last one says.
func TestTrunkNextAddress(t *testing.T) {
	dns := &zone{srv: []*net.SRV{{Target: "a.provider.example.", Port: 5060}, {Target: "b.provider.example.", Port: 5070}, {Target: "c.provider.example.", Port: 5060}},
		hosts: map[string]string{"a.provider.example": "203.0.113.5", "b.provider.example": "203.0.113.6", "c.provider.example": "203.0.113.7"}}
	withConfig(t, func(o *office) {
		dead := o.peer("203.0.113.5:5060", func(*phone.Phone, *phone.Message) bool { return true })
		busy := o.peer("203.0.113.6:5070", func(p *phone.Phone, m *phone.Message) bool {
			p.Respond(m, 503, "", phone.WithHeader("Retry-After", "60"))
			return true
		})
		good := o.peer("203.0.113.7:5060", takesAll)
		leg := o.dial("provider", "5503301")
		time.Sleep(4500 * time.Millisecond)
		o.expect(leg, "answered")
		first, second, third := o.count(dead, "INVITE", 1)[0], o.count(busy, "INVITE", 1)[0], o.count(good, "INVITE", 1)[0]
		for _, m := range []*phone.Message{second, third} {
			if m.Get("CSeq") != first.Get("CSeq") || m.Get("Call-ID") != first.Get("Call-ID") || m.FromTag() != first.FromTag() || m.Branch() == first.Branch() ||
				m.URI != "sip:5503301@provider.example" {
				t.Errorf("tried again as\n%s\nafter\n%s", m, first)
			}
		}
		// The next call does not try them first.
		next := o.dial("provider", "2")
		o.expect(next, "answered")
		o.count(dead, "INVITE", 1)
		o.count(busy, "INVITE", 1)
		o.agent.Do(callstate.HangUp{Leg: next})
		o.agent.Do(callstate.HangUp{Leg: leg})
		o.count(good, "BYE", 2)
	}, Config{Resolver: dns, Trunks: []Trunk{{Name: "provider", Address: "provider.example"}}})
}

// What an address answers after the next one was tried does not count: a refusal changes nothing, a 200 is acknowledged
// and hung up (S14).
func TestTrunkAnswersLate(t *testing.T) {
	dns := &zone{hosts: map[string]string{"provider.example": "203.0.113.5 203.0.113.6"}}
	for _, late := range []int{486, 180, 200} {
		withConfig(t, func(o *office) {
			keep := func(to *atomic.Pointer[phone.Message]) func(*phone.Phone, *phone.Message) bool {
				return func(p *phone.Phone, m *phone.Message) bool {
					switch m.Method {
					case "INVITE":
						to.Store(m)
					case "CANCEL":
						return false
					default:
						p.Respond(m, 200, "")
					}
					return true
				}
			}
			var first, second atomic.Pointer[phone.Message]
			slow, good := o.peer("203.0.113.5:5060", keep(&first)), o.peer("203.0.113.6:5060", keep(&second))
			leg := o.dial("provider", "5503301")
			time.Sleep(4100 * time.Millisecond)
			good.Respond(second.Load(), 100, "")
			switch late {
			case 200:
				answers(slow, first.Load())
				o.count(slow, "ACK", 1)
				o.count(slow, "BYE", 1)
			case 180:
				slow.Respond(first.Load(), 180, "")
				o.count(slow, "CANCEL", 1)
				slow.Respond(first.Load(), 487, "")
			default:
				slow.Respond(first.Load(), late, "")
			}
			o.expect(leg, "")
			answers(good, second.Load())
			o.expect(leg, "answered")
			o.agent.Do(hangUp(leg))
			o.expect(leg, "answered, ended normal 0")
			o.count(good, "BYE", 1)
		}, Config{Resolver: dns, Trunks: []Trunk{{Name: "provider", Address: "provider.example"}}})
	}
}

// A name that cannot be looked up is looked up again; when a refresh fails, what was known stays. Identification knows
// the addresses of the name.
func TestTrunkName(t *testing.T) {
	dns := &zone{hosts: map[string]string{"provider.example": "203.0.113.5"}}
	dns.fail.Store(true)
	withConfig(t, func(o *office) {
		p := o.peer(providerAt, takesAll)
		if s := o.agent.Trunks()[0]; s.Status != TrunkUnresolved || s.Reason == "" || len(o.locate("provider", "1")) != 0 {
			t.Errorf("%+v", s)
		}
		dns.fail.Store(false)
		time.Sleep(6 * time.Second)
		if s := o.agent.Trunks()[0]; s.Status != TrunkUp || s.Address != netip.MustParseAddrPort(providerAt) {
			t.Errorf("%+v", s)
		}
		if e, status := o.call(p, "sip:5503301@192.0.2.1", "<sip:1@x.example>"); e.Trunk != "provider" {
			t.Errorf("its call is not known: %+v %d", e, status)
		}
		dns.fail.Store(true)
		asked := dns.asked.Load()
		time.Sleep(2 * time.Minute)
		if n := dns.asked.Load() - asked; n < 2 || n > 6 || o.agent.Trunks()[0].Status != TrunkUp {
			t.Errorf("asked %d times, %+v", n, o.agent.Trunks())
		}
	}, Config{Resolver: dns, Trunks: []Trunk{{Name: "provider", Address: "provider.example:5060"}}})
}

// S28: 422 is obeyed as long as what it asks for grows. S29: other refusals of the kind are passed on at once.
func TestTrunkSessionInterval(t *testing.T) {
	withTrunks(t, func(o *office) {
		p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			switch m.Get("Min-SE") {
			case "", "90":
				p.Respond(m, 422, "", phone.WithHeader("Min-SE", map[string]string{"": "90", "90": "120"}[m.Get("Min-SE")]))
			default:
				p.Respond(m, 422, "", phone.WithHeader("Min-SE", "100"))
			}
			return true
		})
		o.expect(o.dial("provider", "1"), "ended failed 422")
		ms := o.count(p, "INVITE", 3)
		if a, _ := ms[2].CSeq(); a != 3 || ms[2].Get("Min-SE") != "120" || ms[2].Get("Call-ID") != ms[0].Get("Call-ID") {
			t.Errorf("%s", ms[2])
		}
	}, provider())
	for _, status := range []int{415, 420, 488, 606} {
		withTrunks(t, func(o *office) {
			p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool { p.Respond(m, status, "No"); return true })
			o.expect(o.dial("provider", "1"), "ended "+string(callstate.CauseOf(status).Kind)+" "+itoa(status))
			o.count(p, "INVITE", 1)
		}, provider())
	}
}

func itoa(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

// F4, F7: a phone's 302 names numbers, the most wanted first; 305 and 380 name none, nor does a trunk.
func TestRedirects(t *testing.T) {
	for _, tt := range []struct {
		name     string
		status   int
		contacts []string
		want     []callstate.Redirect
	}{
		{"one", 302, []string{"<sip:2002@example.com>"}, []callstate.Redirect{{Number: "2002", Q: 1000}}},
		{"by q, in order where it is equal", 302, []string{"<sip:1@x>;q=0.2", "<sip:2@x>", "<sip:3@x>;q=0.75", "<sip:4@x>;q=1.0"},
			[]callstate.Redirect{{Number: "2", Q: 1000}, {Number: "4", Q: 1000}, {Number: "3", Q: 750}, {Number: "1", Q: 200}}},
		{"hosts do not matter, tel counts, escapes are undone", 301, []string{"<sip:2002@203.0.113.9:5070;transport=tcp>;q=0.5", "<tel:+441234;phone-context=x>", "<sip:%32001;x=y@h>;q=0.1"},
			[]callstate.Redirect{{Number: "+441234", Q: 1000}, {Number: "2002", Q: 500}, {Number: "2001", Q: 100}}},
		{"odd ones are left out", 300, []string{"<mailto:a@example.com>", "<sip:example.com>", "<sip:1%0d%0a2@x>", "<sip:1%202@x>", "<sip:7@x>;q=nonsense"},
			[]callstate.Redirect{{Number: "7", Q: 1000}}},
		{"each number once, by its best", 302, []string{"<sip:7@x>;q=0.1", "<sip:7@y>;q=0.9"}, []callstate.Redirect{{Number: "7", Q: 900}}},
		{"use proxy", 305, []string{"<sip:7@x>"}, nil},
		{"alternative service", 380, []string{"<sip:7@x>"}, nil},
		{"none", 302, nil, nil},
	} {
		withTrunks(t, func(o *office) {
			p := o.peer("198.51.100.9:5060", func(p *phone.Phone, m *phone.Message) bool {
				var opts []phone.Option
				for _, c := range tt.contacts {
					opts = append(opts, phone.WithHeader("Contact", c))
				}
				p.Respond(m, tt.status, "Moved", opts...)
				return true
			})
			leg := callstate.LegID{Call: 9, N: 2}
			o.agent.Do(callstate.Dial{Leg: leg, Number: "2000", From: callstate.Party{Number: "2001"}, To: callstate.Contact{URI: "sip:2000@198.51.100.9",
				Flow: "UDP " + switchAt + " 198.51.100.9:5060"}})
			o.expect(leg, "ended unavailable "+itoa(tt.status))
			o.count(p, "INVITE", 1)
			if moved := o.ended(leg).Moved; !reflect.DeepEqual(moved, tt.want) {
				t.Errorf("%s: %+v, expected %+v", tt.name, moved, tt.want)
			}
		})
	}
	withTrunks(t, func(o *office) {
		o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			p.Respond(m, 302, "", phone.WithHeader("Contact", "<sip:0900@x>"))
			return true
		})
		leg := o.dial("provider", "1")
		o.expect(leg, "ended unavailable 302")
		if moved := o.ended(leg).Moved; moved != nil {
			t.Errorf("a trunk sends us on to %+v", moved)
		}
	}, provider())
	var res sip.Response
	res.StatusCode = 302
	for i := range 30 {
		res.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: itoa(100 + i), Host: "x"}})
	}
	if n := len(redirects(&res)); n != maxRedirects {
		t.Errorf("%d redirects", n)
	}
}

func (o *office) ended(leg callstate.LegID) (e callstate.LegEnded) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ev := range o.events {
		if l, ok := ev.(callstate.LegEnded); ok && l.Leg == leg {
			e = l
		}
	}
	return e
}
