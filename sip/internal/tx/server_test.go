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

// answer makes a handler that answers every request with these statuses.
func answer(statuses ...int) func(*Server) {
	return func(s *Server) {
		for _, status := range statuses {
			if err := s.Respond(s.NewAnswer(status, "")); err != nil {
				panic(err)
			}
		}
	}
}

func (s *scene) serverState() string {
	s.layer.servers.mu.Lock()
	defer s.layer.servers.mu.Unlock()
	for _, t := range s.layer.servers.open {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.state.String()
	}
	s.layer.servers.kept()
	for _, all := range s.layer.servers.settled {
		if all.oldest != nil {
			return all.oldest.left.state.String()
		}
	}
	return "terminated"
}

// TestServerINVITE walks RFC 3261 figure 7 with the changes of RFC 6026 figure 6: state x event.
func TestServerINVITE(t *testing.T) {
	reach := map[string][]int{"proceeding": {100, 180}, "accepted": {200}, "completed": {486}, "confirmed": {486}}
	tests := []struct{ state, event, want, sent string }{
		{"proceeding", "INVITE", "proceeding", "180"},
		{"proceeding", "ACK", "proceeding", ""},
		{"proceeding", "CANCEL", "proceeding", "200"},
		{"proceeding", "183", "proceeding", "183"},
		{"proceeding", "200", "accepted", "200"},
		{"proceeding", "302", "completed", "302"},
		{"proceeding", "32s", "proceeding", ""},
		{"accepted", "INVITE", "accepted", ""},
		{"accepted", "ACK", "accepted", ""},
		{"accepted", "CANCEL", "accepted", "200"},
		{"accepted", "183", "accepted", "already"},
		{"accepted", "200", "accepted", "already"},
		{"accepted", "302", "accepted", "already"},
		{"accepted", "32s", "terminated", ""}, // Timer L
		{"completed", "INVITE", "completed", "486"},
		{"completed", "ACK", "confirmed", ""},
		{"completed", "CANCEL", "completed", "200"},
		{"completed", "183", "completed", "already"},
		{"completed", "200", "completed", "already"},
		{"completed", "302", "completed", "already"},
		{"completed", "500ms", "completed", "486"}, // Timer G
		{"completed", "32s", "terminated", "486 486 486 486 486 486 486 486 486 486"},
		{"confirmed", "INVITE", "confirmed", ""},
		{"confirmed", "ACK", "confirmed", ""},
		{"confirmed", "CANCEL", "confirmed", "200"},
		{"confirmed", "200", "confirmed", "already"},
		{"confirmed", "302", "confirmed", "already"},
		{"confirmed", "4.999s", "confirmed", ""},
		{"confirmed", "5s", "terminated", ""}, // Timer I
	}
	for _, tt := range tests {
		t.Run(tt.state+" "+tt.event, func(t *testing.T) {
			play(t, Limits{}, func(t *testing.T, s *scene) {
				s.user.request = answer(reach[tt.state]...)
				s.send(requestText("INVITE", branch1))
				if tt.state == "confirmed" {
					s.send(requestText("ACK", branch1, "To: <sip:bob@example.com>;tag=x"))
				}
				s.received()
				if s.serverState() != tt.state {
					t.Fatalf("the test did not reach %s but %s", tt.state, s.serverState())
				}
				refused := s.apply(tt.event, branch1)
				sent := s.kinds()
				if errors.Is(refused, ErrAnswered) {
					sent += "already"
				} else if refused != nil {
					t.Error(refused)
				}
				if got := s.serverState(); got != tt.want || sent != tt.sent {
					t.Errorf("now %s, sent %q, want %s, %q", got, sent, tt.want, tt.sent)
				}
				if s.user.requests != 1 {
					t.Errorf("the user saw %d requests", s.user.requests)
				}
			})
		})
	}
}

