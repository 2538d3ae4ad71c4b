package media

import (
	"time"

	"ringdown/media/internal/codec"
	"ringdown/media/internal/mix"
)

// recent is what came from a phone in the last 60 ms, so that a mix which begins has something to begin with, and what
// is coded has a decoder that knows the stream.
type recent struct {
	kind   codec.Kind
	ssrc   uint32
	end    uint32        // timestamp after the newest byte
	length int           // of the newest packet
	at     time.Duration // when it came
	n      int           // bytes without a gap
	bytes  [480]byte
}

// add takes a packet. One that does not follow the last starts anew.
func (r *recent) add(k codec.Kind, ssrc, ts uint32, payload []byte, now time.Duration) {
	if len(payload) > len(r.bytes) {
		r.n = 0
		return
	}
	if ts != r.end || ssrc != r.ssrc || k != r.kind {
		r.kind, r.ssrc, r.n = k, ssrc, 0
	}
	if over := r.n + len(payload) - len(r.bytes); over > 0 {
		r.n = copy(r.bytes[:], r.bytes[over:r.n])
	}
	r.n += copy(r.bytes[r.n:], payload)
	r.end, r.length, r.at = ts+uint32(len(payload)), len(payload), now
}

// source makes a source for mixes that goes on from here.
func (r *recent) source(k codec.Kind) *mix.Source {
	s := mix.NewSource(k)
	if r.kind == k {
		s.Resume(r.ssrc, r.end, r.bytes[:r.n], r.length, r.at)
	}
	return s
}
