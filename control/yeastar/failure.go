package yeastar

import "ringdown/callstate"

// failedInfo is the msg of event 30015.
type failedInfo struct {
	CallID, Reason string
	members        []member
}

// reasons are the vendor's texts, misspellings included (spec yeastar-p 6.7). "User Busy" is the vendor's for a callee
// who declines. An ending without a text here is no failure.
var reasons = map[callstate.CauseKind]string{
	callstate.Busy:        "486 Busy here",
	callstate.Declined:    "User Busy",
	callstate.NoAnswer:    "408 Request Time",
	callstate.NotFound:    "404 NOT found",
	callstate.Unavailable: "480 Temporatily Unavailable",
	callstate.Forbidden:   "NO Dial Permission",
	callstate.Barred:      "NO Outbound Restrictin",
	callstate.Overload:    "Circuit/channel congestion",
	callstate.Loop:        "Line Unreachable",
	callstate.NoMedia:     "Line Unreachable",
	callstate.Lost:        "Line Unreachable",
	callstate.Failed:      "Line Unreachable",
}

// reasonOf is why a call or a transfer came to nothing, "" when it did not fail.
func reasonOf(c callstate.Cause) string {
	switch {
	case c.Kind == callstate.NotFound && c.Status == 410:
		return "410 Gone"
	case c.Kind == callstate.NotFound && c.Status == 484:
		return "484 Address incomplete"
	}
	return reasons[c.Kind]
}

// failure is the reason that a notice tells, "" for none: a call that ends without an answer, a transfer whose target does
// not take it, and a party that was left waiting for a target in vain. A failure is told once.
func (p *posted) failure(n callstate.Notice) string {
	switch {
	case n.Kind == callstate.NoticeTransferFailed:
		p.failed = true
		return reasonOf(n.Cause)
	case n.Kind != callstate.NoticeEnded:
		p.failed = p.failed && n.Kind == callstate.NoticeChanged
	case n.Summary.Answered == (callstate.Time{}), !p.failed && unmet[n.Cause.Kind]:
		return reasonOf(n.Cause)
	}
	return ""
}

// unmet are the endings of an answered call that tell of a number that could not be reached.
var unmet = map[callstate.CauseKind]bool{
	callstate.Busy: true, callstate.Declined: true, callstate.NoAnswer: true, callstate.NotFound: true,
	callstate.Unavailable: true, callstate.Forbidden: true, callstate.Barred: true, callstate.Overload: true,
}
