package media

import (
	"net"
	"net/netip"
)

// Network opens the sockets of the engine. It is a seam for networks in memory.
type Network interface {
	// ListenPacket binds an address; port 0 lets the network choose.
	ListenPacket(netip.AddrPort) (PacketConn, error)
}

// PacketConn is what the engine needs of a *net.UDPConn. Reading and writing happen at the same time; Close ends both.
type PacketConn interface {
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

// udp is the real network.
type udp struct{}

func (udp) ListenPacket(at netip.AddrPort) (PacketConn, error) {
	family := "udp4"
	if at.Addr().Is6() {
		family = "udp6"
		if at.Addr().IsUnspecified() {
			family = "udp" // both families on one socket
		}
	}
	return net.ListenUDP(family, net.UDPAddrFromAddrPort(at))
}
