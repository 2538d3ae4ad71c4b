package tx

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// loopback opens a UDP socket of 127.0.0.1.
func loopback(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// eachDatagrams runs f with both ways to use a socket; they are the same where there is only one.
func eachDatagrams(t *testing.T, f func(t *testing.T, c *net.UDPConn, d datagrams)) {
	for name, open := range map[string]func(net.PacketConn) datagrams{
		"system": openDatagrams, "net": func(pc net.PacketConn) datagrams { return newPackets(pc) },
	} {
		t.Run(name, func(t *testing.T) {
			c := loopback(t)
			f(t, c, open(c))
		})
	}
}

// TestDatagrams_Receive: what was sent comes once each, in order, whole, with its source; many that wait, an empty one,
// and the largest that there is.
func TestDatagrams_Receive(t *testing.T) {
	eachDatagrams(t, func(t *testing.T, c *net.UDPConn, d datagrams) {
		phones := []*net.UDPConn{loopback(t), loopback(t)}
		var sent [][]byte
		for i := range 21 {
			b := fmt.Appendf(nil, "datagram %d", i)
			switch i {
			case 5:
				b = nil
			case 9:
				b = bytes.Repeat([]byte("x"), 65507)
			}
			sent = append(sent, b)
			if _, err := phones[i%2].WriteTo(b, c.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		for i := 0; i < len(sent); {
			n, err := d.receive()
			if err != nil {
				t.Fatalf("after %d: %v", i, err)
			}
			for k := range n {
				b, from := d.datagram(k)
				if !bytes.Equal(b, sent[i]) || from != addrPort(phones[i%2].LocalAddr()) {
					t.Errorf("datagram %d: %d bytes %.20q from %v, sent %d from %v", i, len(b), b, from, len(sent[i]),
						phones[i%2].LocalAddr())
				}
				i++
			}
		}
	})
}

// TestDatagrams_Write: a datagram arrives, one that is too large is an error, and one for another family too; a socket
// that is closed says so to who reads, also when it waits, and to who writes.
func TestDatagrams_Write(t *testing.T) {
	eachDatagrams(t, func(t *testing.T, c *net.UDPConn, d datagrams) {
		phone := loopback(t)
		to := addrPort(phone.LocalAddr())
		if err := d.write([]byte("hello"), netip.AddrPortFrom(netip.AddrFrom16(to.Addr().As16()), to.Port())); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		phone.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, from, err := phone.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:n]) != "hello" || from != addrPort(c.LocalAddr()) {
			t.Errorf("got %q from %v, %v", buf[:n], from, err)
		}
		if err := d.write(make([]byte, 65508), to); err == nil {
			t.Error("a datagram that is too large was sent")
		}
		if err := d.write([]byte("hello"), netip.MustParseAddrPort("[::1]:5060")); err == nil {
			t.Error("a datagram was sent to another family")
		}
		read := make(chan error)
		go func() {
			_, err := d.receive()
			read <- err
		}()
		time.Sleep(20 * time.Millisecond) // so that it waits, mostly
		c.Close()
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the reader got %v", err)
		}
		if err := d.write([]byte("hello"), to); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the writer got %v", err)
		}
	})
}

// BenchmarkDatagrams is one datagram out and in again.
func BenchmarkDatagrams(b *testing.B) {
	for name, open := range map[string]func(net.PacketConn) datagrams{
		"system": openDatagrams, "net": func(pc net.PacketConn) datagrams { return newPackets(pc) },
	} {
		b.Run(name, func(b *testing.B) {
			c := loopback(b)
			d, self := open(c), addrPort(c.LocalAddr())
			msg := make([]byte, 600)
			b.ReportAllocs()
			for b.Loop() {
				if err := d.write(msg, self); err != nil {
					b.Fatal(err)
				}
				if n, err := d.receive(); n != 1 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
