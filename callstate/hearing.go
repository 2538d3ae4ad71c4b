package callstate

import "slices"

// refresh tells media what each leg hears now, where that has changed. What a leg hears is never stored as a decision:
// it follows from the bridge, the holds and the transfer.
func (c *Call) refresh() {
	for _, l := range c.Legs {
		if !l.live() {
			continue
		}
		hears, plays := c.hearing(l)
		if slices.Equal(hears, l.Hears) && plays == l.Plays {
			continue
		}
		l.Hears, l.Plays = hears, plays
		c.do(Connect{Leg: l.ID, Hears: hears, Play: plays})
	}
}

// hearing is what a leg hears in the present state.
func (c *Call) hearing(l *Leg) ([]LegID, Sound) {
	switch {
	case !l.Bound:
		return nil, Nothing
	case !slices.Contains(c.Bridge, l.ID):
		return nil, c.outsideBridge(l)
	case l.APIHold:
		return nil, Music
	case l.PhoneHold:
		return nil, Silence
	}
	p := c.leg(c.partner(l))
	switch {
	case p == nil || !p.Bound:
		return nil, c.alone(l)
	case p.held():
		return nil, Music
	}
	return []LegID{p.ID}, Nothing
}

// outsideBridge is what a leg hears that talks to nobody: a caller whose media is set up while its new destination is
// being dialled hears it ring; a transferor who is still there hears nothing.
func (c *Call) outsideBridge(l *Leg) Sound {
	if l.ID == c.Caller && in(c.State, CallRinging, CallForwarding) {
		return Ringback
	}
	return Silence
}

// alone is what the only leg of the bridge hears: a transferee, that somebody is being called; a phone that rings
// itself, nothing.
func (c *Call) alone(l *Leg) Sound {
	if c.Fork.has(l.ID) {
		return Silence
	}
	if c.Transfer != nil || in(c.State, CallRinging, CallForwarding) {
		return Ringback
	}
	return Silence
}
