package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// openHeld starts a switch with the lines of held calls.
func openHeld(t *testing.T, o options) (sw *target, dir string) {
	needSipp(t)
	lines, err := holdLines()
	must(t, err)
	sw, dir, done, err := o.open(t.Context(), lines, eventsConfig)
	must(t, err)
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return sw, dir
}

// Each of the held calls is asked for, and all are over in the end.
func TestQuery(t *testing.T) {
	t.Parallel()
	o := options{calls: 30, seconds: 1, users: users{3000, 3, "a-secret"}, binary: builtSwitch(t)}
	sw, dir := openHeld(t, o)
	l := &apiLoad{connections: 2, load: load{what: "call/query", system: sw.name, n: o.calls}}
	l.query(t.Context(), o, sw, dir)
	must(t, l.clean())
	if len(l.took) < 100 || l.bytes < 100 || l.callee.successful != o.calls || l.goroutines <= 0 {
		t.Errorf("%d answers, the last of %d bytes; %+v", len(l.took), l.bytes, l.load)
	}
}

// All that are held are in each list, while others come and go.
func TestList(t *testing.T) {
	t.Parallel()
	o := options{calls: 100, seconds: 4, users: users{3000, 3, "a-secret"}, binary: builtSwitch(t)}
	sw, dir := openHeld(t, o)
	l := &listLoad{apiLoad: apiLoad{connections: 1, load: load{what: "ListActiveCalls", system: sw.name, n: o.calls}}}
	l.list(t.Context(), o, sw, dir)
	must(t, l.clean())
	if len(l.took) < 5 || l.bytes < 10_000 || l.callee.successful != o.calls+2*2*listRate || l.with <= 0 || l.without <= 0 {
		t.Errorf("%d answers, the last of %d bytes; set-up %v and %v; %+v", len(l.took), l.bytes, l.with, l.without, l.load)
	}
}

// All events of our own calls come, in order, while others have theirs.
func TestEvents(t *testing.T) {
	t.Parallel()
	needSipp(t)
	o := options{rate: 50, seconds: 6, pairs: 1, hold: 100 * time.Millisecond, users: users{3000, 6, "a-secret"}, binary: builtSwitch(t)}
	lines, err := o.trunkLines()
	must(t, err)
	sw, dir, done, err := o.open(t.Context(), lines, eventsConfig)
	must(t, err)
	l := events(t.Context(), o, sw, dir, 3)
	l.fault(done())
	must(t, l.clean())
	if l.probes.calls < 3 || len(l.probes.took) != 3*l.probes.calls || l.slow != stillOn {
		t.Errorf("%d calls, %d events, slow subscriber %s", l.probes.calls, len(l.probes.took), l.slow)
	}
}

// Events that are missing, come twice or in another order are told.
func TestProbes(t *testing.T) {
	event := func(kind int, msg string) []byte { return fmt.Appendf(nil, `{"type":%d,"sn":"","msg":%q}`, kind, msg) }
	call := func(id, a, b string) []byte {
		const member = `{"extension":{"number":"%s","channel_id":"x","member_status":"%s","call_path":""}}`
		return event(30011, fmt.Sprintf(`{"call_id":"%s","members":[`+member+`,`+member+`]}`, id, "3000", a, "3001", b))
	}
	ring, talk, bye := call("1.1", "ALERT", "RING"), call("1.1", "ANSWERED", "ANSWER"), call("1.1", "BYE", "ANSWER")
	record := event(30012, `{"call_id":"1.1","call_from":"3000","type":"Internal"}`)
	for _, row := range []struct {
		what   string
		events [][]byte
		fine   bool
	}{
		{"all", [][]byte{ring, talk, bye, bye, record}, true},
		{"one is missing", [][]byte{ring, bye, record}, false},
		{"out of order", [][]byte{ring, bye, talk, record}, false},
		{"after the last", [][]byte{ring, talk, bye, record, bye}, false},
		{"of another call", [][]byte{ring, talk, call("2.2", "BYE", "ANSWER"), bye, record}, false},
		{"of another's phone", [][]byte{ring, talk, bye, record, event(30012, `{"call_id":"9.9","call_from":"4000","type":"Internal"}`)}, false},
	} {
		s := newProbes()
		p := &probe{last: -1, done: make(chan struct{})}
		s.open["3000"], s.open["3001"] = p, p
		for _, e := range row.events {
			s.hear(e, time.Now())
		}
		s.fault(s.settle(p, "3000", "3001"))
		if fine := len(s.faults) == 0; fine != row.fine {
			t.Errorf("%s: %v", row.what, s.faults)
		}
	}
}

// A connection asks again and again, and tells when an answer is not what it should be.
func TestKeepAlive(t *testing.T) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("answer") {
		case "none":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "endless":
			w.(http.Flusher).Flush() // chunked
		}
		io.WriteString(w, strings.Repeat("ok", 10_000)[:2+len(r.URL.Path)])
	}))
	s.Config.ConnState = func(_ net.Conn, c http.ConnState) {
		if c == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	request := func(answer string) []byte {
		r, err := getRequest(s.URL+"/a/path", url.Values{"answer": {answer}})
		must(t, err)
		return r
	}
	k, err := dialHTTP(t.Context(), s.URL)
	must(t, err)
	defer k.close()
	for range 3 {
		took, err := k.ask(request("fine"), []byte("ok"))
		if err != nil || took <= 0 || string(k.body) != "okokokokok"[:9] {
			t.Fatalf("%q after %v: %v", k.body, took, err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if _, err := k.ask(request("fine"), []byte("else")); err == nil {
		t.Error("another text is as good")
	}
	for _, answer := range []string{"none", "endless"} {
		k, err := dialHTTP(t.Context(), s.URL)
		must(t, err)
		defer k.close()
		if _, err := k.ask(request(answer), nil); err == nil {
			t.Errorf("%s: no fault", answer)
		}
	}
}
