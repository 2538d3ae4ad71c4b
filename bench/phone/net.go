package phone

import (
	"net"
	"net/netip"
)

// PacketConn is the part of *net.UDPConn that the phone needs.
type PacketConn interface {
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

// Net opens sockets. Close of a PacketConn must unblock its reader.
type Net interface {
	ListenPacket(addr string) (PacketConn, error)
}

// UDP is the real network.
var UDP Net = Over(func(addr string) (*net.UDPConn, error) {
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP("udp", a)
})

// Over makes a Net of a listen function, such as the ListenPacket method of a memnet.Network.
func Over[C PacketConn](listen func(addr string) (C, error)) Net { return netFunc[C](listen) }

type netFunc[C PacketConn] func(addr string) (C, error)

func (f netFunc[C]) ListenPacket(addr string) (PacketConn, error) {
	c, err := f(addr)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// localAddr returns the address a socket is bound to.
func localAddr(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	}
	return netip.AddrPort{}
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
