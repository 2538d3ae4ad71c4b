//go:build amd64 || arm64

package epoll

import (
	"encoding/binary"
	"net/netip"
	"syscall"
)

// sockaddr is a struct sockaddr_in or sockaddr_in6 as the kernel reads it:
//
//	family, 2 (the machine's order) | port, 2 (big endian) | address, 4
//	family, 2 (the machine's order) | port, 2 (big endian) | flow, 4 | address, 16 | scope, 4
type sockaddr [syscall.SizeofSockaddrInet6]byte

// set writes an address for a socket of the family, and returns its length: 0 when the socket cannot reach it.
func (s *sockaddr) set(a netip.AddrPort, six bool) uintptr {
	binary.BigEndian.PutUint16(s[2:], a.Port())
	if !six {
		if !a.Addr().Unmap().Is4() {
			return 0
		}
		binary.NativeEndian.PutUint16(s[:], syscall.AF_INET)
		ip := a.Addr().Unmap().As4()
		copy(s[4:], ip[:])
		return syscall.SizeofSockaddrInet4
	}
	if !a.IsValid() {
		return 0
	}
	binary.NativeEndian.PutUint16(s[:], syscall.AF_INET6)
	ip := a.Addr().As16()
	copy(s[8:], ip[:])
	return syscall.SizeofSockaddrInet6
}

// get reads an address; an IPv4 one in IPv6 form comes as IPv4.
func (s *sockaddr) get() netip.AddrPort {
	port := binary.BigEndian.Uint16(s[2:])
	if binary.NativeEndian.Uint16(s[:]) == syscall.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s[8:24])).Unmap(), port)
}
