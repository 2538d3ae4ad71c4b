package media

import (
	"bytes"
	"slices"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/mix"
)

// recent is what came from a phone just now, so that a mix which begins has something to begin with, and a decoder or
// an encoder that is to go on in the stream knows it.
type recent struct {
	kind   codec.Kind
	ssrc   uint32
	end    uint32        // timestamp after the newest byte
	length int           // of the newest packet
	at     time.Duration // when it came
	n      int           // bytes without a gap
	next   int           // where the next byte goes: after the last comes the first
	bytes  []byte        // room for 60 ms, or for what the codec needs
}

// room makes place for a codec, when its first packet comes: until then nothing is kept of a leg.
func (r *recent) room(k codec.Kind) {
	size := 480
	if k.Remembers() {
		size = codec.History
	}
	if len(r.bytes) < size {
		r.bytes, r.n, r.next = make([]byte, size), 0, 0
	}
}

// add takes a packet. One that does not follow the last starts anew.
func (r *recent) add(k codec.Kind, ssrc, ts uint32, payload []byte, now time.Duration) {
	r.room(k)
	if len(payload) > len(r.bytes) {
		r.n = 0
		return
	}
	if ts != r.end || ssrc != r.ssrc || k != r.kind {
		r.kind, r.ssrc, r.n = k, ssrc, 0
	}
	if k := copy(r.bytes[r.next:], payload); k < len(payload) {
		r.next = copy(r.bytes, payload[k:])
	} else {
		r.next += k
	}
	r.n = min(r.n+len(payload), len(r.bytes))
	r.end, r.length, r.at = ts+uint32(len(payload)), len(payload), now
}

// all are the bytes without a gap, the oldest first.
func (r *recent) all() []byte {
	if begin := r.next - r.n; begin < 0 {
		return slices.Concat(r.bytes[begin+len(r.bytes):], r.bytes[:r.next])
	}
	return bytes.Clone(r.bytes[r.next-r.n : r.next])
}

// source makes a source for mixes that goes on from here.
func (r *recent) source(k codec.Kind) *mix.Source {
	s := mix.NewSource(k)
	if r.kind == k {
		s.Resume(r.ssrc, r.end, r.all(), r.length, r.at)
	}
	return s
}

// past is what the phone sent last in a codec.
func (l *leg) past(k codec.Kind) []byte {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	if l.in.recent.kind != k {
		return nil
	}
	return l.in.recent.all()
}

// relayed is what l was sent last as it came from another leg, if its own encoder needs to know that. Called with wire
// held.
func (l *leg) relayed() []byte {
	l.out.mu.Lock()
	feed := l.out.feed
	kind, unchanged := l.out.coder.Kind(), !l.out.made
	l.out.mu.Unlock()
	if feed == nil || feed.how != callstate.Relayed || !unchanged || !kind.Remembers() {
		return nil
	}
	return feed.from.past(kind)
}
