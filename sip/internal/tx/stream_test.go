package tx

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

func TestStreamInPieces(t *testing.T) { // RFC 3261 §18.3, §7.5, edge case N11
	body := strings.Repeat("b", 100)
	three := overTCP("OPTIONS", branch1) + "\r\n" +
		strings.Replace(overTCP("MESSAGE", branch1), "Content-Length: 0", "Content-Length: 100", 1) + body +
		strings.Replace(overTCP("INFO", branch1), "Content-Length: 0", "l: 1", 1) + "x"
	for _, size := range []int{1, 2, 3, 7, 37, 500, 100000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
				bodies := ""
				s.user.request = func(tx *Server) { bodies += string(tx.Request().Body()); answer(200)(tx) }
				alice := p.connect(t, "192.0.2.1:30001", false)
				for rest := three; rest != ""; {
					n := min(size, len(rest))
					alice.write(rest[:n])
					rest = rest[n:]
				}
				if k := alice.kinds(); k != "200 200 200" || bodies != body+"x" {
					t.Errorf("got %s, bodies %q", k, bodies)
				}
				s.live(0, 0) // Timer J is 0 on reliable transports
			})
		})
	}
}

func TestStreamKeepAlive(t *testing.T) { // RFC 5626 §3.5.1, §4.4.1
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		s.user.request = answer(200)
		alice := p.connect(t, "192.0.2.1:30001", false)
		alice.write("\r\n\r\n")
		if got := alice.take(); got != "\r\n" {
			t.Errorf("pong %q", got)
		}
		alice.write("\r\n")
		alice.write(overTCP("OPTIONS", branch1) + "\r\n\r\n")
		if got := alice.take(); !strings.HasPrefix(got, "SIP/2.0 200") || !strings.HasSuffix(got, "\r\n\r\n\r\n") {
			t.Errorf("got %q", got)
		}
		alice.write("\r\n")
		time.Sleep(50 * time.Minute)
		if alice.closed() {
			t.Error("a single CRLF was taken for the beginning of a message")
		}
	})
}

func TestStreamsAreNeverMixed(t *testing.T) {
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		var flows []Flow
		var waiting []*Server
		s.user.request = func(tx *Server) { flows = append(flows, tx.Flow()); waiting = append(waiting, tx) }
		alice := p.connect(t, "192.0.2.1:30001", false)
		carol := p.connect(t, "192.0.2.1:30002", false) // the same NAT
		alice.write(overTCP("INVITE", branch1+"a"))
		carol.write(overTCP("INVITE", branch1+"c"))
		answer(180, 486)(waiting[1])
		answer(183, 404)(waiting[0])
		if a, c := alice.kinds(), carol.kinds(); a != "183 404" || c != "180 486" {
			t.Errorf("alice %s, carol %s", a, c)
		}
		var e events
		for _, flow := range []Flow{flows[0], {Transport: "TCP", Remote: flows[1].Remote}} {
			if _, err := s.layer.Request(outgoingRequest(sip.OPTIONS), flow, e.on); err != nil {
				t.Fatal(err)
			}
		}
		a, c := alice.take(), carol.take()
		if strings.Count(a, "OPTIONS sip") != 1 || strings.Count(c, "OPTIONS sip") != 1 || len(p.dialed) != 0 {
			t.Errorf("alice %q, carol %q, %d dialled", a, c, len(p.dialed))
		}
		if via := header(a, "Via"); !strings.HasPrefix(via, "SIP/2.0/TCP 192.0.2.2:5060;") {
			t.Error(via)
		}
		// A connection that has gone is not replaced by another one of the same address.
		carol.conn.Close()
		synctest.Wait()
		if _, err := s.layer.Request(outgoingRequest(sip.OPTIONS), flows[1], e.on); err != nil {
			t.Fatal(err)
		}
		if a := alice.take(); a != "" || len(p.dialed) != 0 && p.dialed[0].at != flows[1].Remote {
			t.Errorf("alice got %q", a)
		}
	})
}

func TestStreamDial(t *testing.T) {
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		var fine, refused, silent events
		dial := func(port uint16, e *events) {
			flow := Flow{Transport: "TCP", Remote: netip.AddrPortFrom(aliceAt.Addr(), port)}
			if _, err := s.layer.Request(outgoingRequest(sip.INVITE), flow, e.on); err != nil {
				t.Fatal(err)
			}
		}
		dial(5060, &fine)
		dial(1, &refused)
		dial(9, &silent)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if w := refused.take(); !strings.Contains(w, "could not be sent: connection refused") {
			t.Errorf("refused: %q", w)
		}
		if w := silent.take(); w != "" {
			t.Errorf("silent: %q", w)
		}
		invite := p.dialed[0].take()
		p.dialed[0].write(reply(invite, 180, "t") + reply(invite, 486, "t"))
		if w, k := fine.take(), p.dialed[0].kinds(); w != "180 486" || k != "ACK" {
			t.Errorf("fine: %q, sent %q", w, k)
		}
		time.Sleep(5*time.Second + 1)
		if w := silent.take(); !strings.Contains(w, "could not be sent") {
			t.Errorf("silent: %q", w)
		}
		s.live(0, 0)
	})
}

