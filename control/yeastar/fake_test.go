package yeastar

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringdown/callstate"
	"ringdown/control/channels"
)

// desk is a scripted callstate.Calls: a test says what each call shows and how the next request is answered, and sees
// what was asked.
type desk struct {
	mu       sync.Mutex
	calls    map[callstate.CallID]*callstate.Summary
	watchers map[int]func(callstate.Notice)
	last     int
	asked    []callstate.Request
	replies  map[callstate.Request]error // by request; the others succeed
	do       func(context.Context) error // when set, decides instead
}

func newDesk() *desk {
	return &desk{
		calls: map[callstate.CallID]*callstate.Summary{}, watchers: map[int]func(callstate.Notice){},
		replies: map[callstate.Request]error{},
	}
}

var epoch = time.Unix(1650029138, 0)

// moment is d after the switch started.
func moment(d time.Duration) callstate.Time {
	return callstate.Time{Wall: epoch.Add(d), Mono: time.Hour + d}
}

func (d *desk) Do(ctx context.Context, id callstate.CallID, req callstate.Request) error {
	if d.do != nil {
		return d.do(ctx)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls[id] == nil {
		return &callstate.Error{Kind: callstate.NoSuchCall}
	}
	d.asked = append(d.asked, req)
	return d.replies[req]
}

func (d *desk) List() []*callstate.Summary {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.calls))
}

func (d *desk) Get(id callstate.CallID) *callstate.Summary {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls[id]
}

func (d *desk) Now() callstate.Time { return moment(time.Hour) }

func (d *desk) NewCallID() callstate.CallID { return 1 << 40 }

func (d *desk) Place(callstate.CallPlaced) error { return &callstate.Error{Kind: callstate.Overloaded} }

func (d *desk) Watch(f func(callstate.Notice)) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	n := d.last
	d.watchers[n] = f
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, n)
	}
}

// tell shows a call as s and gives out the notice.
func (d *desk) tell(kind callstate.NoticeKind, s callstate.Summary, change ...func(*callstate.Notice)) {
	d.mu.Lock()
	d.calls[s.ID] = &s
	if kind == callstate.NoticeEnded {
		delete(d.calls, s.ID)
	}
	watchers := slices.Collect(maps.Values(d.watchers))
	d.mu.Unlock()
	n := callstate.Notice{Kind: kind, Summary: &s}
	for _, c := range change {
		c(&n)
	}
	for _, f := range watchers {
		f(n)
	}
}

// requests are those that were carried out or refused by the call.
func (d *desk) requests() []callstate.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

// leg makes a leg of call 338 or of the call that n's thousands name: leg 1005 is leg 5 of call 1.
func leg(n uint32, number, state string, traits ...string) callstate.LegSummary {
	l := callstate.LegSummary{ID: callstate.LegID{Call: 338, N: n}, Party: callstate.Party{Number: number}, State: state}
	for _, trait := range traits {
		switch trait {
		case "in":
			l.Inbound = true
		case "calling":
			l.Calling = true
		case "waits":
			l.Waits = true
		case "held":
			l.Held = true
		}
	}
	return l
}

// call is a summary of call 338, which started at epoch, with 2000 as the caller.
func call(legs ...callstate.LegSummary) callstate.Summary {
	return callstate.Summary{
		ID: 338, State: callstate.ShownInCall, Caller: callstate.Party{Number: "2000"},
		Callee: callstate.Party{Number: "2005"}, CallerDialled: "2005", CalleeDialled: "2005",
		Started: moment(0), RingFrom: moment(time.Second), Answered: moment(3 * time.Second), Legs: legs,
	}
}

const up = callstate.LegUp

// talking has 2000 and 2005 talk in call 338, by PJSIP/2000-000000ae and PJSIP/2005-000000af.
func (d *desk) talking() {
	d.tell(callstate.NoticeAnswered, call(leg(1, "2000", up, "in", "calling"), leg(2, "2005", up)))
}

const (
	alice = "PJSIP/2000-000000ae"
	bob   = "PJSIP/2005-000000af"
)

// newAPI is an API over d whose first channel is number 0xae, and its first call number 338.
func newAPI(t testing.TB, d *desk, change ...func(*Config)) *API {
	t.Helper()
	c := Config{
		Applications: []Application{{"other", "other-secret"}, {"app", "app-secret"}}, Calls: d, SN: "3631A2124XXX",
		Extension: func(n string) bool { return strings.HasPrefix(n, "2") && len(n) == 4 },
		Log:       slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, f := range change {
		f(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	var own *channels.Names
	if c.Names == nil {
		own = channels.New(d, channels.Start{Call: 338, Channel: 0xae})
		c.Names = own
	}
	a := New(c)
	a.own = own
	t.Cleanup(a.Close)
	return a
}

// client is an application with a token.
type client struct {
	testing.TB
	api   *API
	token string
}

// reply is what is read of an answer.
type reply struct {
	Code    int             `json:"errcode"`
	Message string          `json:"errmsg"`
	CallID  string          `json:"call_id"`
	Data    json.RawMessage `json:"data"`
	Access  string          `json:"access_token"`
	Refresh string          `json:"refresh_token"`
	body    string
}

func newClient(t testing.TB, a *API) *client {
	t.Helper()
	c := &client{TB: t, api: a}
	got := c.send("POST", "get_token", "", `{"username":"app","password":"app-secret"}`)
	if got.Code != 0 {
		t.Fatal(got.body)
	}
	c.token = got.Access
	return c
}

// post sends a body with the token, and get a query.
func (c *client) post(path, body string) reply {
	c.Helper()
	return c.send("POST", path, "access_token="+c.token, body)
}

func (c *client) get(path, query string) reply {
	c.Helper()
	return c.send("GET", path, "access_token="+c.token+"&"+query, "")
}

func (c *client) send(method, path, query, body string, change ...func(*http.Request)) reply {
	c.Helper()
	r := &http.Request{
		Method: method, URL: &url.URL{Path: "/openapi/v1.0/" + path, RawQuery: query}, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), RemoteAddr: "192.0.2.9:1234",
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	c.api.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		c.Fatalf("%s %s: HTTP %d, %s: %s", method, path, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	got := reply{body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		c.Fatalf("%v: %s", err, w.Body)
	}
	return got
}

// expect fails unless the answer has that code and its documented message.
func (c *client) expect(what string, got reply, code errcode) {
	c.Helper()
	if got.Code != int(code) || got.Message != messages[code] || got.Message == "" {
		c.Errorf("%s: got %s, want %d", what, got.body, code)
	}
}
