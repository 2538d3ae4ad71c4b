package callstate

import "slices"

// consult begins an attended transfer (spec yeastar-p 5.4). The transferor calls the target on the leg that it has.
func (c *Call) consult(ref uint64, req Consult) {
	from, others, no := c.talking(req.Transferor)
	by := from.by()
	if req.Rights != "" {
		by = By{Extension: req.Rights}
	}
	switch r := c.dir.Route(req.Target, by); {
	case no != nil:
	case c.Transfer != nil:
		no = inProgress()
	case from.App:
		no = &Error{Kind: Unsupported, Param: "transferor", Text: "an application consults nobody"}
	case len(others) != 1:
		no = &Error{Kind: WrongState, Text: "three parties talk already"}
	case req.Target == "":
		no = &Error{Kind: BadTarget, Param: "target", Text: "empty"}
	case from.at(r) || c.unfit(others[0], r):
		no = refusal("target", Loop) // T13
	case r.Refused == Barred:
		no = refusal("target", Barred)
	}
	c.reply(ref, no)
	if no != nil {
		return
	}
	c.unhold(from) // the consultation itself holds from now on
	c.unhold(others[0])
	c.begin(&Transfer{State: RingingTarget, Release: ReleaseAsked, Bridge: from.Bridge, Transferor: from.ID,
		Transferee: others[0].ID, Target: req.Target, Rights: req.Rights}, NoticeConsulting)
}

// operate goes on with the consultation of a transferor. What its state does not allow is refused.
func (c *Call) operate(ref uint64, req Operate) {
	l, t := c.leg(req.Transferor), c.Transfer
	refuse := func(kind ErrorKind, text string) { c.reply(ref, &Error{Kind: kind, Text: text}) }
	switch {
	case !l.live():
		c.reply(ref, noSuchLeg())
		return
	case !slices.Contains([]Operation{Abort, Complete, Threeway, Swap}, req.Do):
		refuse(BadRequest, "abort, complete, threeway or swap")
		return
	case !t.attended() || t.Transferor != l.ID:
		refuse(WrongState, "it consults nobody") // P24: or no longer
		return
	case req.Do == Threeway && t.Mixing:
		c.reply(ref, inProgress())
		return
	case req.Do == Threeway && in(t.State, UpTarget, UpTransferee):
		c.mix(ref)
		return
	case !t.fire(string(req.Do)):
		refuse(WrongState, "not at this point of the transfer")
		return
	}
	c.reply(ref, nil)
	switch req.Do {
	case Abort:
		c.aborted()
	case Complete:
		c.completed()
	default: // swap, or a threeway that is remembered until the target answers (P21)
		c.rearranged()
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

// rearranged: the transferor talks to the other of the two. Media does that at once and no phone is asked, so nothing
// has to be queued (P20).
func (c *Call) rearranged() {
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
		c.notice(t.about(Notice{Kind: NoticeTransferring, Leg: t.Transferor, Parties: t.parties()}))
		return
	}
	c.newPair(c.leg(t.Transferee), c.leg(t.Joined))
	c.hangUp(from, Cause{Kind: Transferred})
	c.notice(t.about(Notice{Kind: NoticeTransferred, Leg: t.Joined, Parties: t.parties()}))
}

// leftConsultation: the transferee, the transferor or the target has left.
func (c *Call) leftConsultation(l *Leg, why Cause) {
	t := c.Transfer
	switch {
	case l.ID == t.Joined:
		c.targetFailed(why)
	case l.ID == t.Transferor && t.State == Asking && c.askerLeft():
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
		c.stopTimer(timerNumber)
		t.Cause, t.Transferee = why, LegID{}
		c.cancelFork(Cause{Kind: Cancelled})
		c.playTone(lastTone)
	}
	c.notice(Notice{Kind: NoticeLeft, Leg: l.ID, Cause: why})
}
