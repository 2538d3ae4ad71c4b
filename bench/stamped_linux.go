//go:build amd64 || arm64

package main

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// listenStamped opens a UDP socket on a port of loopback that tells when a datagram arrived (SO_TIMESTAMPNS).
func listenStamped(port int) (*net.UDPConn, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return nil, err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		c.Close()
		return nil, err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		if syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, receiveBuffer) != nil { // needs a privilege
			set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, receiveBuffer)
		}
		set = errors.Join(set, syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1))
	})
	if err := errors.Join(err, set); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// receiveStamped waits for a datagram.
func receiveStamped(c *net.UDPConn, buffer []byte) (n int, from netip.AddrPort, at time.Time, err error) {
	var control [64]byte
	n, m, _, from, err := c.ReadMsgUDPAddrPort(buffer, control[:])
	return n, from, stamp(control[:m]), err
}
