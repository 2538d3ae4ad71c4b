package ozeki

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ringdown/callstate"
)

// switchboard is a small real callstate.Calls: it keeps calls, changes them as a request says and gives out notices.
type switchboard struct {
	mu       sync.Mutex
	calls    map[callstate.CallID]*callstate.Summary
	watchers map[int]func(callstate.Notice)
	last     int
	now      callstate.Time
	asked    []asked
	known    []string // numbers that can be reached; nil: all
	question int      // that is open (RoutingInterception)

	do     func(context.Context) error // when set, decides instead
	refuse error                       // of every request

	clips   map[callstate.Clip]time.Duration // how long they are; others a second
	playing map[callstate.CallID]chan struct{}
	records map[callstate.CallID]chan struct{}
	placed  []callstate.CallPlaced
	full    bool // no call can be placed
}

type asked struct {
	call callstate.CallID
	req  callstate.Request
}

var epoch = time.Date(2019, 4, 9, 10, 0, 0, 0, time.Local)

// moment is d after the switch started.
func moment(d time.Duration) callstate.Time { return callstate.Time{Wall: epoch.Add(d), Mono: d} }

func newSwitchboard() *switchboard {
	return &switchboard{
		calls:    map[callstate.CallID]*callstate.Summary{},
		watchers: map[int]func(callstate.Notice){},
		clips:    map[callstate.Clip]time.Duration{},
		playing:  map[callstate.CallID]chan struct{}{},
		records:  map[callstate.CallID]chan struct{}{},
		now:      moment(time.Hour),
	}
}

// start adds a call and tells the watchers.
func (b *switchboard) start(s callstate.Summary) { b.add(s); b.tell(callstate.NoticeCreated, s) }

func (b *switchboard) add(s callstate.Summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[s.ID] = &s
}

func (b *switchboard) end(id callstate.CallID) { b.finish(id, callstate.Cause{Kind: callstate.Normal}) }

// finish ends a call, and what is played and recorded there.
func (b *switchboard) finish(id callstate.CallID, why callstate.Cause) {
	b.mu.Lock()
	s := *b.calls[id]
	delete(b.calls, id)
	for _, list := range []map[callstate.CallID]chan struct{}{b.playing, b.records} {
		if list[id] != nil {
			close(list[id])
			delete(list, id)
		}
	}
	s.Ended, s.Legs = b.now, nil
	b.mu.Unlock()
	b.notify(callstate.Notice{Kind: callstate.NoticeEnded, Summary: &s, Cause: why, By: callstate.Caller})
}

// change makes a call show something else.
func (b *switchboard) change(id callstate.CallID, kind callstate.NoticeKind, f func(s *callstate.Summary)) {
	b.mu.Lock()
	s := *b.calls[id]
	s.Legs = slices.Clone(s.Legs)
	f(&s)
	b.calls[id] = &s
	b.mu.Unlock()
	b.tell(kind, s)
}

func (b *switchboard) tell(kind callstate.NoticeKind, s callstate.Summary) {
	b.notify(callstate.Notice{Kind: kind, Summary: &s})
}

func (b *switchboard) notify(n callstate.Notice) {
	b.mu.Lock()
	watchers := slices.Collect(maps.Values(b.watchers))
	b.mu.Unlock()
	for _, f := range watchers {
		f(n)
	}
}

func (b *switchboard) Do(ctx context.Context, id callstate.CallID, req callstate.Request) error {
	if b.do != nil {
		return b.do(ctx)
	}
	notice, err := b.carryOut(id, req)
	if err != nil {
		return err
	}
	if notice.Kind != "" {
		b.notify(notice)
	}
	return b.follow(ctx, id, req)
}

func (b *switchboard) carryOut(id callstate.CallID, req callstate.Request) (n callstate.Notice, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.calls[id]
	if !ok {
		return n, &callstate.Error{Kind: callstate.NoSuchCall}
	}
	if b.refuse != nil {
		return n, b.refuse
	}
	s := *old
	if err := b.apply(&s, req); err != nil {
		return n, err
	}
	b.asked = append(b.asked, asked{id, req})
	b.calls[id] = &s
	if _, forwards := req.(callstate.ForwardCall); forwards {
		n = callstate.Notice{Kind: callstate.NoticeForwarded, Summary: &s}
	}
	return n, nil
}

