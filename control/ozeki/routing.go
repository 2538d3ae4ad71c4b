package ozeki

import (
	"context"
	"fmt"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// question is the RoutingInterception that a script answers (spec ozeki 5.2, 9.1); its zero value: the script answers
// none. The runner of the call alone uses it.
type question struct {
	try     int // callstate.Asked.Try
	decided bool
}

// routed is an answer that a Route gave: the question, and the line of the element.
type routed struct{ try, line int }

// givenUp tells of a Route that was the last one: whoever it named did not answer, and the application is not asked again.
func (s *session) givenUp(why callstate.Cause) {
	s.mu.Lock()
	last := s.routed
	s.mu.Unlock()
	result := endingOf(why).before
	if last.try < callstate.MaxDecisions || result == cancelled || result == aborted {
		return
	}
	f := faultOf((&paramFault{routeTo.name, fmt.Sprintf("the result is %s, and after %d answers the call is given up", result, last.try)}).reply("Route"), "Route")
	f.Line = last.line
	s.fault(f)
}

// routing asks the application where the call goes. Who brings no script, or one without a Route, leaves it to the dial
// plan (spec ozeki 5.4, edge case A12); so does whoever takes longer than the call waits.
func (s *session) routing(n callstate.Notice) {
	try := n.Route.Try
	if s.api.notify.Routing == "" {
		s.api.spawn(func() { s.plan(try) })
		return
	}
	s.tell(&notification{name: "RoutingInterception", url: s.api.notify.Routing, keep: true, form: routingInterception(s.id, n),
		answer: func(script *ozml.Script, err error) {
			if refused, ok := err.(refusal); ok {
				s.fault(faultOf(parseError(refused), ""))
			}
			if script == nil || !s.run(job{script: script, asked: try}) {
				s.plan(try)
			}
		}})
}

// plan answers a question with no decision.
func (s *session) plan(try int) {
	s.mu.Lock()
	call := s.call
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), s.api.timeout)
	defer cancel()
	if err := s.api.calls.Do(ctx, call, callstate.RouteCall{Try: try, Plan: true}); err != nil { // edge case A13
		s.api.log.Info("an answer came too late", "call_id", s.id, "err", brief(err.Error()))
	}
}

// run runs a script. One that answers a question has as much time as the application had, and without a Route by then the
// dial plan decides.
func (h *host) run(ctx context.Context, script *ozml.Script) ozml.End {
	if h.asked.try == 0 {
		return ozml.Run(ctx, script, h, ozml.Limits{})
	}
	ctx, cancel := context.WithTimeout(ctx, h.session.api.post.timeout)
	defer cancel()
	end := ozml.Run(ctx, script, h, ozml.Limits{})
	if !h.asked.decided && !h.over() {
		h.session.plan(h.asked.try)
	}
	return end
}

// route is the element Route. The first decides, the call refuses any other; one anywhere else than in the answer to
// RoutingInterception can do nothing.
func (a *API) route(ctx context.Context, o *order) *reply {
	q := &o.script.asked
	if q.try == 0 || !o.home() {
		return inappropriate(o.sent)
	}
	ring := secondsOf(o.v[ringTime.name])
	if ring == 0 {
		ring = usualRing
	}
	q.decided = true // whatever the call says to it: then it is too late for the dial plan as well
	s := o.script.session
	s.mu.Lock()
	s.routed = routed{q.try, o.line} // the call may end before the reply
	s.mu.Unlock()
	return a.ask(ctx, o, callstate.RouteCall{Try: q.try, Destination: o.v[routeTo.name], Dialled: o.v[dialedNumber.name], Ring: ring,
		Shows: callstate.Party{Number: o.v[callerID.name]}})
}

// routingInterception is the notification as the vendor's page has it, and the CallId. The caller's extension is empty for
// a call from outside, the last called one for the first question.
func routingInterception(id string, n callstate.Notice) form {
	s := n.Summary
	extension := s.Caller.Number
	for i := range s.Legs {
		if l := &s.Legs[i]; l.Calling && l.Trunk != "" {
			extension = ""
		}
	}
	return newForm("RoutingInterception").add("CallerID", s.Caller.Number).add("OriginalDialedNumber", s.CallerDialled).
		add("LastDialedNumber", n.Route.Dialled).add("LastCalledExtension", n.Route.Extension).
		add("LastCallState", routingState(n.Route.Failed)).add("CallerExtension", extension).add("CallId", id)
}

// routingState is why nobody answered where the call was sent last (spec ozeki 4.2, 4.4).
func routingState(why callstate.CauseKind) string {
	switch why {
	case "":
		return "Calling"
	case callstate.Busy, callstate.Declined:
		return "Busy"
	case callstate.NoAnswer, callstate.Unavailable:
		return "NoAnswer"
	case callstate.NotFound:
		return "NotFound"
	}
	return "Error"
}
