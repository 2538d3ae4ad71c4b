package tx

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

func (s *scene) clientState(method string) string {
	s.layer.clients.mu.Lock()
	defer s.layer.clients.mu.Unlock()
	for _, c := range s.layer.clients.open {
		if c.invite == (method == "INVITE") {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.state.String()
		}
	}
	s.layer.clients.kept()
	class := classT4
	if method == "INVITE" {
		class = class64T1
	}
	if e := s.layer.clients.settled[class].oldest; e != nil {
		return e.left.state.String()
	}
	return "terminated"
}

// begin sends a request to alice and returns it as she got it.
func (s *scene) begin(method sip.RequestMethod, e *events) (*Client, string) {
	s.t.Helper()
	c, err := s.layer.Request(outgoingRequest(method), toAlice, e.on)
	if err != nil {
		s.t.Fatal(err)
	}
	return c, s.received()[0].text
}

// TestClientINVITE walks RFC 3261 figure 5 with the changes of RFC 6026 figure 5: state x event.
func TestClientINVITE(t *testing.T) {
	reach := map[string]int{"calling": 0, "proceeding": 180, "accepted": 200, "completed": 486}
	tests := []struct{ state, event, want, sent, told string }{
		{"calling", "100", "proceeding", "", "100"},
		{"calling", "180", "proceeding", "", "180"},
		{"calling", "200", "accepted", "", "200"},
		{"calling", "486", "completed", "ACK", "486"},
		{"calling", "500ms", "calling", "INVITE", ""},                                                      // Timer A
		{"calling", "32s", "terminated", "INVITE INVITE INVITE INVITE INVITE INVITE", "no answer in time"}, // Timer B
		{"calling", "cancel", "calling", "", ""},
		{"proceeding", "100", "proceeding", "", "100"},
		{"proceeding", "180", "proceeding", "", "180"},
		{"proceeding", "200", "accepted", "", "200"},
		{"proceeding", "302", "completed", "ACK", "302"},
		{"proceeding", "600", "completed", "ACK", "600"},
		{"proceeding", "180s", "proceeding", "", ""}, // Timer C is the user's
		{"proceeding", "cancel", "proceeding", "CANCEL", ""},
		{"accepted", "180", "accepted", "", ""},
		{"accepted", "200", "accepted", "", "loose"}, // the user acknowledges each
		{"accepted", "486", "accepted", "", ""},
		{"accepted", "31.999s", "accepted", "", ""},
		{"accepted", "32s", "terminated", "", ""}, // Timer M
		{"accepted", "cancel", "accepted", "", "refused"},
		{"completed", "180", "completed", "", ""},
		{"completed", "486", "completed", "ACK", ""},
		{"completed", "200", "completed", "", "loose"}, // a fork that lost the race: the user has to hang it up
		{"completed", "31.999s", "completed", "", ""},
		{"completed", "32s", "terminated", "", ""}, // Timer D
		{"completed", "cancel", "completed", "", "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.state+" "+tt.event, func(t *testing.T) {
			play(t, Limits{}, func(t *testing.T, s *scene) { s.clientStep(t, sip.INVITE, reach[tt.state], tt) })
		})
	}
}

