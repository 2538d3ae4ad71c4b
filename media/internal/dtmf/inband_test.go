package dtmf

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ringdown/media/internal/g711"
	"ringdown/media/internal/tone"
)

// dialler makes the audio of key presses.
type dialler struct {
	level    float64 // dBm0 of each tone, of the louder one with twist
	twist    float64 // dB that the column has more than the row
	off      float64 // of the frequencies of the rows, 0.01 is 1 % too high
	offCol   float64
	on, gap  time.Duration
	snr      float64 // dB below the two tones; 0: no noise
	start    int     // samples of silence before the first
	noCodec  bool
	noise    *rand.Rand
	phase    float64
	momentum func(at time.Duration) float64 // what is left of a tone at a time of it
}

func usual() dialler {
	return dialler{level: -10, on: 50 * time.Millisecond, gap: 50 * time.Millisecond, start: 400, noise: rand.New(rand.NewPCG(1, 2))}
}

// full is the amplitude of 0 dBm0.
var full = 32768 * math.Pow(10, -3.14/20)

func db(x float64) float64 { return math.Pow(10, x/20) }

func count(d time.Duration) int { return int(d * rate / time.Second) }

// dial makes the audio, with a second of silence at its end.
func (p dialler) dial(keys string) []int16 {
	x := make([]float64, p.start)
	row, col := full*db(p.level-max(p.twist, 0)), full*db(p.level+min(p.twist, 0))
	for _, k := range keys {
		i := strings.IndexRune(keypad, k)
		r, c := tones[i/4]*(1+p.off), tones[4+i%4]*(1+p.offCol)
		for n := range count(p.on) {
			t, a := float64(n)/rate, 1.0
			if p.momentum != nil {
				a = p.momentum(time.Duration(t * 1e9))
			}
			x = append(x, a*(row*math.Sin(2*math.Pi*r*t+p.phase)+col*math.Sin(2*math.Pi*c*t+2*p.phase)))
		}
		x = append(x, make([]float64, count(p.gap))...)
	}
	x = append(x, make([]float64, rate)...)
	if p.snr != 0 {
		rms := math.Sqrt((row*row+col*col)/2) * db(-p.snr)
		for i := range x {
			x[i] += rms * p.noise.NormFloat64()
		}
	}
	return pcm(x, !p.noCodec)
}

// pcm cuts to 16 bits, and codes in A-law if law is set.
func pcm(x []float64, law bool) []int16 {
	s := make([]int16, len(x))
	for i, v := range x {
		s[i] = int16(min(max(v, -32768), 32767))
		if law {
			s[i] = g711.DecodeA(g711.EncodeA(s[i]))
		}
	}
	return s
}

// hearKeys has a detector hear audio in frames of 20 ms.
func hearKeys(x []int16) (keys string, all []Digit) {
	var d Inband
	for len(x) > 0 {
		n := min(160, len(x))
		if k, ok := d.Feed(x[:n]); ok {
			keys += Key(k.Event)
			all = append(all, k)
		}
		x = x[n:]
	}
	return keys, all
}

const allKeys = "0123456789*#ABCD0D#55"

