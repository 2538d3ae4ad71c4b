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
	if b.find(legID(2)).agreed.Load() == nil { // alice has nothing that bob has: each for himself
		b.Do(callstate.MakeAnswer{Leg: legID(2), Offer: describe(bob, answer)})
	}
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
	{"relay G722", "9", "9", 9, make([]byte, 160)},
	{"G722 to PCMU", "9", "0", 9, make([]byte, 160)},
	{"PCMU to G722", "0", "9", 0, make([]byte, 160)},
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
	due := b.now()
	tick := func() { due += 20 * time.Millisecond; l.tick(1, due, due) }
	tick()
	if n := testing.AllocsPerRun(1000, tick); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
	lib := library(t, "a.wav", wave(8000, 1, 700))
	l.out.mu.Lock()
	l.out.clip = playback{audio: lib.take(clipOf(t, lib, "a.wav")), repeat: true}
	l.out.mu.Unlock()
	before := l.counts().Sent
	if n := testing.AllocsPerRun(1000, tick); n != 0 {
		t.Errorf("%v allocations per frame of a clip", n)
	}
	if n := l.counts().Sent - before; n < 1001 {
		t.Errorf("%d packets in 1001 ticks", n)
	}
}

// conference is legs that hear each other, without sockets. The functions take a packet from each, and do what the clock
// does in a slot.
func conference(t testing.TB, formats ...string) (b *bed, receive, tick func()) {
	return conferenceOn(t, netip.MustParseAddrPort("192.0.2.1:4000"), func(c *Config) { c.Net = sinks{} }, formats...)
}

// conferenceOn is one whose packets go to an address.
func conferenceOn(t testing.TB, at netip.AddrPort, change func(*Config), formats ...string) (b *bed, receive, tick func()) {
	b = newBed(t, change)
	b.clock.close() // its ticks are made here
	var legs []*leg
	for i, f := range formats {
		id := legID(uint32(i))
		b.Do(callstate.OpenMedia{Leg: id, Offer: describe(at, f)})
		b.Do(callstate.MakeAnswer{Leg: id})
		legs = append(legs, b.find(id))
	}
	for i := range formats {
		var hears []callstate.LegID
		for j := range formats {
			if j != i {
				hears = append(hears, legID(uint32(j)))
			}
		}
		b.Do(callstate.Connect{Leg: legID(uint32(i)), Hears: hears})
	}
	packet := make([]byte, 0, 200)
	var seq uint16
	payload := make([]byte, 160)
	for i := range payload {
		payload[i] = byte(i * 77)
	}
	slot := uint64(1 << 32)
	start := b.start
	receive = func() {
		seq++
		for _, l := range legs {
			ts := uint32(seq) * 160
			packet = append(packet[:0], 0x80, l.agreed.Load().pt, byte(seq>>8), byte(seq), byte(ts>>24), byte(ts>>16), byte(ts>>8), byte(ts), 0, 0, 0, 9)
			packet = append(packet, payload...)
			l.receive(packet, at)
		}
	}
	tick = func() {
		b.start = start.Add(-time.Duration(seq) * 20 * time.Millisecond) // each slot takes its 20 ms
		slot++
		for _, l := range legs {
			l.tick(slot, b.now(), b.now())
		}
	}
	t.Cleanup(func() { b.clock = newClock(b.now, b.fwd) })
	return b, receive, tick
}

// Mixing allocates nothing, neither for a packet nor for a frame.
func TestNoAllocationMixing(t *testing.T) {
	for _, formats := range [][]string{{"0", "8", "0"}, {"9", "0", "9 101"}, {"9", "9", "9"}} {
		b, receive, tick := conference(t, formats...)
		receive()
		tick()
		before := b.Stats().Sent
		if n := testing.AllocsPerRun(500, func() { receive(); tick() }); n != 0 {
			t.Errorf("%v: %v allocations", formats, n)
		}
		if n := b.Stats().Sent - before; n != 501*3 {
			t.Errorf("%v: %d packets in 501 slots", formats, n)
		}
	}
}

