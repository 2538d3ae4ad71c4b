package tone

import (
	"math"
	"testing"

	"ringdown/media/internal/g711"
)

func decode(b []byte, law Law) []float64 {
	s := make([]float64, len(b))
	for i, c := range b {
		if law == ALaw {
			s[i] = float64(g711.DecodeA(c)) / 32768
		} else {
			s[i] = float64(g711.DecodeU(c)) / 32768
		}
	}
	return s
}

// power is the share of a frequency in samples (Goertzel), 1 being all of it.
func power(s []float64, f float64) float64 {
	k := 2 * math.Cos(2*math.Pi*f/Rate)
	var a, b, sum float64
	for _, x := range s {
		a, b = x+k*a-b, a
		sum += x * x
	}
	if sum == 0 {
		return 0
	}
	return 2 * (a*a + b*b - k*a*b) / (sum * float64(len(s)))
}

func rms(s []float64) float64 {
	var sum float64
	for _, x := range s {
		sum += x * x
	}
	return math.Sqrt(sum / float64(len(s)))
}

func TestProgressTones(t *testing.T) {
	for _, law := range []Law{MuLaw, ALaw} {
		for _, c := range []struct {
			kind    Kind
			f1, f2  float64
			on, off int
		}{{Ringback, 440, 480, 2 * Rate, 4 * Rate}, {Busy, 480, 620, Rate / 2, Rate / 2}} {
			s := decode(Loop(c.kind, law), law)
			if len(s) != c.on+c.off {
				t.Fatalf("kind %d: %d samples, want %d", c.kind, len(s), c.on+c.off)
			}
			on, off := s[:c.on], s[c.on:]
			if p1, p2 := power(on, c.f1), power(on, c.f2); p1 < 0.45 || p2 < 0.45 {
				t.Errorf("kind %d law %d: shares %.2f and %.2f, want a half each", c.kind, law, p1, p2)
			}
			if level := 20 * math.Log10(rms(on)); level < -26 || level > -18 {
				t.Errorf("kind %d law %d: %.1f dB", c.kind, law, level)
			}
			if rms(off) > 0.001 {
				t.Errorf("kind %d law %d: the pause is not silent", c.kind, law)
			}
		}
	}
}

// ITU-T Q.23: each key is one row and one column.
func TestKeys(t *testing.T) {
	const order = "123A456B789C*0#D"
	codes := map[byte]uint8{'*': 10, '#': 11, 'A': 12, 'B': 13, 'C': 14, 'D': 15}
	for i := range len(order) {
		code, ok := codes[order[i]]
		if !ok {
			code = order[i] - '0'
		}
		s := decode(Key(code, MuLaw), MuLaw)
		if len(s) != KeySlots*Frame {
			t.Fatalf("%d samples", len(s))
		}
		if r, c := power(s, rows[i/4]), power(s, cols[i%4]); r < 0.4 || c < 0.4 {
			t.Errorf("key %c: shares %.2f %.2f", order[i], r, c)
		}
	}
}

// The tone that waits for digits is always on, and its loop has no seam: its periods are whole.
func TestDialTone(t *testing.T) {
	for _, law := range []Law{MuLaw, ALaw} {
		s := decode(Loop(Dial, law), law)
		for range 3 {
			s = append(s, s...)
		}
		if p1, p2 := power(s, 350), power(s, 440); p1 < 0.48 || p2 < 0.48 {
			t.Errorf("law %d: shares %.2f and %.2f, want a half each", law, p1, p2)
		}
		if level := 20 * math.Log10(rms(s)); level < -26 || level > -18 {
			t.Errorf("law %d: %.1f dB", law, level)
		}
	}
}

func TestLoops(t *testing.T) {
	for k := range kinds {
		for _, law := range []Law{MuLaw, ALaw} {
			if n := len(Loop(k, law)); n == 0 || n%Frame != 0 {
				t.Errorf("kind %d: %d samples are no whole frames", k, n)
			}
		}
	}
	s := decode(Loop(Music, MuLaw), MuLaw)
	var peak float64
	for _, x := range s {
		peak = max(peak, math.Abs(x))
	}
	if level := 20 * math.Log10(rms(s)); level < -30 || level > -15 || peak > 0.95 {
		t.Errorf("music: %.1f dB, peak %.2f", level, peak)
	}
	if seam := math.Abs(s[0] - s[len(s)-1]); seam > 0.1 {
		t.Errorf("music: a step of %.2f at the seam", seam)
	}
}
