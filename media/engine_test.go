package media

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"ringdown/bench/memnet"
	"ringdown/callstate"
)

// inMemory is a memnet.Network as the engine wants it.
type inMemory struct{ *memnet.Network }

func (n inMemory) ListenPacket(at netip.AddrPort) (PacketConn, error) {
	return n.Network.ListenPacket(at.String())
}

// bed is an engine on a network in memory, and the events that it posted.
type bed struct {
	testing.TB
	*Engine
	net *memnet.Network

	mu     sync.Mutex
	events []callstate.Event
	ref    uint32
}

func newBed(t testing.TB, change func(*Config)) *bed {
	t.Helper()
	b := &bed{TB: t, net: memnet.New(memnet.Options{})}
	cfg := Config{Listen: netip.MustParseAddr("198.51.100.1"), PortMin: 20000, PortMax: 20099, Net: inMemory{b.net},
		Post: func(ev callstate.Event) { b.mu.Lock(); b.events = append(b.events, ev); b.mu.Unlock() }}
	if change != nil {
		change(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Engine = e
	t.Cleanup(func() { e.Close(); b.net.Close() })
	return b
}

// take returns the events since the last call.
func (b *bed) take() []callstate.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	evs := b.events
	b.events = nil
	return evs
}

// one returns the only event of type E since the last call, and fails when there is not exactly one.
func one[E callstate.Event](b *bed) E {
	b.Helper()
	var found []E
	all := b.take()
	for _, ev := range all {
		if e, ok := ev.(E); ok {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		var zero E
		b.Fatalf("%d events of type %T in %+v, want one", len(found), zero, all)
	}
	return found[0]
}

func legID(n uint32) callstate.LegID { return callstate.LegID{Call: 1, N: n} }

// handset is a phone's RTP side: one socket with an SSRC, a sequence and a clock of its own.
type handset struct {
	t    testing.TB
	conn phoneConn
	leg  callstate.LegID
	to   netip.AddrPort // the switch's port for it
	ssrc uint32
	seq  uint16
	ts   uint32
}

// phoneConn is a phone's socket, in memory or of the system.
type phoneConn interface {
	PacketConn
	SetReadDeadline(time.Time) error
}

func (b *bed) handset(n uint32, at string) *handset {
	b.Helper()
	c, err := b.net.ListenPacket(at)
	if err != nil {
		b.Fatal(err)
	}
	return newHandset(b.TB, n, c)
}

func newHandset(t testing.TB, n uint32, c phoneConn) *handset {
	return &handset{t: t, conn: c, leg: legID(n), ssrc: 0x1000 * n, seq: uint16(100 * n), ts: 10000 * n}
}

// sdp is a description by this phone; formats like "0 8 101", with further lines.
func (h *handset) sdp(formats string, more ...string) []byte {
	at := h.conn.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort()
	return describe(at, formats, more...)
}

func describe(at netip.AddrPort, formats string, more ...string) []byte {
	family := "IP4"
	if at.Addr().Is6() {
		family = "IP6"
	}
	s := fmt.Sprintf("v=0\r\no=- 1 1 IN %[1]s %[2]s\r\ns=-\r\nc=IN %[1]s %[2]s\r\nt=0 0\r\nm=audio %[3]d RTP/AVP %[4]s\r\n",
		family, at.Addr(), at.Port(), formats)
	for _, f := range strings.Fields(formats) {
		if name := map[string]string{"101": "telephone-event/8000", "111": "opus/48000/2"}[f]; name != "" {
			s += "a=rtpmap:" + f + " " + name + "\r\n"
		}
	}
	for _, l := range more {
		s += l + "\r\n"
	}
	return []byte(s)
}

// port reads the switch's address from a description that it made.
func (h *handset) port(body []byte) {
	h.t.Helper()
	var port uint16
	var addr string
	for _, l := range strings.Split(string(body), "\r\n") {
		fmt.Sscanf(l, "c=IN IP4 %s", &addr)
		fmt.Sscanf(l, "c=IN IP6 %s", &addr)
		fmt.Sscanf(l, "m=audio %d", &port)
	}
	a, err := netip.ParseAddr(addr)
	if err != nil || port == 0 {
		h.t.Fatalf("no address in\n%s", body)
	}
	h.to = netip.AddrPortFrom(a, port)
}

// send sends one packet and moves the clock on by ticks.
func (h *handset) send(pt uint8, marker bool, payload []byte, ticks uint32) {
	h.t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, Marker: marker, PayloadType: pt, SequenceNumber: h.seq, Timestamp: h.ts,
		SSRC: h.ssrc}, Payload: payload}
	raw, err := p.Marshal()
	if err != nil {
		h.t.Fatal(err)
	}
	h.raw(raw)
	h.seq++
	h.ts += ticks
}

