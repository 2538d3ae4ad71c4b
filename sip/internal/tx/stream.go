package tx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// stream is one connection: a goroutine that reads, a goroutine that writes, and a bounded queue in front of it, so
// that a slow peer holds up nobody but itself.
type stream struct {
	layer   *Layer
	counted bool // in streams.perAddr
	queue   chan outgoing
	done    chan struct{} // closed with the connection

	mu     sync.Mutex
	flow   Flow     // Remote never changes; Local is known when conn is
	conn   net.Conn // nil while it is being dialled
	closed bool
	cause  error // why it is closed
}

// outgoing is a message that waits to be written.
type outgoing struct {
	b    []byte
	lost loser
}

var (
	errSlow       = errors.New("the peer does not read")
	errDisconnect = errors.New("connection closed")
)

func (l *Layer) newStream(flow Flow) *stream {
	return &stream{layer: l, flow: flow, queue: make(chan outgoing, l.limits.Queue), done: make(chan struct{})}
}

func (s *stream) where() Flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flow
}

// send implements link: it queues b and never blocks.
func (s *stream) send(b []byte, _ netip.AddrPort, lost loser) error {
	s.mu.Lock()
	closed, cause := s.closed, s.cause
	full := false
	if !closed {
		select {
		case s.queue <- outgoing{b, lost}:
		default:
			full = true
		}
	}
	s.mu.Unlock()
	switch {
	case closed:
		return fmt.Errorf("%w: %w", ErrTransport, cause)
	case full:
		s.layer.log.peer("connection dropped: the peer does not read", s.where())
		s.Close()
		return fmt.Errorf("%w: %w", ErrTransport, errSlow)
	}
	return nil
}

// Close closes the connection. Its goroutines then end by themselves.
func (s *stream) Close() error { return s.closeFor(errDisconnect) }

func (s *stream) closeFor(cause error) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed, s.cause = true, cause
	conn := s.conn
	close(s.done)
	s.mu.Unlock()
	s.layer.forget(s)
	if conn != nil {
		return conn.Close()
	}
	return nil
}

// connect dials, and then writes.
func (s *stream) connect(local netip.Addr) {
	ctx, cancel := context.WithTimeout(s.layer.ctx, s.layer.limits.DialTimeout)
	defer cancel()
	conn, err := s.layer.streams.dial(ctx, local, s.flow.Remote)
	if err == nil {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			conn.Close()
			err = errDisconnect
		} else {
			s.conn, s.flow.Local = conn, addrPort(conn.LocalAddr())
			s.layer.wg.Add(1)
			s.mu.Unlock()
			go s.read(conn)
			s.write(conn)
			return
		}
	}
	s.closeFor(err)
	s.drain(err)
	s.layer.wg.Done()
}

// write is the writing goroutine.
func (s *stream) write(conn net.Conn) {
	defer s.layer.wg.Done()
	for {
		select {
		case <-s.done:
			s.drain(errDisconnect)
			return
		case out := <-s.queue:
			if out.b == nil {
				s.Close()
				s.drain(errDisconnect)
				return
			}
			s.layer.trace(true, s.where(), out.b)
			conn.SetWriteDeadline(time.Now().Add(s.layer.limits.WriteTimeout))
			if _, err := conn.Write(out.b); err != nil {
				s.Close()
				s.lose(out, err)
				s.drain(err)
				return
			}
		}
	}
}

// drain tells those whose messages were not written. The stream is closed, so that no further ones come.
func (s *stream) drain(err error) {
	for {
		select {
		case out := <-s.queue:
			s.lose(out, err)
		default:
			return
		}
	}
}

func (s *stream) lose(out outgoing, err error) {
	s.layer.counts.lost.Add(1)
	if out.lost != nil {
		out.lost.lost(err)
	}
}

// read is the reading goroutine.
func (s *stream) read(conn net.Conn) {
	defer s.layer.wg.Done()
	defer func() {
		if r := recover(); r != nil {
			s.layer.log.Error("panic in the reader", "peer", s.flow.Remote, "panic", r, "stack", string(debug.Stack()))
			s.Close()
		}
	}()
	f := framer{limits: &s.layer.limits, tracing: s.layer.cfg.Trace != nil}
	from := path{link: s, flow: s.where()}
	patience := s.layer.limits.MessageTimeout // until the first message is complete
	deadline := time.Now().Add(patience)
	for {
		conn.SetReadDeadline(deadline)
		n, err := conn.Read(f.space())
		if n > 0 {
			f.buf = f.buf[:len(f.buf)+n]
			partial := f.partial
			got, keep := s.messages(&f, from)
			if !keep {
				s.queueEnd()
				return
			}
			now := time.Now()
			switch {
			case f.partial && (!partial || got): // a message has begun
				deadline = now.Add(s.layer.limits.MessageTimeout)
			case !f.partial:
				if got {
					patience = s.layer.limits.IdleTimeout
				}
				deadline = now.Add(patience)
			}
		}
		if err != nil {
			s.ended(err, from.flow)
			s.Close()
			return
		}
	}
}

// messages handles every complete message in f. got tells that there was one, keep that the connection can go on.
func (s *stream) messages(f *framer, from path) (got, keep bool) {
	for {
		m, pings, err := f.next()
		for range pings { // RFC 5626 §4.4.1: a double CRLF is answered with a single one
			s.layer.trace(false, from.flow, crlfcrlf)
			_ = s.send(crlf, netip.AddrPort{}, nil)
		}
		if m != nil {
			got = true
			s.layer.trace(false, from.flow, f.raw)
			s.layer.receive(m, from)
		}
		if err != nil {
			s.layer.log.peer("connection dropped", from.flow, "error", err)
			s.layer.counts.malformed.Add(1)
			return got, false
		}
		if m == nil {
			return got, true
		}
	}
}

// queueEnd closes the connection when what is queued, such as a 400, has been written.
func (s *stream) queueEnd() {
	s.mu.Lock()
	if !s.closed {
		select {
		case s.queue <- outgoing{}:
			s.mu.Unlock()
			return
		default:
		}
	}
	s.mu.Unlock()
	s.Close()
}

func (s *stream) ended(err error, flow Flow) {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		s.layer.log.Debug("connection idle, or its message never complete", "peer", flow.Remote)
	case !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed):
		s.layer.log.Debug("connection lost", "peer", flow.Remote, "error", err)
	}
}
