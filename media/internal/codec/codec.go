// Package codec turns the payloads that the switch can make and read into linear samples and back.
//
// All of them have one payload byte per tick of an RTP clock of 8000 Hz: a byte is one sample of G.711 at 8000 Hz, or
// two of G.722 at 16000 Hz.
package codec

import (
	"ringdown/media/internal/g711"
	"ringdown/media/internal/g722"
)

// Kind is one of the codecs. The zero value is none.
type Kind uint8

const (
	None Kind = iota
	PCMU
	PCMA
	G722 // at 16000 Hz
)

// History is how many bytes of a stream a decoder or encoder must have heard to go on in it.
const History = g722.History

// Rate is the sampling rate in Hz.
func (k Kind) Rate() int { return 8000 * k.Samples() }

// Samples is how many samples a byte holds.
func (k Kind) Samples() int {
	if k == G722 {
		return 2
	}
	return 1
}

// Remembers tells whether what a byte means depends on those before it.
func (k Kind) Remembers() bool { return k == G722 }

// Decoder reads one stream, in order.
type Decoder struct {
	kind Kind
	wide *g722.Decoder
}

// NewDecoder makes a decoder that has heard nothing yet.
func NewDecoder(k Kind) *Decoder {
	d := &Decoder{kind: k}
	if k == G722 {
		d.wide = g722.NewDecoder()
	}
	return d
}

// Kind is what it reads.
func (d *Decoder) Kind() Kind { return d.kind }

// Decode reads src into dst, which has room for Samples per byte, and returns how many there are.
func (d *Decoder) Decode(dst []int16, src []byte) int {
	switch d.kind {
	case PCMU:
		for i, c := range src {
			dst[i] = g711.DecodeU(c)
		}
	case PCMA:
		for i, c := range src {
			dst[i] = g711.DecodeA(c)
		}
	case G722:
		d.wide.Decode(dst, src)
	}
	return len(src) * d.kind.Samples()
}

// Encoder makes one stream, in order.
type Encoder struct {
	kind Kind
	wide *g722.Encoder
}

// NewEncoder makes an encoder that has made nothing yet.
func NewEncoder(k Kind) *Encoder {
	e := &Encoder{kind: k}
	if k == G722 {
		e.wide = g722.NewEncoder()
	}
	return e
}

// Kind is what it makes.
func (e *Encoder) Kind() Kind { return e.kind }

// Encode writes src into dst, which has room for a byte per Samples, and returns how many there are.
func (e *Encoder) Encode(dst []byte, src []int16) int {
	switch e.kind {
	case PCMU:
		for i, s := range src {
			dst[i] = g711.EncodeU(s)
		}
	case PCMA:
		for i, s := range src {
			dst[i] = g711.EncodeA(s)
		}
	case G722:
		e.wide.Encode(dst, src)
	}
	return len(src) / e.kind.Samples()
}

// Follow has the encoder go on where the stream of another one ends, of which past is the last History.
func (e *Encoder) Follow(past []byte) {
	if e.kind == G722 {
		e.wide.Follow(past)
	}
}

func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "no codec"
}

var names = [...]string{"none", "PCMU", "PCMA", "G722"}
