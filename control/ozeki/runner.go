package ozeki

import (
	"context"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// follow is what becomes of the answer to a notification that steers a call of others: its script runs behind those that
// wait. Edge case A13: one that comes when the call has ended is ignored.
func (s *session) follow(to side) func(*ozml.Script, error) {
	return func(script *ozml.Script, err error) {
		if refused, ok := err.(refusal); ok {
			s.fault(faultOf(parseError(refused), ""))
		}
		if script != nil {
			s.run(job{script: script, side: to})
		}
	}
}

// run puts a script behind those of its call; false when it will not be run.
func (s *session) run(j job) (taken bool) {
	if len(j.script.Elements) == 0 && j.side.leg.Zero() {
		return false
	}
	if !j.side.leg.Zero() {
		s.api.sessions.speaking(j.side.leg, s)
	}
	s.mu.Lock()
	full, ended := len(s.scripts) >= maxScripts && j.side.leg.Zero(), s.ended // those of an API extension are few
	if !full && !ended {
		s.scripts = append(s.scripts, j)
		if !s.active && s.api.work.Enter() {
			s.active = true
			go s.runAll()
		}
	}
	s.mu.Unlock()
	if ended && !j.side.leg.Zero() {
		s.api.sessions.silent(j.side.leg)
	}
	switch {
	case ended:
		s.api.log.Info("an answer came when its call had ended", "call_id", s.id)
	case full:
		r := inappropriate("Response")
		r.message += ": too many scripts wait for this call"
		s.fault(faultOf(r, ""))
	}
	return !ended && !full
}

// runAll runs scripts until none waits.
func (s *session) runAll() {
	defer s.api.work.Leave()
	for {
		s.mu.Lock()
		if s.ended || len(s.scripts) == 0 {
			s.active, s.running = false, nil
			s.mu.Unlock()
			return
		}
		j := s.scripts[0]
		s.scripts = s.scripts[1:]
		h := &host{session: s, side: j.side, asked: question{try: j.asked}}
		ctx, cancel := context.WithCancel(s.api.scripts)
		s.running, s.cancel = h, cancel
		if h.Extension() && !here(s.last, j.side.leg) {
			cancel()
		}
		s.mu.Unlock()
		end := h.run(ctx, j.script)
		s.api.log.Debug("a script has ended", "call_id", s.id, "end", end.String())
		if h.Extension() && !s.leave(ctx, j.side) {
			s.api.sessions.silent(j.side.leg)
		}
		cancel()
	}
}

// leave hangs up for an API extension whose script has ended (spec ozeki 7.1), unless it has left already, or another of
// its scripts waits: more tells so. A recording that it made may still bring one.
func (s *session) leave(ctx context.Context, own side) (more bool) {
	patience, cancel := context.WithTimeout(ctx, finalTries*(s.api.post.timeout+firstGap*2))
	defer cancel()
	for {
		s.mu.Lock()
		left, open := !here(s.last, own.leg), s.records > 0
		for _, j := range s.scripts {
			more = more || j.side == own
		}
		call := s.call
		s.mu.Unlock()
		if left || more {
			return more
		}
		if !open || patience.Err() != nil {
			s.api.hangUp(call, own.leg)
			return false
		}
		select {
		case <-s.settled:
		case <-patience.Done():
		}
	}
}

// hangUp ends the side of an API extension. That there is none any more is as good.
func (a *API) hangUp(call callstate.CallID, leg callstate.LegID) {
	ctx, cancel := context.WithTimeout(context.Background(), a.timeout)
	defer cancel()
	if err := a.calls.Do(ctx, call, callstate.EndLeg{Leg: leg}); err != nil {
		a.log.Debug("the API extension has left already", "call", uint64(call), "err", err)
	}
}

// here tells whether a leg is in a call as it was shown last.
func here(s *callstate.Summary, leg callstate.LegID) bool {
	if s == nil {
		return false
	}
	for i := range s.Legs {
		if s.Legs[i].ID == leg {
			return s.Legs[i].State != callstate.LegEnding && s.Legs[i].State != callstate.LegOver
		}
	}
	return false
}
