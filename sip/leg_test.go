package sip

import (
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

// trap is an exchange that answers every call with a panic somewhere in sip, and keeps what it is told.
type trap struct {
	mu     sync.Mutex
	agent  *Agent
	events []callstate.Event
}

func (x *trap) NewCallID() callstate.CallID { return 1 }

func (x *trap) Post(ev callstate.Event) bool {
	x.mu.Lock()
	x.events = append(x.events, ev)
	x.mu.Unlock()
	if _, ok := ev.(callstate.LegReoffered); ok {
		panic("a fault of ours")
	}
	return true
}

// ended is how often the leg's end was told.
func (x *trap) ended() (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, ev := range x.events {
		if _, ok := ev.(callstate.LegEnded); ok {
			n++
		}
	}
	return n
}

// A panic in one leg answers its request with 500, ends that leg once, and harms nobody else.
func TestPanicEndsOneLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, n, alice := trapped(t)
		c, err := alice.Dial(t.Context(), "2001")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		x.agent.Do(callstate.Answer{Leg: callstate.LegID{Call: 1, N: 1}, SDP: c.Invite.Body})
		if err := c.WaitAnswer(t.Context()); err != nil {
			t.Fatal(err)
		}
		m, err := c.Request(t.Context(), "UPDATE", phone.WithSDP(string(c.Invite.Body)))
		if err != nil || m.Status != 500 {
			t.Fatalf("%v %v", m, err)
		}
		synctest.Wait() // the answer goes out before the leg is put away
		if got, counts := x.ended(), x.agent.Counts(); got != 1 || counts.Legs+counts.Dialogs != 0 {
			t.Errorf("ended %d times, %+v", got, counts)
		}
		if m, err = alice.Request(t.Context(), "OPTIONS", "2001"); err != nil || m.Status != 200 {
			t.Errorf("%v %v", m, err)
		}
		alice.Close()
		x.agent.Close()
		n.Close()
	})
}

// A Dial that finds no way ends its leg, once, and leaves nothing: a flow that cannot be read, a transport that is not
// there, a contact that is no URI.
func TestDialWithoutWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, n, alice := trapped(t)
		for i, to := range []callstate.Contact{
			{URI: "sip:a@198.51.100.1", Flow: "nonsense"},
			{URI: "sip:a@198.51.100.1", Flow: "TCP 192.0.2.1:5060 198.51.100.1:0"},
			{URI: "sip:a@198.51.100.1", Flow: "SCTP 192.0.2.1:5060 198.51.100.1:5060"},
			{URI: "sip:a@198.51.100.1", Flow: "UDP 192.0.2.77:5060 198.51.100.1:5060"},
			{URI: "::", Flow: "UDP 192.0.2.1:5060 198.51.100.1:5060"},
		} {
			leg := callstate.LegID{Call: 1, N: uint32(i + 2)}
			x.agent.Do(callstate.Dial{Leg: leg, To: to, Number: "2001"})
			x.agent.Do(callstate.HangUp{Leg: leg})
			if got, counts := x.ended(), x.agent.Counts(); got < i+1 || counts.Legs+counts.Dialogs+counts.ClientTx != 0 {
				t.Errorf("%+v: ended %d times, %+v", to, got, counts)
			}
		}
		alice.Close()
		x.agent.Close()
		n.Close()
	})
}

// trapped starts an agent on a network in memory, whose exchange is a trap, and a phone.
func trapped(t *testing.T) (*trap, *memnet.Network, *phone.Phone) {
	n := memnet.New(memnet.Options{})
	x := &trap{}
	read := func([]byte) (callstate.Facts, error) { return callstate.Facts{}, nil }
	a, err := New(Config{Exchange: x, ReadSDP: read, Users: []User{{Number: "2000", Password: "x"}},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	x.agent = a
	at := netip.MustParseAddrPort("192.0.2.1:5060")
	pc, err := n.ListenPacket(at.String())
	if err != nil {
		t.Fatal(err)
	}
	a.ServeUDP(pc)
	alice, err := phone.New(phone.Config{Number: "2000", Password: "x", Domain: "example.com", Server: at.String(),
		Local: "198.51.100.1:0", Net: phone.Over(n.ListenPacket)})
	if err != nil {
		t.Fatal(err)
	}
	return x, n, alice
}

// TestReasonIsBounded: what one party gives as its reason is told to the other as long as it fits into any datagram.
func TestReasonIsBounded(t *testing.T) { // E10, RFC 3326
	for name, c := range map[string]struct{ given, told string }{
		"short": {`Q.850;cause=16;text="Bye"`, `Q.850;cause=16;text="Bye"`},
		"long":  {`Q.850;cause=16;text="` + strings.Repeat("x", 20_000) + `"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				alice, bob := r.talks("2000", true), r.talks("2001", false)
				r.ok(alice.Hangup(phone.WithHeader("Reason", c.given)))
				cause := last[callstate.LegEnded](r).Cause
				r.same("the reason of a BYE", cause.Reason, c.told)
				r.agent.Do(callstate.HangUp{Leg: bob.leg, Cause: cause})
				r.settle()
				r.same("the BYE's", r.requests("2001", "BYE")[0].Get("Reason"), c.told)
				carol := r.rings("2002")
				r.ok(carol.Reject(486, "", phone.WithHeader("Reason", c.given)))
				r.same("the reason of a 486", last[callstate.LegEnded](r).Cause.Reason, c.told)
			})
		})
	}
}
