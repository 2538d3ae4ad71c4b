package callstate

// Summary is what lists show of the call now. The legs are shared with other summaries that show the same.
func (c *Call) Summary() *Summary {
	return &Summary{
		ID: c.ID, State: c.shown(), Caller: c.CallerParty, Shown: c.CallerShown, Callee: c.CalleeParty,
		CallerDialled: c.CallerDialled, CalleeDialled: c.CalleeDialled,
		Started: c.Started, RingFrom: c.RingFrom, Answered: c.Answered, Ended: c.Ended,
		Legs: c.legSummaries(),
	}
}

func (c *Call) legSummaries() []LegSummary {
	if c.Shows != nil && c.told() {
		return c.Shows
	}
	all := make([]LegSummary, 0, len(c.Legs))
	for _, l := range c.Legs {
		all = append(all, c.legSummary(l))
	}
	return all
}

// told tells whether the last notice carried what the list of legs shows now.
func (c *Call) told() bool {
	if len(c.Shows) != len(c.Legs) {
		return false
	}
	for i, l := range c.Legs {
		if c.Shows[i] != c.legSummary(l) {
			return false
		}
	}
	return true
}

func (c *Call) legSummary(l *Leg) LegSummary {
	t := c.Transfer
	consults := t.attended() && l.ID == t.Transferor && in(t.State, RingingTarget, UpTarget, Failing, TransferDropping)
	return LegSummary{ID: l.ID, Party: l.Party, State: l.State, Inbound: l.Inbound, App: l.App, SIPCallID: l.SIPCallID, Trunk: l.Trunk, Local: l.Local,
		Calling: l.Calls || consults, Waits: l.live() && c.waits(l), Held: l.live() && (l.held() || c.keptWaiting(l))}
}

func (c *Call) shown() Shown {
	switch c.State {
	case CallConnected, CallTransferring:
		if c.anyHeld() {
			return ShownHeld
		}
		return ShownInCall
	case CallRouting, CallRinging, CallForwarding:
		if c.RingFrom != (Time{}) {
			return ShownRinging
		}
	case CallEnding, CallOver:
		return ShownEnded
	}
	return ShownSetup
}

// anyHeld tells whether one of the parties of the call holds.
func (c *Call) anyHeld() bool {
	for _, l := range c.Legs {
		if l.live() && l.Bridge == c.Main && l.held() {
			return true
		}
	}
	return false
}

// notice publishes what happened with the summary of this moment.
func (c *Call) notice(n Notice) {
	if n.Summary = c.Summary(); n.Kind == NoticeLeft || n.Kind == NoticeEnded {
		n.Moved = c.Moved
	}
	c.Shows = n.Summary.Legs
	c.do(Publish{Notice: n})
}

// showLegs publishes that the list of legs shows something new, when no other notice of the step has said so.
func (c *Call) showLegs() {
	if !in(c.State, CallEnding, CallOver) && !c.told() {
		c.notice(Notice{Kind: NoticeChanged})
	}
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
