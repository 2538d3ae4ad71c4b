package callstate

import "slices"

// This file is the hand-over of legs from one call to another: the call of a REFER with Replaces fetches the consultation
// of its transferor from the call that has it. Neither waits while the other decides: the call that is asked gives or
// refuses in the step in which it is asked, so two that ask each other both refuse (T9).

// referReplaces: a phone joins the parties of two calls of its own (RFC 5589 §7), of which the other may still ring.
func (c *Call) referReplaces(t *Transfer, ev ReferReceived) {
	named := c.leg(ev.Replaces.Leg)
	switch {
	case ev.Replaces.Leg.Zero() && ev.Elsewhere != "" && c.dir.Route(ev.Target, c.leg(t.Transferor).by()).outside(): // P2
		c.do(AcceptRefer{Leg: t.Transferor, Ref: t.Refer})
		t.Replaces = ev.Elsewhere
		c.begin(t, "")
	case ev.Replaces.Leg.Zero(): // P3, P4, P12: sip knows why
		c.do(AcceptRefer{Leg: t.Transferor, Ref: t.Refer})
		c.report(t, ev.Replaces.Status)
	case named != nil: // T13: it would transfer the call to itself
		c.do(AcceptRefer{Leg: t.Transferor, Ref: t.Refer})
		c.report(t, Cause{Kind: Loop}.FinalStatus())
	default:
		t.Consultation = ev.Replaces.Leg
		// Before the 202: what the phone does after that, like a CANCEL of its consultation, comes behind the question.
		c.fetch(t, ev.Replaces.EarlyOnly)
		c.do(AcceptRefer{Leg: t.Transferor, Ref: t.Refer})
	}
}

// attendedTransfer is the same for an application (spec ozeki 8.8).
func (c *Call) attendedTransfer(ref uint64, req AttendedTransfer) {
	l, others, no := c.talking(req.Transferor)
	switch {
	case no != nil:
	case c.Transfer != nil:
		no = inProgress()
	case c.leg(req.Consultation) != nil:
		no = &Error{Kind: WrongState, Param: "target", Text: "it is the same call"}
	}
	if no != nil {
		c.reply(ref, no)
		return
	}
	c.fetch(&Transfer{State: TransferFetching, Release: ReleaseOnAnswer, Bridge: l.Bridge, Transferor: l.ID,
		Transferee: others[0].ID, Consultation: req.Consultation, Reply: ref}, false)
}

// fetch asks for the consultation.
func (c *Call) fetch(t *Transfer, earlyOnly bool) {
	t.State, t.Token = TransferFetching, c.newRef()
	c.undertake(t)
	f := Fetch{Call: c.ID, Token: t.Token, Leg: t.Consultation, EarlyOnly: earlyOnly, Mixable: true}
	for _, l := range c.stay() {
		f.Stay++
		f.Mixable = f.Mixable && l.Facts.Mixable
	}
	c.do(f)
}

// legsWanted: another call asks for a leg of this one and whoever is at its other end. What it gets is forgotten here.
func (c *Call) legsWanted(ev LegsWanted) {
	p, status := c.parcel(ev)
	if status != 0 {
		c.do(RefuseLegs{To: ev.By, Token: ev.Token, Status: status})
		return
	}
	n := c.leg(ev.Leg).Bridge
	for _, given := range p.Legs {
		c.endClip(c.leg(given.ID))
	}
	c.settlePlays()
	if p.Fork != nil {
		c.Fork = nil
	}
	c.Legs = slices.DeleteFunc(c.Legs, func(l *Leg) bool {
		return slices.ContainsFunc(p.Legs, func(given Leg) bool { return given.ID == l.ID })
	})
	for _, given := range p.Legs {
		if given.ID != ev.Leg { // the transferor's own leg ends there
			c.Moved = append(c.Moved, given.ID)
		}
	}
	if other := c.elsewhere(n); other == 0 {
		c.endAll(Cause{Kind: Transferred})
	} else {
		if n == c.Main {
			c.moveMain(other)
		}
		c.notice(Notice{Kind: NoticeLeft, Leg: ev.Leg, Cause: Cause{Kind: Transferred}})
	}
	c.followRecord()
	c.do(HandOver{To: ev.By, Token: ev.Token, Parcel: p}) // last: what this call says of them comes first
}

