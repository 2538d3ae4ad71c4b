package callstate

import (
	"slices"
	"time"
)

// Fork is a number being dialled: all its contacts ring at once, the first to answer wins.
type Fork struct {
	Number  string
	For     ForkFor
	Locate  uint32  // the Locate that is awaited, 0 when it was answered
	Legs    []LegID // those that may still answer
	Winner  LegID   // set once one has answered
	Best    Cause   // the best failure so far (RFC 3261 §16.7)
	Early   LegID   // whose early media is heard
	Rang    int     // the highest 1xx that was passed on
	Timeout time.Duration
}

// has tells whether a leg is one of those being dialled.
func (f *Fork) has(id LegID) bool { return f != nil && slices.Contains(f.Legs, id) }

// ForkFor is what a number is dialled for.
type ForkFor string

const (
	ForkCallee ForkFor = "callee" // the call's own destination
	ForkTarget ForkFor = "target" // the target of a transfer
	ForkRecall ForkFor = "recall" // the transferor of a failed transfer
)

// startFork asks where the number is; located goes on.
func (c *Call) startFork(number string, why ForkFor, ring time.Duration) {
	f := &Fork{Number: number, For: why, Locate: c.newRef(), Timeout: ring}
	c.Fork = f
	c.do(Locate{Call: c.ID, Ref: f.Locate, Number: number})
}

// located brings contacts: to a forward that waits for its destination, or to the fork.
func (c *Call) located(ev Located) {
	switch {
	case c.Forward != nil && c.Forward.Locate == ev.Ref:
		c.forwardLocated(ev.Contacts)
	case c.Fork != nil && c.Fork.Locate == ev.Ref && ev.Ref != 0:
		c.Fork.Locate = 0
		if c.forkLocated(ev.Contacts) {
			c.dialContacts(ev.Contacts)
		}
	}
}

// forkLocated tells the purpose of the fork that its number was found, or fails it.
func (c *Call) forkLocated(contacts []Contact) bool {
	f := c.Fork
	if len(contacts) == 0 {
		c.forkFailed(Cause{Kind: Unavailable})
		return false
	}
	switch f.For {
	case ForkCallee:
		return c.calleeLocated()
	case ForkTarget:
		c.targetLocated()
	}
	return true
}

// maxContacts bounds how many phones ring for one number (edge case F9).
const maxContacts = 10

// dialContacts opens a leg to each contact; Dial follows when its offer is made.
func (c *Call) dialContacts(contacts []Contact) {
	f := c.Fork
	if len(contacts) > maxContacts {
		contacts = contacts[:maxContacts]
	}
	for _, ct := range contacts {
		l := c.newLeg(LegPreparing, c.dir.Party(f.Number))
		l.Contact = ct
		f.Legs = append(f.Legs, l.ID)
	}
	for _, id := range f.Legs {
		c.openMedia(c.leg(id), nil)
		c.makeOffer(c.leg(id), ForDial)
	}
	c.startTimer(timerRing, f.Timeout)
}

// dial sends the INVITE of a leg whose offer is made.
func (c *Call) dial(l *Leg, sdp []byte) {
	if c.Fork == nil || !legTable.fire(&l.State, "dial") {
		return
	}
	d := Dial{Leg: l.ID, To: l.Contact, Number: c.Fork.Number, From: c.showsAs(), SDP: sdp, Hops: c.Hops}
	switch c.Fork.For {
	case ForkCallee:
		d.Diversions = c.Diversions
	case ForkTarget:
		d.ReferredBy = c.Transfer.ReferredBy // of the REFER in hand, never an inherited one (T26)
	}
	c.do(d)
}

// showsAs is whom the phones of a fork see as their caller: who consults them, or the party that they would talk to.
func (c *Call) showsAs() Party {
	if t := c.Transfer; t != nil {
		if t.attended() && c.Fork.For == ForkTarget {
			return t.TransferorParty
		}
		if l := c.leg(t.Transferee); l != nil {
			return l.Party
		}
	}
	return c.CallerParty
}

// legProgress: a phone of the fork rings or sends early media.
func (c *Call) legProgress(l *Leg, ev LegProgress) {
	f := c.Fork
	if !f.has(l.ID) || !legTable.fire(&l.State, "progress") {
		return
	}
	if f.For == ForkCallee && c.RingFrom == (Time{}) {
		c.RingFrom = c.now
		defer c.notice(Notice{Kind: NoticeRinging, Leg: l.ID}) // the caller has been told by then
	}
	// One source of early media at a time, and a later 180 without SDP does not tear it down (RFC 3960 §3, S16).
	if len(ev.SDP) > 0 && (f.Early.Zero() || f.Early == l.ID) {
		if f.Early == l.ID && l.earlyOf(ev.Branch) {
			return // RFC 3261 §13.2.1: the first answer of a To-tag binds
		}
		f.Early = l.ID
		c.takeAnswer(l, ForEarly, 0, ev.Branch, ev.SDP)
		l.Facts.Info = ev.Facts.Info
		return
	}
	if f.Early.Zero() {
		c.passProgress(180) // a bare 183 before the 180 would keep the caller from hearing it ring
	}
}

