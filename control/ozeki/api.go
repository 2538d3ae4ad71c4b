package ozeki

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ringdown/callstate"
	"ringdown/control/access"
)

const (
	defaultTimeout = 5 * time.Second
	defaultGrace   = 500 * time.Millisecond
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

	grace      time.Duration
	notify     Notify
	extensions map[string]Extension // by number
	hosts      hosts
	sounds     Sounds
	files      fs.FS
	recordings recordings
	public     atomic.Pointer[string]
	post       *postman
	sessions   sessions
	scripts    context.Context // ends when no script may run any more
	noScripts  context.CancelFunc
	work       access.Gate // the goroutines that tell applications, and run what they answer
	phones     func() []Phone
	history    History
	recorder   *recorder    // nil: no history is kept
	placed     atomic.Int64 // the calls that Call has made and that are on
	faults     faultLog
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
	a.notify, a.hosts, a.sounds, a.post = c.Notify, newHosts(c), c.Sounds, newPostman(c)
	a.files, a.recordings = c.Files, newRecordings()
	a.faults.list = map[faultKind]*faultCount{}
	a.SetPublic(c.Public)
	if a.grace = c.Grace; a.grace == 0 {
		a.grace = defaultGrace
	}
	a.extensions = make(map[string]Extension, len(c.Extensions))
	for _, e := range c.Extensions {
		a.extensions[e.Number] = e
	}
	a.sessions = sessions{api: a, list: map[callstate.CallID]*session{}, speakers: map[callstate.LegID]*session{}}
	a.scripts, a.noScripts = context.WithCancel(context.Background())
	a.phones = c.Phones
	if c.History != nil {
		a.history, a.recorder = c.History, newRecorder(c.History, a.ids, a.numbers, a.calls.Now)
	}
	a.stop = c.Calls.Watch(a.watch)
	return a
}

// Close refuses new requests with HTTP 503, waits for those that run, at most for one time-out, ends the watch and the
// scripts, and gives what there is to tell a moment. Calls that are still on count as aborted in the history.
func (a *API) Close() {
	first := a.gate.Shut()
	a.gate.Wait()
	if !first {
		a.work.Wait()
		return
	}
	a.stop()
	if a.recorder != nil {
		a.recorder.close()
	}
	a.noScripts()
	a.work.Shut()
	patience := time.AfterFunc(lastWords, a.post.stop)
	a.work.Wait()
	patience.Stop()
	a.post.close()
	if more := a.faults.untold(); more > 0 {
		a.log.Warn("scripts or applications were at fault more often than the log has told", "more", more)
	}
}

// ServeHTTP answers /api, and / for clients of the older product (spec ozeki 1); /recordings/ has the files of Record.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "ringdown")
	stored := strings.HasPrefix(r.URL.Path, "/"+recordFolder+"/")
	if !stored && r.URL.Path != "/api" && r.URL.Path != "/" {
		http.Error(w, "Not found. The API is at "+usage, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost && (!stored || r.Method != http.MethodHead) {
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "Use GET "+usage+"or POST the same parameters as "+formType+".", http.StatusMethodNotAllowed)
		return
	}
	if !a.gate.Enter() {
		http.Error(w, "The server is stopping. Try again later.", http.StatusServiceUnavailable)
		return
	}
	defer a.gate.Leave()
	if stored {
		a.serveRecording(w, r)
		return
	}
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
	if row.in == scripts {
		t.reply = inappropriate(sent)
		return
	}
	v, fault := row.read(p.values, place{url: func(text string) (string, error) { return a.hosts.resolve("", text) }})
	if fault != nil {
		t.callID = p.echo(p.values["callid"])
		t.reply = fault.reply(sent)
		return
	}
	if row.list {
		t.reply, t.list = success(), true
		return
	}
	o := &order{row: row, sent: sent, v: v, echo: p.echo}
	t.reply = a.carryOut(ctx, o)
	t.callID, t.call = o.id, o.call
	if t.callID == "" && row.aims() {
		t.callID = v[row.params[0].name]
	}
	t.callID = p.echo(t.callID)
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