// Many calls at once, in every order, with packets and closing in between: for the race detector and for deadlocks.
func TestTogether(t *testing.T) {
	b := newBed(t, func(c *Config) {
		c.Net, c.Silence, c.Post, c.Folder = sinks{}, time.Millisecond, func(callstate.Event) {}, t.TempDir()
	})
	b.create = func(string) (tapeFile, error) { return new(drive), nil }
	at := netip.MustParseAddrPort("192.0.2.1:4000")
	var wg sync.WaitGroup
	const legs = 8
	for n := range uint32(legs) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			any := func() callstate.LegID { return legID(r.Uint32N(legs)) }
			me := legID(n)
			for range 2000 {
				switch r.IntN(18) {
				case 0:
					b.Do(callstate.OpenMedia{Leg: me, Offer: describe(at, "0 101")})
				case 1:
					b.Do(callstate.MakeAnswer{Leg: me, Like: any()})
				case 2:
					b.Do(callstate.MakeAnswer{Leg: me, Offer: describe(at, []string{"8 111", "9 101", "111"}[r.IntN(3)]), Like: any()})
				case 3:
					b.Do(callstate.MakeOffer{Leg: me, Like: any()})
				case 4:
					b.Do(callstate.TakeAnswer{Leg: me, Answer: describe(at, "0 101")})
				case 5, 6:
					b.Do(callstate.Connect{Leg: me, Hears: []callstate.LegID{any()}})
				case 7:
					b.Do(callstate.Connect{Leg: me, Play: callstate.Ringback})
				case 8, 10:
					b.Do(callstate.Connect{Leg: me, Hears: []callstate.LegID{any(), any(), any()}})
				case 11:
					b.Do(callstate.SendDigits{Leg: me, Digits: "12,3", Way: callstate.ByEvent})
				case 12:
					b.Do(callstate.StartRecord{Call: 1, Ref: n, Limit: time.Duration(r.IntN(3)) * 20 * time.Millisecond})
				case 13, 14:
					b.Do(callstate.RecordLegs{Call: 1, Ref: r.Uint32N(legs), Legs: []callstate.LegID{any(), any()}})
				case 15:
					b.Do(callstate.EndRecord{Call: 1, Ref: r.Uint32N(legs)})
				case 16:
					b.Do(callstate.TakeDigits{Leg: me, Inband: r.IntN(2) == 0})
				case 9:
					if r.IntN(10) == 0 {
						b.Do(callstate.CloseMedia{Leg: me})
					}
				default:
					if l := b.find(me); l != nil {
						pt := []byte{0, 8, 9, 101, 111}[r.IntN(5)]
						packet := append([]byte{0x80, pt, 0, byte(r.Uint32()), 0, 0, byte(r.Uint32()), 0, 0, 0, 0, 1}, 1, 0x80, 0, 160)
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

// Any bytes on the socket of one who is mixed, and the clock: no panic, and each hearer gets his packet.
func FuzzMix(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3}, []byte{0x80, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3})
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0x8a, 3, 0x20}, []byte{0x80, 101, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0x0a, 3, 0x20})
	b, receive, tick := conference(f, "0 101", "9 101", "8 0 9 101")
	at := netip.MustParseAddrPort("192.0.2.1:4000")
	f.Fuzz(func(t *testing.T, one, two []byte) {
		receive()
		for range 3 {
			b.find(legID(0)).receive(append([]byte(nil), one...), at)
			b.find(legID(1)).receive(append([]byte(nil), two...), at)
			b.find(legID(2)).receive(append([]byte(nil), one...), at)
			before := b.Stats().Sent
			tick()
			if n := b.Stats().Sent - before; n > 3 {
				t.Errorf("%d packets in a slot", n)
			}
		}
	})
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
