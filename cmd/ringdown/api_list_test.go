package main

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// The ten fields of a call, and its durations to the millisecond: the ring time grows until the answer and stays, the
// talk time grows from the answer on, holds included (spec ozeki 8.3).
func TestListActiveCalls_FieldsAndDurations(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		r.same("calls", len(r.list()), 0)
		a, err := alice.Dial(r.ctx, "2001")
		r.ok(err)
		b, err := bob.WaitCall(r.ctx)
		r.ok(err)
		r.pass(1500 * time.Millisecond)
		r.same("setup", durations(r), "Setup 0.000 0.000")
		r.ok(b.Ring())
		r.pass(5*time.Millisecond + 749*time.Millisecond)
		r.same("ringing", durations(r), "Ringing 0.749 0.000")
		r.ok(b.Answer())
		r.pass(5*time.Millisecond + 3056*time.Millisecond)
		r.same("talking", durations(r), "InCall 0.754 3.056")
		id := r.only().CallID
		r.must("Hold", "CallId", id)
		r.pass(2 * time.Second)
		r.same("held", durations(r), "Hold 0.754 5.056")
		r.must("Unhold", "CallId", id)
		r.pass(time.Second)
		r.same("again", durations(r), "InCall 0.754 6.056")
		r.must("BlindTransfer", "CallId", id, "TransferorParty", "callee", "Target", "2002")
		c := r.rung(carol)
		r.ok(c.Answer())
		r.ends(b)
		full := fields(r, r.raw(http.MethodGet, "ListActiveCalls"))
		r.same("all fields", full[:6], []string{id, "2000", "Alice", "2002", "2001", "2002"})
		r.that(regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`).MatchString(full[6]), "StartTime %q", full[6])
		r.ok(a.Hangup())
		r.ends(c)
	}, func(c *Config) { c.Extensions[0].Name = "Alice"; c.Calls.Silence = 0 })
}

// After a forward the ring time starts anew with the command, the caller's number stays what it dialled.
func TestListActiveCalls_Forwarded(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, _ := r.ring(alice, "2001", bob)
		r.pass(3 * time.Second)
		r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "2002")
		c := r.rung(carol) // 5 ms later
		r.pass(1245 * time.Millisecond)
		r.same("ringing", durations(r), "Ringing 1.250 0.000")
		full := fields(r, r.raw(http.MethodGet, "ListActiveCalls"))
		r.same("fields", full[1:6], []string{"2000", "2000", "2002", "2001", "2002"})
		r.ok(a.Cancel())
		r.ended(c, 487)
	})
}

// Several calls are listed in the order of their start, each with its own id; one that has ended is not (A9).
func TestListActiveCalls_Order_A9(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		dave, erin, frank := r.phone("2003"), r.phone("2004"), r.phone("2005")
		var calls []*phone.Call
		for _, pair := range [][2]*phone.Phone{{carol, dave}, {alice, bob}, {erin, frank}} {
			number := map[*phone.Phone]string{dave: "2003", bob: "2001", frank: "2005"}[pair[1]]
			c, _ := r.connect(pair[0], number, pair[1])
			calls = append(calls, c)
			r.pass(time.Second)
		}
		list := r.list()
		r.same("calls", len(list), 3)
		r.same("order", list[0].Source+list[1].Source+list[2].Source, "200220002004")
		r.that(list[0].CallID != list[1].CallID && list[1].CallID != list[2].CallID, "ids are not apart")
		r.must("Hangup", "CallId", list[1].CallID)
		r.pass(100 * time.Millisecond)
		list = r.list()
		r.same("after one ended", list[0].Source+list[1].Source, "20022004")
		r.ok(calls[0].Hangup())
		r.ok(calls[2].Hangup())
		r.ends(calls...)
	})
}

// durations is CallState, RingDuration and TalkDuration of the only call.
func durations(r *rig) string {
	r.Helper()
	c := r.only()
	return c.CallState + " " + c.RingDuration + " " + c.TalkDuration
}

// raw sends a command and returns the answer's bytes.
func (r *rig) raw(method, command string, params ...string) []byte {
	r.Helper()
	q := url.Values{"command": {command}, "Username": {demoHTTPUser}, "Password": {string(demoHTTPPassword)}}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(r.ctx, method, "/api?"+q.Encode(), nil)
	if method == http.MethodPost {
		req = httptest.NewRequestWithContext(r.ctx, method, "/api", bytes.NewBufferString(q.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.api.ServeHTTP(w, req)
	r.same("HTTP status", w.Code, 200)
	return w.Body.Bytes()
}

// fields returns the ten fields of the only call in a list, in the documented order.
func fields(r *rig, body []byte) []string {
	r.Helper()
	var list struct {
		Calls []struct {
			Fields []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:"ActiveCalls>Call"`
	}
	r.ok(xml.Unmarshal(body, &list))
	r.same("calls", len(list.Calls), 1)
	var names, texts []string
	for _, f := range list.Calls[0].Fields {
		names, texts = append(names, f.XMLName.Local), append(texts, f.Text)
	}
	r.same("fields", names, []string{"CallId", "Source", "CallerId", "Destination", "CallerDialed", "CalleeDialed",
		"StartTime", "RingDuration", "TalkDuration", "CallState"})
	return texts
}
