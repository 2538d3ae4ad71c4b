package ozeki

import (
	"context"
	"errors"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// How an API extension refuses a call (spec ozeki 5.4, 9.2).
const (
	statusRejected   = 603
	statusUnanswered = 480
)

// decide does with a call that rings at an API extension what its application answered. Test vectors 14 and 15.
func (s *session) decide(own side, script *ozml.Script, err error) {
	var req callstate.Request = callstate.AcceptLeg{Leg: own.leg}
	switch {
	case script.Rejects():
		req = callstate.RefuseLeg{Leg: own.leg, Status: statusRejected}
	case script == nil:
		req = callstate.RefuseLeg{Leg: own.leg, Status: statusUnanswered}
		s.unanswered("IncomingCall", err)
	}
	s.mu.Lock()
	call := s.call
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), s.api.timeout)
	defer cancel()
	if err := s.api.calls.Do(ctx, call, req); err != nil { // edge case A13: it rings there no more
		s.api.log.Info("an answer came too late", "call_id", s.id, "err", brief(err.Error()))
		return
	}
	if script != nil && !script.Rejects() {
		s.run(job{script: script, side: own})
	}
}

// unanswered tells of an application that brought no script where one is needed.
func (s *session) unanswered(notification string, err error) {
	if refused, ok := err.(refusal); ok {
		s.fault(faultOf(parseError(refused), ""))
		return
	}
	r := invalidParameter("Url", notification)
	r.message += ": no script came from there"
	r.reason = "its answer is empty"
	if err != nil {
		r.reason = unreached(err)
	}
	s.fault(faultOf(r, ""))
}

// unreached is why an application has not answered.
func unreached(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "the application did not answer in time (ozeki.notify.timeout)"
	}
	return "the application did not answer: " + brief(err.Error())
}

// spawn runs f, which Close waits for.
func (a *API) spawn(f func()) {
	if a.work.Enter() {
		go func() {
			defer a.work.Leave()
			f()
		}()
	}
}
