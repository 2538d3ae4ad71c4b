package codec

import "ringdown/media/internal/resample"

// Converter turns the packets of one stream, in order, into those of another codec.
type Converter struct {
	from *Decoder
	up   resample.Up
	down resample.Down
}

// NewConverter makes a converter of a stream of which past are the last bytes.
func NewConverter(from Kind, past []byte) *Converter {
	c := &Converter{from: NewDecoder(from)}
	c.Hear(past)
	return c
}

// Hear takes a packet that is not converted, so that those after it are understood.
func (c *Converter) Hear(src []byte) {
	if !c.from.kind.Remembers() {
		return
	}
	var pcm [2 * piece]int16
	for len(src) > 0 {
		n := min(piece, len(src))
		c.from.Decode(pcm[:], src[:n])
		src = src[n:]
	}
}

// Kind is what it reads.
func (c *Converter) Kind() Kind { return c.from.kind }

// piece is how many bytes are worked on at once.
const piece = 80

// Convert writes src as e makes it into dst, which is as long and may be src: a byte is as long a time in all codecs.
func (c *Converter) Convert(dst, src []byte, e *Encoder) {
	var pcm, other [2 * piece]int16
	for len(src) > 0 {
		n := min(piece, len(src))
		read := pcm[:c.from.Decode(pcm[:], src[:n])]
		switch per := e.kind.Samples(); {
		case per > c.from.kind.Samples():
			c.up.Convert(other[:], read)
			read = other[:2*n]
		case per < c.from.kind.Samples():
			c.down.Convert(read, read)
			read = read[:n]
		}
		e.Encode(dst[:n], read)
		dst, src = dst[n:], src[n:]
	}
}
