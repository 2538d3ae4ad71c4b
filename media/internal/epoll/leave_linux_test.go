//go:build amd64 || arm64

package epoll

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// A socket goes from poller to poller while it is sent to: everything comes once and in order, and what it sends leaves in
// order too.
func TestLeave(t *testing.T) {
	for _, drain := range []time.Duration{0, 2 * time.Millisecond} {
		t.Run(drain.String(), func(t *testing.T) {
			leavesNothing(t)
			pollers := []*Poller{newPoller(t, 2, always(drain)), newPoller(t, 1, never)}
			phone, _ := plain(t, "127.0.0.1:0")
			const packets, window = 3000, 20
			var heard atomic.Uint32
			var now atomic.Pointer[Socket]
			first := pollers[0].open(t, "127.0.0.1:0")
			now.Store(first)
			receive := func(b []byte, from netip.AddrPort) {
				if want := fmt.Sprint(heard.Add(1)); string(b) != want {
					t.Errorf("received %s, want %s", b, want)
				}
				now.Load().WriteToUDPAddrPort(b, from)
			}
			if err := first.Start(receive); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				b := make([]byte, 100)
				for sent, back := 0, 0; back < packets; {
					for sent < packets && sent-back < window {
						sent++
						phone.WriteToUDPAddrPort(fmt.Append(nil, sent), first.at())
					}
					n, err := phone.Read(b)
					back++
					if err != nil || string(b[:n]) != fmt.Sprint(back) {
						t.Errorf("%s came back, %v, want %d", b[:n], err, back)
						return
					}
				}
			}()
			moves := 0
			for moving := true; moving; moves++ {
				select {
				case <-done:
					moving = false
				default:
				}
				// One who goes on at once is never read.
				before := heard.Load()
				until(t, "some packets have come", func() bool { return heard.Load() >= min(before+20, packets) })
				was := now.Load()
				f, err := was.Leave()
				if err != nil {
					t.Fatal(err)
				}
				k, err := pollers[(moves+1)%2].Adopt(f)
				if err != nil {
					t.Fatal(err)
				}
				f.Close()
				if k.at() != first.at() {
					t.Errorf("bound to %s, want %s", k.at(), first.at())
				}
				was.Flush()
				now.Store(k)
				was.Close()
				if err := k.Start(receive); err != nil {
					t.Fatal(err)
				}
			}
			now.Load().Close()
			if heard.Load() != packets || moves < 3 {
				t.Errorf("%d packets were heard in %d moves", heard.Load(), moves)
			}
		})
	}
}

// What cannot leave is left as it is.
func TestLeaveFails(t *testing.T) {
	leavesNothing(t)
	p := newPoller(t, 1, never)
	phone, _ := plain(t, "127.0.0.1:0")
	k := p.open(t, "127.0.0.1:0")
	if f, err := k.Leave(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("one that is not read: %v %v", f, err)
	}
	got := k.start(t, 1)
	k.Rest()
	if f, err := k.Leave(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("one that rests: %v %v", f, err)
	}
	if err := k.Start(func(b []byte, from netip.AddrPort) { got <- datagram{string(b), from} }); err != nil {
		t.Fatal(err)
	}
	phone.WriteToUDPAddrPort([]byte("after"), k.at())
	if d := next(t, got); d.text != "after" {
		t.Errorf("received %q", d.text)
	}
	f, err := k.Leave()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	phone.WriteToUDPAddrPort([]byte("again"), k.at()) // waits in the socket
	if got := k.start(t, 1); next(t, got).text != "again" {
		t.Error("another packet came")
	}
	k.Close()
	if f, err := k.Leave(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("one that is closed: %v %v", f, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if k, err := p.Adopt(r); err == nil {
		t.Errorf("a pipe became %+v", k)
	}
}

// IPv6 stays IPv6.
func TestLeaveIPv6(t *testing.T) {
	needIPv6(t)
	p := newPoller(t, 1, never)
	phone, at := plain(t, "[::1]:0")
	k := p.open(t, "[::1]:0")
	k.start(t, 1)
	f, err := k.Leave()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	to, err := p.Adopt(f)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	got := to.start(t, 1)
	phone.WriteToUDPAddrPort([]byte("six"), k.at())
	if d := next(t, got); d.text != "six" || d.from != at {
		t.Errorf("received %+v", d)
	}
	to.write(t, "back", at)
	b := make([]byte, 10)
	if n, err := phone.Read(b); err != nil || string(b[:n]) != "back" {
		t.Errorf("%q %v came back", b[:n], err)
	}
}

// A poller that ends lets nobody wait.
func TestLeaveAtClose(t *testing.T) {
	for range 20 {
		p := newPoller(t, 1, never)
		k := p.open(t, "127.0.0.1:0")
		k.start(t, 1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if f, err := k.Leave(); err == nil {
				f.Close()
			}
		}()
		p.Close()
		within(t, "Leave", func() { <-done })
	}
}
