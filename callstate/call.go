package callstate

import (
	"slices"
	"time"
)

// Call is one call: its legs, its bridge, at most one forward and one transfer. It is a plain value: it can be copied,
// compared and encoded. Only its exchange goroutine touches it.
type Call struct {
	ID       CallID
	State    string
	Settings Settings

	Legs []*Leg
	Main int // the bridge in which Caller and Callee talk; Leg.Bridge tells who is in which

	Caller, Callee           LegID // the two parties; Callee is zero while nobody has answered
	CallerParty, CalleeParty Party
	CallerShown              Party // the caller as others see it
	CallerDialled            string
	CalleeDialled            string
	Hops                     int         // how often the call was sent on
	Passed                   int         // how often applications have sent it on to each other since somebody heard or pressed anything
	Forwards                 int         // the lowest Max-Forwards with which anybody came to it (RFC 7332 §5); 0 when none had one
	Diversions               []Diversion // newest first

	Intercept *Interception // an application's say in where the call goes, while it has one
	Fork      *Fork         // what is being dialled now
	Forward   *Forward      // a forward whose destination is being located
	Transfer  *Transfer     // a transfer under way

	Early  []Requested // requests that came while the caller's answer was being made, oldest first
	Plays  []*Playing  // what applications play
	Record *Recording  // what is being recorded

	Started, RingFrom, Answered, Ended Time
	Cause                              Cause
	Moved                              []LegID      // legs that have gone to another call in this step
	ShowsHeld                          bool         // what the last held or resumed notice said
	Shows                              []LegSummary // the legs of the last notice

	Timers  []Timer
	LastLeg uint32
	LastRef uint32
	LastTmr uint32

	dir *Directory
	now Time
	out []Command
	sum *Summary // as last made
}

// Timer is a timer that runs.
type Timer struct {
	ID   TimerID
	Name string
}

// Names of timers.
const (
	timerRing    = "ring"    // the number being dialled has rung long enough
	timerMax     = "max"     // calls.max
	timerLeave   = "leave"   // the transferor was given time to leave by itself
	timerRecall  = "recall"  // pause before the transferor is called back
	timerTone    = "tone"    // the failure tone has been heard long enough
	timerCode    = "code-"   // and a leg: the next digit of a code is awaited
	timerNumber  = "number"  // the next digit of the number behind a code is awaited
	timerDecide  = "decide"  // an application has yet to say where the call goes
	timerComfort = "comfort" // its caller hears nothing meanwhile
	timerGuard   = "guard"   // legs that never report their end, a recording that is never complete
)

const (
	leaveTime = 4 * time.Second   // edge case T1: "a few seconds"
	guardTime = 150 * time.Second // longer than any transaction, retry of credentials included
	backTone  = 2 * time.Second   // failure tone before the transferor hears the transferee again
	lastTone  = 3 * time.Second   // failure tone before its hearer is released
)

// NewCall makes a call that has seen nothing yet; its first event is LegOffered.
func NewCall(id CallID, s Settings, d *Directory) *Call {
	return &Call{ID: id, State: CallNew, Main: 1, Settings: s, dir: d}
}

// Step applies one input and returns what must now be done, in order. It never blocks and never fails: what goes wrong
// is a command (HangUp, Reply with an error) or a state. The slice is valid until the next Step.
func (c *Call) Step(in Input) []Command {
	clear(c.out)
	c.out, c.now, c.Moved = c.out[:0], in.At, nil
	if c.State == CallOver {
		c.refuseLate(in.Ev)
		return c.out
	}
	c.handle(in.Ev)
	c.follow()
	if c.catchUp() {
		c.follow()
	}
	c.showHold()
	c.showLegs()
	c.finish()
	return c.out
}

// follow does what follows from what the call is now.
func (c *Call) follow() {
	c.releaseApps()
	c.strandTakers()
	c.refresh()
	c.showPartners()
}

