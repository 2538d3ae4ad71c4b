package callstate

import "cmp"

// Cause is why a leg or a call ended.
type Cause struct {
	Kind   CauseKind
	Status int    // the SIP status that said so, 0 when none did
	Reason string // value of a Reason header to pass on (RFC 3326), may be empty
	Remote bool   // the phone ended it, not we
}

// CauseKind is the closed vocabulary of endings.
type CauseKind string

const (
	Normal      CauseKind = "normal"      // hung up after the answer
	Cancelled   CauseKind = "cancelled"   // the caller gave up while it rang
	Busy        CauseKind = "busy"        // 486, 600
	Declined    CauseKind = "declined"    // 603
	NoAnswer    CauseKind = "no answer"   // the ring time is over, 408
	NotFound    CauseKind = "not found"   // no such number, 404, 604
	Unavailable CauseKind = "unavailable" // known but not registered, 480
	Elsewhere   CauseKind = "elsewhere"   // another contact answered
	Forwarded   CauseKind = "forwarded"   // the call was sent on to another number
	Transferred CauseKind = "transferred" // the party left by a transfer
	Loop        CauseKind = "loop"        // forwarded too often, 482, 483
	Forbidden   CauseKind = "forbidden"   // 403
	Barred      CauseKind = "barred"      // an outside number, and whoever calls it may not
	NoMedia     CauseKind = "no media"    // no common codec or unusable SDP, 488
	Overload    CauseKind = "overload"    // no ports or too many calls, 503
	Lost        CauseKind = "lost"        // 408, 481 or no answer inside the dialog, or no ACK
	Silent      CauseKind = "silent"      // no audio for calls.silence
	TooLong     CauseKind = "too long"    // calls.max
	Aborted     CauseKind = "aborted"     // an application hung it up
	Shutdown    CauseKind = "shutdown"    // the switch stops
	Failed      CauseKind = "failed"      // anything else
)

// CauseOf reads a final SIP status (300 to 699) of a leg that we dialled.
func CauseOf(status int) Cause {
	c := Cause{Kind: Failed, Status: status, Remote: true}
	if status < 400 {
		c.Kind = Unavailable // a redirection that is not followed
	}
	switch status {
	case 486, 600:
		c.Kind = Busy
	case 603:
		c.Kind = Declined
	case 408:
		c.Kind = NoAnswer
	case 404, 410, 484, 604:
		c.Kind = NotFound
	case 480:
		c.Kind = Unavailable
	case 482, 483:
		c.Kind = Loop
	case 403:
		c.Kind = Forbidden
	case 415, 488, 606:
		c.Kind = NoMedia
	case 487:
		c.Kind = Cancelled
	case 500, 503:
		c.Kind = Failed
	}
	return c
}

// statuses is the final status that a caller is given for each ending.
var statuses = map[CauseKind]int{
	Normal: 480, Cancelled: 487, Busy: 486, Declined: 603, NoAnswer: 480, NotFound: 404, Unavailable: 480,
	Elsewhere: 480, Forwarded: 480, Transferred: 480, Loop: 482, Forbidden: 403, Barred: 403, NoMedia: 488, Overload: 503,
	Lost: 480, Silent: 480, TooLong: 480, Aborted: 480, Shutdown: 503, Failed: 500,
}

// FinalStatus is the SIP status (400 to 699) with which a leg that called us is told this ending before its answer.
// A 3xx is never passed on, nor a 503 of a callee as 503 (RFC 3261 §16.7 step 6), nor a 401 or 407 that concerns our
// own credentials.
func (c Cause) FinalStatus() int {
	switch {
	case c.Status < 400, c.Status > 699, c.Status == 503 && c.Remote, c.Status == 401, c.Status == 407:
		return cmp.Or(statuses[c.Kind], 500)
	case c.Kind == NoAnswer:
		return 480
	}
	return c.Status
}

// better tells whether a caller should rather be told c than d, when every branch of a fork has failed
// (RFC 3261 §16.7 step 6: a 6xx wins, then the lowest class, in 4xx those that help the caller).
func (c Cause) better(d Cause) bool { return c.rank() < d.rank() }

func (c Cause) rank() int {
	switch s := c.FinalStatus(); {
	case c.Kind == "":
		return 1000
	case s >= 600:
		return 0
	case s == 415, s == 420, s == 484:
		return 10
	case s == 486:
		return 20 // a person who is busy says more than a phone that is away
	case s < 500:
		return 30
	default:
		return 50
	}
}
