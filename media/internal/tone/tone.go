// Package tone makes what the switch plays itself, as loops and frames of G.711 and, for G.722, of samples at 16000 Hz:
// call progress tones, the tones of keys, and music on hold.
//
// Everything is made once, when it is first wanted, and shared: a player is an offset into a loop.
package tone

import (
	"math"
	"sync"

	"ringdown/media/internal/g711"
)

// Rate is the sampling rate of G.711 in Hz, Frame the samples of 20 ms; WideRate and WideFrame are those of G.722.
const (
	Rate      = 8000
	Frame     = Rate / 50
	WideRate  = 16000
	WideFrame = WideRate / 50
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
	Dial
	kinds
)

var loops [kinds][2]struct {
	once sync.Once
	data []byte
}

// Loop returns the loop of a kind, a whole number of frames. It must not be changed.
func Loop(k Kind, law Law) []byte {
	l := &loops[k][law]
	l.once.Do(func() { l.data = encode(synth(k, Rate), law) })
	return l.data
}

var wide [kinds]struct {
	once sync.Once
	data []int16
}

// Wide returns the same at 16000 Hz.
func Wide(k Kind) []int16 {
	l := &wide[k]
	l.once.Do(func() { l.data = linear(synth(k, WideRate)) })
	return l.data
}

// synth makes the linear samples at a rate. The North American tones (ITU-T E.180 supplement 2) end on whole periods, so that
// the loops have no clicks.
func synth(k Kind, rate int) []float64 {
	switch k {
	case Ringback: // 440 + 480 Hz, 2 s on, 4 s off; on first, so that a caller hears at once that it rings
		return append(dual(440, 480, 0.08, 2*rate, rate), make([]float64, 4*rate)...)
	case Busy: // 480 + 620 Hz, 0.5 s on, 0.5 s off
		return append(dual(480, 620, 0.08, rate/2, rate), make([]float64, rate/2)...)
	case Dial: // 350 + 440 Hz, always on
		return dual(350, 440, 0.08, rate/10, rate)
	case Music:
		return music(rate)
	}
	return make([]float64, rate/50)
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
			k.data[i] = encode(key(g, Rate), law)
		}
	})
	return k.data[code&15]
}

var wideKeys struct {
	once sync.Once
	data [16][]int16
}

// WideKey returns the same at 16000 Hz.
func WideKey(code uint8) []int16 {
	wideKeys.once.Do(func() {
		for i, g := range grid {
			wideKeys.data[i] = linear(key(g, WideRate))
		}
	})
	return wideKeys.data[code&15]
}

func key(g [2]uint8, rate int) []float64 {
	return dual(rows[g[0]], cols[g[1]], 0.2, KeySlots*rate/50, rate)
}

// dual makes two tones of an amplitude each, 1 being full scale.
func dual(f1, f2, amplitude float64, samples, rate int) []float64 {
	s := make([]float64, samples)
	for i := range s {
		x := 2 * math.Pi * float64(i) / float64(rate)
		s[i] = amplitude * (math.Sin(f1*x) + math.Sin(f2*x))
	}
	return s
}

func linear(x []float64) []int16 {
	s := make([]int16, len(x))
	for i := range s {
		s[i] = int16(max(min(x[i], 1), -1) * 32767)
	}
	return s
}

func encode(x []float64, law Law) []byte {
	b := make([]byte, len(x))
	for i, s := range linear(x) {
		switch {
		case law == ALaw:
			b[i] = g711.EncodeA(s)
		default:
			b[i] = g711.EncodeU(s)
		}
	}
	return b
}
