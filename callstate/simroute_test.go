package callstate

import "time"

// This file is the part of the simulated world that is asked where a call goes: an application that answers, answers
// late or twice, or does not answer.

// decides: the application has been asked.
func (s *sim) decides(try int) {
	for range 1 + s.rng.IntN(5)/4 {
		if s.chance(0.85) {
			if s.chance(0.1) {
				try += s.rng.IntN(3) - 1 // an answer to another question
			}
			s.ask(s.decision(try))
		}
	}
}

func (s *sim) decision(try int) RouteCall {
	r := RouteCall{Try: try}
	switch n := s.rng.IntN(100); {
	case n < 12:
		r.Plan = true
	case n < 15: // refused
	case n < 30 && s.trunked:
		r.Destination, r.Dialled = []string{"provider", "isp"}[s.rng.IntN(2)], []string{"", "5551234", "2001", "no number"}[s.rng.IntN(4)]
	default:
		r.Destination = s.number()
	}
	if s.chance(0.3) {
		r.Ring = 5 * time.Second
	}
	if s.chance(0.3) {
		r.Shows = Party{Number: []string{"777", "2003"}[s.rng.IntN(2)]}
	}
	return r
}

// mayBeSentOut tells whether an application may send the call of a trunk to an outside number (T17, F6): the extension
// that the trunk's route leads to may call there, or the route leads outside itself.
func (s *sim) mayBeSentOut(may func(string) bool) bool {
	to, known := s.dir.inbound(s.call.CallerDialled, s.call.leg(s.call.Caller).Trunk)
	return known && (may(to) || !s.dir.Knows(to))
}

// rings checks that a caller who waits for a decision hears something, or will in a moment (A12).
func (s *sim) rings(caller *Leg) {
	switch {
	case caller.State == LegIsOffered:
		s.quietTimer(timerComfort)
	case caller.Bound:
		s.listens(caller, Ringback)
	}
}

// noteQuestion remembers what became of the questions.
func (s *sim) noteQuestion() {
	c := s.call
	if i := c.Intercept; i.waits() {
		s.reached["asked where it goes"] = true
		if i.Question.Try > 1 {
			s.reached["asked again"] = true
			if len(c.leg(c.Caller).LocalSDP) > 0 {
				s.reached["asked again after early media"] = true
			}
		}
		if i.Question.Try == 3 {
			s.reached["asked the third time"] = true
		}
	}
	switch ev := s.log[len(s.log)-1].(type) {
	case TimerFired:
		for _, cmd := range s.last {
			if ring, ok := cmd.(Ring); ok && ring.Status == 180 {
				s.reached["told that it rings"] = true
			}
			if _, ok := cmd.(Locate); ok && s.asked && c.State == CallRouting {
				s.reached["not decided in time"] = true
			}
		}
	case Requested:
		s.noteDecision(ev)
	}
}

func (s *sim) noteDecision(ev Requested) {
	r, ok := ev.Req.(RouteCall)
	if !ok {
		return
	}
	for _, cmd := range s.last {
		reply, ok := cmd.(Reply)
		switch {
		case !ok:
		case reply.Err != nil && reply.Err.Kind == WrongState:
			s.reached["decided too late"] = true
		case reply.Err != nil:
		case r.Plan:
			s.reached["decided by plan"] = true
		case r.Destination == "":
			s.reached["decided to refuse"] = true
		case s.dir.Trunks[r.Destination]:
			s.reached["decided for a trunk"] = true
		default:
			s.reached["decided for a number"] = true
		}
	}
}

// consistentQuestion checks what an application is asked.
func (a *ledger) consistentQuestion(c *Call) {
	i := c.Intercept
	if waits := i.waits(); waits != c.runs(timerDecide) || waits && (c.State != CallRouting || c.Fork != nil || c.Forward != nil) {
		a.fault("asked %+v in state %q, fork %+v, timers %v", i, c.State, c.Fork, c.Timers)
	}
	if c.runs(timerComfort) && (!i.waits() || c.leg(c.Caller).State != LegIsOffered) {
		a.fault("asked %+v, timers %v, caller %+v", i, c.Timers, c.leg(c.Caller))
	}
	if i != nil && (i.Question.Try < 1 || i.Question.Try > MaxDecisions) {
		a.fault("question %d was put", i.Question.Try)
	}
}
