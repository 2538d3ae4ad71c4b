// Package g711 codes audio in the two laws of ITU-T G.711 and turns one into the other, by tables.
//
// Linear samples are 16 bits. G.711 itself works on 14 (mu-law) and 13 (A-law) bits; the low bits are cut, as everyone
// does.
package g711

import "math/bits"

// Silence is the code of the sample nearest to zero.
const (
	SilenceU = 0xff
	SilenceA = 0xd5
)

var (
	linearU, linearA [256]int16
	codeU            [1 << 14]byte // by the sample's upper 14 bits
	codeA            [1 << 13]byte
	ua, au           [256]byte
)

func init() {
	for i := range 256 {
		linearU[i], linearA[i] = expandU(byte(i)), expandA(byte(i))
	}
	for i := range codeU {
		codeU[i] = compressU(int(int16(i << 2)))
	}
	for i := range codeA {
		codeA[i] = compressA(int(int16(i << 3)))
	}
	for i := range 256 {
		ua[i], au[i] = EncodeA(linearU[i]), EncodeU(linearA[i])
	}
}

// EncodeU and EncodeA code one sample.
func EncodeU(s int16) byte { return codeU[uint16(s)>>2] }
func EncodeA(s int16) byte { return codeA[uint16(s)>>3] }

// DecodeU and DecodeA return the sample of a code.
func DecodeU(c byte) int16 { return linearU[c] }
func DecodeA(c byte) int16 { return linearA[c] }

// ToA turns mu-law into A-law. dst must be as long as src and may be src.
func ToA(dst, src []byte) {
	for i, c := range src {
		dst[i] = ua[c]
	}
}

// ToU turns A-law into mu-law. dst must be as long as src and may be src.
func ToU(dst, src []byte) {
	for i, c := range src {
		dst[i] = au[c]
	}
}

// A mu-law code, inverted, is sign (1), segment (3), step (4); the magnitude is biased by 33 (in 14 bits).
const biasU = 33 << 2

func expandU(c byte) int16 {
	c = ^c
	m := (int(c&15)<<3+biasU)<<(c>>4&7) - biasU
	if c&0x80 != 0 {
		return int16(-m)
	}
	return int16(m)
}

func compressU(s int) byte {
	sign := byte(0)
	if s < 0 {
		sign, s = 0x80, -s
	}
	s = min(s, 32635) + biasU
	segment := bits.Len(uint(s)) - 8 // s is at least 1<<7
	return ^(sign | byte(segment)<<4 | byte(s>>(segment+3)&15))
}

// An A-law code has its even bits inverted (0x55) and a sign of 1 for positive.
func expandA(c byte) int16 {
	c ^= 0x55
	m, segment := int(c&15)<<4+8, c>>4&7
	if segment > 0 {
		m = (m + 256) << (segment - 1)
	}
	if c&0x80 == 0 {
		return int16(-m)
	}
	return int16(m)
}

func compressA(s int) byte {
	sign := byte(0x80)
	if s < 0 {
		sign, s = 0, -s-1 // A-law has no zero: -1 is the smallest negative
	}
	s = min(s, 32767)
	segment := max(bits.Len(uint(s))-8, 0)
	step := s >> 4
	if segment > 0 {
		step = s >> (segment + 3)
	}
	return (sign | byte(segment)<<4 | byte(step&15)) ^ 0x55
}