// What must be taken is taken, each key once, wherever it begins, and what must not is not (ITU-T Q.24 table A-1).
func TestInband(t *testing.T) {
	const msec = time.Millisecond
	for _, c := range []struct {
		name   string
		change func(*dialler)
		none   bool
	}{
		{"plain", func(*dialler) {}, false},
		{"40 ms", func(p *dialler) { p.on, p.gap = 40*msec, 40*msec }, false},
		{"as Sender makes them", func(p *dialler) { p.on, p.gap = 100*msec, 100*msec }, false},
		{"long", func(p *dialler) { p.on, p.gap = 3*time.Second, 40*msec }, false},
		{"23 ms", func(p *dialler) { p.on = 23 * msec }, true},
		{"20 ms", func(p *dialler) { p.on = 20 * msec }, true},
		{"10 ms", func(p *dialler) { p.on = 10 * msec }, true},
		{"-25 dBm0", func(p *dialler) { p.level = -25 }, false},
		{"-25 dBm0, 40 ms", func(p *dialler) { p.level, p.on, p.gap = -25, 40*msec, 40*msec }, false},
		{"-3 dBm0", func(p *dialler) { p.level = -3 }, false},
		{"clipped", func(p *dialler) { p.level = 0 }, false},
		{"-40 dBm0", func(p *dialler) { p.level = -40 }, true},
		{"column 4 dB louder", func(p *dialler) { p.twist = 4 }, false},
		{"column 8 dB softer", func(p *dialler) { p.twist = -8 }, false},
		{"column 4 dB louder, -19 dBm0", func(p *dialler) { p.twist, p.level = 4, -19 }, false},
		{"column 8 dB softer, -17 dBm0", func(p *dialler) { p.twist, p.level = -8, -17 }, false},
		{"column 7 dB louder", func(p *dialler) { p.twist = 7 }, true},
		{"column 12 dB softer", func(p *dialler) { p.twist = -12 }, true},
		{"1.5 % high", func(p *dialler) { p.off, p.offCol = 0.015, 0.015 }, false},
		{"1.5 % low", func(p *dialler) { p.off, p.offCol = -0.015, -0.015 }, false},
		{"1.5 % apart, 40 ms", func(p *dialler) { p.off, p.offCol, p.on, p.gap = -0.015, 0.015, 40*msec, 40*msec }, false},
		{"row 3.5 % high", func(p *dialler) { p.off = 0.035 }, true},
		{"row 3.5 % low", func(p *dialler) { p.off = -0.035 }, true},
		{"column 3.5 % high", func(p *dialler) { p.offCol = 0.035 }, true},
		{"column 3.5 % low", func(p *dialler) { p.offCol = -0.035 }, true},
		{"row 5 % high", func(p *dialler) { p.off = 0.05 }, true},
		{"column 5 % low", func(p *dialler) { p.offCol = -0.05 }, true},
		{"15 dB of noise below", func(p *dialler) { p.snr = 15 }, false},
		{"15 dB of noise below, 40 ms", func(p *dialler) { p.snr, p.on, p.gap = 15, 40*msec, 40*msec }, false},
		{"15 dB, twist, off", func(p *dialler) { p.snr, p.twist, p.off, p.offCol = 15, -8, 0.015, -0.015 }, false},
		{"15 dB, other twist, off", func(p *dialler) { p.snr, p.twist, p.off, p.offCol = 15, 4, -0.015, 0.015 }, false},
		{"all at once", func(p *dialler) {
			p.snr, p.twist, p.off, p.offCol, p.level, p.on, p.gap = 15, -8, 0.015, 0.015, -17, 40*msec, 40*msec
		}, false},
		{"without a codec", func(p *dialler) { p.noCodec = true }, false},
	} {
		for start := range 16 { // wherever the windows lie
			p := usual()
			p.start, p.phase = 400+10*start, float64(start)
			c.change(&p)
			want := allKeys
			if c.none {
				want = ""
			}
			got, all := hearKeys(p.dial(allKeys))
			if got != want {
				t.Errorf("%s, at %d: got %q, want %q", c.name, p.start, got, want)
				break
			}
			for _, k := range all {
				if most := 8*msec + p.on/100; k.Duration < p.on-most || k.Duration > p.on+most {
					t.Errorf("%s, at %d: %s of %s lasted %s", c.name, p.start, Key(k.Event), p.on, k.Duration)
					break
				}
			}
		}
	}
}

// A short break in a tone makes no second key: what must not is 10 ms in table A-1, and a packet that is lost is 20. A
// pause of 40 ms does.
func TestInbandBreaks(t *testing.T) {
	const msec = time.Millisecond
	for _, c := range []struct {
		on, hole time.Duration
		want     string
	}{
		{100 * msec, 10 * msec, "5"}, {100 * msec, 20 * msec, "5"}, {140 * msec, 20 * msec, "5"}, {120 * msec, 40 * msec, "55"},
		{400 * msec, 100 * msec, "55"},
	} {
		for start := range 16 {
			for at := time.Duration(0); at+c.hole <= c.on; at += 5 * msec {
				if c.want == "55" && at != (c.on-c.hole)/2 {
					continue // either side of it is long enough
				}
				p := usual()
				p.on, p.start = c.on, 400+10*start
				p.momentum = func(now time.Duration) float64 {
					if now >= at && now < at+c.hole {
						return 0
					}
					return 1
				}
				if got, _ := hearKeys(p.dial("5")); got != c.want {
					t.Errorf("%s without %s at %s, at %d: got %q, want %q", c.on, c.hole, at, p.start, got, c.want)
				}
			}
		}
	}
}

// Keys that follow each other without a pause are different keys all the same.
func TestInbandNoPause(t *testing.T) {
	p := usual()
	p.on, p.gap = 100*time.Millisecond, 0
	if got, _ := hearKeys(p.dial("1234567890*#")); got != "1234567890*#" {
		t.Errorf("got %q", got)
	}
}

