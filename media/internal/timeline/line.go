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
// A change of source advances the timestamp by the time that passed, and by one frame at least.
package timeline

import "time"

// The limits of RFC 3550 appendix A.1 within which a sequence number belongs to the running sequence.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// maxDrift is how far a source's timestamps may stray from the clock on the wall before they count as restarted.
const maxDrift = 10 * time.Second

// Stamp is what goes into the header of an outgoing packet.
type Stamp struct {
	Seq    uint16
	TS     uint32
	Marker bool // the stream does not simply go on here: first packet of a source, or after a gap of ours
}

// Line is the state of one outgoing stream. It is not safe for use by several goroutines.
type Line struct {
	SSRC  uint32
	clock int // Hz

	seq uint16        // of the newest packet
	ts  uint32        // of the newest packet
	at  time.Duration // when ts was new

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
// seq and ts are the packet's own. It refuses packets from before the source took over, and the first one after a
// jump of the sequence.
func (l *Line) Follow(src uint64, seq uint16, ts uint32, now time.Duration) (Stamp, bool) {
	if !l.fed || src != l.src {
		return l.rebase(src, seq, ts, now), true
	}
	if l.broken {
		return l.resume(seq, ts, now), true
	}
	switch d := int16(seq - l.inSeq); {
	case d > 0 && d <= maxDropout:
		out := ts + l.tsOff
		if l.strays(out, now) {
			return l.rebase(src, seq, ts, now), true
		}
		l.inSeq, l.run, l.jumping = seq, min(l.run+int(d), maxMisorder), false
		l.advance(out, now)
		l.seq = seq + l.seqOff
		return Stamp{Seq: l.seq, TS: out}, true
	case d <= 0 && int(-d) <= l.run: // late, or twice
		return Stamp{Seq: seq + l.seqOff, TS: ts + l.tsOff}, true
	case l.jumping && seq == l.badSeq:
		return l.rebase(src, seq, ts, now), true // RFC 3550 A.1: two in a row, the source has restarted
	}
	// A jump; or a packet from before the change of source, whose number is taken.
	l.jumping, l.badSeq = true, seq+1
	return Stamp{}, false
}

// Next places a packet of our own making, frame ticks long.
func (l *Line) Next(frame uint32, now time.Duration) Stamp {
	fresh := !l.fed || l.src != 0 || l.broken
	ts := l.ts + frame
	if fresh || now-l.at > 60*time.Millisecond { // a late tick is not a gap
		ts = l.Position(frame, now)
	}
	l.src, l.broken, l.jumping = 0, false, false
	l.seq++
	l.advance(ts, now)
	l.fed = true
	return Stamp{Seq: l.seq, TS: ts, Marker: fresh}
}

// Insert places the first packet of something that interrupts the source: an event. Further ones follow with Again.
func (l *Line) Insert(frame uint32, now time.Duration) Stamp {
	ts := l.Position(frame, now)
	l.seq++
	l.advance(ts, now)
	l.fed, l.broken = true, true
	return Stamp{Seq: l.seq, TS: ts, Marker: true}
}

// Again places a further packet with the timestamp of the last Insert.
func (l *Line) Again() Stamp {
	l.seq++
	l.broken = true
	return Stamp{Seq: l.seq, TS: l.ts}
}

// Skip tells that packets of the source were not sent, because the phone is on hold or cannot take them. It goes on
// with the next number: what was left out on purpose is no loss.
func (l *Line) Skip() {
	if l.src != 0 {
		l.broken = true
	}
}

// Position is the timestamp of a packet that would be sent now and does not belong to the source: one frame after the
// newest, or later as time has passed.
func (l *Line) Position(frame uint32, now time.Duration) uint32 {
	if !l.fed {
		return l.ts
	}
	return l.ts + max(frame, l.ticks(now-l.at))
}

// frame is the least distance of timestamps at a change of source: 20 ms.
func (l *Line) frame() uint32 { return uint32(l.clock / 50) }

func (l *Line) ticks(d time.Duration) uint32 {
	return uint32(int64(max(d, 0)) / int64(time.Microsecond) * int64(l.clock) / 1e6)
}

func (l *Line) advance(ts uint32, now time.Duration) {
	// The packets of one event share the timestamp of its start, which lies before that of audio sent beside them.
	if !l.fed || int32(ts-l.ts) > 0 {
		l.ts, l.at = ts, now
	}
}

// strays tells whether a timestamp is far from where the clock on the wall would put it.
func (l *Line) strays(out uint32, now time.Duration) bool {
	drift := int64(int32(out-l.ts)) - int64(l.ticks(now-l.at))
	limit := int64(l.clock) * int64(maxDrift/time.Second)
	return drift > limit || drift < -limit
}

// rebase lets src go on where the line is.
func (l *Line) rebase(src uint64, seq uint16, ts uint32, now time.Duration) Stamp {
	out := l.Position(l.frame(), now)
	l.src, l.fed, l.broken, l.jumping = src, true, false, false
	l.seq++
	l.seqOff, l.tsOff = l.seq-seq, out-ts
	l.inSeq, l.run = seq, 0
	l.ts, l.at = out, now
	return Stamp{Seq: l.seq, TS: out, Marker: true}
}

// resume lets the source go on after an interruption: the next number, and the source's own time.
func (l *Line) resume(seq uint16, ts uint32, now time.Duration) Stamp {
	out := ts + l.tsOff
	if int32(out-l.ts) <= 0 || l.strays(out, now) {
		return l.rebase(l.src, seq, ts, now)
	}
	l.broken, l.jumping = false, false
	l.seq++
	l.seqOff = l.seq - seq
	l.inSeq, l.run = seq, 0
	l.advance(out, now)
	return Stamp{Seq: l.seq, TS: out, Marker: true}
}