// parcel is what can be given, or the status that says why nothing can. The status becomes that of the report on the
// REFER.
func (c *Call) parcel(ev LegsWanted) (p Parcel, status int) {
	l := c.leg(ev.Leg)
	p = Parcel{Transferor: ev.Leg, LastRef: c.LastRef, Hops: c.Hops, Forwards: c.Forwards}
	switch {
	case !l.live():
		return p, 481 // P9
	case ev.By == c.ID:
		return p, 482
	case c.Transfer != nil || c.Forward != nil || c.Intercept.waits() || c.takenOver(l):
		return p, 491 // P17, T9
	case ev.EarlyOnly && l.up():
		return p, 486 // P5
	case c.Fork != nil && c.Fork.For == ForkCallee && l.ID == c.Caller: // P7
		if ev.Stay > 1 {
			return p, 488 // one can wait for a target that rings, not two
		}
		return c.stillRings(p, l), 0
	case c.Fork.has(l.ID) && l.up():
		return p, 491 // its answer is not in force yet
	case c.Fork.has(l.ID) || l.Bridge == 0:
		return p, 481
	}
	all := []*Leg{l}
	mixable := ev.Mixable
	for _, x := range c.talkers(l.Bridge) {
		if x != l {
			all = append(all, x)
			mixable = mixable && x.Facts.Mixable
		}
	}
	switch together := ev.Stay + len(all) - 1; {
	case len(all) < 2:
		return p, 481
	case together > 3, together > 2 && !mixable: // P18: at most three talk, and media must be able to mix them
		return p, 488
	}
	for _, x := range all {
		c.passKeys(x) // a code that has only begun is none any more
	}
	for _, x := range all {
		p.Legs = append(p.Legs, given(x))
	}
	p.LastRef = c.LastRef
	return p, 0
}

// stillRings adds the caller and the phones that ring for it, and where else they are looked for.
func (c *Call) stillRings(p Parcel, l *Leg) Parcel {
	f := c.Fork.clone()
	f.For = ForkTarget
	p.Legs, p.Fork = []Leg{given(l)}, f
	for _, id := range f.Legs {
		p.Legs = append(p.Legs, given(c.leg(id)))
	}
	return p
}

// clone copies a fork so that it shares nothing with the original.
func (f *Fork) clone() *Fork {
	g := *f
	g.Legs, g.Visited = slices.Clone(f.Legs), slices.Clone(f.Visited)
	g.Places, g.Later = clonePlaces(f.Places), clonePlaces(f.Later)
	return &g
}

func clonePlaces(places []*Place) (all []*Place) {
	for _, p := range places {
		q := *p
		q.Hops, q.Moved = slices.Clone(p.Hops), slices.Clone(p.Moved)
		all = append(all, &q)
	}
	return all
}

// given is a leg as it is handed over: in no bridge, and what it shares with nobody.
func given(l *Leg) Leg {
	g := *l
	g.Bridge = 0
	g.Pending, g.Hears, g.Passing = slices.Clone(l.Pending), slices.Clone(l.Hears), slices.Clone(l.Passing)
	for i := range g.Pending {
		if g.Pending[i].For == ForRing { // its callee has answered meanwhile: it goes into the 200
			g.Pending[i].For = ForAnswer
		}
	}
	return g
}

// legsHanded brings the consultation. If the transfer is not wanted any more, its legs are hung up.
func (c *Call) legsHanded(ev LegsHanded) {
	t, p := c.Transfer, ev.Parcel
	legs := c.adopt(p)
	if t == nil || t.State != TransferFetching || t.Token != ev.Token {
		why := c.Cause
		if why.Kind == "" {
			why = Cause{Kind: Normal}
		}
		for _, l := range legs {
			c.hangUp(l, why)
		}
		return
	}
	named := c.leg(p.Transferor)
	if p.Fork == nil {
		c.splice(named, legs[1:])
		return
	}
	c.endConsultation(named)
	c.Hops = max(c.Hops, p.Hops)
	c.adoptFork(p.Fork.clone())
}

// adopt makes the legs of a parcel the call's own; the first is the transferor's.
func (c *Call) adopt(p Parcel) (legs []*Leg) {
	c.LastRef = max(c.LastRef, p.LastRef)
	c.bound(p.Forwards)
	for _, l := range p.Legs {
		l.Pending, l.Hears, l.Passing = slices.Clone(l.Pending), slices.Clone(l.Hears), slices.Clone(l.Passing)
		c.Legs = append(c.Legs, &l)
		legs = append(legs, &l)
	}
	return legs
}

