// Package timeline keeps the sequence numbers and timestamps of one outgoing RTP stream continuous, whatever feeds it.
//
// A leg has one Line for its whole life: its SSRC, its sequence and its timestamps do not depend on whether a peer's
// packets, a tone, music or injected digits go out (edge cases M8, M9, M24; RFC 3550 §5.1).
//
//	source     peer A              music            digit     music      peer C
//	in   seq   7 8 9                                                     500 501
//	out  seq   1 2 3               4  5  6          7 8 9     10 11      12  13
//	out  ts    0 160 320           960 1120 1280    1440...   2560       2720
//	marker     *                   *                *         *          *
//
// # The rule
//
// The wall is the timestamp that a packet sent now would have if all packets had been sent in step with the clock since the
// first. A packet is ahead by as much as its timestamp is above the wall.
//
//   - A source that runs keeps its own distances: its network's jitter, its pauses and the drift of its clock are passed on.
//   - At a change the packet goes where the wall is, or, where the newest packet lasts longer than that, to its end. So no two
//     packets overlap, time never goes back, and silence between two sources takes its time.
//   - It goes ahead of the wall by MostAhead at most, or by its own length, if that is more. Else it is left out, and the next
//     one of its source is tried. This happens only while the newest packet lasts, so the wait is no longer than its length and
//     the distance of two packets of the new source. Digits of ours are never left out; they may be ahead by a packet more,
//     and what follows them is not.
//   - Who makes packets himself asks Ahead, and shortens them until he is in step again. Then a change leaves out nothing.
//
// Without the third rule each change gains some 10 ms, since two sources are out of step by so much: a phone that does not
// adapt hears its peer ever later. A source whose own clock goes wrong by more than farOff takes the wall with it: its
// listener has followed it, and is not to be thrown back at a change.
//
//	source      A    A    A  C    C    C    C  A    A  C    C    C  A     each 20 ms apart, C 6 ms after A
//	ahead, ms   0    0    0  14   14   14   14 20   20 -    14   14 20    C's second turn would begin 34 ms ahead
package timeline

import "time"

// MostAhead is how far a packet may be ahead of the wall after a change.
const MostAhead = 30 * time.Millisecond

// farOff is how far from the wall a source may be at a change before the wall goes with it: more than the jitter of most
// networks, and than MostAhead.
const farOff = 60 * time.Millisecond

// The limits of RFC 3550 appendix A.1 within which a sequence number belongs to the running sequence.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// maxDrift is how far a source's timestamps may stray from the clock on the wall before they count as restarted.
const maxDrift = 10 * time.Second

// maxLength is the longest packet that is believed in where lengths are only known from timestamps (RFC 3551 §4.2 has 200 ms
// for what a receiver takes; no codec's packet lasts longer than 120).
const maxLength = 120 * time.Millisecond

// Stamp is what goes into the header of an outgoing packet.
type Stamp struct {
	Seq    uint16
	TS     uint32
	Marker bool // the stream does not simply go on here: first packet of a source, or after a gap of ours
}

// Fate is what becomes of a packet.
type Fate uint8

const (
	Placed    Fate = iota
	Misplaced      // its number fits nowhere
	TooEarly       // it would be too far ahead; a later one will be placed
)

// Line is the state of one outgoing stream. It is not safe for use by several goroutines.
type Line struct {
	SSRC  uint32
	clock int // Hz

	seq    uint16        // of the newest packet
	ts     uint32        // of the newest packet
	length uint32        // of the newest packet, in ticks
	at     time.Duration // when ts was new
	wall   uint32        // at time 0

	src     uint64 // what feeds the line; 0 is our own making
	fed     bool   // something was sent yet
	broken  bool   // packets that are not the source's were sent since its last one
	seqOff  uint16
	tsOff   uint32
	inSeq   uint16 // the source's newest
	run     int    // how far inSeq is from the first packet under these offsets, at most maxMisorder
	badSeq  uint16 // after a jump: what would be next if the jump is real
	jumping bool
}

