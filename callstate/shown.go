package callstate

// showPartners tells the phone of an extension that wants it whom it talks to, when that is another party than it
// believes (T30). Like what it hears, that follows from the bridge: whatever kind of transfer put the two together.
func (c *Call) showPartners() {
	for _, l := range c.Legs {
		if l.State != LegUp || l.Bridge == 0 || l.App || l.Trunk != "" || !c.dir.Extensions[l.Party.Number].ConnectedLine {
			continue
		}
		if p := c.onlyPartner(l); p != nil && p.seenAs().Number != l.Shown.Number {
			l.Shown = p.seenAs()
			c.do(ShowPartner{Leg: l.ID, Partner: l.Shown})
		}
	}
}

// onlyPartner is the one answered leg that a leg of a bridge talks to; nil when there are more, or none.
func (c *Call) onlyPartner(l *Leg) (only *Leg) {
	for _, p := range c.Legs {
		if p == l || p.Bridge != l.Bridge || !p.live() {
			continue
		}
		if only != nil || !p.up() {
			return nil
		}
		only = p
	}
	return only
}

// showsAs is whom the phones of a fork see as their caller: who consults them, or the party that they would talk to.
func (c *Call) showsAs() Party {
	if t := c.Transfer; t != nil {
		if t.attended() && !t.Blind && c.Fork.For == ForkTarget {
			return t.TransferorParty
		}
		if l := c.leg(t.Transferee); l != nil {
			return l.seenAs()
		}
	}
	if l := c.leg(c.Caller); l != nil {
		return l.seenAs()
	}
	return c.CallerShown
}
