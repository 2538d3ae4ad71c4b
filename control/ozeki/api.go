package ozeki

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"ringdown/callstate"
	"ringdown/control/access"
)

const (
	defaultTimeout = 5 * time.Second
	maxPooled      = 4 << 20 // larger answers are left to the garbage collector
	usage          = "/api?command=ListActiveCalls&Username=...&Password=...\n"
)

// API is the HTTP handler. Safe for concurrent use.
type API struct {
	calls    callstate.Calls
	log      *slog.Logger
	timeout  time.Duration
	accounts access.Accounts
	ids      *ids
	stop     func()
	buffers  sync.Pool // of *[]byte
	gate     access.Gate
}

// New makes the handler and begins to watch calls; c must be valid. Close ends the watch.
func New(c Config) *API {
	a := &API{calls: c.Calls, log: c.Log, timeout: c.Timeout, accounts: accounts(c.Users), ids: newIDs()}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.timeout == 0 {
		a.timeout = defaultTimeout
	}
	a.buffers.New = func() any { return new([]byte) }
	a.stop = c.Calls.Watch(a.ids.watch)
	return a
}

// Close refuses new requests with HTTP 503, waits for those that run, at most for one time-out, and ends the watch.
func (a *API) Close() {
	first := a.gate.Shut()
	a.gate.Wait()
	if first {
		a.stop()
	}
}

// ServeHTTP answers /api, and / for clients of the older product (spec ozeki 1).
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "ringdown")
	if r.URL.Path != "/api" && r.URL.Path != "/" {
		http.Error(w, "Not found. The API is at "+usage, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "Use GET "+usage+"or POST the same parameters as "+formType+".", http.StatusMethodNotAllowed)
		return
	}
	if !a.gate.Enter() {
		http.Error(w, "The server is stopping. Try again later.", http.StatusServiceUnavailable)
		return
	}
	defer a.gate.Leave()

	start := time.Now()
	var t turn
	a.answer(w, r, &t)
	a.write(w, &t)
	a.record(r, &t, time.Since(start))
}

// turn is one request and its answer.
type turn struct {
	*reply
	list bool // the answer is the list of calls

	command string // for the log, as are the rest
	user    string
	callID  string
	call    callstate.CallID
}

// answer fills t. The order of the checks is that of the package comment.
func (a *API) answer(w http.ResponseWriter, r *http.Request, t *turn) {
	p, err := readParams(w, r)
	if err != nil {
		t.reply = parseError(err)
		return
	}
	sent := p.values["command"]
	row := byName[strings.ToLower(sent)]
	if row != nil {
		t.command = row.name
	}
	if t.user, t.reply = a.authenticate(p); t.reply != nil {
		return
	}
	switch {
	case row != nil:
		a.run(r.Context(), row, sent, p, t)
	case sent == "":
		t.reply = invalidParameter("command", "")
	default:
		t.command = p.echo(sent)
		t.reply = notImplemented(t.command)
		if inScripts[strings.ToLower(sent)] {
			t.reply = inappropriate(sent)
		}
	}
}

// run carries out a command of the table.
func (a *API) run(ctx context.Context, row *command, sent string, p *params, t *turn) {
	v, fault := row.read(p)
	if fault != "" {
		t.callID = p.echo(p.values["callid"])
		t.reply = invalidParameter(fault, sent)
		return
	}
	if len(row.params) == 0 {
		t.reply, t.list = success(), true
		return
	}
	id := v[row.params[0].name]
	t.callID = p.echo(id)
	call, ok := a.ids.call(id)
	if !ok {
		t.reply = callNotFound(t.callID)
		return
	}
	t.call = call
	var req callstate.Request
	if row.build != nil {
		req = row.build(v)
	} else if built, fault := row.join(a, call, v); fault != nil {
		t.reply = fault.reply(sent, p)
		return
	} else {
		req = built
	}
	// Edge case A5: a client that goes away does not take its command along.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.timeout)
	defer cancel()
	err := a.calls.Do(ctx, call, req)
	if e, ok := errors.AsType[*callstate.Error](err); ok && row.join != nil && e.Kind == callstate.NoSuchLeg && e.Param == "target" {
		t.reply = callNotFound(p.echo(v[targetID.name])) // it has just ended
		t.reason = err.Error()
		return
	}
	t.reply = row.replyTo(err, sent, t.callID)
}

// write sends the answer. Nothing is left to do about a client that has gone.
func (a *API) write(w http.ResponseWriter, t *turn) {
	buffer := a.buffers.Get().(*[]byte)
	body := (*buffer)[:0]
	if t.list {
		body = a.appendList(body)
	} else {
		body = t.append(body)
	}
	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store") // a GET here has effects, and its URL carries a password
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body)
	if cap(body) <= maxPooled {
		*buffer = body
		a.buffers.Put(buffer)
	}
}

// record writes the one line of a request. Before the credentials are known to be right only a command of the table is
// named: whatever else was sent may be a misplaced password.
func (a *API) record(r *http.Request, t *turn, took time.Duration) {
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("command", t.command), slog.Int("code", t.code), slog.Duration("duration", took),
		slog.String("user", t.user), slog.String("remote", r.RemoteAddr))
	if t.callID != "" {
		attrs = append(attrs, slog.String("call_id", t.callID))
	}
	if t.call != 0 {
		attrs = append(attrs, slog.Uint64("call", uint64(t.call)))
	}
	if t.reason != "" {
		attrs = append(attrs, slog.String("reason", t.reason))
	}
	a.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelInfo, "ozeki command", attrs...)
}
