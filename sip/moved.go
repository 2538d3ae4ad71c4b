package sip

import (
	"ringdown/sip/internal/location"
	"ringdown/sip/internal/tx"
)

// movedIn: the phone at one address has registered from another.
type movedIn struct{ from, to tx.Flow }

// moveLegs brings the legs of a phone to where it registered from now: its NAT chose another port, or its connection
// was lost and made anew (edge cases N6, N8; RFC 5626 §6). before and after are the bindings of its number.
func (a *Agent) moveLegs(number string, before, after []location.Binding) {
	for _, b := range after {
		for _, old := range before {
			if old.Key == b.Key && (old.Source != b.Source || old.Transport != b.Transport) {
				a.moved(number, movedIn{flow(old), flow(b)})
			}
		}
	}
}

func (a *Agent) moved(number string, m movedIn) {
	var legs []*leg
	a.mu.RLock()
	for _, l := range a.legs {
		if l.user == number {
			legs = append(legs, l)
		}
	}
	a.mu.RUnlock()
	for _, l := range legs {
		l.put(m)
	}
}

func (l *leg) moved(m movedIn) {
	if l.flow.Remote != m.from.Remote || l.flow.Transport != m.from.Transport {
		return
	}
	l.flow = m.to
	if l.phase == phaseBye {
		l.sendBYE() // the first went the old way and may never have arrived
	}
}

// flow is where a binding's phone is.
func flow(b location.Binding) tx.Flow {
	return tx.Flow{Transport: b.Transport, Local: b.Local, Remote: b.Source}
}
