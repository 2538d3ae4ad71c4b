package phone

import (
	"math"
	"math/bits"
	"sync"
)

// ulaw and alaw are the decoding tables of ITU-T G.711.
var ulaw, alaw [256]int16

func init() {
	for i := range 256 {
		u := ^byte(i)
		v := (int(u&0x0f)<<3+0x84)<<(u>>4&7) - 0x84
		if u&0x80 != 0 {
			v = -v
		}
		ulaw[i] = int16(v)

		a := byte(i) ^ 0x55
		v = int(a&0x0f)<<4 + 8
		if e := a >> 4 & 7; e > 0 {
			v = (v + 0x100) << (e - 1)
		}
		if a&0x80 == 0 {
			v = -v
		}
		alaw[i] = int16(v)
	}
}

func encodeULaw(s int) byte {
	sign := byte(0)
	if s < 0 {
		sign, s = 0x80, -s
	}
	s = min(s, 32635) + 0x84
	e := bits.Len(uint(s)) - 8
	return ^(sign | byte(e)<<4 | byte(s>>(e+3))&0x0f)
}

func encodeALaw(s int) byte {
	sign := byte(0x80)
	if s < 0 {
		sign, s = 0, -s-1
	}
	s = min(s, 32767)
	e := max(bits.Len(uint(s))-8, 0)
	mantissa := s >> (e + 3) & 0x0f
	if e == 0 {
		mantissa = s >> 4 & 0x0f
	}
	return (sign | byte(e)<<4 | byte(mantissa)) ^ 0x55
}

// wave is what a sender plays: the sum of two tones of whole Hz, either of which may be 0.
type wave struct{ f1, f2 int }

type waveKey struct {
	wave
	alaw bool
}

var waves sync.Map // waveKey -> []byte

// second returns one second of a wave as G.711, which repeats without a seam because the tones are whole Hz.
func (w wave) second(alaw bool) []byte {
	key := waveKey{w, alaw}
	if b, ok := waves.Load(key); ok {
		return b.([]byte)
	}
	b := make([]byte, 8000)
	for i := range b {
		x := 0.0
		for _, f := range []int{w.f1, w.f2} {
			x += 8000 * math.Sin(2*math.Pi*float64(f*i%8000)/8000)
		}
		if alaw {
			b[i] = encodeALaw(int(math.Round(x)))
		} else {
			b[i] = encodeULaw(int(math.Round(x)))
		}
	}
	waves.Store(key, b)
	return b
}
