package dtmf

import (
	"math"
	"time"
)

// The tones of the keys (ITU-T Q.23), a row and a column each, and how they are laid out.
var (
	tones  = [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}
	keypad = "123A456B789C*0#D"
)

// The audio is looked at through windows of 20 ms, one every 10 ms, so that their weights add up to 1 at all times.
const (
	rate   = 8000
	window = rate / 50
	hop    = window / 2
	hopMs  = 10
)

// What is a key (ITU-T Q.24 table A-1, the AT&T column, with some room on either side of what must be taken and what must
// not).
const (
	floor    = 500.0 // amplitude of each tone: -33 dBm0; -25 must do
	louder   = 5.5   // dB that a column may have more than a row; 4 must do
	softer   = 10.0  // dB that it may have less; 8 must do
	drift    = 0.021 // of a frequency: 1.5 % must do, 3.5 % must not
	roughly  = 0.65  // of all energy is in the two tones, as far as one window tells, which may hold an end of them
	surely   = 0.9   // the same once their frequencies are known; 0.97 is left at the 15 dB of noise that must do
	shortest = 3.2   // hops: 40 ms must do, 23 ms must not
	breath   = 3.0   // hops without the tones that end them: 40 ms must, a lost packet of 20 ms must not
	spoiled  = 6     // windows in a row that show something else
)

// table is a tone under the window (Hann).
type table struct{ cos, sin [window]float32 }

var (
	tables  [8]table
	weights [window]float32 // squares of the window
	turn    [8]complex64    // what a tone turns by in a hop, taken back

	most, fewest = float32(math.Pow(10, louder/10)), float32(math.Pow(10, -softer/10)) // of a column beside a row, as power
)

func init() {
	for n := range window {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(n)+0.5)/window)
		weights[n] = float32(w * w)
		for i, f := range tones {
			s, c := math.Sincos(2 * math.Pi * f * float64(n) / rate)
			tables[i].cos[n], tables[i].sin[n] = float32(w*c), float32(-w*s)
		}
	}
	for i, f := range tones {
		s, c := math.Sincos(-2 * math.Pi * f * hop / rate)
		turn[i] = complex(float32(c), float32(s))
	}
}

// Inband finds keys by their tones in audio at 8000 Hz. The zero value has heard silence. It allocates nothing.
//
// A window shows how much of each tone there is; the frequency is what the tone has turned by since the window before.
// How long the tones last is the sum of what the windows show of them, whatever their place in them:
//
//	tones        ____|=================|____
//	windows      /\  /\  /\  /\  /\  /\
//	show         0   .1  .9  1   1   .9  .1  0      4.0 hops are 40 ms
type Inband struct {
	samples [window]float32
	n       int // of the newest hop

	last  sight // of the window before
	key   int8  // what is being heard, a row and a column; see heard
	heard hearing

	peak [2]float32 // the most of its row and column
	good int        // windows that showed it and nothing else
	sum  float32    // hops
	gap  float32    // hops without it, at the end
	bad  int        // windows that showed something else, at the end
}

// hearing is how far a key has got.
type hearing uint8

const (
	nothing hearing = iota
	maybe           // its tones are there, not for long enough
	surelyHeard
)

// sight is what a window shows.
type sight struct {
	x        [8]complex64
	row, col int8 // the strongest
	clear    bool // these are all there is, roughly
}

// Feed takes at most 20 ms of audio and returns a key that is over. nil is 20 ms of silence.
func (d *Inband) Feed(frame []int16) (key Digit, over bool) {
	if frame == nil {
		frame = silence[:]
	}
	for _, s := range frame {
		d.samples[hop+d.n] = float32(s)
		if d.n++; d.n == hop {
			if k, ok := d.look(); ok {
				key, over = k, true
			}
			copy(d.samples[:hop], d.samples[hop:])
			d.n = 0
		}
	}
	return key, over
}

var silence [window]int16

// look looks at a window.
func (d *Inband) look() (Digit, bool) {
	var now sight
	energy := d.energy()
	if energy < floor*floor/2*window/8 { // not even a part of one tone
		now.row, now.col = d.key>>2, d.key&3
		return d.judge(&now, false)
	}
	d.transform(&now)
	shown := share(&now, energy, 1, 1)
	now.clear = shown >= roughly && now.fits(1, 1, 2)
	good := now.clear
	if good && d.last.clear && d.last.row == now.row && d.last.col == now.col {
		rowOff, colOff := d.off(&now, now.row), d.off(&now, 4+now.col)
		row, col := response(rowOff), response(colOff)
		good = math.Abs(rowOff) <= drift*tones[now.row] && math.Abs(colOff) <= drift*tones[4+now.col] &&
			share(&now, energy, row, col) >= surely && now.fits(row, col, 1)
	}
	return d.judge(&now, good)
}