func TestStreamTimers(t *testing.T) { // RFC 3261 §17: no A, E, G; B, F, H as on UDP; D, I, J, K are 0
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		s.user.request = answer(486)
		alice := p.connect(t, "192.0.2.1:30001", false)
		alice.write(overTCP("INVITE", branch1))
		time.Sleep(31 * time.Second)
		s.live(1, 0)
		alice.write(overTCP("ACK", branch1))
		s.live(0, 0)
		if k := alice.kinds(); k != "486" || s.user.acks != 0 {
			t.Errorf("got %s, %d ACKs came through", k, s.user.acks)
		}
		var e events
		flow := Flow{Transport: "TCP", Remote: alice.at}
		for _, m := range []sip.RequestMethod{sip.INVITE, sip.BYE} {
			if _, err := s.layer.Request(outgoingRequest(m), flow, e.on); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(32*time.Second + 1)
		if k, w := alice.kinds(), e.take(); k != "INVITE BYE" || w != "no answer in time no answer in time" {
			t.Errorf("sent %s, told %s", k, w)
		}
		s.live(0, 0)
	})
}

func TestResponseWithoutItsConnection(t *testing.T) { // RFC 3261 §18.2.2, edge case N9
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		alice := p.connect(t, "192.0.2.1:30001", false)
		alice.write(overTCP("INVITE", branch1, "Via: SIP/2.0/TCP 10.0.0.9:5070;branch="+branch1))
		alice.conn.Close()
		synctest.Wait()
		if err := s.user.lastServer.Respond(s.user.lastServer.NewAnswer(486, "")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(p.dialed) != 1 || p.dialed[0].at.String() != "192.0.2.1:5070" || p.dialed[0].kinds() != "486" {
			t.Errorf("%d dialled", len(p.dialed))
		}
	})
}

func TestSlowPeerHoldsUpNobody(t *testing.T) { // edge case X6
	playTCP(t, Limits{Queue: 8}, func(t *testing.T, s *scene, p *pipes) {
		s.user.request = answer(200)
		deaf := p.connect(t, "192.0.2.7:30001", true)
		alice := p.connect(t, "192.0.2.1:30001", false)
		var e events
		var failed error
		for range 20 {
			if _, err := s.layer.Request(outgoingRequest(sip.OPTIONS), Flow{Transport: "TCP", Remote: deaf.at}, e.on); err != nil {
				failed = err
				break
			}
		}
		if !errors.Is(failed, ErrTransport) {
			t.Errorf("got %v", failed)
		}
		alice.write(overTCP("OPTIONS", branch1))
		if k := alice.kinds(); k != "200" {
			t.Error(k)
		}
		synctest.Wait()
		if w := e.take(); strings.Count(w, "could not be sent") < 8 {
			t.Error(w)
		}
		s.live(0, 0)
	})
}

func TestWriteTimeout(t *testing.T) {
	playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
		deaf := p.connect(t, "192.0.2.7:30001", true)
		var e events
		if _, err := s.layer.Request(outgoingRequest(sip.OPTIONS), Flow{Transport: "TCP", Remote: deaf.at}, e.on); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Second + 1)
		if w := e.take(); !strings.Contains(w, "could not be sent") {
			t.Errorf("told %q", w)
		}
	})
}

func TestStreamPatience(t *testing.T) { // edge case X6
	tests := []struct {
		name, first, then  string
		every, alive, dead time.Duration
	}{
		{"says nothing", "", "", 0, 29 * time.Second, 31 * time.Second},
		{"never ends its message", "INVITE sip:bob@example.com SIP/2.0\r\n", "x", time.Second, 29 * time.Second, 31 * time.Second},
		{"only keep-alives", "", "\r\n\r\n", 20 * time.Second, 10 * time.Minute, 0},
		{"idle after a message", overTCP("OPTIONS", branch1), "", 0, 59 * time.Minute, 61 * time.Minute},
		{"a message, then half of one", overTCP("OPTIONS", branch1) + "INV", "", 0, 29 * time.Second, 31 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
				s.user.request = answer(200)
				peer := p.connect(t, "192.0.2.1:30001", false)
				if tt.first != "" {
					peer.write(tt.first)
				}
				wait := func(until time.Duration) {
					for end := time.Now().Add(until); time.Now().Before(end); {
						step := time.Until(end)
						if tt.every > 0 {
							step = min(step, tt.every)
						}
						time.Sleep(step)
						if tt.then != "" && !peer.closed() {
							peer.write(tt.then)
						}
					}
				}
				wait(tt.alive)
				if peer.closed() {
					t.Error("closed too early")
				}
				if tt.dead > 0 {
					wait(tt.dead - tt.alive)
					if !peer.closed() {
						t.Error("still open")
					}
				}
			})
		})
	}
}

