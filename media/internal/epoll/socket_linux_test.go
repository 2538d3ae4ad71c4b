//go:build amd64 || arm64

package epoll

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFamilies(t *testing.T) {
	for _, c := range []struct{ listen, peer string }{
		{"127.0.0.1:0", "127.0.0.1:0"},
		{"0.0.0.0:0", "127.0.0.1:0"},
		{"[::1]:0", "[::1]:0"},
		{"[::]:0", "[::1]:0"},
		{"[::]:0", "127.0.0.1:0"},
	} {
		t.Run(c.listen+" "+c.peer, func(t *testing.T) {
			if strings.Contains(c.listen, "::") {
				needIPv6(t)
			}
			leavesNothing(t)
			k := newPoller(t, 1, never).open(t, c.listen)
			peer, peerAt := plain(t, c.peer)
			at, ok := k.LocalAddr().(*net.UDPAddr)
			if !ok || at.Port == 0 || at.AddrPort().Addr().String() != netip.MustParseAddrPort(c.listen).Addr().String() {
				t.Fatalf("local address %v", k.LocalAddr())
			}
			got := k.start(t, 1)
			to := netip.AddrPortFrom(peerAt.Addr(), uint16(at.Port))
			if _, err := peer.WriteToUDPAddrPort([]byte("ping"), to); err != nil {
				t.Fatal(err)
			}
			if d := next(t, got); d.text != "ping" || d.from != peerAt {
				t.Errorf("received %+v, want ping from %s", d, peerAt)
			}
			// An address is the same in its IPv6 form.
			for _, a := range []netip.Addr{peerAt.Addr(), netip.AddrFrom16(peerAt.Addr().As16())} {
				k.write(t, "pong", netip.AddrPortFrom(a, peerAt.Port()))
				b := make([]byte, 10)
				n, from, err := peer.ReadFromUDPAddrPort(b)
				if err != nil || string(b[:n]) != "pong" || from.Port() != to.Port() || from.Addr().Unmap() != to.Addr() {
					t.Errorf("peer received %q from %s, %v; want pong from %s", b[:n], from, err, to)
				}
			}
		})
	}
}

// A port that is taken is told in the way by which a caller knows to try the next one.
func TestBindFails(t *testing.T) {
	leavesNothing(t)
	p := newPoller(t, 1, never)
	k := p.open(t, "127.0.0.1:0")
	for _, c := range []struct {
		name string
		at   netip.AddrPort
		want error
	}{
		{"taken", k.at(), syscall.EADDRINUSE},
		{"not ours", netip.MustParseAddrPort("192.0.2.1:4000"), syscall.EADDRNOTAVAIL},
		{"no address", netip.AddrPort{}, syscall.EINVAL},
	} {
		before := descriptors(t)
		other, err := p.Listen(c.at)
		if !errors.Is(err, c.want) || other != nil {
			t.Errorf("%s: %v, %v; want %v", c.name, other, err, c.want)
			continue
		}
		var op *net.OpError
		if !errors.As(err, &op) || c.at.IsValid() && !strings.Contains(err.Error(), c.at.String()) {
			t.Errorf("%s: %q does not name %s", c.name, err, c.at)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%s: %d descriptors before, %d after", c.name, before, after)
		}
	}
}

// A socket on one IPv6 address leaves IPv4 alone; one on all addresses does not.
func TestDualStackPort(t *testing.T) {
	needIPv6(t)
	p := newPoller(t, 1, never)
	port := p.open(t, "127.0.0.1:0").at().Port()
	if k, err := p.Listen(netip.AddrPortFrom(netip.IPv6Unspecified(), port)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("all addresses: %v, %v", k, err)
	}
	k, err := p.Listen(netip.AddrPortFrom(netip.IPv6Loopback(), port))
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
}

func TestUnreachable(t *testing.T) {
	four, six := netip.MustParseAddrPort("127.0.0.1:4000"), netip.MustParseAddrPort("[::1]:4000")
	for _, c := range []struct {
		listen string
		to     netip.AddrPort
	}{
		{"127.0.0.1:0", six},
		{"127.0.0.1:0", netip.AddrPort{}},
		{"127.0.0.1:0", netip.AddrPortFrom(four.Addr(), 0)},
		{"[::1]:0", four},
		{"[::1]:0", netip.AddrPortFrom(netip.AddrFrom16(four.Addr().As16()), 4000)},
		{"[::1]:0", netip.AddrPort{}},
		{"[::]:0", netip.AddrPort{}},
	} {
		t.Run(fmt.Sprint(c.listen, " ", c.to), func(t *testing.T) {
			if strings.Contains(c.listen, "::") {
				needIPv6(t)
			}
			k := newPoller(t, 1, never).open(t, c.listen)
			if n, err := k.WriteToUDPAddrPort([]byte("x"), c.to); err == nil || n != 0 {
				t.Errorf("wrote %d bytes, %v", n, err)
			}
			got := k.start(t, 1)
			k.write(t, "still works", netip.AddrPortFrom(netip.MustParseAddrPort(strings.Replace(c.listen, "::]", "::1]", 1)).Addr(),
				k.at().Port()))
			if d := next(t, got); d.text != "still works" {
				t.Errorf("received %q", d.text)
			}
		})
	}
}

