package g722

import "math"

// qmf is every other coefficient of the 24-tap quadrature mirror filters, from the first; since they are
// symmetric, the others are the same backward. In units of 2^-13.
var qmf = [taps / 2]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}

// levels are the decision levels of the 6-bit quantizer (Q6), in units of the scale factor by 2^-12.
var levels = [30]int{0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
	1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, topLevel}

const topLevel = 2919

// low are the codes of the low band, of positive and of negative differences, by the difference in units of the levels
// (ILP, ILN). Codes 0 to 3 are not used.
var low = func() (codes [2][topLevel + 1]byte) {
	level := 0
	for i := range codes[0] {
		if level+1 < len(levels) && i >= levels[level+1] {
			level++
		}
		codes[0][i], codes[1][i] = byte(61-level), byte(33-level)
		if level < 2 {
			codes[1][i] = byte(63 - level)
		}
	}
	return codes
}()

// highLevel is the one decision level of the 2-bit quantizer (Q2).
const highLevel = 564

// inverse6 and inverse4 are the output values of the low band's quantizers by code (QM6 and QM4),
// inverse2 those of the high band's, in units of the scale factor by 2^-15.
var (
	inverse6 = [64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136}
	inverse4 = [16]int32{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0}
	inverse2 = [4]int32{-7408, -1616, 7408, 1616}
)

// multiply4 and multiply2 are what a code adds to the logarithm of the scale factor (WL by RL4, WH by RH2).
var (
	multiply4 = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	multiply2 = [4]int32{798, -214, 798, -214}
)

// The limits of the logarithm (LOGSCL, LOGSCH), in units of 2^-11.
const (
	mostLow  = 18432
	mostHigh = 22528
)

// scales are the scale factors by their logarithm without its 6 lowest bits (SCALEL, SCALEH).
var scaleLow, scaleHigh = scales(mostLow, 8), scales(mostHigh, 10)

func scales(most, shift int) []int32 {
	s := make([]int32, most>>6+1)
	for i := range s {
		mantissa := int32(math.Round(2048 * math.Exp2(float64(i&31)/32))) // ILB
		if down := shift - i>>5; down >= 0 {
			s[i] = mantissa >> down << 2
		} else {
			s[i] = mantissa << -down << 2
		}
	}
	return s
}
