package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// headerSize is that of a file with PCM: RIFF, fmt and the head of data.
const headerSize = 44

// MaxSamples is how many a file of 16 bits and one channel can hold: its sizes have 32 bits.
const MaxSamples = (1<<32 - 1 - headerSize) / 2

// ErrFull says that a file holds no more.
var ErrFull = errors.New("a WAV file of 4 GB holds no more")

// Writer writes a file of PCM of 16 bits, mono, that can be read at any time, also when its writer has died: what is
// added is written before the header that tells of it.
//
//	before   header(n)  n samples
//	Write    header(n)  n samples  m more
//	         header(n+m) ...
type Writer struct {
	to    io.WriterAt
	rate  int
	n     int // samples that the header tells of
	bytes []byte
}

// NewWriter begins a file at a rate in Hz.
func NewWriter(to io.WriterAt, rate int) (*Writer, error) {
	w := &Writer{to: to, rate: rate}
	return w, w.writeHeader(0)
}

// Len is how many samples the file holds.
func (w *Writer) Len() int { return w.n }

// Write adds samples. After an error, ErrFull apart, the file is what it was before, with bytes behind its end.
func (w *Writer) Write(samples []int16) error {
	if len(samples) == 0 {
		return nil
	}
	if len(samples) > MaxSamples-w.n {
		return ErrFull
	}
	w.bytes = w.bytes[:0]
	for _, s := range samples {
		w.bytes = binary.LittleEndian.AppendUint16(w.bytes, uint16(s))
	}
	if _, err := w.to.WriteAt(w.bytes, headerSize+2*int64(w.n)); err != nil {
		return fmt.Errorf("after %d samples: %w", w.n, err)
	}
	return w.writeHeader(w.n + len(samples))
}

func (w *Writer) writeHeader(n int) error {
	le := binary.LittleEndian
	b := append(make([]byte, 0, headerSize), "RIFF"...)
	b = le.AppendUint32(b, uint32(headerSize-8+2*n))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, pcm)
	b = le.AppendUint16(b, 1) // channel
	b = le.AppendUint32(b, uint32(w.rate))
	b = le.AppendUint32(b, uint32(2*w.rate)) // bytes in a second
	b = le.AppendUint16(b, 2)                // bytes of a sample
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(2*n))
	if _, err := w.to.WriteAt(b, 0); err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	w.n = n
	return nil
}
