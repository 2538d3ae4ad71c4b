package media

import (
	"slices"
	"time"

	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/mix"
	"ringdown/media/internal/timeline"
)

// passing is an event that goes into a mix: its packets are made anew at our own timestamps, since the stream is ours.
// While it lasts the mix is not sent, as if it were a digit of our own.
type passing struct {
	from     *mix.Source
	event    uint8
	ts       uint32 // theirs
	duration uint16 // of the newest packet
}

// claim keeps a hearer for the event that was the first to ask.
type claim struct {
	from  *mix.Source
	until time.Duration
}

// takesMixedEvent tells whether an event of one of those who are mixed can be passed on: two at a time cannot. Who may,
// has to say so to every hearer before the first packet goes out; meanwhile nobody else may.
func (o *outbound) takesMixedEvent(from *mix.Source, event uint8, now time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Contains(o.mix, from) || !o.open || o.sender.Active() || o.clipped() || now < o.eventBusy ||
		o.agreed.event.Name == "" || !o.agreed.events.Has(event) || o.claim.from != from && now < o.claim.until {
		return false
	}
	o.claim = claim{from, now + dtmf.Slot}
	return true
}

// mixEvent passes on a packet of an event that takesMixedEvent agreed to. ts and clock are those of the packet.
func (o *outbound) mixEvent(from *mix.Source, ts uint32, p dtmf.Payload, clock int, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Contains(o.mix, from) || !o.open || o.agreed.event.Name == "" {
		o.counts.Unheard++
		return
	}
	was := o.passing
	o.passing = passing{from, p.Event, ts, p.Duration}
	again := was.from == from && was.event == p.Event && was.ts == ts
	switch {
	case o.frozen:
		o.counts.Suppressed++
		return
	case again && (now >= o.eventBusy || p.Duration < was.duration): // the mix has gone on, or another packet overtook it
		o.passing.duration = was.duration
		o.counts.Misplaced++
		return
	}
	if ours := o.agreed.event.Clock; ours != clock {
		p.Duration = uint16(min(uint64(p.Duration)*uint64(ours)/uint64(clock), 0xffff)) // edge case D11
	}
	s := timeline.Stamp{}
	if again {
		s = o.line.Again(o.lasts(p))
	} else {
		s = o.line.Insert(o.lasts(p), now)
	}
	p.Write(o.room()[headerSize:])
	o.send(o.room()[:headerSize+dtmf.PayloadSize], o.agreed.event.PT, s)
	o.eventBusy = now + eventLinger
	if p.End {
		o.eventBusy = now + eventEndLinger
	}
}
