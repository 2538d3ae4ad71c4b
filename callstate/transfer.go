package callstate

import "slices"

// Transfer is one party being replaced: the transferor leaves, the transferee stays, the target is added (RFC 5589).
type Transfer struct {
	State                  string
	Release                Release
	Bridge                 int // where the conversation goes on
	Transferor, Transferee LegID
	TransferorParty        Party
	Outside                bool         // the transferor is at the other end of a trunk
	App                    bool         // the transferor is an application
	Wait                   bool         // the request waits until the target has answered
	Target                 string       // its number
	Coded                  bool         // a code began it
	Blind                  bool         // a code began it, and the transferor leaves as soon as somebody rings
	Rights                 string       // the extension whose rights count for an outside number, where an application named one
	Joined                 LegID        // the target's leg, once it has answered a consultation
	Mixing                 bool         // threeway was asked; a leg is being moved to a codec that can be mixed
	Refer                  uint32       // the REFER that asked for it, 0 when an application did
	Consultation           LegID        // the transferor's leg in the other call, which it names by Replaces
	Token                  uint32       // of the Fetch of that leg
	Replaces               string       // of a REFER that names a dialog elsewhere: to be passed on to it (P2)
	Parties                []LegSummary // who talked before, until it is told
	ReferredBy             string
	Reply                  uint64 // the request that waits for its outcome
	Gone                   bool   // the transferor has left
	Tries                  int    // how often it was called back
	Cause                  Cause  // why the target failed
}

// Release says when the transferor leaves.
type Release string

const (
	ReleaseAtOnce   Release = "at once"   // and the transferee does not come back to it; MoveLeg
	ReleaseOnAnswer Release = "on answer" // when the target answers; BlindTransfer
	ReleaseItself   Release = "itself"    // by its own BYE, or ours a few seconds after; REFER
	ReleaseAsked    Release = "asked"     // when Complete is asked or it hangs up; an attended transfer
)

// attended tells whether the transferor consults the target.
func (t *Transfer) attended() bool { return t != nil && t.Release == ReleaseAsked }

// table is the machine of the kind of transfer that it is.
func (t *Transfer) table() *table {
	if t.attended() {
		return attendedTable
	}
	return transferTable
}

func (t *Transfer) fire(event string) bool { return t.table().fire(&t.State, event) }

// has tells whether a leg, other than one of those being called, is a party of the transfer.
func (t *Transfer) has(id LegID) bool {
	return t != nil && (id == t.Transferee || id == t.Joined || id == t.Transferor && !t.Gone)
}

// waits is the leg that hears the target, or a transferor who is called back, ring; zero when none does.
func (t *Transfer) waits() LegID {
	switch {
	case t.State == RingingTarget:
		return t.Transferor
	case in(t.State, TransferRinging, Waiting, TransferPausing, TransferRecalling),
		in(t.State, TransferFetching, TransferLocating) && t.Gone:
		return t.Transferee
	}
	return LegID{}
}

// alone is who is left when there is nobody to talk to.
func (t *Transfer) alone() LegID {
	if t.Transferee.Zero() {
		return t.Transferor
	}
	return t.Transferee
}

// begin starts a transfer of two who talk, or of one who is alone, to a number that is routed here.
func (c *Call) begin(t *Transfer, told NoticeKind) {
	c.undertake(t)
	c.arrange()
	if told != "" {
		about := t.Transferor
		if t.Release == ReleaseAtOnce {
			about = t.Transferee
		}
		c.notice(t.about(Notice{Kind: told, Leg: about}))
	}
	if r := c.dir.Route(t.Target, c.rights(t)); r.Refused != "" {
		c.targetFailed(Cause{Kind: r.Refused})
	} else {
		c.startFork(r, ForkTarget, c.Settings.Transfer.NoAnswer)
	}
}

// undertake makes t the transfer of the call.
func (c *Call) undertake(t *Transfer) {
	c.become("transfer")
	c.Transfer = t
	if from := c.leg(t.Transferor); from != nil {
		t.TransferorParty, t.Outside, t.App = from.Party, from.Trunk != "", from.App
	}
	if t.Release == ReleaseItself && !t.Outside { // reports tell what extensions do (spec yeastar-s 4.3)
		t.Parties = c.parting(t) // now: the transferor may leave before it is told (T3)
	}
}

