package tx

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"time"
)

// maxDatagram is the largest UDP payload, so that nothing is ever cut off on reading.
const maxDatagram = 65535

// receiveBuffer is what the kernel may keep for us while the reader is busy: some thousand messages.
const receiveBuffer = 4 << 20

// maxReadErrors is how many errors in a row, 10 ms apart, make a socket count as broken.
const maxReadErrors = 100

// socket is one UDP socket.
type socket struct {
	layer *Layer
	pc    net.PacketConn
	datagrams
	local netip.AddrPort
}

// ServeUDP is AddUDP and serve in one call, for a goroutine of its own.
func (l *Layer) ServeUDP(pc net.PacketConn) error {
	serve, err := l.AddUDP(pc)
	if err != nil {
		return err
	}
	return serve()
}

// AddUDP makes pc known, so that messages can be sent from it at once. serve has to be called; it reads pc until Close
// or a lasting error of pc, and returns nil after Close. The layer closes pc, also when AddUDP fails.
func (l *Layer) AddUDP(pc net.PacketConn) (serve func() error, err error) {
	s := &socket{layer: l, pc: pc, local: addrPort(pc.LocalAddr()), datagrams: openDatagrams(pc)}
	if big, ok := pc.(interface{ SetReadBuffer(int) error }); ok {
		_ = big.SetReadBuffer(receiveBuffer) // the kernel may give less
	}
	if err := l.addSocket(s); err != nil {
		pc.Close()
		return nil, err
	}
	return func() error {
		defer l.wg.Done()
		defer l.dropSocket(s)
		return s.read()
	}, nil
}

func (s *socket) read() error {
	failed := 0
	for {
		n, err := s.receive()
		switch {
		case err == nil:
			failed = 0
			for i := range n {
				b, from := s.datagrams.datagram(i)
				s.handle(b, unmap(from))
			}
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			if failed++; failed >= maxReadErrors {
				return fmt.Errorf("tx: reading %v: %w", s.local, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// handle takes one datagram. Nothing in it may stop the reader.
func (s *socket) handle(data []byte, from netip.AddrPort) {
	flow := Flow{Transport: "UDP", Local: s.local, Remote: from}
	defer func() {
		if r := recover(); r != nil {
			s.layer.log.Error("panic in the reader", "peer", from, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	s.layer.trace(false, flow, data)
	// RFC 5626 §3.5.1 has STUN as keep-alive on UDP; many phones send CRLF, one zero or nothing at all. None wants an answer.
	if len(bytes.Trim(data, "\r\n \x00")) == 0 || data[0] < 4 || !from.IsValid() || from.Port() == 0 {
		return
	}
	m := parseDatagram(data, &s.layer.limits)
	if m == nil {
		s.layer.counts.malformed.Add(1)
		s.layer.log.peer("not a SIP message", flow, "bytes", len(data), "begin", clip(string(data[:min(len(data), 200)])))
		return
	}
	s.layer.receive(m, path{link: s, flow: flow})
}

// send implements link. A datagram of any size goes out: RFC 3261 §18.1.1 would move large requests to TCP, which few
// phones behind NAT can be reached by; the kernel fragments.
func (s *socket) send(b []byte, to netip.AddrPort, _ loser) error {
	s.layer.trace(true, Flow{Transport: "UDP", Local: s.local, Remote: to}, b)
	if err := s.write(b, to); err != nil {
		return fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return nil
}
