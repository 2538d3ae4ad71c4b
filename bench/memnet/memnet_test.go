package memnet

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func pair(t testing.TB, o Options) (*Network, *Conn, *Conn) {
	t.Helper()
	n := New(o)
	t.Cleanup(func() { n.Close() })
	alice, err := n.ListenPacket("192.0.2.1:5060")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := n.ListenPacket("192.0.2.2:0")
	if err != nil {
		t.Fatal(err)
	}
	return n, alice, bob
}

// exchange writes count numbered datagrams and returns the numbers in the order of arrival.
func exchange(t testing.TB, from, to *Conn, count int) []uint32 {
	t.Helper()
	for i := range count {
		if _, err := from.WriteToUDPAddrPort(binary.BigEndian.AppendUint32(nil, uint32(i)), to.at); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // virtual: every caller is in a bubble
	}
	to.SetReadDeadline(time.Now().Add(time.Second))
	var got []uint32
	b := make([]byte, 64)
	for {
		n, source, err := to.ReadFromUDPAddrPort(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return got
		}
		if err != nil || n != 4 || source != from.at {
			t.Fatalf("got %d bytes from %v, error %v", n, source, err)
		}
		got = append(got, binary.BigEndian.Uint32(b))
	}
}

func TestPerfectNetworkKeepsOrder(t *testing.T) {
	for _, o := range []Options{{}, {Delay: 20 * time.Millisecond}, {Delay: time.Millisecond, Jitter: 30 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			_, alice, bob := pair(t, o)
			got := exchange(t, alice, bob, 100)
			for i, v := range got {
				if int(v) != i {
					t.Fatalf("%+v: place %d holds datagram %d", o, i, v)
				}
			}
			if len(got) != 100 {
				t.Fatalf("%+v: %d of 100 arrived", o, len(got))
			}
		})
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name     string
		opts     Options
		min, max int
		ordered  bool
	}{
		{"loss", Options{Loss: 0.2}, 140, 180, true},
		{"everything lost", Options{Loss: 1}, 0, 0, true},
		{"dup", Options{Dup: 0.2}, 220, 255, true},
		{"reorder", Options{Reorder: 0.1}, 200, 200, false},
		{"reorder with delay", Options{Reorder: 0.1, Delay: 10 * time.Millisecond}, 200, 200, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.opts.Seed = 7
				n, alice, bob := pair(t, tt.opts)
				got := exchange(t, alice, bob, 200)
				ordered := true
				for i := 1; i < len(got); i++ {
					ordered = ordered && got[i] >= got[i-1]
				}
				if len(got) < tt.min || len(got) > tt.max || ordered != tt.ordered {
					t.Fatalf("arrived %d, want %d..%d; ordered %v, want %v; %+v",
						len(got), tt.min, tt.max, ordered, tt.ordered, n.Stats())
				}
			})
		})
	}
}

func TestSameSeedSameFate(t *testing.T) {
	run := func(seed uint64) (got []uint32) {
		synctest.Test(t, func(t *testing.T) {
			_, alice, bob := pair(t, Options{Seed: seed, Loss: 0.3, Dup: 0.1, Reorder: 0.1, Jitter: time.Millisecond})
			got = exchange(t, alice, bob, 100)
		})
		return got
	}
	if a, b := run(1), run(1); !reflect.DeepEqual(a, b) {
		t.Fatalf("two runs with one seed differ:\n%v\n%v", a, b)
	}
	if a, b := run(1), run(2); reflect.DeepEqual(a, b) {
		t.Fatal("another seed made no difference")
	}
}

func TestDelayIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, alice, bob := pair(t, Options{Delay: 80 * time.Millisecond})
		start := time.Now()
		alice.WriteTo([]byte("x"), bob.LocalAddr())
		_, from, err := bob.ReadFrom(make([]byte, 9))
		if err != nil || from.(*net.UDPAddr).String() != "192.0.2.1:5060" || time.Since(start) != 80*time.Millisecond {
			t.Fatalf("from %v, error %v, after %v", from, err, time.Since(start))
		}
	})
}

func TestDeadlineSetWhileReadIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, alice, bob := pair(t, Options{})
		result := make(chan error, 1)
		read := func() { _, _, err := bob.ReadFrom(make([]byte, 9)); result <- err }

		bob.SetReadDeadline(time.Now().Add(time.Hour))
		go read()
		synctest.Wait()
		bob.SetReadDeadline(time.Now().Add(time.Second)) // earlier
		start := time.Now()
		if err := <-result; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Fatalf("error %v after %v", err, time.Since(start))
		}
		var timeout net.Error
		bob.SetReadDeadline(time.Now().Add(-1)) // the past
		if read(); !errors.As(<-result, &timeout) || !timeout.Timeout() {
			t.Fatal("want a net.Error that is a time-out")
		}
		bob.SetReadDeadline(time.Now().Add(time.Second))
		go read()
		synctest.Wait()
		bob.SetReadDeadline(time.Time{}) // taken away
		time.Sleep(time.Minute)
		alice.WriteTo([]byte("x"), bob.LocalAddr())
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		bob.SetWriteDeadline(time.Now().Add(-1))
		if _, err := bob.WriteTo(nil, alice.LocalAddr()); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("write after its deadline: %v", err)
		}
	})
}

func TestCloseUnblocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, alice, bob := pair(t, Options{Delay: time.Hour})
		alice.WriteTo([]byte("never arrives"), bob.LocalAddr())
		result := make(chan error, 2)
		for _, c := range []*Conn{alice, bob} {
			go func() { _, _, err := c.ReadFrom(make([]byte, 9)); result <- err }()
		}
		synctest.Wait()
		alice.Close()
		n.Close()
		for range 2 {
			if err := <-result; !errors.Is(err, net.ErrClosed) {
				t.Fatalf("got %v, want net.ErrClosed", err)
			}
		}
		if _, err := bob.WriteTo(nil, alice.LocalAddr()); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("write after close: %v", err)
		}
		if err := alice.Close(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("second close: %v", err)
		}
		if _, err := n.ListenPacket("192.0.2.9:1"); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("listen after close: %v", err)
		}
	})
}

func TestAddresses(t *testing.T) {
	n, alice, bob := pair(t, Options{Queue: 2})
	for _, bad := range []string{"192.0.2.1:5060", "0.0.0.0:5060", "example.com:5060", "192.0.2.1"} {
		if _, err := n.ListenPacket(bad); err == nil {
			t.Errorf("%s could be bound", bad)
		}
	}
	if bob.at.Port() == 0 {
		t.Error("port 0 was not replaced")
	}
	alice.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort("192.0.2.77:9")) // nobody
	mapped := netip.AddrPortFrom(netip.AddrFrom16(bob.at.Addr().As16()), bob.at.Port())
	for range 3 {
		alice.WriteToUDPAddrPort([]byte("x"), mapped)
	}
	if s := n.Stats(); s.Unbound != 1 || s.Delivered != 2 || s.Overflow != 1 || s.Sent != 4 {
		t.Errorf("%+v", s)
	}
	alice.Close()
	if _, err := n.ListenPacket("192.0.2.1:5060"); err != nil {
		t.Errorf("a closed address cannot be bound again: %v", err)
	}
}

func TestTapAndDrop(t *testing.T) {
	n, alice, bob := pair(t, Options{})
	var seen []string
	n.SetTap(func(from, to netip.AddrPort, payload []byte) { seen = append(seen, string(payload)) })
	n.SetDrop(func(from, to netip.AddrPort, payload []byte) bool {
		return strings.HasPrefix(string(payload), "INVITE")
	})
	for _, s := range []string{"INVITE", "ACK"} {
		alice.WriteTo([]byte(s), bob.LocalAddr())
	}
	b := make([]byte, 9)
	if n, _, _ := bob.ReadFrom(b); string(b[:n]) != "ACK" || len(seen) != 2 {
		t.Fatalf("read %q, tapped %v", b[:n], seen)
	}
	if n.Stats().Filtered != 1 {
		t.Fatalf("%+v", n.Stats())
	}
}
