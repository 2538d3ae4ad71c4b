package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringdown/control/yeastar"
)

// yeastarApp is an application that steers a rig's switch by the Yeastar API: it has a token, and a WebSocket on which it
// takes every event.
type yeastarApp struct {
	*rig
	base   string
	client *http.Client
	token  string
	events *eventTape
}

// yeastarScene runs a test in virtual time, with an application; the switch is empty at its end.
func yeastarScene(t *testing.T, play func(y *yeastarApp), change ...func(*Config)) {
	t.Helper()
	scene(t, func(r *rig) { play(r.yeastarApp()) }, change...)
}

// yeastarApp serves the API on a network of pipes, which works in a bubble, or on the real socket of the config.
func (r *rig) yeastarApp() *yeastarApp {
	r.Helper()
	y := &yeastarApp{rig: r}
	if r.sw.Yeastar.IsValid() {
		y.base, y.client = r.sw.Yeastar.String(), &http.Client{Transport: &http.Transport{}}
	} else {
		c := yeastarConfig(r.cfg)
		c.Calls, c.Log = r.sw.exchange, slog.New(slog.NewTextHandler(r.Output(), nil))
		api, ln := yeastar.New(c), newPipes()
		server := &http.Server{Handler: api}
		var serving sync.WaitGroup
		serving.Go(func() { server.Serve(ln) })
		r.Cleanup(func() { server.Close(); api.Close(); serving.Wait() })
		y.base, y.client = "switch", &http.Client{Transport: &http.Transport{DialContext: ln.dial}}
	}
	r.Cleanup(y.client.CloseIdleConnections)
	y.token = y.login()
	y.events = y.watch()
	return y
}

// login gets a token.
func (y *yeastarApp) login() string {
	y.Helper()
	got := y.post("get_token", fmt.Sprintf(`{"username":%q,"password":%q}`, demoClientID, string(demoClientSecret)))
	y.same("get_token", got.Code, 0)
	return got.Access
}

// yeastarReply is what is read of an answer.
type yeastarReply struct {
	Code    int           `json:"errcode"`
	Message string        `json:"errmsg"`
	CallID  string        `json:"call_id"`
	Access  string        `json:"access_token"`
	Data    []yeastarCall `json:"data"`
	body    string
}

type yeastarCall struct {
	CallID  string          `json:"call_id"`
	Reason  string          `json:"reason"`
	Members []yeastarMember `json:"members"`
}

type yeastarMember struct {
	Extension struct {
		Number  string `json:"number"`
		Channel string `json:"channel_id"`
		Status  string `json:"member_status"`
	} `json:"extension"`
}

func (y *yeastarApp) post(path, body string) yeastarReply {
	y.Helper()
	return y.send(http.MethodPost, path, body)
}

