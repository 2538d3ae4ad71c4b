package media

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/g711"
	"ringdown/media/internal/tone"
)

func TestBackends(t *testing.T) {
	for _, k := range backends {
		t.Run(k.name, func(t *testing.T) {
			for name, test := range map[string]func(*testing.T, backend){
				"relay": relayed, "relay over IPv6": relayedIPv6, "transcode": transcoded, "event": passed,
				"injected digit": injected, "latch": latched, "sounds": played, "close a leg": closedInTraffic,
				"ports": exhausted, "port used again": reused, "oversize": oversize, "mix": mixed,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, k)
				})
			}
		})
	}
}

func relayed(t *testing.T, k backend) {
	b := k.bed(t, nil)
	alice, bob := b.phones("0", "0")
	relay(t, alice, bob)
	if alice.to.Port()%2 != 0 && bob.to.Port()%2 != 0 {
		t.Logf("odd RTP ports %d and %d", alice.to.Port(), bob.to.Port())
	}
}

func relayedIPv6(t *testing.T, k backend) {
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skip("no IPv6: ", err)
	}
	c.Close()
	b := k.bed(t, func(c *Config) { c.Listen = netip.IPv6Loopback() })
	alice, bob := b.phones("0", "0")
	relay(t, alice, bob)
}

// relay sends packets one by one and in a burst, both ways, and checks each.
func relay(t *testing.T, alice, bob *handset) {
	t.Helper()
	for _, way := range []struct{ from, to *handset }{{alice, bob}, {bob, alice}} {
		var first *rtp.Packet
		sent := uint16(0)
		for _, burst := range []int{1, 1, 1, 20, 1} {
			var payloads [][]byte
			for range burst {
				payload := make([]byte, 160)
				for i := range payload {
					payload[i] = byte(rand.Uint32())
				}
				payloads = append(payloads, payload)
				way.from.send(0, false, payload, 160)
			}
			for _, want := range payloads {
				p := way.to.next()
				if first == nil {
					first = p
				}
				if p.PayloadType != 0 || !bytes.Equal(p.Payload, want) || p.SSRC != first.SSRC || p.SSRC == way.from.ssrc ||
					p.SequenceNumber != first.SequenceNumber+sent || p.Timestamp != first.Timestamp+160*uint32(sent) {
					t.Fatalf("leg %d, packet %d: %+v after %+v", way.to.leg.N, sent, p.Header, first.Header)
				}
				sent++
			}
		}
	}
}

func transcoded(t *testing.T, k backend) {
	b := k.bed(t, nil)
	alice, bob := b.phones("8", "0")
	all, want := make([]byte, 256), make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	alice.send(8, false, all, 256)
	g711.ToU(want, all)
	if p := bob.next(); p.PayloadType != 0 || !bytes.Equal(p.Payload, want) {
		t.Errorf("bob heard %v", p)
	}
	bob.send(0, false, all, 256)
	g711.ToA(want, all)
	if p := alice.next(); p.PayloadType != 8 || !bytes.Equal(p.Payload, want) {
		t.Errorf("alice heard %v", p)
	}
}

func passed(t *testing.T, k backend) {
	b := k.bed(t, nil)
	alice, bob := b.phones("0 101", "0 101")
	alice.send(0, false, make([]byte, 160), 160)
	for i, duration := range []byte{40, 80, 120, 160, 160, 160} {
		end := byte(0)
		if i >= 3 {
			end = 0x80
		}
		alice.send(101, i == 0, []byte{5, end | 10, 0, duration}, 0)
	}
	got := []*rtp.Packet{bob.next()}
	for range 6 {
		got = append(got, bob.next())
	}
	if l, want := line(got), "*a *5:40 5:80 5:120 5:160E 5:160E 5:160E"; l != want {
		t.Errorf("\n got %s\nwant %s", l, want)
	}
	continuous(t, got)
	if d := await[callstate.DigitReceived](b); d.Leg != alice.leg || d.Digit != "5" || !d.Passed || d.Duration != 20*time.Millisecond {
		t.Errorf("%+v", d)
	}
}

func injected(t *testing.T, k backend) {
	b := k.bed(t, nil)
	_, bob := b.phones("0 101", "0 101")
	b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 7, Digits: "5#", Way: callstate.ByEvent})
	var got []*rtp.Packet
	for range 14 {
		got = append(got, bob.next())
	}
	if l, want := line(got), five+" "+strings.ReplaceAll(five, "5:", "#:"); l != want {
		t.Errorf("\n got %s\nwant %s", l, want)
	}
	continuous(t, got) // and each digit on one timestamp
	if d := await[callstate.DigitsSent](b); d.Leg != bob.leg || d.Ref != 7 || d.Fail != "" {
		t.Errorf("%+v", d)
	}
}

