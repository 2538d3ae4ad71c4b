package ozeki

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"ringdown/callstate"
	"ringdown/control/delivery"
	"ringdown/control/ozml"
)

const (
	maxPosts   = 32 // notifications of one call that wait
	maxScripts = 16 // scripts of one call that wait
	maxMessage = 400
)

// session is one call as applications see it: what they are told of it, one after the other, and the scripts that they
// answer with, one after the other as well. It outlives its call until all is told.
type session struct {
	api  *API
	id   string // the CallId
	keys *ozml.Keys

	mu     sync.Mutex
	call   callstate.CallID   // where its scripts run now, and
	at     string             // the CallId of that
	guests []*session         // sessions whose scripts run here
	last   *callstate.Summary // what the call showed last; nil before its first notice
	view   view
	ended  bool // no script may run any more

	posts   []*notification
	sending bool

	scripts []job
	active  bool               // a goroutine runs them
	running *host              // the script that runs
	cancel  context.CancelFunc // ends it; nil before the first

	placed   *placed       // a call that Call made
	errorURL string        // of Call
	transfer [2]string     // the FinishedUrl of a transfer: while it is under way, and once it has come about
	routed   routed        // by the last Route
	records  int           // recordings of which the application has not answered RecordCompleted yet
	settled  chan struct{} // capacity 1: that has changed
}

// job is a script that is to run.
type job struct {
	script *ozml.Script
	side   side
	asked  int // the question that it answers; 0: none
}

// side is the API extension that a script speaks for; zero where it speaks for none, and steers a call of others.
type side struct {
	leg    callstate.LegID
	number string
}

// sessions are those of the calls in progress.
type sessions struct {
	api *API

	mu       sync.Mutex
	list     map[callstate.CallID]*session
	speakers map[callstate.LegID]*session // by the side of an API extension that their scripts speak for
}

// of is the session of a call, made if there is none; nil when the call has ended.
func (m *sessions) of(call callstate.CallID) *session {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.list[call]; s != nil {
		return s
	}
	id, _ := m.api.ids.name(call) // empty once it has ended; that comes before end below
	if id == "" {
		return nil
	}
	s := &session{api: m.api, id: id, at: id, call: call, keys: ozml.NewKeys(), settled: make(chan struct{}, 1)}
	s.last = m.api.calls.Get(call)
	m.list[call] = s
	return s
}

// find is the session of a call, nil when it has none.
func (m *sessions) find(call callstate.CallID) *session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.list[call]
}

// end forgets a call.
func (m *sessions) end(call callstate.CallID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.list, call)
}

// Counts is what an API keeps of calls.
type Counts struct {
	Sessions   int // calls of which it tells applications, or for which scripts run
	Speakers   int // sides of API extensions that scripts speak for
	Recordings int // begun by Record, and not complete
}

// Counts tells what is kept now.
func (a *API) Counts() (c Counts) {
	a.sessions.mu.Lock()
	c.Sessions, c.Speakers = len(a.sessions.list), len(a.sessions.speakers)
	a.sessions.mu.Unlock()
	a.recordings.mu.Lock()
	c.Recordings = len(a.recordings.list)
	a.recordings.mu.Unlock()
	return c
}

// tell puts a notification behind those of its call. It never waits. Where there is no room the oldest goes that may.
func (s *session) tell(n *notification) {
	if n.url == "" {
		return
	}
	s.mu.Lock()
	ok, lost := s.api.post.room(n.keep)
	if ok && len(s.posts) >= maxPosts {
		for i, old := range s.posts {
			if !old.keep {
				s.posts = append(s.posts[:i:i], s.posts[i+1:]...)
				lost = s.api.post.drop()
				break
			}
		}
	}
	if ok {
		s.posts = append(s.posts, n)
		if !s.sending && s.api.work.Enter() {
			s.sending = true
			go s.send()
		}
	}
	s.mu.Unlock()
	if lost {
		s.api.log.Warn("an application is too slow, notifications are lost", "receiver", delivery.Host(n.url))
	}
}

// send posts what there is to tell of the call until there is no more.
func (s *session) send() {
	defer s.api.work.Leave()
	for {
		s.mu.Lock()
		if len(s.posts) == 0 || s.api.post.ctx.Err() != nil {
			s.sending = false
			s.mu.Unlock()
			return
		}
		n := s.posts[0]
		s.posts = s.posts[1:]
		s.mu.Unlock()
		script, err := s.api.post.send(n)
		s.api.logPost(s, n, err)
		if n.answer != nil {
			n.answer(script, err)
		}
	}
}

// logPost writes what became of a notification.
func (a *API) logPost(s *session, n *notification, err error) {
	if lost := a.post.sent(); lost > 0 {
		a.log.Warn("notifications were lost, applications take them again", "lost", lost)
	}
	level, text, host := slog.LevelDebug, "notification", delivery.Host(n.url)
	attrs := []any{"call_id", s.id, "notification", n.name, "receiver", host}
	_, bad := err.(refusal) // which was an answer, and is reported as one
	turned := a.post.turned(host, err == nil || bad)
	switch {
	case err != nil && !bad:
		text, attrs = "an application did not take a notification", append(attrs, "err", brief(err.Error()))
		if turned { // not once for each
			level = slog.LevelWarn
		}
	case turned:
		level, text = slog.LevelInfo, "an application takes notifications again"
	}
	a.log.Log(context.Background(), level, text, attrs...)
}

// ask tells an application something and waits for its answer, at most until ctx ends.
func (s *session) ask(ctx context.Context, name, url string, f form) (*ozml.Script, error) {
	type answer struct {
		script *ozml.Script
		err    error
	}
	got := make(chan answer, 1) // one that comes too late is left there
	s.tell(&notification{name: name, url: url, form: f, keep: true, answer: func(script *ozml.Script, err error) {
		got <- answer{script, err}
	}})
	select {
	case a := <-got:
		return a.script, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fault tells of an Error: at the ErrorUrl of the call, else where the config says (spec ozeki 5.2).
func (s *session) fault(f ozml.Fault) {
	f.Message, f.Reason, f.Element = message(f.Message), message(f.Reason), message(f.Element)
	s.mu.Lock()
	url, id, call := s.errorURL, s.at, s.call
	s.mu.Unlock()
	if url == "" {
		url = s.api.notify.Error
	}
	level, text := slog.LevelDebug, "a script or an application is at fault"
	due, more := s.api.faults.due(delivery.Host(url), f, time.Now())
	switch {
	case f.State != "": // nobody's fault: somebody is busy, or out
		text = "a call that an application wanted did not come about"
		if due {
			level = slog.LevelInfo
		}
	case due:
		level = slog.LevelWarn
	}
	s.api.log.Log(context.Background(), level, text, "call_id", id, "code", f.Code, "message", f.Message,
		"element", f.Element, "line", f.Line, "reason", f.Reason, "receiver", delivery.Host(url), "more_before", more,
		"call", uint64(call))
	s.tell(&notification{name: "Error", url: url, form: errorForm(id, f), tries: 1})
}

// transferring remembers whom to tell of the end of a call whose transfer is under way.
func (s *session) transferring(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transfer[0] = url
}

// plain is a name or an id of a script as an answer or a log may repeat it.
func plain(text string) string { return (&params{}).echo(text) }

// message is the text of a fault as an application and a log may have it.
func message(text string) string {
	text = swallowed.ReplaceAllString(text, "$1=***")
	return strings.ToValidUTF8(text[:min(len(text), maxMessage)], "")
}

// brief is an error as a log may have it.
func brief(text string) string { return text[:min(len(text), 200)] }
