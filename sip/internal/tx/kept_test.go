package tx

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// TestSettled compares with a map: thousands come and go, in order of their end.
func TestSettled(t *testing.T) {
	var s settled[int]
	want := map[key]int{}
	var order []key
	var until []time.Duration
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Duration(0)
	for step := range 2000 {
		coming := rng.IntN(40)
		if step/500%2 == 1 {
			coming = rng.IntN(10) // they become fewer
		}
		for range coming {
			k := key{rng.Uint64(), rng.Uint64()}
			s.add(k, now+30, step)
			want[k], order, until = step, append(order, k), append(until, now+30)
		}
		now += time.Duration(rng.IntN(3))
		s.expire(now)
		for len(order) > 0 && until[0] <= now {
			if s.find(order[0]) != nil {
				t.Fatal("found after its end")
			}
			delete(want, order[0])
			order, until = order[1:], until[1:]
		}
		if step%50 == 0 {
			checkSettled(t, "", &s)
		}
		if s.n != len(want) {
			t.Fatalf("step %d: %d, want %d", step, s.n, len(want))
		}
		for _, k := range order {
			if e := s.find(k); e == nil || e.left != want[k] {
				t.Fatalf("step %d: found %v", step, e)
			}
		}
	}
	s.expire(now + 30)
	if s.n != 0 || s.index != nil || s.oldest != nil || s.newest != nil {
		t.Errorf("%+v is left", s)
	}
}

// deadPath leads nowhere.
var deadPath = path{link: deadEnd{}, flow: toAlice}

// keep has transactions of one kind settle, and returns how many bytes each of them keeps.
func keep(t *testing.T, one func(l *Layer, i int)) uint64 {
	const count = 6400
	l := New(Config{Handler: &user{request: func(s *Server) {
		a := s.NewAnswer(200, "")
		if s.Request().Method == sip.REGISTER {
			a.Add("Contact", "<sip:alice@192.0.2.1:5060>;expires=300")
			a.Add("Contact", "<sip:alice@192.0.2.7:5060;transport=tcp>;expires=3000")
			a.Add("Date", "Sat, 01 Jan 2000 00:00:00 GMT")
		}
		a.Add("Server", "ringdown")
		if err := s.Respond(a); err != nil {
			t.Error(err)
		}
	}}, Server: "ringdown"})
	defer l.Close()
	l.sockets = append(l.sockets, &socket{layer: l, pc: swallow{}, datagrams: newPackets(swallow{}), local: layerAt})
	one(l, count)
	before := heap()
	for i := range count {
		one(l, i)
	}
	l.cfg.Handler.(*user).lastServer = nil
	each := (heap() - before) / count
	if st := l.Stats(); st.Servers+st.Clients != count+1 {
		t.Errorf("%+v", st)
	}
	return each
}

