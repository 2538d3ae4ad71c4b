package media

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/sdp"
)

// sink is a socket that takes everything and brings nothing.
type sink struct {
	at     netip.AddrPort
	closed chan struct{}
	once   *sync.Once
}

func (s sink) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	<-s.closed
	return 0, netip.AddrPort{}, net.ErrClosed
}
func (s sink) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) { return len(b), nil }
func (s sink) SetReadDeadline(time.Time) error                            { return nil }
func (s sink) LocalAddr() net.Addr                                        { return net.UDPAddrFromAddrPort(s.at) }
func (s sink) Close() error                                               { s.once.Do(func() { close(s.closed) }); return nil }

type sinks struct{}

func (sinks) ListenPacket(at netip.AddrPort) (PacketConn, error) {
	return sink{at, make(chan struct{}), new(sync.Once)}, nil
}

// path is a leg whose packets reach another one, and the function that takes them: all of the way but the system calls.
func path(t testing.TB, offer, answer string) (receive func(pt uint8, payload []byte)) {
	b := newBed(t, func(c *Config) { c.Net = sinks{} })
	alice, bob := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.2:4000")
	b.Do(callstate.OpenMedia{Leg: legID(1), Offer: describe(alice, offer)})
	b.Do(callstate.OpenMedia{Leg: legID(2)})
	b.Do(callstate.MakeOffer{Leg: legID(2), Like: legID(1)})
	b.Do(callstate.TakeAnswer{Leg: legID(2), Answer: describe(bob, answer, "a=rtpmap:96 opus/48000/2")})
	b.Do(callstate.MakeAnswer{Leg: legID(1), Like: legID(2)})
	b.Do(callstate.Connect{Leg: legID(2), Hears: []callstate.LegID{legID(1)}})
	l := b.find(legID(1))
	packet := make([]byte, 0, 400)
	var seq uint16
	t.Cleanup(func() {
		if s, _ := b.LegStats(legID(2)); s.Sent != uint64(seq) {
			t.Errorf("%d packets in, %d out", seq, s.Sent)
		}
	})
	return func(pt uint8, payload []byte) {
		seq++
		ticks := seq
		if pt == 101 {
			ticks = 0 // one long event
		}
		// The path writes into the packet: each one is made anew.
		packet = append(packet[:0], 0x80, pt, byte(seq>>8), byte(seq), 0, 0, byte(ticks>>8), byte(ticks), 0, 0, 0, 9)
		packet = append(packet, payload...)
		l.receive(packet, alice)
	}
}

var paths = []struct {
	name          string
	offer, answer string
	pt            uint8
	payload       []byte
}{
	{"relay", "0 101", "0 101", 0, make([]byte, 160)},
	{"other number", "111", "96", 111, make([]byte, 80)},
	{"transcode", "8", "0", 8, make([]byte, 160)},
	{"event", "0 101", "0 101", 101, []byte{5, 10, 0, 160}},
}

// The budget of design.md: no allocation per packet, whatever is done to it.
func TestNoAllocation(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			receive := path(t, p.offer, p.answer)
			receive(p.pt, p.payload)
			if n := testing.AllocsPerRun(1000, func() { receive(p.pt, p.payload) }); n != 0 {
				t.Errorf("%v allocations per packet", n)
			}
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	for _, p := range paths {
		b.Run(p.name, func(b *testing.B) {
			receive := path(&quiet{b}, p.offer, p.answer)
			b.ReportAllocs()
			for b.Loop() {
				receive(p.pt, p.payload)
			}
		})
	}
}

// quiet leaves out the count of a benchmark, whose sequence wraps.
type quiet struct{ *testing.B }

func (quiet) Errorf(string, ...any) {}

