package tx

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"

	"github.com/emiago/sipgo/sip"
)

// TestRealSockets makes one call each way over UDP and TCP on loopback, which no bubble can hold.
func TestRealSockets(t *testing.T) {
	for _, transport := range []string{"UDP", "TCP"} {
		t.Run(transport, func(t *testing.T) {
			var caller, callee Flow
			told := make(chan ClientEvent, 10)
			a, aliceFlow := realLayer(t, transport, ":0", &user{})
			u := &user{request: answer(100, 180, 486)}
			b, bobFlow := realLayer(t, transport, "127.0.0.1:0", u)
			caller, callee = aliceFlow, bobFlow
			caller.Remote = callee.Local
			if transport == "TCP" {
				caller.Local = netip.AddrPort{}
			}
			if _, err := a.Request(outgoingRequest(sip.INVITE), caller, func(ev ClientEvent) { told <- ev }); err != nil {
				t.Fatal(err)
			}
			for _, want := range []int{100, 180, 486} {
				select {
				case ev := <-told:
					if ev.Err != nil || ev.Res.StatusCode != want {
						t.Fatalf("got %+v, want %d", ev, want)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("nothing came")
				}
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			noLeak(t)
		})
	}
}

func realLayer(t *testing.T, transport, address string, u *user) (*Layer, Flow) {
	l := New(Config{Handler: u})
	flow := Flow{Transport: transport}
	var serve func() error
	if transport == "UDP" {
		pc, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		flow.Local = addrPort(pc.LocalAddr())
		serve, err = l.AddUDP(pc)
		if err != nil {
			t.Fatal(err)
		}
	} else {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		flow.Local = addrPort(ln.Addr())
		serve, err = l.AddTCP(ln)
		if err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- serve() }()
	t.Cleanup(func() {
		l.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l, flow
}

// plainConn hides the AddrPort methods of a memnet.Conn.
type plainConn struct{ net.PacketConn }

func TestPlainPacketConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(memnet.Options{})
		defer n.Close()
		bob, _ := n.ListenPacket(layerAt.String())
		alice, _ := n.ListenPacket(aliceAt.String())
		l := New(Config{Handler: &user{request: answer(200)}})
		defer l.Close()
		go l.ServeUDP(plainConn{bob})
		alice.WriteToUDPAddrPort([]byte(requestText("OPTIONS", branch1)), layerAt)
		buf := make([]byte, 2000)
		k, from, err := alice.ReadFromUDPAddrPort(buf)
		if err != nil || from != layerAt || !bytes.HasPrefix(buf[:k], []byte("SIP/2.0 200 ")) {
			t.Errorf("%q from %v, %v", buf[:k], from, err)
		}
	})
}

func TestTransportIsPartOfTheKey(t *testing.T) { // RFC 3261 §17.2.3, edge case N18
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		alice := p.connect(t, "192.0.2.1:5060", false)
		s.send(requestText("INVITE", branch1))
		alice.write(requestText("INVITE", branch1))
		if s.user.requests != 2 {
			t.Errorf("%d transactions", s.user.requests)
		}
	})
}

// TestCancelOvertakesItsINVITE: a CANCEL that another connection brings while Request still runs comes after it.
func TestCancelOvertakesItsINVITE(t *testing.T) {
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		one := p.connect(t, "192.0.2.1:1", false)
		two := p.connect(t, "192.0.2.1:2", false)
		var order []string
		s.user.request = func(*Server) {
			two.conn.Write([]byte(overTCP("CANCEL", branch1)))
			time.Sleep(time.Second) // virtual; the other reader runs meanwhile
			order = append(order, "request")
		}
		s.user.cancelled = func(tx *Server, _ *sip.Request) { order = append(order, "cancelled"); answer(487)(tx) }
		one.write(overTCP("INVITE", branch1))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := strings.Join(order, " "); got != "request cancelled" || one.kinds() != "487" || two.kinds() != "200" {
			t.Error(got)
		}
	})
}

func TestTraceSeesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(memnet.Options{})
		defer n.Close()
		bob, _ := n.ListenPacket(layerAt.String())
		alice, _ := n.ListenPacket(aliceAt.String())
		var seen []string
		var mu sync.Mutex
		l := New(Config{Handler: &user{request: answer(200)}, Trace: func(r TraceRecord) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%v %v %.7s", r.Out, r.Flow.Remote, r.Data))
		}})
		defer l.Close()
		go l.ServeUDP(bob)
		alice.WriteToUDPAddrPort([]byte(requestText("OPTIONS", branch1)), layerAt)
		synctest.Wait()
		if got := strings.Join(seen, ", "); got != "false 192.0.2.1:5060 OPTIONS, true 192.0.2.1:5060 SIP/2.0" {
			t.Error(got)
		}
	})
}

func TestCloseEndsEverythingSilently(t *testing.T) {
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		var e events
		for _, flow := range []Flow{toAlice, {Transport: "TCP", Remote: aliceAt}, {Transport: "TCP", Remote: netip.AddrPortFrom(aliceAt.Addr(), 9)}} {
			if _, err := s.layer.Request(outgoingRequest(sip.INVITE), flow, e.on); err != nil {
				t.Fatal(err)
			}
		}
		s.send(requestText("INVITE", branch1))
		p.connect(t, "192.0.2.1:1", false).write("INV")
		s.received()
		if err := s.layer.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if w, k := e.take(), s.kinds(); w != "" || k != "" {
			t.Errorf("told %q, sent %q", w, k)
		}
		if err := s.user.lastServer.Respond(s.user.lastServer.NewAnswer(200, "")); err == nil {
			t.Error("answered after Close")
		}
		late, _ := s.net.ListenPacket("192.0.2.2:5061")
		if err := s.layer.ServeUDP(late); !errors.Is(err, ErrClosed) {
			t.Error("served after Close:", err)
		}
	})
}

// TestLossyNetwork: 200 INVITEs each way through 20 % loss all end, none doubled, and nothing is left.
func TestLossyNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(memnet.Options{Seed: 3, Loss: 0.2, Dup: 0.1, Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Queue: 4096})
		defer n.Close()
		alicePC, _ := n.ListenPacket(aliceAt.String())
		bobPC, _ := n.ListenPacket(layerAt.String())
		callee := &user{request: answer(100, 180, 486)}
		alice, bob := New(Config{Handler: &user{}}), New(Config{Handler: callee})
		defer alice.Close()
		defer bob.Close()
		go alice.ServeUDP(alicePC)
		go bob.ServeUDP(bobPC)
		synctest.Wait()
		finals := make([]int, 200)
		for i := range finals {
			on := func(ev ClientEvent) {
				if ev.Err != nil {
					t.Error(ev.Err)
				} else if ev.Res.StatusCode >= 200 {
					finals[i]++
				}
			}
			if _, err := alice.Request(outgoingRequest(sip.INVITE), Flow{Transport: "UDP", Remote: layerAt}, on); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		for i, f := range finals {
			if f != 1 {
				t.Errorf("call %d: %d final answers", i, f)
			}
		}
		if a, b := alice.Stats(), bob.Stats(); callee.requests != 200 || a.Clients != 0 || b.Servers != 0 || callee.acks != 0 {
			t.Errorf("%d requests, %d ACKs came through, %+v, %+v", callee.requests, callee.acks, a, b)
		}
		for _, l := range []*Layer{alice, bob} {
			checkTables(t, l)
		}
	})
}

// deadEnd is a link that swallows everything.
type deadEnd struct{}

func (deadEnd) send([]byte, netip.AddrPort, loser) error { return nil }

// inviteText is an INVITE as a phone sends it.
func inviteText(branch string) string {
	const sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n"
	text := requestText("INVITE", branch, "Contact: <sip:alice@192.0.2.1:5060>", "Allow: INVITE, ACK, BYE, CANCEL",
		"Supported: replaces, timer", "User-Agent: phone", "Content-Type: application/sdp")
	return strings.Replace(text, "Content-Length: 0", fmt.Sprint("Content-Length: ", len(sdp)), 1) + sdp
}

