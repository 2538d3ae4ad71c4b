package tx

import (
	"net"
	"net/netip"
	"time"
)

// link is a socket or a stream connection: something that messages leave by.
type link interface {
	// send writes b, or queues it, without blocking. b must not change afterwards. When a queued b is lost later on,
	// lost is told, if there is one.
	send(b []byte, to netip.AddrPort, lost loser) error
}

// loser is told, from another goroutine, that a message that it sent has been lost.
type loser interface{ lost(err error) }

// path is how the peer of a transaction is reached.
type path struct {
	link link
	flow Flow
}

// way is what a transaction keeps of a path.
type way struct {
	link     link
	remote   netip.AddrPort
	reliable bool
}

func (p *path) way() way { return way{p.link, p.flow.Remote, p.flow.Reliable()} }

func (w *way) send(b []byte, lost loser) error { return w.link.send(b, w.remote, lost) }

func (p *path) send(b []byte, lost loser) error { return p.link.send(b, p.flow.Remote, lost) }

// addrPort returns the address of a as sipgo-free plain value; IPv4 in IPv6 is unwrapped, so that flows compare equal.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	case nil:
		return netip.AddrPort{}
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return unmap(ap)
}

func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// trace shows one message to Config.Trace.
func (l *Layer) trace(out bool, flow Flow, data []byte) {
	if l.cfg.Trace != nil {
		l.cfg.Trace(TraceRecord{Time: time.Now(), Out: out, Flow: flow, Data: data})
	}
}
