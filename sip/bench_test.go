package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"ringdown/callstate"
	"ringdown/sip/internal/digest"
)

// pipe is a socket whose other end is a benchmark.
type pipe struct {
	net.PacketConn
	in   chan string
	out  chan string
	done chan struct{}
	once sync.Once
}

var (
	pipeAt  = netip.MustParseAddrPort("192.0.2.1:5060")
	phoneAt = netip.MustParseAddrPort("198.51.100.1:5060")
)

func newPipe() *pipe {
	return &pipe{in: make(chan string, 1), out: make(chan string, 16), done: make(chan struct{})}
}

func (p *pipe) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(pipeAt) }
func (p *pipe) Close() error        { p.once.Do(func() { close(p.done) }); return nil }

func (p *pipe) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case text := <-p.in:
		return copy(b, text), phoneAt, nil
	case <-p.done:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (p *pipe) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	p.out <- string(b)
	return len(b), nil
}

// BenchmarkREGISTER registers one phone again and again: challenge and answer. What the phone does, which answers the
// challenge, is about 20 of the allocations.
func BenchmarkREGISTER(b *testing.B) {
	a, err := New(Config{Exchange: &core{}, ReadSDP: func([]byte) (callstate.Facts, error) { return callstate.Facts{}, nil },
		Users: []User{{Number: "2000", Password: "secret"}}, Digest: []string{"md5"}})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	p := newPipe()
	if err := a.ServeUDP(p); err != nil {
		b.Fatal(err)
	}
	seq := 0
	register := func(more string) string {
		seq++
		p.in <- fmt.Sprintf("REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK%d\r\n"+
			"Max-Forwards: 70\r\nFrom: <sip:2000@example.com>;tag=a\r\nTo: <sip:2000@example.com>\r\nCall-ID: c@198.51.100.1\r\n"+
			"CSeq: %d REGISTER\r\nContact: <sip:2000@198.51.100.1:5060>\r\nExpires: 300\r\n%sContent-Length: 0\r\n\r\n", seq, seq, more)
		return <-p.out
	}
	b.ReportAllocs()
	for b.Loop() {
		_, value, _ := strings.Cut(register(""), "WWW-Authenticate: ")
		value, _, _ = strings.Cut(value, "\r\n")
		c, ok := digest.Choose([]string{value})
		if !ok {
			b.Fatal(value)
		}
		answer := c.Answer("2000", "secret", "REGISTER", "sip:example.com", 1)
		if text := register("Authorization: " + answer + "\r\n"); !strings.HasPrefix(text, "SIP/2.0 200 ") {
			b.Fatal(text)
		}
	}
}
