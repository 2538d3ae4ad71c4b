package callstate

import "slices"

// Summary is what lists show of the call now: the same value as before where they show nothing new.
func (c *Call) Summary() *Summary {
	state, old := c.shown(), c.sum
	if old == nil || !c.showsLegs(old.Legs) {
		legs := make([]LegSummary, 0, len(c.Legs))
		for _, l := range c.Legs {
			legs = append(legs, c.legSummary(l))
		}
		c.sum = c.summary(state, legs)
	} else if !c.showsParties(old) || old.State != state {
		c.sum = c.summary(state, old.Legs)
	}
	return c.sum
}

func (c *Call) summary(state Shown, legs []LegSummary) *Summary {
	return &Summary{
		ID: c.ID, State: state, Caller: c.CallerParty, Shown: c.CallerShown, Callee: c.CalleeParty,
		CallerDialled: c.CallerDialled, CalleeDialled: c.CalleeDialled,
		Started: c.Started, RingFrom: c.RingFrom, Answered: c.Answered, Ended: c.Ended,
		Legs: legs,
	}
}

// showsParties tells whether a summary has all that the call shows beside its state and its legs.
func (c *Call) showsParties(s *Summary) bool {
	return s.ID == c.ID && s.Caller == c.CallerParty && s.Shown == c.CallerShown && s.Callee == c.CalleeParty &&
		s.CallerDialled == c.CallerDialled && s.CalleeDialled == c.CalleeDialled &&
		s.Started == c.Started && s.RingFrom == c.RingFrom && s.Answered == c.Answered && s.Ended == c.Ended
}

// showsLegs tells whether a list shows the legs as they are now.
func (c *Call) showsLegs(list []LegSummary) bool {
	if len(list) != len(c.Legs) {
		return false
	}
	for i, l := range c.Legs {
		if list[i] != c.legSummary(l) {
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
	if !in(c.State, CallEnding, CallOver) && !slices.Equal(c.Summary().Legs, c.Shows) {
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
