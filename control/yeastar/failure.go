package yeastar

import "ringdown/callstate"

// failedInfo is the msg of event 30015.
type failedInfo struct {
	CallID  string       `json:"call_id"`
	Reason  string       `json:"reason"`
	Members []memberInfo `json:"members"`
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

// failure is the reason that a notice tells, "" for none: a call that ends without an answer, or a transfer whose target
// does not take it.
func failure(n callstate.Notice) string {
	switch {
	case n.Kind == callstate.NoticeTransferFailed,
		n.Kind == callstate.NoticeEnded && n.Summary.Answered == (callstate.Time{}):
		return reasonOf(n.Cause)
	}
	return ""
}
