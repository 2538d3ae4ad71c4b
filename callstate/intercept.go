package callstate

import (
	"cmp"
	"time"
)

// This file lets an application say where a call goes, before the dial plan does (RoutingInterception, spec ozeki 5.2,
// 9.1). It is asked before anything is rung, and again whenever nobody has answered where it sent the call.

// Interception is a call's question to an application. It is there while an answer is awaited or a decision is in force;
// the dial plan takes it away.
type Interception struct {
	Question Asked
	Waits    bool   // for the answer
	Named    string // the destination of the last decision
	Why      Cause  // the failure that led to the question; zero for the first
	Hops     int    // how often the call had been sent on when it came
}

const (
	// MaxDecisions is how often an application is asked about one call (spec ozeki 9.1).
	MaxDecisions = 20

	ringAfter = time.Second // a caller who waits longer for a decision is told that it rings (edge case A12)
)

// waits tells whether an application has yet to say where the call goes.
func (i *Interception) waits() bool { return i != nil && i.Waits }

// intercept asks for the first time. What the dial plan would refuse is asked as well: the application may know better.
func (c *Call) intercept() {
	c.Intercept = &Interception{Hops: c.Hops}
	c.inquire(Asked{Try: 1, Dialled: c.CalleeDialled})
}

// inquire puts a question. Nothing rings meanwhile; the caller is told that something does when it would hear silence else
// (A12). That is no ringing of the call: RingFrom stays, and what a phone says later is passed on like ever.
func (c *Call) inquire(q Asked) {
	c.Intercept.Question, c.Intercept.Waits = q, true
	c.startTimer(timerDecide, c.Settings.Decide)
	if c.leg(c.Caller).State == LegIsOffered {
		c.startTimer(timerComfort, ringAfter)
	}
	c.notice(Notice{Kind: NoticeRouting, Route: q})
}

// askAgain: nobody has answered where an application sent the call. False when it is not asked once more: it has decided
// too often, or somebody did answer and could not be talked to.
func (c *Call) askAgain(why Cause) bool {
	i := c.Intercept
	if i == nil || i.Question.Try >= MaxDecisions || !c.become("asked") {
		return false
	}
	i.Why = why
	c.bridge(c.Main) // early media is over
	called := i.Named
	if !c.dir.namesTrunk(called) && c.dir.Knows(c.CalleeDialled) {
		called = c.CalleeDialled // a forwarding setting may have led there
	}
	c.inquire(Asked{Try: i.Question.Try + 1, Failed: why.Kind, Dialled: c.CalleeDialled, Extension: called})
	return true
}

// comfort: the caller has waited for a decision long enough.
func (c *Call) comfort() {
	if caller := c.leg(c.Caller); legTable.fire(&caller.State, "progress") {
		c.do(Ring{Leg: caller.ID, Status: 180})
	}
}

// routeCall is the answer. It is replied to once it has been carried out, and refused when it names what cannot be called:
// the call goes on all the same, as after any destination where nobody answers.
func (c *Call) routeCall(ref uint64, req RouteCall) {
	i := c.Intercept
	if !i.waits() || req.Try != i.Question.Try {
		c.reply(ref, &Error{Kind: WrongState, Text: "nobody is asked that any more"})
		return
	}
	var no *Error
	switch {
	case req.Plan:
		c.undecided()
	case req.Destination == "":
		c.endAll(Cause{Kind: Declined, Status: 603})
	default:
		no = c.decided(req)
	}
	c.reply(ref, no)
}

// undecided: no application says where the call goes. The dial plan does, or the failure that there was stands.
func (c *Call) undecided() {
	i := c.Intercept
	c.settled()
	c.Intercept = nil
	switch r := c.plan(); {
	case i.Question.Try > 1:
		c.endAll(i.Why)
	case r.Refused != "":
		c.endAll(Cause{Kind: r.Refused})
	default:
		c.startFork(r, ForkCallee, c.Settings.RingTimeout)
	}
}

// decided sends the call where the application wants it. A destination that there is not, or that may not be called, is
// one that has failed, and the error tells why.
func (c *Call) decided(req RouteCall) *Error {
	i := c.Intercept
	c.settled()
	r := c.dir.named(req.Destination, cmp.Or(req.Dialled, c.plan().Number), c.decidedBy())
	i.Named = req.Destination
	caller := c.leg(c.Caller)
	caller.Shows = req.Shows
	c.CallerShown = caller.seenAs()
	c.Hops, c.Diversions, c.RingFrom = i.Hops, nil, Time{} // those of the destination before are history
	c.CalleeDialled, c.CalleeParty = r.Number, c.dir.Party(r.Number)
	if c.dir.namesTrunk(req.Destination) {
		c.CalleeParty = Party{Number: r.Number} // who is out there is none of ours, whatever the number
	}
	if r.Refused != "" {
		if why := (Cause{Kind: r.Refused}); !c.askAgain(why) {
			c.endAll(why)
		}
		return refusal("destination", r.Refused)
	}
	ring := req.Ring
	if ring <= 0 {
		ring = c.Settings.RingTimeout
	}
	c.startFork(r, ForkCallee, ring)
	return nil
}

// settled: the question is answered.
func (c *Call) settled() {
	c.Intercept.Waits = false
	c.stopTimer(timerDecide)
	c.stopTimer(timerComfort)
}

// plan is where the dial plan sends a call that nobody has answered.
func (c *Call) plan() Route {
	return c.dir.Route(c.CallerDialled, By{Extension: c.CallerParty.Number, Trunk: c.leg(c.Caller).Trunk})
}

// decidedBy is by whose rights an application's decision calls outside numbers: the caller's (T17). A trunk's caller has
// none; there they are those of the extension that the call is for, as when it forwards its calls itself (F6), or of an
// inbound route that leads outside. A call that no inbound route knows reaches extensions alone.
func (c *Call) decidedBy() By {
	if c.leg(c.Caller).Trunk == "" {
		return By{Extension: c.CallerParty.Number}
	}
	switch r := c.plan(); {
	case r.Refused != "":
		return By{}
	case r.outside():
		return By{Outside: true}
	default:
		return By{Extension: r.Number}
	}
}
