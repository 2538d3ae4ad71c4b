package media

import (
	"ringdown/callstate"
	"ringdown/media/internal/dtmf"
)

// gate decides which of a phone's digits are relayed. Its zero value relays all.
type gate struct {
	mode callstate.DigitMode
	shut bool   // one was not relayed, and the call has to send it on before any other is
	told uint32 // digits of which the call was told that they were not passed
}

// star is the event code of the key that begins a code.
const star = 10

// keeps tells whether an event that begins now is kept. What is no key, a flash, is no part of a code.
func (g *gate) keeps(event uint8) bool {
	switch {
	case dtmf.Key(event) == "":
		return false
	case g.mode == callstate.AwaitStar:
		return g.shut || event == star
	}
	return g.mode == callstate.KeepDigits
}

// began notes that an event has begun, and whether it is relayed: if not, whatever the reason, none may overtake it.
func (g *gate) began(event uint8, relayed bool) {
	if g.mode == callstate.AwaitStar && !relayed && dtmf.Key(event) != "" {
		g.shut = true
	}
}

// takeDigits sets what becomes of a leg's digits.
func (e *Engine) takeDigits(c callstate.TakeDigits) {
	e.wire.Lock()
	defer e.wire.Unlock()
	l := e.legs[c.Leg]
	if l == nil {
		return
	}
	l.listenFor(c.Inband)
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	l.in.gate.set(c, l.in.detector)
}

// set carries the command out. A digit that is being kept, or of which the call does not know yet, keeps the gate shut.
func (g *gate) set(c callstate.TakeDigits, d *dtmf.Detector) {
	g.mode = c.Mode
	g.shut = c.Mode == callstate.AwaitStar && (c.Told != g.told || d.Keeps())
}