// handle hands an event to its rule. Events of legs and timers that are gone are ignored here and nowhere else.
func (c *Call) handle(ev Event) {
	switch ev := ev.(type) {
	case LegOffered:
		c.legOffered(ev)
	case CallPlaced:
		c.callPlaced(ev)
	case Located:
		c.located(ev)
	case TimerFired:
		c.timerFired(ev)
	case Requested:
		c.requested(ev)
	case Stopping:
		c.endAll(Cause{Kind: Shutdown})
	case LegsWanted:
		c.legsWanted(ev)
	case LegsHanded:
		c.legsHanded(ev)
	case LegsRefused:
		c.legsRefused(ev)
	case RecordStarted:
		c.recordStarted(ev)
	case RecordEnded:
		c.recordEnded(ev)
	case legEvent:
		switch l := c.leg(ev.About()); {
		case l == nil:
			c.refuseLate(ev)
		case !l.App: // else neither sip nor media knows it
			c.handleLeg(l, ev)
		}
	}
}

// handleLeg hands an event of a leg that exists to its rule.
func (c *Call) handleLeg(l *Leg, ev legEvent) {
	switch ev := ev.(type) {
	case LegProgress:
		c.legProgress(l, ev)
	case LegAnswered:
		c.legAnswered(l, ev)
	case LegConfirmed:
		c.legConfirmed(l, ev)
	case LegEnded:
		c.legEnded(l, ev)
	case LegReoffered:
		c.legReoffered(l, ev)
	case ReofferAnswered:
		c.reofferAnswered(l, ev)
	case ReofferRefused:
		c.reofferRefused(l, ev)
	case ReferReceived:
		c.referReceived(l, ev)
	case ReferGone:
		c.referGone(l, ev)
	case DigitReceived:
		c.digitReceived(l, ev)
	case DigitsSent:
		c.digitsSent(l, ev)
	case OfferMade:
		c.offerMade(l, ev)
	case AnswerMade:
		c.answerMade(l, ev)
	case AnswerTaken:
		c.answerTaken(l, ev)
	case MediaFailed:
		c.mediaFailed(l, ev)
	case Connected:
		c.connected(l, ev)
	case ClipEnded:
		c.clipEnded(l, ev)
	case MediaSilent:
		c.mediaSilent(l)
	}
}

// refuseLate answers what must have an answer although its leg or call is gone.
func (c *Call) refuseLate(ev Event) {
	switch ev := ev.(type) {
	case Requested:
		c.reply(ev.Ref, &Error{Kind: NoSuchCall})
	case LegReoffered:
		c.do(RefuseOffer{Leg: ev.Leg, Ref: ev.Ref, Status: 481})
	case ReferReceived:
		c.do(RefuseRefer{Leg: ev.Leg, Ref: ev.Ref, Status: 481})
	case LegsWanted:
		c.do(RefuseLegs{To: ev.By, Token: ev.Token, Status: 481})
	case LegsHanded:
		for _, cmd := range ev.Parcel.Disown() {
			c.do(cmd)
		}
	}
}

// do appends a command.
func (c *Call) do(cmd Command) { c.out = append(c.out, cmd) }

func (c *Call) reply(ref uint64, err *Error) {
	if ref != 0 {
		c.do(Reply{Ref: ref, Err: err})
	}
}

// become moves the call's state.
func (c *Call) become(event string) bool { return callTable.fire(&c.State, event) }

