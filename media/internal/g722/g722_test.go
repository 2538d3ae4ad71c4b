package g722

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"
)

// signals are made with whole numbers alone, so that they are the same everywhere.
func signals() map[string][]int16 {
	const n = 32000
	seed := uint32(722)
	random := func() int32 { // -32768 to 32767
		seed = seed*1664525 + 1013904223
		return int32(seed) >> 16
	}
	s := map[string][]int16{}
	for _, name := range []string{"silence", "noise", "faint", "rumble", "square", "bursts"} {
		s[name] = make([]int16, n)
	}
	slow := int32(0)
	for i := range n {
		s["noise"][i] = int16(random())
		s["faint"][i] = int16(random() >> 11)
		slow += (random()>>2 - slow) / 16
		s["rumble"][i] = int16(slow)
		s["square"][i] = int16(12000 - 24000*(i/23%2))
		if i/2000%2 == 0 {
			s["bursts"][i] = int16(random() >> 3)
		}
	}
	return s
}

// The sums are those of the octets that the encoder of spandsp 0.0.6 (Debian) makes of the signals, and of the samples
// that its decoder makes of these octets. Where the output is more than 16 bits hold, in noise, that decoder wraps round
// instead of cutting, so that there is no sum of it.
var vectors = []struct {
	signal  string
	octets  uint64
	samples uint64
}{
	{"silence", 0xf155ef46a8e4f61, 0x7ef76a54e8751716},
	{"noise", 0x687d6015e087e342, 0},
	{"faint", 0x1cdb922d1f79024c, 0x4e80b97dcbdb2112},
	{"rumble", 0x560a3a7e4188f176, 0x3a40dd63f35635c8},
	{"square", 0x9a6c3c1fe870494, 0x750dd3720fc45a85},
	{"bursts", 0xfc7bf1bd8fba1ce5, 0xda2af188a9f9259},
}

func sumOf(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

func samplesSum(pcm []int16) uint64 {
	b := make([]byte, 0, 2*len(pcm))
	for _, x := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	return sumOf(b)
}

// Bit by bit what another implementation makes, in pieces of odd sizes.
func TestVectors(t *testing.T) {
	all := signals()
	for _, v := range vectors {
		t.Run(v.signal, func(t *testing.T) {
			pcm := all[v.signal]
			e, d := NewEncoder(), NewDecoder()
			octets, back := make([]byte, len(pcm)/2), make([]int16, len(pcm))
			for at, n := 0, 1; at < len(octets); at, n = at+n, n*3%401+1 {
				n = min(n, len(octets)-at)
				if got := e.Encode(octets[at:at+n], pcm[2*at:2*(at+n)]); got != n {
					t.Fatalf("%d octets of %d", got, n)
				}
				if got := d.Decode(back[2*at:2*(at+n)], octets[at:at+n]); got != 2*n {
					t.Fatalf("%d samples of %d octets", got, n)
				}
			}
			if got := sumOf(octets); got != v.octets {
				t.Errorf("octets: %#x, want %#x", got, v.octets)
			}
			if got := samplesSum(back); v.samples != 0 && got != v.samples {
				t.Errorf("samples: %#x, want %#x", got, v.samples)
			}
		})
	}
}

// tone is hz at an amplitude.
func tone(hz, amplitude float64, n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/16000)))
	}
	return s
}

func through(pcm []int16) []int16 {
	octets, back := make([]byte, len(pcm)/2), make([]int16, len(pcm))
	NewEncoder().Encode(octets, pcm)
	NewDecoder().Decode(back, octets)
	return back
}

// fit finds the sine of a frequency that is nearest to samples, and what is left of them.
func fit(pcm []int16, hz float64) (amplitude, noise float64) {
	var s, c, power float64
	for i, x := range pcm {
		w := 2 * math.Pi * hz * float64(i) / 16000
		s += float64(x) * math.Sin(w)
		c += float64(x) * math.Cos(w)
	}
	n := float64(len(pcm))
	s, c = 2*s/n, 2*c/n
	for i, x := range pcm {
		w := 2 * math.Pi * hz * float64(i) / 16000
		d := float64(x) - s*math.Sin(w) - c*math.Cos(w)
		power += d * d
	}
	return math.Hypot(s, c), math.Sqrt(power / n)
}

