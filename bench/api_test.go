package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
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
	o := options{calls: 30, seconds: 1, users: users{3000, 3, "a-secret"}, binary: builtSwitch(t)}
	sw, dir := openHeld(t, o)
	l := &apiLoad{connections: 2, load: load{what: "call/query", system: sw.name, n: o.calls}}
	l.query(t.Context(), o, sw, dir)
	must(t, l.clean())
	if len(l.took) < 100 || l.bytes < 100 || l.callee.successful != o.calls || l.goroutines <= 0 {
		t.Errorf("%d answers, the last of %d bytes; %+v", len(l.took), l.bytes, l.load)
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
