package ozeki

import "ringdown/callstate"

// The states that CallChanged tells (spec ozeki 4.1).
const (
	stateRinging     = "Ringing"
	stateAnswered    = "Answered"
	stateInCall      = "InCall"
	stateHold        = "Hold"
	stateCompleted   = "Completed"
	stateCancelled   = "Cancelled"
	stateBusy        = "Busy"
	stateError       = "Error"
	stateTransferred = "Transferred"
)

// ending is what applications are told of a call that is over.
type ending struct {
	state  string // the last CallChanged (spec ozeki 4.1)
	result string // of code 402 and of CallFinished (spec ozeki 4.3)
}

// endings says so of every cause (spec ozeki 4.4). A cause without a row is an error.
var endings = map[callstate.CauseKind]ending{
	callstate.Normal:      {stateCompleted, callerHungUp}, // or CalleeHungUp, see endingOf
	callstate.Cancelled:   {stateCancelled, cancelled},
	callstate.Busy:        {stateBusy, busy},
	callstate.Declined:    {stateBusy, busy},
	callstate.NoAnswer:    {stateBusy, notAnswered},
	callstate.Unavailable: {stateBusy, notAnswered},
	callstate.NotFound:    {stateError, notFound},
	callstate.Elsewhere:   {stateCompleted, aborted},
	callstate.Forwarded:   {stateTransferred, redirected},
	callstate.Transferred: {stateTransferred, transferCompleted},
	callstate.TooLong:     {stateCompleted, aborted},
	callstate.Aborted:     {stateCompleted, aborted},
	callstate.Shutdown:    {stateCompleted, aborted},
}

// endingOf is how a call ended, by its last notice.
func endingOf(n callstate.Notice) ending {
	e, known := endings[n.Cause.Kind]
	if !known {
		return ending{stateError, failed}
	}
	if n.Cause.Kind == callstate.Normal && n.By == callstate.Callee {
		e.result = calleeHungUp
	}
	return e
}

// view is what CallChanged has told of a call.
type view struct {
	state               string
	source, destination string
	answered            bool
}

// step takes what a call shows now and returns the states that are to be told, in order. Answered comes exactly once and
// is followed by InCall (spec ozeki 4.1). A state is told again when it is that of others: a ringing call that was sent on,
// a call whose party was transferred.
func (v *view) step(s *callstate.Summary) (tell []string) {
	state := stateNames[s.State]
	if state == "" || s.State == callstate.ShownSetup {
		return nil
	}
	if state != stateRinging && !v.answered {
		v.answered = true
		v.state, v.source, v.destination = stateInCall, s.Caller.Number, s.Callee.Number
		tell = []string{stateAnswered, stateInCall}
	}
	if state == v.state && (state == stateHold || s.Caller.Number == v.source && s.Callee.Number == v.destination) {
		return tell
	}
	v.state, v.source, v.destination = state, s.Caller.Number, s.Callee.Number
	return append(tell, state)
}