// New starts a line. seq and ts are where it starts; they should be random (RFC 3550 §5.1).
func New(ssrc uint32, clock int, seq uint16, ts uint32) Line {
	return Line{SSRC: ssrc, clock: clock, seq: seq - 1, ts: ts}
}

// At is when the newest packet was placed.
func (l *Line) At() time.Duration { return l.at }

// Clock is the line's clock rate in Hz.
func (l *Line) Clock() int { return l.clock }

// Follow places a packet of another stream. src names that stream (not 0; another one after each change of its SSRC),
// seq and ts are the packet's own, length is its ticks, or 0 if they are not known. It refuses packets from before the
// source took over, the first one after a jump of the sequence, and, at a change, those that would be too far ahead.
func (l *Line) Follow(src uint64, seq uint16, ts, length uint32, now time.Duration) (Stamp, Fate) {
	if !l.fed || src != l.src {
		return l.rebase(src, seq, ts, length, now)
	}
	if l.broken {
		return l.resume(seq, ts, length, now)
	}
	switch d := int16(seq - l.inSeq); {
	case d > 0 && d <= maxDropout:
		out := ts + l.tsOff
		if l.strays(out, now) {
			return l.rebase(src, seq, ts, length, now)
		}
		if length == 0 {
			length = l.guess(out, uint32(d))
		}
		l.inSeq, l.run, l.jumping = seq, min(l.run+int(d), maxMisorder), false
		l.advance(out, length, now)
		l.seq = seq + l.seqOff
		return Stamp{Seq: l.seq, TS: out}, Placed
	case d <= 0 && int(-d) <= l.run: // late, or twice
		return Stamp{Seq: seq + l.seqOff, TS: ts + l.tsOff}, Placed
	case l.jumping && seq == l.badSeq:
		return l.rebase(src, seq, ts, length, now) // RFC 3550 A.1: two in a row, the source has restarted
	}
	// A jump; or a packet from before the change of source, whose number is taken.
	l.jumping, l.badSeq = true, seq+1
	return Stamp{}, Misplaced
}

// Next places a packet of our own making, length ticks long, that is due now: a tick that comes late has the time at which it
// should have come. It refuses one that would be too far ahead.
func (l *Line) Next(length uint32, now time.Duration) (Stamp, Fate) {
	ts, ahead := l.place(now)
	if l.early(ahead, length, now) {
		return Stamp{}, TooEarly
	}
	return l.own(ts, length, now), Placed
}

// Must is Next for what cannot wait: a key's tone.
func (l *Line) Must(length uint32, now time.Duration) Stamp {
	ts, _ := l.place(now)
	return l.own(ts, length, now)
}

func (l *Line) own(ts, length uint32, now time.Duration) Stamp {
	fresh := !l.fed || l.src != 0 || l.broken
	l.src, l.broken, l.jumping = 0, false, false
	l.seq++
	l.advance(ts, length, now)
	l.fed = true
	return Stamp{Seq: l.seq, TS: ts, Marker: fresh}
}

// Insert places the first packet of something that interrupts the source: an event. Further ones follow with Again.
func (l *Line) Insert(length uint32, now time.Duration) Stamp {
	ts, _ := l.place(now)
	l.seq++
	l.advance(ts, length, now)
	l.fed, l.broken = true, true
	return Stamp{Seq: l.seq, TS: ts, Marker: true}
}

// Again places a further packet with the timestamp of the last Insert, by which that is length ticks long.
func (l *Line) Again(length uint32) Stamp {
	l.seq++
	l.broken = true
	l.length = max(l.length, length)
	return Stamp{Seq: l.seq, TS: l.ts}
}

// Skip tells that packets of the source were not sent, because the phone is on hold or cannot take them. It goes on
// with the next number: what was left out on purpose is no loss.
func (l *Line) Skip() {
	if l.src != 0 {
		l.broken = true
	}
}

