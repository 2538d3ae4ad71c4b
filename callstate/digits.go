package callstate

import (
	"slices"
	"strings"
	"time"
)

// validKeys are what can be sent; a comma is a pause of 500 ms.
const validKeys = "0123456789*#ABCD,"

// maxKeys bounds one string of digits.
const maxKeys = 128

// digitWay is how digits are sent to a leg: as RFC 4733 events when its phone listed them, else as INFO, else as tones
// in the audio; empty when there is no way.
func (l *Leg) digitWay() DigitWay {
	switch {
	case l.App:
	case l.Facts.Events:
		return ByEvent
	case l.Facts.Info:
		return ByInfo
	case l.Facts.Mixable:
		return ByInband
	}
	return ""
}

// send puts digits into what a leg hears; DigitsSent will have the ref that it returns.
func (c *Call) send(l *Leg, keys string) uint32 {
	ref := c.newRef()
	if way := l.digitWay(); way == ByInfo {
		c.do(SendInfo{Leg: l.ID, Ref: ref, Digits: keys})
	} else {
		c.do(SendDigits{Leg: l.ID, Ref: ref, Digits: keys, Way: way})
	}
	return ref
}

// sendKeys sends digits to one party or all (spec ozeki 8.2).
func (c *Call) sendKeys(ref uint64, req SendKeys) {
	if req.Keys == "" || len(req.Keys) > maxKeys || strings.Trim(req.Keys, validKeys) != "" {
		c.reply(ref, &Error{Kind: BadRequest, Param: "keys", Text: "0-9 * # A-D and commas, at most 128"})
		return
	}
	caller, callee, ok := c.parties(ref)
	if !ok {
		return
	}
	if c.anyHeld() {
		c.reply(ref, &Error{Kind: WrongState, Text: "the call is on hold"})
		return
	}
	var to []*Leg
	switch req.To {
	case Caller:
		to = []*Leg{caller}
	case Callee:
		to = []*Leg{callee}
	case All:
		to = slices.DeleteFunc(c.talkers(c.Main), (*Leg).app)
	}
	if len(to) == 0 || to[0].App {
		c.reply(ref, &Error{Kind: BadRequest, Param: "party", Text: "caller, callee or all, and no application"})
		return
	}
	for _, l := range to {
		if l.digitWay() == "" {
			c.reply(ref, &Error{Kind: Unsupported, Param: "party", Text: "its phone takes no digits"})
			return
		}
	}
	c.reply(ref, nil)
	for _, l := range to {
		c.send(l, req.Keys)
	}
}

// digitReceived takes a key press: one that media has relayed is told of, every other may be part of a code.
func (c *Call) digitReceived(l *Leg, ev DigitReceived) {
	if !l.live() || len(ev.Digit) != 1 || !strings.Contains(validKeys[:16], ev.Digit) {
		return
	}
	if ev.Via == ByEvent && !ev.Passed {
		l.Told++
		l.Shut = l.Gate == AwaitStar
	}
	again := c.again(l, ev)
	switch {
	case again && ev.Passed:
		c.passKeys(l)
	case again:
	case ev.Passed, ev.Via == ByInband: // D10: whoever hears the leg has heard the tone
		c.passKeys(l) // from before media was told of the gate: there can be no code any more
		c.tellKey(l, ev.Digit)
	default:
		c.keyed(l, ev.Digit)
	}
}

// tellKey tells of a key.
func (c *Call) tellKey(l *Leg, digit string) {
	c.Passed = 0
	c.notice(Notice{Kind: NoticeDigit, Leg: l.ID, Digit: digit})
}

// sameKey is how far apart one press of a key can come by two ways.
const sameKey = time.Second

// ways are those in which keys come, the best last.
var ways = []DigitWay{"", ByInband, ByInfo, ByEvent}

// again tells whether a key was told of already, by another way. There is one source per leg (edge case D7): many phones
// list telephone-event and send INFO all the same, or tones beside it. So the best way that a key has come by decides,
// not what was negotiated; the key with which a better one is first seen may have been told of by the lesser.
func (c *Call) again(l *Leg, ev DigitReceived) bool {
	now, before := slices.Index(ways, ev.Via), slices.Index(ways, l.Keyed)
	if now < before {
		return true
	}
	same := now > before && l.LastKey == ev.Digit && c.now.Mono-l.KeyedAt <= sameKey
	l.Keyed, l.LastKey, l.KeyedAt = ev.Via, ev.Digit, c.now.Mono
	return same
}

// digitsSent: a phone that refuses INFO gets its digits otherwise from now on.
func (c *Call) digitsSent(l *Leg, ev DigitsSent) {
	c.passed(ev.Leg, ev.Ref)
	if ev.Fail != "" && l.live() && l.digitWay() == ByInfo {
		l.Facts.Info = false
	}
}
