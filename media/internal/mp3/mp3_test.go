package mp3

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// all reads a whole file, in pieces.
func all(b []byte) (rate int, samples []float64, err error) {
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return 0, nil, err
	}
	piece := make([]float64, 1000)
	for {
		n, err := r.Read(piece)
		samples = append(samples, piece[:n]...)
		if err == io.EOF {
			return r.Rate(), samples, nil
		}
		if err != nil {
			return r.Rate(), samples, err
		}
	}
}

// level is the amplitude of a frequency.
func level(x []float64, hz float64, rate int) float64 {
	var sum complex128
	for i, v := range x {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(x)))
		sum += complex(v*w, 0) * cmplx.Exp(complex(0, -2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return 4 * cmplx.Abs(sum) / float64(len(x))
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The files hold 700 Hz at 7600 for half a second. They were made by lame 3.100, with a tag before or after it; mono22 and
// mono11 have padding and a bit reservoir, and joint32 is at a bitrate that changes.
func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		rate int
		long float64
	}{"stereo44.mp3": {44100, 0.5}, "mono22.mp3": {22050, 0.5}, "joint22.mp3": {22050, 0.5}, "joint32.mp3": {32000, 0.5},
		"mono24.mp3": {24000, 0.5}, "mono16.mp3": {16000, 0.5}, "mono11.mp3": {11025, 0.5}, "mono12.mp3": {12000, 0.5}} {
		rate, x, err := all(testdata(t, name))
		if err != nil || rate != c.rate {
			t.Errorf("%s: %d Hz, %v", name, rate, err)
			continue
		}
		if long := float64(len(x)) / float64(rate); long < c.long || long > c.long+0.15 {
			t.Errorf("%s: %.3f s", name, long)
		}
		if l := level(x[rate/10:rate*35/100], 700, rate); l < 7500 || l > 7700 {
			t.Errorf("%s: 700 Hz at %.0f", name, l)
		}
	}
}

// Tags before and after the audio are left out, also those that hold what looks like a frame.
func TestTags(t *testing.T) {
	_, want, err := all(testdata(t, "mono22.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	picture := strings.Repeat("\xff\xe0\x10JFIF", 20)
	ape := "APETAGEX\xd0\x07\x00\x00\xac\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xa0" + strings.Repeat("\x00", 8)
	for name, around := range map[string][2]string{
		"ID3v2":         {"ID3\x04\x00\x00\x00\x00\x01\x0c" + picture, ""},
		"two ID3v2":     {"ID3\x04\x00\x00\x00\x00\x01\x0c" + picture + "ID3\x03\x00\x00\x00\x00\x00\x01x", ""},
		"ID3v1":         {"", "TAG" + picture[:125]},
		"APE and ID3v1": {"", ape + picture + ape + "TAG" + picture[:125]},
	} {
		b := append([]byte(around[0]), testdata(t, "mono22.mp3")...)
		_, x, err := all(append(b, around[1]...))
		if err != nil || len(x) != len(want) || level(x[2205:8000], 700, 22050) < 7500 {
			t.Errorf("%s: %d samples, want %d; %v", name, len(x), len(want), err)
		}
	}
}

func TestBad(t *testing.T) {
	good := testdata(t, "mono22.mp3")
	free := bytes.Clone(good)
	free[2] &= 0x0f
	for want, b := range map[string][]byte{
		"byte 0: the file ends without a frame of MP3":            nil,
		"byte 100: the file ends without a frame of MP3":          make([]byte, 100),
		"byte 60: the file ends without a frame of MP3":           good[:60],
		"byte 0: the ID3 tag says that it has 2097151 bytes, but": []byte("ID3\x04\x00\x00\x00\x7f\x7f\x7f and so on"),
		"byte 0: a free bitrate cannot be read":                   free,
		"byte 0: MP3 of 8000 Hz (MPEG 2.5) cannot be read":        testdata(t, "mono8.mp3"),
		"byte 0: MPEG layer 2 cannot be read, only layer 3":       []byte("\xff\xfd\x80\x00" + strings.Repeat("x", 400)),
	} {
		_, _, err := all(b)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v\nwant %s...", err, want)
		}
	}
}

// What lies between frames is left out, and a file that begins or ends within a frame is read from the first whole one to
// the last.
func TestBetweenFrames(t *testing.T) {
	good := testdata(t, "mono22.mp3")
	_, whole, err := all(good)
	if err != nil {
		t.Fatal(err)
	}
	third := header(binary.BigEndian.Uint32(good)).size()
	third += header(binary.BigEndian.Uint32(good[third:])).size()
	for name, b := range map[string][]byte{
		"between": slices.Concat(good[:third], []byte("\xff\xe4\x90\x00 what is this? \xff\xfb\x90\x00"), good[third:]),
		"before":  slices.Concat([]byte("\xff\xff\xff\xfe\xff\xf3\x40\xc4"), good),
		"begins":  good[10:],
		"ends":    good[:len(good)-10],
	} {
		_, x, err := all(b)
		if err != nil || len(x) < len(whole)-3*576 || len(x) > len(whole) || level(x[3000:8000], 700, 22050) < 7500 {
			t.Errorf("%s: %d samples of %d, %v", name, len(x), len(whole), err)
		}
	}
}

// Any file: no panic, no more samples than its bytes can hold, and an end.
func FuzzMP3(f *testing.F) {
	for _, name := range []string{"stereo44.mp3", "mono22.mp3", "joint22.mp3", "joint32.mp3", "mono11.mp3", "mono8.mp3"} {
		b := testdata(f, name)
		f.Add(b[:min(len(b), 700)]) // a few frames
	}
	f.Add([]byte("\xff\xfa%00000000000000000000000000000s0000000" + strings.Repeat("0", 80))) // go-mp3 issue 22
	f.Fuzz(func(t *testing.T, b []byte) {
		_, x, err := all(b)
		if most := (len(b)/24 + 1) * 1152; len(x) > most { // the shortest frame has 24 bytes
			t.Errorf("%d samples of %d bytes, %v", len(x), len(b), err)
		}
		for _, v := range x {
			if v < -32768 || v > 32767 {
				t.Fatalf("a sample of %v", v)
			}
		}
	})
}