// A tone keeps its frequency and level, and little is added to it.
func TestTones(t *testing.T) {
	for _, c := range []struct{ hz, amplitude, snr float64 }{
		{100, 10000, 30}, {300, 10000, 40}, {1000, 10000, 38}, {1000, 100, 25}, {1000, 30000, 38}, {2500, 10000, 30},
		{3700, 10000, 25}, {4500, 10000, 15}, {6000, 10000, 15}, {7000, 10000, 12},
	} {
		back := through(tone(c.hz, c.amplitude, 16000))[1600:]
		amplitude, noise := fit(back, c.hz)
		snr := 20 * math.Log10(amplitude/math.Sqrt2/noise)
		t.Logf("%v Hz at %v: %.0f, signal to noise %.1f dB", c.hz, c.amplitude, amplitude, snr)
		if amplitude < 0.9*c.amplitude || amplitude > 1.1*c.amplitude || snr < c.snr {
			t.Errorf("%v Hz at %v: %.0f, signal to noise %.1f dB, want %v", c.hz, c.amplitude, amplitude, snr, c.snr)
		}
	}
}

func TestSilence(t *testing.T) {
	for i, x := range through(make([]int16, 16000)) {
		if x < -8 || x > 8 {
			t.Fatalf("sample %d is %d", i, x)
		}
	}
}

// Full scale is cut, not turned over: no sample has the wrong sign by much.
func TestSaturation(t *testing.T) {
	loud := tone(1000, 32767, 16000)
	for i, x := range loud {
		loud[i] = int16(min(max(3*int(x), -32768), 32767)) // a clipped tone
	}
	back := through(loud)
	const delay = 22 // samples of both filters
	for i := 1600; i < len(back); i++ {
		if was, is := int(loud[i-delay]), int(back[i]); was > 30000 && is < 0 || was < -30000 && is > 0 {
			t.Fatalf("sample %d is %d and was %d", i, is, was)
		}
	}
	// Octets that no encoder makes cut as well.
	for _, o := range []byte{0, 0xff, 0x80, 0x20, 0xe0, 0x04} {
		d, pcm := NewDecoder(), make([]int16, 320)
		octets := make([]byte, 160)
		for i := range octets {
			octets[i] = o
		}
		for range 20 {
			d.Decode(pcm, octets)
		}
	}
}

// An encoder that has followed the end of another's stream goes on so that its decoder notices nothing. One that has
// heard nothing, or too little, disturbs it.
func TestFollow(t *testing.T) {
	for _, hz := range []float64{440, 1000, 5000} {
		pcm := tone(hz, 8000, 16000)
		disturbance := func(followed int) (before, at float64) {
			octets, back := make([]byte, 8000), make([]int16, 16000)
			NewEncoder().Encode(octets, pcm)
			next := NewEncoder()
			next.Encode(make([]byte, 11), pcm[8000-22:8000]) // fills its filter
			next.bands = fresh()
			next.Follow(octets[4000-followed : 4000])
			next.Encode(octets[4000:], pcm[8000:])
			NewDecoder().Decode(back, octets)
			_, before = fit(back[4000:8000], hz)
			_, at = fit(back[8000:8640], hz)
			return before, at
		}
		before, at := disturbance(History)
		if at > 2*before+20 {
			t.Errorf("%v Hz: noise %.1f before, %.1f at the change", hz, before, at)
		}
		if _, worse := disturbance(100); worse < 2*at+100 {
			t.Errorf("%v Hz: noise %.1f at the change, without knowing the stream %.1f", hz, at, worse)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	pcm, octets := make([]int16, 320), make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() { e.Encode(octets, pcm); d.Decode(pcm, octets) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

// FuzzDecode: any octets make samples, and an encoder can follow them.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 0xff, 0xfe, 0x7f, 0x80})
	f.Fuzz(func(t *testing.T, octets []byte) {
		pcm := make([]int16, 2*len(octets))
		NewDecoder().Decode(pcm, octets)
		e := NewEncoder()
		e.Follow(octets)
		e.Encode(octets, pcm)
	})
}

func BenchmarkEncode(b *testing.B) {
	e, octets, pcm := NewEncoder(), make([]byte, 160), signals()["rumble"][:320]
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(octets, pcm)
	}
}

func BenchmarkDecode(b *testing.B) {
	d, octets, pcm := NewDecoder(), make([]byte, 160), make([]int16, 320)
	NewEncoder().Encode(octets, signals()["rumble"][:320])
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(pcm, octets)
	}
}
