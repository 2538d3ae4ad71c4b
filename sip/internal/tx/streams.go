package tx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// streams are the listeners and connections of a layer. Layer.mu guards them.
type streams struct {
	listeners []net.Listener
	byRemote  map[netip.AddrPort]*stream // the newest connection with a peer, also while it is being dialled
	open      map[*stream]struct{}
	perAddr   map[netip.Addr]int // accepted ones
	dial      func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
}

func (s *streams) init() {
	s.byRemote = make(map[netip.AddrPort]*stream)
	s.open = make(map[*stream]struct{})
	s.perAddr = make(map[netip.Addr]int)
	s.dial = dialTCP
}

func dialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	if local.IsValid() && !local.IsUnspecified() {
		d.LocalAddr = &net.TCPAddr{IP: local.AsSlice(), Zone: local.Zone()}
	}
	return d.DialContext(ctx, "tcp", remote.String())
}

// all returns what Close has to close.
func (s *streams) all() (c []io.Closer) {
	for _, ln := range s.listeners {
		c = append(c, ln)
	}
	for conn := range s.open {
		c = append(c, conn)
	}
	return c
}

// listening returns the address where a peer can connect to us: that of the first listener, with the address of local
// if the listener has none. Without a listener it is local itself.
func (s *streams) listening(local netip.AddrPort) netip.AddrPort {
	for _, ln := range s.listeners {
		at := addrPort(ln.Addr())
		if at.Addr().IsUnspecified() && local.IsValid() {
			at = netip.AddrPortFrom(local.Addr(), at.Port())
		}
		if !local.IsValid() || at.Addr() == local.Addr() {
			return at
		}
	}
	if local.IsValid() {
		return local
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
}

// ServeTCP is AddTCP and serve in one call, for a goroutine of its own.
func (l *Layer) ServeTCP(ln net.Listener) error {
	serve, err := l.AddTCP(ln)
	if err != nil {
		return err
	}
	return serve()
}

// AddTCP makes ln known, so that our Via names it at once. serve has to be called; it accepts from ln until Close or a
// lasting error of ln, and returns nil after Close. The layer closes ln, also when AddTCP fails.
func (l *Layer) AddTCP(ln net.Listener) (serve func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		ln.Close()
		return nil, ErrClosed
	}
	l.streams.listeners = append(l.streams.listeners, ln)
	l.wg.Add(1)
	return func() error {
		defer l.wg.Done()
		defer ln.Close()
		return l.acceptFrom(ln)
	}, nil
}

func (l *Layer) acceptFrom(ln net.Listener) error {
	failed := 0
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			failed = 0
			l.accepted(conn)
		case errors.Is(err, net.ErrClosed):
			return nil
		default: // for instance no file handle left (edge case O14): what runs goes on
			if failed++; failed >= maxReadErrors {
				return fmt.Errorf("tx: accepting on %v: %w", ln.Addr(), err)
			}
			l.log.Error("accept", "error", err)
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// accepted starts a connection that a peer opened, within the caps.
func (l *Layer) accepted(conn net.Conn) {
	s := l.newStream(Flow{Transport: "TCP", Local: addrPort(conn.LocalAddr()), Remote: addrPort(conn.RemoteAddr())})
	addr := s.flow.Remote.Addr()
	l.mu.Lock()
	full := len(l.streams.open) >= l.limits.Connections || l.streams.perAddr[addr] >= l.limits.ConnectionsPerAddress
	if full || l.closed {
		l.mu.Unlock()
		conn.Close()
		l.log.peer("connection refused: too many", s.flow)
		return
	}
	l.streams.perAddr[addr]++
	s.counted, s.conn = true, conn
	l.register(s)
	l.wg.Add(2)
	l.mu.Unlock()
	go s.read(conn)
	go s.write(conn)
}

// register makes s known. Layer.mu is held.
func (l *Layer) register(s *stream) {
	l.streams.open[s] = struct{}{}
	l.streams.byRemote[s.flow.Remote] = s
}

// forget is the reverse of register.
func (l *Layer) forget(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.streams.open[s]; !ok {
		return
	}
	delete(l.streams.open, s)
	if l.streams.byRemote[s.flow.Remote] == s {
		delete(l.streams.byRemote, s.flow.Remote)
	}
	if addr := s.flow.Remote.Addr(); s.counted {
		if l.streams.perAddr[addr]--; l.streams.perAddr[addr] == 0 {
			delete(l.streams.perAddr, addr)
		}
	}
}

// streamFor returns the connection with flow.Remote, whoever opened it, or one that is now being dialled.
//
// A connection is found by the peer's address and port only. Two connections of two peers can never share those, while
// they do share our own address: to look by that would send one customer's call to another.
func (l *Layer) streamFor(flow Flow) (path, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return path{}, ErrClosed
	}
	if s := l.streams.byRemote[flow.Remote]; s != nil {
		return path{link: s, flow: s.where()}, nil
	}
	if len(l.streams.open) >= l.limits.Connections {
		return path{}, fmt.Errorf("%w: too many connections", ErrTransport)
	}
	s := l.newStream(flow)
	l.register(s)
	l.wg.Add(1)
	go s.connect(flow.Local.Addr())
	return path{link: s, flow: flow}, nil
}
