package callstate

// Summary is what lists show of the call now; a fresh value each time.
func (c *Call) Summary() *Summary {
	s := &Summary{
		ID: c.ID, State: c.shown(), Caller: c.CallerParty, Callee: c.CalleeParty,
		CallerDialled: c.CallerDialled, CalleeDialled: c.CalleeDialled,
		Started: c.Started, RingFrom: c.RingFrom, Answered: c.Answered, Ended: c.Ended,
		Legs: make([]LegSummary, 0, len(c.Legs)),
	}
	for _, l := range c.Legs {
		s.Legs = append(s.Legs, LegSummary{ID: l.ID, Party: l.Party, State: l.State, Inbound: l.Inbound, SIPCallID: l.SIPCallID})
	}
	return s
}

func (c *Call) shown() Shown {
	switch c.State {
	case CallConnected, CallTransferring:
		if c.anyHeld() {
			return ShownHeld
		}
		return ShownInCall
	case CallRinging, CallForwarding:
		if c.RingFrom != (Time{}) {
			return ShownRinging
		}
	case CallEnding, CallOver:
		return ShownEnded
	}
	return ShownSetup
}

// anyHeld tells whether one of the parties in the bridge is held or holds.
func (c *Call) anyHeld() bool {
	for _, id := range c.Bridge {
		if l := c.leg(id); l != nil && l.held() {
			return true
		}
	}
	return false
}

// notice publishes what happened with the summary of this moment.
func (c *Call) notice(n Notice) {
	n.Summary = c.Summary()
	c.do(Publish{Notice: n})
}

// showHold publishes that the call came to be held or was resumed.
func (c *Call) showHold() {
	held := c.shown() == ShownHeld
	if held == c.ShowsHeld {
		return
	}
	c.ShowsHeld = held
	switch {
	case held:
		c.notice(Notice{Kind: NoticeHeld})
	case in(c.State, CallConnected, CallTransferring):
		c.notice(Notice{Kind: NoticeResumed})
	}
}