// TestClientNonINVITE walks RFC 3261 figure 6: state x event.
func TestClientNonINVITE(t *testing.T) {
	reach := map[string]int{"trying": 0, "proceeding": 100, "completed": 200}
	tests := []struct{ state, event, want, sent, told string }{
		{"trying", "100", "proceeding", "", "100"},
		{"trying", "200", "completed", "", "200"},
		{"trying", "404", "completed", "", "404"},
		{"trying", "500ms", "trying", "OPTIONS", ""},                                                    // Timer E
		{"trying", "32s", "terminated", strings.Repeat("OPTIONS ", 9) + "OPTIONS", "no answer in time"}, // Timer F
		{"trying", "cancel", "trying", "", "refused"},
		{"proceeding", "100", "proceeding", "", "100"},
		{"proceeding", "200", "completed", "", "200"},
		{"proceeding", "404", "completed", "", "404"},
		{"proceeding", "3.999s", "proceeding", "", ""},
		{"proceeding", "4s", "proceeding", "OPTIONS", ""}, // Timer E at T2
		{"proceeding", "32s", "terminated", strings.Repeat("OPTIONS ", 6) + "OPTIONS", "no answer in time"},
		{"completed", "100", "completed", "", ""},
		{"completed", "200", "completed", "", ""},
		{"completed", "404", "completed", "", ""},
		{"completed", "4.999s", "completed", "", ""},
		{"completed", "5s", "terminated", "", ""}, // Timer K
	}
	for _, tt := range tests {
		t.Run(tt.state+" "+tt.event, func(t *testing.T) {
			play(t, Limits{}, func(t *testing.T, s *scene) { s.clientStep(t, sip.OPTIONS, reach[tt.state], tt) })
		})
	}
}

func (s *scene) clientStep(t *testing.T, method sip.RequestMethod, reach int, tt struct{ state, event, want, sent, told string }) {
	var e events
	s.user.response = func(*sip.Response, Flow) { e.mu.Lock(); e.words = append(e.words, "loose"); e.mu.Unlock() }
	c, request := s.begin(method, &e)
	if reach != 0 {
		s.send(reply(request, reach, "t"))
	}
	if got := s.clientState(string(method)); got != tt.state {
		t.Fatalf("the test did not reach %s but %s", tt.state, got)
	}
	s.received()
	e.take()
	refused := false
	if wait, err := time.ParseDuration(tt.event); err == nil {
		time.Sleep(wait)
	} else if tt.event == "cancel" {
		err := c.Cancel()
		refused = errors.Is(err, ErrAnswered) || errors.Is(err, ErrMessage)
	} else {
		status, _ := strconv.Atoi(tt.event)
		s.send(reply(request, status, "t"))
	}
	synctest.Wait()
	told := e.take()
	if refused {
		told += "refused"
	}
	if got, sent := s.clientState(string(method)), s.kinds(); got != tt.want || sent != tt.sent || told != tt.told {
		t.Errorf("now %s, sent %q, told %q; want %s, %q, %q", got, sent, told, tt.want, tt.sent, tt.told)
	}
}

func TestTimersAAndBAreExact(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var e events
		if _, err := s.layer.Request(outgoingRequest(sip.INVITE), toAlice, e.on); err != nil {
			t.Fatal(err)
		}
		time.Sleep(32*time.Second - 1)
		if w := e.take(); w != "" {
			t.Error("too early:", w)
		}
		time.Sleep(1)
		want := "0s INVITE, 500ms INVITE, 1.5s INVITE, 3.5s INVITE, 7.5s INVITE, 15.5s INVITE, 31.5s INVITE"
		if got := s.schedule(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if w := e.take(); w != "no answer in time" {
			t.Error(w)
		}
		s.live(0, 0)
	})
}

func TestTimersEAndFAreExact(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var e events
		if _, err := s.layer.Request(outgoingRequest(sip.BYE), toAlice, e.on); err != nil {
			t.Fatal(err)
		}
		time.Sleep(33 * time.Second)
		want := "0s BYE, 500ms BYE, 1.5s BYE, 3.5s BYE, 7.5s BYE, 11.5s BYE, 15.5s BYE, 19.5s BYE, 23.5s BYE, 27.5s BYE, 31.5s BYE"
		if got := s.schedule(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		s.live(0, 0)
	})
}

func TestACKToNon2xx(t *testing.T) { // RFC 3261 §17.1.1.3
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var e events
		_, invite := s.begin(sip.INVITE, &e)
		s.send(reply(invite, 404, "t9"))
		ack := s.received()[0].text
		want := "ACK sip:alice@192.0.2.1 SIP/2.0\r\n" +
			"Via: " + header(invite, "Via") + "\r\n" +
			"From: <sip:bob@example.com>;tag=b1\r\n" +
			"To: <sip:alice@example.com>;tag=t9\r\n" +
			"Call-ID: c2\r\n" +
			"Route: <sip:proxy.example.com;lr>\r\n" +
			"CSeq: 7 ACK\r\n" +
			"Max-Forwards: 70\r\n" +
			"Content-Length: 0\r\n\r\n"
		if ack != want {
			t.Errorf("got\n%s\nwant\n%s", ack, want)
		}
	})
}