func latched(t *testing.T, k backend) {
	b := k.bed(t, nil)
	alice, bob, natted, thief := b.phone(1), b.phone(2), b.phone(1), b.phone(3)
	b.join(alice, bob, alice.sdp("0"), bob.sdp("0"))
	natted.to, thief.to = alice.to, alice.to
	natted.send(0, false, []byte("alice"), 160)
	if p := bob.next(); string(p.Payload) != "alice" {
		t.Errorf("bob heard %q", p.Payload)
	}
	thief.send(0, false, []byte("thief"), 160)
	natted.send(0, false, []byte("still alice"), 160)
	if p := bob.next(); string(p.Payload) != "still alice" {
		t.Errorf("bob heard %q", p.Payload)
	}
	bob.send(0, false, []byte("bob"), 160)
	if p := natted.next(); string(p.Payload) != "bob" {
		t.Errorf("alice heard %q", p.Payload)
	}
	if s, _ := b.LegStats(alice.leg); s.Stranger != 1 || s.Received != 2 {
		t.Errorf("%+v", s)
	}
}

func played(t *testing.T, k backend) {
	b := k.bed(t, nil)
	alice, bob := b.phones("8", "0")
	for _, c := range []struct {
		to    *handset
		sound callstate.Sound
		loop  []byte
		pt    uint8
	}{
		{alice, callstate.Ringback, tone.Loop(tone.Ringback, tone.ALaw), 8},
		{bob, callstate.Music, tone.Loop(tone.Music, tone.MuLaw), 0},
	} {
		b.Do(callstate.Connect{Leg: c.to.leg, Play: c.sound})
		var got []*rtp.Packet
		for i := range 4 {
			p := c.to.next()
			if p.PayloadType != c.pt || !bytes.Equal(p.Payload, c.loop[160*i:160*i+160]) {
				t.Errorf("%s: packet %d is not the loop's: %+v", c.sound, i, p.Header)
			}
			got = append(got, p)
		}
		continuous(t, got)
	}
}

// After CloseMedia nothing is told about a leg, whatever still comes, and another one is not disturbed.
func closedInTraffic(t *testing.T, k backend) {
	b := k.bed(t, nil)
	carol := b.phone(3)
	b.Do(callstate.OpenMedia{Leg: carol.leg, Offer: carol.sdp("0")})
	b.Do(callstate.MakeAnswer{Leg: carol.leg})
	carol.port(one[callstate.AnswerMade](b).SDP)
	carols := uint64(0)
	for range 5 {
		alice, bob := b.phones("0 101", "0 101")
		stopAlice, stopBob := alice.flood(), bob.flood()
		for alice.next().PayloadType != 101 || bob.next().PayloadType != 101 {
		}
		await[callstate.DigitReceived](b)
		open := []*handset{alice, bob}
		for len(open) > 0 {
			b.Do(callstate.CloseMedia{Leg: open[0].leg})
			open = open[1:]
			b.take()
			for range 3 { // time for what is under way
				carol.send(0, false, []byte("x"), 160)
				carols++
				b.until("carol's packet is received", func() bool { s, _ := b.LegStats(carol.leg); return s.Received == carols })
			}
			for _, ev := range b.take() {
				if d, ok := ev.(callstate.DigitReceived); !ok || len(open) == 0 || d.Leg != open[0].leg {
					t.Errorf("told %+v, with %d legs open", ev, len(open))
				}
			}
		}
		stopAlice()
		stopBob()
	}
	if s := b.Stats(); s.Legs != 1 || s.PortsUsed != 1 {
		t.Errorf("%+v", s)
	}
}

// Edge cases M22, M23, with ports that the system really has or has not.
func exhausted(t *testing.T, k backend) {
	base := freeRange(t, 6)
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(base) + 2})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	b := k.bed(t, func(c *Config) { c.PortMin, c.PortMax = base, base+5 })
	for n := range uint32(2) {
		if f := b.open(n + 1); f != nil {
			t.Fatalf("leg %d: %+v", n+1, f)
		}
	}
	for range 2 {
		if f := b.open(3); f == nil || f.Reason != callstate.NoPorts || f.Leg != legID(3) {
			t.Fatalf("%+v", f)
		}
	}
	b.Do(callstate.CloseMedia{Leg: legID(1)})
	other.Close()
	b.until("both free ports are used", func() bool {
		return (b.find(legID(3)) != nil || b.open(3) == nil) && b.open(4) == nil
	})
	if f := b.open(5); f == nil || f.Reason != callstate.NoPorts {
		t.Errorf("%+v", f)
	}
	var used []string
	for n := range uint32(3) {
		l := b.find(legID(n + 2))
		if l.port < base || l.port > base+5 || l.port%2 != 0 || strings.Contains(fmt.Sprint(used), fmt.Sprint(l.port)) {
			t.Errorf("port %d after %v", l.port, used)
		}
		used = append(used, fmt.Sprint(l.port))
	}
}

