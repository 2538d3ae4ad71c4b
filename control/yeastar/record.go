package yeastar

import (
	"slices"
	"time"

	"ringdown/callstate"
	"ringdown/control/channels"
)

// record is one CDR in the making: one party calling another number, or two who came to talk by a transfer. A call has
// one for each (spec yeastar-p 5.3), all sent at its end.
type record struct {
	from, to             string
	src, dst             string // trunks, empty for phones of ours
	did                  string // what an outside caller dialled
	caller               callstate.LegID
	called               []callstate.LegID // the phones of to that ring, then the one that answered
	start, answered, end callstate.Time    // zero until it happens
	cause                callstate.CauseKind
}

func (r *record) open() bool { return r.end == (callstate.Time{}) }

// talks tells whether it was answered.
func (r *record) talks() bool { return r.answered != (callstate.Time{}) }

// between tells whether these two talk by it, in either direction.
func (r *record) between(a, b callstate.LegID) bool {
	return r.open() && r.talks() && (r.caller == a && r.called[0] == b || r.caller == b && r.called[0] == a)
}

// recordInfo is the msg of event 30012.
type recordInfo struct {
	CallID       string `json:"call_id"`
	TimeStart    string `json:"time_start"`
	CallFrom     string `json:"call_from"`
	CallTo       string `json:"call_to"`
	CallDuration int    `json:"call_duration"` // seconds
	TalkDuration int    `json:"talk_duration"`
	SrcTrunk     string `json:"src_trunk_name"`
	DstTrunk     string `json:"dst_trunk_name"`
	PinCode      string `json:"pin_code"`
	Status       string `json:"status"`
	Type         string `json:"type"`
	Recording    string `json:"recording"`
	DIDNumber    string `json:"did_number"`
	AgentRing    int    `json:"agent_ring_time"`
}

// keep brings the records of a call up to date.
func (p *posted) keep(n callstate.Notice, before, now *view, at callstate.Time) {
	for i := range now.members {
		m := &now.members[i]
		if before.member(m.leg) == nil && !m.inbound {
			p.calls(n.Summary, now, m, at)
		}
	}
	for _, r := range p.records {
		if r.open() {
			r.follow(n, now, at)
		}
	}
	if n.Kind == callstate.NoticeTransferFailed {
		p.missed(n, now, at)
	}
	p.pair(now, at)
}

// missed makes the record of a target that failed before any phone of it rang.
func (p *posted) missed(n callstate.Notice, now *view, at callstate.Time) {
	target := channels.Plain(n.Target)
	rang := func(r *record) bool { return r.to == target && !r.talks() && (r.open() || r.end == at) }
	from := now.member(n.Leg)
	if n.Target == "" || from == nil || slices.ContainsFunc(p.records, rang) {
		return
	}
	r := p.between(*from, member{number: target, trunk: p.trunks[target]})
	r.start, r.end, r.cause = at, at, n.Cause.Kind
	p.records = append(p.records, r)
}

// calls opens a record for a phone that is called. Several phones of one number are one.
func (p *posted) calls(s *callstate.Summary, now *view, m *member, at callstate.Time) {
	from := now.waiting(m.leg)
	if from.leg.Zero() && from.number == p.origin.number {
		from.trunk = p.origin.trunk
	}
	for _, r := range p.records {
		if r.open() && !r.talks() && r.to == m.number && r.caller == from.leg {
			r.called = append(r.called, m.leg)
			return
		}
	}
	r := p.between(from, *m)
	r.start = at
	if len(p.records) == 0 {
		r.start = s.Started
	}
	p.records = append(p.records, r)
}

// waiting is for whom a leg is called: who hears ringback; when the target answered at once, the calling side.
func (v *view) waiting(called callstate.LegID) member {
	for _, want := range []string{statusAlert, statusAnswered} {
		for _, m := range v.members {
			if m.status == want && m.leg != called {
				return m
			}
		}
	}
	return member{number: v.caller}
}

// follow sees who of a record has answered and who has left.
func (r *record) follow(n callstate.Notice, now *view, at callstate.Time) {
	for _, leg := range r.called {
		if m := now.member(leg); m != nil && m.status != statusRing && !r.talks() {
			r.answered, r.called = at, []callstate.LegID{leg}
			break
		}
	}
	gone := func(l callstate.LegID) bool { return now.member(l) == nil }
	if gone(r.caller) || !slices.ContainsFunc(r.called, func(l callstate.LegID) bool { return !gone(l) }) {
		r.end, r.cause = at, n.Cause.Kind
		return
	}
	r.called = slices.DeleteFunc(r.called, gone)
}

// pair opens a record for two who talk and whom no record has together: by a transfer.
func (p *posted) pair(now *view, at callstate.Time) {
	if len(now.members) != 2 || len(p.records) == 0 {
		return
	}
	x, y := now.members[0], now.members[1]
	if y.status == statusAnswered {
		x, y = y, x
	}
	for _, m := range now.members {
		if m.status == statusRing || m.status == statusAlert {
			return
		}
	}
	if slices.ContainsFunc(p.records, func(r *record) bool { return r.between(x.leg, y.leg) }) {
		return
	}
	r := p.between(x, y)
	r.start, r.answered = at, at
	p.records = append(p.records, r)
}

// between is a record of these two, without any times.
func (p *posted) between(from, to member) *record {
	r := &record{from: from.number, to: to.number, src: from.trunk, dst: to.trunk, caller: from.leg, called: []callstate.LegID{to.leg}}
	if from.leg == p.origin.leg || from.leg.Zero() && from.number == p.origin.number {
		r.did = p.did
	}
	return r
}

// close ends the records of a call and lists them. A call that reached no phone has one too.
func (p *posted) close(n callstate.Notice, at callstate.Time) []*record {
	s := n.Summary
	if len(p.records) == 0 {
		from := p.origin
		from.number = channels.Plain(s.Caller.Number)
		r := p.between(from, member{number: channels.Plain(s.CallerDialled), trunk: p.trunks[channels.Plain(s.CalleeDialled)]})
		r.start = s.Started
		p.records = []*record{r}
	}
	for _, r := range p.records {
		if r.open() {
			r.end, r.cause = at, n.Cause.Kind
		}
	}
	return p.records
}

func (r *record) info(callID string) *recordInfo {
	i := &recordInfo{
		CallID: callID, TimeStart: r.start.Wall.In(time.Local).Format(time.DateTime), CallFrom: r.from, CallTo: r.to,
		CallDuration: seconds(r.start, r.end), SrcTrunk: r.src, DstTrunk: r.dst, Status: r.status(), Type: r.kind(), DIDNumber: r.did,
	}
	if r.talks() {
		i.TalkDuration = seconds(r.answered, r.end)
	}
	return i
}

func (r *record) kind() string {
	switch {
	case r.src != "":
		return kindInbound
	case r.dst != "":
		return kindOutbound
	}
	return kindInternal
}

// status is how a record ended. The vendor lists FAILED for cdr/search only, but has no other word for a number that
// does not exist.
func (r *record) status() string {
	switch {
	case r.talks():
		return "ANSWERED"
	case r.cause == callstate.Busy, r.cause == callstate.Declined:
		return "BUSY"
	case reasons[r.cause] == "", r.cause == callstate.NoAnswer, r.cause == callstate.Unavailable:
		return "NO ANSWER"
	}
	return "FAILED"
}

// seconds is the time between two moments, rounded, by the clock that nobody sets (edge case A18).
func seconds(from, to callstate.Time) int {
	return int(max(0, to.Mono-from.Mono).Round(time.Second) / time.Second)
}
