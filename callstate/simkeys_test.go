package callstate

import (
	"slices"
	"strings"
)

// simKeys is what a phone's keys are to media: which of them it relays (package media, gate).
type simKeys struct {
	dials    string // what its owner is going to press
	info     bool   // it tells them by INFO
	tones    bool   // they are tones in its audio
	inband   bool   // for which media listens
	pressing *DigitReceived

	mode    DigitMode
	shut    bool
	told    uint32
	pending string // pressed, and neither told of nor taken as part of a code or a number yet
}

// dialled are what people press during a call.
var dialled = []string{"5", "#", "12", "*", "*9", "*04", "*0", "**3", "*03", "*3", "*032002#", "*032003#", "*32002#", "*32003#",
	"*32001#", "*032000#", "*039999#", "*3#", "*03*", "*32*", "*32002", "*032003", "*03#5"}

// keysAct lets a phone press its next key; false when it presses none.
func (s *sim) keysAct(l *simLeg) bool {
	if l.phase != simUp || !l.port || l.closed || l.keys.pressing != nil {
		return false
	}
	if l.keys.dials == "" {
		l.keys.dials = dialled[s.rng.IntN(len(dialled))]
		if !s.keys[l.id] {
			l.keys.info = s.chance(0.3)
			l.keys.tones = !l.keys.info && l.keys.inband && s.chance(0.5)
		}
		s.keys[l.id] = true
	}
	key := l.keys.dials[:1]
	l.keys.dials = l.keys.dials[1:]
	ev := DigitReceived{On: On{l.id}, Digit: key, Via: ByEvent, Duration: 100e6}
	if l.keys.info {
		ev.Via = ByInfo
		l.post(ev)
		return true
	}
	if l.keys.tones {
		if ev.Via = ByInband; l.keys.inband {
			l.fromMedia = append(l.fromMedia, ev)
		}
		return true
	}
	s.begins(l, ev)
	if s.chance(0.7) {
		s.lift(l)
	}
	return true
}

// goesOn lets somebody who dials press the next key.
func (s *sim) goesOn() bool {
	for _, id := range s.order {
		if l := s.legs[id]; l.keys.dials != "" && s.chance(0.7) && s.keysAct(l) {
			return true
		}
	}
	return false
}

// begins: an event begins, and media decides what becomes of all of it. None may overtake one that was kept.
func (s *sim) begins(l *simLeg, ev DigitReceived) {
	k := &l.keys
	heard := false
	for _, x := range s.book.legs {
		for _, id := range x.hears {
			heard = heard || id == l.id
		}
	}
	kept := k.mode == KeepDigits || k.mode == AwaitStar && (k.shut || ev.Digit == "*")
	ev.Passed = heard && !kept && s.chance(0.8)
	if k.mode == AwaitStar && !ev.Passed {
		k.shut = true
	}
	if k.mode == AwaitStar && ev.Passed {
		s.overtakes(l)
	}
	k.pressing = &ev
}

func (s *sim) overtakes(l *simLeg) {
	for _, ev := range l.fromMedia {
		if d, ok := ev.(DigitReceived); ok && !d.Passed {
			s.book.fault("leg %s: a digit is relayed before the call knows of one that was kept", l.id)
		}
	}
	x := s.calls[s.has(l.id)-1].call.leg(l.id)
	if x == nil {
		return
	}
	if x.Keys != "" {
		s.book.fault("leg %s: a digit is relayed while %q waits", l.id, x.Keys)
	}
	for _, p := range x.Passing {
		if to := s.legs[p.To]; !s.sent[p] && !to.closed && to.phase != simOver {
			s.book.fault("leg %s: a digit is relayed before one that is on its way to leg %s", l.id, p.To)
		}
	}
}

// lift: the key is let go, or its end was lost and the time for it is over.
func (s *sim) lift(l *simLeg) {
	ev := l.keys.pressing
	l.keys.pressing = nil
	if ev == nil || l.closed {
		return
	}
	if !ev.Passed {
		l.keys.told++
	}
	l.fromMedia = append(l.fromMedia, *ev)
}

// takes carries out TakeDigits.
func (k *simKeys) takes(cmd TakeDigits) {
	k.mode, k.inband = cmd.Mode, cmd.Inband
	k.shut = cmd.Mode == AwaitStar && (cmd.Told != k.told || k.pressing != nil && !k.pressing.Passed)
}

// counts keeps account of the keys: each is told once, in order, or is part of a code or of a number.
func (s *sim) counts(ev Event, cmds []Command, asked bool) {
	if d, ok := ev.(DigitReceived); ok {
		if l := s.call.leg(d.Leg); l.live() && !(asked && !d.Passed) && s.legs[d.Leg] != nil && slices.Index(ways, d.Via) >= slices.Index(ways, l.Keyed) {
			s.legs[d.Leg].keys.pending += d.Digit
		}
	}
	for _, cmd := range cmds {
		if p, ok := cmd.(Publish); ok && p.Notice.Kind == NoticeDigit {
			k := &s.legs[p.Notice.Leg].keys
			rest, ok := strings.CutPrefix(k.pending, p.Notice.Digit)
			if !ok {
				s.book.fault("digit %s of leg %s is told, pressed was %q", p.Notice.Digit, p.Notice.Leg, k.pending)
			}
			k.pending = rest
			s.reached["a digit is told"] = true
		}
	}
	for _, l := range s.call.Legs {
		if l.App {
			continue
		}
		k := &s.legs[l.ID].keys
		if s.call.asks(l) {
			if k.pending != "" {
				s.reached["a code by "+map[bool]string{true: "INFO", false: "events"}[k.info]] = true
			}
			k.pending = ""
		}
		if l.live() && k.pending != l.Keys {
			s.book.fault("leg %s has pressed %q, the call waits with %q", l.ID, k.pending, l.Keys)
		}
		if len(l.Passing) > 0 {
			s.reached["digits are sent on"] = true
		}
	}
	if t := s.call.Transfer; t.attended() && (t.Blind || len(t.Parties) > 0) {
		s.reached["by a code: "+t.State] = true
	}
}

// quietKeys: nothing is under way, so no gate may stay shut without a reason, and each is what the call wants.
func (s *sim) quietKeys() {
	for _, l := range s.call.Legs {
		if l.App {
			continue
		}
		k := &s.legs[l.ID].keys
		switch {
		case !l.live():
		case k.inband != (l.Bound && !l.Facts.Events && l.Bridge != 0 && slices.ContainsFunc(s.call.talkers(l.Bridge), (*Leg).app)):
			s.book.fault("leg %s: media listens for tones: %t", l.ID, k.inband)
		case k.mode != l.Gate:
			s.book.fault("the gate of leg %s is %q, the call believes %q", l.ID, k.mode, l.Gate)
		case l.Keys != "":
			s.quietTimer(l.codeTimer())
		case k.shut:
			s.book.fault("leg %s: nothing is under way, and its digits are kept for ever: %+v", l.ID, *l)
		case (l.Gate == AwaitStar) != s.call.mayDial(l):
			s.book.fault("leg %s: gate %q", l.ID, l.Gate)
		}
	}
}
