package main

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"
)

// TestQuickConn: a connection of the HTTP listeners and of SIP over TCP does what package net asks of any, under
// deadlines, concurrent use, and a peer that goes.
func TestQuickConn(t *testing.T) {
	nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, nil, err
		}
		defer l.Close()
		ln := quickListener{l}
		if a, err = net.Dial("tcp", ln.Addr().String()); err != nil {
			return nil, nil, nil, err
		}
		if b, err = ln.Accept(); err != nil {
			a.Close()
			return nil, nil, nil, err
		}
		return a, b, func() { a.Close(); b.Close() }, nil
	})
}