// TestSettledIsSmall: what a transaction keeps, for up to 32 s, when nothing is left to do.
func TestSettledIsSmall(t *testing.T) {
	fill := "Subject: " + strings.Repeat("x", 2000)
	serves := func(method string) func(*Layer, int) {
		return func(l *Layer, i int) {
			l.receive(parseDatagram([]byte(requestText(method, fmt.Sprint(branch1, i), fill)), &l.limits), deadPath)
		}
	}
	asks := func(method sip.RequestMethod, status int) func(*Layer, int) {
		return func(l *Layer, _ int) {
			c, err := l.Request(outgoingRequest(method), toAlice, func(ClientEvent) {})
			if err != nil {
				t.Fatal(err)
			}
			l.receive(parseDatagram([]byte(reply(string(c.wire), status, "t")), &l.limits), deadPath)
		}
	}
	for _, tt := range []struct {
		name string
		one  func(*Layer, int)
		max  uint64 // bytes
	}{
		{"a BYE that was answered", serves("BYE"), 100},
		{"an INVITE that was accepted", serves("INVITE"), 130}, // with its tag
		{"a REGISTER that was answered", serves("REGISTER"), 350},
		{"a BYE of ours", asks(sip.BYE, 200), 90},
		{"an INVITE of ours that was accepted", asks(sip.INVITE, 200), 90},
		{"an INVITE of ours that was refused", asks(sip.INVITE, 486), 800}, // with its ACK
	} {
		each := keep(t, tt.one)
		t.Logf("%s keeps %d bytes", tt.name, each)
		if each > tt.max {
			t.Errorf("%s keeps %d bytes, more than %d", tt.name, each, tt.max)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAnswersAreRepeatedToTheByte: the second one is made from the copy of the request (RFC 3261 §17.2.2).
func TestAnswersAreRepeatedToTheByte(t *testing.T) {
	answers := map[string]func(*Server) *Answer{
		"usual": func(s *Server) *Answer { return s.NewAnswer(200, "") },
		"own":   func(s *Server) *Answer { return s.NewAnswer(489, "No Such Event") },
		"more": func(s *Server) *Answer {
			a := s.NewAnswer(200, "")
			a.Add("Contact", "<sip:alice@192.0.2.1>;expires=60")
			a.Add("Server", "ringdown")
			return a
		},
		"body": func(s *Server) *Answer {
			a := s.NewAnswer(202, "")
			a.SetBody("text/plain", []byte("one\r\n\r\ntwo"))
			return a
		},
	}
	requests := map[string]string{
		"new": requestText("MESSAGE", branch1, "Record-Route: <sip:p1.example.com;lr>",
			"Via: SIP/2.0/UDP 10.0.0.7:6000;rport;branch="+branch1, "From: \"A \\\" B\" <sip:alice@example.com;x=y>;tag=a1;z"),
		"in a dialog": requestText("MESSAGE", branch1, "To: Bob <sip:bob@example.com>;tag=b1", "Timestamp: 1"),
		"of RFC 2543": requestText("MESSAGE", "", "Via: SIP/2.0/UDP 192.0.2.1:5060, SIP/2.0/UDP 192.0.2.9"),
	}
	for what, write := range answers {
		for which, text := range requests {
			t.Run(what+" "+which, func(t *testing.T) {
				play(t, Limits{}, func(t *testing.T, s *scene) {
					s.user.request = func(tx *Server) {
						if err := tx.Respond(write(tx)); err != nil {
							t.Error(err)
						}
					}
					s.send(text)
					s.send(text)
					all := s.received()
					if len(all) != 2 || all[0].text != all[1].text || s.user.requests != 1 {
						t.Fatalf("%d requests, got %v", s.user.requests, all)
					}
				})
			})
		}
	}
}

// TestCopiesFromElsewhere: a NAT may give a phone another port; another host that knows a branch gets nothing.
func TestCopiesFromElsewhere(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.user.request = answer(200)
		s.send(requestText("MESSAGE", branch1))
		s.received()
		for address, want := range map[string]int{"192.0.2.1:9": 1, "192.0.2.3:5060": 0} {
			pc, err := s.net.ListenPacket(address)
			if err != nil {
				t.Fatal(err)
			}
			pc.WriteToUDPAddrPort([]byte(requestText("MESSAGE", branch1)), layerAt)
			got := 0
			pc.SetReadDeadline(time.Now().Add(time.Second))
			buf := make([]byte, 2000)
			if _, _, err := pc.ReadFromUDPAddrPort(buf); err == nil {
				got++
			}
			pc.Close()
			if got != want || s.kinds() != "" || s.user.requests != 1 {
				t.Errorf("%s: %d answers, want %d", address, got, want)
			}
		}
	})
}

// TestRepeated2xxToReINVITE: copies come to the callback for 64*T1, since the user knows which offer they answer.
func TestRepeated2xxToReINVITE(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		req := outgoingRequest(sip.INVITE)
		req.Remove("To")
		req.AddParty("To", "<sip:alice@example.com>", "a1")
		var e events
		if _, err := s.layer.Request(req, toAlice, e.on); err != nil {
			t.Fatal(err)
		}
		invite := s.received()[0].text
		for range 3 {
			s.send(reply(invite, 200, ""))
		}
		time.Sleep(31 * time.Second)
		s.send(reply(invite, 200, ""))
		if w := e.take(); w != "200 200 200 200" || s.user.responses != 0 {
			t.Errorf("told %q, %d loose", w, s.user.responses)
		}
		time.Sleep(time.Second)
		s.live(0, 0)
	})
}

