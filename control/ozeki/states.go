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

// Results of a call (spec ozeki 4.3).
const (
	transferCompleted = "TransferCompleted"
	transferFailed    = "TransferFailed"
	callerHungUp      = "CallerHungUp"
	calleeHungUp      = "CalleeHungUp"
	redirected        = "Redirected"
	notFound          = "NotFound"
	busy              = "Busy"
	cancelled         = "Cancelled"
	notAnswered       = "NotAnswered"
	failed            = "Error"
	aborted           = "Aborted"
)

// ending is what a cause means for a call: the last CallChanged, and what became of it if it ended before its answer, and
// after. Where after is empty, whoever left says it. Once a call is answered, nobody can be busy, away or unknown but the
// target of a transfer.
type ending struct{ state, before, after string }

// endings is spec ozeki 4.4.
var endings = map[callstate.CauseKind]ending{
	callstate.Normal:      {stateCompleted, cancelled, ""},
	callstate.Cancelled:   {stateCancelled, cancelled, ""},
	callstate.Busy:        {stateBusy, busy, transferFailed},
	callstate.Declined:    {stateBusy, busy, transferFailed},
	callstate.NoAnswer:    {stateBusy, notAnswered, transferFailed},
	callstate.Unavailable: {stateBusy, notAnswered, transferFailed},
	callstate.NotFound:    {stateError, notFound, transferFailed},
	callstate.Elsewhere:   {stateCompleted, cancelled, ""},
	callstate.Forwarded:   {stateTransferred, redirected, redirected},
	callstate.Transferred: {stateTransferred, transferCompleted, transferCompleted},
	callstate.Loop:        {stateError, failed, transferFailed},
	callstate.Forbidden:   {stateError, failed, transferFailed},
	callstate.Barred:      {stateError, failed, transferFailed},
	callstate.NoMedia:     {stateError, failed, failed},
	callstate.Overload:    {stateError, failed, failed},
	callstate.Lost:        {stateError, failed, failed},
	callstate.Silent:      {stateError, failed, failed},
	callstate.TooLong:     {stateCompleted, aborted, aborted},
	callstate.Aborted:     {stateCompleted, aborted, aborted},
	callstate.Shutdown:    {stateCompleted, aborted, aborted},
	callstate.Failed:      {stateError, failed, failed},
}

// endingOf is the ending of a cause; one without a row is an error.
func endingOf(why callstate.Cause) ending {
	if e, known := endings[why.Kind]; known {
		return e
	}
	return ending{stateError, failed, failed}
}

// result is what became of a call that ended so, by whom if anybody left.
func (e ending) result(answered bool, by callstate.Side) string {
	switch {
	case !answered:
		return e.before
	case e.after != "":
		return e.after
	case by == callstate.Caller:
		return callerHungUp
	case by == callstate.Callee:
		return calleeHungUp
	}
	return aborted // nobody left
}

// last is the last CallChanged of a call that ended so.
func (e ending) last(answered bool) string {
	if !answered && e.before == cancelled {
		return stateCancelled
	}
	return e.state
}

// isAnswered tells whether a call was ever answered.
func isAnswered(s *callstate.Summary) bool { return s.Answered != (callstate.Time{}) }

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
