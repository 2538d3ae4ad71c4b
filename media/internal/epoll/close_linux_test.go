//go:build amd64 || arm64

package epoll

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestCloseTwice(t *testing.T) {
	leavesNothing(t)
	p := newPoller(t, 1, never)
	k := p.open(t, "127.0.0.1:0")
	k.start(t, 0)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	taken := p.open(t, "127.0.0.1:0") // who has the number of the descriptor now
	taken.start(t, 0)
	if err := k.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("again: %v", err)
	}
	if n, err := k.WriteToUDPAddrPort([]byte("x"), taken.at()); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %d, %v", n, err)
	}
	if err := k.Start(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("start: %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Error(err)
	}
}

// flood sends to an address until the returned function is called, which waits.
func flood(t *testing.T, to netip.AddrPort) (stop func()) {
	t.Helper()
	c, _ := plain(t, netip.AddrPortFrom(to.Addr(), 0).String())
	var end atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !end.Load() {
			c.WriteToUDPAddrPort([]byte("flood"), to) // fails while nobody listens
		}
	})
	return func() { end.Store(true); wg.Wait() }
}

// A socket is closed while packets flood in and others write through it: everything ends, and the port is free again.
func TestCloseUnderFlood(t *testing.T) {
	leavesNothing(t)
	p := newPoller(t, 2, always(50*time.Microsecond))
	var at netip.AddrPort
	for i := range 20 {
		k := p.open(t, "127.0.0.1:0")
		if i > 0 { // where the flood still goes to
			k.Close()
			until(t, "the port is free again", func() bool {
				var err error
				k, err = p.Listen(at)
				return err == nil
			})
		} else {
			at = k.at()
			t.Cleanup(flood(t, at))
		}
		arrived := make(chan struct{})
		var once sync.Once
		if err := k.Start(func([]byte, netip.AddrPort) { once.Do(func() { close(arrived) }) }); err != nil {
			t.Fatal(err)
		}
		var writers sync.WaitGroup
		for range 3 {
			writers.Go(func() {
				for {
					if _, err := k.WriteToUDPAddrPort([]byte("x"), at); errors.Is(err, net.ErrClosed) {
						return
					}
				}
			})
		}
		within(t, "reading", func() { <-arrived })
		within(t, "Close", func() { k.Close() })
		within(t, "writing", writers.Wait)
	}
}

