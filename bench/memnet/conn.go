package memnet

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Conn is one UDP socket of a Network. It has the methods of net.PacketConn, whose addresses are *net.UDPAddr, and
// the AddrPort methods of *net.UDPConn.
type Conn struct {
	network *Network
	at      netip.AddrPort
	queue   chan packet
	once    sync.Once
	closed  chan struct{}
	read    deadline
	write   deadline
}

var _ net.PacketConn = (*Conn)(nil)

type packet struct {
	from    netip.AddrPort
	payload []byte
}

func newConn(n *Network, at netip.AddrPort, queue int) *Conn {
	return &Conn{
		network: n, at: at, queue: make(chan packet, queue), closed: make(chan struct{}),
		read: deadline{done: make(chan struct{})}, write: deadline{done: make(chan struct{})},
	}
}

// ReadFromUDPAddrPort blocks for the next datagram, the read deadline (os.ErrDeadlineExceeded) or Close
// (net.ErrClosed). What does not fit into b is cut off.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	late := c.read.passed()
	select { // a closed conn or a deadline in the past wins over what is queued
	case <-c.closed:
		return 0, netip.AddrPort{}, c.fail("read", net.ErrClosed)
	case <-late:
		return 0, netip.AddrPort{}, c.fail("read", os.ErrDeadlineExceeded)
	default:
	}
	for {
		select {
		case p := <-c.queue:
			return copy(b, p.payload), p.from, nil
		case <-c.closed:
			return 0, netip.AddrPort{}, c.fail("read", net.ErrClosed)
		case <-late:
			// The deadline may have been moved while this read was blocked.
			if late = c.read.passed(); isClosed(late) {
				return 0, netip.AddrPort{}, c.fail("read", os.ErrDeadlineExceeded)
			}
		}
	}
}

// WriteToUDPAddrPort sends b. It never blocks, and a datagram to nobody vanishes without an error.
func (c *Conn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if isClosed(c.closed) {
		return 0, c.fail("write", net.ErrClosed)
	}
	if isClosed(c.write.passed()) {
		return 0, c.fail("write", os.ErrDeadlineExceeded)
	}
	c.network.send(c.at, to, b)
	return len(b), nil
}

// ReadFrom is ReadFromUDPAddrPort with a *net.UDPAddr.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo is WriteToUDPAddrPort; to must be a *net.UDPAddr.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.fail("write", net.InvalidAddrError("not a UDP address"))
	}
	return c.WriteToUDPAddrPort(b, udp.AddrPort())
}

// Close unblocks the readers and frees the address. What is unread is lost.
func (c *Conn) Close() error {
	first := false
	c.once.Do(func() { first = true; close(c.closed) })
	if !first {
		return c.fail("close", net.ErrClosed)
	}
	c.network.unbind(c)
	c.read.set(time.Time{})
	c.write.set(time.Time{})
	return nil
}

// LocalAddr returns a *net.UDPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.at) }

// SetDeadline sets both deadlines; a read that is already blocked obeys the new one.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the time at which reads give up; the zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.read, t) }

// SetWriteDeadline sets the time from which writes fail; they never block.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.write, t) }

func (c *Conn) setDeadline(d *deadline, t time.Time) error {
	if isClosed(c.closed) {
		return c.fail("set", net.ErrClosed)
	}
	d.set(t)
	return nil
}

func (c *Conn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Err: err}
}

// deadline is a channel that is closed once the time has passed.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{}
}

// passed returns the channel in force. After set it may be another one, and the old one is closed to wake readers.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	old, done := d.done, make(chan struct{})
	d.done = done
	if !isClosed(old) {
		close(old)
	}
	switch wait := time.Until(t); {
	case t.IsZero():
	case wait <= 0:
		close(done)
	default:
		d.timer = time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.done == done && !isClosed(done) {
				close(done)
			}
		})
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
