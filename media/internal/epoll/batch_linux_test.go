//go:build amd64 || arm64

package epoll

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"time"
)

// needBatch skips a test where the kernel has no io_uring, or does not let us have one.
func needBatch(t testing.TB) {
	t.Helper()
	r, err := newRing(mostReceives + mostSends)
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.close()
}

// Everything that is tested without batches holds with them.
func TestBatched(t *testing.T) {
	needBatch(t)
	for name, test := range map[string]func(*testing.T){
		"CloseTwice":        TestCloseTwice,
		"CloseUnderFlood":   TestCloseUnderFlood,
		"DescriptorReuse":   TestDescriptorReuse,
		"DescriptorKept":    TestDescriptorKept,
		"StartAgainstClose": TestStartAgainstClose,
		"Rest":              TestRest,
		"PollerClose":       TestPollerClose,
		"PollerCloseTwice":  TestPollerCloseTwice,
		"ManySockets":       TestManySockets,
		"Gather":            TestGather,
		"NothingStays":      TestNothingStays,
		"Gathered":          TestGathered,
		"DrainChanges":      TestDrainChanges,
		"EveryPacketRings":  TestEveryPacketRings,
		"Idle":              TestIdle,
		"NoDescriptors":     TestNoDescriptors,
		"Families":          TestFamilies,
		"BindFails":         TestBindFails,
		"DualStackPort":     TestDualStackPort,
		"Unreachable":       TestUnreachable,
		"Length":            TestLength,
		"Order":             TestOrder,
		"BeforeStart":       TestBeforeStart,
		"NoAllocation":      TestNoAllocation,
		"Leave":             TestLeave,
		"LeaveFails":        TestLeaveFails,
		"LeaveIPv6":         TestLeaveIPv6,
		"LeaveAtClose":      TestLeaveAtClose,
	} {
		t.Run(name, test)
	}
}