// TestServerNonINVITE walks RFC 3261 figure 8: state x event.
func TestServerNonINVITE(t *testing.T) {
	reach := map[string][]int{"trying": nil, "proceeding": {100}, "completed": {200}}
	tests := []struct{ state, event, want, sent string }{
		{"trying", "OPTIONS", "trying", ""},
		{"trying", "100", "proceeding", "100"},
		{"trying", "200", "completed", "200"},
		{"trying", "404", "completed", "404"},
		{"trying", "31.999s", "trying", ""},
		{"trying", "32s", "terminated", ""}, // RFC 4320 §4.2
		{"trying", "CANCEL", "trying", "481"},
		{"proceeding", "OPTIONS", "proceeding", "100"},
		{"proceeding", "100", "proceeding", "100"},
		{"proceeding", "200", "completed", "200"},
		{"proceeding", "404", "completed", "404"},
		{"proceeding", "32s", "terminated", ""},
		{"completed", "OPTIONS", "completed", "200"},
		{"completed", "100", "completed", "already"},
		{"completed", "200", "completed", "already"},
		{"completed", "404", "completed", "already"},
		{"completed", "31.999s", "completed", ""},
		{"completed", "32s", "terminated", ""}, // Timer J
	}
	for _, tt := range tests {
		t.Run(tt.state+" "+tt.event, func(t *testing.T) {
			play(t, Limits{}, func(t *testing.T, s *scene) {
				s.user.request = answer(reach[tt.state]...)
				s.send(requestText("OPTIONS", branch1))
				s.received()
				if s.serverState() != tt.state {
					t.Fatalf("the test did not reach %s but %s", tt.state, s.serverState())
				}
				refused := s.apply(tt.event, branch1)
				sent := s.kinds()
				if errors.Is(refused, ErrAnswered) {
					sent += "already"
				}
				if got := s.serverState(); got != tt.want || sent != tt.sent {
					t.Errorf("now %s, sent %q, want %s, %q", got, sent, tt.want, tt.sent)
				}
				if s.user.requests != 1 {
					t.Errorf("the user saw %d requests", s.user.requests)
				}
			})
		})
	}
}

// apply lets a method arrive, a status be answered or a time pass.
func (s *scene) apply(event, branch string) error {
	if wait, err := time.ParseDuration(event); err == nil {
		time.Sleep(wait)
		synctest.Wait()
		return nil
	}
	if event[0] <= '9' {
		status := int(event[0]-'0')*100 + int(event[1]-'0')*10 + int(event[2]-'0')
		return s.user.lastServer.Respond(s.user.lastServer.NewAnswer(status, ""))
	}
	s.send(requestText(event, branch))
	return nil
}

func TestTimersGAndHAreExact(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.user.request = answer(486)
		s.send(requestText("INVITE", branch1))
		time.Sleep(31*time.Second + 999*time.Millisecond)
		s.live(1, 0)
		time.Sleep(time.Millisecond)
		want := "0s 486, 500ms 486, 1.5s 486, 3.5s 486, 7.5s 486, 11.5s 486, 15.5s 486, 19.5s 486, 23.5s 486, 27.5s 486, 31.5s 486"
		if got := s.schedule(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		s.live(0, 0)
		if err := s.user.lastServer.Respond(s.user.lastServer.NewAnswer(200, "")); !errors.Is(err, ErrAnswered) {
			t.Errorf("answer after the end: %v", err)
		}
	})
}

func TestLateAnswerToNonINVITE(t *testing.T) { // RFC 4320 §4.2, edge case O16
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.send(requestText("REGISTER", branch1))
		time.Sleep(33 * time.Second)
		if err := s.user.lastServer.Respond(s.user.lastServer.NewAnswer(200, "")); !errors.Is(err, ErrEnded) {
			t.Errorf("got %v", err)
		}
		if k := s.kinds(); k != "" {
			t.Errorf("sent %s", k)
		}
	})
}

