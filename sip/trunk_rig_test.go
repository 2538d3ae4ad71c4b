package sip

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/callstate"
)

const (
	switchAt   = "192.0.2.1:5060"
	providerAt = "203.0.113.5:5060"
	sdpOffer   = "v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)

// office is an agent with trunks on a network in memory, in virtual time. It is its own exchange, which keeps what it is
// told.
type office struct {
	*testing.T
	net    *memnet.Network
	tcp    string // where a real one listens
	agent  *Agent
	phones []*phone.Phone

	mu     sync.Mutex
	calls  callstate.CallID
	events []callstate.Event
	states []TrunkState
}

func (o *office) NewCallID() callstate.CallID {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	return o.calls
}

func (o *office) Post(ev callstate.Event) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, ev)
	return true
}

// withTrunks runs f with an agent that has these trunks. At its end nothing is left in the agent, nor a goroutine: the
// bubble waits for all of them.
func withTrunks(t *testing.T, f func(o *office), trunks ...Trunk) {
	t.Helper()
	withConfig(t, f, Config{Trunks: trunks})
}

func withConfig(t *testing.T, f func(o *office), c Config) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &office{T: t, net: memnet.New(memnet.Options{Delay: 5 * time.Millisecond})}
		c.Exchange, c.ReadSDP = o, func([]byte) (callstate.Facts, error) { return callstate.Facts{}, nil }
		c.Users = []User{{Number: "2000", Name: "Alice", Password: "x"}}
		c.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
		c.OnTrunk = func(s TrunkState) {
			o.mu.Lock()
			o.states = append(o.states, s)
			o.mu.Unlock()
		}
		a, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		o.agent = a
		pc, err := o.net.ListenPacket(switchAt)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.ServeUDP(pc); err != nil {
			t.Fatal(err)
		}
		defer func() {
			a.Close()
			for _, p := range o.phones {
				p.Close()
			}
			o.net.Close()
		}()
		o.settle()
		f(o)
		time.Sleep(70 * time.Second) // a CANCEL without an answer, and Timer B before it
		if n := a.Counts(); n.Legs+n.Dialogs != 0 {
			t.Errorf("left in the agent: %+v", n)
		}
	})
}

// settle gives what is on its way the time to arrive and be worked off.
func (o *office) settle() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}

// peer is a provider, or whoever else, at an address of the network. on sees what it receives and tells whether it has
// answered it; else the phone does.
func (o *office) peer(at string, on func(p *phone.Phone, m *phone.Message) bool) *phone.Phone {
	o.Helper()
	var p *phone.Phone
	ready := make(chan struct{})
	c := phone.Config{Number: "provider", Password: "x", Local: at, Server: switchAt, Domain: "provider.example", Net: phone.Over(o.net.ListenPacket)}
	if on != nil {
		c.OnRequest = func(m *phone.Message) bool { <-ready; return on(p, m) }
	}
	p, err := phone.New(c)
	if err != nil {
		o.Fatal(err)
	}
	close(ready)
	o.phones = append(o.phones, p)
	return p
}

// dial has the agent call a number by a trunk, and gives the leg.
func (o *office) dial(trunk, number string, change ...func(*callstate.Dial)) callstate.LegID {
	o.Helper()
	cs := o.locate(trunk, number)
	if len(cs) != 1 {
		o.Fatalf("%s is reached by %+v\n%v", number, cs, o.agent.Trunks())
	}
	leg := callstate.LegID{Call: o.NewCallID(), N: 2}
	d := callstate.Dial{Leg: leg, To: cs[0], Number: number, From: callstate.Party{Number: "2000", Name: "Alice"}, SDP: []byte(sdpOffer)}
	for _, c := range change {
		c(&d)
	}
	o.agent.Do(d)
	return leg
}

// locate asks how a trunk is reached.
func (o *office) locate(trunk, number string) []callstate.Contact {
	o.Helper()
	o.agent.Do(callstate.Locate{Call: 1, Ref: 1, Number: number, Trunk: trunk})
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := len(o.events) - 1; i >= 0; i-- {
		if l, ok := o.events[i].(callstate.Located); ok {
			o.events = append(o.events[:i:i], o.events[i+1:]...)
			return l.Contacts
		}
	}
	o.Fatal("Locate was not answered")
	return nil
}

// told is what a leg was told so far, in words.
func (o *office) told(leg callstate.LegID) string {
	o.settle()
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, ev := range o.events {
		if e, ok := ev.(interface{ About() callstate.LegID }); !ok || e.About() != leg {
			continue
		}
		switch ev := ev.(type) {
		case callstate.LegProgress:
			out = append(out, fmt.Sprint("progress ", ev.Status))
		case callstate.LegAnswered:
			out = append(out, "answered")
		case callstate.LegEnded:
			out = append(out, fmt.Sprintf("ended %s %d", ev.Cause.Kind, ev.Cause.Status))
		default:
			out = append(out, strings.TrimPrefix(fmt.Sprintf("%T", ev), "callstate."))
		}
	}
	return strings.Join(out, ", ")
}

// expect fails unless the leg was told exactly that.
func (o *office) expect(leg callstate.LegID, want string) {
	o.Helper()
	if got := o.told(leg); got != want {
		o.Errorf("leg %s was told %q, expected %q", leg, got, want)
	}
}

// offered is the last LegOffered.
func (o *office) offered() (e callstate.LegOffered) {
	o.settle()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ev := range o.events {
		if l, ok := ev.(callstate.LegOffered); ok {
			e = l
		}
	}
	return e
}

// got are the messages that a peer received, requests by method, responses by "status method"; no repetitions.
func got(p *phone.Phone, what string) (out []*phone.Message) {
	for _, e := range p.Transcript() {
		m, err := phone.ParseMessage([]byte(e.Text))
		if err != nil || e.Out || e.Repeat {
			continue
		}
		name := m.Method
		if name == "" {
			_, method := m.CSeq()
			name = fmt.Sprint(m.Status, " ", method)
		}
		if name == what {
			out = append(out, m)
		}
	}
	return out
}

// count fails unless the peer received that many.
func (o *office) count(p *phone.Phone, what string, want int) []*phone.Message {
	o.Helper()
	o.settle()
	ms := got(p, what)
	if len(ms) != want {
		o.Fatalf("%d %s, expected %d\n%s", len(ms), what, want, p.Ladder())
	}
	return ms
}

// answers is a 200 with a session to an INVITE.
func answers(p *phone.Phone, m *phone.Message, opts ...phone.Option) {
	p.Respond(m, 200, "", append([]phone.Option{phone.WithContact("<sip:gw@" + p.Addr().String() + ">"), phone.WithSDP(sdpOffer)}, opts...)...)
}

// challenges answers with a challenge.
func challenges(p *phone.Phone, m *phone.Message, status int, value string) {
	name := "WWW-Authenticate"
	if status == 407 {
		name = "Proxy-Authenticate"
	}
	p.Respond(m, status, "", phone.WithHeader(name, value))
}

// takesAll answers every request as a provider does that wants nothing special.
func takesAll(p *phone.Phone, m *phone.Message) bool {
	if m.Method == "INVITE" {
		answers(p, m)
	} else {
		p.Respond(m, 200, "")
	}
	return true
}

func at(s string) netip.AddrPort {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 0)
	}
	return netip.MustParseAddrPort(s)
}

// provider is a trunk at providerAt.
func provider() Trunk {
	return Trunk{Name: "provider", Address: providerAt, Username: "acct", Password: "secret"}
}

// registers is a provider's trunk with a registration.
func registers() Trunk {
	t := provider()
	t.Register, t.Expires = true, 10*time.Minute
	return t
}
