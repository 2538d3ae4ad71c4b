package phone

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// peer is where a message goes: an address, or a TCP connection that is already there.
type peer struct {
	addr   netip.AddrPort
	stream *stream
}

type stream struct{ conn net.Conn }

const maxMessage = 65535

// listen opens the signalling socket; New starts to read it.
func (p *Phone) listen() error {
	if p.cfg.Transport == "tcp" {
		l, err := net.Listen("tcp", p.cfg.Local)
		if err != nil {
			return err
		}
		p.listener, p.local = l, localAddr(l.Addr())
		return nil
	}
	c, err := p.cfg.Net.ListenPacket(p.cfg.Local)
	if err != nil {
		return err
	}
	p.udp, p.local = c, localAddr(c.LocalAddr())
	return nil
}

func (p *Phone) readPackets() {
	b := make([]byte, 32*1024)
	for p.ctx.Err() == nil {
		n, from, err := p.udp.ReadFromUDPAddrPort(b)
		if err != nil {
			if p.pause(p.ctx, 10*time.Millisecond) != nil { // an ICMP error must not make this loop spin
				return
			}
			continue
		}
		if len(bytes.TrimSpace(b[:n])) > 0 { // not a keep-alive
			p.receive(append([]byte(nil), b[:n]...), peer{addr: unmap(from)})
		}
	}
}

func (p *Phone) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.adopt(c)
		p.mu.Unlock()
	}
}

// adopt starts to read a connection and remembers it by the address of its other end. p.mu is held.
func (p *Phone) adopt(c net.Conn) *stream {
	s := &stream{c}
	if p.closed {
		c.Close()
		return s
	}
	at := localAddr(c.RemoteAddr())
	p.streams[at] = s
	p.spawn(func() {
		p.readStream(s, at)
		c.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.streams[at] == s {
			delete(p.streams, at)
		}
	})
	return s
}

// readStream cuts a stream into messages by Content-Length (RFC 3261 §18.3).
func (p *Phone) readStream(s *stream, at netip.AddrPort) {
	r := bufio.NewReader(s.conn)
	for {
		var head bytes.Buffer
		length := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil || head.Len()+len(line) > maxMessage {
				return
			}
			if strings.TrimSpace(line) == "" && head.Len() == 0 {
				continue // keep-alive, RFC 5626 §3.5.1
			}
			head.WriteString(line)
			if line == "\r\n" {
				break
			}
			name, value, _ := strings.Cut(line, ":")
			if name = strings.TrimSpace(name); strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "l") {
				length, _ = strconv.Atoi(strings.TrimSpace(value))
			}
		}
		if length < 0 || length > maxMessage {
			return
		}
		if _, err := io.CopyN(&head, r, int64(length)); err != nil {
			return
		}
		p.receive(head.Bytes(), peer{addr: at, stream: s})
	}
}

// connect returns the connection to an address, opening one when there is none. p.mu is not held.
func (p *Phone) connect(ctx context.Context, to peer) (peer, error) {
	if p.cfg.Transport != "tcp" || to.stream != nil {
		return to, nil
	}
	p.mu.Lock()
	s := p.streams[to.addr]
	p.mu.Unlock()
	if s == nil {
		d := net.Dialer{Timeout: 5 * time.Second}
		c, err := d.DialContext(ctx, "tcp", to.addr.String())
		if err != nil {
			return to, err
		}
		p.mu.Lock()
		s = p.adopt(c)
		p.mu.Unlock()
	}
	return peer{to.addr, s}, nil
}

// write sends one message and records it; m may be nil when raw is not meant to be parsed. p.mu is held.
func (p *Phone) write(to peer, raw []byte, m *Message, repeat bool) error {
	if p.closed {
		return ErrClosed
	}
	p.record(true, to.addr.String(), raw, m, repeat)
	if to.stream == nil {
		to.stream = p.streams[to.addr] // a stream that was opened since, or nil
	}
	switch {
	case p.cfg.Transport == "tcp" && to.stream == nil:
		return fmt.Errorf("no connection to %s", to.addr)
	case p.cfg.Transport == "tcp":
		to.stream.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_, err := to.stream.conn.Write(raw)
		return err
	case !to.addr.IsValid():
		return fmt.Errorf("no address to send to: Config.Server is empty")
	}
	_, err := p.udp.WriteToUDPAddrPort(raw, to.addr)
	return err
}

// nextHop is where a URI points to, for FollowContact; names are resolved, which no bubble allows.
func nextHop(uri string) (netip.AddrPort, error) {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("not a URI: %q", uri)
	}
	if _, after, user := strings.Cut(rest, "@"); user {
		rest = after
	}
	host, _, _ := strings.Cut(rest, ";")
	host, _, _ = strings.Cut(host, "?")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "5060")
	}
	return resolve(host)
}
