// Package resample changes the sampling rate of linear samples: streams between 8000 and 16000 Hz in frames (Up, Down),
// and recordings between any rates, whole (Convert) or piece by piece (Stream).
package resample

import "math"

// The filter of Up and Down lets half of the band at 16000 Hz through: flat to 3400 Hz, 60 dB less from 4600 Hz. Every
// other coefficient of such a filter is zero, and it is symmetric: these are the others, to one side, in units of 2^-15.
const half = 12

var odd = func() (h [half]int32) {
	const beta = 5.65 // 60 dB
	for j := range h {
		k := float64(2*j + 1)
		h[j] = int32(math.Round(32768 * math.Sin(math.Pi*k/2) / (math.Pi * k) * kaiser(k/(2*half), beta)))
	}
	return h
}()

// block is how many samples at 8000 Hz are worked on at once.
const block = 160

// Up turns 8000 into 16000 Hz, 1.5 ms later. The zero value has heard silence.
type Up struct {
	past [2*half - 1]int32
}

// Convert writes two samples for each one; dst must not be src.
func (u *Up) Convert(dst, src []int16) {
	var x [2*half - 1 + block]int32
	for len(src) > 0 {
		n := min(block, len(src))
		copy(x[:], u.past[:])
		for i, s := range src[:n] {
			x[len(u.past)+i] = int32(s)
		}
		for i := range n {
			w := (*[2 * half]int32)(x[i:])
			sum := int32(1 << 13)
			for j, h := range odd {
				sum += h * ((w[half-1-j] + w[half+j]) >> 1) // halved, so that the sum fits
			}
			dst[2*i], dst[2*i+1] = int16(w[half-1]), cut(sum>>13)
		}
		copy(u.past[:], x[n:])
		dst, src = dst[2*n:], src[n:]
	}
}

// Down turns 16000 into 8000 Hz, 1.5 ms later. The zero value has heard silence.
type Down struct {
	past [4*half - 2]int32
}

// Convert writes a sample for every two; dst may be src.
func (d *Down) Convert(dst, src []int16) {
	var x [4*half - 2 + 2*block]int32
	for len(src) > 1 {
		n := min(block, len(src)/2)
		copy(x[:], d.past[:])
		for i, s := range src[:2*n] {
			x[len(d.past)+i] = int32(s)
		}
		for i := range n {
			w := (*[4*half - 1]int32)(x[2*i:])
			sum := int32(1<<14) + w[2*half-1]<<14
			for j, h := range odd {
				sum += h * ((w[2*half-2-2*j] + w[2*half+2*j]) >> 1) << 1
			}
			dst[i] = cut(sum >> 15)
		}
		copy(d.past[:], x[2*n:])
		dst, src = dst[n:], src[2*n:]
	}
}

func cut(x int32) int16 { return int16(min(max(x, -32768), 32767)) }

// Convert returns a recording at another rate. It takes its time.
func Convert(x []float64, from, to int) []float64 {
	if from == to {
		return x
	}
	s := NewStream(from, to)
	return s.End(s.Convert(make([]float64, 0, int64(len(x))*int64(to)/int64(from)), x))
}

func sinc(t float64) float64 {
	if t == 0 {
		return 1
	}
	return math.Sin(math.Pi*t) / (math.Pi * t)
}

// kaiser is the window at t, which is 1 at its edge.
func kaiser(t, beta float64) float64 {
	if t < -1 || t > 1 {
		return 0
	}
	return bessel(beta*math.Sqrt(1-t*t)) / bessel(beta)
}

// bessel is the modified Bessel function of the first kind and order 0.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}
