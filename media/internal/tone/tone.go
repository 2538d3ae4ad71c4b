// Package tone makes what the switch plays itself, as loops and frames of G.711: call progress tones, the tones of
// keys, and music on hold.
//
// Everything is made once, when it is first wanted, and shared: a player is an offset into a loop.
package tone

import (
	"math"
	"sync"

	"ringdown/media/internal/g711"
)

// Rate is the sampling rate in Hz; Frame the samples of 20 ms.
const (
	Rate  = 8000
	Frame = Rate / 50
)

// Law is a law of G.711.
type Law uint8

const (
	MuLaw Law = iota
	ALaw
)

// Kind is something that can be played in a loop.
type Kind uint8

const (
	Silence Kind = iota
	Ringback
	Busy
	Music
	kinds
)

var loops [kinds][2]struct {
	once sync.Once
	data []byte
}

// Loop returns the loop of a kind, a whole number of frames. It must not be changed.
func Loop(k Kind, law Law) []byte {
	l := &loops[k][law]
	l.once.Do(func() { l.data = encode(synth(k), law) })
	return l.data
}

// synth makes the linear samples. The North American tones (ITU-T E.180 supplement 2) end on whole periods, so that
// the loops have no clicks.
func synth(k Kind) []float64 {
	switch k {
	case Ringback: // 440 + 480 Hz, 2 s on, 4 s off; on first, so that a caller hears at once that it rings
		return append(dual(440, 480, 0.08, 2*Rate), make([]float64, 4*Rate)...)
	case Busy: // 480 + 620 Hz, 0.5 s on, 0.5 s off
		return append(dual(480, 620, 0.08, Rate/2), make([]float64, Rate/2)...)
	case Music:
		return music()
	}
	return make([]float64, Frame)
}

// The frequencies of the keys (ITU-T Q.23), by event code.
var (
	rows = [4]float64{697, 770, 852, 941}
	cols = [4]float64{1209, 1336, 1477, 1633}
	grid = [16][2]uint8{0: {3, 1}, 1: {0, 0}, 2: {0, 1}, 3: {0, 2}, 4: {1, 0}, 5: {1, 1}, 6: {1, 2}, 7: {2, 0},
		8: {2, 1}, 9: {2, 2}, 10: {3, 0}, 11: {3, 2}, 12: {0, 3}, 13: {1, 3}, 14: {2, 3}, 15: {3, 3}}
)

// KeySlots is the length of Key in frames.
const KeySlots = 5

var keyTones [2]struct {
	once sync.Once
	data [16][]byte
}

// Key returns 100 ms of the tone of an event code 0-15.
func Key(code uint8, law Law) []byte {
	k := &keyTones[law]
	k.once.Do(func() {
		for i, g := range grid {
			k.data[i] = encode(dual(rows[g[0]], cols[g[1]], 0.2, KeySlots*Frame), law)
		}
	})
	return k.data[code&15]
}

// dual makes two tones of an amplitude each, 1 being full scale.
func dual(f1, f2, amplitude float64, samples int) []float64 {
	s := make([]float64, samples)
	for i := range s {
		x := 2 * math.Pi * float64(i) / Rate
		s[i] = amplitude * (math.Sin(f1*x) + math.Sin(f2*x))
	}
	return s
}

func encode(linear []float64, law Law) []byte {
	b := make([]byte, len(linear))
	for i, x := range linear {
		s := int16(max(min(x, 1), -1) * 32767)
		switch {
		case law == ALaw:
			b[i] = g711.EncodeA(s)
		default:
			b[i] = g711.EncodeU(s)
		}
	}
	return b
}
