package resample

import "math"

// The filter of a Stream: zero crossings to one side, and a window for 70 dB.
const (
	reach = 20
	beta  = 7.0
)

// maxPhases bounds the table of a Stream: where the rates have more places between two samples than that, the result is
// taken from between two phases, which is good to 90 dB.
const maxPhases = 512

// Stream changes the rate of a recording piece by piece, without delay.
type Stream struct {
	rate, to int // of the recording and the result
	halvers  []*halver

	// The last step, of two rates without a common factor.
	num, den int
	width    int
	phases   [][]float64 // coefficients for places between two samples: 0 to 1, in equal steps
	exact    bool        // there is a phase for each place

	buf  []float64 // what is still needed
	base int       // place of buf[0]
	in   int       // samples that came
	out  int       // samples of the result that went
}

// NewStream makes a converter from one rate to another.
func NewStream(from, to int) *Stream {
	s := &Stream{rate: from, to: to}
	for from >= 4*to && from%2 == 0 { // short filters first: what is above is not needed sharply
		s.halvers = append(s.halvers, newHalver())
		from /= 2
	}
	g := gcd(from, to)
	s.num, s.den = from/g, to/g
	if s.num == s.den {
		return s
	}
	// The filter ends below half of the lower rate.
	edge := 0.95 * min(1, float64(s.den)/float64(s.num))
	s.width = int(math.Ceil(reach / edge))
	n := s.den
	if s.exact = n <= maxPhases; !s.exact {
		n = maxPhases
	}
	for p := range n + 1 {
		h := make([]float64, 2*s.width)
		for k := range h {
			t := float64(k-s.width+1) - float64(p)/float64(n)
			h[k] = edge * sinc(edge*t) * kaiser(t/float64(s.width), beta)
		}
		s.phases = append(s.phases, h)
	}
	s.base = 1 - s.width
	s.buf = make([]float64, s.width-1) // before the beginning is silence
	return s
}

// Convert appends to dst what can be said after the next piece.
func (s *Stream) Convert(dst, x []float64) []float64 {
	s.in += len(x)
	return s.convert(dst, x, math.MaxInt)
}

// End appends to dst what is left. All in all it is as long as the recording.
func (s *Stream) End(dst []float64) []float64 {
	all := int(int64(s.in) * int64(s.to) / int64(s.rate))
	silence := make([]float64, (2*s.width+2*halverReach+2)<<len(s.halvers))
	for s.out < all {
		dst = s.convert(dst, silence, all)
	}
	return dst
}

func (s *Stream) convert(dst, x []float64, all int) []float64 {
	for _, h := range s.halvers {
		x = h.convert(x)
	}
	if s.num == s.den {
		x = x[:min(len(x), all-s.out)]
		s.out += len(x)
		return append(dst, x...)
	}
	s.buf = append(s.buf, x...)
	for ; s.out < all; s.out++ {
		at := s.out * s.num
		first := at/s.den - s.width + 1 - s.base
		if first+2*s.width > len(s.buf) {
			past := min(first, len(s.buf))
			s.buf = s.buf[:copy(s.buf, s.buf[past:])]
			s.base += past
			break
		}
		dst = append(dst, s.between(s.buf[first:first+2*s.width], at%s.den))
	}
	return dst
}

// between is the sample at a place between the two in the middle of x.
func (s *Stream) between(x []float64, place int) float64 {
	if s.exact {
		return dot(s.phases[place], x)
	}
	at := float64(place) * maxPhases / float64(s.den)
	p := int(at)
	a, b := dot(s.phases[p], x), dot(s.phases[p+1], x)
	return a + (at-float64(p))*(b-a)
}

func dot(h, x []float64) float64 {
	x = x[:len(h)]
	var a, b, c, d float64 // sums that the processor can make at the same time
	for len(h) >= 4 {
		u, v := (*[4]float64)(h), (*[4]float64)(x)
		a += u[0] * v[0]
		b += u[1] * v[1]
		c += u[2] * v[2]
		d += u[3] * v[3]
		h, x = h[4:], x[4:]
	}
	for i, k := range h {
		a += k * x[i]
	}
	return a + b + c + d
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// halver halves a rate that is at least four times what is wanted in the end: flat in the lower quarter of the band,
// 80 dB less in the upper one. As in Up, every other coefficient is zero.
type halver struct {
	h    [halverReach/2 + 1]float64
	buf  []float64
	next []float64
}

const halverReach = 11

func newHalver() *halver {
	h := &halver{buf: make([]float64, halverReach)}
	for j := range h.h {
		k := float64(2*j + 1)
		h.h[j] = math.Sin(math.Pi*k/2) / (math.Pi * k) * kaiser(k/(halverReach+1), 7.86)
	}
	return h
}

// convert returns the samples that can be said after x. They are valid until the next call.
func (h *halver) convert(x []float64) []float64 {
	h.buf = append(h.buf, x...)
	h.next = h.next[:0]
	at := halverReach
	for ; at+halverReach < len(h.buf); at += 2 {
		sum := h.buf[at] / 2
		for j, c := range h.h {
			sum += c * (h.buf[at-2*j-1] + h.buf[at+2*j+1])
		}
		h.next = append(h.next, sum)
	}
	h.buf = h.buf[:copy(h.buf, h.buf[at-halverReach:])]
	return h.next
}