// BenchmarkServerINVITE reads an INVITE, answers 100, 180 and 200, and reads the ACK.
func BenchmarkServerINVITE(b *testing.B) {
	l := New(Config{Handler: &user{request: answer(100, 180, 200)}, Limits: Limits{Settled: 1 << 30}})
	defer l.Close()
	text := inviteText("z9hG4bK0000000000")
	ack := requestText("ACK", "z9hG4bK-ack", "To: <sip:bob@example.com>;tag=x")
	invite := []byte(text)
	at := bytes.Index(invite, []byte("0000000000"))
	from := path{link: deadEnd{}, flow: toAlice}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		copy(invite[at:], fmt.Appendf(nil, "%010d", i))
		l.receive(parseDatagram(invite, &l.limits), from)
		l.receive(parseDatagram([]byte(ack), &l.limits), from)
	}
}

// BenchmarkClientINVITE sends an INVITE, reads 180 and 486 and acknowledges that.
func BenchmarkClientINVITE(b *testing.B) {
	l := New(Config{Handler: &user{}, Limits: Limits{Settled: 1 << 30}})
	defer l.Close()
	l.sockets = append(l.sockets, &socket{layer: l, pc: swallow{}, datagrams: newPackets(swallow{}), local: layerAt})
	req := outgoingRequest(sip.INVITE)
	b.ReportAllocs()
	for b.Loop() {
		c, err := l.Request(req, toAlice, func(ClientEvent) {})
		if err != nil {
			b.Fatal(err)
		}
		from := path{link: deadEnd{}, flow: toAlice}
		wire := string(c.wire)
		l.receive(parseDatagram([]byte(reply(wire, 180, "t")), &l.limits), from)
		l.receive(parseDatagram([]byte(reply(wire, 486, "t")), &l.limits), from)
	}
}

// BenchmarkParse reads an INVITE with SDP.
func BenchmarkParse(b *testing.B) {
	limits := Limits{}.Defaults()
	text := []byte(inviteText(branch1))
	b.ReportAllocs()
	for b.Loop() {
		if m := parseDatagram(text, &limits); m.fault != nil {
			b.Fatal(m.fault)
		}
	}
}

// BenchmarkAnswer writes the 200 to an INVITE.
func BenchmarkAnswer(b *testing.B) {
	limits := Limits{}.Defaults()
	m := parseDatagram([]byte(inviteText(branch1)), &limits)
	sdp := m.req.Body()
	b.ReportAllocs()
	for b.Loop() {
		a := newAnswer(m.req, 200, "", "b1")
		a.Add("Contact", "<sip:bob@192.0.2.2:5060>")
		a.SetBody("application/sdp", sdp)
		if _, err := a.wire(); err != nil {
			b.Fatal(err)
		}
		a.free()
	}
}

// TestAllocations holds what the two paths that every message takes allocate.
func TestAllocations(t *testing.T) {
	limits := Limits{}.Defaults()
	text := []byte(inviteText(branch1))
	var m *message
	// The message, its text, its list of headers, its body with its length, its Contact, and three headers that have no type
	// here; one more when the pool was emptied.
	if n := testing.AllocsPerRun(100, func() { m = parseDatagram(text, &limits) }); n > 10 {
		t.Errorf("reading: %v allocations", n)
	}
	n := testing.AllocsPerRun(100, func() {
		a := newAnswer(m.req, 180, "", "b1")
		if _, err := a.wire(); err != nil {
			t.Error(err)
		}
		a.free()
	})
	if n > 2 { // the bytes, and a buffer when the pool was emptied; the race detector empties it at random
		t.Errorf("answering: %v allocations", n)
	}
}

// swallow is a PacketConn that sends nowhere.
type swallow struct{ net.PacketConn }

func (swallow) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (swallow) Close() error                              { return nil }