// TestRandomLives lets many transactions live at the same time, each at random, and checks the tables after each step.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, Limits{Transactions: 40, Settled: 60})
			defer s.net.Close()
			defer s.layer.Close()
			lives := &lives{scene: s, rng: rand.New(rand.NewPCG(seed, 0))}
			s.user.request = func(tx *Server) {
				lives.servers = append(lives.servers, tx)
				if lives.rng.IntN(2) == 0 {
					lives.answer(tx)
				}
			}
			for range 1500 {
				lives.step()
				s.counted()
			}
			// Calls that ring end by the user only.
			for _, tx := range lives.servers {
				_ = tx.Respond(tx.NewAnswer(480, ""))
			}
			for _, c := range lives.clients {
				_ = c.Cancel()
			}
			for range 3 { // INVITE, its CANCEL held back, what is settled then
				time.Sleep(33 * time.Second)
				for _, request := range lives.sent {
					s.alice.WriteToUDPAddrPort([]byte(reply(request, 180, "t")), layerAt)
				}
				s.counted()
			}
			time.Sleep(40 * time.Second)
			s.live(0, 0)
			if lives.full == 0 {
				t.Error("the limits were never reached")
			}
		})
	}
}

type lives struct {
	*scene
	rng      *rand.Rand
	branches int
	servers  []*Server
	clients  []*Client
	sent     []string // requests of ours, as alice got them
	full     int
}

var someMethods = []string{"INVITE", "INVITE", "BYE", "OPTIONS"}

func (v *lives) answer(tx *Server) {
	a := tx.NewAnswer([]int{100, 180, 200, 200, 302, 486}[v.rng.IntN(6)], "")
	if v.rng.IntN(4) == 0 {
		_ = tx.RespondOnce(a)
		return
	}
	_ = tx.Respond(a)
}

func (v *lives) step() {
	for _, g := range v.received() {
		switch g.first() {
		case "503":
			v.full++
		case "INVITE", "BYE", "OPTIONS", "CANCEL":
			v.sent = append(v.sent, g.text)
		}
	}
	old := fmt.Sprint(branch1, v.rng.IntN(v.branches+1))
	switch v.rng.IntN(9) {
	case 0, 1:
		v.branches++
		v.send(requestText(someMethods[v.rng.IntN(4)], fmt.Sprint(branch1, v.branches)))
	case 2:
		v.send(requestText(append(someMethods, "ACK", "CANCEL")[v.rng.IntN(6)], old))
	case 3:
		if n := len(v.servers); n > 0 {
			v.answer(v.servers[v.rng.IntN(n)])
		}
	case 4, 5:
		req := outgoingRequest(sip.RequestMethod(someMethods[v.rng.IntN(4)]))
		req.inside = v.rng.IntN(3) == 0
		c, err := v.layer.Request(req, toAlice, func(ClientEvent) {})
		if err != nil {
			v.full++
			return
		}
		v.clients = append(v.clients, c)
	case 6:
		if n := len(v.sent); n > 0 {
			v.send(reply(v.sent[v.rng.IntN(n)], []int{100, 180, 200, 200, 302, 486}[v.rng.IntN(6)], "t"))
		}
	case 7:
		if n := len(v.clients); n > 0 {
			_ = v.clients[v.rng.IntN(n)].Cancel()
		}
	case 8:
		time.Sleep(time.Duration(v.rng.IntN(3000)) * time.Millisecond)
	}
}
