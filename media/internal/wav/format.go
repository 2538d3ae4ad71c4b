package wav

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"ringdown/media/internal/g711"
)

// The formats of a fmt chunk (RFC 2361).
const (
	pcm        = 1
	float      = 3
	aLaw       = 6
	muLaw      = 7
	extensible = 0xfffe // the real format is in the extension
)

var formats = map[uint16]string{pcm: "PCM", float: "floating point", aLaw: "A-law", muLaw: "mu-law", 2: "ADPCM",
	0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG", 0x55: "MP3"}

// readable are the formats that can be read, and the bits of a sample that they may have.
var readable = map[uint16][]int{pcm: {8, 16, 24, 32}, float: {32}, aLaw: {8}, muLaw: {8}}

// maxChannels bounds what one sample may take.
const maxChannels = 32

// format is what a fmt chunk says.
type format struct {
	code     uint16
	channels int
	rate     int
	bits     int
}

// readFormat reads a fmt chunk, of which the body begins at a byte of the file.
func readFormat(body []byte, at int64) (format, error) {
	f := format{binary.LittleEndian.Uint16(body), int(binary.LittleEndian.Uint16(body[2:])),
		int(binary.LittleEndian.Uint32(body[4:])), int(binary.LittleEndian.Uint16(body[14:]))}
	if f.code == extensible && len(body) >= 26 {
		f.code = binary.LittleEndian.Uint16(body[24:])
	}
	bits := readable[f.code]
	switch {
	case bits == nil:
		name := formats[f.code]
		if name == "" {
			name = fmt.Sprintf("format %#x", f.code)
		}
		return f, fail(at, "%s cannot be read: PCM, floating point, A-law or mu-law is needed", name)
	case !slices.Contains(bits, f.bits):
		return f, fail(at+14, "%s of %d bits cannot be read, only of %v", formats[f.code], f.bits, bits)
	case f.channels < 1 || f.channels > maxChannels:
		return f, fail(at+2, "%d channels cannot be read, only 1 to %d", f.channels, maxChannels)
	case f.rate < MinRate || f.rate > MaxRate:
		return f, fail(at+4, "%d Hz cannot be read, only %d to %d", f.rate, MinRate, MaxRate)
	}
	return f, nil
}

// size is that of a sample of all channels, in bytes.
func (f format) size() int { return f.bits / 8 * f.channels }

// read reads as many samples as dst holds, the mean of the channels.
func (f format) read(dst []float64, raw []byte) {
	step, share := f.bits/8, 1/float64(f.channels)
	for i := range dst {
		sum := 0.0
		for range f.channels {
			sum += f.sample(raw)
			raw = raw[step:]
		}
		dst[i] = sum * share
	}
}

func (f format) sample(b []byte) float64 {
	switch {
	case f.code == aLaw:
		return float64(g711.DecodeA(b[0]))
	case f.code == muLaw:
		return float64(g711.DecodeU(b[0]))
	case f.code == float:
		x := float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) * 32768
		if !(math.Abs(x) <= 32768) { // NaN too, which would spoil all around it
			x = max(min(x, 32767), -32768)
			if x != x {
				x = 0
			}
		}
		return x
	case f.bits == 8:
		return (float64(b[0]) - 128) * 256 // PCM of 8 bits alone is unsigned
	case f.bits == 24:
		return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / 65536
	case f.bits == 32:
		return float64(int32(binary.LittleEndian.Uint32(b))) / 65536
	}
	return float64(int16(binary.LittleEndian.Uint16(b)))
}