// apply is what a call does with a request, as far as a list shows it.
func (b *switchboard) apply(s *callstate.Summary, req callstate.Request) error {
	if handled, err := b.applyApp(s, req); handled {
		return err
	}
	state, next := []callstate.Shown{callstate.ShownInCall}, s.State
	switch r := req.(type) {
	case callstate.ForwardCall:
		state = []callstate.Shown{callstate.ShownRinging}
		if b.known != nil && !slices.Contains(b.known, r.Destination) {
			return &callstate.Error{Kind: callstate.BadTarget, Param: "destination"}
		}
	case callstate.BlindTransfer:
		state = append(state, callstate.ShownHeld)
		if b.known != nil && !slices.Contains(b.known, r.Target) {
			return &callstate.Error{Kind: callstate.BadTarget, Param: "target", Text: "not registered"}
		}
	case callstate.Hold:
		state, next = append(state, callstate.ShownHeld), callstate.ShownHeld
	case callstate.RouteCall:
		return b.decide(r)
	case callstate.Unhold:
		state, next = []callstate.Shown{callstate.ShownHeld}, callstate.ShownInCall
	case callstate.End:
		state = []callstate.Shown{s.State}
	}
	if !slices.Contains(state, s.State) {
		return &callstate.Error{Kind: callstate.WrongState, Text: "it is " + string(s.State)}
	}
	if f, ok := req.(callstate.ForwardCall); ok {
		s.Callee, s.CalleeDialled = callstate.Party{Number: f.Destination}, f.Destination
	}
	s.State = next
	return nil
}

func (b *switchboard) List() []*callstate.Summary {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.calls), func(x, y *callstate.Summary) int {
		return int(x.Started.Mono - y.Started.Mono)
	})
}

func (b *switchboard) Get(id callstate.CallID) *callstate.Summary {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[id]
}

func (b *switchboard) Now() callstate.Time { return b.now }

func (b *switchboard) Watch(f func(callstate.Notice)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	n := b.last
	b.watchers[n] = f
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, n)
	}
}

// requests are the requests that were carried out.
func (b *switchboard) requests() []asked {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// The users of all tests.
const (
	userName   = "HTTP_User_1"
	userSecret = "qwe123"
	login      = "&Username=" + userName + "&Password=" + userSecret
)

// newAPI is an API over b that gives out the given ids first.
func newAPI(t testing.TB, b *switchboard, c Config, first ...string) *API {
	t.Helper()
	c.Calls = b
	if c.Users == nil {
		c.Users = []User{{"admin", "abc123"}, {userName, userSecret}}
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	a := New(c)
	t.Cleanup(a.Close)
	draw := a.ids.draw
	a.ids.draw = func() string {
		if len(first) == 0 {
			return draw()
		}
		id := first[0]
		first = first[1:]
		return id
	}
	return a
}

// get sends a query to /api, and post a form. Both return the body of the answer, which is XML with HTTP 200.
func get(t testing.TB, a *API, query string) string {
	t.Helper()
	return xmlBody(t, serve(a, http.MethodGet, query, "", ""))
}

func post(t testing.TB, a *API, query, body string) string {
	t.Helper()
	return xmlBody(t, serve(a, http.MethodPost, query, body, formType))
}

func serve(a *API, method, query, body, kind string) *http.Response {
	r := &http.Request{
		Method: method, URL: &url.URL{Path: "/api", RawQuery: query}, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), RemoteAddr: "192.0.2.9:1234",
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result()
}

func xmlBody(t testing.TB, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/xml" {
		t.Fatalf("got HTTP %d, %s: %s", resp.StatusCode, resp.Header.Get("Content-Type"), body)
	}
	if resp.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
		t.Fatalf("Content-Length %s, body of %d bytes", resp.Header.Get("Content-Length"), len(body))
	}
	return string(body)
}

// simple is the answer without a payload.
func simple(code int, message string) string {
	return `<?xml version="1.0"?> <Response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` +
		`xmlns:xsd="http://www.w3.org/2001/XMLSchema"> <Code>` + strconv.Itoa(code) + `</Code> <Message>` + message +
		`</Message> </Response>`
}

const done = "Command successfully executed"

// expect fails when got is not the simple answer of code and message.
func expect(t testing.TB, got string, code int, message string) {
	t.Helper()
	if want := simple(code, message); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