func TestForkedAndRepeated2xx(t *testing.T) { // RFC 6026 §7.2, edge cases S8, S14, S30
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var e events
		_, invite := s.begin(sip.INVITE, &e)
		for _, tag := range []string{"x", "y", "x"} {
			s.send(reply(invite, 200, tag))
		}
		if w := e.take(); w != "200" || s.user.responses != 2 {
			t.Errorf("told %q, %d are the user's to find a dialog for", w, s.user.responses)
		}
		s.send(reply(invite, 486, "z")) // RFC 6026 §7.2: absorbed
		time.Sleep(32*time.Second + 1)
		s.send(reply(invite, 200, "z"))
		if w := e.take(); w != "" || s.user.responses != 3 {
			t.Errorf("late 2xx: told %q, %d responses without transaction", w, s.user.responses)
		}
	})
}

func TestOrderOfResponses(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		for i := range 300 {
			var e events
			s.user.response = func(res *sip.Response, flow Flow) { e.on(ClientEvent{Res: res, Flow: flow}) }
			_, invite := s.begin(sip.INVITE, &e)
			for _, status := range []int{180, 183, 200, 200} { // back to back
				if _, err := s.alice.WriteToUDPAddrPort([]byte(reply(invite, status, "t")), layerAt); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			if w := e.take(); w != "180 183 200 200" {
				t.Fatalf("call %d: %s", i, w)
			}
		}
	})
}

// TestCallbackMayCallTheLayer: no lock is held while a callback runs, and callbacks of one transaction never overlap.
func TestCallbackMayCallTheLayer(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var c *Client
		var words []string
		depth := 0
		on := func(ev ClientEvent) {
			if depth++; depth != 1 {
				t.Error("callbacks overlap")
			}
			defer func() { depth-- }()
			words = append(words, strconv.Itoa(ev.Res.StatusCode))
			if ev.Res.StatusCode == 180 {
				if err := c.Cancel(); err != nil {
					t.Error(err)
				}
				if _, err := s.layer.Request(outgoingRequest(sip.INFO), toAlice, func(ClientEvent) {}); err != nil {
					t.Error(err)
				}
			}
			if ev.Res.StatusCode == 487 {
				panic("the user's fault")
			}
		}
		c, _ = s.layer.Request(outgoingRequest(sip.INVITE), toAlice, on)
		invite := s.received()[0].text
		s.send(reply(invite, 180, "t"))
		s.send(reply(invite, 487, "t"))
		if k := s.kinds(); k != "CANCEL INFO ACK" || strings.Join(words, " ") != "180 487" {
			t.Errorf("sent %s, told %v", k, words)
		}
	})
}

func TestRequestReplacesVia(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var e events
		req := outgoingRequest(sip.INVITE)
		var seen []string
		for range 2 { // as after a 401: the same request again
			if _, err := s.layer.Request(req, toAlice, e.on); err != nil {
				t.Fatal(err)
			}
			text := s.received()[0].text
			if strings.Count(text, "Via: ") != 1 {
				t.Fatal(text)
			}
			seen = append(seen, header(text, "Via"))
		}
		if seen[0] == seen[1] || !strings.HasPrefix(seen[0], "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK") || !strings.HasSuffix(seen[0], ";rport") {
			t.Error(seen)
		}
	})
}