func (h *handset) raw(b []byte) {
	h.t.Helper()
	if _, err := h.conn.WriteToUDPAddrPort(b, h.to); err != nil {
		h.t.Fatal(err)
	}
}

// talk sends n packets of PCMU or PCMA, 20 ms apart.
func (h *handset) talk(pt uint8, n int) {
	for range n {
		h.send(pt, false, make([]byte, 160), 160)
		time.Sleep(20 * time.Millisecond)
	}
}

// hear returns the packets that have arrived; it does not wait for further ones.
func (h *handset) hear() []*rtp.Packet {
	h.t.Helper()
	synctest.Wait()
	var got []*rtp.Packet
	b := make([]byte, 2048)
	for {
		h.conn.SetReadDeadline(time.Now().Add(time.Nanosecond))
		n, from, err := h.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return got
		}
		if h.to.IsValid() && from != h.to {
			h.t.Fatalf("packet from %s, want %s", from, h.to)
		}
		p := &rtp.Packet{}
		if err := p.Unmarshal(append([]byte(nil), b[:n]...)); err != nil {
			h.t.Fatal(err)
		}
		got = append(got, p)
	}
}

// join sets up alice (leg 1, who calls) and bob (leg 2) with the given formats and connects them both ways.
func (b *bed) join(alice, bob *handset, offer, answer []byte) {
	b.Helper()
	b.Do(callstate.OpenMedia{Leg: alice.leg, Offer: offer})
	b.Do(callstate.OpenMedia{Leg: bob.leg})
	b.Do(callstate.MakeOffer{Leg: bob.leg, Ref: 1, Like: alice.leg})
	bob.port(one[callstate.OfferMade](b).SDP)
	b.Do(callstate.TakeAnswer{Leg: bob.leg, Ref: 2, Answer: answer})
	one[callstate.AnswerTaken](b)
	b.Do(callstate.MakeAnswer{Leg: alice.leg, Ref: 3, Like: bob.leg})
	alice.port(one[callstate.AnswerMade](b).SDP)
	b.Do(callstate.Connect{Leg: alice.leg, Hears: []callstate.LegID{bob.leg}})
	b.Do(callstate.Connect{Leg: bob.leg, Hears: []callstate.LegID{alice.leg}})
}

// pair is a bed with alice and bob talking PCMU with telephone-event.
func pair(t testing.TB, change func(*Config)) (b *bed, alice, bob *handset) {
	b = newBed(t, change)
	alice, bob = b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
	b.join(alice, bob, alice.sdp("0 101"), bob.sdp("0 101"))
	b.take()
	// Who asked for a tick while one was made has the next one, 20 ms later; from then on the clock rests, whatever the order was.
	time.Sleep(21 * time.Millisecond)
	synctest.Wait()
	return b, alice, bob
}

func TestRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		b.join(alice, bob, alice.sdp("0 8 101"), bob.sdp("0 101"))
		for i, ev := range b.take() {
			if c, ok := ev.(callstate.Connected); !ok || c.How != callstate.Relayed || c.Leg != legID(uint32(i+1)) {
				t.Errorf("got %+v, want leg %d relayed", ev, i+1)
			}
		}
		alice.talk(0, 3)
		bob.talk(0, 2)
		got := bob.hear()
		if len(got) != 3 {
			t.Fatalf("bob heard %d packets, want 3", len(got))
		}
		for i, p := range got {
			if p.PayloadType != 0 || len(p.Payload) != 160 || p.SSRC != got[0].SSRC || p.SSRC == alice.ssrc ||
				p.SequenceNumber != got[0].SequenceNumber+uint16(i) || p.Timestamp != got[0].Timestamp+uint32(160*i) ||
				p.Marker != (i == 0) {
				t.Errorf("packet %d: %+v", i, p.Header)
			}
		}
		if n := len(alice.hear()); n != 2 {
			t.Errorf("alice heard %d packets, want 2", n)
		}
	})
}

// An offer for a mix lists only what can be mixed, whatever the partner's phone likes best.
func TestOfferForAMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		b.Do(callstate.OpenMedia{Leg: alice.leg, Offer: alice.sdp("111 0 101")})
		b.Do(callstate.OpenMedia{Leg: bob.leg})
		for _, row := range []struct {
			mixable bool
			want    string
		}{{false, "RTP/AVP 111 0 8 9 101"}, {true, "RTP/AVP 0 8 9 101\r\n"}} {
			b.Do(callstate.MakeOffer{Leg: bob.leg, Ref: 1, Like: alice.leg, Mixable: row.mixable})
			if made := string(one[callstate.OfferMade](b).SDP); !strings.Contains(made, row.want) {
				t.Errorf("mixable %v: no %q in\n%s", row.mixable, row.want, made)
			}
		}
	})
}
