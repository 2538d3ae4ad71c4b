package sip

import (
	"fmt"
	"runtime/debug"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
)

// dialogID finds the leg of a request inside a dialog: its Call-ID and the tag that we gave.
type dialogID struct{ sipCallID, localTag string }

// mergeID is what copies of one INVITE have in common that came by different ways (RFC 3261 §8.2.2.2).
type mergeID struct {
	sipCallID, fromTag string
	cseq               uint32
}

func (a *Agent) legByID(id callstate.LegID) *leg {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.legs[id]
}

func (a *Agent) legByDialog(sipCallID, localTag string) *leg {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.dialogs[dialogID{sipCallID, localTag}]
}

// merged tells whether the same INVITE has opened a leg already.
func (a *Agent) merged(m mergeID) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.invites[m] != nil
}

func (a *Agent) addLeg(l *leg) {
	a.mu.Lock()
	a.legs[l.id] = l
	a.dialogs[dialogID{l.dialog.callID, l.dialog.localTag}] = l
	l.peerTag = l.dialog.remoteTag
	if l.inbound {
		a.invites[l.dialog.merge] = l
	}
	a.mu.Unlock()
	if a.cfg.Trace != nil {
		a.cfg.Trace.Leg(l.dialog.callID, l.id, l.number())
	}
}

// dispose forgets the leg; what still comes for it is answered as unknown.
func (l *leg) dispose() {
	a := l.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if id := (dialogID{l.dialog.callID, l.dialog.localTag}); a.dialogs[id] == l {
		delete(a.dialogs, id)
		a.past.add(id.sipCallID, id.localTag, l.peerTag)
	}
	if a.legs[l.id] == l {
		delete(a.legs, l.id)
	}
	if id := l.stray(); a.strays[id] == l {
		delete(a.strays, id)
	}
	if l.inbound && a.invites[l.dialog.merge] == l {
		delete(a.invites, l.dialog.merge)
	}
}

// settle disposes of a leg whose dialog is over and on which nothing is open any more: reports on a REFER outlive the
// call (RFC 5057 §5.5).
func (l *leg) settle() {
	if l.phase == phaseOver && l.ended && len(l.refers) == 0 {
		l.dispose()
	}
}

func (a *Agent) logPanic(p, in any) {
	a.log.Error("panic in a leg", "input", fmt.Sprintf("%T", in), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

func tagOf(p sip.HeaderParams) string {
	t, _ := p.Get("tag")
	return t
}
