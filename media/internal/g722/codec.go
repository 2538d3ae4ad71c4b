package g722

// taps is the length of the filters; one octet takes or gives two samples.
const taps = 24

// block is how many octets are worked on at once.
const block = 80

// Encoder makes one stream, in order.
type Encoder struct {
	bands
	past [taps - 2]int32 // samples before the next ones
}

// NewEncoder makes an encoder that has made nothing yet.
func NewEncoder() *Encoder { return &Encoder{bands: fresh()} }

// Encode writes an octet for every two samples at 16000 Hz and returns how many. An odd sample at the end is ignored.
func (e *Encoder) Encode(dst []byte, src []int16) int {
	var x [taps - 2 + 2*block]int32
	all := len(src) / 2
	for at := 0; at < all; at += block {
		n := min(block, all-at)
		copy(x[:], e.past[:])
		for i, s := range src[2*at : 2*(at+n)] {
			x[taps-2+i] = int32(s)
		}
		for i := range n {
			low, high := analyse((*[taps]int32)(x[2*i:]))
			dst[at+i] = e.code(low, high)
		}
		copy(e.past[:], x[2*n:])
	}
	return all
}

// analyse is the transmit QMF.
func analyse(x *[taps]int32) (low, high int32) {
	var even, odd int32
	for i, c := range qmf {
		odd += x[2*i] * c
		even += x[taps-1-2*i] * c
	}
	return (even + odd) >> 14, (even - odd) >> 14
}

// code quantizes a sample of each band.
func (e *Encoder) code(low, high int32) byte {
	l, h := quantLow(sat(low-e.lower.s), e.lower.scale), quantHigh(sat(high-e.higher.s), e.higher.scale)
	e.lower.low(l >> 2)
	e.higher.high(h)
	return h<<6 | l
}

// quantLow is QUANTL: the highest level times the scale factor that the difference reaches, by a table of all quotients.
func quantLow(d, scale int32) byte {
	m := d ^ d>>31 // that of a negative difference is less by one
	return low[d>>31&1][min((uint32(m+1)<<12-1)/uint32(scale), topLevel)]
}

// quantHigh is QUANTH.
func quantHigh(d, scale int32) byte {
	m := d ^ d>>31
	h := byte(3)
	if m >= highLevel*scale>>12 {
		h = 2
	}
	if d < 0 {
		h -= 2
	}
	return h
}

// History is how many octets of another stream Follow needs: 200 ms, in which the predictors forget what was before.
const History = 1600

// Follow has the encoder go on where another one's stream ends: octets are its last ones. A decoder that has heard that
// stream then goes over without a click.
func (e *Encoder) Follow(octets []byte) {
	for _, o := range octets {
		e.lower.low(o >> 2 & 15)
		e.higher.high(o >> 6)
	}
}

// Decoder reads one stream, in order.
type Decoder struct {
	bands
	past [taps - 2]int32 // sums and differences of the bands before the next ones
}

// NewDecoder makes a decoder that has heard nothing yet.
func NewDecoder() *Decoder { return &Decoder{bands: fresh()} }

// Decode writes two samples at 16000 Hz for every octet and returns how many.
func (d *Decoder) Decode(dst []int16, src []byte) int {
	var x [taps - 2 + 2*block]int32
	for at := 0; at < len(src); at += block {
		n := min(block, len(src)-at)
		copy(x[:], d.past[:])
		for i, o := range src[at : at+n] {
			low, high := d.samples(o)
			x[taps-2+2*i], x[taps-1+2*i] = low+high, low-high
		}
		for i := range n {
			dst[2*(at+i)], dst[2*(at+i)+1] = synthesise((*[taps]int32)(x[2*i:]))
		}
		copy(d.past[:], x[2*n:])
	}
	return 2 * len(src)
}

// samples reconstructs a sample of each band, cut to 15 bits (INVQBL, RECONS, LIMIT).
func (d *Decoder) samples(o byte) (low, high int32) {
	low = limit(d.lower.s + d.lower.scale*inverse6[o&63]>>15)
	d.lower.low(o >> 2 & 15)
	high = d.higher.s
	high = limit(high + d.higher.high(o>>6))
	return low, high
}

func limit(x int32) int32 { return min(max(x, -16384), 16383) }

// synthesise is the receive QMF.
func synthesise(x *[taps]int32) (first, second int16) {
	var a, b int32
	for i, c := range qmf {
		b += x[2*i] * c
		a += x[taps-1-2*i] * c
	}
	return int16(sat(a >> 11)), int16(sat(b >> 11))
}