// Disown is what ends the legs of a parcel that no call takes.
func (p Parcel) Disown() (all []Command) {
	for _, l := range p.Legs {
		if l.live() && l.State != LegPreparing && !l.App { // else sip has never heard of it, or was told already
			for _, o := range l.openOffers() {
				all = append(all, RefuseOffer{Leg: l.ID, Ref: o, Status: 487})
			}
			all = append(all, HangUp{Leg: l.ID, Cause: Cause{Kind: Failed}})
		}
		if l.Port {
			all = append(all, CloseMedia{Leg: l.ID})
		}
	}
	return all
}

// endConsultation ends the transferor's second leg; before its answer with 487 (P7).
func (c *Call) endConsultation(l *Leg) {
	why := Cause{Kind: Transferred}
	if !l.up() {
		why.Status = 487
	}
	c.hangUp(l, why)
}

// splice ends the transfer with those who stay and the targets talking, at once (P1).
func (c *Call) splice(named *Leg, targets []*Leg) {
	t := c.Transfer
	from := c.leg(t.Transferor)
	t.fire("answered")
	var all []LegID
	stay := c.stay()
	for _, l := range slices.Concat(stay, targets) {
		all = append(all, l.ID)
	}
	c.bridge(t.Bridge, all...)
	for _, id := range all {
		c.unhold(c.leg(id)) // T28
	}
	c.takeRoles(stay[0], targets[0])
	c.report(t, 200)
	c.reply(t.Reply, nil)
	parties := t.parties()
	c.finishTransfer("transferred")
	c.hangUp(from, Cause{Kind: Transferred})
	c.endConsultation(named)
	c.notice(t.about(Notice{Kind: NoticeTransferred, Leg: targets[0].ID, Parties: parties}))
}

// adoptFork goes on with a target that rings already: it is neither cancelled nor called again (P19). While it is still
// being looked up, this call asks anew.
func (c *Call) adoptFork(f *Fork) {
	t := c.Transfer
	c.Fork, t.Target = f, f.Number
	f.Rang, f.Until, f.Timeout = 0, 0, c.Settings.Transfer.NoAnswer
	for _, p := range f.Places {
		if p.Locate != 0 {
			c.locate(p)
		}
	}
	if len(f.Legs) == 0 {
		t.fire("locate")
		c.arrange()
		return
	}
	t.fire("fetched")
	c.arrange()
	c.notice(t.about(Notice{Kind: NoticeTransferring, Leg: t.Transferor, Parties: t.parties()}))
	if !f.Winner.Zero() {
		return // its answer is with media
	}
	for _, id := range f.Legs {
		if c.leg(id).app() { // it is this call that its application answers from now on
			c.notice(Notice{Kind: NoticeInvited, Leg: id})
		}
	}
	c.ringOn()
	switch l := c.leg(f.Early); {
	case l.live() && l.Bound:
		c.passProgress(183)
	case slices.ContainsFunc(f.Legs, func(id LegID) bool { return c.leg(id).State == LegRinging }):
		c.passProgress(180)
	}
}

// legsRefused: the consultation cannot be had. The old pair talks on, or whoever stays waits for the transferor.
func (c *Call) legsRefused(ev LegsRefused) {
	t := c.Transfer
	if t == nil || t.State != TransferFetching || t.Token != ev.Token {
		return
	}
	c.reply(t.Reply, refusedLegs(ev.Status))
	t.Reply = 0
	if stay := c.stay(); len(stay) < 2 {
		c.targetFailed(Cause{Kind: Failed, Status: ev.Status})
		return
	}
	c.report(t, ev.Status)
	t.fire("refused")
	c.finishTransfer("transfer failed")
	c.chooseRoles(t.Bridge)
}

// refusedLegs is what an application is told.
func refusedLegs(status int) *Error {
	switch status {
	case 481, 603:
		return &Error{Kind: NoSuchLeg, Param: "target", Text: "the other call has ended"}
	case 491:
		return inProgress()
	case 488:
		return &Error{Kind: Unsupported, Param: "target", Text: "so many cannot talk together"}
	}
	return &Error{Kind: WrongState, Param: "target", Text: "the other call cannot be joined"}
}