// talker makes what sounds like speech: a pitch that goes up and down through three formants that glide from vowel to
// vowel, with hisses and pauses in between.
func talker(seconds int, low, high float64, r *rand.Rand) []int16 {
	type resonator struct{ a, b, y1, y2 float64 }
	var formants [3]resonator
	between := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	var out []float64
	phase, pitch := 0.0, (low+high)/2
	f := [3]float64{500, 1500, 2500}
	for len(out) < seconds*rate {
		length := count(time.Duration(between(60, 300)) * time.Millisecond)
		voiced, loud := r.Float64() < 0.75, between(0.1, 1)
		if r.Float64() < 0.12 {
			out = append(out, make([]float64, length)...)
			continue
		}
		to := [3]float64{between(250, 950), between(700, 2300), between(2200, 3400)}
		toPitch := between(low, high)
		for n := range length {
			glide := float64(n) / float64(length)
			phase += (pitch + (toPitch-pitch)*glide) / rate
			x := 0.0
			if phase >= 1 {
				phase--
				x = 1
			}
			if !voiced {
				x = 0.1 * r.NormFloat64()
			}
			x *= loud * min(1, float64(n)/80, float64(length-n)/80)
			sum := 0.0
			for i := range formants {
				w := 2 * math.Pi * (f[i] + (to[i]-f[i])*glide) / rate
				radius := math.Exp(-math.Pi * (50 + 40*float64(i)) / rate)
				q := &formants[i]
				y := x + 2*radius*math.Cos(w)*q.y1 - radius*radius*q.y2
				q.y2, q.y1 = q.y1, y
				sum += y / float64(i+1)
			}
			out = append(out, 2500*sum)
		}
		f, pitch = to, toPitch
	}
	return pcm(out, true)
}

// Nobody's speech, nor music, nor noise, nor a call progress tone is a key.
func TestTalkOff(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for name, x := range map[string]func() []int16{
		"man":   func() []int16 { return talker(120, 80, 180, r) },
		"woman": func() []int16 { return talker(120, 150, 320, r) },
		"child": func() []int16 { return talker(120, 220, 450, r) },
		"music": func() []int16 { return law(tone.Loop(tone.Music, tone.ALaw)) },
		"busy":  func() []int16 { return law(tone.Loop(tone.Busy, tone.ALaw)) },
		"rings": func() []int16 { return law(tone.Loop(tone.Ringback, tone.ALaw)) },
		"dial":  func() []int16 { return law(tone.Loop(tone.Dial, tone.ALaw)) },
		"noise": func() []int16 {
			x := make([]float64, 60*rate)
			for i := range x {
				x[i] = 4000 * r.NormFloat64()
			}
			return pcm(x, true)
		},
		"one tone": func() []int16 {
			p := usual()
			p.twist = -40
			return p.dial(allKeys)
		},
		"a chord": func() []int16 { // of organ pipes: the third and fifth, with harmonics
			x := make([]float64, 20*rate)
			for i := range x {
				for h := 1; h <= 5; h++ {
					for _, f := range []float64{349.2, 440, 698.5, 1318.5} {
						x[i] += 1500 / float64(h) * math.Sin(2*math.Pi*f*float64(h)*float64(i)/rate)
					}
				}
			}
			return pcm(x, true)
		},
	} {
		if got, _ := hearKeys(x()); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func law(b []byte) []int16 {
	x := make([]int16, len(b))
	for i, c := range b {
		x[i] = g711.DecodeA(c)
	}
	return x
}

// A key is understood while somebody speaks softly beside it.
func TestInbandOverSpeech(t *testing.T) {
	p := usual()
	p.on, p.gap = 100*time.Millisecond, 100*time.Millisecond
	x := p.dial(allKeys)
	for i, s := range talker(len(x)/rate+1, 90, 200, rand.New(rand.NewPCG(3, 3)))[:len(x)] {
		x[i] += s / 8
	}
	if got, _ := hearKeys(x); got != allKeys {
		t.Errorf("got %q, want %q", got, allKeys)
	}
}

// Any audio in any pieces: no panic, and no more keys than there is time for.
func FuzzInband(f *testing.F) {
	f.Add([]byte{0, 1, 2, 255, 128}, uint8(7))
	f.Add([]byte(strings.Repeat("\x00\x7f\xff\x80", 200)), uint8(160))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		var d Inband
		keys := 0
		b = b[:min(len(b), 2000)]
		n := int(piece)%160 + 1
		for i := 0; i < 4*len(b); i += n {
			x := make([]int16, n)
			for j := range x {
				x[j] = int16(uint16(b[(i+j)%len(b)])<<8 | uint16(b[(i+j+1)%len(b)]))
			}
			if k, ok := d.Feed(x); ok {
				keys++
				if Key(k.Event) == "" || k.Duration <= 0 {
					t.Fatalf("%+v", k)
				}
			}
		}
		if keys > 4*len(b)/count(20*time.Millisecond) {
			t.Fatalf("%d keys in %d samples", keys, 4*len(b))
		}
	})
}

func TestInbandNoAllocation(t *testing.T) {
	p := usual()
	x := p.dial("5")
	var d Inband
	if n := testing.AllocsPerRun(100, func() { d.Feed(x[400:560]); d.Feed(nil) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

// BenchmarkInband is what 20 ms of a leg cost.
func BenchmarkInband(b *testing.B) {
	p := usual()
	for name, x := range map[string][]int16{"tones": p.dial("5")[400:560], "silence": make([]int16, 160)} {
		b.Run(name, func(b *testing.B) {
			var d Inband
			b.ReportAllocs()
			for b.Loop() {
				d.Feed(x)
			}
		})
	}
}
