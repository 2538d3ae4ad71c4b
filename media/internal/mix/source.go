package mix

import (
	"sync"
	"time"

	"ringdown/media/internal/codec"
	"ringdown/media/internal/jitter"
	"ringdown/media/internal/resample"
)

// most is the number of samples of a frame at the highest rate.
const most = 2 * jitter.Frame

// Source is one party in mixes. Put may be called while another goroutine calls Frame; Frame by one at a time.
type Source struct {
	mu   sync.Mutex // Put against Frame
	kind codec.Kind // of the newest packet
	buf  jitter.Buffer

	// Of Frame alone:
	slot    uint64
	decoder *codec.Decoder
	step    jitter.Step
	now     [most]int16 // the frame of slot, at the decoder's rate
	next    [most]int16 // the frame after it, when a Repeat has put it off
	putOff  bool
	silent  bool // the frame is silence
	hidden  concealer

	other  [most]int16 // the frame of slot at the other rate
	turned uint64      // the slot that other is of
	up     resample.Up
	down   resample.Down
}

// NewSource makes the source of a party that speaks a codec, as far as is known.
func NewSource(k codec.Kind) *Source {
	s := &Source{kind: k}
	s.use(k)
	return s
}

// use starts a decoder.
func (s *Source) use(k codec.Kind) {
	s.decoder = codec.NewDecoder(k)
	s.hidden = concealer{full: s.samples(), gap: true}
}

// Resume gives a new source what the party said just before, so that it goes on without a gap: past ends at the
// timestamp end, and its last packet was so long and came at that time.
func (s *Source) Resume(ssrc, end uint32, past []byte, length int, at time.Duration) {
	s.buf.Resume(s.id(ssrc), end, past, length, at)
}

func (s *Source) id(ssrc uint32) uint64 { return uint64(s.kind)<<32 | uint64(ssrc) }

// Put takes a packet of the party, by its SSRC and timestamp.
func (s *Source) Put(k codec.Kind, ssrc, ts uint32, payload []byte, now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind = k
	s.buf.Put(s.id(ssrc), ts, payload, now)
}

// Frame returns 20 ms of the party in a slot, at 8000 or 16000 Hz. It must not be changed, and holds until the next
// slot. It is nil when the party says nothing.
func (s *Source) Frame(slot uint64, rate int, now time.Duration) []int16 {
	if slot != s.slot {
		was := s.hidden.silent()
		s.slot = slot
		s.advance(now)
		s.silent = was && s.hidden.silent()
	}
	own := s.decoder.Kind().Rate()
	switch {
	case s.silent:
		return nil
	case rate == own:
		return s.now[:s.samples()]
	}
	n := rate / 50
	if slot != s.turned {
		if slot != s.turned+1 {
			s.up, s.down = resample.Up{}, resample.Down{} // what they have heard is long ago
		}
		s.turned = slot
		if rate > own {
			s.up.Convert(s.other[:n], s.now[:s.samples()])
		} else {
			s.down.Convert(s.other[:n], s.now[:s.samples()])
		}
	}
	return s.other[:n]
}

func (s *Source) samples() int { return jitter.Frame * s.decoder.Kind().Samples() }

// advance makes the frame of the slot.
func (s *Source) advance(now time.Duration) {
	n := s.samples()
	if s.putOff {
		s.putOff = false
		copy(s.now[:n], s.next[:n])
		s.mu.Lock()
		s.buf.Delay(now)
		s.mu.Unlock()
		return
	}
	s.mu.Lock()
	if s.kind != s.decoder.Kind() {
		s.use(s.kind) // the phone has changed it; rare enough to allocate
		n = s.samples()
	}
	playing := s.buf.Take(&s.step, now)
	wish := s.buf.Wish()
	s.mu.Unlock()
	if !playing {
		s.hidden.conceal(s.now[:n])
		return
	}
	if s.step.First {
		s.catchUp()
	}
	before := s.now
	s.read(s.now[:n])
	switch wish {
	case jitter.Skip:
		s.mu.Lock()
		s.buf.Extra(&s.step)
		s.mu.Unlock()
		s.read(s.next[:n])
		fade(s.now[:n], s.now[:n], s.next[:n])
	case jitter.Repeat:
		s.next, s.putOff = s.now, true
		fade(s.now[:n], s.next[:n], before[:n])
	}
}

// catchUp has the decoder and the concealer hear what came before the start of play.
func (s *Source) catchUp() {
	var past [codec.History]byte
	var heard [most]int16
	s.mu.Lock()
	n := s.buf.Before(past[:])
	s.mu.Unlock()
	per := s.decoder.Kind().Samples()
	for i := 0; i < n; i += jitter.Frame {
		part := past[i:min(i+jitter.Frame, n)]
		s.decoder.Decode(heard[:], part)
		s.hidden.heard(heard[:len(part)*per])
	}
}

// read decodes the step that was taken.
func (s *Source) read(dst []int16) {
	per := s.decoder.Kind().Samples()
	for i := 0; i < jitter.Frame; {
		j := i + 1
		for j < jitter.Frame && s.step.Have[j] == s.step.Have[i] {
			j++
		}
		part := dst[i*per : j*per]
		if s.step.Have[i] {
			s.decoder.Decode(part, s.step.Bytes[i:j])
			s.hidden.heard(part)
		} else {
			s.hidden.conceal(part)
		}
		i = j
	}
}
