package callstate

// This file couples the bodies that sip carries to the media that makes and reads them. After set-up each leg
// negotiates alone with the switch: an offer on one leg is answered from what we have.

// other is the leg that l talks to or will talk to, the oldest of several; zero when there is none.
func (c *Call) other(l *Leg) LegID {
	if c.Fork.has(l.ID) || c.Fork.has(l.Takes) {
		return c.waiting()
	}
	for _, p := range c.talkers(c.bridgeOf(l)) {
		if p != l && p.ID != l.Takes {
			return p.ID
		}
	}
	return LegID{}
}

// partner is the same of those who have a stream: media can be asked for what suits it.
func (c *Call) partner(l *Leg) LegID {
	if c.Fork.has(l.ID) || c.Fork.has(l.Takes) {
		if w := c.waiting(); !c.leg(w).app() {
			return w
		}
		return LegID{}
	}
	for _, p := range c.talkers(c.bridgeOf(l)) {
		if p != l && p.ID != l.Takes && !p.App {
			return p.ID
		}
	}
	return LegID{}
}

// waiting is the leg on whose behalf the fork is dialled.
func (c *Call) waiting() LegID {
	t := c.Transfer
	switch {
	case c.Fork.For == ForkCallee:
		return c.Caller
	case t.attended() && !t.Gone:
		return t.Transferor
	}
	return t.Transferee
}

func (c *Call) work(l *Leg, op Op) uint32 {
	op.Ref = c.newRef()
	l.Pending = append(l.Pending, op)
	return op.Ref
}

func (c *Call) makeOffer(l *Leg, why OpFor) { c.makeOfferFor(l, why, 0) }

func (c *Call) makeOfferFor(l *Leg, why OpFor, sip uint32) {
	ref := c.work(l, Op{For: why, SIP: sip, Note: string(l.Want)})
	o := MakeOffer{Leg: l.ID, Ref: ref, Like: c.partner(l), Direction: l.Want}
	switch t := c.Transfer; {
	case t != nil && t.Mixing && t.has(l.ID):
		o.Like, o.Mixable = c.mixableOther(l), true
	case l.Asked || l.Reads:
		o.Like, o.Mixable = LegID{}, true
	case c.withApp(l):
		o.Mixable = true
	}
	c.do(o)
}

// makeAnswer asks for our answer to offer, or to the offer of the INVITE when it is empty.
func (c *Call) makeAnswer(l *Leg, op Op, offer []byte) {
	ref := c.work(l, op)
	c.do(MakeAnswer{Leg: l.ID, Ref: ref, Offer: offer, Like: c.partner(l), Mixable: c.withApp(l), Direction: l.Want})
}

func (c *Call) takeAnswer(l *Leg, why OpFor, sip uint32, branch string, sdp []byte) {
	c.do(TakeAnswer{Leg: l.ID, Ref: c.work(l, Op{For: why, SIP: sip, Note: branch}), Answer: sdp})
}

// reoffer shows a leg what we want of it now. What media does holds already; if this fails nothing is undone.
func (c *Call) reoffer(l *Leg) {
	if l.up() && !l.App {
		l.drop(ForReoffer)
		c.makeOffer(l, ForReoffer)
	}
}

func (c *Call) offerMade(l *Leg, ev OfferMade) {
	op, ok := l.op(ev.Ref, offering)
	if !ok || !l.live() {
		return
	}
	switch op.For {
	case ForDial:
		c.dial(l, ev.SDP)
	case ForAnswer:
		l.LocalSDP = ev.SDP
		c.answer(l)
	case ForReoffer:
		op.For = ForOffered
		l.Pending = append(l.Pending, op)
		c.do(Reoffer{Leg: l.ID, Ref: op.Ref, SDP: ev.SDP})
	case ForCounter:
		c.work(l, Op{For: ForCountered, SIP: op.SIP, Note: op.Note})
		c.do(AcceptOffer{Leg: l.ID, Ref: op.SIP, SDP: ev.SDP})
	}
}

func (c *Call) answerMade(l *Leg, ev AnswerMade) {
	op, ok := l.op(ev.Ref, answering)
	if !ok || !l.live() {
		return
	}
	l.Bound = true
	info := l.Facts.Info
	l.Facts = ev.Facts
	l.Facts.Info = info
	switch op.For {
	case ForRing:
		l.LocalSDP = ev.SDP
		if c.Fork == nil && !c.Intercept.waits() {
			c.answer(l) // the callee has answered meanwhile
		} else if legTable.fire(&l.State, "progress") {
			if c.Fork != nil {
				c.Fork.Rang = 183
			}
			c.stopTimer(timerComfort)
			c.do(Ring{Leg: l.ID, Status: 183, SDP: ev.SDP})
		}
	case ForAnswer:
		l.LocalSDP = ev.SDP
		if c.takePlace(l) {
			c.answer(l)
		}
	case ForReanswer:
		l.PhoneHold = Direction(op.Note).Holds()
		c.do(AcceptOffer{Leg: l.ID, Ref: op.SIP, SDP: ev.SDP})
		c.reofferAgain(l, op)
	}
}

func (c *Call) answerTaken(l *Leg, ev AnswerTaken) {
	op, ok := l.op(ev.Ref, taking)
	if !ok || !l.live() {
		return
	}
	l.Bound = true
	info := l.Facts.Info
	l.Facts = ev.Facts
	l.Facts.Info = info
	switch op.For {
	case ForEarly:
		l.Branch = op.Note
		c.earlyTaken(l)
	case ForJoin:
		l.Branch = op.Note
		c.joined(l)
	case ForConfirm:
		l.PhoneHold = l.Facts.Direction.Holds()
		c.takePlace(l)
	case ForReanswered:
		if op.Note == string(SendRecv) { // a phone may answer our hold with inactive: that tells nothing new
			l.PhoneHold = l.Facts.Direction.Holds()
		}
		c.codecSettled(l)
	}
}

