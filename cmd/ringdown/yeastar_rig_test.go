package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

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
