package ozeki

import (
	"ringdown/callstate"
	"ringdown/control/ozml"
)

// watch is the watcher of notices. It runs on the goroutine of the call and only notes and queues.
func (a *API) watch(n callstate.Notice) {
	if n.Summary == nil {
		return
	}
	if a.recorder != nil {
		a.recorder.watch(n)
	}
	call := n.Summary.ID
	if n.Kind == callstate.NoticeCreated {
		a.ids.name(call)
	}
	s := a.sessions.find(call)
	if s == nil && n.Kind != callstate.NoticeEnded && (a.notify.CallChanged != "" || n.Kind == callstate.NoticeInvited || n.Kind == callstate.NoticeRouting) {
		s = a.sessions.of(call)
	}
	if n.Kind == callstate.NoticeEnded {
		a.ids.watch(n)
		if s == nil { // one that a request has just made
			s = a.sessions.find(call)
		}
		a.sessions.end(call)
	}
	if n.Kind != callstate.NoticeEnded {
		for _, guest := range a.sessions.arrivals(n.Summary) {
			if s == nil {
				s = a.sessions.of(call)
			}
			s.receive(guest)
		}
	}
	switch {
	case s == nil:
	case n.Kind == callstate.NoticeEnded:
		s.end(n)
	default:
		s.note(n)
	}
}

// note takes a notice of the call, and tells what applications want to know of it.
func (s *session) note(n callstate.Notice) {
	s.mu.Lock()
	if n.Summary.ID == s.call {
		s.see(n)
	}
	states, guests := s.view.step(n.Summary), s.guests
	switch n.Kind {
	case callstate.NoticeTransferred:
		if s.transfer[0] != "" {
			s.transfer = [2]string{"", s.transfer[0]}
		}
	case callstate.NoticeTransferFailed:
		s.transfer[0] = ""
	}
	s.mu.Unlock()
	for _, guest := range guests {
		guest.visit(n)
	}
	for _, state := range states {
		s.changed(state, n.Summary)
	}
	switch n.Kind {
	case callstate.NoticeRouting:
		s.routing(n)
	case callstate.NoticeInvited:
		s.invited(n)
	case callstate.NoticeAnswered:
		s.connected(n)
	}
}

// changed tells of a state of the call.
func (s *session) changed(state string, now *callstate.Summary) {
	if s.api.notify.CallChanged == "" {
		return
	}
	s.tell(&notification{name: "CallChanged", url: s.api.notify.CallChanged, lax: true, answer: s.follow(side{}),
		form: callChanged(s.id, state, now, s.api.calls.Now())})
}

// end tells of the end of the call, once and last, and ends its scripts.
func (s *session) end(n callstate.Notice) {
	e := endingOf(n.Cause)
	answered := isAnswered(n.Summary)
	state, result := e.last(answered), e.result(answered, n.By)
	s.mu.Lock()
	if n.Summary.ID == s.call { // else its API extension is in another call already, and so are its scripts
		s.see(n)
		if !s.leaves(n) {
			s.stop()
		}
	}
	transferred, now, guests := s.transfer[1], s.api.calls.Now(), s.guests
	s.mu.Unlock()
	for _, guest := range guests {
		guest.visit(n)
	}
	if !answered {
		s.givenUp(n.Cause)
	}
	s.tell(&notification{name: "TransferFinished", url: transferred, keep: true, tries: finalTries,
		form: finished("TransferFinished", s.id, result, n.Summary, now), lax: true, answer: s.follow(side{})})
	s.placedEnded(result, n.Summary, now)
	s.tell(&notification{name: "CallChanged", url: s.api.notify.CallChanged, keep: true, tries: finalTries,
		form: callChanged(s.id, state, n.Summary, now), lax: true, answer: s.follow(side{})})
}

// invited asks the application of an API extension at which a call rings (spec ozeki 5.4, 6): its answer takes the call,
// or refuses it.
func (s *session) invited(n callstate.Notice) {
	var number string
	for _, l := range n.Summary.Legs {
		if l.ID == n.Leg {
			number = l.Party.Number
		}
	}
	url := s.api.extensions[number].URL
	if url == "" {
		s.api.spawn(func() { s.decide(side{n.Leg, number}, nil, nil) })
		return
	}
	s.tell(&notification{name: "IncomingCall", url: url, keep: true, form: toExtension("IncomingCall", s.id, number, n.Summary),
		answer: func(script *ozml.Script, err error) { s.decide(side{n.Leg, number}, script, err) }})
}
