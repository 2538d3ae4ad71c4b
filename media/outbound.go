package media

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/g711"
	"ringdown/media/internal/mix"
	"ringdown/media/internal/sdp"
	"ringdown/media/internal/timeline"
	"ringdown/media/internal/tone"
)

// outbound is the direction to the phone: one stream for the whole life of the leg, whatever feeds it. What every packet
// needs comes first, as in inbound.
type outbound struct {
	mu     sync.Mutex
	feed   *route // the only one whose packets go out
	conn   socket
	to     netip.AddrPort
	open   bool // the phone wants to hear, and we know where it is
	frozen bool // a digit is being sent in place of everything else
	closed bool
	line   timeline.Line
	counts Stats
	// At a change, what was there before goes on for as long as a packet is missing, so that the phone waits for no more
	// than the 20 ms that lie between any two:
	bridge   callstate.Sound // goes on until the first packet of the feed, for one frame at most
	bridgeAt int             // where in its loop, in half frames
	owes     bool            // a sound has taken the place of a feed, and has not begun
	clip     playback

	agreed *agreed
	mix    []*mix.Source // what is added up, when there is no feed
	coder  codec.Encoder
	// A codec that remembers: coder has made what went out last, so that a phone's own packets, when they take over, are
	// coded anew until there are settle bytes less.
	made   bool
	settle int
	sound  callstate.Sound
	at     int // where in the loop of sound, in half frames

	sender    dtmf.Sender
	eventBusy time.Duration // until then an event of the feed, or of one of the mix, is passing through
	passing   passing
	claim     claim

	own []byte // room for packets of our own making; nil until there is one
}

// A passing event keeps injected digits back until its end, or until its sender was silent for so long.
const (
	eventLinger    = 3 * 50 * time.Millisecond
	eventEndLinger = 60 * time.Millisecond // the repeats of its end
)

// volume of the events that we make, in -dBm0.
const volume = 10

// adopt puts an agreement into force.
func (o *outbound) adopt(a *agreed, remote netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.agreed = a
	if o.coder.Kind() != a.kind {
		o.coder, o.made, o.settle = *codec.NewEncoder(a.kind), false, 0
	}
	if clock := a.codec.Clock; clock != 0 && clock != o.line.Clock() {
		// RFC 7160 §4.1: another clock rate needs another SSRC.
		o.line = timeline.New(rand.Uint32(), clock, uint16(rand.Uint32()), rand.Uint32())
	}
	o.aimLocked(remote)
}

// aim moves the stream to another address.
func (o *outbound) aim(to netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.aimLocked(to)
}

func (o *outbound) aimLocked(to netip.AddrPort) {
	o.to = to
	o.open = !o.closed && !o.agreed.off() && sdp.Hears(o.agreed.phone) && to.IsValid()
}

// listen sets what the stream is made of from now on. past are the last bytes that went out unchanged, for the encoder to
// follow.
func (o *outbound) listen(feed *route, mix []*mix.Source, sound callstate.Sound, past []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(past) > 0 {
		o.coder.Follow(past)
	}
	if o.settle = 0; o.made && feed != nil && feed.how == callstate.Relayed && feed.converter != nil {
		o.settle = settleTime
	}
	switch {
	case feed == nil || mix != nil:
		o.bridge = callstate.Nothing
	case o.feed == nil && o.mix == nil:
		o.bridge, o.bridgeAt = o.sound, o.at
	}
	o.owes = o.feed != nil && feed == nil && mix == nil
	if sound != o.sound || feed != nil || mix != nil {
		o.at = 0 // a tone starts with its beginning
	}
	if feed == nil || o.feed == nil || feed.from != o.feed.from {
		o.eventBusy = 0
		o.line.Skip() // the feed's packets may go by unsent meanwhile
	}
	o.feed, o.mix, o.sound = feed, mix, sound
}