// leg finds a leg, nil when it is not in this call.
func (c *Call) leg(id LegID) *Leg {
	for _, l := range c.Legs {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// newLeg adds a leg in the given state.
func (c *Call) newLeg(state string, p Party) *Leg {
	c.LastLeg++
	l := &Leg{ID: LegID{c.ID, c.LastLeg}, State: state, Party: p, Want: SendRecv}
	c.Legs = append(c.Legs, l)
	return l
}

func (c *Call) newRef() uint32 { c.LastRef++; return c.LastRef }

// startTimer starts a named timer, in place of one of that name. No timer for a time of zero.
func (c *Call) startTimer(name string, after time.Duration) {
	c.stopTimer(name)
	if after <= 0 {
		return
	}
	c.LastTmr++
	t := Timer{ID: TimerID{c.ID, c.LastTmr}, Name: name}
	c.Timers = append(c.Timers, t)
	c.do(StartTimer{ID: t.ID, Name: name, After: after})
}

func (c *Call) stopTimer(name string) {
	c.Timers = slices.DeleteFunc(c.Timers, func(t Timer) bool {
		if t.Name == name {
			c.do(StopTimer{ID: t.ID})
		}
		return t.Name == name
	})
}

func (c *Call) timerFired(ev TimerFired) {
	i := slices.IndexFunc(c.Timers, func(t Timer) bool { return t.ID == ev.ID })
	if i < 0 {
		return
	}
	name := c.Timers[i].Name
	c.Timers = slices.Delete(c.Timers, i, i+1)
	switch name {
	case timerNumber:
		c.numberDone()
	case timerRing:
		c.rungOut()
	case timerMax:
		c.endAll(Cause{Kind: TooLong})
	case timerLeave:
		c.leaveDue()
	case timerRecall:
		c.recallNow()
	case timerTone:
		c.toneOver()
	case timerDecide:
		c.undecided()
	case timerComfort:
		c.comfort()
	case timerGuard:
		for _, l := range slices.Clone(c.Legs) {
			c.remove(l)
		}
		c.recordOver(&Error{Kind: NoSuchCall})
	}
}

// hangUp ends a leg that is not being ended yet. Its port is free at once; LegEnded follows when its dialog is over.
func (c *Call) hangUp(l *Leg, why Cause) {
	if l == nil {
		return
	}
	if l.State == LegPreparing || l.App { // sip has never heard of it
		c.remove(l)
		return
	}
	if !legTable.fire(&l.State, "hang up") {
		return
	}
	l.EndedBy = why
	c.refuseOpen(l)
	c.do(HangUp{Leg: l.ID, Cause: why})
	c.closeMedia(l)
}

// openMedia gives a leg its port. Offer is the phone's, empty when we are to offer.
func (c *Call) openMedia(l *Leg, offer []byte) {
	l.Port = true
	c.do(OpenMedia{Leg: l.ID, Offer: offer})
}

// closeMedia frees a leg's port and takes the leg out of its bridge.
func (c *Call) closeMedia(l *Leg) {
	l.Pending, l.Hears, l.Plays, l.Bound, l.Bridge = nil, nil, Nothing, false, 0
	l.Passing, l.Gate, l.Inband, l.Shut = nil, RelayDigits, false, false
	c.dropKeys(l)
	if l.Port {
		l.Port = false
		c.do(CloseMedia{Leg: l.ID})
	}
}

// remove forgets a leg that is over.
func (c *Call) remove(l *Leg) {
	if l.live() {
		c.closeMedia(l)
	}
	legTable.fire(&l.State, "over")
	c.Legs = slices.DeleteFunc(c.Legs, func(x *Leg) bool { return x == l })
}

// endAll ends the whole call for a reason that is no party's.
func (c *Call) endAll(why Cause) { c.endBy(LegID{}, why) }

// endBy ends the whole call because one of its parties has left, by itself or not.
func (c *Call) endBy(left LegID, why Cause) {
	if !c.become("end") {
		return
	}
	c.Cause, c.Ended = why, c.now
	c.abandon()
	for _, l := range slices.Clone(c.Legs) {
		c.hangUp(l, why)
	}
	c.Fork = nil
	for _, t := range c.Timers {
		c.do(StopTimer{ID: t.ID})
	}
	c.Timers = nil
	c.notice(Notice{Kind: NoticeEnded, Cause: why, By: c.role(left)})
	if len(c.Legs) > 0 || c.Record != nil {
		c.startTimer(timerGuard, guardTime)
	}
}

// role is the side that a leg is, which may be gone already; empty for none.
func (c *Call) role(id LegID) Side {
	switch id {
	case LegID{}:
		return ""
	case c.Caller:
		return Caller
	}
	return Callee
}

// abandon answers whoever waits for a clip, a forward or a transfer that will not come about any more, and ends the
// recording.
func (c *Call) abandon() {
	c.abandonPlays()
	c.endRecord()
	c.Intercept = nil
	if f := c.Forward; f != nil {
		c.reply(f.Reply, &Error{Kind: NoSuchCall})
		c.Forward = nil
	}
	if t := c.Transfer; t != nil {
		c.reply(t.Reply, &Error{Kind: NoSuchCall})
		c.report(t, 487)
		t.fire("give up")
		c.Transfer = nil
	}
}

// finish ends the machine once nothing is left.
func (c *Call) finish() {
	if c.State != CallEnding || len(c.Legs) > 0 || c.Record != nil || !c.become("gone") {
		return
	}
	c.stopTimer(timerGuard)
	c.do(Finish{Call: c.ID})
}
