//go:build !linux || !(amd64 || arm64)

package main

import (
	"errors"
	"net/netip"
	"time"
)

// The media scenario needs what only Linux has: the kernel's time of arrival, and many packets in one call.
type (
	socket  struct{ port int }
	address struct{}
)

func addressOf(netip.AddrPort) address { return address{} }

func openSocket() (*socket, error) { return nil, errors.New("media needs 64-bit Linux") }

func (s *socket) queue([]byte, address) (full bool)  { return true }
func (s *socket) flush()                             {}
func (s *socket) close()                             {}
func (s *socket) drain(func(p []byte, at time.Time)) {}

func precise() (release func()) { return func() {} }

func nap(d time.Duration) { time.Sleep(d) }
