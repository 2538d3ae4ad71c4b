package callstate

// recallLater calls the transferor back after a pause, as often as configured; the transferee is never left with
// silence (T7).
func (c *Call) recallLater() {
	t := c.Transfer
	if c.Settings.Transfer.OnFail != "recall" || t.Tries >= c.Settings.Transfer.Retries || !t.fire("recall later") {
		c.endTransfer(t.Transferee, t.Cause)
		return
	}
	t.Tries++
	c.arrange()
	c.startTimer(timerRecall, max(1, c.Settings.Transfer.Delay))
}

func (c *Call) recallNow() {
	t := c.Transfer
	if t == nil || !t.fire("recall") {
		return
	}
	c.startFork(t.TransferorParty.Number, ForkRecall, c.Settings.Transfer.NoAnswer)
}

// recallJoined: the transferor came back, the old pair talks.
func (c *Call) recallJoined(l *Leg) {
	t := c.Transfer
	t.fire("answered")
	transferee := c.leg(t.Transferee)
	c.bridge(t.Bridge, transferee.ID, l.ID)
	c.unhold(transferee)
	if transferee.Calls || transferee.ID == c.Caller {
		c.takeRoles(transferee, l)
	} else {
		l.Calls = true
		c.Caller, c.CallerParty = l.ID, l.Party
	}
	c.finishTransfer("transfer failed") // which was told when the target failed
}

func (c *Call) recallFailed(Cause) { c.recallLater() }
