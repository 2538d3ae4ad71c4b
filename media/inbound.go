package media

import (
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/mix"
)

// inbound is the direction from the phone. What every packet needs comes first: with hundreds of legs none of it is in
// the processor's caches when a packet comes.
type inbound struct {
	mu         sync.Mutex
	agreed     *agreed
	routes     []*route      // one per leg that hears this one alone
	source     *mix.Source   // for mixed; nil when there are none
	quietSince time.Duration // last packet, negotiation or report of silence
	latch      latch
	counts     Stats
	recent     recent

	mixed    []*leg         // those that hear it among others
	detector *dtmf.Detector // nil until there is an event
	gate     gate
	events   bool       // the phone sends its keys as events
	odd      rtp.Header // of packets whose header is not plain; kept for its room
	scratch  []byte     // for packets that are not passed on as they are
}

// receive takes one datagram from the socket: the whole path of a packet through the switch. It does not allocate.
func (l *leg) receive(b []byte, from netip.AddrPort) {
	defer l.caught("packet")
	now := l.e.now()
	in := &l.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if !l.admit(from, now) {
		in.counts.Stranger++
		return
	}
	// RFC 5761 §4: RTCP on the same port has 192-223 here. It ends here (edge case M15).
	if len(b) < headerSize || b[0]>>6 != 2 || b[1] >= 192 && b[1] <= 223 {
		in.counts.Malformed++
		return
	}
	h, start, end, ok := in.parse(b)
	if !ok {
		in.counts.Malformed++
		return
	}
	in.counts.Received++
	in.quietSince = now
	if kind := in.agreed.reads(h.pt); kind != codec.None {
		in.recent.add(kind, h.ssrc, h.ts, b[start:end], now)
		if in.source != nil {
			in.source.Put(kind, h.ssrc, h.ts, b[start:end], now)
		}
	} else if format, ok := in.agreed.format(h.pt); !ok { // comfort noise is never agreed: it ends here too (edge case M18)
		in.counts.Malformed++
		for _, r := range in.routes {
			r.to.out.leaveOut(r)
		}
		return
	} else if format.Event() {
		l.takeEvent(&h, b[start-headerSize:end], format.Clock, now)
		return
	}
	if len(in.routes) == 0 && in.source == nil {
		in.counts.Unheard++
	}
	for _, r := range in.routes {
		r.to.out.relay(r, &h, in.copyFor(r, b[start-headerSize:end]), now)
	}
}

// admit runs the latch. Called with in.mu held.
func (l *leg) admit(from netip.AddrPort, now time.Duration) bool {
	ok, moved := l.in.latch.accept(from, now, l.e.fits)
	if moved {
		l.out.aim(l.in.latch.remote())
		l.e.cfg.Log.Debug("media: latched", "leg", l.id.String(), "on", from.String(), "sdp", l.in.latch.sdp.String())
	}
	return ok
}

// fits tells whether an address may be latched on.
func (e *Engine) fits(from netip.AddrPort) bool { return e.hosts.refuse(from) == "" }

// copyFor returns the packet that one of several hearers may write into. A single one gets the datagram itself.
func (in *inbound) copyFor(_ *route, packet []byte) []byte {
	if len(in.routes) == 1 {
		return packet
	}
	in.scratch = append(in.scratch[:0], packet...)
	return in.scratch
}

// takeEvent takes a telephone-event packet: it is told once as a digit, and passed on if everyone who hears the leg
// can take it; else the digit is left to the core (edge cases D1-D6, D10). Called with in.mu held.
func (l *leg) takeEvent(h *head, packet []byte, clock int, now time.Duration) {
	in := &l.in
	p, ok := dtmf.Read(packet[headerSize:])
	if !ok {
		in.counts.Malformed++
		return
	}
	passable := len(in.routes)+len(in.mixed) > 0 && !in.gate.keeps(p.Event)
	for _, r := range in.routes {
		passable = passable && r.to.out.takesEvent(r, p.Event)
	}
	for _, m := range in.mixed {
		passable = passable && m.out.takesMixedEvent(in.source, p.Event, now)
	}
	if in.detector == nil {
		in.detector = new(dtmf.Detector)
	}
	result := in.detector.Feed(h.ssrc, h.ts, p, clock, passable, now)
	for _, r := range in.routes {
		if result.Pass {
			r.to.out.relayEvent(r, h, in.copyFor(r, packet[:headerSize+dtmf.PayloadSize]), p, clock, now)
		} else {
			r.to.out.leaveOut(r)
		}
	}
	if result.Pass {
		for _, m := range in.mixed {
			m.out.mixEvent(in.source, h.ts, p, clock, now)
		}
	}
	for _, d := range result.Ended[:result.N] {
		l.tellDigit(d)
	}
	if result.Start {
		in.events = in.events || dtmf.Key(p.Event) != ""
		in.gate.began(p.Event, result.Pass)
	}
	if result.Start && in.detector.Active() {
		l.e.clock.want(l) // its end packets may be lost
	}
}

// tellDigit is called with in.mu held, so that the gate counts what was told.
func (l *leg) tellDigit(d dtmf.Digit) {
	key := dtmf.Key(d.Event)
	if key == "" {
		return // flash and the like: passed on, no digit
	}
	if !d.Passed {
		l.in.gate.told++
	}
	l.post(callstate.DigitReceived{On: l.on(), Digit: key, Duration: d.Duration, Via: callstate.ByEvent, Passed: d.Passed})
}
