package tx

import (
	"strings"
	"testing"
	"time"
)

func TestMatching(t *testing.T) { // RFC 3261 §17.2.3
	tests := []struct {
		name, second string
		requests     int
	}{
		{"the same", requestText("MESSAGE", branch1), 1},
		{"sent-by without the default port", requestText("MESSAGE", branch1, "Via: SIP/2.0/UDP 192.0.2.1;branch="+branch1), 1},
		{"other branch", requestText("MESSAGE", branch1+"x"), 2},
		{"other sent-by", requestText("MESSAGE", branch1, "Via: SIP/2.0/UDP 192.0.2.3;branch="+branch1), 2},
		{"other method", requestText("INFO", branch1), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, Limits{}, func(t *testing.T, s *scene) {
				s.send(requestText("MESSAGE", branch1))
				s.send(tt.second)
				if s.user.requests != tt.requests {
					t.Errorf("%d transactions, want %d", s.user.requests, tt.requests)
				}
			})
		})
	}
}

func TestMatchingOfRFC2543(t *testing.T) { // RFC 3261 §17.2.3, second half
	old := func(method string, lines ...string) string {
		return requestText(method, "", append([]string{"Via: SIP/2.0/UDP 192.0.2.1:5060"}, lines...)...)
	}
	play(t, Limits{}, func(t *testing.T, s *scene) {
		s.user.request = answer(486)
		s.send(old("INVITE"))
		s.send(old("INVITE"))
		s.send(old("INVITE", "CSeq: 2 INVITE"))
		s.send(old("INVITE", "Call-ID: other"))
		s.send(old("INVITE", "From: <sip:alice@example.com>;tag=a2"))
		if s.user.requests != 4 {
			t.Errorf("%d transactions, want 4", s.user.requests)
		}
		for _, g := range s.received() {
			s.send(requestText("ACK", "", "Via: SIP/2.0/UDP 192.0.2.1:5060", "To: "+header(g.text, "To"), "From: "+header(g.text, "From"),
				"Call-ID: "+header(g.text, "Call-ID"), "CSeq: "+strings.Replace(header(g.text, "CSeq"), "INVITE", "ACK", 1)))
		}
		time.Sleep(20 * time.Second)
		if k := s.kinds(); k != "" || s.user.acks != 0 {
			t.Errorf("not acknowledged: %s, %d ACKs came through", k, s.user.acks)
		}
	})
}
