package ozeki

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"ringdown/callstate"
	"ringdown/control/access"
	"ringdown/control/ozml"
)

const (
	recordFolder  = "recordings" // below the media folder
	maxRecordings = 8192         // under way
	secretLength  = 16           // characters of a file's name that nobody can guess
)

// recordings are those that this API has begun and that are not complete.
type recordings struct {
	mu   sync.Mutex
	draw func() string
	list map[string]*recording // by file
}

// recording is one of them.
type recording struct {
	session *session
	url     string // FinishedUrl
	side    side   // of the script that made it
}

func newRecordings() recordings {
	return recordings{draw: access.Random(rand.Reader, secretLength), list: map[string]*recording{}}
}

// add makes the file name of a recording; empty when there are too many.
func (m *recordings) add(r *recording, path string, now time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.list) >= maxRecordings {
		return ""
	}
	file := recordFolder + "/"
	if path != "" {
		file += path + "/"
	}
	file += r.session.id + "-" + now.Format("20060102-150405") + "-" + m.draw() + ".wav"
	m.list[file] = r
	return file
}

// take finds a recording that is complete, once.
func (m *recordings) take(file string) *recording {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.list[file]
	delete(m.list, file)
	return r
}

// recordCall is Record (spec ozeki 8.14). A script of an API extension waits for its end, others record until the call ends.
func (a *API) recordCall(ctx context.Context, o *order) *reply {
	if a.files == nil {
		r := inappropriate(o.sent)
		r.reason = "no media folder is configured"
		return r
	}
	s := a.sessions.of(o.call)
	if o.own() {
		s = o.script.session
	}
	if s == nil {
		return callNotFound(o.echo(o.id))
	}
	rec := &recording{session: s, url: o.v[finishedURL.name]}
	req := callstate.Record{Of: callstate.Side(o.v[party.name]), Wait: o.own()}
	if o.own() {
		rec.side = o.script.side
		req.Limit, req.Silence = secondsOf(o.v[recordLimit.name]), secondsOf(o.v[inactivity.name])
	}
	if req.File = a.recordings.add(rec, o.v[recordPath.name], a.calls.Now().Wall); req.File == "" {
		r := inappropriate(o.sent)
		r.message += ": too many recordings are under way"
		return r
	}
	s.recording(+1)
	var r *reply
	if o.own() {
		r = a.recordUntil(ctx, o, req, s.keys)
	} else {
		r = a.ask(ctx, o, req)
	}
	if r.code != codeOK && a.recordings.take(req.File) != nil {
		s.recording(-1)
	}
	return r
}

// recordUntil records until one of the FinishDigits is pressed, or whatever else ends it (spec ozeki 8.14). Other keys that
// are pressed meanwhile are lost, unless no digit ends it; so are those from before: a # that somebody has put behind the
// digits of a menu would end at once what is recorded next.
func (a *API) recordUntil(ctx context.Context, o *order, req callstate.Record, keys *ozml.Keys) *reply {
	wait, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	if o.v[finishDigits.name] != "" {
		keys.Forget()
	}
	listen, deaf := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer deaf()
		for digits := o.v[finishDigits.name]; digits != ""; {
			key, err := keys.Next(listen)
			if err != nil || strings.IndexByte(digits, key) >= 0 {
				return
			}
		}
		<-listen.Done()
	})
	ended := context.AfterFunc(listen, func() { // a key, or the end of the script
		a.stopAt(o.call, callstate.StopRecord{})
		time.AfterFunc(a.timeout, giveUp)
	})
	r := a.ask(wait, o, req)
	ended()
	deaf()
	watching.Wait()
	return r
}

// recording counts the recordings whose end its application has not answered.
func (s *session) recording(more int) {
	s.mu.Lock()
	s.records += more
	s.mu.Unlock()
	select {
	case s.settled <- struct{}{}:
	default:
	}
}

// Recorded is told by media when a file that Record has named is complete, also after the end of its call; fail tells why
// it is not, when it is not. It does not wait.
func (a *API) Recorded(file string, long time.Duration, fail string) {
	rec := a.recordings.take(file)
	if rec == nil {
		return
	}
	s := rec.session
	if fail != "" {
		r := inappropriate("Record")
		r.message += ": " + fail
		s.fault(faultOf(r, "Record"))
	}
	if fail != "" && long == 0 || rec.url == "" {
		s.recording(-1)
		return
	}
	address := a.publicURL() + "/" + file
	f := newForm("RecordCompleted").add("CallId", s.id).add("RecordURL", address).add("RecordUrl", address).
		add("Duration", seconds(long)).add("Format", "wav")
	follow := s.follow(rec.side)
	s.tell(&notification{name: "RecordCompleted", url: rec.url, form: f, keep: true, tries: finalTries, lax: true,
		answer: func(script *ozml.Script, err error) {
			follow(script, err)
			s.recording(-1)
		}})
}

// SetPublic says how applications reach this API, as http://192.0.2.1:9509.
func (a *API) SetPublic(url string) { a.public.Store(&url) }

func (a *API) publicURL() string {
	if url := a.public.Load(); url != nil {
		return strings.TrimSuffix(*url, "/")
	}
	return ""
}
