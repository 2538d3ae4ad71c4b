package mix

import (
	"fmt"
	"math"
	"testing"
	"time"

	"ringdown/media/internal/codec"
	"ringdown/media/internal/jitter"
)

const (
	slot      = 20 * time.Millisecond
	amplitude = 8000
)

// talker sends a tone to a source, packet by packet.
type talker struct {
	kind codec.Kind
	enc  *codec.Encoder
	hz   float64
	at   int    // samples
	ts   uint32 // of the next packet
}

func newTalker(k codec.Kind, hz float64) *talker {
	return &talker{kind: k, enc: codec.NewEncoder(k), hz: hz, ts: 0xffffff00}
}

func (p *talker) packet() (ts uint32, payload []byte) {
	pcm, payload := make([]int16, jitter.Frame*p.kind.Samples()), make([]byte, jitter.Frame)
	for i := range pcm {
		pcm[i] = int16(amplitude * math.Sin(2*math.Pi*p.hz*float64(p.at+i)/float64(p.kind.Rate())))
	}
	p.at += len(pcm)
	p.enc.Encode(payload, pcm)
	ts = p.ts
	p.ts += jitter.Frame
	return ts, payload
}

// play has a talker send and a hearer take so many slots; lost says which packets get lost. It returns what was heard.
func play(s *Source, p *talker, from, slots, rate int, lost func(int) bool) (heard []int16) {
	for i := from; i < from+slots; i++ {
		now := time.Duration(i) * slot
		if ts, payload := p.packet(); lost == nil || !lost(i) {
			s.Put(p.kind, 1, ts, payload, now-5*time.Millisecond)
		}
		frame := s.Frame(uint64(i), rate, now)
		if frame == nil {
			frame = make([]int16, rate/50)
		}
		heard = append(heard, frame...)
	}
	return heard
}

// steepest is the greatest step from one sample to the next.
func steepest(pcm []int16) (most int) {
	for i := range pcm[1:] {
		d := int(pcm[i+1]) - int(pcm[i])
		most = max(most, d, -d)
	}
	return most
}

func loudest(pcm []int16) (most int) {
	for _, x := range pcm {
		most = max(most, int(x), -int(x))
	}
	return most
}

// natural is the greatest step in a tone, with something for the coding.
func natural(hz float64, rate int) int { return int(1.1*amplitude*2*math.Pi*hz/float64(rate)) + 300 }

// Nothing is added to a tone, at either rate.
func TestFrames(t *testing.T) {
	for _, k := range []codec.Kind{codec.PCMU, codec.PCMA, codec.G722} {
		for _, rate := range []int{8000, 16000} {
			heard := play(NewSource(k), newTalker(k, 440), 0, 100, rate, nil)[rate/5:]
			if s := steepest(heard); s > natural(440, rate) {
				t.Errorf("%v at %d: a step of %d", k, rate, s)
			}
			if l := loudest(heard); l < amplitude*95/100 || l > amplitude*105/100 {
				t.Errorf("%v at %d: %d loud", k, rate, l)
			}
		}
	}
}

// Single losses are bridged without a click or a hole; a long one fades to silence within 60 ms, and comes back.
func TestConcealment(t *testing.T) {
	for _, k := range []codec.Kind{codec.PCMU, codec.G722} {
		rate := k.Rate()
		frame := rate / 50
		heard := play(NewSource(k), newTalker(k, 440), 0, 200, rate, func(i int) bool { return i > 10 && i%7 == 0 })[rate/5:]
		if s := steepest(heard); s > natural(440, rate)*3/2 {
			t.Errorf("%v: a step of %d, the tone has %d", k, s, natural(440, rate))
		}
		for i := 0; i+frame <= len(heard); i += frame / 2 {
			if l := loudest(heard[i : i+frame]); l < amplitude/2 {
				t.Errorf("%v: a hole at %d", k, i)
			}
		}
		s, p := NewSource(k), newTalker(k, 440)
		play(s, p, 0, 50, rate, nil)
		gap := play(s, p, 50, 50, rate, func(int) bool { return true })
		if l := loudest(gap[6*frame:]); l != 0 {
			t.Errorf("%v: %d loud after 120 ms of nothing", k, l)
		}
		if st := steepest(gap); st > natural(440, rate) {
			t.Errorf("%v: a step of %d in the gap", k, st)
		}
		if s.Frame(100, rate, 100*slot) != nil {
			t.Errorf("%v: who is silent has a frame", k)
		}
		back := play(s, p, 101, 50, rate, nil)
		if st := steepest(back); st > natural(440, rate)*3/2 {
			t.Errorf("%v: a step of %d as it comes back", k, st)
		}
		if l := loudest(back[10*frame:]); l < amplitude*9/10 {
			t.Errorf("%v: %d loud when it is back", k, l)
		}
	}
}