// relay sends a packet of the leg's feed. packet is headerSize bytes of room and the payload; it is written into.
func (o *outbound) relay(r *route, h *head, packet []byte, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	op := r.op(h.pt)
	switch {
	case r != o.feed || !o.open || op.do == drop:
		o.counts.Unheard++
		o.skip(r)
		return
	case o.frozen || o.clipped():
		o.counts.Suppressed++
		if !o.frozen {
			o.skip(r)
		}
		r.hear(op.kind, packet[headerSize:])
		return
	}
	length := uint32(0) // not known
	if op.kind != codec.None {
		length = uint32(len(packet) - headerSize)
	}
	s, fate := o.follow(r, h, length, now)
	if fate != timeline.Placed {
		if fate == timeline.TooEarly {
			r.hear(op.kind, packet[headerSize:])
		}
		return
	}
	switch payload := packet[headerSize:]; op.do {
	case toMuLaw:
		g711.ToU(payload, payload)
	case toALaw:
		g711.ToA(payload, payload)
	case pass:
		if o.settle > 0 && !o.recode(r, op.kind, payload, s.Seq) {
			return
		}
	case recode:
		if !o.recode(r, op.kind, payload, s.Seq) {
			return
		}
	}
	s.Marker = s.Marker || h.marker
	o.send(packet, op.pt, s)
}

// follow places a packet of the feed, audio or event, length ticks long (0: not known), and counts it if that cannot be. The
// feed has begun then, so nothing bridges the change to it any longer: between the packets of an event that would make two
// of one digit. Called with mu held.
func (o *outbound) follow(r *route, h *head, length uint32, now time.Duration) (timeline.Stamp, timeline.Fate) {
	s, fate := o.line.Follow(r.source(h.ssrc), h.seq, h.ts, length, now)
	switch fate {
	case timeline.Misplaced:
		o.counts.Misplaced++
		return s, fate
	case timeline.TooEarly:
		o.counts.Suppressed++
	}
	o.bridge = callstate.Nothing
	return s, fate
}

// skip tells the timeline that a packet of the feed is left out. Called with mu held.
func (o *outbound) skip(r *route) {
	if r == o.feed {
		o.line.Skip()
	}
}

// leaveOut is skip for a packet that is not even tried.
func (o *outbound) leaveOut(r *route) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.skip(r)
}

// source names a stream in the timelines of those who hear it; it is never 0.
func (r *route) source(ssrc uint32) uint64 { return uint64(r.from.serial)<<32 | uint64(ssrc) }

// takesEvent tells whether an event of the feed can be passed on.
func (o *outbound) takesEvent(r *route, event uint8) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return r == o.feed && o.open && !o.sender.Active() && !o.clipped() && o.agreed.event.Name != "" && o.agreed.events.Has(event)
}

// relayEvent passes on a packet of an event that takesEvent agreed to.
func (o *outbound) relayEvent(r *route, h *head, packet []byte, p dtmf.Payload, clock int, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case r != o.feed || !o.open || o.agreed.event.Name == "":
		o.counts.Unheard++
		o.skip(r)
		return
	case o.frozen:
		o.counts.Suppressed++
		return
	}
	if ours := o.agreed.event.Clock; ours != clock {
		// Edge case D11: the units of the duration are those of the payload type's clock.
		p.Duration = uint16(min(uint64(p.Duration)*uint64(ours)/uint64(clock), 0xffff))
		p.Write(packet[headerSize:])
	}
	s, fate := o.follow(r, h, max(o.lasts(p), 1), now)
	if fate != timeline.Placed { // too early: those after it have all that is in it
		return
	}
	if p.End {
		o.eventBusy = now + eventEndLinger
	} else {
		o.eventBusy = now + eventLinger
	}
	s.Marker = s.Marker || h.marker
	o.send(packet, o.agreed.event.PT, s)
}

// room is where a packet of our own making is written. Most legs send none. Called with mu held.
func (o *outbound) room() []byte {
	if o.own == nil {
		o.own = make([]byte, headerSize+tone.Frame)
	}
	return o.own
}

// send writes the header and the packet. Called with mu held.
func (o *outbound) send(packet []byte, pt uint8, s timeline.Stamp) {
	packet[0], packet[1] = 0x80, pt
	if s.Marker {
		packet[1] |= 0x80
	}
	binary.BigEndian.PutUint16(packet[2:], s.Seq)
	binary.BigEndian.PutUint32(packet[4:], s.TS)
	binary.BigEndian.PutUint32(packet[8:], o.line.SSRC)
	if _, err := o.conn.WriteToUDPAddrPort(packet, o.to); err != nil {
		o.counts.SendErrors++
		return
	}
	o.counts.Sent++
}
