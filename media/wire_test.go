package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
	"ringdown/media/internal/epoll"
)

// backends are the ways in which packets come from the system to the legs. What is tested here holds for each, with
// real sockets and real time.
var backends = []backend{
	{"io_uring", "io_uring", func(c *Config) { c.Drain = func(int) time.Duration { return 0 } }},
	{"io_uring with drain", "io_uring", func(c *Config) { c.Drain = func(int) time.Duration { return 2 * time.Millisecond } }},
	{"epoll", "epoll", func(c *Config) { c.Single, c.Drain = true, func(int) time.Duration { return 0 } }},
	{"epoll with drain", "epoll", func(c *Config) { c.Single, c.Drain = true, func(int) time.Duration { return 2 * time.Millisecond } }},
	{"portable", "portable", func(c *Config) { c.Portable = true }},
}

type backend struct {
	name   string
	way    string
	choose func(*Config)
}

// bed is an engine on loopback. The test is skipped where there is no such back end.
func (k backend) bed(t testing.TB, change func(*Config)) *bed {
	t.Helper()
	b := newBed(t, func(c *Config) {
		c.Listen, c.Net, c.PortMin, c.PortMax = netip.MustParseAddr("127.0.0.1"), nil, 0, 0
		k.choose(c)
		if change != nil {
			change(c)
		}
	})
	if way := b.fwd.way(); k.way != "" && way != k.way {
		if arch := runtime.GOARCH; runtime.GOOS != "linux" || arch != "amd64" && arch != "arm64" {
			t.Skip("not on this system")
		}
		p, err := epoll.New(epoll.Config{Batch: true})
		if err == nil {
			p.Close()
		}
		if k.way == "io_uring" && errors.Is(err, epoll.ErrUnsupported) {
			t.Skip("not on this machine: ", err)
		}
		t.Fatalf("the engine reads by %s, want %s; %v", way, k.way, err)
	}
	return b
}

// patience bounds every wait for the system. None takes so long unless something is broken.
const patience = 10 * time.Second

// phone is a handset with a socket of the system.
func (b *bed) phone(n uint32) *handset {
	b.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(b.cfg.Listen, 0)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return newHandset(b.TB, n, c)
}

// phones are alice and bob, connected.
func (b *bed) phones(offer, answer string) (alice, bob *handset) {
	b.Helper()
	alice, bob = b.phone(1), b.phone(2)
	b.join(alice, bob, alice.sdp(offer), bob.sdp(answer))
	b.take()
	return alice, bob
}

// next waits for the next packet.
func (h *handset) next() *rtp.Packet {
	h.t.Helper()
	h.conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	n, from, err := h.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		h.t.Fatal(err)
	}
	if from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); from != h.to {
		h.t.Fatalf("packet from %s, want %s", from, h.to)
	}
	p := &rtp.Packet{}
	if err := p.Unmarshal(b[:n]); err != nil {
		h.t.Fatal(err)
	}
	return p
}

// await waits for an event of type E and lets the others pass.
func await[E callstate.Event](b *bed) (found E) {
	b.Helper()
	b.until(fmt.Sprintf("a %T", found), func() bool {
		for _, ev := range b.take() {
			if e, ok := ev.(E); ok {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// until waits for something that nobody tells.
func (b *bed) until(what string, so func() bool) {
	b.Helper()
	give := time.After(patience)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-give:
			b.Fatal("not after a long time: ", what)
		}
	}
}

// flood sends digits from a phone's socket, one per packet, until the returned function is called, which waits.
func (h *handset) flood() (stop func()) {
	var end atomic.Bool
	var wg sync.WaitGroup
	conn, to := h.conn, h.to
	wg.Go(func() {
		for n := uint16(0); !end.Load(); n++ {
			packet := []byte{0x80, 101, byte(n >> 8), byte(n), 0, byte(n >> 8), byte(n), 0, 0, 0, 0, 1, 5, 0x8a, 0, 160}
			conn.WriteToUDPAddrPort(packet, to) // fails once nobody listens
			runtime.Gosched()
		}
	})
	return func() { end.Store(true); wg.Wait() }
}
