package callstate

import "slices"

// refresh tells media what each leg hears now and who is recorded, where that has changed. What a leg hears is never
// stored as a decision: it follows from the bridges, the holds and the transfer.
func (c *Call) refresh() {
	c.setGates()
	for _, l := range c.Legs {
		if !l.live() || l.App {
			continue
		}
		var buffer [3]LegID // nearly always enough
		now, plays := c.hearing(l, buffer[:0])
		if slices.Equal(now, l.Hears) && plays == l.Plays {
			if c.withApp(l) {
				c.makePlayable(l)
			}
			continue
		}
		hears := slices.Clone(now)
		l.Hears, l.Plays = hears, plays
		if len(hears) > 0 && !slices.Contains(hears, l.Moved) {
			l.Moved = LegID{} // whether it must move for another partner is not known yet
		}
		c.do(Connect{Leg: l.ID, Hears: hears, Play: plays})
		c.makePlayable(l)
	}
	c.playOn()
	for _, l := range c.Legs {
		l.Reads = l.Reads && l.reoffered()
	}
	c.followRecord()
}

// hearing is what a leg hears in the present state: the others of its bridge that do not hold, or a sound. An
// application has no voice of its own: whoever talks to it alone hears silence, in packets, so that their path stays up.
// Heard is an empty list to append to.
func (c *Call) hearing(l *Leg, heard []LegID) ([]LegID, Sound) {
	if !l.Bound {
		return nil, Nothing
	}
	waits := c.waits(l)
	others, allHeld, app := false, false, false
	for _, p := range c.Legs {
		switch {
		case p == l || l.Bridge == 0 || p.Bridge != l.Bridge || !p.live() || !p.Bound:
		case p.held():
			others, allHeld = true, allHeld || p.APIHold
		case p.App:
			app = true
		default:
			others, heard = true, append(heard, p.ID)
		}
	}
	holds := l.APIHold && !waits // whoever waits is told that it rings, whatever was held before
	switch {
	case holds && allHeld:
		return nil, Music // not one party but the call is held
	case holds || l.PhoneHold:
		return nil, Silence
	case len(heard) > 0:
		return heard, Nothing
	case app:
		return nil, Silence
	case others:
		return nil, Music
	case waits:
		return nil, Ringback
	}
	return nil, c.outside(l)
}

// outside is what a leg hears that talks to nobody and for which nobody is called. A phone that rings itself, or a
// transferor who is still there, hears nothing.
func (c *Call) outside(l *Leg) Sound {
	switch {
	case c.keptWaiting(l):
		return Music
	case c.asks(l) && c.Transfer.Target == "":
		return DialTone
	case c.Transfer.has(l.ID) && in(c.Transfer.State, Failing, TransferDropping):
		return BusyTone
	}
	return Silence
}

// waits tells whether somebody is being called for a leg: it hears ringback or early media.
func (c *Call) waits(l *Leg) bool {
	switch {
	case in(c.State, CallRouting, CallRinging, CallForwarding), c.Fork != nil && c.Fork.For == ForkCallee:
		return l.ID == c.Caller
	case c.Transfer != nil:
		return l.ID == c.Transfer.waits()
	}
	return false
}

// keptWaiting tells whether a consultation keeps a leg waiting, which hears music.
func (c *Call) keptWaiting(l *Leg) bool {
	t := c.Transfer
	return t.attended() && l.Bridge == 0 && (l.ID == t.Transferee && in(t.State, Asking, RingingTarget, UpTarget, Failing) ||
		l.ID == t.Joined && t.State == UpTransferee)
}
