package media

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
)

// receiver takes the datagrams of one leg, one after the other. b is its own until it returns.
type receiver interface {
	receive(b []byte, from netip.AddrPort)
}

// forwarder brings datagrams from sockets to legs. It is the seam for other back ends: worker threads on epoll, or a
// flow table in the kernel that leaves only the unusual packets to us.
type forwarder interface {
	// attach starts; it ends when the conn is closed.
	attach(PacketConn, receiver)
	// wait returns when everything that attach started has ended.
	wait()
}

// maxPacket bounds a datagram: RTP fits into an Ethernet frame. A longer one is dropped.
const maxPacket = 2048

// readers is the simplest forwarder: one goroutine per socket.
type readers struct {
	wg  sync.WaitGroup
	log *slog.Logger
}

func (f *readers) attach(c PacketConn, r receiver) { f.wg.Go(func() { f.read(c, r) }) }
func (f *readers) wait()                           { f.wg.Wait() }

func (f *readers) read(c PacketConn, r receiver) {
	b := make([]byte, maxPacket)
	for failed := 0; failed < 100; {
		n, from, err := c.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			failed = 0
			if n < len(b) { // else it was cut off
				r.receive(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			}
		case errors.Is(err, net.ErrClosed):
			return
		default: // an ICMP error for something we sent is told here on some systems, and harmless
			failed++
		}
	}
	f.log.Error("media: socket gives only errors, no longer read", "local", c.LocalAddr().String())
}
