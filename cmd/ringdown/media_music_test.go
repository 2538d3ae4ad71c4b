package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// musicTone is in the recording of TestMusicOfTheConfig, in Hz.
const musicTone = 620

// A held party hears the recording that the config names.
func TestMusicOfTheConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hold.wav")
	if err := os.WriteFile(file, toneWAV(musicTone, 16000, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.connect(alice, "2001", bob)
		r.must("Hold", "CallId", r.only().CallID)
		r.hear(a, musicTone, b, musicTone)
		r.ok(a.Hangup())
		r.ends(b)
	}, func(c *Config) { c.Media.Music = file })
}

// toneWAV is so many seconds of a tone: mono, 16 bit.
func toneWAV(hz, rate int, seconds float64) []byte {
	samples := make([]int16, int(seconds*float64(rate)))
	for i := range samples {
		samples[i] = int16(8000 * math.Sin(2*math.Pi*float64(hz*i)/float64(rate)))
	}
	var b bytes.Buffer
	b.WriteString("RIFF")
	write := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.LittleEndian, v)
		}
	}
	write(uint32(36 + 2*len(samples)))
	b.WriteString("WAVEfmt ")
	write(uint32(16), uint16(1), uint16(1), uint32(rate), uint32(2*rate), uint16(2), uint16(16))
	b.WriteString("data")
	write(uint32(2*len(samples)), samples)
	return b.Bytes()
}
