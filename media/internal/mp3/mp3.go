// Package mp3 reads recordings in MPEG 1 and 2 layer 3 (ISO/IEC 11172-3, 13818-3), with the decoder of
// github.com/hajimehoshi/go-mp3. That one is finished rather than kept up, so it gets only whole frames that have been checked
// (frames), and a panic of it is an error. What is wrong with a file is told with the place in it.
package mp3

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	decoder "github.com/hajimehoshi/go-mp3"
)

// Is tells whether a file begins as one of MP3 does: with a tag, or with a frame.
func Is(head []byte) bool {
	return len(head) >= 3 && (string(head[:3]) == "ID3" || head[0] == 0xff && head[1]&0xe0 == 0xe0)
}

// Reader reads the samples of a file, one after the other.
type Reader struct {
	in  frames
	d   *decoder.Decoder
	raw []byte
}

// frameBytes is what two channels of 16 bits take; the decoder always gives two.
const frameBytes = 4

// Open reads a file of so many bytes up to its first frame.
func Open(file io.ReaderAt, size int64) (*Reader, error) {
	start, err := afterTags(file, size)
	if err != nil {
		return nil, err
	}
	end, err := beforeTags(file, start, size)
	if err != nil {
		return nil, err
	}
	r := &Reader{in: frames{file: bufio.NewReaderSize(io.NewSectionReader(file, start, end-start), 1<<14), next: start}}
	if err := r.in.first(); err != nil {
		return nil, err
	}
	err = r.guard(func() (err error) {
		r.d, err = decoder.NewDecoder(&r.in)
		return err
	})
	if err == io.EOF {
		err = fmt.Errorf("byte %d: the file ends within the first frame of MP3", end)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Rate is the sampling rate in Hz.
func (r *Reader) Rate() int { return r.in.like.rate() }

// Read reads samples from -32768 to 32767, the mean of both channels; io.EOF comes after the last.
func (r *Reader) Read(dst []float64) (int, error) {
	if want := len(dst) * frameBytes; len(r.raw) < want {
		r.raw = make([]byte, want)
	}
	n := 0
	err := r.guard(func() (err error) {
		n, err = io.ReadFull(r.d, r.raw[:len(dst)*frameBytes])
		return err
	})
	n /= frameBytes
	for i := range n {
		b := r.raw[i*frameBytes:]
		dst[i] = (float64(int16(binary.LittleEndian.Uint16(b))) + float64(int16(binary.LittleEndian.Uint16(b[2:])))) / 2
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && n > 0:
		return n, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, io.EOF
	}
	return n, err
}

// guard runs the decoder. Its errors get the place in the file.
func (r *Reader) guard(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("byte %d: this frame of MP3 is damaged", r.in.at)
		}
	}()
	switch err := run(); {
	case err == nil, err == io.EOF, err == io.ErrUnexpectedEOF:
		return err
	default:
		return fmt.Errorf("byte %d: %s", r.in.at, strings.TrimPrefix(err.Error(), "mp3: "))
	}
}

// afterTags is where the audio begins: after tags of ID3v2 (id3.org, ID3v2.4 §3.1), which may hold pictures.
func afterTags(file io.ReaderAt, size int64) (at int64, err error) {
	const head = 10
	for range 10 {
		var b [head]byte
		n, err := file.ReadAt(b[:], at)
		if err != nil && err != io.EOF {
			return 0, err
		}
		if n < head || string(b[:3]) != "ID3" {
			return at, nil
		}
		length := int64(b[6]&0x7f)<<21 | int64(b[7]&0x7f)<<14 | int64(b[8]&0x7f)<<7 | int64(b[9]&0x7f)
		if b[5]&0x10 != 0 {
			length += head // a footer
		}
		if at+head+length > size {
			return 0, fmt.Errorf("byte %d: the ID3 tag says that it has %d bytes, but the file ends after %d", at, length, size-at-head)
		}
		at += head + length
	}
	return at, nil
}

// beforeTags is where the audio ends: before a tag of ID3v1, which has 128 bytes, and one of APE, which tells its length in
// its last 32.
func beforeTags(file io.ReaderAt, start, size int64) (int64, error) {
	const id3, ape = 128, 32
	var b [ape]byte
	if size-start >= id3 {
		if _, err := file.ReadAt(b[:3], size-id3); err != nil && err != io.EOF {
			return 0, err
		}
		if string(b[:3]) == "TAG" {
			size -= id3
		}
	}
	if size-start >= ape {
		if _, err := file.ReadAt(b[:], size-ape); err != nil && err != io.EOF {
			return 0, err
		}
		if string(b[:8]) == "APETAGEX" {
			length := int64(binary.LittleEndian.Uint32(b[12:]))
			if b[23]&0x80 != 0 {
				length += ape // a header
			}
			if length >= ape && length <= size-start {
				size -= length
			}
		}
	}
	return size, nil
}
