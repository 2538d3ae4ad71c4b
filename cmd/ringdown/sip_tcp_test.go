package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// overTCP makes a phone use TCP. The rig's second listener is TCP on the port of the first.
func overTCP(c *phone.Config) { c.Transport = "tcp" }

// tcpAt is where the switch listens for TCP.
func (r *rig) tcpAt() netip.AddrPort {
	for _, l := range r.sw.SIP {
		if l.Network == "tcp" {
			return l.Addr
		}
	}
	r.Fatal("no TCP listener")
	return netip.AddrPort{}
}

// tcpPhone starts a registered phone over TCP.
func (r *rig) tcpPhone(number string, change ...func(*phone.Config)) *phone.Phone {
	r.Helper()
	return r.phone(number, append(change, overTCP, func(c *phone.Config) { c.Server = r.tcpAt().String() })...)
}

// Calls between TCP and UDP phones, each way, and two TCP phones on one host that are never mixed up.
func TestTCPCalls(t *testing.T) {
	r := loopRig(t)
	alice, bob, carol := r.tcpPhone("2000"), r.tcpPhone("2001"), r.phone("2002")
	pairs := []struct {
		from, to *phone.Phone
		number   string
	}{{alice, bob, "2001"}, {bob, alice, "2000"}, {alice, carol, "2002"}, {carol, bob, "2001"}}
	for _, p := range pairs {
		a, b := r.connect(p.from, p.number, p.to)
		r.converse(a, b)
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		r.ok(b.Resume(r.ctx))
		r.ok(a.Hangup())
		r.ends(a, b)
	}
	r.received(alice, "INVITE 1", "BYE 1")
	r.received(bob, "INVITE 2", "BYE 2")
	r.settled()
	r.balanced()
}

// pipe is a TCP connection with a proxy's switch in the middle: a test can cut it.
type pipe struct {
	ln    net.Listener
	conns chan net.Conn
}

// cuttable forwards one listener's connections to the switch; cut closes all that were opened.
func cuttable(r *rig) (addr string, cut func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	p := &pipe{ln, make(chan net.Conn, 16)}
	go p.accept(r.tcpAt().String())
	r.Cleanup(func() { ln.Close() })
	return ln.Addr().String(), func() {
		for len(p.conns) > 0 {
			(<-p.conns).Close()
		}
	}
}

func (p *pipe) accept(to string) {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", to)
		if err != nil {
			near.Close()
			return
		}
		p.conns <- near
		p.conns <- far
		go func() { io.Copy(near, far); near.Close() }()
		go func() { io.Copy(far, near); far.Close() }()
	}
}

// N8: the connection dies in mid-call; the call lives, and after the phone registered over a new one it is reached there.
func TestN8_ConnectionLost(t *testing.T) {
	for _, how := range []string{"registers again", "sends a request", "is hung up before it registers"} {
		t.Run("N8 "+how, func(t *testing.T) {
			r := loopRig(t)
			alice := r.phone("2000")
			via, cut := cuttable(r)
			bob := r.phone("2001", overTCP, func(c *phone.Config) { c.Server = via })
			a, b := r.connect(alice, "2001", bob)
			r.converse(a, b)
			before := bob.Received("BYE", 0)
			cut()
			r.hear(a, bobTone, b, aliceTone)
			switch how {
			case "registers again":
				r.reconnects(bob)
			case "sends a request":
				r.reconnects(bob, phone.WithExpires(0)) // it is not registered there, so only the dialog can tell
				local, remote := b.Tags()
				m, err := bob.Request(r.ctx, "INFO", "2000", phone.WithFrom("<sip:2001@example.com>;tag="+local),
					phone.WithTo("<sip:2000@example.com>;tag="+remote), phone.WithHeader("Call-ID", b.ID), phone.WithBody("application/dtmf", "5"))
				r.status(m, err, 200)
			default:
				r.ok(a.Hangup())
				r.ends(a)
				r.reconnects(bob)
				r.ends(b)
				r.settled()
				return
			}
			r.hear(a, bobTone, b, aliceTone)
			r.ok(a.Hangup())
			r.ends(a, b)
			if got := bob.Received("BYE", 0) - before; got != 1 {
				r.Errorf("%d BYE\n%s", got, bob.Ladder())
			}
			r.settled()
		})
	}
}