// A clock that is too fast or too slow is put right by a frame now and then, without a click.
func TestDrift(t *testing.T) {
	for _, k := range []codec.Kind{codec.PCMA, codec.G722} {
		for _, ppm := range []int{-2000, 2000} {
			t.Run(fmt.Sprint(k, ppm), func(t *testing.T) {
				rate := k.Rate()
				s, p := NewSource(k), newTalker(k, 430) // half a period off at each
				next := time.Duration(0)
				var heard []int16
				for i := range 3000 {
					now := time.Duration(i) * slot
					for ; next <= now; next += slot - time.Duration(ppm)*20 {
						ts, payload := p.packet()
						s.Put(k, 1, ts, payload, next)
					}
					frame := s.Frame(uint64(i), rate, now)
					if frame == nil && i > 5 {
						t.Fatalf("nothing in slot %d", i)
					}
					heard = append(heard, frame...)
				}
				if st := steepest(heard[rate:]); st > natural(430, rate) {
					t.Errorf("a step of %d, the tone has %d", st, natural(430, rate))
				}
				if got := float64(p.at) / float64(len(heard)); math.Abs(got-1-float64(ppm)/1e6) > 0.002 {
					t.Errorf("%.5f samples came for each that was heard", got)
				}
				if w := s.buf.Waiting(); w > 8*60 {
					t.Errorf("%d ticks are waiting", w)
				}
			})
		}
	}
}

// The phone changes its codec in the middle.
func TestOtherCodec(t *testing.T) {
	s := NewSource(codec.PCMU)
	play(s, newTalker(codec.PCMU, 440), 0, 50, 8000, nil)
	heard := play(s, newTalker(codec.G722, 440), 50, 50, 8000, nil)[1600:]
	if l, st := loudest(heard), steepest(heard); l < amplitude*9/10 || l > amplitude*11/10 || st > natural(440, 8000) {
		t.Errorf("%d loud, a step of %d", l, st)
	}
}

// The sum is exact until it is more than 16 bits hold; then it is cut.
func TestSum(t *testing.T) {
	var s Sum
	s.Add([]int16{1, -5, 30000, -30000, 32767})
	s.Add([]int16{2, 3, 30000, -30000, -32768})
	s.Add(nil)
	got := make([]int16, 6)
	s.Cut(got)
	if want := fmt.Sprint([]int16{3, -2, 32767, -32768, -1, 0}); fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNoAllocation(t *testing.T) {
	for _, k := range []codec.Kind{codec.PCMU, codec.G722} {
		s, p := NewSource(k), newTalker(k, 440)
		_, payload := p.packet()
		i := 0
		if n := testing.AllocsPerRun(500, func() {
			i++
			s.Put(k, 1, uint32(160*i), payload, time.Duration(i)*slot)
			s.Frame(uint64(i), 8000, time.Duration(i)*slot)
			s.Frame(uint64(i), 16000, time.Duration(i)*slot)
		}); n != 0 {
			t.Errorf("%v: %v allocations per frame", k, n)
		}
	}
}

func BenchmarkSource(b *testing.B) {
	for _, k := range []codec.Kind{codec.PCMU, codec.G722} {
		b.Run(fmt.Sprint(k), func(b *testing.B) {
			s, p := NewSource(k), newTalker(k, 440)
			_, payload := p.packet()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Put(k, 1, uint32(160*i), payload, time.Duration(i)*slot)
				s.Frame(uint64(i), k.Rate(), time.Duration(i)*slot)
			}
		})
	}
}
