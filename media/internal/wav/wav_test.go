package wav

import (
	"encoding/binary"
	"strings"
	"testing"

	"ringdown/media/internal/g711"
)

// file makes a WAV file; extra are chunks before the data.
func file(code, channels uint16, rate uint32, bits uint16, extra string, data []byte) []byte {
	le := binary.LittleEndian
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00")
	b = le.AppendUint16(b, code)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*uint32(channels*bits/8))
	b = le.AppendUint16(b, channels*bits/8)
	b = le.AppendUint16(b, bits)
	b = append(b, extra...)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

func words(w ...int16) (b []byte) {
	for len(b) < 2*2*960 {
		for _, x := range w {
			b = binary.LittleEndian.AppendUint16(b, uint16(x))
		}
	}
	return b
}

func TestRead(t *testing.T) {
	octet := func(c byte) []byte { return []byte(strings.Repeat(string([]byte{c}), 2000)) }
	for name, c := range map[string]struct {
		file []byte
		rate int
		want float64
	}{
		"mono":      {file(1, 1, 8000, 16, "", words(-1234)), 8000, -1234},
		"stereo":    {file(1, 2, 44100, 16, "", words(1000, -400)), 44100, 300},
		"both full": {file(1, 2, 48000, 16, "", words(32767, 32767)), 48000, 32767},
		"odd chunk": {file(1, 1, 16000, 16, "LIST\x03\x00\x00\x00abc\x00", words(7)), 16000, 7},
		"A-law":     {file(6, 1, 8000, 8, "", octet(0x2a)), 8000, float64(g711.DecodeA(0x2a))},
		"mu-law":    {file(7, 1, 8000, 8, "", octet(0x80)), 8000, 32124},
	} {
		r, err := Read(c.file, 10)
		if err != nil || r.Rate != c.rate || len(r.Samples) < 960 || r.Samples[0] != c.want || r.Samples[959] != c.want {
			t.Errorf("%s: %v, %d Hz, %d samples", name, err, r.Rate, len(r.Samples))
		}
	}
	streamed := file(1, 1, 8000, 16, "", words(9))
	copy(streamed[40:], "\xff\xff\xff\xff") // by a program that could not go back to write the length
	if r, err := Read(streamed, 10); err != nil || len(r.Samples) != 1920 {
		t.Errorf("streamed: %v", err)
	}
}

func TestBad(t *testing.T) {
	good := file(1, 1, 8000, 16, "", words(1))
	for want, b := range map[string][]byte{
		"byte 0: this is no WAV file":          []byte("ID3\x04 an MP3 file"),
		"byte 0: this is no WAV":               nil,
		"byte 12: the file ends without":       good[:12],
		"byte 12: the fmt chunk has 8":         []byte("RIFF\x00\x00\x00\x00WAVEfmt \x08\x00\x00\x0012345678"),
		"byte 36: the file ends without a dat": good[:36],
		"byte 20: MP3 cannot be read":          file(0x55, 1, 8000, 16, "", words(1)),
		"byte 20: format 0x1234 cannot":        file(0x1234, 1, 8000, 16, "", words(1)),
		"byte 34: PCM of 12 bits":              file(1, 1, 8000, 12, "", words(1)),
		"byte 34: floating point of 64 bits":   file(3, 1, 8000, 64, "", words(1)),
		"byte 22: 0 channels":                  file(1, 0, 8000, 16, "", words(1)),
		"byte 22: 33 channels":                 file(1, 33, 8000, 16, "", words(1)),
		"byte 24: 3999 Hz cannot be read":      file(1, 1, 3999, 16, "", words(1)),
		"byte 24: 192001 Hz cannot be read":    file(1, 1, 192001, 16, "", words(1)),
		"byte 36: the data chunk says that it has 3840 bytes, but the file ends after 100": good[:144],
		"byte 44: 100 samples are no 20 ms":                                                file(1, 1, 8000, 16, "", words(1)[:200]),
		"byte 44: 2 s are too long":                                                        file(7, 1, 8000, 8, "", make([]byte, 16001)),
		`byte 36: the chunk "LIST" says that it has 2147483647 bytes`:                      file(1, 1, 8000, 16, "LIST\xff\xff\xff\x7f", words(1)),
		"byte 12: the data chunk comes before":                                             []byte("RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab"),
	} {
		_, err := Read(b, 2)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v\nwant %s...", err, want)
		}
	}
}

// Any file: no panic, no more than was asked for.
func FuzzRead(f *testing.F) {
	f.Add(file(1, 2, 44100, 16, "LIST\x03\x00\x00\x00abc\x00", words(1, 2)))
	f.Add(file(0xfffe, 1, 8000, 8, "", words(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(b, 1)
		if (err == nil) != (len(r.Samples) >= MinRate/50) || len(r.Samples) > MaxRate {
			t.Errorf("%d samples, %v", len(r.Samples), err)
		}
	})
}