// earlyTaken: early media of a phone of the fork can be heard.
func (c *Call) earlyTaken(l *Leg) {
	f := c.Fork
	if f == nil {
		return
	}
	if f.Winner == l.ID {
		c.joined(l)
		return
	}
	if f.Early != l.ID {
		return
	}
	w := c.leg(c.waiting())
	if !w.live() {
		return
	}
	if f.For == ForkCallee {
		c.bridge(c.Main, w.ID, l.ID)
	} else {
		c.arrange()
	}
	switch {
	case f.For == ForkTarget:
		c.passProgress(183)
	case f.For == ForkCallee && w.App: // nobody is there to hear it
	case f.For == ForkCallee && w.Offerless:
		c.passProgress(180) // an offer in an unreliable 1xx is not allowed (RFC 3261 §13.2.1)
	case f.For == ForkCallee && len(w.LocalSDP) > 0:
		c.passProgress(183)
	case f.For == ForkCallee && !w.busyWith(ForRing):
		c.makeAnswer(w, Op{For: ForRing}, nil)
	}
}

// earlyFailed: early media of a phone of the fork cannot be understood. If the phone has answered with it meanwhile,
// there is nothing else to talk with; if other early media of it is in force, that stays.
func (c *Call) earlyFailed(l *Leg, why Cause) {
	f := c.Fork
	switch {
	case f == nil || !f.has(l.ID):
	case f.Winner == l.ID:
		c.lostWinner(l, why)
	case f.Early == l.ID && !l.Bound:
		f.Early = LegID{}
		c.passProgress(180)
	}
}

func (c *Call) mediaFailed(l *Leg, ev MediaFailed) {
	why := Cause{Kind: NoMedia}
	if ev.Reason == NoPorts {
		why = Cause{Kind: Overload}
	}
	if !l.live() {
		return
	}
	if ev.Ref == 0 {
		c.portFailed(l, why)
		return
	}
	op, ok := l.op(ev.Ref, atMedia)
	if !ok {
		return
	}
	switch op.For {
	case ForDial:
		c.portFailed(l, why)
	case ForEarly:
		c.earlyFailed(l, why)
	case ForRing:
		switch {
		case c.Fork != nil:
			c.Fork.Early = LegID{}
			c.passProgress(180)
		case !c.Intercept.waits():
			c.endAll(why)
		}
	case ForJoin:
		c.lostWinner(l, why)
	case ForAnswer, ForConfirm:
		c.drop(l, Cause{Kind: NoMedia, Status: 488})
	case ForReoffer, ForReanswered:
		c.codecSettled(l)
	case ForReanswer, ForCounter:
		c.do(RefuseOffer{Leg: l.ID, Ref: op.SIP, Status: 488})
		c.reofferAgain(l, op)
	}
}

// portFailed: a leg has no media at all.
func (c *Call) portFailed(l *Leg, why Cause) {
	switch {
	case !c.Fork.has(l.ID):
		c.drop(l, why)
	case c.Fork.Winner == l.ID:
		c.lostWinner(l, why)
	default:
		c.hangUp(l, why)
		c.branchEnded(l, why, nil)
	}
}

// legReoffered: a phone sends a new offer inside its dialog (hold, resume, another address), or asks us for one.
func (c *Call) legReoffered(l *Leg, ev LegReoffered) {
	switch {
	case !l.live():
		c.do(RefuseOffer{Leg: l.ID, Ref: ev.Ref, Status: 487})
	case !l.Bound && (!l.up() || l.Offerless):
		// R7: the first offer has no answer yet.
		c.do(RefuseOffer{Leg: l.ID, Ref: ev.Ref, Status: 491})
	case len(ev.SDP) == 0:
		c.makeOfferFor(l, ForCounter, ev.Ref)
	default:
		c.makeAnswer(l, Op{For: ForReanswer, SIP: ev.Ref, Note: string(ev.Facts.Direction)}, ev.SDP)
	}
}

// refuseOpen answers the phone's offer that media is still working on, since the leg is being hung up (E6).
func (c *Call) refuseOpen(l *Leg) {
	for _, o := range l.openOffers() {
		c.do(RefuseOffer{Leg: l.ID, Ref: o, Status: 487})
	}
}

// openOffers are the phone's offers that media is still working on, by their number at sip.
func (l *Leg) openOffers() (all []uint32) {
	for _, o := range l.Pending {
		if o.For == ForReanswer || o.For == ForCounter {
			all = append(all, o.SIP)
		}
	}
	return all
}

func (c *Call) reofferAnswered(l *Leg, ev ReofferAnswered) {
	op, ok := l.answered(ev.Ref)
	if !ok || !l.live() {
		return
	}
	c.takeAnswer(l, ForReanswered, ev.Ref, op.Note, ev.SDP)
	c.reofferAgain(l, op)
}

// reofferRefused: what media does holds all the same (H10).
func (c *Call) reofferRefused(l *Leg, ev ReofferRefused) {
	if op, ok := l.answered(ev.Ref); ok {
		c.reofferAgain(l, op)
		c.codecSettled(l)
	}
}

// reofferAgain makes an offer of ours anew that waited at sip behind an offer of the phone's: it was made before that
// changed the session.
func (c *Call) reofferAgain(l *Leg, done Op) {
	if done.For != ForOffered && (l.busyWith(ForReoffer) || l.busyWith(ForOffered)) {
		c.reoffer(l)
	}
}
