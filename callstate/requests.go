package callstate

// requested carries an application's wish out or refuses it; every one gets one reply.
func (c *Call) requested(ev Requested) {
	if c.State == CallEnding {
		if _, end := ev.Req.(End); end {
			c.reply(ev.Ref, nil) // A2: both who hang up succeed
			return
		}
		c.reply(ev.Ref, &Error{Kind: NoSuchCall})
		return
	}
	switch req := ev.Req.(type) {
	case End:
		c.reply(ev.Ref, nil)
		c.endAll(Cause{Kind: Aborted})
	case ForwardCall:
		c.forward(ev.Ref, req)
	case SendKeys:
		c.sendKeys(ev.Ref, req)
	case Hold:
		c.hold(ev.Ref)
	case Unhold:
		c.resume(ev.Ref)
	case BlindTransfer:
		c.blindTransfer(ev.Ref, req)
	default:
		c.reply(ev.Ref, &Error{Kind: BadRequest, Text: "unknown request"})
	}
}

// parties returns the two legs of a connected call, or refuses the request.
func (c *Call) parties(ref uint64) (caller, callee *Leg, ok bool) {
	caller, callee = c.leg(c.Caller), c.leg(c.Callee)
	switch {
	case c.Transfer != nil:
		c.reply(ref, &Error{Kind: InProgress, Text: "a transfer is being carried out"})
	case c.State != CallConnected || !caller.up() || !callee.up():
		c.reply(ref, &Error{Kind: WrongState, Text: "the call is not connected"})
	default:
		return caller, callee, true
	}
	return nil, nil, false
}

// hold puts both parties on hold (spec ozeki 8.4). Media holds them at once; the re-INVITE only shows it.
func (c *Call) hold(ref uint64) {
	caller, callee, ok := c.parties(ref)
	if !ok {
		return
	}
	c.reply(ref, nil)
	for _, l := range []*Leg{caller, callee} {
		if !l.APIHold {
			l.APIHold, l.Want = true, SendOnly
			c.reoffer(l)
		}
	}
}

// resume takes back hold; a hold made by a phone stays (spec ozeki 8.5).
func (c *Call) resume(ref uint64) {
	caller, callee, ok := c.parties(ref)
	if !ok {
		return
	}
	if !caller.APIHold && !callee.APIHold {
		c.reply(ref, &Error{Kind: WrongState, Text: "the call is not held by an application"})
		return
	}
	c.reply(ref, nil)
	c.unhold(caller)
	c.unhold(callee)
}
