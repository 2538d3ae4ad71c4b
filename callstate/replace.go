package callstate

// This file is the INVITE with Replaces (RFC 3891): a phone takes the place of another leg in its call, which is
// answered (take-over), or rings (pickup). The leg keeps its place until the new one can be talked to (I9).

// replaceOffered begins it, or refuses the INVITE and leaves everything as it was.
func (c *Call) replaceOffered(ev LegOffered) {
	if status := c.refuseTakeOver(ev); status != 0 {
		c.do(HangUp{Leg: ev.Leg, Cause: Cause{Kind: Failed, Status: status}})
		return
	}
	l := &Leg{ID: ev.Leg, State: LegIsOffered, Inbound: true, Party: ev.From, SIPCallID: ev.SIPCallID, Memo: ev.Memo, Want: SendRecv,
		Facts: ev.Facts, Offerless: len(ev.SDP) == 0, Takes: ev.Replaces.Leg, Shown: c.dir.Party(ev.To)}
	l.Picks = !c.leg(l.Takes).up()
	c.Legs = append(c.Legs, l)
	c.bound(ev.Forwards)
	c.openMedia(l, ev.SDP)
	if l.Offerless {
		c.makeOffer(l, ForAnswer)
	} else {
		c.makeAnswer(l, Op{For: ForAnswer}, nil)
	}
}

// refuseTakeOver is the status that refuses an INVITE with Replaces, 0 when it is carried out.
func (c *Call) refuseTakeOver(ev LegOffered) int {
	l := c.leg(ev.Replaces.Leg)
	rings := l != nil && c.Fork.has(l.ID) && c.Fork.For == ForkCallee && !l.up()
	switch {
	case ev.Replaces.Status != 0:
		return ev.Replaces.Status
	case !l.live(), l.Inbound && !l.up(): // P6: of who calls us, only an answered one
		return 481
	case c.Transfer.has(l.ID), c.Transfer != nil && c.Fork.has(l.ID), c.takenOver(l), c.Fork.has(l.ID) && l.up():
		return 491
	case ev.Replaces.EarlyOnly && l.up():
		return 486 // P5
	case !rings && l.Bridge == 0:
		return 481 // it talks to nobody
	case !c.mayTake(ev, l, rings):
		return 403 // P12
	}
	return 0
}

// mayTake tells whether the user who calls may take the place of l: it is its own, or rings in its group.
func (c *Call) mayTake(ev LegOffered, l *Leg, rings bool) bool {
	if ev.Trunk != "" || l.Trunk != "" || l.App {
		return false
	}
	if ev.From.Number == l.Party.Number {
		return true
	}
	own := c.dir.Extensions[ev.From.Number].Pickup
	return rings && own != "" && own == c.dir.Extensions[l.Party.Number].Pickup
}

// takenOver tells whether somebody is about to take the place of one in the bridge of l, or of a phone that rings for it.
func (c *Call) takenOver(l *Leg) bool {
	for _, x := range c.Legs {
		if !x.live() || x.Takes.Zero() {
			continue
		}
		if p := c.leg(x.Takes); p == l || p != nil && p.Bridge == l.Bridge && p.Bridge != 0 || c.Fork.has(x.Takes) {
			return true
		}
	}
	return false
}

// bridgeOf is the bridge that a leg is in or is about to come into.
func (c *Call) bridgeOf(l *Leg) int {
	if p := c.leg(l.Takes); p.live() {
		return p.Bridge
	}
	return l.Bridge
}

// takePlace puts a leg that can be talked to where it wants to be. False when that is not possible any more: the leg is
// hung up. An offerless INVITE is answered first, its media comes with the ACK.
func (c *Call) takePlace(l *Leg) bool {
	p := c.leg(l.Takes)
	switch {
	case l.Takes.Zero():
		return true
	case c.Fork.has(l.Takes) && c.Fork.Winner.Zero() && c.Fork.For == ForkCallee:
		l.Takes = LegID{}
		c.pickUp(l)
		return true
	case p.live() && p.Bridge != 0 && !c.Transfer.has(p.ID) && !c.Fork.has(p.ID) && (len(c.talkers(p.Bridge)) < 3 || l.Facts.Mixable):
		l.Takes = LegID{}
		c.replace(p, l)
		return true
	}
	c.hangUp(l, Cause{Kind: Failed, Status: 491})
	return false
}

// pickUp makes l the one who answers the call, in place of the phones that ring (P6, F14).
func (c *Call) pickUp(l *Leg) {
	f := c.Fork
	c.stopTimer(timerRing)
	for _, id := range f.Legs {
		c.hangUp(c.leg(id), Cause{Kind: Elsewhere, Status: 200})
	}
	f.Legs, f.Winner = []LegID{l.ID}, l.ID
	c.calleeAnswered(l)
	c.joined(l)
}

// replace puts l in the place of p, who leaves.
func (c *Call) replace(p, l *Leg) {
	l.Bridge, l.Calls = p.Bridge, p.Calls
	c.takesOver(p, l)
	if c.Caller == p.ID {
		c.setCaller(l)
	}
	if c.Callee == p.ID {
		c.Callee, c.CalleeParty, c.CalleeDialled = l.ID, l.Party, l.Party.Number
	}
	c.hangUp(p, Cause{Kind: Transferred})
	c.notice(Notice{Kind: NoticeTransferred, Leg: l.ID, Target: l.Party.Number, ByPhone: true})
}

// strandTakers ends who wanted the place of a leg that is gone, or of a ringing one that has been answered.
func (c *Call) strandTakers() {
	for _, l := range c.Legs {
		if !l.live() || l.Takes.Zero() {
			continue
		}
		switch p := c.leg(l.Takes); {
		case !p.live():
			c.hangUp(l, Cause{Kind: Failed, Status: 481})
		case l.Picks && p.up():
			c.hangUp(l, Cause{Kind: Failed, Status: 486})
		}
	}
}
