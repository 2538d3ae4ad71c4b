package ozeki

import (
	"sync"

	"ringdown/callstate"
	"ringdown/control/history"
)

// Directions of a call (spec ozeki 8.15): between our extensions, between outside parties, into and out of the house.
const (
	internal = "Internal"
	external = "External"
	inbound  = "Inbound"
	outbound = "Outbound"
)

// recorder makes one record of each call that ends. A blind transfer keeps the call, and so there is one record of it.
type recorder struct {
	history History
	ids     *ids
	ours    func() map[string]bool // the numbers of our extensions
	now     func() callstate.Time

	mu     sync.Mutex
	live   map[callstate.CallID]*story
	closed bool
}

// story is what the last notice of a call does not tell.
type story struct {
	name        string          // of the call
	caller      callstate.Party // who began it, though somebody else may be the caller now
	shown       callstate.Party // as whom others saw it
	dialled     string
	from        bool // a trunk called
	met         bool // somebody was called
	to          bool // whom it reached last is behind a trunk
	transferred bool
	failing     bool // the last transfer failed
	last        *callstate.Summary
}

func newRecorder(h History, ids *ids, ours func() map[string]bool, now func() callstate.Time) *recorder {
	return &recorder{history: h, ids: ids, ours: sync.OnceValue(ours), now: now, live: map[callstate.CallID]*story{}}
}

// watch is a watcher of notices. It must see the last one before the call's id is laid to rest.
func (r *recorder) watch(n callstate.Notice) {
	if n.Summary == nil {
		return
	}
	id := n.Summary.ID
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	s := r.live[id]
	if s == nil {
		s = &story{name: r.ids.past(id), caller: n.Summary.Caller, dialled: n.Summary.CallerDialled}
		r.live[id] = s
	}
	s.note(n)
	if n.Kind == callstate.NoticeEnded {
		delete(r.live, id)
	}
	r.mu.Unlock()
	if n.Kind == callstate.NoticeEnded {
		r.record(s, n.Cause, n.By)
	}
}

// close records the calls that are still on, for nobody will see their end.
func (r *recorder) close() {
	r.mu.Lock()
	left := r.live
	r.live, r.closed = nil, true
	r.mu.Unlock()
	for _, s := range left {
		r.record(s, callstate.Cause{Kind: callstate.Shutdown}, "")
	}
}

// note keeps what a notice tells.
func (s *story) note(n callstate.Notice) {
	s.last = n.Summary
	if n.Summary.Caller == s.caller {
		s.shown = seenCaller(n.Summary)
	}
	switch n.Kind {
	case callstate.NoticeTransferred:
		s.transferred, s.failing = true, false
	case callstate.NoticeTransferFailed:
		s.failing = true
	case callstate.NoticeEnded:
		return // some legs are gone by now
	}
	up := false
	for _, l := range n.Summary.Legs {
		switch {
		case l.Calling && l.Inbound && !s.met:
			s.from = l.Trunk != ""
		case l.Calling:
		case l.State == callstate.LegUp && !up: // who talks says more than who is being called
			up, s.met, s.to = true, true, l.Trunk != ""
		case !up:
			s.met, s.to = true, l.Trunk != ""
		}
	}
}

// record writes what became of a call.
func (r *recorder) record(s *story, why callstate.Cause, by callstate.Side) {
	end := s.last.Ended
	if end == (callstate.Time{}) {
		end = r.now()
	}
	r.history.Add(history.Record{
		CallID: s.name, Start: s.last.Started.Wall, Direction: r.direction(s, why), Source: s.caller.Number,
		Destination: s.last.Callee.Number, State: s.result(why, by), Dialed: s.dialled,
		CallerID: shownName(s.shown), Type: "Audio",
		Ring: s.last.RingDuration(end), Talk: s.last.TalkDuration(end),
	})
}

// direction tells by trunks which way a call went. One that reached nobody went out when its number is not ours.
func (r *recorder) direction(s *story, why callstate.Cause) string {
	to := s.to
	if !s.met {
		to = why.Kind == callstate.Barred || why.Kind != callstate.NotFound && !r.ours()[s.last.Callee.Number]
	}
	switch {
	case s.from && to:
		return external
	case s.from:
		return inbound
	case to:
		return outbound
	}
	return internal
}

// result is what became of a call (spec ozeki 4.3 and 4.4). That it was transferred says more than who hung up in the end; of
// one that was sent on, the outcome there counts (spec ozeki 8.1).
func (s *story) result(why callstate.Cause, by callstate.Side) string {
	result := endingOf(why).result(isAnswered(s.last), by)
	switch {
	case s.transferred:
		return transferCompleted
	case result == failed && s.failing && isAnswered(s.last):
		return transferFailed
	}
	return result
}

// numbers are those of our extensions.
func (a *API) numbers() map[string]bool {
	all := map[string]bool{}
	for number := range a.extensions {
		all[number] = true
	}
	if a.phones != nil {
		for _, p := range a.phones() {
			all[p.Number] = true
		}
	}
	return all
}
