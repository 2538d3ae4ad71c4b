package callstate

import "slices"

// referReceived: a phone asks for a transfer. REFER is always consumed here, never relayed.
func (c *Call) referReceived(l *Leg, ev ReferReceived) {
	refuse := func(status int) { c.do(RefuseRefer{Leg: l.ID, Ref: ev.Ref, Status: status}) }
	stays := c.leg(c.other(l))
	switch {
	case !l.live():
		refuse(481)
		return
	case l.State != LegUp:
		refuse(403) // T11: the dialog is not confirmed
		return
	case c.Transfer != nil || c.State != CallConnected || c.Fork != nil || l.Bridge == 0 || !stays.up():
		refuse(491) // T8, T9
		return
	case len(c.talkers(l.Bridge)) > 2 && !ev.Replaces.Given():
		refuse(403) // of three, nobody tells which one is meant
		return
	}
	t := &Transfer{State: TransferLocating, Release: ReleaseItself, Bridge: l.Bridge, Transferor: l.ID,
		Transferee: stays.ID, Target: ev.Target, Refer: ev.Ref, ReferredBy: ev.ReferredBy}
	if ev.Replaces.Given() {
		c.referReplaces(t, ev)
		return
	}
	c.do(AcceptRefer{Leg: l.ID, Ref: ev.Ref})
	if r := c.dir.Route(ev.Target, l.by()); r.Refused != "" {
		c.report(t, Cause{Kind: r.Refused}.FinalStatus()) // T17: as if the transferor had dialled it
		return
	} else if c.unfit(stays, r) {
		c.report(t, Cause{Kind: Loop}.FinalStatus()) // T13
		return
	}
	c.begin(t, "")
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

// leaveDue: a transferor who should have left by itself is sent away. The next transfer may be dialling already.
func (c *Call) leaveDue() {
	for _, l := range slices.Clone(c.Legs) {
		if l.Bridge == 0 && l.Takes.Zero() && !c.Transfer.has(l.ID) && !c.Fork.has(l.ID) {
			c.hangUp(l, Cause{Kind: Transferred})
		}
	}
}