func (y *yeastarApp) send(method, path, body string) yeastarReply {
	y.Helper()
	req, err := http.NewRequestWithContext(y.ctx, method, "http://"+y.base+"/openapi/v1.0/"+path+"?access_token="+y.token, strings.NewReader(body))
	y.ok(err)
	res, err := y.client.Do(req)
	y.ok(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	y.ok(err)
	got := yeastarReply{body: string(text)}
	y.ok(json.Unmarshal(text, &got))
	return got
}

// transfer sends call/transfer for the channel of a number; params are the JSON behind it.
func (y *yeastarApp) transfer(kind, number, params string) yeastarReply {
	y.Helper()
	return y.post("call/transfer", fmt.Sprintf(`{"type":%q,"channel_id":%q,%s}`, kind, y.channel(number), params))
}

// on sends a request about the channel of a number.
func (y *yeastarApp) on(path, number string) yeastarReply {
	y.Helper()
	return y.post(path, fmt.Sprintf(`{"channel_id":%q}`, y.channel(number)))
}

// does fails unless an answer is a success with the call's id.
func (y *yeastarApp) does(got yeastarReply) {
	y.Helper()
	y.that(got.Code == 0 && got.Message == "SUCCESS" && callIDForm.MatchString(got.CallID), "answer %s", got.body)
}

// refuses fails unless an answer has that errcode.
func (y *yeastarApp) refuses(code int, got yeastarReply) {
	y.Helper()
	y.that(got.Code == code && got.CallID == "", "answer %s, expected %d", got.body, code)
}

var (
	callIDForm  = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	channelForm = regexp.MustCompile(`^PJSIP/[0-9]+-[0-9a-f]{8}$`)
)

// channel is the channel id of a number that is in a call now; the last one that it had when it is in none.
func (y *yeastarApp) channel(number string) string {
	y.Helper()
	id := y.events.lastChannel(number)
	for _, c := range y.calls() {
		for _, m := range c.Members {
			if m.Extension.Number == number {
				id = m.Extension.Channel
			}
		}
	}
	y.that(channelForm.MatchString(id), "%s has the channel id %q", number, id)
	return id
}

// calls is call/query.
func (y *yeastarApp) calls() []yeastarCall {
	y.Helper()
	got := y.send(http.MethodGet, "call/query", "")
	y.same("call/query", got.Code, 0)
	return got.Data
}

// members writes the members of the only call as "2000 ANSWERED, 2001 ANSWER".
func (y *yeastarApp) members() string {
	y.Helper()
	calls := y.calls()
	if len(calls) == 0 {
		return "none"
	}
	y.same("calls", len(calls), 1)
	return membersOf(calls[0])
}

func membersOf(c yeastarCall) string {
	list := make([]string, len(c.Members))
	for i, m := range c.Members {
		list[i] = m.Extension.Number + " " + m.Extension.Status
	}
	return strings.Join(list, ", ")
}

// eventTape is what came over a WebSocket.
type eventTape struct {
	mu    sync.Mutex
	texts []string // since told was asked last
	all   []string
}

// watch opens a WebSocket, subscribes to everything and takes what comes.
func (y *yeastarApp) watch() *eventTape {
	y.Helper()
	conn, _, err := websocket.Dial(y.ctx, "ws://"+y.base+"/openapi/v1.0/subscribe?access_token="+y.token, &websocket.DialOptions{HTTPClient: y.client})
	y.ok(err)
	y.ok(conn.Write(y.ctx, websocket.MessageText, []byte(`{"topic_list":[30007,30008,30011,30012,30013,30014,30015]}`)))
	_, text, err := conn.Read(y.ctx)
	y.ok(err)
	y.same("answer to topic_list", string(text), `{"errcode":0,"errmsg":"SUCCESS"}`)
	tape := &eventTape{}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			_, text, err := conn.Read(context.WithoutCancel(y.ctx))
			if err != nil {
				return
			}
			tape.mu.Lock()
			if !bytes.Equal(text, []byte("heartbeat response")) {
				tape.texts, tape.all = append(tape.texts, string(text)), append(tape.all, string(text))
			}
			tape.mu.Unlock()
		}
	})
	alive, stop := context.WithCancel(context.WithoutCancel(y.ctx))
	reading.Go(func() {
		for beat := time.NewTicker(25 * time.Second); ; {
			select {
			case <-beat.C:
				conn.Write(alive, websocket.MessageText, []byte("heartbeat"))
			case <-alive.Done():
				beat.Stop()
				return
			}
		}
	})
	y.Cleanup(func() { stop(); conn.CloseNow(); reading.Wait() })
	return tape
}

// taken are the events so far, as they came.
func (e *eventTape) taken() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.texts...)
}

// yeastarEvent is an event with its msg.
type yeastarEvent struct {
	Type int    `json:"-"` // msg may have a type of its own
	SN   string `json:"-"`
	yeastarCall
	Extension, Status string
	From              string `json:"call_from"`
	To                string `json:"call_to"`
}

// readEvent reads an event; one that cannot be read has no type.
func readEvent(text string) (e yeastarEvent) {
	var outer struct {
		Type    int
		SN, Msg string
	}
	if json.Unmarshal([]byte(text), &outer) != nil || json.Unmarshal([]byte(outer.Msg), &e) != nil {
		return yeastarEvent{}
	}
	e.Type, e.SN = outer.Type, outer.SN
	return e
}

// said writes an event in short: "30011 2000 ALERT, 2001 RING", "30008 2001 Ringing", "30015 486 Busy here",
// "30012 2000-2001 ANSWERED".
func said(text string) string {
	e := readEvent(text)
	switch e.Type {
	case 0:
		return "not an event: " + text
	case 30008:
		return fmt.Sprintf("30008 %s %s", e.Extension, e.Status)
	case 30012:
		return fmt.Sprintf("30012 %s-%s %s", e.From, e.To, e.Status)
	case 30015:
		return "30015 " + e.Reason
	}
	return fmt.Sprintf("%d %s", e.Type, membersOf(e.yeastarCall))
}

// lastChannel is the last channel id that an event gave a number.
func (e *eventTape) lastChannel(number string) (id string) {
	form := regexp.MustCompile(`PJSIP/` + regexp.QuoteMeta(number) + `-[0-9a-f]{8}`)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, text := range e.all {
		if found := form.FindAllString(text, -1); found != nil {
			id = found[len(found)-1]
		}
	}
	return id
}

// told fails unless exactly these events came since the last time it was asked.
func (y *yeastarApp) told(want ...string) {
	y.Helper()
	var got []string
	y.arrived(func() bool { return len(y.events.taken()) >= len(want) })
	y.events.mu.Lock()
	texts := y.events.texts
	y.events.texts = nil
	y.events.mu.Unlock()
	for _, text := range texts {
		got = append(got, said(text))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		y.Fatalf("events:\n%s\nexpected:\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), y.ladder())
	}
}

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8088} }

// forget drops what has come so far, and what is on its way.
func (e *eventTape) forget() {
	time.Sleep(10 * time.Millisecond)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.texts = nil
}
