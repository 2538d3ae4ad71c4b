// Package wav reads recordings: RIFF WAVE files with PCM of 8 to 32 bits, floating point of 32 bits or G.711, of any number of
// channels up to 32, at any rate from MinRate to MaxRate. What is wrong with a file is told with the place in it.
package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MinRate and MaxRate bound the rates that can be read, in Hz.
const (
	MinRate = 4000
	MaxRate = 192000
)

// maxChunks is how many chunks may come before the data: a file of nothing but empty ones would take hours.
const maxChunks = 1000

// unknownSize is the least size of a data chunk that says that it was not known, as by a program that wrote to a pipe and
// could not go back: espeak-ng writes 0x7ffff000, others 0xffffffff or 0.
const unknownSize = 0x7fff0000

// Error tells what is wrong with a file.
type Error struct {
	At   int64 // byte
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.At, e.Text) }

func fail(at int64, text string, args ...any) error { return &Error{at, fmt.Sprintf(text, args...)} }

// Reader reads the samples of a file, one after the other.
type Reader struct {
	format
	r    *io.SectionReader // the data chunk
	at   int64             // where it begins
	raw  []byte
	read int64 // bytes of it
}

// Open reads a file of so many bytes up to its samples.
func Open(file io.ReaderAt, size int64) (*Reader, error) {
	var head [12]byte
	if _, err := file.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	if size < 12 || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, fail(0, "this is no WAV file: it does not begin with RIFF....WAVE")
	}
	r := &Reader{}
	at := int64(12)
	for range maxChunks {
		if size-at < 8 {
			return nil, fail(at, "the file ends without a data chunk")
		}
		if _, err := file.ReadAt(head[:8], at); err != nil && err != io.EOF {
			return nil, err
		}
		name, says, there := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:])), size-at-8
		switch name {
		case "fmt ":
			body := make([]byte, min(says, there, 40))
			if _, err := file.ReadAt(body, at+8); err != nil && err != io.EOF {
				return nil, err
			}
			if len(body) < 16 {
				return nil, fail(at, "the fmt chunk has %d bytes, 16 are needed", len(body))
			}
			var err error
			if r.format, err = readFormat(body, at+8); err != nil {
				return nil, err
			}
		case "data":
			switch {
			case r.code == 0:
				return nil, fail(at, "the data chunk comes before the fmt chunk")
			case says == 0 || says >= unknownSize && says > there:
				says = there
			case says > there:
				return nil, fail(at, "the data chunk says that it has %d bytes, but the file ends after %d: it is cut off", says, there)
			}
			r.at, r.r = at+8, io.NewSectionReader(file, at+8, says)
			return r, nil
		}
		if says > there {
			return nil, fail(at, "the chunk %q says that it has %d bytes, but the file ends after %d", name, says, there)
		}
		at += 8 + says + says&1 // chunks begin at even places
	}
	return nil, fail(at, "there are more than %d chunks before the data", maxChunks)
}

// Rate is the sampling rate in Hz.
func (r *Reader) Rate() int { return r.rate }

// At is where the samples begin, in bytes.
func (r *Reader) At() int64 { return r.at }

// Len is how many samples there are, those of all channels at one time being one.
func (r *Reader) Len() int64 { return r.r.Size() / int64(r.size()) }

// Read reads samples from -32768 to 32767, the channels added up to one; io.EOF comes after the last.
func (r *Reader) Read(dst []float64) (int, error) {
	size := r.size()
	if want := len(dst) * size; len(r.raw) < want {
		r.raw = make([]byte, want)
	}
	n, err := io.ReadFull(r.r, r.raw[:len(dst)*size])
	whole := n / size
	r.format.read(dst[:whole], r.raw)
	r.read += int64(n)
	switch {
	case err == nil || whole > 0 && errors.Is(err, io.ErrUnexpectedEOF):
		return whole, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, io.EOF // a part of a sample
	}
	return whole, err
}

// Recording is what a file holds, its channels added up to one.
type Recording struct {
	Rate    int       // Hz
	Samples []float64 // -32768 to 32767
}

// Read reads a file of at least 20 ms. most is the longest that it may be, in seconds.
func Read(b []byte, most int) (Recording, error) {
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return Recording{}, err
	}
	switch n := r.Len(); {
	case n < int64(r.rate/50):
		return Recording{}, fail(r.at, "%d samples are no 20 ms", n)
	case n > int64(most)*int64(r.rate):
		return Recording{}, fail(r.at, "%d s are too long, %d s are the most", n/int64(r.rate), most)
	}
	samples := make([]float64, r.Len())
	if _, err := r.Read(samples); err != nil {
		return Recording{}, err
	}
	return Recording{r.rate, samples}, nil
}