func TestAnswersCarryOneToTagAndTheSource(t *testing.T) { // RFC 3261 §8.2.6.2, §18.2.1, RFC 3581 §4
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.user.request = answer(100, 180)
		s.user.cancelled = func(tx *Server, _ *sip.Request) { answer(487)(tx) }
		via := "Via: SIP/2.0/UDP 10.0.0.7:6000;rport;branch=" + branch1
		s.send(requestText("INVITE", branch1, via, "Record-Route: <sip:p1.example.com;lr>"))
		s.send(requestText("CANCEL", branch1, via))
		all := s.received()
		if len(all) != 4 {
			t.Fatalf("got %d messages", len(all))
		}
		want := "SIP/2.0/UDP 10.0.0.7:6000;rport=5060;branch=" + branch1 + ";received=192.0.2.1"
		tag := ""
		for _, g := range all {
			if v := header(g.text, "Via"); v != want {
				t.Errorf("%s: Via %s", g.first(), v)
			}
			_, this, _ := strings.Cut(header(g.text, "To"), "tag=")
			switch {
			case g.first() == "100":
				if this != "" {
					t.Errorf("100 with tag %s", this)
				}
			case tag == "":
				tag = this
			case tag != this:
				t.Errorf("%s has tag %s, not %s", g.first(), this, tag)
			}
			if rr := header(g.text, "Record-Route"); (rr != "") != (g.first() == "180") {
				t.Errorf("%s: Record-Route %q", g.first(), rr)
			}
		}
		if len(tag) < 16 {
			t.Errorf("tag %q", tag)
		}
	})
}

func TestRespondOnce(t *testing.T) { // a copy of the request is a new one
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.user.request = func(tx *Server) {
			if err := tx.RespondOnce(tx.NewAnswer(401, "")); err != nil {
				t.Error(err)
			}
			if err := tx.Respond(tx.NewAnswer(200, "")); !errors.Is(err, ErrAnswered) {
				t.Errorf("a second answer: %v", err)
			}
		}
		s.send(requestText("REGISTER", branch1))
		s.live(0, 0)
		if n, _ := s.layer.servers.counts(); n != 0 {
			t.Errorf("%d are open", n)
		}
		s.send(requestText("REGISTER", branch1))
		all := s.received()
		if len(all) != 2 || all[0].first() != "401" || all[0].text != all[1].text || s.user.requests != 2 {
			t.Errorf("%d requests got %v", s.user.requests, all)
		}
	})
}

func TestResend2xx(t *testing.T) { // RFC 3261 §13.3.1.4
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.send(requestText("INVITE", branch1))
		tx := s.user.lastServer
		if err := tx.Resend2xx(); !errors.Is(err, ErrMessage) {
			t.Errorf("before the answer: %v", err)
		}
		answer(200)(tx)
		time.Sleep(40 * time.Second)
		if err := tx.Resend2xx(); err != nil {
			t.Error(err)
		}
		all := s.received()
		if len(all) != 2 || all[0].text != all[1].text {
			t.Errorf("got %v", all)
		}
	})
}

func TestACKTo2xxWithTheBranchOfTheINVITE(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.user.request = answer(200)
		s.send(requestText("INVITE", branch1))
		s.send(requestText("ACK", branch1))
		s.send(requestText("ACK", "z9hG4bK-other"))
		if s.user.acks != 2 {
			t.Errorf("%d ACKs came through", s.user.acks)
		}
	})
}

func TestCancel(t *testing.T) { // RFC 3261 §9.2, edge cases S1, S3, S5, S6
	tests := []struct {
		name            string
		before          []int // answers before the CANCEL
		wait            time.Duration
		cancels, copies int
		sent            string
	}{
		{"before any answer", nil, 0, 1, 1, "200 487"},
		{"while ringing", []int{180}, 0, 1, 1, "180 200 487"},
		{"twice", []int{180}, 0, 1, 2, "180 200 487 200"},
		{"crosses our 200", []int{200}, 0, 0, 1, "200 200"},
		{"after the end", []int{200}, 33 * time.Second, 0, 1, "200 481"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, Limits{}, func(t *testing.T, s *scene) {
				s.user.request = answer(tt.before...)
				s.user.cancelled = func(tx *Server, _ *sip.Request) { answer(487)(tx) }
				s.send(requestText("INVITE", branch1))
				time.Sleep(tt.wait)
				for range tt.copies {
					s.send(requestText("CANCEL", branch1))
				}
				if k := s.kinds(); k != tt.sent || s.user.cancels != tt.cancels {
					t.Errorf("sent %q, %d told; want %q, %d", k, s.user.cancels, tt.sent, tt.cancels)
				}
			})
		})
	}
}