// Ahead is how far a packet would be ahead of the wall that is placed now and does not belong to the source.
func (l *Line) Ahead(now time.Duration) time.Duration {
	_, ahead := l.place(now)
	return time.Duration(ahead) * time.Second / time.Duration(l.clock)
}

// place is where a packet goes now that does not belong to the source, and by how many ticks that is ahead of the wall.
func (l *Line) place(now time.Duration) (ts uint32, ahead int64) {
	if !l.fed {
		l.wall = l.ts - uint32(l.ticks(now))
		return l.ts, 0
	}
	was := l.ticks(l.at)
	off := int64(int32(l.ts - l.wall - uint32(was))) // the newest packet's
	limit := max(l.ticks(farOff), int64(l.length))
	if far := off - min(max(off, -limit), limit); far != 0 { // the source has taken the wall with it
		l.wall += uint32(far)
		off -= far
	}
	passed := l.ticks(now) - was
	if ahead = off + int64(l.length) - passed; ahead > 0 {
		return l.ts + l.length, ahead
	}
	return l.wall + uint32(was+passed), 0
}

// early tells whether a packet that would be so many ticks ahead is left out: not when the newest one is over.
func (l *Line) early(ahead int64, length uint32, now time.Duration) bool {
	return ahead > max(l.ticks(MostAhead), int64(length)) && l.ticks(now)-l.ticks(l.at) < int64(l.length)
}

// frame is what a packet is taken for whose length nobody knows: 20 ms.
func (l *Line) frame() uint32 { return uint32(l.clock / 50) }

// guess is the length of a packet with a timestamp, the source's d-th after the newest.
func (l *Line) guess(out, d uint32) uint32 {
	if step := int32(out-l.ts) / int32(d); step > 0 && int64(step) <= l.ticks(maxLength) {
		return uint32(step)
	}
	return l.length // a pause, or an event
}

func (l *Line) ticks(d time.Duration) int64 {
	return int64(max(d, 0)) / int64(time.Microsecond) * int64(l.clock) / 1e6
}

func (l *Line) advance(ts, length uint32, now time.Duration) {
	// The packets of one event share the timestamp of its start, which lies before that of audio sent beside them.
	switch d := int32(ts - l.ts); {
	case !l.fed || d > 0:
		l.ts, l.length, l.at = ts, length, now
	case d == 0:
		l.length = max(l.length, length)
	}
}

// strays tells whether a timestamp is far from where the clock on the wall would put it.
func (l *Line) strays(out uint32, now time.Duration) bool {
	drift := int64(int32(out-l.ts)) - l.ticks(now-l.at)
	limit := int64(l.clock) * int64(maxDrift/time.Second)
	return drift > limit || drift < -limit
}

// rebase lets src go on where the line is.
func (l *Line) rebase(src uint64, seq uint16, ts, length uint32, now time.Duration) (Stamp, Fate) {
	if length == 0 {
		length = l.frame()
	}
	out, ahead := l.place(now)
	if l.early(ahead, length, now) {
		l.badSeq = seq + 1 // when the source jumps, the next one is tried
		return Stamp{}, TooEarly
	}
	l.src, l.fed, l.broken, l.jumping = src, true, false, false
	l.seq++
	l.seqOff, l.tsOff = l.seq-seq, out-ts
	l.inSeq, l.run = seq, 0
	l.ts, l.length, l.at = out, length, now
	return Stamp{Seq: l.seq, TS: out, Marker: true}, Placed
}

// resume lets the source go on after an interruption: the next number, and the source's own time.
func (l *Line) resume(seq uint16, ts, length uint32, now time.Duration) (Stamp, Fate) {
	out := ts + l.tsOff
	if int32(out-l.ts-l.length) < 0 || l.strays(out, now) {
		return l.rebase(l.src, seq, ts, length, now)
	}
	if length == 0 {
		length = l.frame()
	}
	l.broken, l.jumping = false, false
	l.seq++
	l.seqOff = l.seq - seq
	l.inSeq, l.run = seq, 0
	l.advance(out, length, now)
	return Stamp{Seq: l.seq, TS: out, Marker: true}, Placed
}
