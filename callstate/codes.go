package callstate

import (
	"slices"
	"strings"
	"time"
)

// This file reads the codes that a person dials during a call (Features, spec yeastar-p 5.6). A `*` opens a window on its
// leg: from there on media relays no digit of that phone. The digits are collected until they are a code, or cannot
// become one any more; then they are sent on, and the window stays open until all of them are out, so that none is
// overtaken. Digits by INFO are never relayed, and go the same way.
//
//	keys     *          9                      5              6
//	window   open       "*9" is sent on        so is "5"      closed: 6 is relayed
//	hearer                     * . . . 9 . . . . 5            6

// Sent is digits on their way to one who hears the leg that they came from.
type Sent struct {
	To  LegID
	Ref uint32
}

// codeTimer names the timer that waits for the next digit of a code.
func (l *Leg) codeTimer() string { return timerCode + l.ID.String() }

// mayDial tells whether a code can begin on a leg: its phone is one of ours and talks to exactly one other, and neither
// holds. What is dialled to an application is for it alone.
func (c *Call) mayDial(l *Leg) bool {
	f := &c.Settings.Features
	if f.Blind == "" && f.Attended == "" || l.Trunk != "" || l.Bridge == 0 || c.State != CallConnected || c.Fork != nil {
		return false
	}
	two := 0
	for _, p := range c.Legs {
		if p.Bridge == l.Bridge && p.live() {
			if two++; !p.up() || p.held() || p.App {
				return false
			}
		}
	}
	return two == 2
}

// keyed takes a digit that media has not relayed.
func (c *Call) keyed(l *Leg, digit string) {
	switch {
	case c.asks(l):
		c.numberKeyed(digit)
		return
	case !c.mayDial(l):
		c.passOn(l, digit)
		return
	case digit == "*":
		c.passKeys(l) // what came before it was no code
	case l.Keys == "":
		c.passOn(l, digit)
		return
	}
	l.Keys += digit
	switch f := c.Settings.Features; {
	case l.Keys == f.Blind, l.Keys == f.Attended:
		c.ask(l, l.Keys == f.Blind)
	case strings.HasPrefix(f.Blind, l.Keys), strings.HasPrefix(f.Attended, l.Keys):
		c.startTimer(l.codeTimer(), max(1, f.CodeTimeout))
	default:
		c.passKeys(l)
	}
}

// dropKeys forgets the beginning of a code.
func (c *Call) dropKeys(l *Leg) {
	if l.Keys != "" {
		l.Keys = ""
		c.stopTimer(l.codeTimer())
	}
}

// passKeys sends on what was collected and is no code.
func (c *Call) passKeys(l *Leg) {
	if keys := l.Keys; keys != "" {
		c.dropKeys(l)
		c.passOn(l, keys)
	}
}

// passOn tells of digits and sends them to whoever hears the leg.
func (c *Call) passOn(l *Leg, keys string) {
	for _, k := range keys {
		c.tellKey(l, string(k))
	}
	for _, p := range c.Legs {
		if p.live() && slices.Contains(p.Hears, l.ID) && p.digitWay() != "" {
			if ref := c.send(p, keys); l.Gate != RelayDigits {
				l.Passing = append(l.Passing, Sent{p.ID, ref})
			}
		}
	}
}

// passed takes digits that are out, or never will be, off the lists of those whom their senders wait for.
func (c *Call) passed(to LegID, ref uint32) {
	for _, l := range c.Legs {
		l.Passing = slices.DeleteFunc(l.Passing, func(s Sent) bool { return s == Sent{to, ref} })
	}
}

// setGates tells media what becomes of each phone's digits now, where that has changed.
func (c *Call) setGates() {
	for _, l := range c.Legs {
		if l.live() && l.Port {
			c.setGate(l)
		}
	}
}

func (c *Call) setGate(l *Leg) {
	if l.Keys != "" && (!c.mayDial(l) || !c.runs(l.codeTimer())) {
		// The next digit did not come in time; or a hold or a transfer that somebody else wants came first, then it goes to
		// those who have heard the leg until now (D16).
		c.passKeys(l)
	}
	l.Passing = slices.DeleteFunc(l.Passing, func(s Sent) bool { return !c.leg(s.To).live() })
	mode := RelayDigits
	switch {
	case c.asks(l):
		mode = KeepDigits
	case l.Keys != "" || len(l.Passing) > 0:
		return
	case c.mayDial(l):
		mode = AwaitStar
	}
	inband := l.Bound && !l.Facts.Events && l.Bridge != 0 && c.withApp(l)
	if mode != l.Gate || inband != l.Inband || l.Shut {
		l.Gate, l.Inband, l.Shut = mode, inband, false
		c.do(TakeDigits{Leg: l.ID, Mode: mode, Told: l.Told, Inband: inband})
	}
}