func TestRequestRefused(t *testing.T) {
	play(t, Limits{Transactions: 1}, func(t *testing.T, s *scene) {
		var e events
		far := toAlice
		far.Local = aliceAt // not a socket of ours
		injected := outgoingRequest(sip.INVITE)
		injected.Add("Subject", "a\nb")
		tests := []struct {
			name string
			req  *Request
			flow Flow
			want error
		}{
			{"ACK", outgoingRequest(sip.ACK), toAlice, ErrMessage},
			{"CANCEL", outgoingRequest(sip.CANCEL), toAlice, ErrMessage},
			{"line break", injected, toAlice, ErrMessage},
			{"no remote", outgoingRequest(sip.INVITE), Flow{Transport: "UDP"}, ErrTransport},
			{"no such socket", outgoingRequest(sip.INVITE), far, ErrTransport},
			{"no such transport", outgoingRequest(sip.INVITE), Flow{Transport: "SCTP", Remote: aliceAt}, ErrTransport},
			{"fine", outgoingRequest(sip.INVITE), toAlice, nil},
			{"too many", outgoingRequest(sip.INVITE), toAlice, ErrOverload},
		}
		for _, tt := range tests {
			if _, err := s.layer.Request(tt.req, tt.flow, e.on); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		s.layer.Close()
		if _, err := s.layer.Request(outgoingRequest(sip.INVITE), toAlice, e.on); err == nil {
			t.Error("a closed layer sent")
		}
	})
}

func TestLostRequestsAndResponses(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.net.SetLoss(1)
		var e events
		if _, err := s.layer.Request(outgoingRequest(sip.INVITE), toAlice, e.on); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		s.net.SetLoss(0)
		time.Sleep(time.Second) // the copy at 1.5 s
		invite := s.received()[0]
		if at := invite.at; at != 1500*time.Millisecond {
			t.Error("arrived at", at)
		}
		s.send(reply(invite.text, 486, "t"))
		s.net.SetLoss(1)
		s.net.SetLoss(0)
		s.send(reply(invite.text, 486, "t")) // the ACK was lost
		if k, w := s.kinds(), e.take(); k != "ACK ACK" || w != "486" {
			t.Error(k, w)
		}
	})
}

func TestResponsesForOthersAreDropped(t *testing.T) { // RFC 3261 §8.1.3.3, §18.1.2, edge case X4
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var e events
		_, invite := s.begin(sip.INVITE, &e)
		two := strings.Replace(reply(invite, 180, "t"), "\r\nFrom", "\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom", 1)
		s.send(two)
		s.send(strings.Replace(reply(invite, 180, "t"), "z9hG4bK", "z9hG4bKother", 1))
		s.send("SIP/2.0 4294967301 better not\r\n" + strings.SplitN(reply(invite, 180, "t"), "\r\n", 2)[1])
		s.send("SIP/2.0 200 OK\r\n\r\n")
		if w := e.take(); w != "" || s.user.responses != 1 {
			t.Errorf("told %q, %d", w, s.user.responses)
		}
		if st := s.layer.Stats(); st.Unmatched != 1 || st.Malformed != 3 {
			t.Errorf("%+v", st)
		}
	})
}

func TestWriteGivesAnACKItsVia(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		ack, err := s.layer.Write(outgoingRequest(sip.ACK), toAlice, NewBranch())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.layer.Send(ack, toAlice); err != nil {
				t.Fatal(err)
			}
		}
		all := s.received()
		if len(all) != 2 || all[0].text != all[1].text || header(all[0].text, "Via") == "" {
			t.Error(all)
		}
	})
}

func TestLargeMessagesAreWhole(t *testing.T) { // edge case N10
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var e events
		req := outgoingRequest(sip.MESSAGE)
		req.SetBody("text/plain", []byte(strings.Repeat("x", 60000)))
		if _, err := s.layer.Request(req, toAlice, e.on); err != nil {
			t.Fatal(err)
		}
		if got := s.received()[0].text; len(got) < 60000 || header(got, "Content-Length") != "60000" {
			t.Error(len(got))
		}
		s.user.request = func(tx *Server) { answer(200 + len(tx.Request().Body())/60000)(tx) }
		s.send(strings.Replace(requestText("MESSAGE", branch1), "Content-Length: 0", "Content-Length: 60000", 1) + strings.Repeat("y", 60000))
		if k := s.kinds(); k != "201" {
			t.Error(k)
		}
	})
}