// A descriptor's number is used again at once: what is written through a closed socket never goes out of another one,
// and what is read belongs to the socket that is told. Every datagram carries the port that it is sent from and the one
// that it is sent to.
func TestDescriptorReuse(t *testing.T) {
	leavesNothing(t)
	// More threads than processors, so that one is stopped now and then just before its system call.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8 * runtime.NumCPU()))
	const openers, writers, rounds = 4, 3, 200
	var received atomic.Int64
	read := func(k *Socket) error {
		at := k.at().Port()
		return k.Start(func(b []byte, from netip.AddrPort) {
			if len(b) != 4 || binary.BigEndian.Uint16(b) != from.Port() || binary.BigEndian.Uint16(b[2:]) != at {
				t.Errorf("port %d received %x from %s", at, b, from)
			}
			received.Add(1)
		})
	}
	var ports [2 * openers]atomic.Uint32 // where a socket is open just now; the second half stay
	stay := newPoller(t, 2, never)
	for i := range openers {
		k := stay.open(t, "127.0.0.1:0")
		if err := read(k); err != nil {
			t.Fatal(err)
		}
		ports[i].Store(uint32(k.at().Port()))
		ports[openers+i].Store(uint32(k.at().Port()))
	}
	p := newPoller(t, 2, func(int) time.Duration { return rand.N(100 * time.Microsecond) })
	write := func(k *Socket) error {
		to := uint16(ports[rand.IntN(len(ports))].Load())
		b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, k.at().Port()), to)
		_, err := k.WriteToUDPAddrPort(b, netip.AddrPortFrom(k.at().Addr(), to))
		return err
	}
	var wg sync.WaitGroup
	for i := range openers {
		wg.Go(func() {
			for range rounds {
				k, err := p.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
				if err == nil {
					err = read(k)
				}
				if err != nil {
					t.Error(err)
					return
				}
				ports[i].Store(uint32(k.at().Port()))
				var sent atomic.Int32
				enough := make(chan struct{})
				for range writers {
					wg.Go(func() {
						for {
							switch err := write(k); {
							case errors.Is(err, net.ErrClosed):
								return
							case err != nil:
								t.Error(err)
								return
							}
							if sent.Add(1) == 20 {
								close(enough)
							}
							runtime.Gosched() // else each of many has the processor for a long time
						}
					})
				}
				<-enough
				if err := k.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	within(t, "opening and closing", wg.Wait)
	if received.Load() == 0 {
		t.Error("nothing was received")
	}
}

// The number stays taken while somebody is in a system call.
func TestDescriptorKept(t *testing.T) {
	p := newPoller(t, 1, never)
	k := p.open(t, "127.0.0.1:0")
	k.start(t, 0)
	if !k.enter() { // as a writer does
		t.Fatal("closed")
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if k.enter() {
		t.Error("another writer got in after Close")
	}
	if other := p.open(t, "127.0.0.1:0"); other.fd == k.fd {
		t.Error("the number is used again")
	}
	if other, err := p.Listen(k.at()); err == nil {
		t.Errorf("the port is free: %v", other.at())
	}
	k.leave()
	p.open(t, k.at().String())
}

// Start and Close of one socket at the same time: it is either read or not, and the shard does not keep it.
func TestStartAgainstClose(t *testing.T) {
	leavesNothing(t)
	p := newPoller(t, 1, never)
	for range 200 {
		k := p.open(t, "127.0.0.1:0")
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := k.Start(func([]byte, netip.AddrPort) {}); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		})
		// Who gets the number of the closed one must still be able to start.
		after := p.open(t, "127.0.0.1:0")
		after.start(t, 0)
		within(t, "Start and Close", wg.Wait)
		if err := k.Start(func([]byte, netip.AddrPort) {}); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("Start after Close: %v", err)
		}
		after.Close()
	}
	p.shards[0].mu.Lock()
	defer p.shards[0].mu.Unlock()
	if n := p.shards[0].watched; n != 0 || slices.ContainsFunc(p.shards[0].sockets, func(k *Socket) bool { return k != nil }) {
		t.Errorf("%d closed sockets are kept", n)
	}
}

// A Poller ends while packets flood in, with sockets open: they are read no more, but can be written to and closed.
func TestPollerClose(t *testing.T) {
	for _, drain := range []time.Duration{0, 100 * time.Microsecond, time.Hour} {
		t.Run(drain.String(), func(t *testing.T) {
			leavesNothing(t)
			for range 10 {
				p, err := New(config(t, 2, always(drain)))
				if err != nil {
					t.Fatal(err)
				}
				a, b := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
				var closed atomic.Bool
				arrived := make(chan struct{})
				var once sync.Once
				for _, k := range []*Socket{a, b} {
					if err := k.Start(func([]byte, netip.AddrPort) {
						once.Do(func() { close(arrived) })
						if closed.Load() {
							t.Error("received after the end")
						}
						for end := time.Now().Add(100 * time.Microsecond); time.Now().Before(end); { // slower than the flood
						}
					}); err != nil {
						t.Fatal(err)
					}
				}
				stopA, stopB := flood(t, a.at()), flood(t, b.at())
				within(t, "reading", func() { <-arrived })
				within(t, "Close", p.Close)
				closed.Store(true)
				peer, peerAt := plain(t, "127.0.0.1:0")
				a.write(t, "x", peerAt)
				if _, _, err := peer.ReadFromUDPAddrPort(make([]byte, 1)); err != nil {
					t.Error(err)
				}
				stopA()
				stopB()
				peer.Close()
				a.Close()
				b.Close()
			}
		})
	}
}

// After Close the numbers of a Poller's descriptors are others': neither a second Close nor a late Start touches them.
func TestPollerCloseTwice(t *testing.T) {
	leavesNothing(t)
	p := newPoller(t, 1, never)
	k := p.open(t, "127.0.0.1:0")
	p.Close()
	var others [6]int
	for i := range others {
		fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		others[i] = fd
	}
	within(t, "the second Close", p.Close)
	if err := k.Start(func([]byte, netip.AddrPort) {}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Start: %v", err)
	}
	for _, fd := range others {
		if err := syscall.Close(fd); err != nil {
			t.Errorf("another's descriptor: %v", err)
		}
	}
}

// A socket that rests throws away what arrives, does not count for the drain interval, keeps its port, and can be started
// again: the next receiver gets what is sent from then on, and nothing of before.
func TestRest(t *testing.T) {
	leavesNothing(t)
	var sockets atomic.Int64
	p := newPoller(t, 1, func(n int) time.Duration { sockets.Store(int64(n)); return 0 })
	k, other := p.open(t, "127.0.0.1:0"), p.open(t, "127.0.0.1:0")
	phone, at := plain(t, "127.0.0.1:0")
	first := k.start(t, 10)
	heard := other.start(t, 10)
	send := func(text string, to netip.AddrPort) {
		t.Helper()
		if _, err := phone.WriteToUDPAddrPort([]byte(text), to); err != nil {
			t.Fatal(err)
		}
	}
	send("1", k.at())
	if d := next(t, first); d.text != "1" || d.from != at || sockets.Load() != 2 {
		t.Errorf("%+v, %d sockets", d, sockets.Load())
	}
	if !k.Rest() || !k.Rest() {
		t.Error("it does not rest")
	}
	for range 3 {
		send("late", k.at())
	}
	send("2", other.at()) // one shard serves both: the late ones are read before the list is empty
	if d := next(t, heard); d.text != "2" || sockets.Load() != 1 {
		t.Errorf("%+v, %d sockets, one of them rests", d, sockets.Load())
	}
	until(t, "nothing waits in the socket", func() bool {
		b := make([]byte, 10)
		_, _, err := syscall.Recvfrom(k.fd, b, syscall.MSG_PEEK)
		return errors.Is(err, syscall.EAGAIN)
	})
	if _, err := p.Listen(k.at()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the port of a socket that rests: %v", err)
	}
	again := k.start(t, 10)
	send("3", k.at())
	if d := next(t, again); d.text != "3" || len(first) != 0 {
		t.Errorf("%+v, and the one before got %d", d, len(first))
	}
	send("4", other.at())
	if next(t, heard); sockets.Load() != 2 {
		t.Errorf("%d sockets", sockets.Load())
	}
	k.Rest()
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if err := k.Start(func([]byte, netip.AddrPort) {}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("start after Close: %v", err)
	}
	send("5", other.at())
	if next(t, heard); sockets.Load() != 1 {
		t.Errorf("%d sockets", sockets.Load())
	}
	unstarted := p.open(t, "127.0.0.1:0")
	if unstarted.Rest() {
		t.Error("a socket rests that nobody reads: what arrives waits for the next user")
	}
	if err := unstarted.Close(); err != nil {
		t.Error(err)
	}
}
