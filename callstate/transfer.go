package callstate

import "slices"

// Transfer is one party being replaced: the transferor leaves, the transferee stays, the target is added (RFC 5589).
type Transfer struct {
	State                  string
	Transferor, Transferee LegID
	TransferorParty        Party
	Target                 string
	Release                Release
	Refer                  uint32 // the REFER that asked for it, 0 when an application did
	ReferredBy             string
	Reply                  uint64 // the request that waits for its start
	Gone                   bool   // the transferor has left
	Tries                  int    // how often it was called back
	Cause                  Cause  // why the target failed
}

// Release says when the transferor leaves.
type Release string

const (
	ReleaseOnAnswer Release = "on answer" // when the target answers; Ozeki
	ReleaseItself   Release = "itself"    // by its own BYE, or ours a few seconds after; REFER
)

// startTransfer begins a blind transfer whose target number is routed already.
func (c *Call) startTransfer(t *Transfer, number string) {
	c.become("transfer")
	t.State = TransferLocating
	t.TransferorParty = c.leg(t.Transferor).Party
	c.Transfer = t
	c.startFork(number, ForkTarget, c.Settings.Transfer.NoAnswer)
}

// blindTransfer is the application's blind transfer (spec ozeki 8.7).
func (c *Call) blindTransfer(ref uint64, req BlindTransfer) {
	from, stays := c.leg(c.Callee), c.leg(c.Caller)
	if req.Transferor == Caller {
		from, stays = stays, from
	}
	switch {
	case req.Transferor != Caller && req.Transferor != Callee:
		c.reply(ref, &Error{Kind: BadRequest, Param: "transferor", Text: "caller or callee"})
		return
	case c.Transfer != nil:
		c.reply(ref, &Error{Kind: InProgress, Text: "a transfer is being carried out"})
		return
	case c.State != CallConnected || !from.up() || !stays.up() || c.Fork != nil:
		c.reply(ref, &Error{Kind: WrongState, Text: "only a connected call can be transferred"})
		return
	}
	if why := c.refuseTarget(req.Target, stays); why != "" {
		c.reply(ref, &Error{Kind: BadTarget, Param: "target", Text: string(why)})
		return
	}
	c.startTransfer(&Transfer{Transferor: from.ID, Transferee: stays.ID, Target: req.Target,
		Release: ReleaseOnAnswer, Reply: ref}, req.Target)
}

// refuseTarget tells why a number cannot be the target for this transferee; empty when it can. The transferor itself
// can: it is an ordinary number (edge case T12).
func (c *Call) refuseTarget(number string, transferee *Leg) CauseKind {
	r := c.dir.Route(number)
	switch {
	case r.Refused != "":
		return r.Refused
	case r.Number == transferee.Party.Number:
		return Loop // T13
	}
	return ""
}

// referReceived: a phone asks for a transfer. REFER is always consumed here, never relayed.
func (c *Call) referReceived(l *Leg, ev ReferReceived) {
	refuse := func(status int) { c.do(RefuseRefer{Leg: l.ID, Ref: ev.Ref, Status: status}) }
	stays := c.leg(c.partner(l))
	switch {
	case !l.live():
		refuse(481)
		return
	case l.State != LegUp:
		refuse(403) // T11: the dialog is not confirmed
		return
	case ev.Replaces != "":
		refuse(501) // attended transfer by REFER: `replaces` is not advertised
		return
	case c.Transfer != nil || c.State != CallConnected || c.Fork != nil || !stays.up():
		refuse(491) // T8, T9
		return
	}
	c.do(AcceptRefer{Leg: l.ID, Ref: ev.Ref})
	t := &Transfer{Transferor: l.ID, Transferee: stays.ID, Target: ev.Target, Release: ReleaseItself,
		Refer: ev.Ref, ReferredBy: ev.ReferredBy}
	if why := c.refuseTarget(ev.Target, stays); why != "" {
		c.report(t, Cause{Kind: why}.FinalStatus())
		return
	}
	c.startTransfer(t, ev.Target)
}

// referGone: nobody listens to the reports any more; the transfer goes on (T20).
func (c *Call) referGone(l *Leg, ev ReferGone) {
	if t := c.Transfer; t != nil && t.Transferor == l.ID && t.Refer == ev.Ref {
		t.Refer = 0
	}
}

// report tells the referrer how the transfer stands; the first final status is the last report (I10).
func (c *Call) report(t *Transfer, status int) {
	if t.Refer == 0 {
		return
	}
	c.do(ReportTransfer{Leg: t.Transferor, Ref: t.Refer, Status: status})
	if status >= 200 {
		t.Refer = 0
	}
}

