package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"ringdown/control/ozml"
)

// answerCommand is "ringdown answer".
type answerCommand struct {
	Scripts []string `arg:"" optional:"" help:"What to answer with: IncomingCall=FILE, CallChanged/Ringing=FILE, /path=FILE." placeholder:"NAME=FILE"`
	Listen  string   `help:"Where to listen (default: ${default})." default:"127.0.0.1:8100" placeholder:"ADDRESS:PORT"`
}

// Run carries the command out: it prints every notification that comes until a signal.
func (c *answerCommand) Run(s *streams) error {
	files := map[string]string{}
	for _, text := range c.Scripts {
		name, file, ok := strings.Cut(text, "=")
		if !ok || name == "" || file == "" {
			return fmt.Errorf("%q is not NAME=FILE: write what is answered and with which script, as in IncomingCall=ivr.xml", text)
		}
		if err := checkName(name); err != nil {
			return err
		}
		if _, err := readScript(file); err != nil {
			return err
		}
		files[name] = file
	}
	a, err := newScriptServer(c.Listen, s.stdout)
	if err != nil {
		return err
	}
	defer a.close()
	for name, file := range files {
		a.answer(name, func() (string, error) { return readScript(file) })
	}
	fmt.Fprintf(s.stdout, "ready: %s answers notifications (any path will do); name it in ozeki.notify and api_extensions\n", a.url)
	ctx, drain, release := notifySignals(s.ctx, newLogger(s.stderr, "error"))
	defer release()
	select {
	case <-drain:
	case <-ctx.Done():
	}
	return nil
}

// told are the notifications of a switch; those of a call's state can be named with it.
var told = []string{"CallChanged", "RoutingInterception", "IncomingCall", "CallConnected", "DtmfEntered", "GoTo", "RecordCompleted",
	"CallFinished", "TransferFinished", "Error"}

// checkName finds a name that no notification will ever have.
func checkName(name string) error {
	what, state, _ := strings.Cut(name, "/")
	switch {
	case what == "":
		return nil // a path
	case !slices.Contains(told, what):
		return fmt.Errorf("no notification is called %q: name a path, as in /press1, or one of %s", what, strings.Join(told, ", "))
	case state != "" && !slices.Contains([]string{"CallChanged", "RoutingInterception"}, what):
		return fmt.Errorf("%s has no state: write %s=FILE", what, what)
	case state == "" && strings.Contains(name, "/"), what == "CallChanged" && state != "" && !slices.Contains(callStates, state):
		return fmt.Errorf("no call is in state %q: write one of %s", state, strings.Join(callStates, ", "))
	}
	return nil
}

// callStates are those that CallChanged tells.
var callStates = []string{"Ringing", "Answered", "InCall", "Hold", "Completed", "Cancelled", "Busy", "Error", "Transferred"}

// readScript reads a script anew for each answer, so that it can be edited meanwhile. A fault in it is for who wrote it, not
// for a call to find out.
func readScript(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if _, err := ozml.Parse(b); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return string(b), nil
}

// scriptServer is an application in its simplest form: it takes notifications and answers each with a script.
type scriptServer struct {
	url     string // where it is told of calls; any path will do
	out     io.Writer
	server  *http.Server
	serving sync.WaitGroup

	mu      sync.Mutex
	scripts map[string]func() (string, error)
	got     []url.Values
	news    chan struct{} // closed and made anew with each notification
}

const mostRemembered = 1000 // notifications

// newScriptServer starts to serve; out may be nil, else it gets a line for each notification.
func newScriptServer(listen string, out io.Writer) (*scriptServer, error) {
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	a := &scriptServer{url: "http://" + ln.Addr().String() + "/", out: out, scripts: map[string]func() (string, error){}, news: make(chan struct{})}
	a.server = &http.Server{Handler: a, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	a.serving.Go(func() { _ = a.server.Serve(ln) })
	return a, nil
}

func (a *scriptServer) close() {
	_ = a.server.Close()
	a.serving.Wait()
}

// answer sets what a notification is answered with: it is named by the path of the request (/press1), by its name
// (IncomingCall), or by that and the state of the call (CallChanged/Ringing). The closest name counts.
func (a *scriptServer) answer(name string, script func() (string, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scripts[name] = script
}

// ServeHTTP takes one notification.
func (a *scriptServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		http.Error(w, "POST a notification as a form.", http.StatusBadRequest)
		return
	}
	name := r.Form.Get("NotificationName")
	names := []string{r.URL.Path, name + "/" + r.Form.Get("CallState"), name + "/" + r.Form.Get("LastCallState"), name}
	script, err := a.find(names)
	a.tell(r, script, err)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = io.WriteString(w, script)
}

// find is the script for the first of names that has one; none for none.
func (a *scriptServer) find(names []string) (string, error) {
	a.mu.Lock()
	i := slices.IndexFunc(names, func(n string) bool { return a.scripts[n] != nil })
	if i < 0 {
		a.mu.Unlock()
		return "", nil
	}
	read := a.scripts[names[i]]
	a.mu.Unlock()
	return read()
}

// tell remembers and prints a notification, the name first and its fields in the order of their names.
func (a *scriptServer) tell(r *http.Request, script string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.got) < mostRemembered {
		a.got = append(a.got, r.Form)
	}
	close(a.news)
	a.news = make(chan struct{})
	if a.out == nil {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", time.Now().Format(time.TimeOnly), r.URL.Path, printable(r.Form.Get("NotificationName")))
	names := make([]string, 0, len(r.Form))
	for n := range r.Form {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if v := r.Form.Get(n); n != "NotificationName" && v != "" {
			fmt.Fprintf(&b, " %s=%s", printable(n), printable(v))
		}
	}
	switch {
	case err != nil:
		fmt.Fprintf(&b, " -> %v", err)
	case script == "":
		b.WriteString(" -> nothing")
	default:
		fmt.Fprintf(&b, " -> a script of %d bytes", len(script))
	}
	fmt.Fprintln(a.out, b.String())
}

// printable is a text for the terminal, without what could move its cursor.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, s[:min(len(s), 200)])
}

// wait waits for a notification that fits, and returns it.
func (a *scriptServer) wait(ctx context.Context, what string, fits func(url.Values) bool) (url.Values, error) {
	for {
		a.mu.Lock()
		i := slices.IndexFunc(a.got, fits)
		news := a.news
		if i >= 0 {
			defer a.mu.Unlock()
			return a.got[i], nil
		}
		a.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return nil, errors.Join(errors.New("the application was not told of "+what), ctx.Err())
		}
	}
}

// states are those that it was told of a call, in their order.
func (a *scriptServer) states(callID string) (states []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.got {
		if n.Get("NotificationName") == "CallChanged" && n.Get("CallId") == callID {
			states = append(states, n.Get("CallState"))
		}
	}
	return states
}
