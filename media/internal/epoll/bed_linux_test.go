//go:build amd64 || arm64

package epoll

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds every wait of these tests. None of them takes so long unless something is broken.
const patience = 10 * time.Second

// never and always are drains.
func never(int) time.Duration { return 0 }
func always(d time.Duration) func(sockets int) time.Duration {
	return func(int) time.Duration { return d }
}

// config is that of a Poller in a test, which TestBatched has run with batches, and go test without.
func config(t testing.TB, shards int, drain func(int) time.Duration) Config {
	return Config{Shards: shards, Drain: drain, Longest: 100, Batch: strings.HasPrefix(t.Name(), "TestBatched/")}
}

func newPoller(t testing.TB, shards int, drain func(int) time.Duration) *Poller {
	t.Helper()
	p, err := New(config(t, shards, drain))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { within(t, "Close of the poller", p.Close) })
	return p
}

func (p *Poller) open(t testing.TB, at string) *Socket {
	t.Helper()
	k, err := p.Listen(netip.MustParseAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func (k *Socket) at() netip.AddrPort { return k.local.AddrPort() }

// datagram is what a Receive got.
type datagram struct {
	text string
	from netip.AddrPort
}

// start has a socket put what it receives into a channel, and checks that it is told one after the other.
func (k *Socket) start(t testing.TB, room int) chan datagram {
	t.Helper()
	got := make(chan datagram, room)
	var busy atomic.Bool
	err := k.Start(func(b []byte, from netip.AddrPort) {
		if busy.Swap(true) {
			t.Error("two datagrams of one socket at the same time")
		}
		got <- datagram{string(b), from}
		busy.Store(false)
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func next(t testing.TB, got <-chan datagram) datagram {
	t.Helper()
	select {
	case d := <-got:
		return d
	case <-time.After(patience):
		t.Fatal("nothing was received")
		panic("unreachable")
	}
}

func (k *Socket) write(t testing.TB, text string, to netip.AddrPort) {
	t.Helper()
	if n, err := k.WriteToUDPAddrPort([]byte(text), to); err != nil || n != len(text) {
		t.Fatalf("wrote %d bytes to %s: %v", n, to, err)
	}
}

// plain is a socket of the net package, so that the tests do not only talk to themselves.
func plain(t testing.TB, at string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return c, netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func needIPv6(t testing.TB) {
	t.Helper()
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skip("no IPv6: ", err)
	}
	c.Close()
}

// within fails when f takes too long.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(patience):
		b := make([]byte, 1<<16)
		t.Fatalf("%s does not return\n%s", what, b[:runtime.Stack(b, true)])
	}
}

// until waits for something that nobody tells.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	give := time.After(patience)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-give:
			t.Fatal("not so after a long time: ", what)
		}
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(d)
}

// leavesNothing fails when what runs after it and before the end of the test leaves goroutines or descriptors.
func leavesNothing(t testing.TB) {
	t.Helper()
	plain(t, "127.0.0.1:0") // the runtime's own poller has its descriptors from the first such socket on
	fds, routines := descriptors(t), runtime.NumGoroutine()
	t.Cleanup(func() {
		until(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= routines })
		until(t, "all descriptors are closed", func() bool { return descriptors(t) <= fds })
	})
}
