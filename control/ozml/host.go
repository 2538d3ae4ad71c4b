package ozml

import (
	"context"
	"time"
)

// Host is the call that a script runs on, and what is around it. Every method returns soon after ctx has ended.
type Host interface {
	// Extension tells whether an API extension is in the call: then the script speaks for it, and its end hangs up.
	Extension() bool
	// Command carries out an element that is a command of the API, and returns when it is finished: audio has been heard,
	// digits are sent, a transfer has come about or failed (spec ozeki 7.3).
	Command(ctx context.Context, c Command) Outcome
	// Fetch notifies a URL (GoTo, DtmfEntered) and returns the script that it answers with; nil when it answers with none.
	Fetch(ctx context.Context, ask Ask) (*Script, *Fault)
	// Key returns the next key that was pressed, or ctx's error. Keys wait for it, a few.
	Key(ctx context.Context) (key byte, err error)
	// Hush ends the audio that Command plays, which then returns.
	Hush()
	// Report tells the application of a fault; the script goes on.
	Report(f Fault)
}

// Command is one element for the Host.
type Command struct {
	Name   string            // in its canonical spelling of Names where it has one, else as sent
	Params map[string]string // by lower-case name; the text of the element is that of its main parameter
	First  bool              // nothing came before it in the script, which has just begun: Reject may stand here alone
	Line   int
}

// Outcome is how a command ended.
type Outcome struct {
	Fault *Fault // why it could not be done; the script goes on with the next element
	Over  bool   // the script is over: the call has ended, or it has left for the target of a transfer
}

// Ask is a request for a script.
type Ask struct {
	Notification string            // GoTo, DtmfEntered
	URL          string            // as in the script: it may be relative to the URL that the script came from
	Extra        map[string]string // further parameters, as DtmfDigits
}

// Fault is what the application is told in an Error notification (spec ozeki 3).
type Fault struct {
	Code    int
	Message string
}

// Limits bound a run.
type Limits struct {
	Steps int           // elements that are begun, of all documents together
	Jumps int           // documents that GoTo and ForwardToUrl bring without any audio or input between them
	Time  time.Duration // in all
}