// passProgress tells whoever waits for the fork that it rings: a 1xx each once, in rising order.
func (c *Call) passProgress(status int) {
	f := c.Fork
	if status <= f.Rang {
		return
	}
	f.Rang = status
	switch f.For {
	case ForkCallee:
		if caller := c.leg(c.Caller); caller.live() && legTable.fire(&caller.State, "progress") {
			r := Ring{Leg: caller.ID, Status: status}
			if status == 183 {
				r.SDP = caller.LocalSDP // once more: its phone may have gone over to a tone of its own
			}
			c.do(r)
		}
	case ForkTarget:
		c.report(c.Transfer, status)
	}
}

// legAnswered: the first phone of a fork to answer wins, the others are told so (S15).
func (c *Call) legAnswered(l *Leg, ev LegAnswered) {
	f := c.Fork
	if !f.has(l.ID) || !legTable.fire(&l.State, "answered") {
		return // it is being hung up; sip ends a dialog that crossed (S4)
	}
	l.Memo = ev.Memo
	f.Winner = l.ID
	c.stopTimer(timerRing)
	for _, id := range f.Legs {
		if id != l.ID {
			c.hangUp(c.leg(id), Cause{Kind: Elsewhere, Status: 200})
		}
	}
	f.Legs = []LegID{l.ID}
	if f.For == ForkCallee {
		c.calleeAnswered(l)
	}
	switch {
	case l.earlyOf(ev.Branch):
		// RFC 3261 §13.2.1: for one To-tag the first answer binds, the body of the 200 is ignored (S17).
		if !l.busyWith(ForEarly) { // else earlyTaken goes on, since the fork has a winner
			c.joined(l)
		}
	case len(ev.SDP) > 0:
		l.drop(ForEarly)
		c.takeAnswer(l, ForJoin, 0, ev.Branch, ev.SDP)
	default:
		c.lostWinner(l, Cause{Kind: NoMedia})
	}
	l.Facts.Info = ev.Facts.Info
}

// joined: the winner's media is in force.
func (c *Call) joined(l *Leg) {
	f := c.Fork
	if f == nil || f.Winner != l.ID {
		return
	}
	c.Fork = nil
	switch f.For {
	case ForkCallee:
		c.calleeJoined(l)
	case ForkTarget:
		c.targetJoined(l)
	case ForkRecall:
		c.recallJoined(l)
	}
}

// lostWinner: a phone answered but cannot be talked to; the fork has failed since the others were sent away.
func (c *Call) lostWinner(l *Leg, why Cause) {
	c.hangUp(l, why)
	if f := c.Fork; f != nil && f.Winner == l.ID {
		f.Legs = nil
		c.forkFailed(why)
	}
}

// branchEnded: one phone of the fork is out. The last one decides; a 6xx ends the search (RFC 3261 §16.7).
func (c *Call) branchEnded(l *Leg, why Cause) {
	f := c.Fork
	f.Legs = slices.DeleteFunc(f.Legs, func(id LegID) bool { return id == l.ID })
	if f.Early == l.ID {
		f.Early = LegID{}
	}
	if why.better(f.Best) {
		f.Best = why
	}
	if why.Status >= 600 {
		for _, id := range f.Legs {
			c.hangUp(c.leg(id), Cause{Kind: Elsewhere, Status: why.Status})
		}
		f.Legs = nil
	}
	if len(f.Legs) > 0 {
		return
	}
	if f.For == ForkCallee && c.Forward != nil {
		return // a forward is looking for a new destination: it decides
	}
	c.forkFailed(f.Best)
}

// rungOut: the number has rung long enough.
func (c *Call) rungOut() {
	f := c.Fork
	if f == nil {
		return
	}
	c.cancelFork(Cause{Kind: NoAnswer})
	if f.For == ForkCallee && c.Forward != nil {
		f.Best, c.Fork = Cause{Kind: NoAnswer}, f
		return // the forward that is under way decides
	}
	c.Fork = f
	c.forkFailed(Cause{Kind: NoAnswer})
}

// cancelFork ends what is being dialled.
func (c *Call) cancelFork(why Cause) {
	f := c.Fork
	if f == nil {
		return
	}
	for _, id := range f.Legs {
		c.hangUp(c.leg(id), why)
	}
	f.Legs = nil
	c.stopTimer(timerRing)
	c.Fork = nil
}

// forkFailed tells the purpose of the fork that nobody answered.
func (c *Call) forkFailed(why Cause) {
	f := c.Fork
	c.stopTimer(timerRing)
	c.Fork = nil
	switch f.For {
	case ForkCallee:
		c.endAll(why)
	case ForkTarget:
		c.targetFailed(why)
	case ForkRecall:
		c.recallFailed(why)
	}
}