func TestStreamLimits(t *testing.T) {
	long := strings.Replace(overTCP("MESSAGE", branch1), "Content-Length: 0", "Content-Length: 99999999", 1)
	none := strings.Replace(overTCP("MESSAGE", branch1), "Content-Length: 0\r\n", "", 1)
	twice := strings.Replace(overTCP("MESSAGE", branch1), "Content-Length: 0", "Content-Length: 0\r\nContent-Length: 5", 1)
	tests := []struct{ name, text, want string }{
		{"body too large", long, "513"},
		{"headers too large", "INVITE sip:bob@example.com SIP/2.0\r\nSubject: " + strings.Repeat("x", 70000), ""},
		{"no length", none, "400"},
		{"two lengths", twice, "400"},
		{"not SIP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
				peer := p.connect(t, "192.0.2.1:30001", false)
				peer.write(tt.text)
				if k := peer.kinds(); k != tt.want || !peer.closed() || s.user.requests != 0 {
					t.Errorf("answered %q, closed %v, %d requests", k, peer.closed(), s.user.requests)
				}
			})
		})
	}
	t.Run("a broken message does not end the stream", func(t *testing.T) {
		playTCP(t, Limits{}, func(t *testing.T, s *scene, p *pipes) {
			s.user.request = answer(200)
			peer := p.connect(t, "192.0.2.1:30001", false)
			peer.write(overTCP("MESSAGE", branch1, "CSeq: x MESSAGE") + overTCP("OPTIONS", branch1))
			if k := peer.kinds(); k != "400 200" || peer.closed() {
				t.Errorf("answered %q, closed %v", k, peer.closed())
			}
		})
	})
}

func TestConnectionCaps(t *testing.T) {
	playTCP(t, Limits{Connections: 4, ConnectionsPerAddress: 2}, func(t *testing.T, s *scene, p *pipes) {
		var open []*tcpPeer
		for i, from := range []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.3:1", "192.0.2.4:1", "192.0.2.5:1"} {
			peer := p.connect(t, from, false)
			if refused := peer.closed(); refused != (i == 2 || i == 5) {
				t.Errorf("%s: refused %v", from, refused)
			}
			open = append(open, peer)
		}
		open[0].conn.Close()
		synctest.Wait()
		if p.connect(t, "192.0.2.1:4", false).closed() {
			t.Error("a place that became free was not given away")
		}
	})
}

// FuzzFramer: a stream gives the same messages whatever the pieces it comes in, and never more memory than allowed.
func FuzzFramer(f *testing.F) {
	for _, path := range vectors(f) {
		_, wire := vector(f, path)
		f.Add(wire, 3)
	}
	f.Add([]byte("\r\n\r\n"+overTCP("OPTIONS", branch1)+"\r\n"+overTCP("INFO", branch1)), 5)
	limits := Limits{MessageBytes: 4096}.Defaults()
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		whole, errWhole := frames(data, len(data)+1, &limits)
		pieces, errPieces := frames(data, max(1, size&0xff), &limits)
		if whole != pieces || (errWhole == nil) != (errPieces == nil) {
			t.Fatalf("in one piece %.2000q, %v; in pieces of %d %.2000q, %v", whole, errWhole, size, pieces, errPieces)
		}
	})
}

func frames(data []byte, size int, limits *Limits) (all string, err error) {
	f := framer{limits: limits}
	for len(data) > 0 {
		n := min(size, len(data), len(f.space()))
		copy(f.space(), data[:n])
		f.buf = f.buf[:len(f.buf)+n]
		data = data[n:]
		for {
			m, _, err := f.next()
			if m != nil {
				all += fmt.Sprintf("%v|", m.sip())
			}
			if err != nil {
				return all, err
			}
			if m == nil {
				break
			}
		}
	}
	return all, nil
}

// What is traced of a stream is whole messages, however they were cut into reads.
func TestStreamTrace(t *testing.T) {
	one, two := requestText("OPTIONS", branch1), strings.Replace(requestText("MESSAGE", branch1+"x"), "Content-Length: 0\r\n\r\n", "Content-Length: 4\r\n\r\nabcd", 1)
	all := one + "\r\n\r\n" + two + one
	limits := Limits{}.Defaults()
	for step := 1; step <= len(all); step += 7 {
		f := framer{limits: &limits, tracing: true}
		var got []string
		for rest := all; rest != ""; {
			n := copy(f.space(), rest[:min(step, len(rest))])
			f.buf, rest = f.buf[:len(f.buf)+n], rest[n:]
			for {
				m, _, err := f.next()
				if err != nil {
					t.Fatal(err)
				}
				if m == nil {
					break
				}
				got = append(got, string(f.raw))
			}
		}
		if want := []string{one, two, one}; !slices.Equal(got, want) {
			t.Fatalf("%d bytes at a time: %q", step, got)
		}
	}
}
