package callstate

const maxEarly = 16 // requests that wait for the caller's answer

// requested carries an application's wish out or refuses it; every one gets one reply.
func (c *Call) requested(ev Requested) {
	if c.answering() && (!ends(ev.Req) || c.leg(c.Callee).app()) {
		if len(c.Early) == maxEarly {
			c.reply(ev.Ref, &Error{Kind: Overloaded, Text: "too much is asked of a call that is being answered"})
			return
		}
		c.Early = append(c.Early, ev)
		return
	}
	if c.State == CallEnding {
		switch ev.Req.(type) {
		case End, EndLeg:
			c.reply(ev.Ref, nil) // A2: both who hang up succeed
		default:
			c.reply(ev.Ref, &Error{Kind: NoSuchCall})
		}
		return
	}
	switch req := ev.Req.(type) {
	case End:
		c.reply(ev.Ref, nil)
		c.endAll(Cause{Kind: Aborted})
	case RouteCall:
		c.routeCall(ev.Ref, req)
	case ForwardCall:
		c.forward(ev.Ref, req)
	case SendKeys:
		c.sendKeys(ev.Ref, req)
	case Hold:
		c.hold(ev.Ref)
	case Unhold:
		c.resume(ev.Ref)
	case BlindTransfer:
		c.blindTransfer(ev.Ref, req)
	case AttendedTransfer:
		c.attendedTransfer(ev.Ref, req)
	case MoveLeg:
		c.moveLeg(ev.Ref, req)
	case Consult:
		c.consult(ev.Ref, req)
	case Operate:
		c.operate(ev.Ref, req)
	case AcceptLeg:
		c.acceptLeg(ev.Ref, req)
	case RefuseLeg:
		c.refuseLeg(ev.Ref, req)
	case EndLeg:
		c.endLeg(ev.Ref, req)
	case HoldLeg:
		c.holdLeg(ev.Ref, req)
	case UnholdLeg:
		c.unholdLeg(ev.Ref, req)
	case Play:
		c.play(ev.Ref, req)
	case StopPlay:
		c.stopPlay(ev.Ref)
	case Record:
		c.record(ev.Ref, req)
	case StopRecord:
		c.stopRecord(ev.Ref)
	default:
		c.reply(ev.Ref, &Error{Kind: BadRequest, Text: "unknown request"})
	}
}

// answering tells whether applications know that the call is answered and its caller does not: media makes its answer. That
// takes no time that anybody could see, so what is asked of the call meanwhile waits (edge case A6): a script whose first
// element transfers the call would else be told that nobody is there. What ends the call waits for no phone; but who calls an
// API extension whose script is short is answered all the same, and then released (spec ozeki 7.1).
func (c *Call) answering() bool {
	l := c.leg(c.Caller)
	return c.State == CallConnected && c.Fork == nil && c.Callee != (LegID{}) && l.live() && !l.up()
}

// ends tells whether a request is one that ends the call or a leg.
func ends(req Request) bool {
	switch req.(type) {
	case End, EndLeg:
		return true
	}
	return false
}

// catchUp carries out what was asked too early, in its order, once the caller has its answer, or none any more.
func (c *Call) catchUp() (any bool) {
	for len(c.Early) > 0 && !c.answering() {
		ev := c.Early[0]
		c.Early = c.Early[1:]
		c.requested(ev)
		any = true
	}
	return any
}

// parties returns the two legs of a connected call, or refuses the request.
func (c *Call) parties(ref uint64) (caller, callee *Leg, ok bool) {
	caller, callee = c.leg(c.Caller), c.leg(c.Callee)
	switch {
	case c.Transfer != nil:
		c.reply(ref, inProgress())
	case c.State != CallConnected || !caller.up() || !callee.up():
		c.reply(ref, &Error{Kind: WrongState, Text: "the call is not connected"})
	default:
		return caller, callee, true
	}
	return nil, nil, false
}

// talking returns a leg that talks to others, and those, or why nothing can be asked of it.
func (c *Call) talking(id LegID) (l *Leg, others []*Leg, no *Error) {
	l = c.leg(id)
	switch {
	case !l.live():
		return nil, nil, noSuchLeg()
	case c.Transfer.has(id) || c.Transfer != nil && c.Fork.has(id):
		return nil, nil, inProgress()
	}
	everyoneUp := l.up()
	for _, p := range c.talkers(l.Bridge) {
		everyoneUp = everyoneUp && p.up()
		if p != l {
			others = append(others, p)
		}
	}
	if !everyoneUp || len(others) == 0 {
		return nil, nil, &Error{Kind: WrongState, Text: "it talks to nobody"}
	}
	return l, others, nil
}

func inProgress() *Error {
	return &Error{Kind: InProgress, Text: "a transfer is being carried out"}
}