// What does not fit is dropped whole; everything else comes as it was sent, the empty datagram too.
func TestLength(t *testing.T) {
	p := newPoller(t, 1, never)
	a, b := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
	got := b.start(t, 10)
	letters := strings.Repeat("abcdefgh", 1000)
	var want []int
	for _, n := range []int{1, 0, 99, 100, 101, 8000, 0, 102, 100} { // Longest is 100
		a.write(t, letters[:n], b.at())
		if n <= 100 {
			want = append(want, n)
		}
	}
	if n, err := a.WriteToUDPAddrPort(nil, b.at()); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
	for _, n := range append(want, 0) {
		if d := next(t, got); d.text != letters[:n] || d.from != a.at() {
			t.Errorf("received %d bytes from %s, want %d", len(d.text), d.from, n)
		}
	}
	// More than UDP can carry.
	if n, err := a.WriteToUDPAddrPort(make([]byte, 70000), b.at()); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("70000 bytes: %d, %v", n, err)
	}
}

func TestOrder(t *testing.T) {
	for _, drain := range []time.Duration{0, 100 * time.Microsecond} {
		t.Run(drain.String(), func(t *testing.T) {
			p := newPoller(t, 1, always(drain))
			a, b := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
			got := b.start(t, 0)
			const burst = 100 // fits into the socket's buffer
			for round := range 3 {
				for i := range burst {
					a.write(t, fmt.Sprint(round, i), b.at())
				}
				for i := range burst {
					if d := next(t, got); d.text != fmt.Sprint(round, i) {
						t.Fatalf("received %q, want packet %d of round %d", d.text, i, round)
					}
				}
			}
		})
	}
}

// What arrives before Start is not lost: a phone may send as soon as it knows the port.
func TestBeforeStart(t *testing.T) {
	p := newPoller(t, 1, never)
	a, b := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
	a.write(t, "early", b.at())
	if d := next(t, b.start(t, 1)); d.text != "early" {
		t.Errorf("received %q", d.text)
	}
}

// No allocation per packet, neither for writing nor for reading; AllocsPerRun counts all goroutines.
func TestNoAllocation(t *testing.T) {
	for _, c := range []struct {
		at    string
		drain time.Duration
	}{{"127.0.0.1:0", 0}, {"[::1]:0", 0}, {"127.0.0.1:0", 10 * time.Microsecond}} {
		t.Run(fmt.Sprint(c.at, " ", c.drain), func(t *testing.T) {
			if strings.Contains(c.at, "::") {
				needIPv6(t)
			}
			p := newPoller(t, 1, always(c.drain))
			a, b := p.open(t, c.at), p.open(t, c.at)
			got := make(chan int, 1)
			if err := b.Start(func(b []byte, from netip.AddrPort) { got <- len(b) }); err != nil {
				t.Fatal(err)
			}
			packet, to := make([]byte, 60), b.at()
			give := time.After(patience)
			if n := testing.AllocsPerRun(500, func() {
				if _, err := a.WriteToUDPAddrPort(packet, to); err != nil {
					t.Fatal(err)
				}
				select {
				case <-got:
				case <-give:
					t.Fatal("nothing was received")
				}
			}); n != 0 {
				t.Errorf("%v allocations per packet", n)
			}
		})
	}
}

// What set writes, get reads; an address that set refuses is none of the socket's family.
func FuzzSockaddr(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint16(4000), true)
	f.Add([]byte{192, 0, 2, 1}, uint16(0xabcd), false)
	f.Add(make([]byte, 16), uint16(1), true)
	f.Add(make([]byte, 16), uint16(1), false)
	f.Add([]byte{10: 0xff, 11: 0xff, 12: 192, 14: 2, 15: 1}, uint16(1), false)
	f.Add([]byte{}, uint16(1), true)
	f.Fuzz(func(t *testing.T, ip []byte, port uint16, six bool) {
		addr, valid := netip.AddrFromSlice(ip)
		a := netip.AddrPortFrom(addr, port)
		var s sockaddr
		n := s.set(a, six)
		if fits := valid && (six || addr.Unmap().Is4()); (n != 0) != fits {
			t.Fatalf("%s: length %d", a, n)
		}
		if want := netip.AddrPortFrom(addr.Unmap(), port); n != 0 && s.get() != want {
			t.Errorf("%s came back as %s", want, s.get())
		}
	})
}
