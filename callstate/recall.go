package callstate

// recallLater calls the transferor back after a pause, as often as configured; the transferee is never left with
// silence (T7). An outside transferor is not called back: that would be a call to the outside which nobody asked for. Nor
// is an application, which has left for good.
func (c *Call) recallLater() {
	t := c.Transfer
	if c.Settings.Transfer.OnFail != "recall" || t.Outside || t.App || t.Tries >= c.Settings.Transfer.Retries || !t.fire("recall later") {
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
	c.startFork(Route{Number: t.TransferorParty.Number}, ForkRecall, c.Settings.Transfer.NoAnswer)
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
		c.setCaller(l)
	}
	c.finishTransfer("transfer failed") // which was told when the target failed
}

func (c *Call) recallFailed(Cause) { c.recallLater() }
