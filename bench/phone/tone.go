package phone

import (
	"math"
	"sync"
	"time"
)

const (
	rate       = 8000 // Hz, of everything that is decoded
	silenceRMS = 60   // below this level, of 32768, nothing is heard
	heardShare = 0.1  // part of the energy that one tone must have; three mixed tones have a third each
)

// frame is the audio of one packet, or the number that an opaque payload carries.
type frame struct {
	at      time.Time
	pcm     []int16
	pattern int // Hz; -1 when pcm counts
}

// hann returns the window of n samples, which keeps a tone from leaking into far ones.
func hann(n int) []float64 {
	if w, ok := windows.Load(n); ok {
		return w.([]float64)
	}
	w := make([]float64, n)
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(n))
	}
	windows.Store(n, w)
	return w
}

var windows sync.Map // number of samples -> []float64

// spectrum is one stretch of audio, ready to be asked for tones.
type spectrum struct {
	x      []float64 // windowed
	energy float64   // of x
	gain   float64   // energy of x that a pure tone of power 1 at its frequency would show
}

func newSpectrum(pcm []int16) spectrum {
	w := hann(len(pcm))
	s := spectrum{x: make([]float64, len(pcm))}
	var sum, squares float64
	for i, v := range pcm {
		s.x[i] = float64(v) * w[i]
		s.energy += s.x[i] * s.x[i]
		sum += w[i]
		squares += w[i] * w[i]
	}
	s.gain = 2 * squares / (sum * sum)
	return s
}

// share is the part (0..1) of the energy that a tone of that frequency accounts for.
func (s spectrum) share(hz float64) float64 {
	if s.energy == 0 {
		return 0
	}
	return goertzel(s.x, hz) * s.gain / s.energy
}

// peaks returns the tones of a spectrum and the loudest of them: coarse steps first, then by the Hz.
func (s spectrum) peaks() (tones []int, loudest int) {
	const low, high, step = 200, 3400, 10
	coarse := make([]float64, (high-low)/step+3) // with a neighbour at either end
	for i := range coarse {
		coarse[i] = s.share(float64(low + (i-1)*step))
	}
	best := 0.0
	for i := 1; i < len(coarse)-1; i++ {
		if coarse[i] < heardShare/4 || coarse[i] <= coarse[i-1] || coarse[i] < coarse[i+1] {
			continue
		}
		middle := low + (i-1)*step
		peak, at := 0.0, middle
		for hz := middle - step/2; hz <= middle+step/2; hz++ {
			if v := s.share(float64(hz)); v > peak {
				peak, at = v, hz
			}
		}
		if peak < heardShare {
			continue
		}
		tones = append(tones, at)
		if peak > best {
			best, loudest = peak, at
		}
	}
	return tones, loudest
}

// goertzel returns |X(hz)|² of the samples.
func goertzel(x []float64, hz float64) float64 {
	c := 2 * math.Cos(2*math.Pi*hz/rate)
	var a, b float64
	for _, v := range x {
		a, b = v+c*a-b, a
	}
	return a*a + b*b - c*a*b
}

func rms(pcm []int16) float64 {
	if len(pcm) == 0 {
		return 0
	}
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// keypad of ITU-T Q.23; events of RFC 4733 §3.2 are the indices into events.
const events = "0123456789*#ABCD"

var (
	rows   = [4]int{697, 770, 852, 941}
	cols   = [4]int{1209, 1336, 1477, 1633}
	keypad = [4]string{"123A", "456B", "789C", "*0#D"}
)

// keyWave returns the two tones of a digit.
func keyWave(digit rune) (wave, bool) {
	for r, keys := range keypad {
		for c, k := range keys {
			if k == digit {
				return wave{rows[r], cols[c]}, true
			}
		}
	}
	return wave{}, false
}

const keyBlock = 205 // samples: the block that separates the eight tones best at 8 kHz

// keyDetector finds in-band digits: the same key in two blocks running is one digit, until a block without it.
type keyDetector struct {
	block [keyBlock]float64
	n     int
	last  byte
	given bool
}

// feed takes samples and calls found for each digit.
func (d *keyDetector) feed(pcm []int16, found func(byte)) {
	for _, v := range pcm {
		d.block[d.n] = float64(v)
		if d.n++; d.n < keyBlock {
			continue
		}
		d.n = 0
		key := keyOf(d.block[:])
		switch {
		case key != d.last:
			d.last, d.given = key, false
		case key != 0 && !d.given:
			d.given = true
			found(key)
		}
	}
}

// keyOf returns the key that one block holds, or 0.
func keyOf(x []float64) byte {
	var total float64
	for _, v := range x {
		total += v * v
	}
	if total < keyBlock*silenceRMS*silenceRMS {
		return 0
	}
	r, row, rest := strongest(x, rows)
	c, col, rest2 := strongest(x, cols)
	switch scale := 2 / (float64(len(x)) * total); {
	case (row+col)*scale < 0.6, // something else is louder
		row > 10*col, col > 10*row, // twist
		rest*4 > row, rest2*4 > col: // a second tone in one group
		return 0
	}
	return keypad[r][c]
}

func strongest(x []float64, group [4]int) (index int, best, second float64) {
	for i, f := range group {
		switch e := goertzel(x, float64(f)); {
		case e > best:
			index, best, second = i, e, best
		case e > second:
			second = e
		}
	}
	return index, best, second
}

// TonesIn lists the tones in a stretch of audio at 8000 Hz, as Tones does in what is heard.
func TonesIn(pcm []int16) []int {
	if rms(pcm) <= silenceRMS {
		return nil
	}
	tones, _ := newSpectrum(pcm).peaks()
	return tones
}
