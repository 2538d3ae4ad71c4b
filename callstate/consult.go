package callstate

// consult begins an attended transfer (spec yeastar-p 5.4). The transferor calls the target on the leg that it has.
func (c *Call) consult(ref uint64, req Consult) {
	from, others, no := c.talking(req.Transferor)
	switch {
	case no != nil:
	case c.Transfer != nil:
		no = inProgress()
	case len(others) != 1:
		no = &Error{Kind: WrongState, Text: "three parties talk already"}
	case req.Target == "":
		no = &Error{Kind: BadTarget, Param: "target", Text: "empty"}
	case req.Target == from.Party.Number || req.Target == others[0].Party.Number:
		no = &Error{Kind: BadTarget, Param: "target", Text: string(Loop)} // T13
	}
	c.reply(ref, no)
	if no != nil {
		return
	}
	c.unhold(from) // the consultation itself holds from now on
	c.unhold(others[0])
	c.begin(&Transfer{State: RingingTarget, Release: ReleaseAsked, Bridge: from.Bridge, Transferor: from.ID,
		Transferee: others[0].ID, Target: req.Target}, NoticeConsulting)
}

// operate goes on with the consultation of a transferor.
func (c *Call) operate(ref uint64, req Operate) {
	l, t := c.leg(req.Transferor), c.Transfer
	refuse := func(kind ErrorKind, text string) { c.reply(ref, &Error{Kind: kind, Text: text}) }
	switch {
	case !l.live():
		c.reply(ref, noSuchLeg())
		return
	case !t.attended() || t.Transferor != l.ID:
		refuse(WrongState, "it consults nobody")
		return
	case t.Mixing && req.Do == Threeway:
		c.reply(ref, inProgress())
		return
	}
	was := t.State
	if was == UpTarget || was == UpTransferee {
		if req.Do == Threeway {
			c.mix(ref)
			return
		}
	}
	do := map[Operation]func(){Abort: c.aborted, Complete: c.completed, Threeway: c.arrange, Swap: c.swapped}[req.Do]
	switch {
	case do == nil:
		refuse(BadRequest, "abort, complete, threeway or swap")
	case !t.fire(string(req.Do)):
		refuse(WrongState, "the consultation has failed")
	default:
		c.reply(ref, nil)
		do()
	}
}

// aborted: the target leaves, then the old pair talks (P23).
func (c *Call) aborted() {
	t := c.Transfer
	c.cancelFork(Cause{Kind: Aborted})
	c.hangUp(c.leg(t.Joined), Cause{Kind: Aborted})
	c.restore()
	c.notice(Notice{Kind: NoticeAborted, Leg: t.Transferor})
}

// swapped: the transferor talks to the other of the two. Media swaps at once, no phone is asked, so that nothing has to
// be queued (P20).
func (c *Call) swapped() {
	c.stopMixing(&Error{Kind: WrongState, Text: "another operation came first"})
	c.arrange()
}

// completed: the transferor leaves. If the target still rings, the transferee waits for it (P16).
func (c *Call) completed() {
	t := c.Transfer
	from := c.leg(t.Transferor)
	t.Gone = true
	if t.State == Waiting {
		c.arrange()
		c.hangUp(from, Cause{Kind: Transferred})
		c.notice(Notice{Kind: NoticeTransferring, Leg: t.Transferor})
		return
	}
	c.newPair(c.leg(t.Transferee), c.leg(t.Joined))
	c.hangUp(from, Cause{Kind: Transferred})
	c.notice(Notice{Kind: NoticeTransferred, Leg: t.Joined})
}

// leftConsultation: the transferee, the transferor or the target has left.
func (c *Call) leftConsultation(l *Leg, why Cause) {
	t := c.Transfer
	switch {
	case l.ID == t.Joined:
		c.targetFailed(why)
	case l.ID == t.Transferor && t.fire("complete"):
		c.completed()
	case l.ID == t.Transferee && t.fire("transferee gone"):
		c.transfereeLeft(l, why)
	default:
		c.endTransfer(l.ID, why)
	}
}

// transfereeLeft: transferor and target talk on as an ordinary call; a target that rings is given up, and the
// transferor hears the failure tone before it is released.
func (c *Call) transfereeLeft(l *Leg, why Cause) {
	t := c.Transfer
	if t.State == TransferDone {
		c.newPair(c.leg(t.Transferor), c.leg(t.Joined))
	} else {
		t.Cause, t.Transferee = why, LegID{}
		c.cancelFork(Cause{Kind: Cancelled})
		c.playTone(lastTone)
	}
	c.notice(Notice{Kind: NoticeLeft, Leg: l.ID, Cause: why})
}
