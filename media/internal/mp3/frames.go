package mp3

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// header is that of a frame:
//
//	sync        version layer no CRC  bitrate rate padding private  mode extension copyright original emphasis
//	11111111111 xx      01    x       xxxx    xx   x       x        xx   xx        x         x        xx
type header uint32

// The versions of MPEG.
const (
	mpeg25 = 0
	mpeg2  = 2
	mpeg1  = 3
)

func (h header) version() int { return int(h >> 19 & 3) }
func (h header) layer() int   { return 4 - int(h>>17&3) }
func (h header) crc() bool    { return h>>16&1 == 0 }
func (h header) padding() int { return int(h >> 9 & 1) }
func (h header) mono() bool   { return h>>6&3 == 3 }

// sync tells whether it can be a header of any layer.
func (h header) sync() bool {
	return h>>21 == 1<<11-1 && h.version() != 1 && h.layer() != 4 && h>>12&15 != 15 && h>>10&3 != 3
}

// valid tells whether it is one of layer 3, at a bitrate that it tells.
func (h header) valid() bool { return h.sync() && h.layer() == 3 && h>>12&15 != 0 }

// same tells whether frames can be of one file: their version and rate do not change.
func (h header) same(o header) bool { return h>>19 == o>>19 && h>>10&3 == o>>10&3 }

func (h header) rate() int {
	rate := [...]int{44100, 48000, 32000}[h>>10&3]
	switch h.version() {
	case mpeg2:
		rate /= 2
	case mpeg25:
		rate /= 4
	}
	return rate
}

// kbits are the bitrates by index, of MPEG 1 and of the others.
var kbits = [2][15]int{{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}}

// size is that of the frame in bytes.
func (h header) size() int {
	index := h >> 12 & 15
	if h.version() == mpeg1 {
		return 144000*kbits[0][index]/h.rate() + h.padding()
	}
	return 72000*kbits[1][index]/h.rate() + h.padding()
}

// side is the size of the side information.
func (h header) side() int {
	switch {
	case h.version() == mpeg1 && !h.mono():
		return 32
	case h.version() != mpeg1 && h.mono():
		return 9
	}
	return 17
}

// frames reads the frames of a file for the decoder, and leaves out what lies between them. The decoder counts wrongly where
// a frame of 22050 Hz has padding, and knows no MPEG 2.5; those frames are made anew, see alone.
type frames struct {
	file *bufio.Reader
	next int64  // place of what comes next in the file
	at   int64  // place of the newest frame
	like header // the first frame
	out  []byte // of the newest frame, what the decoder has not read

	main []byte // main data that went by, which frames may still refer to
}

// first finds the first frame.
func (f *frames) first() error {
	b, err := f.file.Peek(4)
	if err == nil {
		h := header(binary.BigEndian.Uint32(b))
		switch {
		case h.sync() && h.layer() != 3:
			return fmt.Errorf("byte %d: MPEG layer %d cannot be read, only layer 3", f.next, h.layer())
		case h.sync() && h>>12&15 == 0:
			return fmt.Errorf("byte %d: a free bitrate cannot be read", f.next)
		}
	}
	h, err := f.find()
	if err == io.EOF {
		return fmt.Errorf("byte %d: the file ends without a frame of MP3", f.next)
	}
	if err != nil {
		return err
	}
	if f.like = h; h.version() == mpeg25 && h.rate() == 8000 {
		return fmt.Errorf("byte %d: MP3 of 8000 Hz (MPEG 2.5) cannot be read, 11025 Hz is the least", f.next)
	}
	return nil
}

// find goes to the next frame: a header like the first one's, behind whose frame comes another one, or the end.
func (f *frames) find() (header, error) {
	for {
		b, err := f.file.Peek(4)
		if err != nil {
			f.skip(len(b))
			return 0, err
		}
		h := header(binary.BigEndian.Uint32(b))
		if h.valid() && (f.like == 0 || h.same(f.like)) {
			b, err = f.file.Peek(h.size() + 4)
			if err != nil && err != io.EOF {
				return 0, err
			}
			if err == io.EOF {
				if f.like != 0 || len(b) >= h.size() {
					return h, nil // the last one, also when it is cut off or junk follows
				}
			} else if next := header(binary.BigEndian.Uint32(b[h.size():])); next.valid() && next.same(h) || f.like != 0 {
				return h, nil
			}
		}
		f.skip(1)
	}
}

func (f *frames) skip(n int) {
	n, _ = f.file.Discard(n)
	f.next += int64(n)
}

// Read gives the decoder its frames. It never gives a part of one.
func (f *frames) Read(b []byte) (int, error) {
	for len(f.out) == 0 {
		h, err := f.find()
		if err != nil {
			return 0, err
		}
		frame, err := f.file.Peek(h.size())
		if err != nil {
			return 0, err // cut off
		}
		f.at = f.next
		if v := h.version(); v == mpeg25 || v == mpeg2 && h.rate() == 22050 {
			if f.out, err = f.alone(h, frame); err != nil {
				return 0, err
			}
		} else {
			f.out = append([]byte(nil), frame...)
		}
		f.skip(len(frame))
	}
	n := copy(b, f.out)
	f.out = f.out[n:]
	return n, nil
}

// alone makes a frame of MPEG 2 or 2.5 into one of MPEG 2 without padding that holds all of its main data, of which a
// part lies in the frames before it, as RFC 5219 §4 does it. What the rates of MPEG 2.5 mean, but for 8000 Hz, is what 16000
// Hz mean. It returns none for a frame of which the beginning is missing.
//
//	file     header side(3 back) ...... | header side(4 back) ..aaa | header side(0) ....
//	                                                     ^^^^          v
//	decoder                               header side(0) aaaa aaa 000000
func (f *frames) alone(h header, frame []byte) ([]byte, error) {
	start := 4
	if h.crc() {
		start += 2
	}
	if len(frame) < start+h.side() {
		return nil, fmt.Errorf("byte %d: a frame of %d bytes is too short", f.at, len(frame))
	}
	side, main := frame[start:start+h.side()], frame[start+h.side():]
	back := int(side[0])
	have := len(f.main)
	f.main = append(f.main, main...)
	defer func() { f.main = append(f.main[:0], f.main[max(len(f.main)-255, 0):]...) }()
	if back > have {
		return nil, nil
	}
	need := min((part23(h, side)+7)/8, back+len(main))
	made := h&^(3<<19|1<<9|15<<12) | mpeg2<<19 | 1<<16
	if h.version() == mpeg25 {
		made = made&^(3<<10) | 2<<10
	}
	for index := header(1); index < 15; index++ {
		if size := (made | index<<12).size(); size >= 4+len(side)+need {
			b := binary.BigEndian.AppendUint32(make([]byte, 0, size), uint32(made|index<<12))
			b = append(append(b, 0), side[1:]...)
			b = append(b, f.main[have-back:][:need]...)
			return b[:size], nil
		}
	}
	return nil, fmt.Errorf("byte %d: a frame with %d bytes of audio at %d Hz cannot be read", f.at, need, h.rate())
}

// part23 is how many bits of main data belong to a frame of MPEG 2 (ISO/IEC 13818-3 §2.4.1.7): the first 12 of the
// 63 of each channel, which begin after 8 and 1 or 2 private ones.
func part23(h header, side []byte) int {
	at := func(bit int) int {
		return int(binary.BigEndian.Uint32(append(side[bit/8:bit/8+2:bit/8+2], 0, 0))<<(bit%8)>>16) >> 4
	}
	if h.mono() {
		return at(9)
	}
	return at(10) + at(10+63)
}
