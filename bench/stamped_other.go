//go:build !linux || !(amd64 || arm64)

package main

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

func listenStamped(int) (*net.UDPConn, error) { return nil, errors.New("this needs Linux") }

func receiveStamped(c *net.UDPConn, buffer []byte) (n int, from netip.AddrPort, at time.Time, err error) {
	n, from, err = c.ReadFromUDPAddrPort(buffer)
	return n, from, time.Now(), err
}
