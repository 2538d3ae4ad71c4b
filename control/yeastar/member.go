package yeastar

import "ringdown/callstate"

// The states of a member (spec yeastar-p 6.4).
const (
	statusAlert    = "ALERT"    // it called, and hears ringback
	statusRing     = "RING"     // it is called, and rings
	statusAnswered = "ANSWERED" // it talks, on the calling side
	statusAnswer   = "ANSWER"   // it talks, on the called side
	statusHold     = "HOLD"
	statusBye      = "BYE"
)

// member is one party of a call as the API shows it.
type member struct {
	leg     callstate.LegID
	number  string
	channel string
	status  string
	inbound bool   // it called us
	trunk   string // by which it came or was called; empty for a phone of ours
	local   string // of a trunk's: the number at our end
}

// view is what the API shows of a call. Immutable.
type view struct {
	call    callstate.CallID
	id      string // call_id
	caller  string // the number that the call came from
	members []member
}

// member finds a leg, nil when it is not there.
func (v *view) member(leg callstate.LegID) *member {
	for i := range v.members {
		if v.members[i].leg == leg {
			return &v.members[i]
		}
	}
	return nil
}

// statusOf is the state of a leg as the API shows it; false while there is nothing to show: a phone that is being
// called and does not ring, and a leg that ends.
func statusOf(s *callstate.Summary, l *callstate.LegSummary) (string, bool) {
	switch l.State {
	case callstate.LegIsOffered:
		return statusAlert, true
	case callstate.LegRinging:
		switch {
		case !l.Inbound:
			return statusRing, true
		case s.Answered == (callstate.Time{}):
			return statusAlert, true
		}
		return statusAnswered, true // its answer is being made
	case callstate.LegAnswering, callstate.LegUp:
		switch {
		case l.Held:
			return statusHold, true
		case l.Waits:
			return statusAlert, true
		case l.Calling:
			return statusAnswered, true
		}
		return statusAnswer, true
	}
	return "", false
}
