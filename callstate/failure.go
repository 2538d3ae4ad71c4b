package callstate

import "time"

// targetFailed: the target is busy, silent, away or has left. The old pair talks again, the transferor is called back,
// or who is alone hears a failure tone.
func (c *Call) targetFailed(why Cause) {
	t := c.Transfer
	t.Cause = why
	t.Joined = LegID{}
	told := !in(t.State, TransferFetching, TransferLocating)
	if t.Reply != 0 && !t.attended() {
		text := "not registered"
		if (told || t.Wait) && why.Kind != Unavailable {
			text = string(why.Kind)
		}
		c.reply(t.Reply, &Error{Kind: BadTarget, Param: "target", Text: text})
		t.Reply = 0
	}
	if t.State == Asking && t.Target == "" {
		told = false // nobody was called
	}
	c.report(t, why.FinalStatus())
	c.stopMixing(&Error{Kind: WrongState, Text: "the target has left"})
	about := t.Transferor
	switch {
	case t.Gone:
		if told {
			c.notice(t.about(Notice{Kind: NoticeTransferFailed, Leg: t.Transferee, Cause: why}))
		}
		c.recallLater()
		return
	case t.attended():
		t.fire("target gone")
	case t.Release == ReleaseAtOnce:
		about = t.Transferee
		t.fire("failure tone")
	default:
		t.fire("refused")
	}
	switch t.State {
	case Failing:
		c.playTone(backTone)
	case TransferDropping:
		c.playTone(lastTone)
	default:
		c.restore()
	}
	if told {
		c.notice(t.about(Notice{Kind: NoticeTransferFailed, Leg: about, Cause: why}))
	}
}

// restore ends the transfer with the old pair talking.
func (c *Call) restore() {
	t := c.Transfer
	c.bridge(t.Bridge, t.Transferee, t.Transferor)
	c.finishTransfer("transfer failed")
}

// playTone has the failure tone heard for a while; toneOver goes on.
func (c *Call) playTone(long time.Duration) {
	c.arrange()
	c.startTimer(timerTone, long)
}

// toneOver: whoever heard the failure tone talks to the transferee again, or is released when nobody is left.
func (c *Call) toneOver() {
	t := c.Transfer
	switch {
	case t == nil:
	case t.State == TransferDropping:
		c.endTransfer(t.alone(), t.Cause)
	case t.fire("tone over"):
		c.restore()
	}
}

// leftTransfer: a party of the transfer left.
func (c *Call) leftTransfer(l *Leg, why Cause) {
	t := c.Transfer
	switch {
	case t.attended():
		c.leftConsultation(l, why)
	case l.ID == t.Transferee && t.State == TransferFetching && len(c.stay()) > 0: // one of three
		t.Transferee = c.stay()[0].ID
		c.chooseRoles(t.Bridge)
		c.notice(Notice{Kind: NoticeLeft, Leg: l.ID, Cause: why})
	case l.ID == t.Transferor:
		t.Gone = true // T3: the transfer goes on
		if c.Fork == nil && t.State == TransferLocating {
			c.recallLater()
		}
	default:
		c.report(t, 487) // T4
		c.endTransfer(l.ID, why)
	}
}

// endTransfer releases everybody who is in the transfer, since nobody is left to talk to. Who left may be known.
func (c *Call) endTransfer(left LegID, why Cause) {
	t := c.Transfer
	n := t.Bridge
	other := c.elsewhere(n)
	if other == 0 {
		c.endBy(left, why)
		return
	}
	c.cancelFork(why)
	for _, id := range []LegID{t.Transferee, t.Transferor, t.Joined} {
		c.hangUp(c.leg(id), why)
	}
	t.fire("give up")
	if !t.attended() {
		c.reply(t.Reply, &Error{Kind: WrongState, Text: "a party has left"})
	}
	c.finishTransfer("transfer failed")
	if n == c.Main {
		c.moveMain(other)
	}
	c.notice(Notice{Kind: NoticeLeft, Leg: left, Cause: why})
}
