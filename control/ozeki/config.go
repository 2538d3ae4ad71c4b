package ozeki

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"ringdown/callstate"
	"ringdown/control/access"
	"ringdown/control/delivery"
	"ringdown/control/history"
)

// Config is what the API needs. Time-outs of reading and writing belong to the caller's http.Server.
type Config struct {
	Users   []User          // who may use the API; with none every command is refused with 305
	Calls   callstate.Calls // the switch
	Log     *slog.Logger    // nil: no log
	Timeout time.Duration   // how long one command may wait for its call; 0: 5 s

	Grace time.Duration // how long the reply to Call waits for a call that fails at once; 0: 500 ms, negative: not at all

	Notify     Notify      // where applications are told of calls
	Extensions []Extension // numbers behind which there is no phone but an application
	Hosts      []string    // beside those of Notify and Extensions, hosts that a script or a command may name in a URL; "*": any
	Sounds     Sounds      // nil: Play, Speak and Beep are refused
	Files      fs.FS       // the media folder, from which recordings are served; nil: Record is refused
	Public     string      // how applications reach this API, for RecordURL, as http://127.0.0.1:9509; SetPublic may give it later
	History    History     // nil: ListCallHistory is refused
	Phones     func() []Phone

	Transport http.RoundTripper // of requests to applications; nil: one of its own
}

// Notify says where the notifications go that no command asked for. An empty URL: nowhere.
type Notify struct {
	CallChanged string        // of every call
	Routing     string        // RoutingInterception
	Error       string        // whatever goes wrong in a script that names no ErrorUrl
	Timeout     time.Duration // how long an application may take to answer; 0: 5 s (edge case A12)
}

// Extension is an API extension: a number that can be called, and calls, for an application (spec ozeki 6).
type Extension struct {
	Number string
	Name   string
	URL    string // told of IncomingCall; its answer is the script
}

// Sounds makes audio ready to be played. Its methods take their time, and are not called for a call's own goroutine.
type Sounds interface {
	File(ctx context.Context, name string) (callstate.Clip, error)
	Speech(ctx context.Context, s Speech) (callstate.Clip, error)
	Beep(hz int, long time.Duration) (callstate.Clip, error)
}

// Speech is text to be spoken. Language and Voice may be empty.
type Speech = struct{ Text, Language, Voice string }

// History keeps what became of calls.
type History interface {
	Add(history.Record)
	Find(ctx context.Context, f history.Filter) (page []history.Record, total int, err error)
}

// Phone is one extension as ListExtensions shows it.
type Phone struct {
	Number    string
	Connected bool // a phone is registered there
}

// User is one account of the API.
type User struct {
	Username string
	Password string
}

// Validate reports all faults of c at once; it repeats no secret.
func (c Config) Validate() error {
	var faults []error
	if c.Calls == nil {
		faults = append(faults, errors.New("ozeki: Calls is missing"))
	}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("ozeki: Timeout %v is negative", c.Timeout))
	}
	seen := map[string]bool{}
	for i, u := range c.Users {
		switch {
		case u.Username == "":
			faults = append(faults, fmt.Errorf("ozeki: users[%d]: username is empty", i))
		case seen[u.Username]:
			faults = append(faults, fmt.Errorf("ozeki: users[%d]: username %q is there twice", i, u.Username))
		}
		if u.Password == "" {
			faults = append(faults, fmt.Errorf("ozeki: users[%d]: password is empty", i))
		}
		seen[u.Username] = true
	}
	faults = append(faults, c.applicationFaults()...)
	return errors.Join(faults...)
}

// applicationFaults are those of what the config says of applications; no URL is repeated, for it may hold a secret.
func (c Config) applicationFaults() (faults []error) {
	wrong := func(name, text string) {
		if text == "" {
			return
		}
		if err := delivery.CheckURL(text); err != nil {
			faults = append(faults, fmt.Errorf("ozeki: %s %w", name, err))
		}
	}
	wrong("Notify.CallChanged", c.Notify.CallChanged)
	wrong("Notify.Routing", c.Notify.Routing)
	wrong("Notify.Error", c.Notify.Error)
	if c.Notify.Timeout < 0 {
		faults = append(faults, fmt.Errorf("ozeki: Notify.Timeout %v is negative", c.Notify.Timeout))
	}
	seen := map[string]bool{}
	for i, e := range c.Extensions {
		switch {
		case !access.Number(e.Number):
			faults = append(faults, fmt.Errorf("ozeki: extensions[%d]: %q is no number", i, e.Number))
		case seen[e.Number]:
			faults = append(faults, fmt.Errorf("ozeki: extensions[%d]: %s is there twice", i, e.Number))
		}
		seen[e.Number] = true
		wrong(fmt.Sprintf("extensions[%d]: URL", i), e.URL)
	}
	return faults
}