// targetLocated: the target is registered. From here the transferee hears ringback.
func (c *Call) targetLocated() bool {
	t := c.Transfer
	transferTable.fire(&t.State, "located")
	c.reply(t.Reply, nil)
	t.Reply = 0
	c.Bridge = []LegID{t.Transferee}
	c.unhold(c.leg(t.Transferee))
	c.notice(Notice{Kind: NoticeTransferring, Leg: t.Transferor})
	return true
}

// unhold takes an application's hold off a leg and shows it to its phone.
func (c *Call) unhold(l *Leg) {
	if l == nil || !l.APIHold {
		return
	}
	l.APIHold, l.Want = false, SendRecv
	c.reoffer(l)
}

// targetJoined: the target answered, or the transferor came back: the new pair talks.
func (c *Call) targetJoined(l *Leg) {
	t := c.Transfer
	transferee, transferor := c.leg(t.Transferee), c.leg(t.Transferor)
	if !transferee.live() {
		c.endAll(Cause{Kind: Normal})
		return
	}
	transferTable.fire(&t.State, "answered")
	recalled := t.TransferorParty.Number == l.Party.Number && t.Tries > 0
	c.Bridge = []LegID{transferee.ID, l.ID}
	transferee.Moved = LegID{}
	c.takeRoles(transferee, l, recalled)
	c.Transfer = nil
	if recalled {
		c.become("transfer failed")
		c.notice(Notice{Kind: NoticeTransferFailed, Leg: l.ID, Cause: t.Cause})
		return
	}
	c.become("transferred")
	c.report(t, 200)
	c.notice(Notice{Kind: NoticeTransferred, Leg: l.ID})
	switch {
	case transferor == nil:
	case t.Release == ReleaseItself:
		c.startTimer(timerLeave, leaveTime)
	default:
		c.hangUp(transferor, Cause{Kind: Transferred})
	}
}

// takeRoles makes the pair that talks now the caller and the callee of the call.
func (c *Call) takeRoles(transferee, joined *Leg, recalled bool) {
	if recalled && transferee.ID == c.Callee {
		c.Caller, c.CallerParty = joined.ID, joined.Party
		return
	}
	if transferee.ID != c.Caller {
		c.Caller, c.CallerParty = transferee.ID, transferee.Party
		c.CallerDialled = joined.Party.Number
	}
	c.Callee, c.CalleeParty, c.CalleeDialled = joined.ID, joined.Party, joined.Party.Number
}

// leaveDue: a transferor who should have left by itself is sent away. The next transfer may be dialling already.
func (c *Call) leaveDue() {
	for _, l := range slices.Clone(c.Legs) {
		if l.ID != c.Caller && l.ID != c.Callee && !c.Fork.has(l.ID) {
			c.hangUp(l, Cause{Kind: Transferred})
		}
	}
}

// targetFailed: the target is busy, silent or away. The old pair talks again, or the transferor is called back.
func (c *Call) targetFailed(why Cause) {
	t := c.Transfer
	t.Cause = why
	located := t.State != TransferLocating
	if t.Reply != 0 && !located {
		c.reply(t.Reply, &Error{Kind: BadTarget, Param: "target", Text: "not registered"})
		t.Reply = 0
	}
	c.report(t, why.FinalStatus())
	if t.Gone {
		c.recallLater()
		return
	}
	transferTable.fire(&t.State, "refused")
	c.Bridge = []LegID{t.Transferee, t.Transferor}
	c.Transfer = nil
	c.become("transfer failed")
	if located {
		c.notice(Notice{Kind: NoticeTransferFailed, Leg: t.Transferor, Cause: why})
	}
}

// recallLater calls the transferor back after a pause, as often as configured; the transferee is never left with
// silence (T7).
func (c *Call) recallLater() {
	t := c.Transfer
	c.Bridge = []LegID{t.Transferee}
	if c.Settings.Transfer.OnFail != "recall" || t.Tries >= c.Settings.Transfer.Retries {
		c.endAll(t.Cause)
		return
	}
	t.Tries++
	transferTable.fire(&t.State, "recall later")
	c.startTimer(timerRecall, max(1, c.Settings.Transfer.Delay))
}

func (c *Call) recallNow() {
	t := c.Transfer
	if t == nil || !transferTable.fire(&t.State, "recall") {
		return
	}
	c.startFork(t.TransferorParty.Number, ForkRecall, c.Settings.Transfer.NoAnswer)
}

func (c *Call) recallFailed(Cause) { c.recallLater() }

// legLeftTransfer: one of the old pair left while the transfer runs.
func (c *Call) legLeftTransfer(l *Leg, why Cause) {
	t := c.Transfer
	switch l.ID {
	case t.Transferor:
		t.Gone = true // T3: the transfer goes on
		if c.Fork == nil && t.State == TransferLocating {
			c.recallLater()
		}
	case t.Transferee:
		c.report(t, 487) // T4
		c.endAll(why)
	}
}
