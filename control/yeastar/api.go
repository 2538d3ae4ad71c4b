package yeastar

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"ringdown/callstate"
	"ringdown/control/access"
	"ringdown/control/channels"
)

const (
	root    = "/openapi/"
	version = "v1.0"
)

// API is the HTTP handler. Safe for concurrent use.
type API struct {
	Config
	accounts access.Accounts
	tokens   *tokens
	blocked  *blocklist
	hub      *hub
	board    *board
	own      *channels.Names // nil when Config gave some
	hooks    []*hook
	stop     func()
	gate     access.Gate
	sockets  atomic.Int64
	trunks   trunkTeller
	running  context.Context // of the WebSockets
	cutOff   context.CancelCauseFunc
}

// New makes the handler and begins to watch calls; c must be valid. Close ends all that it started.
func New(c Config) *API {
	c = c.withDefaults()
	list := make([]access.Account, len(c.Applications))
	for i, app := range c.Applications {
		list[i] = access.Account{Name: app.ClientID, Secret: app.ClientSecret}
	}
	a := &API{
		Config: c, accounts: access.NewAccounts(list), tokens: newTokens(c.Tokens), blocked: newBlocklist(c.Block),
		hub: &hub{sn: c.SN}, trunks: trunkTeller{told: map[string]trunkEvent{}},
	}
	a.running, a.cutOff = context.WithCancelCause(context.Background())
	if a.Names == nil {
		a.Names = channels.New(c.Calls, channels.Random())
		a.own = a.Names
	}
	a.board = newBoard(a.hub, a.Names, c)
	for i, w := range c.Webhooks {
		a.hooks = append(a.hooks, startHook(i, w, a.hub, c))
	}
	a.stop = a.Names.Watch(a.board.watch)
	return a
}

// Close refuses new requests with HTTP 503, closes the WebSockets, waits for the requests that run, at most for one
// time-out, ends the watch, and gives the webhooks a moment to send what is queued.
func (a *API) Close() {
	if first := a.gate.Shut(); !first {
		a.gate.Wait()
		return
	}
	a.cutOff(errStopping)
	a.gate.Wait()
	a.stop()
	if a.own != nil {
		a.own.Close()
	}
	stopHooks(a.hub, a.hooks)
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "ringdown")
	if !a.gate.Enter() {
		http.Error(w, "The server is stopping. Try again later.", http.StatusServiceUnavailable)
		return
	}
	defer a.gate.Leave()
	start := time.Now()
	t := &turn{w: w, r: r, remote: address(r.RemoteAddr), query: r.URL.Query()}
	status, got := a.answer(t)
	if got == nil {
		return // it was a WebSocket
	}
	write(w, status, got)
	a.record(t, got, time.Since(start))
}

// turn is one request.
type turn struct {
	w        http.ResponseWriter
	r        *http.Request
	remote   netip.Addr
	endpoint string // for the log; empty when there is none of that name
	app      string // the application of the token
	grant    *issued
	query    url.Values
	params   *params
	channel  string // an id of ours
	call     callstate.CallID
	callID   string // call_id of it
}

// answer makes the answer and its HTTP status, which is 200 save for a WebSocket that is refused.
func (a *API) answer(t *turn) (int, *answer) {
	if t.r.URL.Path == root+version+"/subscribe" && !a.blocked.has(t.remote, time.Now()) {
		t.endpoint = "subscribe"
		return a.subscribe(t)
	}
	return http.StatusOK, a.call(t)
}

// call answers a request of the table. The order of the checks is that of the package comment.
func (a *API) call(t *turn) *answer {
	if a.blocked.has(t.remote, time.Now()) {
		return answerOf(codeAddressBlocked, "")
	}
	rest, ours := strings.CutPrefix(t.r.URL.Path, root)
	asked, name, _ := strings.Cut(rest, "/")
	if ours && asked != version && name != "" {
		return answerOf(codeVersion, "")
	}
	e, known := endpoints[name]
	if !ours || !known {
		return answerOf(codeNoInterface, "")
	}
	t.endpoint = name
	switch {
	case t.r.Method != e.method:
		return answerOf(codeNoInterface, "method "+e.method+" is needed")
	case a.RequireUserAgent && t.r.UserAgent() == "":
		return answerOf(codeParameter, "no User-Agent")
	case !e.open && !a.identify(t):
		return answerOf(codeToken, "")
	}
	p, err := readParams(t.w, t.r, t.query)
	if err != nil {
		return answerOf(codeSyntax, err.Error())
	}
	if p.wrongKind(e.params) {
		return answerOf(codeSyntax, "a parameter is neither text nor a whole number")
	}
	t.params = p
	return e.serve(a, t)
}

// identify finds the application of a request by its token, which stands in the query alone (spec yeastar-p 1).
func (a *API) identify(t *turn) bool {
	t.grant = a.tokens.find(t.query.Get("access_token"), time.Now())
	if t.grant == nil {
		return false
	}
	t.app = t.grant.app
	return true
}

// do gives a request to the call of a turn.
func (a *API) do(t *turn, req callstate.Request) error {
	// Edge case A5: a client that goes away does not take its command along.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.r.Context()), a.Timeout)
	defer cancel()
	return a.Calls.Do(ctx, t.call, req)
}

// write sends an answer. Nothing is left to do about a client that has gone.
func write(w http.ResponseWriter, status int, got *answer) {
	body := got.append(nil)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store") // answers carry tokens
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// record writes the one line of a request. Nothing in it is what a client sent, save for ids that proved to be ours.
func (a *API) record(t *turn, got *answer, took time.Duration) {
	if !a.Log.Enabled(t.r.Context(), slog.LevelInfo) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("endpoint", t.endpoint), slog.Int("errcode", int(got.Code)), slog.Duration("duration", took),
		slog.String("application", t.app), slog.String("remote", t.r.RemoteAddr))
	if t.channel != "" {
		attrs = append(attrs, slog.String("channel_id", t.channel), slog.Uint64("call", uint64(t.call)))
	}
	if got.reason != "" {
		attrs = append(attrs, slog.String("reason", got.reason))
	}
	a.Log.LogAttrs(context.WithoutCancel(t.r.Context()), slog.LevelInfo, "yeastar request", attrs...)
}

// address is that of a client, zero when it is not known.
func address(hostport string) netip.Addr {
	a, _ := netip.ParseAddrPort(hostport)
	return a.Addr().Unmap().WithZone("")
}
