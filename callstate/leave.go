package callstate

// legEnded: a leg's dialog is over, or its INVITE failed.
func (c *Call) legEnded(l *Leg, ev LegEnded) {
	if !l.live() {
		c.remove(l)
		return
	}
	l.EndedBy = ev.Cause
	c.settleWinner(l)
	n := l.Bridge
	c.remove(l)
	if c.Fork.has(l.ID) && c.Fork.Winner != l.ID {
		c.branchEnded(l, ev.Cause, ev.Moved)
		return
	}
	c.gone(l, n, ev.Cause)
}

// drop hangs up one party; the others go on as if it had left by itself.
func (c *Call) drop(l *Leg, why Cause) {
	c.settleWinner(l)
	n := l.Bridge
	c.hangUp(l, why)
	c.gone(l, n, why)
}

// settleWinner: a target that leaves while media still reads its answer has answered all the same (T6).
func (c *Call) settleWinner(l *Leg) {
	if c.Fork.has(l.ID) && c.Fork.Winner == l.ID && c.Fork.For != ForkCallee {
		c.joined(l)
	}
}

// gone decides what the end of a leg that was in bridge n means for the others.
func (c *Call) gone(l *Leg, n int, why Cause) {
	switch {
	case in(c.State, CallEnding, CallOver):
	case c.Fork.has(l.ID) && c.Fork.Winner == l.ID:
		c.forkFailed(why)
	case c.Fork.has(l.ID):
		c.branchEnded(l, why, nil)
	case c.Transfer.has(l.ID):
		c.leftTransfer(l, why)
	case n != 0:
		c.leftBridge(l, n, why)
	case l.ID == c.Caller || l.ID == c.Callee:
		c.endBy(l.ID, why)
	}
}

// leftBridge: of three the other two go on (P22); of two the other is released.
func (c *Call) leftBridge(l *Leg, n int, why Cause) {
	rest := c.talkers(n)
	if len(rest) < 2 {
		c.dissolve(l, n, why)
		return
	}
	c.chooseRoles(n)
	c.notice(Notice{Kind: NoticeLeft, Leg: l.ID, Cause: why})
}

// dissolve releases whoever is left in a bridge because l has left it, and ends the call with its last bridge.
func (c *Call) dissolve(l *Leg, n int, why Cause) {
	other := c.elsewhere(n)
	if other == 0 {
		c.endBy(l.ID, why)
		return
	}
	for _, x := range c.talkers(n) {
		c.hangUp(x, why)
	}
	if n == c.Main {
		c.moveMain(other)
	}
	c.notice(Notice{Kind: NoticeLeft, Leg: l.ID, Cause: why})
}

// endLeg hangs up one party (spec yeastar-p 4.3). Who hangs up what is being hung up succeeds as well (A2).
func (c *Call) endLeg(ref uint64, req EndLeg) {
	l := c.leg(req.Leg)
	if l == nil {
		c.reply(ref, noSuchLeg())
		return
	}
	c.reply(ref, nil)
	why := Cause{Kind: Aborted}
	if l.App { // it is the party itself that leaves
		why.Kind = Normal
	}
	if l.live() {
		c.drop(l, why)
	}
}

func noSuchLeg() *Error { return &Error{Kind: NoSuchLeg, Param: "leg"} }

// mediaSilent: nobody is at the other end of a leg any more, unless it or whom it talks to holds. While a blind transfer
// runs, its own end comes soon enough.
//
// Who talks to an application alone has nothing to say while that one talks, and a phone that suppresses silence then sends
// nothing (RFC 3389 §1): as long as a clip plays to it, or has since media told of its silence last, it is taken to listen.
// calls.max ends a call whose phone is gone while a clip repeats for ever.
func (c *Call) mediaSilent(l *Leg) {
	listens := l.Listens && c.withApp(l)
	l.Listens = c.clipAt(l)
	if t := c.Transfer; listens || !l.up() || t.has(l.ID) && !t.attended() {
		return
	}
	for _, p := range c.talkers(l.Bridge) {
		if p.ID != l.ID && p.up() && !p.held() && !l.held() {
			c.drop(l, Cause{Kind: Silent})
			return
		}
	}
}