// reused has a port go from one leg to the next, with the socket where it can rest: the new leg gets nothing of what was
// sent to the old one, not even what came while the port rested.
func reused(t *testing.T, k backend) {
	base := freeRange(t, 2)
	b := k.bed(t, func(c *Config) { c.PortMin, c.PortMax = base, base+1 })
	open := func(h *handset) {
		t.Helper()
		b.until("the port has rested", func() bool {
			b.Do(callstate.OpenMedia{Leg: h.leg, Offer: h.sdp("0")})
			b.take()
			return b.find(h.leg) != nil
		})
		b.Do(callstate.MakeAnswer{Leg: h.leg})
		h.port(await[callstate.AnswerMade](b).SDP)
		b.Do(callstate.Connect{Leg: h.leg, Play: callstate.Silence})
	}
	old := b.phone(1)
	open(old)
	old.send(0, false, []byte("old"), 160)
	b.until("it is received", func() bool { s, _ := b.LegStats(old.leg); return s.Received == 1 })
	conn := b.find(old.leg).socket()
	b.Do(callstate.CloseMedia{Leg: old.leg})
	for range 5 {
		old.conn.WriteToUDPAddrPort([]byte("late"), old.to) // refused where the port is closed
	}
	for i := range uint32(3) {
		phone := b.phone(2 + i)
		open(phone)
		if l := b.find(phone.leg); l.port != base || (l.socket() == conn) != (b.fwd.rests() > 0) {
			t.Errorf("port %d, want %d; the socket is the same: %v", l.port, base, l.socket() == conn)
		}
		if p := phone.next(); p.PayloadType != 0 {
			t.Errorf("heard %+v", p)
		}
		phone.send(0, false, []byte("new"), 160)
		b.until("it is received", func() bool { s, _ := b.LegStats(phone.leg); return s.Received == 1 })
		if s, _ := b.LegStats(phone.leg); s.Malformed != 0 || s.Stranger != 0 {
			t.Errorf("%+v", s)
		}
		b.Do(callstate.CloseMedia{Leg: phone.leg})
	}
	if s := b.Stats(); s.Received != 4 || s.PortsFree != 1 {
		t.Errorf("%+v", s)
	}
}

// freeRange finds so many ports, the first of them even, that nobody has. It looks below those that systems hand out.
func freeRange(t *testing.T, n int) uint16 {
	t.Helper()
	for range 100 {
		base, free := 10000+2*rand.IntN(10000), 0
		for i := range n {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: base + i})
			if err != nil {
				break
			}
			c.Close()
			free++
		}
		if free == n {
			return uint16(base)
		}
	}
	t.Skip("no free ports")
	return 0
}

func oversize(t *testing.T, k backend) {
	b := k.bed(t, nil)
	alice, bob := b.phones("0", "0")
	for _, n := range []int{maxPacket + 1, 9000, maxPacket, 100} { // the header included
		alice.send(0, false, make([]byte, n-headerSize), 160)
	}
	for _, n := range []int{maxPacket, 100} {
		if p := bob.next(); len(p.Payload) != n-headerSize {
			t.Errorf("bob heard %d bytes, want %d", len(p.Payload), n-headerSize)
		}
	}
	if s, _ := b.LegStats(alice.leg); s.Received != 2 || s.Malformed != 0 {
		t.Errorf("%+v", s)
	}
}

// No allocation for a packet on its whole way, system calls included.
func TestNoAllocationOnWire(t *testing.T) {
	for _, k := range backends {
		t.Run(k.name, func(t *testing.T) {
			b := k.bed(t, nil)
			alice, bob := b.phones("0", "8")
			bob.conn.SetReadDeadline(time.Now().Add(patience))
			packet, in := make([]byte, 172), make([]byte, 200)
			packet[0], packet[11] = 0x80, 9
			failed := error(nil)
			n := testing.AllocsPerRun(100, func() {
				packet[3]++
				packet[6]++
				_, sent := alice.conn.WriteToUDPAddrPort(packet, alice.to)
				_, _, received := bob.conn.ReadFromUDPAddrPort(in)
				if sent != nil || received != nil {
					failed = errors.Join(sent, received)
				}
			})
			if n != 0 || failed != nil {
				t.Errorf("%v allocations per packet, %v", n, failed)
			}
		})
	}
}