// rights are those by which a transfer's target is called: of the extension that was named, or of the transferor as if
// it had dialled the number (T17). Where the transferor leaves at once and has no say, they are the transferee's.
func (c *Call) rights(t *Transfer) By {
	switch {
	case t.Rights != "":
		return By{Extension: t.Rights}
	case t.Release == ReleaseAtOnce:
		return c.leg(t.Transferee).by()
	}
	return c.leg(t.Transferor).by()
}

// arrange puts the parties of the transfer where its state wants them.
func (c *Call) arrange() {
	t := c.Transfer
	var early LegID
	if c.Fork != nil {
		early = c.Fork.Early
	}
	switch t.State {
	case TransferFetching: // all stay where they are, of three too
	case TransferLocating, RingingTransferee, UpTransferee, Joining:
		c.bridge(t.Bridge, t.Transferee, t.Transferor)
	case TransferRinging, Waiting, TransferPausing, TransferRecalling:
		c.bridge(t.Bridge, t.Transferee, early)
	case RingingTarget:
		c.bridge(t.Bridge, t.Transferor, early)
	case UpTarget:
		c.bridge(t.Bridge, t.Transferor, t.Joined)
	case Asking, Failing, TransferDropping:
		c.bridge(t.Bridge)
	}
}

// finishTransfer forgets the transfer; outcome is the event of the call.
func (c *Call) finishTransfer(outcome string) {
	c.stopMixing(&Error{Kind: WrongState, Text: "another operation came first"})
	c.stopTimer(timerTone)
	c.stopTimer(timerRecall)
	c.stopTimer(timerNumber)
	c.Transfer = nil
	c.become(outcome)
}

// targetLocated: the target is registered. From here the transferee hears ringback.
func (c *Call) targetLocated() {
	t := c.Transfer
	if t.State == Asking {
		c.moveAway()
	}
	if t.State != TransferLocating {
		return
	}
	t.fire("located")
	if !t.Wait {
		c.reply(t.Reply, nil)
		t.Reply = 0
	}
	c.arrange()
	c.notice(t.about(Notice{Kind: NoticeTransferring, Leg: t.Transferor, Parties: t.parties()}))
}

// parting is who talks before a transfer, the transferor last.
func (c *Call) parting(t *Transfer) (all []LegSummary) {
	for _, l := range c.stay() {
		all = append(all, c.legSummary(l))
	}
	if l := c.leg(t.Transferor); l != nil {
		all = append(all, c.legSummary(l))
	}
	return all
}

// parties is who talked before, for the one notice with which the transfer takes effect.
func (t *Transfer) parties() []LegSummary {
	all := t.Parties
	t.Parties = nil
	return all
}

// about completes a notice of the transfer with its target and with who asked for it.
func (t *Transfer) about(n Notice) Notice {
	n.Target, n.ByPhone = t.Target, t.Release == ReleaseItself || t.Coded
	return n
}

// stay are those of the transfer's bridge whom the transferor leaves, the transferee first.
func (c *Call) stay() []*Leg {
	t := c.Transfer
	all := slices.DeleteFunc(c.talkers(t.Bridge), func(l *Leg) bool { return l.ID == t.Transferor || c.Fork.has(l.ID) })
	if i := slices.IndexFunc(all, func(l *Leg) bool { return l.ID == t.Transferee }); i > 0 {
		all[0], all[i] = all[i], all[0]
	}
	return all
}

// targetJoined: the target answered. The new pair talks, or the transferor consults it.
func (c *Call) targetJoined(l *Leg) {
	t := c.Transfer
	wants3 := t.State == Joining
	t.fire("answered")
	if t.State != TransferDone {
		t.Joined = l.ID
		c.arrange()
		if wants3 {
			c.mix(0)
		}
		return
	}
	transferee, transferor := c.leg(t.Transferee), c.leg(t.Transferor)
	c.newPair(transferee, l)
	c.report(t, 200)
	c.reply(t.Reply, nil)
	switch {
	case !transferor.live():
	case t.Release == ReleaseItself:
		c.startTimer(timerLeave, leaveTime)
	default:
		c.hangUp(transferor, Cause{Kind: Transferred})
	}
	c.notice(t.about(Notice{Kind: NoticeTransferred, Leg: l.ID}))
}

// newPair ends the transfer with these two talking.
func (c *Call) newPair(caller, callee *Leg) {
	c.bridge(c.Transfer.Bridge, caller.ID, callee.ID)
	c.unhold(caller)
	c.takeRoles(caller, callee)
	c.finishTransfer("transferred")
}
