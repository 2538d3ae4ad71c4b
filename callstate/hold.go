package callstate

// hold has all parties hold (spec ozeki 8.4). Media holds them at once; the re-INVITE only shows it.
func (c *Call) hold(ref uint64) {
	if _, _, ok := c.parties(ref); !ok {
		return
	}
	c.reply(ref, nil)
	for _, l := range c.talkers(c.Main) {
		l.APIHold = true
		if l.Want != SendOnly {
			l.Want = SendOnly
			c.reoffer(l)
		}
	}
}

// resume takes back hold; a hold made by a phone stays (spec ozeki 8.5).
func (c *Call) resume(ref uint64) {
	if _, _, ok := c.parties(ref); !ok {
		return
	}
	var held []*Leg
	for _, l := range c.talkers(c.Main) {
		if l.APIHold {
			held = append(held, l)
		}
	}
	if len(held) == 0 {
		c.reply(ref, &Error{Kind: WrongState, Text: "the call is not held by an application"})
		return
	}
	c.reply(ref, nil)
	for _, l := range held {
		c.unhold(l)
	}
}

// holdLeg has one party hold the others. It is the switch that holds: no phone is asked (spec yeastar-p 4.4). Holding
// twice does nothing (H7).
func (c *Call) holdLeg(ref uint64, req HoldLeg) {
	l, _, no := c.talking(req.Leg)
	if no == nil {
		l.APIHold = true
	}
	c.reply(ref, no)
}

// unholdLeg takes back holdLeg; what the phone itself holds stays held (H9).
func (c *Call) unholdLeg(ref uint64, req UnholdLeg) {
	l, _, no := c.talking(req.Leg)
	switch {
	case no != nil:
	case !l.APIHold:
		no = &Error{Kind: WrongState, Text: "no application has it hold"}
	default:
		c.unhold(l)
	}
	c.reply(ref, no)
}

// unhold takes an application's hold off a leg, and shows that to its phone if it was shown the hold.
func (c *Call) unhold(l *Leg) {
	if l == nil || !l.APIHold {
		return
	}
	l.APIHold = false
	if l.Want != SendRecv {
		l.Want = SendRecv
		c.reoffer(l)
	}
}
