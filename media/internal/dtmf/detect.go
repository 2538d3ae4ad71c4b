package dtmf

import "time"

// The update interval of a sender is measured, within these bounds (edge case D2).
const (
	minInterval = 20 * time.Millisecond
	maxInterval = 50 * time.Millisecond
)

// remembered is how many finished events are known as such, so that late packets of them start nothing.
const remembered = 8

// id is what makes an event one event, however many packets tell of it (RFC 4733 §2.5.2, edge cases D1, D3, D4).
type id struct {
	ssrc, ts uint32
	event    uint8
}

// Digit is one finished event.
type Digit struct {
	Event    uint8
	Duration time.Duration
	Passed   bool
}

// Detector finds events in the telephone-event packets of one stream. The zero value is ready; a nil one has found none.
type Detector struct {
	now      id
	active   bool
	passed   bool
	start    time.Duration // arrival of the first packet
	last     time.Duration // arrival of the newest
	interval time.Duration
	units    uint32 // duration by the packets, segments before this one included
	segment  uint32 // what units was at the start of this segment
	segTS    uint32
	clock    int

	done [remembered]struct {
		id
		passed bool
		valid  bool
	}
	next int
}

// Result is what one packet tells.
type Result struct {
	Pass  bool // relay this packet
	Start bool // it is the first of its event
	Ended [2]Digit
	N     int // how many of Ended: an event may end because the next one starts, which may itself be its own end
}

// Feed takes one packet. clock is that of its payload type. passable tells whether an event that starts now can be
// relayed; that holds for all packets of the event.
func (d *Detector) Feed(ssrc, ts uint32, p Payload, clock int, passable bool, now time.Duration) Result {
	var r Result
	key := id{ssrc, ts, p.Event}
	for i := range d.done {
		if d.done[i].valid && d.done[i].id == key {
			r.Pass = d.done[i].passed
			return r
		}
	}
	switch {
	case d.active && key == d.now:
		d.interval = min(max(now-d.last, minInterval), maxInterval)
	case d.active && d.continues(key):
		// RFC 4733 §2.5.1.3, edge case D6: the next segment of a long event.
		d.remember()
		d.now, d.segment, d.segTS = key, d.units, ts
	default:
		if d.active {
			r.add(d.finish())
		}
		*d = Detector{done: d.done, next: d.next, now: key, active: true, passed: passable, start: now,
			interval: maxInterval, segTS: ts, clock: clock}
		r.Start = true
	}
	d.last = now
	d.units = max(d.units, d.segment+uint32(p.Duration)) // edge case D5: it may jump or shrink
	r.Pass = d.passed
	if p.End {
		r.add(d.finish())
	}
	return r
}

func (r *Result) add(d Digit) {
	r.Ended[r.N] = d
	r.N++
}

// Expire ends an event of which nothing was heard for three update intervals: its end packets were lost.
func (d *Detector) Expire(now time.Duration) (Digit, bool) {
	if d == nil || !d.active || now-d.last < 3*d.interval {
		return Digit{}, false
	}
	return d.finish(), true
}

// Active tells whether an event has started and not ended, so that Expire must be called.
func (d *Detector) Active() bool { return d != nil && d.active }

// Keeps tells whether a key has been pressed and not let go that is not relayed.
func (d *Detector) Keeps() bool { return d != nil && d.active && !d.passed && Key(d.now.event) != "" }

func (d *Detector) continues(key id) bool {
	return key.ssrc == d.now.ssrc && key.event == d.now.event &&
		(key.ts-d.segTS == 0xffff || d.units-d.segment > 0x8000 && key.ts-d.segTS == d.units-d.segment)
}

func (d *Detector) remember() {
	d.done[d.next].id, d.done[d.next].passed, d.done[d.next].valid = d.now, d.passed, true
	d.next = (d.next + 1) % remembered
}

func (d *Detector) finish() Digit {
	d.remember()
	d.active = false
	g := Digit{Event: d.now.event, Passed: d.passed}
	if d.clock > 0 {
		g.Duration = time.Duration(d.units) * time.Second / time.Duration(d.clock)
	}
	if byArrival := d.last - d.start; d.units == 0 { // edge case D5
		g.Duration = byArrival
	}
	return g
}
