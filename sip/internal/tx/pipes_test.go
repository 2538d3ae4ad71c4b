package tx

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a stream network in memory: a listener of the layer, and peers that the layer can dial.
type pipes struct {
	incoming chan net.Conn
	once     sync.Once
	closed   chan struct{}

	mu     sync.Mutex
	dialed []*tcpPeer
}

type addrConn struct {
	net.Conn
	local, remote netip.AddrPort
}

func (c addrConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c addrConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.incoming:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return net.TCPAddrFromAddrPort(layerAt) }

// tcpPeer is one end of a connection. It reads all the time unless it is deaf.
type tcpPeer struct {
	t    *testing.T
	conn net.Conn
	at   netip.AddrPort

	mu   sync.Mutex
	text string
	eof  bool
}

func newPeer(t *testing.T, conn net.Conn, at netip.AddrPort, deaf bool) *tcpPeer {
	p := &tcpPeer{t: t, conn: conn, at: at}
	t.Cleanup(func() { conn.Close() })
	if !deaf {
		go p.read()
	}
	return p
}

func (p *tcpPeer) read() {
	buf := make([]byte, 4096)
	for {
		n, err := p.conn.Read(buf)
		p.mu.Lock()
		p.text += string(buf[:n])
		p.eof = err != nil
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *tcpPeer) write(text string) {
	p.conn.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Logf("peer %v: %v", p.at, err)
	}
	synctest.Wait()
}

// take returns what came, and forgets it.
func (p *tcpPeer) take() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.text
	p.text = ""
	return t
}

// kinds returns the kinds of the messages that came.
func (p *tcpPeer) kinds() string {
	var k []string
	for _, text := range strings.SplitAfter(p.take(), "\r\n\r\n") {
		if text != "" {
			k = append(k, got{text: text}.first())
		}
	}
	return strings.Join(k, " ")
}

func (p *tcpPeer) closed() bool {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.eof
}

// playTCP is play with a listener.
func playTCP(t *testing.T, limits Limits, f func(t *testing.T, s *scene, p *pipes)) {
	t.Helper()
	play(t, limits, func(t *testing.T, s *scene) {
		p := &pipes{incoming: make(chan net.Conn), closed: make(chan struct{})}
		s.layer.streams.dial = func(ctx context.Context, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
			if remote.Port() == 9 { // never answers
				<-ctx.Done()
				return nil, ctx.Err()
			}
			if remote.Port() == 1 {
				time.Sleep(time.Millisecond) // virtual
				return nil, errors.New("connection refused")
			}
			local := netip.AddrPortFrom(layerAt.Addr(), 40001)
			ours, theirs := net.Pipe()
			peer := newPeer(t, theirs, remote, false)
			p.mu.Lock()
			p.dialed = append(p.dialed, peer)
			p.mu.Unlock()
			return addrConn{ours, local, remote}, nil
		}
		go s.layer.ServeTCP(p)
		f(t, s, p)
	})
}

// connect opens a connection from a peer.
func (p *pipes) connect(t *testing.T, from string, deaf bool) *tcpPeer {
	at := netip.MustParseAddrPort(from)
	ours, theirs := net.Pipe()
	p.incoming <- addrConn{ours, layerAt, at}
	peer := newPeer(t, theirs, at, deaf)
	synctest.Wait()
	return peer
}

func overTCP(method, branch string, lines ...string) string {
	return requestText(method, branch, append([]string{"Via: SIP/2.0/TCP 192.0.2.1:5060;branch=" + branch}, lines...)...)
}
