package resample

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func sine(hz, rate, amplitude float64, n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/rate)))
	}
	return s
}

// level is the amplitude of a frequency, and what is left without it.
func level(pcm []int16, hz, rate float64) (amplitude, rest float64) {
	var s, c, power float64
	for i, x := range pcm {
		w := 2 * math.Pi * hz / rate * float64(i)
		s += float64(x) * math.Sin(w)
		c += float64(x) * math.Cos(w)
	}
	s, c = 2*s/float64(len(pcm)), 2*c/float64(len(pcm))
	for i, x := range pcm {
		w := 2 * math.Pi * hz / rate * float64(i)
		d := float64(x) - s*math.Sin(w) - c*math.Cos(w)
		power += d * d
	}
	return math.Hypot(s, c), math.Sqrt(power / float64(len(pcm)))
}

// What is below 3400 Hz stays as it is, and nothing is added; what is above 4600 Hz goes.
func TestStreams(t *testing.T) {
	for _, hz := range []float64{50, 300, 1000, 2000, 3000, 3400} {
		up := make([]int16, 16000)
		new(Up).Convert(up, sine(hz, 8000, 10000, 8000))
		down := make([]int16, 8000)
		new(Down).Convert(down, sine(hz, 16000, 10000, 16000))
		for name, got := range map[string]struct {
			pcm  []int16
			rate float64
		}{"up": {up[800:], 16000}, "down": {down[400:], 8000}} {
			if a, rest := level(got.pcm, hz, got.rate); a < 9800 || a > 10200 || rest > 25 {
				t.Errorf("%v Hz %s: level %.0f, and %.1f of other things", hz, name, a, rest)
			}
		}
	}
	for _, hz := range []float64{4600, 5000, 6000, 7500} {
		down := make([]int16, 8000)
		new(Down).Convert(down, sine(hz, 16000, 10000, 16000))
		if _, rest := level(down[400:], 0, 8000); rest > 20 {
			t.Errorf("%v Hz leaves %.1f", hz, rest)
		}
	}
}

// The frames do not show: any cutting gives the same, and full scale is cut, not turned over.
func TestPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	src := make([]int16, 1600)
	for i := range src {
		src[i] = []int16{-32768, 32767, int16(r.Uint32())}[r.IntN(3)]
	}
	whole, pieces := make([]int16, 3200), make([]int16, 3200)
	new(Up).Convert(whole, src)
	var u Up
	for at := 0; at < len(src); {
		n := min(1+r.IntN(200), len(src)-at)
		u.Convert(pieces[2*at:], src[at:at+n])
		at += n
	}
	if !slices.Equal(whole, pieces) {
		t.Error("up: pieces differ from the whole")
	}
	new(Down).Convert(whole[:800], src)
	var d Down
	for at := 0; at < len(src); {
		n := min(2+2*r.IntN(200), len(src)-at)
		d.Convert(pieces[at/2:], src[at:at+n])
		at += n
	}
	if !slices.Equal(whole[:800], pieces[:800]) {
		t.Error("down: pieces differ from the whole")
	}
	loud, up := make([]int16, 400), make([]int16, 800)
	for i := range loud {
		loud[i] = int16(32767 - 65535*(i/40%2))
	}
	new(Up).Convert(up, loud)
	for i := 100; i < 700; i++ { // far from the edges of the square nothing changes its sign
		if j := i - 24; j/2%40 > 5 && j/2%40 < 35 && (up[i] < 0) != (j/2/40%2 == 1) {
			t.Fatalf("sample %d is %d", i, up[i])
		}
	}
}

func TestConvert(t *testing.T) {
	for _, c := range [][2]int{{44100, 16000}, {44100, 8000}, {48000, 16000}, {48000, 8000}, {8000, 16000}, {16000, 8000},
		{192000, 16000}, {192000, 8000}, {96000, 16000}, {11025, 16000}, {22050, 8000}, {44101, 16000}, {31999, 8000}, {176400, 16000},
		{191999, 16000}, {6000, 16000}} {
		from, to := float64(c[0]), float64(c[1])
		for _, hz := range []float64{100, 1000, 3300, 6000} {
			x := make([]float64, c[0])
			for i := range x {
				x[i] = 10000 * math.Sin(2*math.Pi*hz*float64(i)/from)
			}
			y := Convert(x, c[0], c[1])
			if len(y) != c[1] {
				t.Fatalf("%v: %d samples of a second", c, len(y))
			}
			pcm := make([]int16, len(y))
			for i, s := range y {
				pcm[i] = int16(math.Round(s))
			}
			a, rest := level(pcm[c[1]/10:c[1]*9/10], hz, to)
			if hz > to/2 || hz > from/2 {
				if _, all := level(pcm[c[1]/10:c[1]*9/10], 0, to); all > 20 && hz < from/2 {
					t.Errorf("%v: %v Hz leaves %.1f", c, hz, all)
				}
			} else if a < 9900 || a > 10100 || rest > 20 {
				t.Errorf("%v: %v Hz has level %.0f, and %.1f of other things", c, hz, a, rest)
			}
		}
	}
}

func BenchmarkUp(b *testing.B) {
	var u Up
	src, dst := sine(1000, 8000, 10000, 160), make([]int16, 320)
	b.ReportAllocs()
	for b.Loop() {
		u.Convert(dst, src)
	}
}

func BenchmarkDown(b *testing.B) {
	var d Down
	src, dst := sine(1000, 16000, 10000, 320), make([]int16, 160)
	b.ReportAllocs()
	for b.Loop() {
		d.Convert(dst, src)
	}
}

// A recording in pieces is the recording.
func TestStreamInPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, c := range [][2]int{{44100, 16000}, {192000, 8000}, {16000, 8000}, {8000, 16000}, {7919, 16000}, {64000, 16000}, {32000, 8000}} {
		x := make([]float64, 5000)
		for i := range x {
			x[i] = float64(r.IntN(65536) - 32768)
		}
		whole := Convert(x, c[0], c[1])
		s := NewStream(c[0], c[1])
		var pieces []float64
		for rest := x; len(rest) > 0; {
			n := min(r.IntN(700), len(rest))
			pieces = s.Convert(pieces, rest[:n])
			rest = rest[n:]
		}
		pieces = s.End(pieces)
		if !slices.Equal(whole, pieces) || len(whole) != 5000*c[1]/c[0] {
			t.Errorf("%v: %d samples in pieces, %d as a whole", c, len(pieces), len(whole))
		}
	}
}

// The table of any two rates is bounded.
func TestStreamTable(t *testing.T) {
	for _, c := range [][2]int{{191999, 16000}, {191999, 8000}, {44101, 16000}, {4001, 16000}, {63999, 16000}} {
		s := NewStream(c[0], c[1])
		if n := len(s.phases) * 2 * s.width; len(s.phases) > maxPhases+1 || n > 1<<20 {
			t.Errorf("%v: %d coefficients", c, n)
		}
	}
}
