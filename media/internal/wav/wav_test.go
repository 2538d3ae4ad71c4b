package wav

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"
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
	for _, size := range []string{"\xff\xff\xff\xff", "\x00\xf0\xff\x7f", "\x00\x00\x00\x00"} {
		streamed := file(1, 1, 8000, 16, "", words(9))
		copy(streamed[40:], size) // by a program that could not go back to write the length
		if r, err := Read(streamed, 10); err != nil || len(r.Samples) != 1920 {
			t.Errorf("streamed: %v", err)
		}
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

// extended is a file in WAVE_FORMAT_EXTENSIBLE.
func extended(code, channels uint16, rate uint32, bits uint16, data []byte) []byte {
	b := file(extensible, channels, rate, bits, "", data)
	tail := append([]byte{22, 0, byte(bits), 0, 4, 0, 0, 0, byte(code), byte(code >> 8)}, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	b[16] = 40
	return slices.Concat(b[:36], tail, b[36:])
}

// Every format that can be read: half of full scale, above and below, in one channel, in two and in six.
func TestFormats(t *testing.T) {
	le := binary.LittleEndian
	for _, c := range []struct {
		name string
		code uint16
		bits uint16
		put  func([]byte, float64) []byte // of -1 to 1
		off  float64                      // by how much it may be wrong
	}{
		{"PCM of 8 bits", pcm, 8, func(b []byte, x float64) []byte { return append(b, byte(128+x*128)) }, 0},
		{"PCM of 16 bits", pcm, 16, func(b []byte, x float64) []byte { return le.AppendUint16(b, uint16(int16(x*32768))) }, 0},
		{"PCM of 24 bits", pcm, 24, func(b []byte, x float64) []byte { return le.AppendUint32(b, uint32(int32(x*(1<<23))))[:len(b)+3] }, 0},
		{"PCM of 32 bits", pcm, 32, func(b []byte, x float64) []byte { return le.AppendUint32(b, uint32(int32(x*(1<<31)))) }, 0},
		{"floating point", float, 32, func(b []byte, x float64) []byte { return le.AppendUint32(b, math.Float32bits(float32(x))) }, 0},
		{"A-law", aLaw, 8, func(b []byte, x float64) []byte { return append(b, g711.EncodeA(int16(x*32768))) }, 512},
		{"mu-law", muLaw, 8, func(b []byte, x float64) []byte { return append(b, g711.EncodeU(int16(x*32768))) }, 512},
	} {
		for _, channels := range []int{1, 2, 6} {
			for _, rate := range []uint32{4000, 7919, 8000, 11025, 22050, 32000, 44100, 96000, 192000} {
				var data []byte
				for i := range int(rate / 10) {
					for ch := range channels {
						x := []float64{0.5, -0.5, 0.25}[i%3]
						if ch%2 == 1 {
							x /= 2
						}
						data = c.put(data, x)
					}
				}
				for form, b := range map[string][]byte{"": file(c.code, uint16(channels), rate, c.bits, "", data),
					"extensible ": extended(c.code, uint16(channels), rate, c.bits, data)} {
					r, err := Read(b, 1)
					if err != nil || r.Rate != int(rate) || len(r.Samples) != int(rate/10) {
						t.Fatalf("%s%s, %d channels, %d Hz: %d samples, %v", form, c.name, channels, rate, len(r.Samples), err)
					}
					for i, x := range r.Samples {
						want := []float64{16384, -16384, 8192}[i%3]
						if channels > 1 {
							want *= 0.75
						}
						if math.Abs(x-want) > c.off {
							t.Fatalf("%s%s, %d channels, %d Hz: sample %d is %v, want %v", form, c.name, channels, rate, i, x, want)
						}
					}
				}
			}
		}
	}
}

// A floating point number that is none, or beyond full scale, does no harm.
func TestWildFloats(t *testing.T) {
	var data []byte
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e30, -1e30, 1, 0} {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(x)))
	}
	r, err := Open(bytes.NewReader(file(float, 1, 8000, 32, "", data)), int64(44+len(data)))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 7)
	if n, err := r.Read(got); n != 7 || err != nil || !slices.Equal(got, []float64{0, 32767, -32768, 32767, -32768, 32768, 0}) {
		t.Errorf("%v, %v", got, err)
	}
}

// Pieces are the whole; a part of a sample at the end is left out.
func TestPieces(t *testing.T) {
	b := append(file(pcm, 2, 8000, 16, "", words(1, 3)), 7, 7, 7)
	binary.LittleEndian.PutUint32(b[40:], 0xffffffff)
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil || r.Len() != 960 {
		t.Fatal(r.Len(), err)
	}
	n, piece := 0, make([]float64, 7)
	for {
		k, err := r.Read(piece)
		for _, x := range piece[:k] {
			if x != 2 {
				t.Fatalf("sample %v", x)
			}
		}
		if n += k; err == io.EOF {
			break
		}
	}
	if n != 960 {
		t.Errorf("%d samples", n)
	}
}

// A file that is all chunks and no audio is given up.
func TestManyChunks(t *testing.T) {
	b := append([]byte("RIFF\x00\x00\x00\x00WAVE"), bytes.Repeat([]byte("LIST\x00\x00\x00\x00"), 2000)...)
	if _, err := Read(b, 1); err == nil || err.Error() != "byte 8012: there are more than 1000 chunks before the data" {
		t.Error(err)
	}
}

// Any file: no panic, no more than was asked for.
func FuzzWAV(f *testing.F) {
	f.Add(file(1, 2, 44100, 16, "LIST\x03\x00\x00\x00abc\x00", words(1, 2)))
	f.Add(file(0xfffe, 1, 8000, 8, "", words(1)))
	f.Add(extended(float, 1, 11025, 32, words(1)))
	f.Add(file(pcm, 6, 96000, 24, "", words(1)))
	f.Add(file(pcm, 1, 4000, 8, "", words(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(b, 1)
		if (err == nil) != (len(r.Samples) >= MinRate/50) || len(r.Samples) > MaxRate {
			t.Errorf("%d samples, %v", len(r.Samples), err)
		}
	})
}
