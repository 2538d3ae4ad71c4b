// Package wav reads recordings: RIFF WAVE files with PCM of 16 bits or G.711, mono or stereo, at the rates that files for
// telephones have. What is wrong with a file is told with the place in it.
package wav

import (
	"encoding/binary"
	"fmt"
	"slices"

	"ringdown/media/internal/g711"
)

// The formats of a fmt chunk (RFC 2361).
const (
	pcm        = 1
	aLaw       = 6
	muLaw      = 7
	extensible = 0xfffe // the real format is in the extension
)

var formats = map[uint16]string{pcm: "PCM", 3: "floating point", aLaw: "A-law", muLaw: "mu-law", 2: "ADPCM", 0x11: "IMA ADPCM",
	0x31: "GSM 6.10", 0x50: "MPEG", 0x55: "MP3"}

// Rates are those that can be read, in Hz.
var Rates = []int{8000, 16000, 44100, 48000}

// Error tells what is wrong with a file.
type Error struct {
	At   int // byte
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.At, e.Text) }

// Recording is what a file holds, its channels added up to one.
type Recording struct {
	Rate    int       // Hz
	Samples []float64 // -32768 to 32767
}

// format is what a fmt chunk says.
type format struct {
	code     uint16
	channels int
	rate     int
	bits     int
}

// Read reads a file. most is the longest that it may be, in seconds.
func Read(b []byte, most int) (Recording, error) {
	fail := func(at int, text string, args ...any) (Recording, error) {
		return Recording{}, &Error{at, fmt.Sprintf(text, args...)}
	}
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return fail(0, "this is no WAV file: it does not begin with RIFF....WAVE")
	}
	var f format
	for at := 12; ; {
		if len(b)-at < 8 {
			return fail(at, "the file ends without a data chunk")
		}
		name, size, start := string(b[at:at+4]), int(binary.LittleEndian.Uint32(b[at+4:])), at+8
		body := b[start:]
		if size < len(body) {
			body = body[:size]
		}
		switch name {
		case "fmt ":
			if len(body) < 16 {
				return fail(at, "the fmt chunk has %d bytes, 16 are needed", len(body))
			}
			var err error
			if f, err = readFormat(body, start); err != nil {
				return Recording{}, err
			}
		case "data":
			switch {
			case f.code == 0:
				return fail(at, "the data chunk comes before the fmt chunk")
			case size > len(body) && uint32(size) != 0xffffffff && size != 0: // as written by a program that could not go back
				return fail(at, "the data chunk says that it has %d bytes, but the file ends after %d: it is cut off", size, len(body))
			case size == 0:
				body = b[start:]
			}
			return f.read(body, start, most)
		}
		at = start + size + size&1 // chunks begin at even places
		if at > len(b) || at < start {
			return fail(start-8, "the chunk %q says that it has %d bytes, but the file ends after %d", name, size, len(b)-start)
		}
	}
}

// readFormat reads a fmt chunk, of which the body begins at a byte of the file.
func readFormat(body []byte, at int) (format, error) {
	f := format{binary.LittleEndian.Uint16(body), int(binary.LittleEndian.Uint16(body[2:])),
		int(binary.LittleEndian.Uint32(body[4:])), int(binary.LittleEndian.Uint16(body[14:]))}
	if f.code == extensible && len(body) >= 26 {
		f.code = binary.LittleEndian.Uint16(body[24:])
	}
	bits := map[uint16]int{pcm: 16, aLaw: 8, muLaw: 8}[f.code]
	switch {
	case bits == 0:
		name := formats[f.code]
		if name == "" {
			name = fmt.Sprintf("format %#x", f.code)
		}
		return f, &Error{at, name + " cannot be read: PCM of 16 bits, A-law or mu-law is needed"}
	case f.bits != bits:
		return f, &Error{at + 14, fmt.Sprintf("%s of %d bits cannot be read, only of %d", formats[f.code], f.bits, bits)}
	case f.channels != 1 && f.channels != 2:
		return f, &Error{at + 2, fmt.Sprintf("%d channels cannot be read, only mono and stereo", f.channels)}
	case !slices.Contains(Rates, f.rate):
		return f, &Error{at + 4, fmt.Sprintf("%d Hz cannot be read, only %v", f.rate, Rates)}
	}
	return f, nil
}

// read reads the data chunk, of which the body begins at a byte of the file.
func (f format) read(body []byte, at, most int) (Recording, error) {
	size := f.bits / 8 * f.channels
	n := len(body) / size
	switch {
	case n < f.rate/50:
		return Recording{}, &Error{at, fmt.Sprintf("%d samples are no 20 ms", n)}
	case n > most*f.rate:
		return Recording{}, &Error{at, fmt.Sprintf("%d s are too long, %d s are the most", n/f.rate, most)}
	}
	r := Recording{f.rate, make([]float64, n)}
	for i := range r.Samples {
		for c := range f.channels {
			r.Samples[i] += f.sample(body[i*size+c*f.bits/8:]) / float64(f.channels)
		}
	}
	return r, nil
}

func (f format) sample(b []byte) float64 {
	switch f.code {
	case aLaw:
		return float64(g711.DecodeA(b[0]))
	case muLaw:
		return float64(g711.DecodeU(b[0]))
	}
	return float64(int16(binary.LittleEndian.Uint16(b)))
}
