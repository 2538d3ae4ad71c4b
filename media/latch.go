package media

import (
	"net/netip"
	"time"
)

// The first packets after a negotiation, during which an address other than the SDP's may become the phone's
// (symmetric RTP, RFC 4961; edge case M5). The time runs from the first packet: a phone that starts to send only when
// it is answered must still be found behind its NAT.
const (
	latchTime    = 5 * time.Second
	latchPackets = 50
)

// moveGrace is how long packets from the old address are accepted after a phone has moved (edge case M4).
const moveGrace = time.Second

// latch knows where a phone's packets come from and go to.
//
//	          SDP with a new address              SDP's own address speaks
//	locked ---------------------------> open ------------------------------> locked on it
//	         SDP with the same address    |  another speaks: latched on it, once; the SDP's still wins
//	         (keeps what was latched)     |
//	                                      +-- window over -----------------> locked on what there is
type latch struct {
	sure  netip.AddrPort // whose packets need no further look: remote, once that has been found while not open
	sdp   netip.AddrPort // where the SDP says the phone is
	to    netip.AddrPort // where it really is, when that differs
	old   netip.AddrPort // where it was before it moved
	until time.Duration  // when old ends

	open   bool
	moved  bool          // latched since the negotiation
	count  int           // packets since the negotiation
	opened time.Duration // of the first of them
}

// remote is where to send.
func (l *latch) remote() netip.AddrPort {
	if l.to.IsValid() {
		return l.to
	}
	return l.sdp
}

// negotiate opens the latch for a taken offer or answer (edge case M6).
func (l *latch) negotiate(sdp netip.AddrPort, now time.Duration) {
	if sdp != l.sdp {
		l.old, l.until = l.remote(), now+moveGrace
		l.sdp, l.to = sdp, netip.AddrPort{}
	}
	l.open, l.moved, l.count, l.sure = true, false, 0, netip.AddrPort{}
}

// accept tells whether a packet is the phone's. moved tells that remote has changed. fit is asked before an address
// that the SDP does not name is latched on.
func (l *latch) accept(from netip.AddrPort, now time.Duration, fit func(netip.AddrPort) bool) (ok, moved bool) {
	if from == l.sure {
		return true, false
	}
	if l.open && l.count > 0 && (l.count >= latchPackets || now-l.opened > latchTime) {
		l.open = false
	}
	if !l.open {
		l.sure = l.remote()
		return from == l.sure || from == l.old && now < l.until, false
	}
	if from == l.old && now < l.until && from != l.sdp {
		return true, false
	}
	if l.count == 0 {
		l.opened = now
	}
	switch {
	case from == l.sdp: // preferred, and never left again
		moved = l.to.IsValid()
		l.to, l.open = netip.AddrPort{}, false
	case from == l.to && !l.moved: // a refresh: the phone is where it was
		l.open = false
	case from == l.to:
	case l.moved || !fit(from):
		return false, false // edge case M7
	default:
		l.to, l.moved, moved = from, true, true
	}
	l.count++
	return true, moved
}
