package yeastar

import (
	"bufio"
	"io"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringdown/callstate"
	"ringdown/control/channels"
)

// TestSeedRequests sends the requests of the vendor's page "Transfer a Call" as they are printed, byte for byte, on a
// socket: without User-Agent, without a blank between header and body, with the page's indentation. The ids are the
// page's own; only the tokens and the length, which it leaves out, are ours.
func TestSeedRequests(t *testing.T) {
	for _, row := range []struct {
		name, body string
		want       callstate.Request
		callID     string
		names      channels.Start
	}{
		{"blind", "{\n    \"type\": \"blind\",\n    \"channel_id\": \"PJSIP/2000-000000ae\",\n    \"number\": \"2008\"\n  }",
			callstate.MoveLeg{Leg: callstate.LegID{Call: 338, N: 1}, Target: "2008"},
			"1650029138.338", channels.Start{Call: 338, Channel: 0xae}},
		{"start", "{\n    \"type\": \"attended\",\n    \"channel_id\": \"PJSIP/2005-000000a6\",\n    \"number\": \"5503301\",\n    \"dial_permission\":\"2005\"\n}",
			callstate.Consult{Transferor: callstate.LegID{Call: 338, N: 2}, Target: "5503301", Rights: "2005"},
			"1650028408.320", channels.Start{Call: 320, Channel: 0xa5}},
		{"complete", "{\n    \"type\": \"attended\",\n    \"channel_id\": \"PJSIP/2005-000000a6\",\n    \"attended_operate\":\"complete\"\n}",
			callstate.Operate{Transferor: callstate.LegID{Call: 338, N: 2}, Do: callstate.Complete},
			"1650028408.320", channels.Start{Call: 320, Channel: 0xa5}},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := newDesk()
			a := newAPI(t, d, func(c *Config) { c.Names = channels.New(d, row.names) })
			c := newClient(t, a)
			now := call(leg(1, "2000", up, "in", "calling"), leg(2, "2005", up))
			second, _, _ := strings.Cut(row.callID, ".")
			started, _ := strconv.ParseInt(second, 10, 64)
			now.Started.Wall = time.Unix(started, 0)
			d.tell(callstate.NoticeAnswered, now)
			server := httptest.NewServer(a)
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, "POST /openapi/v1.0/call/transfer?access_token="+c.token+" HTTP/1.1\r\n"+
				"Host: 192.168.5.150:8088\r\nContent-Type: application/json\r\nConnection: close\r\n"+
				"Content-Length: "+itoa(len(row.body))+"\r\n\r\n"+row.body)
			answer, err := io.ReadAll(bufio.NewReader(conn))
			if err != nil {
				t.Fatal(err)
			}
			head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
			if !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") || body != `{"errcode":0,"errmsg":"SUCCESS","call_id":"`+row.callID+`"}` {
				t.Errorf("got %s\n%s", head, body)
			}
			if got := d.requests(); len(got) != 1 || got[0] != row.want {
				t.Errorf("asked %+v, want %+v", got, row.want)
			}
		})
	}
}
