//go:build amd64 || arm64

package epoll

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Many sockets on few shards: each datagram comes to its socket, in order, whatever the drain interval.
func TestManySockets(t *testing.T) {
	const sockets, packets = 300, 3
	for _, drain := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond} {
		t.Run(drain.String(), func(t *testing.T) {
			leavesNothing(t)
			p := newPoller(t, 2, always(drain))
			out := p.open(t, "127.0.0.1:0")
			var in [sockets]*Socket
			var got [sockets]chan datagram
			for i := range in {
				in[i] = p.open(t, "127.0.0.1:0")
				got[i] = in[i].start(t, packets)
			}
			for seq := range packets {
				for i, k := range in {
					out.write(t, fmt.Sprint(i, seq), k.at())
				}
			}
			for i := range in {
				for seq := range packets {
					if d := next(t, got[i]); d.text != fmt.Sprint(i, seq) {
						t.Fatalf("socket %d received %q, want packet %d", i, d.text, seq)
					}
				}
			}
		})
	}
}

// With an interval that never ends, the first packet is received at once, and those after it gather: they ring nobody,
// not even when others came while it was being worked on. How often the shard looks and finds something is how often it
// asks for the interval.
func TestGather(t *testing.T) {
	leavesNothing(t)
	const sockets = 50
	var looks, asked, received atomic.Int32
	p := newPoller(t, 1, func(n int) time.Duration { looks.Add(1); asked.Store(int32(n)); return time.Hour })
	out, meanwhile := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
	meanwhiles := meanwhile.start(t, sockets+1)
	var in [sockets]*Socket
	for i := range in {
		in[i] = p.open(t, "127.0.0.1:0")
		if err := in[i].Start(func([]byte, netip.AddrPort) {
			received.Add(1)
			out.WriteToUDPAddrPort([]byte("meanwhile"), meanwhile.at())
			<-time.After(200 * time.Microsecond) // for the runtime to hear of it
		}); err != nil {
			t.Fatal(err)
		}
	}
	out.write(t, "first", in[0].at())
	next(t, meanwhiles)
	if n := asked.Load(); n != sockets+1 {
		t.Errorf("the interval for %d sockets was asked, want %d", n, sockets+1)
	}
	pace := time.NewTicker(time.Millisecond) // so that there is time for further looks
	defer pace.Stop()
	for i := range in {
		<-pace.C
		out.write(t, "more", in[i].at())
	}
	// Two, and a few more if the machine was so slow that further packets came before the interval began.
	if n := looks.Load(); n > sockets/4 {
		t.Errorf("%d looks for %d packets, want 2", n, received.Load())
	}
}

// The interval begins when there is nothing more: who gets many packets at once, from a stranger too, need not wait for
// an interval per packet.
func TestNothingStays(t *testing.T) {
	p := newPoller(t, 1, always(time.Hour))
	a, b := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
	const burst = 100
	for i := range burst {
		a.write(t, fmt.Sprint(i), b.at())
	}
	got := b.start(t, burst)
	for i := range burst {
		if d := next(t, got); d.text != fmt.Sprint(i) {
			t.Fatalf("received %q, want packet %d", d.text, i)
		}
	}
}

// When the interval is over, everything that has gathered is received, from more sockets than one look has room for.
func TestGathered(t *testing.T) {
	const sockets = 2*most + 10
	p := newPoller(t, 1, always(50*time.Millisecond))
	got := make(chan datagram, sockets)
	var in [sockets]*Socket
	for i := range in {
		in[i] = p.open(t, "127.0.0.1:0")
		if err := in[i].Start(func(b []byte, from netip.AddrPort) { got <- datagram{string(b), from} }); err != nil {
			t.Fatal(err)
		}
	}
	out := p.open(t, "127.0.0.1:0")
	for i := range in {
		out.write(t, fmt.Sprint(i), in[i].at())
	}
	seen := map[string]bool{}
	for range sockets {
		seen[next(t, got).text] = true
	}
	if len(seen) != sockets {
		t.Errorf("%d sockets received something, want %d", len(seen), sockets)
	}
}

