package jitter

import (
	"slices"
	"time"
)

// Frame is a step in bytes and in ticks of 8000 Hz: 20 ms.
const Frame = 160

const (
	size    = 2048 // of the ring: 256 ms
	longest = 960  // of a payload: 120 ms
	step    = 20 * time.Millisecond

	patience = 5        // steps without anything after which the stream has stopped
	stale    = 5 * step // age of the newest packet above which it is not played any more
	pause    = 3 * step // since the last step: play starts anew
	tick     = time.Second / 8000
)

// Buffer holds what came and is not played yet. The zero value is ready. It is not safe for use by several goroutines.
type Buffer struct {
	ring [size]byte
	have [size]bool // once playing: which bytes from play on have come

	source  uint64
	span    int           // bytes before end that came without a gap; kept while not playing, and for Before
	end     uint32        // timestamp after the newest byte
	arrived time.Duration // of the newest packet
	length  int           // of the newest packet

	playing bool
	play    uint32        // timestamp of the next step
	stepped time.Duration // when the last step was taken
	dry     int           // steps in a row for which nothing came

	stray uint32 // what would be next if a jump is real

	lead, leads int // smallest of this window, and how many
	steps, late int
	wish        Wish
}

// Put takes a packet. source names its stream: the buffer starts anew with another one (edge case M8).
func (b *Buffer) Put(source uint64, ts uint32, payload []byte, now time.Duration) {
	if len(payload) == 0 || len(payload) > longest {
		return
	}
	if source != b.source {
		b.source = source
		b.restart(ts)
	}
	if !b.playing {
		b.gather(ts, payload, now)
		return
	}
	at := int(int32(ts - b.play))
	if at+len(payload) > size || at < -size {
		// A jump of the timestamps (edge case M9), or more than the ring holds: if another packet confirms it
		// (RFC 3550 A.1), start anew.
		if ts == b.stray {
			b.restart(ts)
			b.gather(ts, payload, now)
		}
		b.stray = ts + uint32(len(payload))
		return
	}
	b.note(at, now)
	if ahead := int(int32(ts + uint32(len(payload)) - b.end)); ahead > 0 {
		if ts == b.end {
			b.span = min(b.span+len(payload), size)
		} else {
			b.span = len(payload)
		}
		b.end += uint32(ahead)
		b.arrived, b.length = now, len(payload)
	}
	if at < 0 { // its beginning was due already
		if -at >= len(payload) {
			return
		}
		ts, payload = b.play, payload[-at:]
	}
	b.write(ts, payload)
	b.mark(ts, len(payload))
}

// gather takes a packet while nothing is played: what came last without a gap is kept.
func (b *Buffer) gather(ts uint32, payload []byte, now time.Duration) {
	if ts != b.end {
		b.end, b.span = ts, 0
	}
	b.write(ts, payload)
	b.end += uint32(len(payload))
	b.span = min(b.span+len(payload), size)
	b.arrived, b.length = now, len(payload)
}

// Resume gives a fresh buffer what came before it was there, without a gap, up to the timestamp end. length is that of
// the last packet, which came at a time.
func (b *Buffer) Resume(source uint64, end uint32, past []byte, length int, at time.Duration) {
	if len(past) > size || len(past) == 0 {
		return
	}
	b.source = source
	b.restart(end - uint32(len(past)))
	b.gather(b.end, past, at)
	b.length = length
}

func (b *Buffer) restart(ts uint32) {
	b.playing, b.span, b.end = false, 0, ts
}

// Step is what one step brings.
type Step struct {
	Bytes [Frame]byte
	Have  [Frame]bool // which of them came
	Any   bool        // one did
	First bool        // play starts here, anew
}

// Take takes the next step into s. It returns false when there is no stream to play.
func (b *Buffer) Take(s *Step, now time.Duration) bool {
	s.Any, s.First = false, false
	if b.playing && now-b.stepped > pause {
		b.playing = false
	}
	if !b.playing {
		if b.span <= 0 || now-b.arrived > stale {
			return false
		}
		b.begin(now)
		s.First = true
	}
	b.next(s)
	b.stepped = now
	if s.Any {
		b.dry = 0
	} else if b.dry++; b.dry == patience {
		b.restart(b.end)
		return false
	}
	b.judge()
	return true
}

// Extra takes a further step at the same time as the last one, for a Skip.
func (b *Buffer) Extra(s *Step) {
	s.Any, s.First = false, false
	b.next(s)
}

func (b *Buffer) next(s *Step) {
	at := b.play % size
	n := copy(s.Bytes[:], b.ring[at:])
	copy(s.Bytes[n:], b.ring[:])
	copy(s.Have[:], b.have[at:])
	copy(s.Have[n:], b.have[:])
	clear(b.have[at : at+uint32(n)])
	clear(b.have[:Frame-n])
	s.Any = slices.Contains(s.Have[:], true)
	b.play += Frame
}

func (b *Buffer) write(ts uint32, payload []byte) {
	n := copy(b.ring[ts%size:], payload)
	copy(b.ring[:], payload[n:])
}

// mark notes that n bytes from ts on have come.
func (b *Buffer) mark(ts uint32, n int) {
	for i := range n {
		b.have[(ts+uint32(i))%size] = true
	}
}

// begin chooses where play starts: so far back that the packets which come next are there when they are due.
func (b *Buffer) begin(now time.Duration) {
	// Packets that are no whole number of steps long are due at changing times; the greatest common divisor is the
	// step of that change.
	back := b.length + Frame - gcd(b.length, Frame)
	if now-b.arrived < start*tick {
		back += Frame // it has come just now: a later one would hardly come in time
	}
	b.play = b.end - uint32(back)
	b.have = [size]bool{}
	there := min(b.span, back)
	b.mark(b.end-uint32(there), there)
	b.playing, b.dry = true, 0
	b.newWindow()
}

// Before copies what came before the start of play into dst and returns how much there is: a decoder that has heard it
// knows the stream. It is to be called for a First step only, before anything else.
func (b *Buffer) Before(dst []byte) int {
	played := int(int32(b.end - (b.play - Frame)))
	n := min(b.span-played, size-played, len(dst))
	for i := range max(n, 0) {
		dst[i] = b.ring[(b.end-uint32(played+n-i))%size]
	}
	return max(n, 0)
}

// Waiting is how much was received and is not played yet, in ticks.
func (b *Buffer) Waiting() int {
	if !b.playing {
		return 0
	}
	return max(int(int32(b.end-b.play)), 0)
}

// floor is the start of the step that holds a position.
func floor(at int) int {
	if at < 0 {
		at -= Frame - 1
	}
	return at / Frame * Frame
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
