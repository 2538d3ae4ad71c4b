package tx

import (
	"net"
	"net/netip"
)

// datagrams is how a UDP socket is read, by one goroutine, and written, by any.
type datagrams interface {
	// receive waits for datagrams, and tells how many there are now.
	receive() (int, error)
	// datagram is the one of that index, until the next receive, and where it came from.
	datagram(i int) ([]byte, netip.AddrPort)
	write(b []byte, to netip.AddrPort) error
}

// packets are datagrams by package net, one at a time: for any system, and any net.PacketConn.
type packets struct {
	pc   net.PacketConn
	fast addrPortConn // pc, if it can do without allocating an address for each datagram
	buf  []byte
	n    int
	from netip.AddrPort
}

// addrPortConn is what *net.UDPConn offers beyond net.PacketConn.
type addrPortConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

func newPackets(pc net.PacketConn) *packets {
	p := &packets{pc: pc, buf: make([]byte, maxDatagram)}
	p.fast, _ = pc.(addrPortConn)
	return p
}

// receive implements datagrams.
func (p *packets) receive() (_ int, err error) {
	if p.fast != nil {
		p.n, p.from, err = p.fast.ReadFromUDPAddrPort(p.buf)
		return 1, err
	}
	n, from, err := p.pc.ReadFrom(p.buf)
	p.n, p.from = n, addrPort(from)
	return 1, err
}

// datagram implements datagrams.
func (p *packets) datagram(int) ([]byte, netip.AddrPort) { return p.buf[:p.n], p.from }

// write implements datagrams.
func (p *packets) write(b []byte, to netip.AddrPort) (err error) {
	if p.fast != nil {
		_, err = p.fast.WriteToUDPAddrPort(b, to)
	} else {
		_, err = p.pc.WriteTo(b, net.UDPAddrFromAddrPort(to))
	}
	return err
}