func TestOrderOfAnswers(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.user.request = answer(100, 180, 183, 200)
		for i := range 300 {
			s.send(requestText("INVITE", branch1+"-"+strings.Repeat("x", i)))
			if k := s.kinds(); k != "100 180 183 200" {
				t.Fatalf("call %d: %s", i, k)
			}
		}
	})
}

func TestPanicOfTheUserIsAnswered(t *testing.T) {
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.user.request = func(tx *Server) {
			if tx.Request().Method == "INFO" {
				panic("no")
			}
			answer(200)(tx)
		}
		s.send(requestText("INFO", branch1))
		s.send(requestText("OPTIONS", branch1))
		if k := s.kinds(); k != "500 200" {
			t.Error(k)
		}
	})
}

func TestOverload(t *testing.T) { // edge case O9
	play(t, Limits{Transactions: 4}, func(t *testing.T, s *scene) {
		for _, branch := range []string{"1", "2", "3", "4", "5"} {
			s.send(requestText("INVITE", branch1+branch))
		}
		all := s.received()
		if len(all) != 1 || all[0].first() != "503" || header(all[0].text, "Retry-After") != "10" {
			t.Fatalf("got %v", all)
		}
		s.send(requestText("BYE", branch1+"6", "To: <sip:bob@example.com>;tag=b"))
		if s.user.requests != 5 {
			t.Error("a request inside a dialog was refused")
		}
		s.send(requestText("ACK", branch1+"5", "To: "+header(all[0].text, "To")))
		if s.user.acks != 0 {
			t.Error("the ACK to a 503 reached the user")
		}
		if st := s.layer.Stats(); st.Overload != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// What was answered and only waits for copies does not count as open: the rate of calls for long is not bounded by how
// many go on at a time. It has a bound of its own.
func TestSettledAreNotOpen(t *testing.T) {
	play(t, Limits{Transactions: 2, Settled: 8}, func(t *testing.T, s *scene) {
		s.user.request = func(tx *Server) {
			status := 200
			if tx.Request().Method == sip.MESSAGE {
				status = 404
			}
			answer(status)(tx)
		}
		one := func(i int, status string) {
			t.Helper()
			s.send(requestText([]string{"INVITE", "OPTIONS", "MESSAGE"}[i%3], branch1+strconv.Itoa(i)))
			if all := s.received(); len(all) != 1 || (all[0].first() == "503") != (status == "503") {
				t.Fatalf("request %d: got %v", i, all)
			}
			if n, _ := s.layer.servers.counts(); n != 0 {
				t.Fatalf("after request %d %d are open", i, n)
			}
		}
		for i := range 8 {
			one(i, "")
		}
		one(8, "503")
		time.Sleep(33 * time.Second)
		if _, n := s.layer.servers.counts(); n != 0 {
			t.Fatalf("%d are kept", n)
		}
		one(9, "")
		s.user.request = answer(486) // repeated until the ACK: open
		s.send(requestText("INVITE", branch1+"x"))
		refused := s.received()[0]
		if n, _ := s.layer.servers.counts(); n != 1 {
			t.Errorf("before the ACK %d are open", n)
		}
		s.send(requestText("ACK", branch1+"x", "To: "+header(refused.text, "To")))
		if n, _ := s.layer.servers.counts(); n != 0 {
			t.Errorf("after the ACK %d are open", n)
		}
	})
}

func TestAnswerWithALineBreakIsRefused(t *testing.T) { // edge case X15
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.send(requestText("INVITE", branch1))
		tx := s.user.lastServer
		res := tx.NewAnswer(180, "")
		res.Add("X", "a\r\nInjected: b")
		if err := tx.Respond(res); !errors.Is(err, ErrMessage) {
			t.Errorf("got %v", err)
		}
		if err := tx.Respond(tx.NewAnswer(180, "a\nb")); !errors.Is(err, ErrMessage) {
			t.Errorf("got %v", err)
		}
		if err := tx.Respond(tx.NewAnswer(99, "a")); !errors.Is(err, ErrMessage) {
			t.Errorf("got %v", err)
		}
		if k := s.kinds(); k != "" {
			t.Errorf("sent %s", k)
		}
	})
}
