package ozeki

import (
	"slices"
	"time"

	"ringdown/callstate"
)

// adrift is how long a script goes on whose API extension has left its call and is not yet seen in another.
const adrift = 5 * time.Second

// An API extension's side may go over to another call: a phone that consults it hands its caller on to it, say. Its script
// goes on there. The session that runs it is from then on a guest of that call's session, which passes on what happens.

// speaking remembers who runs the scripts of an API extension's side.
func (m *sessions) speaking(leg callstate.LegID, s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.speakers[leg] = s
}

// silent forgets it. It may be called with the mutex of a session held.
func (m *sessions) silent(leg callstate.LegID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.speakers, leg)
}

// arrivals are the sessions that run scripts for sides of API extensions that have come to a call from another one.
func (m *sessions) arrivals(now *callstate.Summary) (list []*session) {
	for i := range now.Legs {
		if l := &now.Legs[i]; l.App && l.ID.Call != now.ID {
			m.mu.Lock()
			if s := m.speakers[l.ID]; s != nil {
				list = append(list, s)
			}
			m.mu.Unlock()
		}
	}
	return list
}

// receive takes a session in whose API extension is in this call now.
func (s *session) receive(guest *session) {
	s.mu.Lock()
	known := guest == s || slices.Contains(s.guests, guest)
	if !known {
		s.guests = append(s.guests, guest)
	}
	call, id := s.call, s.at
	s.mu.Unlock()
	if !known {
		guest.mu.Lock()
		guest.call, guest.at = call, id
		guest.mu.Unlock()
	}
}

// visit takes a notice of the call that this session is a guest of.
func (s *session) visit(n callstate.Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Summary.ID != s.call { // it has gone on to yet another
		return
	}
	s.see(n)
	if n.Kind == callstate.NoticeEnded && !s.leaves(n) {
		s.stop()
	}
}

// leaves tells whether the API extension of a script that runs or waits goes on in another call. Then it has a moment to
// get there. s.mu is held.
func (s *session) leaves(n callstate.Notice) bool {
	own := func(j job) bool { return !j.side.leg.Zero() && slices.Contains(n.Moved, j.side.leg) }
	if !slices.ContainsFunc(s.scripts, own) && (s.running == nil || !own(job{side: s.running.side})) {
		return false
	}
	s.scripts = slices.DeleteFunc(s.scripts, func(j job) bool {
		if !own(j) {
			s.api.sessions.silent(j.side.leg)
		}
		return !own(j)
	})
	from := s.call
	time.AfterFunc(adrift, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.call == from {
			s.stop()
		}
	})
	return true
}

// see takes what a call shows: its keys, and whether the API extension is there that a script speaks for. s.mu is held.
func (s *session) see(n callstate.Notice) {
	s.last = n.Summary
	if n.Kind == callstate.NoticeDigit && !appOf(n.Summary).Zero() { // those that people press among themselves are theirs
		for i := range len(n.Digit) {
			s.keys.Press(n.Digit[i])
		}
	}
	if h := s.running; h != nil && h.Extension() && !here(n.Summary, h.side.leg) && !slices.Contains(n.Moved, h.side.leg) {
		s.cancel() // it has left
	}
}

// stop ends the scripts. s.mu is held.
func (s *session) stop() {
	for _, j := range s.scripts { // they will never run
		s.api.sessions.silent(j.side.leg)
	}
	s.ended, s.scripts = true, nil
	if s.cancel != nil {
		s.cancel()
	}
}
