package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringdown/callstate"
	"ringdown/control/channels"
	"ringdown/control/delivery"
)

// wire is a callstate.Calls that can only be watched.
type wire struct {
	callstate.Calls
	watch func(callstate.Notice)
}

func (w *wire) Watch(f func(callstate.Notice)) func() {
	w.watch = f
	return func() { w.watch = nil }
}

// server is an application server that keeps what it was sent.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string
	heads  []http.Header
	places []string // method, target and address of the client
	status func(body string) int
}

func serve(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got, s.heads = append(s.got, string(body)), append(s.heads, r.Header)
		s.places = append(s.places, r.Method+" "+r.RequestURI+" "+r.Host+" "+r.RemoteAddr)
		status := 200
		if s.status != nil {
			status = s.status(string(body))
		}
		s.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// start has reports run with the ids of the vendor's page: call 105 or 117, and the first channel.
func start(t *testing.T, names channels.Start, change func(*Config)) (*wire, *Reports) {
	t.Helper()
	w := &wire{}
	c := Config{SN: "369451090405", Names: channels.New(w, names), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	change(&c)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	r := New(c)
	return w, r
}

func summary(id callstate.CallID, second int64, legs ...callstate.LegSummary) *callstate.Summary {
	return &callstate.Summary{ID: id, Legs: legs, Started: callstate.Time{Wall: time.Unix(second, 0)}}
}

func leg(n uint32, number string) callstate.LegSummary {
	return callstate.LegSummary{ID: callstate.LegID{Call: 1, N: n}, Party: callstate.Party{Number: number}, State: callstate.LegUp}
}

// trunkLeg is one by a trunk; local is the number at our end.
func trunkLeg(n uint32, number, local string, inbound bool) callstate.LegSummary {
	l := leg(n, number)
	l.Trunk, l.Local, l.Inbound = "siptrunk", local, inbound
	return l
}

// The examples of the vendor's page, as they are printed there.
const (
	seedInternal = `{ "event": "Tranfer", "callid": "1571981311.105", "members": [ { "ext": { "number": "2000", "channelid": "PJSIP/2000-00000025" } }, { "ext": { "number": "1020", "channelid": "PJSIP/1020-00000026" } } ], "sn": "369451090405" }`
	seedInbound  = `{ "event": "Tranfer", "callid": "1571981647.117", "members": [ { "inbound": { "from": "12345678", "to": "1020", "trunkname": "siptrunk", "channelid": "PJSIP/trunk-siptrunk-endpoint-0000002b" } }, { "ext": { "number": "1020", "channelid": "PJSIP/1020-0000002c" } } ], "sn": "369451090405" }`
)

// compact takes the blanks of a printed JSON out; the order of its keys stays.
func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSeed: both examples of the vendor's page, byte for byte but for the blanks, with the page's head.
func TestSeed(t *testing.T) {
	for _, row := range []struct {
		want   string
		names  channels.Start
		second int64
		legs   []callstate.LegSummary
	}{
		{seedInternal, channels.Start{Call: 105, Channel: 0x25}, 1571981311, []callstate.LegSummary{leg(1, "2000"), leg(2, "1020")}},
		{seedInbound, channels.Start{Call: 117, Channel: 0x2b}, 1571981647, []callstate.LegSummary{trunkLeg(1, "12345678", "1020", true), leg(2, "1020")}},
	} {
		s := serve(t)
		w, r := start(t, row.names, func(c *Config) { c.URLs = []string{s.URL, s.URL + "/report?x=1"} })
		w.watch(callstate.Notice{Kind: callstate.NoticeAnswered, Summary: summary(1, row.second, row.legs...)})
		w.watch(callstate.Notice{Kind: callstate.NoticeTransferring, Summary: summary(1, row.second, row.legs...), Parties: row.legs})
		w.watch(callstate.Notice{Kind: callstate.NoticeTransferred, Summary: summary(1, row.second, row.legs[0], leg(3, "1030"))})
		w.watch(callstate.Notice{Kind: callstate.NoticeEnded, Summary: summary(1, row.second)})
		r.Close()
		want := compact(t, row.want)
		if got := s.bodies(); !slices.Equal(got, []string{want, want}) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
		}
		for _, h := range s.heads {
			if h.Get("Accept") != "application/json" || h.Get("User-Agent") != "WebAPI" || h.Get("Content-Type") != "application/json" {
				t.Errorf("head %v", h)
			}
		}
		slices.Sort(s.places)
		host := s.Listener.Addr().String()
		if !strings.HasPrefix(s.places[0], "POST / "+host) || !strings.HasPrefix(s.places[1], "POST /report?x=1 "+host) {
			t.Errorf("places %q", s.places)
		}
	}
}

// TestOutbound: the extension transfers an outside party that it called.
func TestOutbound(t *testing.T) {
	s := serve(t)
	w, r := start(t, channels.Start{Call: 105, Channel: 0x25}, func(c *Config) { c.URLs = []string{s.URL} })
	legs := []callstate.LegSummary{trunkLeg(2, "12345678", "1020", false), leg(1, "1020")}
	w.watch(callstate.Notice{Kind: callstate.NoticeTransferring, Summary: summary(1, 1571981311, legs[1], legs[0]), Parties: legs})
	r.Close()
	want := `{"event":"Tranfer","callid":"1571981311.105","members":[{"outbound":{"from":"1020","to":"12345678",` +
		`"trunkname":"siptrunk","channelid":"PJSIP/trunk-siptrunk-endpoint-00000026"}},` +
		`{"ext":{"number":"1020","channelid":"PJSIP/1020-00000025"}}],"sn":"369451090405"}`
	if got := s.bodies(); !slices.Equal(got, []string{want}) {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}

// TestForward: by a setting, the calling party alone (spec yeastar-s 4.3 and 6.5); by an application, nothing.
func TestForward(t *testing.T) {
	caller := trunkLeg(1, "12345678", "1020", true)
	forward := `{"event":"Forward","callid":"1571901993.46","members":[{"inbound":{"from":"12345678","to":"1020",` +
		`"trunkname":"siptrunk","channelid":"PJSIP/trunk-siptrunk-endpoint-0000001c"}}],"sn":"369451090405"}`
	for _, row := range []struct {
		only    bool
		parties []callstate.LegSummary
		want    []string
	}{
		{false, []callstate.LegSummary{caller}, []string{forward, strings.Replace(forward, "Forward", "Tranfer", 1)}},
		{true, []callstate.LegSummary{caller}, []string{forward}},
		{false, nil, nil},
	} {
		s := serve(t)
		w, r := start(t, channels.Start{Call: 46, Channel: 0x1c}, func(c *Config) {
			c.URLs, c.ForwardOnly = []string{s.URL}, row.only
		})
		w.watch(callstate.Notice{Kind: callstate.NoticeForwarded, Summary: summary(1, 1571901993, caller), Parties: row.parties})
		r.Close()
		if got := s.bodies(); !slices.Equal(got, row.want) {
			t.Errorf("only %v: got\n%s", row.only, strings.Join(got, "\n"))
		}
	}
}

// TestAttended: what an application does is never reported, what phones do once, in the call that survives.
func TestAttended(t *testing.T) {
	s := serve(t)
	w, r := start(t, channels.Start{Call: 105, Channel: 0x25}, func(c *Config) { c.URLs = []string{s.URL} })
	a, b := leg(1, "2000"), leg(2, "1020")
	b2, c := leg(1, "1020"), leg(2, "1030")
	b2.ID.Call, c.ID.Call = 2, 2
	w.watch(callstate.Notice{Kind: callstate.NoticeAnswered, Summary: summary(1, 1571981311, a, b)})
	w.watch(callstate.Notice{Kind: callstate.NoticeAnswered, Summary: summary(2, 1571981312, b2, c)})
	for _, kind := range []callstate.NoticeKind{callstate.NoticeConsulting, callstate.NoticeJoined, callstate.NoticeAborted, callstate.NoticeTransferring} {
		w.watch(callstate.Notice{Kind: kind, Summary: summary(1, 1571981311, a, b)})
	}
	w.watch(callstate.Notice{Kind: callstate.NoticeEnded, Summary: summary(2, 1571981312)})
	w.watch(callstate.Notice{Kind: callstate.NoticeTransferred, Summary: summary(1, 1571981311, a, c), Parties: []callstate.LegSummary{a, b}})
	r.Close()
	if got := s.bodies(); !slices.Equal(got, []string{compact(t, seedInternal)}) {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}

// TestEveryReportHasItsConnection (spec yeastar-s 5.1), and a user in the URL is Basic authentication that stands in no
// log, whatever happens.
func TestEveryReportHasItsConnection(t *testing.T) {
	s := serve(t)
	var log bytes.Buffer
	refused := 0
	s.status = func(string) int { // the first is refused once
		if refused++; refused == 1 {
			return 500
		}
		return 204
	}
	w, r := start(t, channels.Start{Call: 1, Channel: 1}, func(c *Config) {
		c.URLs = []string{strings.Replace(s.URL, "http://", "http://boss:s3cret@", 1) + "/token/hidden"}
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for i := range callstate.CallID(3) {
		l := leg(1, fmt.Sprint(2000+i))
		w.watch(callstate.Notice{Kind: callstate.NoticeTransferring, Summary: summary(i+1, 1, l), Parties: []callstate.LegSummary{l}})
	}
	time.Sleep(1200 * time.Millisecond) // the gap
	r.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.places)
	if got := len(slices.Compact(s.places)); got != 4 || len(s.got) != 4 {
		t.Errorf("%d connections for %d reports", got, len(s.got))
	}
	for _, h := range s.heads {
		if h.Get("Authorization") != "Basic Ym9zczpzM2NyZXQ=" {
			t.Errorf("got %q", h.Get("Authorization"))
		}
	}
	if text := log.String(); strings.Contains(text, "s3cret") || strings.Contains(text, "boss") || strings.Contains(text, "hidden") || !strings.Contains(text, "answered with 500") {
		t.Errorf("log: %s", text)
	}
}

// TestBadServers: one that hangs, one that refuses and one that is gone keep neither a call nor another server
// waiting, nor the stop for longer than a moment; those of a call arrive in order (edge case A10).
func TestBadServers(t *testing.T) {
	good, refuses := serve(t), serve(t)
	refuses.status = func(string) int { return 500 }
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hangs.Close()
	defer close(release)
	gone := httptest.NewServer(nil)
	gone.Close()
	w, r := start(t, channels.Start{Call: 1, Channel: 1}, func(c *Config) {
		c.URLs = []string{hangs.URL, refuses.URL, gone.URL, good.URL}
	})
	const calls, each = 50, 3
	began := time.Now()
	for i := range each {
		for id := range callstate.CallID(calls) {
			l := leg(uint32(i+1), fmt.Sprint(2000+i))
			l.ID.Call = id + 1
			w.watch(callstate.Notice{Kind: callstate.NoticeTransferring, Summary: summary(id+1, 1, l), Parties: []callstate.LegSummary{l}})
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the calls waited %v", took)
	}
	for range 1000 {
		if len(good.bodies()) == calls*each {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	began = time.Now()
	r.Close()
	if took := time.Since(began); took > delivery.LastWords+2*time.Second {
		t.Errorf("the stop took %v", took)
	}
	got := good.bodies()
	if len(got) != calls*each {
		t.Fatalf("%d of %d reports arrived", len(got), calls*each)
	}
	of := map[string][]string{}
	for _, body := range got {
		var report struct {
			CallID  string
			Members []struct{ Ext struct{ Number string } }
		}
		if err := json.Unmarshal([]byte(body), &report); err != nil {
			t.Fatal(err)
		}
		of[report.CallID] = append(of[report.CallID], report.Members[0].Ext.Number)
	}
	for id, numbers := range of {
		if !slices.Equal(numbers, []string{"2000", "2001", "2002"}) {
			t.Errorf("call %s: %q", id, numbers)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"Names is missing":              func(c *Config) { c.Names = nil },
		"negative":                      func(c *Config) { c.Timeout = -1 },
		"6 URLs, at most 5":             func(c *Config) { c.URLs = slices.Repeat([]string{"http://a"}, 6) },
		"urls[1] is neither http://":    func(c *Config) { c.URLs = []string{"http://a", "ftp://s3cret"} },
		"urls[0] cannot be read":        func(c *Config) { c.URLs = []string{"http://s3cret\x00"} },
		"urls[0] names no host":         func(c *Config) { c.URLs = []string{"http:///s3cret"} },
		"urls[0] has a fragment, which": func(c *Config) { c.URLs = []string{"http://a/#s3cret"} },
	} {
		c := Config{Names: channels.New(&wire{}, channels.Random())}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// TestNames: the log calls a server what the config calls it.
func TestNames(t *testing.T) {
	one, two := []string{"http://a"}, []string{"http://a", "http://b"}
	for want, c := range map[string]Config{
		"reports": {URLs: one}, "reports[1]": {Label: "reports[1]", URLs: one}, "reports.urls[1]": {URLs: two},
	} {
		if got := c.name(len(c.URLs) - 1); got != want {
			t.Errorf("%s, expected %s", got, want)
		}
	}
}