// The interval comes and goes as traffic does.
func TestDrainChanges(t *testing.T) {
	leavesNothing(t)
	var asked atomic.Uint32
	cycle := []time.Duration{0, 0, time.Millisecond, 0, 2 * time.Millisecond, 50 * time.Microsecond, 1, time.Millisecond, -1}
	p := newPoller(t, 2, func(int) time.Duration { return cycle[int(asked.Add(1))%len(cycle)] })
	out := p.open(t, "127.0.0.1:0")
	var wg sync.WaitGroup
	for range 20 {
		in := p.open(t, "127.0.0.1:0")
		got := in.start(t, 1)
		wg.Go(func() {
			for i := range 100 {
				out.write(t, fmt.Sprint(i), in.at())
				select {
				case d := <-got:
					if d.text != fmt.Sprint(i) {
						t.Errorf("received %q, want %d", d.text, i)
					}
				case <-time.After(patience):
					t.Error("nothing was received")
					return
				}
			}
		})
	}
	within(t, "the traffic", wg.Wait)
}

// Whenever a packet comes, also in the very moment at which the shard goes to sleep, it is received without another
// one that rings for it. The pauses are tried out from the end of one packet's work to well after it.
func TestEveryPacketRings(t *testing.T) {
	for _, c := range []struct {
		drain time.Duration
		tries int
		pause time.Duration // the longest
	}{
		{0, 2000, 50 * time.Microsecond},
		{10 * time.Microsecond, 6000, 120 * time.Microsecond},
		{time.Millisecond, 200, 3 * time.Millisecond},
	} {
		t.Run(c.drain.String(), func(t *testing.T) {
			p := newPoller(t, 1, always(c.drain))
			a, b := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
			got := b.start(t, 1)
			for i := range c.tries {
				a.write(t, "x", b.at())
				select {
				case <-got:
				case <-time.After(patience):
					t.Fatalf("packet %d rang nobody", i)
				}
				pause := rand.N(c.pause)
				if pause > time.Millisecond/2 {
					<-time.After(pause)
					continue
				}
				for end := time.Now().Add(pause); time.Now().Before(end); { // no timer is so exact
				}
			}
		})
	}
}

// A shard without packets does nothing: it costs no time, although its timer was used and a socket was closed.
func TestIdle(t *testing.T) {
	for _, drain := range []time.Duration{0, time.Millisecond} {
		t.Run(drain.String(), func(t *testing.T) {
			var looks atomic.Int32
			p := newPoller(t, 1, func(int) time.Duration { looks.Add(1); return drain })
			a, b, c := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
			got, gone := b.start(t, 1), c.start(t, 1)
			a.write(t, "x", b.at())
			a.write(t, "x", c.at())
			next(t, got)
			next(t, gone)
			a.write(t, "unread", c.at())
			c.Close()
			used := func() time.Duration {
				var u syscall.Rusage
				if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
					t.Fatal(err)
				}
				return time.Duration(u.Utime.Nano() + u.Stime.Nano())
			}
			// The test's own time, not the machine's; and once in five is enough, since the runtime has things to do too.
			var cost, passed time.Duration
			var looked int32
			for range 5 {
				start, before, n := time.Now(), used(), looks.Load()
				<-time.After(20 * time.Millisecond)
				cost, passed, looked = used()-before, time.Since(start), looks.Load()-n
				if cost < passed/4 && looked == 0 {
					return
				}
			}
			t.Errorf("%s used in %s of nothing, %d looks", cost, passed, looked)
		})
	}
}

// Without descriptors New and Listen fail, and what they had opened is closed again.
func TestNoDescriptors(t *testing.T) {
	leavesNothing(t)
	const shards = 2
	enough := 3 * shards
	if config(t, shards, never).Batch {
		enough = 4*shards + 1 // the ring; and a socket to try it with
	}
	p := newPoller(t, 1, never)
	before := descriptors(t)
	for free := range enough + 1 {
		var other *Poller
		var err, listen error
		leaving(t, free, func() {
			other, err = New(config(t, shards, never))
			if free == 0 {
				_, listen = p.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
			}
		})
		switch {
		case free == enough && err == nil:
			other.Close()
		case free == enough:
			t.Errorf("%d descriptors are enough, but: %v", free, err)
		case !errors.Is(err, syscall.EMFILE) || other != nil:
			t.Errorf("%d descriptors: %v, %v", free, other, err)
		}
		if free == 0 && (!errors.Is(listen, syscall.EMFILE) || !strings.Contains(listen.Error(), "127.0.0.1:0")) {
			t.Errorf("Listen: %v", listen)
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// leaving runs f while only so many descriptors are free.
func leaving(t *testing.T, free int, f func()) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = uint64(descriptors(t) + 50)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skip(err)
	}
	var taken []int
	defer func() {
		for _, fd := range taken {
			syscall.Close(fd)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	for {
		fd, err := syscall.Dup(2)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	for range free {
		syscall.Close(taken[len(taken)-1])
		taken = taken[:len(taken)-1]
	}
	f()
}
