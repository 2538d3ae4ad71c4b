package callstate

// connected: media says how it joined legs. When it cannot, the leg is moved once to the codec of its partner by
// re-INVITE (edge case T31).
func (c *Call) connected(l *Leg, ev Connected) {
	p := c.leg(c.partner(l))
	if ev.How != Impossible || p == nil || l.Reads || p.Reads || c.Fork.has(l.ID) || p.Moved == l.ID {
		return // its partner is on the way to it; if both moved, they would only change places
	}
	c.moveCodec(l, p)
}

// moveCodec asks a phone, once, for a codec that can be connected to p.
func (c *Call) moveCodec(l, p *Leg) {
	if l.Moved != p.ID && l.up() { // sip sends the offer once our 200 is acknowledged
		l.Moved = p.ID
		c.reoffer(l)
	}
}

// rejoin moves a leg, which was asked for another codec for the sake of a clip, back to its partner when that one could not
// follow: they must hear each other again.
func (c *Call) rejoin(l *Leg) {
	p := c.leg(c.partner(l))
	if !p.live() || !l.Facts.Mixable || p.Facts.Codec == "" || connectable(l, p) {
		return // or it was never moved
	}
	l.Moved = LegID{}
	if !p.reoffered() { // else its refusal moves l, see codecSettled
		c.moveCodec(l, p)
	}
}

// makePlayable asks the phone of a leg to which media makes the sound for a codec in which it can, once each time; a phone
// that has none hears nothing.
func (c *Call) makePlayable(l *Leg) {
	switch {
	case !c.playable(l):
		l.Asked = false
	case !l.Asked && l.up() && l.Facts.Codec != "" && !l.Facts.Mixable:
		l.Asked = true
		c.reoffer(l)
	}
}

// playable tells whether media makes what a leg hears: it hears a sound or a clip, or talks to an application.
func (c *Call) playable(l *Leg) bool { return l.plays() || c.withApp(l) || c.clipAt(l) }

// reoffered tells whether an offer of ours to the leg's phone has had no outcome yet.
func (l *Leg) reoffered() bool {
	return l.busyWith(ForReoffer) || l.busyWith(ForOffered) || l.busyWith(ForReanswered)
}

// plays tells whether media plays something to the leg.
func (l *Leg) plays() bool {
	return l.Plays == Ringback || l.Plays == Music || l.Plays == BusyTone
}

// codecSettled: an offer of ours to a phone has had its outcome. If it was to move the leg to another codec and nothing
// came of it, its partner is asked instead.
func (c *Call) codecSettled(l *Leg) {
	if t := c.Transfer; t != nil && t.Mixing && t.has(l.ID) {
		c.mixSettled()
	}
	p := c.leg(c.partner(l))
	if l.Moved.Zero() || p == nil || p.ID != l.Moved || connectable(l, p) || l.busyWith(ForReoffer) || l.busyWith(ForOffered) {
		return
	}
	c.moveCodec(p, l)
}

// connectable tells whether media can join two legs: by relay or, of codecs that it can make, by transcoding.
func connectable(x, y *Leg) bool {
	return x.Facts.Codec == y.Facts.Codec || x.Facts.Mixable && y.Facts.Mixable
}
