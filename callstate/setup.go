package callstate

// legOffered: a phone or a trunk calls.
func (c *Call) legOffered(ev LegOffered) {
	if ev.Replaces.Given() {
		c.replaceOffered(ev)
		return
	}
	if !c.become("offered") {
		c.do(HangUp{Leg: ev.Leg, Cause: Cause{Kind: Failed}})
		return
	}
	l := c.newLeg(LegIsOffered, ev.From)
	l.ID, l.Inbound, l.SIPCallID, l.Memo = ev.Leg, true, ev.SIPCallID, ev.Memo
	c.LastLeg = max(c.LastLeg, ev.Leg.N)
	l.Facts, l.Offerless = ev.Facts, len(ev.SDP) == 0
	l.Calls = true
	r := c.dir.Route(ev.To, By{Extension: ev.From.Number, Trunk: ev.Trunk})
	if l.Trunk = ev.Trunk; l.Trunk != "" {
		l.Local = r.Number
	}
	l.Shown = c.dir.Party(r.Number)
	c.setCaller(l)
	c.CallerDialled, c.CalleeDialled = ev.To, r.Number
	c.CalleeParty = c.dir.Party(r.Number)
	c.Hops, c.Started = ev.Hops, c.now
	c.bound(ev.Forwards)
	c.notice(Notice{Kind: NoticeCreated})
	switch {
	case ev.Hops > c.Settings.Hops:
		c.endAll(Cause{Kind: Loop})
	case c.Settings.Decide > 0:
		c.openMedia(l, ev.SDP)
		c.intercept()
	case r.Refused != "":
		c.endAll(Cause{Kind: r.Refused})
	default:
		c.openMedia(l, ev.SDP)
		c.startFork(r, ForkCallee, c.Settings.RingTimeout)
	}
}

// bound lowers what is left of Max-Forwards. Whom the call dials later, on whose behalf ever, gets no more than that, so
// that a ring of switches comes to its end though each of them is a B2BUA (RFC 7332 §5; edge case T14).
func (c *Call) bound(forwards int) {
	if forwards > 0 && (c.Forwards == 0 || forwards < c.Forwards) {
		c.Forwards = forwards
	}
}

// calleeAnswered: from here on the call counts as answered; a forward that is still looking comes too late (F2).
func (c *Call) calleeAnswered(l *Leg) {
	if f := c.Forward; f != nil {
		c.Forward = nil
		c.reply(f.Reply, &Error{Kind: WrongState, Text: "the call has just been answered"})
	}
	c.become("answered")
	c.Callee, c.Answered = l.ID, c.now
	c.CalleeParty = l.Party
	if c.Fork.place(l.Party.Number) != nil { // else it picks the call up, and was not dialled
		c.CalleeDialled = l.Party.Number
	}
	if c.RingFrom == (Time{}) {
		c.RingFrom = c.now
	}
	c.startTimer(timerMax, c.Settings.MaxCall)
}

// calleeJoined answers the caller with what the callee agreed to.
func (c *Call) calleeJoined(l *Leg) {
	caller := c.leg(c.Caller)
	if !caller.live() {
		c.endBy(c.Caller, Cause{Kind: Cancelled})
		return
	}
	c.bridge(c.Main, caller.ID, l.ID)
	switch {
	case caller.App:
	case caller.Offerless:
		c.makeOffer(caller, ForAnswer)
	case len(caller.LocalSDP) > 0:
		c.answer(caller)
	case caller.busyWith(ForRing):
		// The answer is being made for a 183; answerMade sends the 200 as well.
	default:
		c.makeAnswer(caller, Op{For: ForAnswer}, nil)
	}
	c.notice(Notice{Kind: NoticeAnswered, Leg: l.ID})
}

// answer sends the 200 to the caller.
func (c *Call) answer(caller *Leg) {
	if legTable.fire(&caller.State, "accept") {
		c.do(Answer{Leg: caller.ID, SDP: caller.LocalSDP})
	}
}

// legConfirmed: the caller has ACKed. Where our 200 carried the offer, the ACK must bring the answer (S11).
func (c *Call) legConfirmed(l *Leg, ev LegConfirmed) {
	if !legTable.fire(&l.State, "confirmed") {
		return
	}
	if len(ev.Memo) > 0 {
		l.Memo = ev.Memo
	}
	if !l.Offerless {
		return
	}
	l.Facts.Info = ev.Facts.Info
	if len(ev.SDP) == 0 {
		c.drop(l, Cause{Kind: NoMedia, Status: 488})
		return
	}
	c.takeAnswer(l, ForConfirm, 0, "", ev.SDP)
}