// After Close nothing is left of an engine, though it was closed in the middle of traffic: no goroutine, no
// descriptor, and no event is told.
func TestNothingLeft(t *testing.T) {
	descriptors := func() int {
		d, _ := os.ReadDir("/proc/self/fd") // none where there is no such thing
		return len(d)
	}
	for _, k := range backends {
		t.Run(k.name, func(t *testing.T) {
			tone.Loop(tone.Music, tone.MuLaw)
			before := k.bed(t, nil) // the runtime's own poller has its descriptors from now on
			before.phone(1).conn.Close()
			before.Close()
			fds, routines := descriptors(), runtime.NumGoroutine()
			for range 5 {
				b := k.bed(t, nil)
				alice, bob := b.phones("0 101", "0 101")
				stopAlice, stopBob := alice.flood(), bob.flood()
				b.Do(callstate.OpenMedia{Leg: legID(3), Offer: alice.sdp("0 101")})
				b.Do(callstate.MakeAnswer{Leg: legID(3)})
				b.Do(callstate.Connect{Leg: legID(3), Play: callstate.Music})
				b.Do(callstate.SendDigits{Leg: legID(3), Digits: "123456", Way: callstate.ByEvent})
				b.Do(callstate.OpenMedia{Leg: legID(4), Offer: alice.sdp("9 101")})
				b.Do(callstate.MakeAnswer{Leg: legID(4)})
				b.Do(callstate.Connect{Leg: legID(4), Hears: []callstate.LegID{alice.leg, bob.leg, legID(3)}})
				await[callstate.DigitReceived](b)
				done := make(chan struct{})
				go func() { b.Close(); close(done) }()
				b.until("Close returns", func() bool {
					select {
					case <-done:
						return true
					default:
						return false
					}
				})
				b.take()
				stopAlice()
				stopBob()
				if evs := b.take(); len(evs) != 0 {
					t.Errorf("told %+v", evs)
				}
				alice.conn.Close()
				bob.conn.Close()
				b.until("the goroutines have ended", func() bool { return runtime.NumGoroutine() <= routines })
				b.until("the descriptors are closed", func() bool { return descriptors() <= fds })
			}
		})
	}
}

// mixed has three phones in real time: each hears both others, in steady packets; then one leaves.
func mixed(t *testing.T, k backend) {
	b := k.bed(t, nil)
	var all []*voice
	for i, kind := range kinds {
		all = append(all, b.party(b.phone(uint32(i+1)), kind, " 101"))
	}
	b.meet(all...)
	talking := func(speak ...*voice) (stop func()) {
		var end atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			beat := time.NewTicker(20 * time.Millisecond)
			defer beat.Stop()
			for !end.Load() {
				for _, v := range speak {
					v.say(20, 20)
				}
				<-beat.C
			}
		})
		stop = func() { end.Store(true); wg.Wait() }
		t.Cleanup(stop)
		return stop
	}
	// Whether 300 ms are right; a machine that is busy may need some tries until nothing comes late.
	hears := func(v *voice, want ...*voice) {
		t.Helper()
		b.until(fmt.Sprintf("leg %d hears whom it should", v.leg.N), func() bool {
			var got []*rtp.Packet
			for range 20 {
				got = append(got, v.next())
			}
			s := sound{rate: float64(v.kind.Rate())}
			dec := codec.NewDecoder(v.kind)
			for i, p := range got {
				if p.SSRC != got[0].SSRC || p.SequenceNumber != got[0].SequenceNumber+uint16(i) || len(p.Payload) != 160 {
					t.Fatalf("packet %d: %+v after %+v", i, p.Header, got[0].Header)
				}
				pcm := make([]int16, 160*v.kind.Samples())
				dec.Decode(pcm, p.Payload)
				for _, x := range pcm {
					s.pcm = append(s.pcm, float64(x)/32768)
				}
			}
			s = s.part(100*time.Millisecond, 400*time.Millisecond)
			for _, w := range all {
				if l := s.level(w.hz) / (loud / 32768.0); slices.Contains(want, w) && l < 0.7 || !slices.Contains(want, w) && l > 0.05 {
					return false
				}
			}
			return true
		})
	}
	stop := talking(all...)
	for i, v := range all {
		hears(v, all[(i+1)%3], all[(i+2)%3])
	}
	stop()
	b.Do(callstate.CloseMedia{Leg: all[2].leg})
	b.meet(all[:2]...)
	stop = talking(all[:2]...)
	for i, v := range all[:2] {
		hears(v, all[1-i])
	}
	stop()
}