// batched is a Poller with batches.
func batched(t testing.TB, drain func(int) time.Duration) *Poller {
	t.Helper()
	needBatch(t)
	p, err := New(Config{Shards: 1, Drain: drain, Longest: 100, Batch: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { within(t, "Close of the poller", p.Close) })
	return p
}

// Entries are what the kernel reads.
func TestEntrySizes(t *testing.T) {
	for _, c := range []struct {
		of   any
		want uintptr
	}{{sqe{}, 64}, {cqe{}, 16}, {ringParams{}, 120}} {
		if got := reflect.TypeOf(c.of).Size(); got != c.want {
			t.Errorf("%T has %d bytes, want %d", c.of, got, c.want)
		}
	}
}

// Packets that are written while the Poller is held leave with Release, in order, more than the list has room for; before
// and after it they leave at once.
func TestHold(t *testing.T) {
	p := batched(t, never)
	k := p.open(t, "127.0.0.1:0")
	peer, to := plain(t, "127.0.0.1:0")
	const many = mostSends + 10
	expect := func(n int) {
		t.Helper()
		b := make([]byte, 10)
		if size, _, err := peer.ReadFromUDPAddrPort(b); err != nil || string(b[:size]) != fmt.Sprint(n) {
			t.Fatalf("received %q, %v; want packet %d", b[:size], err, n)
		}
	}
	k.write(t, "0", to)
	expect(0)
	p.Hold()
	for n := range many {
		k.write(t, fmt.Sprint(n+1), to)
	}
	for n := range mostSends {
		expect(n + 1)
	}
	peer.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, _, err := peer.ReadFromUDPAddrPort(make([]byte, 10)); err == nil {
		t.Errorf("received %d bytes while the poller was held", n)
	}
	peer.SetReadDeadline(time.Now().Add(patience))
	p.Release()
	for n := mostSends; n < many; n++ {
		expect(n + 1)
	}
	k.write(t, fmt.Sprint(many+1), to)
	expect(many + 1)
}

// The owner of a stream writes it from several goroutines, one after the other, while the shard is at work and others
// hold the Poller: every packet comes once, and in order.
func TestOrderOfWriters(t *testing.T) {
	p := batched(t, always(50*time.Microsecond))
	out, busy := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
	busy.start(t, 1<<16)
	peer, to := plain(t, "127.0.0.1:0")
	if err := peer.SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	const writers, packets = 4, 2000
	var mu sync.Mutex
	var seq uint32
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range packets / writers {
				if hold := i%8 == w; hold {
					p.Hold()
					defer p.Release()
				}
				mu.Lock()
				seq++
				_, err := out.WriteToUDPAddrPort(binary.BigEndian.AppendUint32(nil, seq), to)
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				out.write(t, "x", busy.at())
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	for want := uint32(1); want <= packets; want++ {
		b := make([]byte, 10)
		if n, _, err := peer.ReadFromUDPAddrPort(b); err != nil || n != 4 || binary.BigEndian.Uint32(b) != want {
			t.Fatalf("received %x, %v; want packet %d", b[:n], err, want)
		}
	}
}

// What the system does not take is counted, whoever is held up, and nothing else suffers.
func TestRefused(t *testing.T) {
	p := batched(t, never)
	k := p.open(t, "127.0.0.1:0")
	peer, to := plain(t, "127.0.0.1:0")
	p.Hold()
	k.write(t, "before", to)
	for range 3 {
		k.write(t, "nowhere", netip.MustParseAddrPort("192.0.2.1:4000")) // not from 127.0.0.1
	}
	k.write(t, "after", to)
	if k.Refused() != 0 {
		t.Errorf("%d refused before they were sent", k.Refused())
	}
	p.Release()
	for _, want := range []string{"before", "after"} {
		b := make([]byte, 10)
		if n, _, err := peer.ReadFromUDPAddrPort(b); err != nil || string(b[:n]) != want {
			t.Errorf("received %q, %v; want %q", b[:n], err, want)
		}
	}
	if k.Refused() != 3 {
		t.Errorf("%d refused, want 3", k.Refused())
	}
}

// A socket that is closed while packets of it wait still sends them, and its port is free when they are gone.
func TestCloseWithWaiting(t *testing.T) {
	leavesNothing(t)
	p := batched(t, never)
	k := p.open(t, "127.0.0.1:0")
	peer, to := plain(t, "127.0.0.1:0")
	p.Hold()
	k.write(t, "last", to)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := k.WriteToUDPAddrPort([]byte("late"), to); err == nil {
		t.Errorf("wrote %d bytes after Close", n)
	}
	p.Release()
	b := make([]byte, 10)
	if n, _, err := peer.ReadFromUDPAddrPort(b); err != nil || string(b[:n]) != "last" {
		t.Errorf("received %q, %v", b[:n], err)
	}
	p.open(t, k.at().String())
	peer.Close()
}

// One iteration relays a packet from each of 32 sockets to the next, as a drain tick does: with a system call for each
// packet, and with batches. Writing the packets and taking them again costs the same in both.
func BenchmarkRelay(b *testing.B) {
	for name, batch := range map[string]bool{"single": false, "batched": true} {
		b.Run(name, func(b *testing.B) {
			if batch {
				needBatch(b)
			}
			p, err := New(Config{Shards: 1, Drain: always(time.Millisecond), Longest: 200, Batch: batch})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			peer, to := plain(b, "127.0.0.1:0")
			peer.SetReadDeadline(time.Time{})
			var sockets [32]*Socket
			for i := range sockets {
				sockets[i] = p.open(b, "127.0.0.1:0")
			}
			for i, k := range sockets {
				next := sockets[(i+1)%len(sockets)]
				if err := k.Start(func(packet []byte, _ netip.AddrPort) { next.WriteToUDPAddrPort(packet, to) }); err != nil {
					b.Fatal(err)
				}
			}
			packet, in := make([]byte, 172), make([]byte, 200)
			b.ReportAllocs()
			for b.Loop() {
				for _, k := range sockets {
					if _, err := peer.WriteToUDPAddrPort(packet, k.at()); err != nil {
						b.Fatal(err)
					}
				}
				for range sockets {
					if _, _, err := peer.ReadFromUDPAddrPort(in); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
