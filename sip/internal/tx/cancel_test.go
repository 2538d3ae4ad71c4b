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

func TestClientCancel(t *testing.T) { // RFC 3261 §9.1, edge cases S2, S3, S4, S7
	tests := []struct {
		name   string
		script string // what happens: a status that alice sends, "cancel", or a time
		sent   string // what alice gets after the INVITE
		told   string
	}{
		{"held back until a provisional", "cancel 1s 180 200/CANCEL 487", "INVITE CANCEL ACK", "180 487"},
		{"dropped by a 2xx", "cancel 200 60s", "", "200"},
		{"dropped by a refusal", "cancel 404 60s", "ACK", "404"},
		{"while ringing", "180 cancel 200/CANCEL 487", "CANCEL ACK", "180 487"},
		{"asked twice", "180 cancel cancel 200/CANCEL 487", "CANCEL ACK", "180 487"},
		{"crossed by a 2xx", "180 cancel 200 200/CANCEL", "CANCEL", "180 200"},
		{"never a provisional", "cancel 33s", "INVITE INVITE INVITE INVITE INVITE INVITE", "no answer in time"},
		{"abandoned, never a provisional", "600ms abandon 31.3s 1s", "INVITE", "no answer in time"},
		{"abandoned, held back", "abandon 20s 180 200/CANCEL 487", "CANCEL ACK", "180 487"},
		{"abandoned, a late 2xx", "abandon 20s 200", "", "200"},
		{"abandoned, a late refusal", "abandon 20s 486 486", "ACK ACK", "486"},
		{"abandoned after the wish to cancel", "cancel 600ms abandon 31.5s", "INVITE", "no answer in time"},
		{"abandoned while ringing", "180 abandon 200/CANCEL 487", "CANCEL ACK", "180 487"},
		{"CANCEL answered, INVITE not", "180 cancel 200/CANCEL 31.9s 180 1s", "CANCEL", "180 180 no answer in time"},
		{"CANCEL not answered", "180 cancel 33s", strings.Repeat("CANCEL ", 10) + "CANCEL", "180 no answer in time"},
		{"refused for the CANCEL, then 487", "180 cancel 481/CANCEL 487", "CANCEL ACK", "180 487"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, Limits{}, func(t *testing.T, s *scene) {
				var e events
				c, invite := s.begin(sip.INVITE, &e)
				for _, step := range strings.Fields(tt.script) {
					if wait, err := time.ParseDuration(step); err == nil {
						time.Sleep(wait)
						synctest.Wait()
						continue
					}
					if step == "cancel" || step == "abandon" {
						ask := c.Cancel
						if step == "abandon" {
							ask = c.Abandon
						}
						if err := ask(Header{"Reason", `SIP;cause=200;text="Call completed elsewhere"`}); err != nil {
							t.Error(err)
						}
						continue
					}
					number, method, _ := strings.Cut(step, "/")
					status, _ := strconv.Atoi(number)
					text := reply(invite, status, "t")
					if method != "" {
						text = strings.Replace(text, "CSeq: 7 INVITE", "CSeq: 7 "+method, 1)
					}
					s.send(text)
				}
				if k, w := s.kinds(), e.take(); k != tt.sent || w != tt.told {
					t.Errorf("sent %q, told %q; want %q, %q", k, w, tt.sent, tt.told)
				}
			})
		})
	}
}

func TestCANCELIsBuiltFromTheINVITE(t *testing.T) { // RFC 3261 §9.1
	play(t, Limits{}, func(t *testing.T, s *scene) {
		var e events
		c, invite := s.begin(sip.INVITE, &e)
		s.send(reply(invite, 180, "t"))
		if err := c.Cancel(Header{"Reason", "SIP;cause=200"}, Header{"Bad", "a\r\nb: c"}); !errors.Is(err, ErrMessage) {
			t.Error(err)
		}
		if err := c.Cancel(Header{"Reason", "SIP;cause=200"}); err != nil {
			t.Fatal(err)
		}
		want := "CANCEL sip:alice@192.0.2.1 SIP/2.0\r\n" +
			"Via: " + header(invite, "Via") + "\r\n" +
			"From: <sip:bob@example.com>;tag=b1\r\n" +
			"To: <sip:alice@example.com>\r\n" +
			"Call-ID: c2\r\n" +
			"Route: <sip:proxy.example.com;lr>\r\n" +
			"CSeq: 7 CANCEL\r\n" +
			"Max-Forwards: 70\r\n" +
			"Reason: SIP;cause=200\r\n" +
			"Content-Length: 0\r\n\r\n"
		if got := s.received()[0].text; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}