func (d *Inband) energy() (e float32) {
	for i, x := range d.samples {
		e += x * x * weights[i]
	}
	return e
}

func (d *Inband) transform(s *sight) {
	for i := range tables {
		t := &tables[i]
		var re, im float32
		for n, x := range d.samples {
			re += x * t.cos[n]
			im += x * t.sin[n]
		}
		s.x[i] = complex(re, im)
	}
	for i := int8(1); i < 4; i++ {
		if power(s.x[i]) > power(s.x[s.row]) {
			s.row = i
		}
		if power(s.x[4+i]) > power(s.x[4+s.col]) {
			s.col = i
		}
	}
}

func power(x complex64) float32 { return real(x)*real(x) + imag(x)*imag(x) }

// amplitude is that of a tone which a window shows as x.
func amplitude(x complex64) float32 { return float32(math.Sqrt(float64(power(x)))) * 4 / window }

// share is how much of the energy is in the strongest row and column; the window lets so much of them through.
func share(s *sight, energy, row, col float32) float32 {
	// A tone of amplitude a shows as a*window/4, and has an energy of a*a/2 * 3/8 window.
	return 3 * (power(s.x[s.row])/(row*row) + power(s.x[4+s.col])/(col*col)) / (window * energy)
}

// response is what the window lets through of a tone that is so many Hz off, as a part of one.
func response(off float64) float32 {
	x := off * window / rate
	if math.Abs(x) < 1e-3 {
		return 1
	}
	return float32(math.Sin(math.Pi*x) / (math.Pi * x * (1 - x*x)))
}

// fits tells whether the strongest tones are loud enough, also beside each other. The window lets so much of them through;
// room is a factor of power.
func (s *sight) fits(row, col, room float32) bool {
	const least = (floor * window / 4) * (floor * window / 4)
	r, c := power(s.x[s.row])/(row*row), power(s.x[4+s.col])/(col*col)
	return r >= least && c >= least && c <= r*most*room && c*room >= r*fewest
}

// off is how many Hz a tone is beside where it should be.
func (d *Inband) off(now *sight, i int8) float64 {
	before := d.last.x[i]
	z := now.x[i] * complex(real(before), -imag(before)) * turn[i]
	return math.Atan2(float64(imag(z)), float64(real(z))) * rate / (2 * math.Pi * hop)
}

// judge takes what a window shows; good is that it is two tones of a key and nothing else.
func (d *Inband) judge(now *sight, good bool) (key Digit, over bool) {
	k := now.row<<2 | now.col
	defer func() { d.last = *now }()
	if good && (d.heard == nothing || k != d.key || d.heard == maybe && d.bad > 0) {
		key, over = d.finish()
		d.begin(now, k)
		return key, over
	}
	if d.heard == nothing {
		return Digit{}, false
	}
	part := d.part(now)
	d.sum += part
	if good {
		d.good++
		d.gap, d.bad = 0, 0
	} else {
		d.gap += 1 - part
		d.bad++
	}
	if d.good >= 2 && d.bad <= 1 && d.sum >= shortest { // one window may show their end
		d.heard = surelyHeard
	}
	if d.gap >= breath || d.bad >= spoiled {
		return d.finish()
	}
	return Digit{}, false
}

// begin hears a key for the first time; the window before may have shown its beginning.
func (d *Inband) begin(now *sight, k int8) {
	d.heard, d.key, d.good, d.gap, d.bad = maybe, k, 1, 0, 0
	d.peak = [2]float32{amplitude(now.x[now.row]), amplitude(now.x[4+now.col])}
	d.sum = 1
	d.sum += d.part(&d.last)
}

// part is how much of a window is filled by the key that is being heard.
func (d *Inband) part(s *sight) float32 {
	row, col := amplitude(s.x[d.key>>2]), amplitude(s.x[4+d.key&3])
	part := min(row/d.peak[0], col/d.peak[1])
	if part > 1 { // the first window was not full
		d.sum /= part
		d.peak[0], d.peak[1] = d.peak[0]*part, d.peak[1]*part
		return 1
	}
	return part
}

// finish ends what is being heard; it is a key if it was long enough.
func (d *Inband) finish() (key Digit, over bool) {
	heard := d.heard
	d.heard = nothing
	if heard != surelyHeard {
		return Digit{}, false
	}
	code, _ := Code(keypad[d.key])
	return Digit{Event: code, Duration: time.Duration(d.sum * hopMs * float32(time.Millisecond)), Passed: true}, true
}