// Players and injected digits allocate nothing per tick either.
func TestNoAllocationPlaying(t *testing.T) {
	b := newBed(t, func(c *Config) { c.Net = sinks{} })
	b.Do(callstate.OpenMedia{Leg: legID(1), Offer: describe(netip.MustParseAddrPort("192.0.2.1:4000"), "0 101")})
	b.Do(callstate.MakeAnswer{Leg: legID(1)})
	l := b.find(legID(1))
	l.out.mu.Lock()
	l.out.sound = callstate.Music
	l.out.mu.Unlock()
	l.tick(1, b.now())
	if n := testing.AllocsPerRun(1000, func() { l.tick(1, b.now()) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

// Many calls at once, in every order, with packets and closing in between: for the race detector and for deadlocks.
func TestTogether(t *testing.T) {
	b := newBed(t, func(c *Config) { c.Net, c.Silence, c.Post = sinks{}, time.Millisecond, func(callstate.Event) {} })
	at := netip.MustParseAddrPort("192.0.2.1:4000")
	var wg sync.WaitGroup
	const legs = 8
	for n := range uint32(legs) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			any := func() callstate.LegID { return legID(r.Uint32N(legs)) }
			me := legID(n)
			for range 2000 {
				switch r.IntN(12) {
				case 0:
					b.Do(callstate.OpenMedia{Leg: me, Offer: describe(at, "0 101")})
				case 1:
					b.Do(callstate.MakeAnswer{Leg: me, Like: any()})
				case 2:
					b.Do(callstate.MakeAnswer{Leg: me, Offer: describe(at, "8 111"), Like: any()})
				case 3:
					b.Do(callstate.MakeOffer{Leg: me, Like: any()})
				case 4:
					b.Do(callstate.TakeAnswer{Leg: me, Answer: describe(at, "0 101")})
				case 5, 6:
					b.Do(callstate.Connect{Leg: me, Hears: []callstate.LegID{any()}})
				case 7:
					b.Do(callstate.Connect{Leg: me, Play: callstate.Ringback})
				case 8:
					b.Do(callstate.SendDigits{Leg: me, Digits: "12,3", Way: callstate.ByEvent})
				case 9:
					if r.IntN(10) == 0 {
						b.Do(callstate.CloseMedia{Leg: me})
					}
				default:
					if l := b.find(me); l != nil {
						packet := append([]byte{0x80, byte(r.IntN(2) * 101), 0, byte(r.Uint32()), 0, 0, 0, 0, 0, 0, 0, 1}, 1, 0x80, 0, 160)
						l.receive(packet, at)
					}
				}
				b.Stats()
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		t.Fatal("deadlock")
	}
}

// Any bytes on the socket: no panic.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3})
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0x8a, 3, 0x20})
	f.Add([]byte{0xbf, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff, 0xff})
	b := newBed(f, func(c *Config) { c.Net, c.Post = sinks{}, func(callstate.Event) {} })
	alice, bob := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.2:4000")
	b.Do(callstate.OpenMedia{Leg: legID(1), Offer: describe(alice, "8 101")})
	b.Do(callstate.OpenMedia{Leg: legID(2), Offer: describe(bob, "0 101")})
	b.Do(callstate.MakeAnswer{Leg: legID(1)})
	b.Do(callstate.MakeAnswer{Leg: legID(2)})
	b.Do(callstate.Connect{Leg: legID(2), Hears: []callstate.LegID{legID(1)}})
	l := b.find(legID(1))
	f.Fuzz(func(t *testing.T, packet []byte) { l.receive(packet, alice) })
}

// Any offer, answered and answered to: no panic; an answer mirrors the lines of the offer and can be read again.
func FuzzNegotiate(f *testing.F) {
	at := netip.MustParseAddrPort("192.0.2.1:4000")
	for _, body := range [][]byte{nil, describe(at, "0 8 101"), describe(at, "111 96", "a=rtpmap:96 iLBC/8000", "a=sendonly"),
		describe(at, "0", "m=video 5 RTP/AVP 96", "m=image 5 udptl t38"), describe(at, "9 9 9", "a=ptime:30")} {
		f.Add(body, body)
	}
	f.Fuzz(func(t *testing.T, offer, answer []byte) {
		b := newBed(t, func(c *Config) { c.Net = sinks{} })
		b.Do(callstate.OpenMedia{Leg: legID(1), Offer: offer})
		b.Do(callstate.OpenMedia{Leg: legID(2)})
		b.Do(callstate.MakeOffer{Leg: legID(2), Like: legID(1)})
		b.Do(callstate.TakeAnswer{Leg: legID(2), Answer: answer})
		b.Do(callstate.MakeAnswer{Leg: legID(1), Like: legID(2)})
		b.Do(callstate.MakeOffer{Leg: legID(1)})
		b.Do(callstate.Connect{Leg: legID(1), Hears: []callstate.LegID{legID(2)}})
		facts, err := ReadSDP(offer)
		for _, ev := range b.take() {
			made, ok := ev.(callstate.AnswerMade)
			if !ok {
				continue
			}
			theirs, _ := sdp.Parse(offer)
			ours, parsed := sdp.Parse(made.SDP)
			if err != nil || parsed != nil || len(ours.Media) != len(theirs.Media) {
				t.Fatalf("answer to %q (%v):\n%s", offer, parsed, made.SDP)
			}
			if (made.Facts.Codec == "") != (facts.Codec == "") {
				t.Fatalf("offer has %+v, answer %+v", facts, made.Facts)
			}
		}
	})
}