// runs tells whether a timer of that name runs.
func (c *Call) runs(name string) bool {
	return slices.ContainsFunc(c.Timers, func(t Timer) bool { return t.Name == name })
}

// --- the number behind a code --------------------------------------------------------------------------------------

// firstDigit is how long the first digit of a number is awaited.
const firstDigit = 10 * time.Second

// maxNumber bounds the number behind a code.
const maxNumber = 64

// asks tells whether a leg is that of a transferor who dials the target's number.
func (c *Call) asks(l *Leg) bool {
	t := c.Transfer
	return t != nil && t.State == Asking && t.Transferor == l.ID
}

// ask begins a transfer by a code: the transferee is held, and the transferor dials the number. Nobody is told of a
// transfer before there is one.
func (c *Call) ask(from *Leg, blind bool) {
	c.dropKeys(from)
	stays := c.leg(c.other(from))
	c.passKeys(stays)
	t := &Transfer{State: Asking, Release: ReleaseAsked, Coded: true, Blind: blind, Bridge: from.Bridge, Transferor: from.ID,
		Transferee: stays.ID, Rights: from.Party.Number}
	c.undertake(t)
	t.Parties = c.parting(t) // now: it may hang up before it is told
	c.arrange()
	c.startTimer(timerNumber, firstDigit)
}

// numberKeyed takes a digit of the number: `#` ends it, `*` gives the transfer up.
func (c *Call) numberKeyed(digit string) {
	t := c.Transfer
	switch {
	case digit == "*":
		c.cancelFork(Cause{Kind: Aborted})
		t.fire("abort")
		c.restore()
	case c.Fork != nil: // it is complete
	case digit == "#":
		c.numberDone()
	default:
		if t.Target += digit; len(t.Target) >= maxNumber {
			c.numberDone()
			return
		}
		c.startTimer(timerNumber, max(1, c.Settings.Features.DigitTimeout))
	}
}

// numberDone: the number is complete. The target is consulted, or the transferee is sent there as soon as it is known
// that somebody rings.
func (c *Call) numberDone() {
	t := c.Transfer
	if t == nil || t.State != Asking || c.Fork != nil {
		return
	}
	c.stopTimer(timerNumber)
	r, why := c.askedFor()
	if why != "" {
		c.targetFailed(Cause{Kind: why})
		return
	}
	if !t.Blind {
		t.fire("consult")
		c.arrange()
		c.notice(t.about(Notice{Kind: NoticeConsulting, Leg: t.Transferor}))
	}
	c.startFork(r, ForkTarget, c.Settings.Transfer.NoAnswer)
}

// askedFor is where the number leads by the transferor's rights, or why it cannot be the target.
func (c *Call) askedFor() (Route, CauseKind) {
	t := c.Transfer
	r := c.dir.Route(t.Target, c.rights(t))
	switch {
	case r.Refused != "":
		return r, r.Refused
	case c.leg(t.Transferee).at(r), !t.Blind && c.leg(t.Transferor).at(r):
		return r, Loop // T13; the transferor itself can be the target of a blind transfer (T12)
	}
	return r, ""
}

// moveAway: somebody rings at the number of a blind transfer, or the transferor has hung up without waiting for that.
func (c *Call) moveAway() {
	c.stopTimer(timerNumber)
	c.Transfer.fire("move")
	c.completed()
}

// askerLeft: the transferor hangs up while it dials. A number that leads somewhere is complete then; without one nobody
// is left to talk to. It tells whether the transfer goes on.
func (c *Call) askerLeft() bool {
	if c.Fork != nil { // a blind one that is being located
		c.moveAway()
		return true
	}
	r, why := c.askedFor()
	if why != "" {
		return false
	}
	c.moveAway()
	c.startFork(r, ForkTarget, c.Settings.Transfer.NoAnswer)
	return true
}
