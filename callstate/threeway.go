package callstate

// mix has transferee, transferor and target talk, all three. Who is on a codec that media cannot make is moved to
// another one first; ref is answered when that is known. Nobody's conversation changes until then.
func (c *Call) mix(ref uint64) {
	t := c.Transfer
	t.Mixing, t.Reply = true, ref
	for _, l := range c.mixed() {
		if !l.Facts.Mixable {
			c.reoffer(l)
		}
	}
	c.mixSettled()
}

// mixed are the three legs of a consultation whose target is up.
func (c *Call) mixed() []*Leg {
	t := c.Transfer
	return []*Leg{c.leg(t.Transferee), c.leg(t.Transferor), c.leg(t.Joined)}
}

// mixableOther is another of the three whose codecs can be mixed; zero when there is none.
func (c *Call) mixableOther(l *Leg) LegID {
	for _, p := range c.mixed() {
		if p != l && p.live() && !p.App && p.Facts.Mixable {
			return p.ID
		}
	}
	return LegID{}
}

// mixSettled joins the three once all can be mixed, and gives it up when one cannot: the consultation goes on as it was
// (I9).
func (c *Call) mixSettled() {
	t := c.Transfer
	able := true
	for _, l := range c.mixed() {
		if l.Facts.Mixable {
			continue
		}
		if l.reoffered() {
			return
		}
		able = false
	}
	if !able {
		c.stopMixing(&Error{Kind: Unsupported, Text: "a phone has no codec that can be mixed"})
		c.notice(Notice{Kind: NoticeTransferFailed, Leg: t.Transferor, Cause: Cause{Kind: NoMedia}, ByPhone: t.Coded})
		return
	}
	t.fire("threeway")
	c.bridge(t.Bridge, t.Transferee, t.Transferor, t.Joined)
	c.stopMixing(nil)
	c.finishTransfer("transferred")
	c.notice(Notice{Kind: NoticeJoined, Leg: t.Joined})
}

// stopMixing answers who waits for the three to talk.
func (c *Call) stopMixing(err *Error) {
	if t := c.Transfer; t.Mixing {
		c.reply(t.Reply, err)
		t.Mixing, t.Reply = false, 0
	}
}
