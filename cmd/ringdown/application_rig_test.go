package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"ringdown/bench/phone"
)

// application is a customer's web application: it takes notifications, and answers with scripts. It is reached over
// connections in memory.
type application struct {
	*pipes
	server  *http.Server
	serving sync.WaitGroup
	hang    chan struct{}

	mu      sync.Mutex
	scripts map[string]string // what it answers with: by path, by notification and state, or by notification
	once    map[string]bool   // those of them that it answers with once
	got     []notification
	refuses bool               // connections
	first   func(notification) // what it does before it answers
}

// notification is one request to an application.
type notification struct {
	at   time.Time
	path string
	url.Values
}

// name is the notification with the call's state where it has one, as in CallChanged/Ringing or RoutingInterception/Busy.
func (n notification) name() string {
	if s := n.Get("CallState") + n.Get("LastCallState"); s != "" {
		return n.Get("NotificationName") + "/" + s
	}
	return n.Get("NotificationName")
}

// hangs is a script that never comes.
const hangs = "(hangs)"

// applicationAt is where the application of a rig can be reached.
const applicationAt = "http://192.0.2.200:8100"

func newApplication() *application {
	a := &application{pipes: newPipes(), hang: make(chan struct{}), scripts: map[string]string{}, once: map[string]bool{}}
	a.server = &http.Server{Handler: a}
	a.serving.Go(func() { a.server.Serve(a) })
	return a
}

func (a *application) close() {
	close(a.hang)
	a.server.Close()
	a.serving.Wait()
}

// answers sets what it answers with: keys are a path (/press1), a notification (IncomingCall) or one with a state
// (CallChanged/Ringing).
func (a *application) answers(scripts map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, v := range scripts {
		a.scripts[k] = v
	}
}

// answersOnce sets what it answers with the next time alone.
func (a *application) answersOnce(key, script string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scripts[key], a.once[key] = script, true
}

// ServeHTTP takes a notification.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil || r.Method != http.MethodPost {
		http.Error(w, "a form is expected", http.StatusBadRequest)
		return
	}
	n := notification{time.Now(), r.URL.Path, r.Form}
	a.mu.Lock()
	a.got = append(a.got, n)
	script := ""
	for _, key := range []string{n.path, n.name(), n.Get("NotificationName")} {
		if s, ok := a.scripts[key]; ok {
			if script = s; a.once[key] {
				delete(a.scripts, key)
			}
			break
		}
	}
	first := a.first
	a.mu.Unlock()
	if first != nil {
		first(n)
	}
	if script == hangs {
		select {
		case <-a.hang:
		case <-r.Context().Done():
		}
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, script)
}

// before has it do something before it answers.
func (a *application) before(f func(notification)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.first = f
}

// taken are the notifications so far.
func (a *application) taken() []notification {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

// names are those of the notifications so far.
func (a *application) names() (names []string) {
	for _, n := range a.taken() {
		names = append(names, n.name())
	}
	return names
}

// find is the first notification of a name.
func (a *application) find(name string) (notification, bool) {
	all := a.taken()
	i := slices.IndexFunc(all, func(n notification) bool { return n.name() == name })
	if i < 0 {
		return notification{}, false
	}
	return all[i], true
}

// told waits until the application was told something, in a bubble.
func (r *rig) told(name string) notification {
	r.Helper()
	for range 600 {
		if n, ok := r.app.find(name); ok {
			return n
		}
		r.pass(50 * time.Millisecond)
	}
	r.Fatalf("the application was never told of %s, only of %v\n%s", name, r.app.names(), r.ladder())
	return notification{}
}

// notify has the rig's application told of every call, and be behind 9990.
func notify(c *Config) {
	c.Ozeki.Notify.CallChanged = applicationAt + "/calls"
	c.APIExtensions = []APIExtension{{Number: "9990", Name: "Reception", URL: applicationAt + "/ivr"}}
}

// ivr has the rig's application be behind 9990 alone.
func ivr(c *Config) {
	notify(c)
	c.Ozeki.Notify.CallChanged = ""
}

// script wraps elements.
func script(elements ...string) string {
	return `<?xml version="1.0"?> <Response> ` + strings.Join(elements, " ") + ` </Response>`
}

// sounds makes the rig's media folder, with a tone of each frequency that is named: 700.wav, so many seconds long.
func sounds(r interface {
	TempDir() string
	Fatal(...any)
}, seconds float64, hz ...int) string {
	folder := r.TempDir()
	for _, f := range hz {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(f, ".wav")), toneFile(f, 16000, time.Duration(seconds*float64(time.Second))), 0o600); err != nil {
			r.Fatal(err)
		}
	}
	return folder
}

// reception calls 9990 and waits for the answer.
func (r *rig) reception(from *phone.Phone) *phone.Call {
	r.Helper()
	call, err := from.Dial(r.ctx, "9990")
	r.ok(err)
	r.ok(call.WaitAnswer(r.ctx))
	return call
}
