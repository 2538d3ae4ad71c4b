package phone

// common lists the offered codecs that this phone has, in the order of the offer and with its numbers.
func (c *Call) common(offer *SDP) []Codec {
	var both []Codec
	for _, theirs := range offer.Codecs {
		for _, ours := range c.p.codecs {
			if ours.same(theirs) {
				theirs.Fmtp = ours.Fmtp
				both = append(both, theirs)
				break
			}
		}
	}
	return both
}

// describe writes this side's description: an offer, or the answer to one (RFC 3264 §5, §6). p.mu is held.
func (c *Call) describe(offer *SDP) string {
	d := description{
		user: c.p.cfg.Number, session: c.session, version: c.version, addr: c.Media.Local(), zero: c.zero,
		codecs: c.offerCodecs(), eventPT: c.eventPT, direction: c.direction, offer: offer,
	}
	if offer != nil {
		d.codecs = c.common(offer)
		d.direction = answerDirection(c.direction, offer)
		if d.eventPT >= 0 {
			d.eventPT = offer.EventPT
		}
	} else {
		c.offering = c.direction
	}
	if text := d.String(); text == c.lastSDP {
		return text // RFC 3264 §8: nothing changed, so neither does the version
	}
	c.version++
	d.version = c.version
	c.lastSDP = d.String()
	return c.lastSDP
}

// offerCodecs are all the phone has, under the numbers that earlier offers of the peer gave them (RFC 3264 §8.3.2).
func (c *Call) offerCodecs() []Codec {
	all := append([]Codec(nil), c.p.codecs...)
	for i := range all {
		for _, k := range c.codecs {
			if k.same(all[i]) {
				all[i].PT = k.PT
			}
		}
	}
	return all
}

// agree puts the peer's description into force: where to send and with what. direction is that of this side's
// description. p.mu is held.
func (c *Call) agree(s *SDP, direction string) {
	c.remoteSDP = s
	both := c.common(s)
	if len(both) > 0 {
		c.codecs = both
	}
	if c.eventPT >= 0 && s.EventPT >= 0 {
		c.eventPT = s.EventPT
	}
	send := (direction == SendRecv || direction == SendOnly) && !s.held()
	events := -1
	if c.p.cfg.EventPT >= 0 {
		events = s.EventPT
	}
	c.Media.agree(s.Addr, both, c.offerCodecs(), events, c.eventPT, send)
}
