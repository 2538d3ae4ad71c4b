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

// callInfo is a call in JSON: the msg of event 30011, and an element of the answer to call/query.
type callInfo struct {
	CallID  string       `json:"call_id"`
	Members []memberInfo `json:"members"`
}

// memberInfo is an object with exactly one key, which tells the kind of the member.
type memberInfo struct {
	Extension *extensionInfo `json:"extension,omitempty"`
	Inbound   *outsideInfo   `json:"inbound,omitempty"`
	Outbound  *outsideInfo   `json:"outbound,omitempty"`
}

type extensionInfo struct {
	Number  string `json:"number"`
	Channel string `json:"channel_id"`
	Status  string `json:"member_status"`
	Path    string `json:"call_path"`
}

// outsideInfo is a member that a trunk leads to.
type outsideInfo struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Trunk   string `json:"trunk_name"`
	Channel string `json:"channel_id"`
	Status  string `json:"member_status"`
	Path    string `json:"call_path"`
}

func infoOf(id string, members []member) callInfo {
	return callInfo{id, memberInfos(members)}
}

func memberInfos(members []member) []memberInfo {
	list := make([]memberInfo, len(members))
	for i, m := range members {
		switch {
		case m.trunk == "":
			list[i].Extension = &extensionInfo{Number: m.number, Channel: m.channel, Status: m.status}
		case m.inbound:
			list[i].Inbound = &outsideInfo{From: m.number, To: m.local, Trunk: m.trunk, Channel: m.channel, Status: m.status}
		default:
			list[i].Outbound = &outsideInfo{From: m.local, To: m.number, Trunk: m.trunk, Channel: m.channel, Status: m.status}
		}
	}
	return list
}