// reconnects registers over a new connection. What is sent on the old one before its end is noticed is lost.
func (r *rig) reconnects(p *phone.Phone, opts ...phone.Option) {
	r.Helper()
	r.soon(20*time.Second, "registration", func() bool {
		ctx, cancel := context.WithTimeout(r.ctx, time.Second)
		defer cancel()
		m, err := p.RegisterRaw(ctx, append([]phone.Option{phone.WithExpires(300)}, opts...)...)
		return err == nil && m.Status == 200
	})
}

// N10: an INVITE of 3 kB on UDP arrives whole and leaves whole.
func TestN10_LargeInvite(t *testing.T) {
	r := loopRig(t)
	alice, bob := r.phone("2000"), r.phone("2001")
	big := plainSDP + strings.Repeat("a=x-filler:"+strings.Repeat("y", 80)+"\r\n", 35)
	a := r.dial(alice, "2001", phone.WithSDP(strings.ReplaceAll(big, "198.51.100.9", "127.0.0.1")))
	b := r.rings(bob)
	r.ok(b.Answer())
	r.ok(a.WaitAnswer(r.ctx))
	r.ok(a.Hangup())
	r.ends(a, b)
	r.settled()
	r.balanced()
}

// N11: on TCP a message may come in pieces, several in one, with keep-alives between; a length beyond all limits ends
// the connection and nothing else.
func TestN11_Framing(t *testing.T) {
	r := loopRig(t)
	conn, err := net.Dial("tcp", r.tcpAt().String())
	r.ok(err)
	defer conn.Close()
	r.ok(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	text := func(n int) string {
		return fmt.Sprintf("OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKf%d\r\nFrom: <sip:a@example.com>;tag=1\r\n"+
			"To: <sip:b@example.com>\r\nCall-ID: f%d\r\nCSeq: %d OPTIONS\r\nContent-Length: 4\r\n\r\nbody", n, n, n)
	}
	for _, c := range []byte(text(1)) {
		_, err := conn.Write([]byte{c})
		r.ok(err)
	}
	_, err = io.WriteString(conn, "\r\n\r\n"+text(2)+"\r\n\r\n"+text(3)+text(4)[:50])
	r.ok(err)
	_, err = io.WriteString(conn, text(4)[50:])
	r.ok(err)
	var all strings.Builder
	buf := make([]byte, 4096)
	for strings.Count(all.String(), "SIP/2.0 200") < 4 {
		n, err := conn.Read(buf)
		r.ok(err)
		all.Write(buf[:n])
	}
	for n := 1; n <= 4; n++ {
		if !strings.Contains(all.String(), fmt.Sprintf("CSeq: %d OPTIONS", n)) {
			r.Errorf("message %d was not answered:\n%s", n, all.String())
		}
	}
	_, err = io.WriteString(conn, strings.Replace(text(5), "Content-Length: 4", "Content-Length: 99999999", 1))
	r.ok(err)
	for err == nil {
		_, err = conn.Read(buf)
	}
	if e, ok := err.(net.Error); ok && e.Timeout() {
		r.Errorf("the connection is still open")
	}
	m, err := r.tcpPhone("2001").Request(r.ctx, "OPTIONS", "2000")
	r.status(m, err, 200)
}

// N9: the connection of a request is gone before its answer: the answer comes over a new one to the port of the Via.
func TestN9_AnswerOverNewConnection(t *testing.T) {
	r := loopRig(t)
	bob := r.phone("2001")
	via, cut := cuttable(r)
	alice := r.phone("2000", overTCP, func(c *phone.Config) { c.Server = via })
	a := r.dial(alice, "2001")
	b := r.rings(bob)
	r.ok(a.WaitRinging(r.ctx))
	cut()
	time.Sleep(50 * time.Millisecond) // what is written before the switch has seen the end is lost, as on any connection
	r.ok(b.Reject(486, ""))
	r.refused(a, 486)
	r.settled()
}
