package ozml

import (
	"context"
	"time"
)

// Host is the call that a script runs on, and what is around it. Run calls one method at a time. Command and Fetch return
// soon after their ctx has ended.
type Host interface {
	// Extension tells whether an API extension is in the call: then the script speaks for it, and its end hangs up.
	Extension() bool
	// Command carries out an element that is a command of the API, and returns when it is finished: audio has been heard,
	// digits are sent, a transfer has come about or failed (spec ozeki 7.3). When ctx ends earlier, audio is stopped: that
	// is how a key ends a prompt (spec ozeki 9.6), also one that is not yet to be heard, and how the end of a script does.
	Command(ctx context.Context, c Command) Outcome
	// Fetch notifies a URL (GoTo, DtmfEntered) and returns the script that it answers with; nil when it answers with none.
	// Its fault is reported by Run. An answer that Parse refuses is a fault.
	Fetch(ctx context.Context, ask Ask) (*Script, *Fault)
	// Keys are those of the call, always the same. Run takes keys in a UserInput alone, so the Command of a Record may look
	// for its FinishDigits there.
	Keys() *Keys
	// Report tells the application of a fault; the script goes on.
	Report(f Fault)
}

// Command is one element for the Host.
type Command struct {
	Name   string            // one of Commands
	Params map[string]string // by the lower-case of its canonical name; the text of the element is that of its main parameter
	First  bool              // it is the first of the whole run; a Reject that is not is refused before the Host sees it
	From   string            // Script.URL of the document that it stands in: a relative URL in Params is relative to it
	Line   int
}

// Outcome is how a command ended.
type Outcome struct {
	Fault *Fault // why it could not be done; Run reports it and goes on with the next element
	Over  bool   // the script is over: the call has ended, or it has left for the target of a transfer
}

// Ask is a request for a script.
type Ask struct {
	Notification string            // GoTo, DtmfEntered
	URL          string            // as in the script: it may be relative to From
	Line         int               // of the element
	From         string            // Script.URL of the document that it stands in
	Extra        map[string]string // further parameters: DtmfDigits
}

// Fault is what the application is told in an Error notification (spec ozeki 3).
type Fault struct {
	Code    int
	Message string // the documented text of the code
	Reason  string // why, where that does not say; empty where nothing is known
	State   string // how a call ended that was to come about (spec ozeki 4.3); empty: it is about something else
	Element string // whose fault it is, and where it stands; Run sets both
	Line    int
}

// Limits bound a run. One that is zero is that of DefaultLimits.
type Limits struct {
	Steps int           // elements and rounds of ForEach that are begun, of all documents together
	Jumps int           // documents that GoTo brings without any audio or input between them
	Time  time.Duration // in all
}

// DefaultLimits are generous to scripts that people write, and end one that runs in circles (spec ozeki 9.5).
func DefaultLimits() Limits { return Limits{Steps: 1000, Jumps: 50, Time: time.Hour} }

// End is how a run ended.
type End int

const (
	Ended   End = iota // its last element is done, or Exit
	Left               // Outcome.Over: the call has ended, or left
	Stopped            // its context ended
	Limited            // one of the Limits, which has been reported
)

func (e End) String() string {
	return [...]string{"Ended", "Left", "Stopped", "Limited"}[e]
}
