package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// soundFile is a WAV file of half a second of 540 Hz at amplitude 8000 of 32768, in a format (RFC 2361: 1 PCM, 6 A-law).
func soundFile(code, channels uint16, rate uint32, bits uint16) []byte {
	var data bytes.Buffer
	for i := range int(rate / 2) {
		v := 8000 * math.Sin(2*math.Pi*clipTone*float64(i)/float64(rate))
		for range channels {
			switch {
			case code == 6:
				data.WriteByte(aLaw(int(v)))
			case bits == 8:
				data.WriteByte(byte(128 + math.Round(v/256)))
			case bits == 24:
				w := int32(v * 256)
				data.Write([]byte{byte(w), byte(w >> 8), byte(w >> 16)})
			default:
				_ = binary.Write(&data, binary.LittleEndian, int16(v))
			}
		}
	}
	var b bytes.Buffer
	size := uint32(channels * bits / 8)
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, uint32(36+data.Len()))
	b.WriteString("WAVEfmt ")
	_ = binary.Write(&b, binary.LittleEndian, []uint32{16})
	_ = binary.Write(&b, binary.LittleEndian, []uint16{code, channels})
	_ = binary.Write(&b, binary.LittleEndian, []uint32{rate, rate * size})
	_ = binary.Write(&b, binary.LittleEndian, []uint16{uint16(size), bits})
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(data.Len()))
	return append(b.Bytes(), data.Bytes()...)
}

// aLaw is ITU-T G.711 table 1a.
func aLaw(v int) byte {
	sign := byte(0x80)
	if v < 0 {
		sign, v = 0, -v-1
	}
	v >>= 3 // 13 bits, of which one is the sign
	segment := 0
	for v>>(segment+5) != 0 {
		segment++
	}
	step := max(segment, 1)
	return (sign | byte(segment<<4|v>>step&15)) ^ 0x55
}

// Spec ozeki 8.12: files of each format are heard, at the same level whatever they are made of.
func TestPlay_Formats(t *testing.T) {
	mp3 := func(name string) []byte { // 700 Hz at 7600 of 32768
		b, err := os.ReadFile(filepath.Join("../../media/internal/mp3/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, x := range map[string]struct {
		file []byte
		hz   int
		peak float64
	}{
		"8 bit.wav":          {soundFile(1, 1, 8000, 8), clipTone, 8000},
		"16 bit.wav":         {soundFile(1, 1, 16000, 16), clipTone, 8000},
		"24 bit.wav":         {soundFile(1, 1, 48000, 24), clipTone, 8000},
		"A-law.WAV":          {soundFile(6, 1, 8000, 8), clipTone, 8000},
		"44.1 kHz stereo":    {soundFile(1, 2, 44100, 16), clipTone, 8000}, // told by what it holds, not by its name
		"stereo44.mp3":       {mp3("stereo44.mp3"), aliceTone, 7600},
		"sub/folder/22k.mp3": {mp3("mono22.mp3"), aliceTone, 7600},
	} {
		folder := t.TempDir()
		at := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, x.file, 0o600); err != nil {
			t.Fatal(err)
		}
		scene2(t, name, func(r *rig) {
			alice, bob, _ := r.three()
			a, b := r.talk(alice, "2001", bob)
			r.must("Play", "CallId", r.only().CallID, "AudioFile", name, "Party", "caller")
			r.ok(a.Media.WaitTone(r.ctx, x.hz))
			r.pass(150 * time.Millisecond)
			r.masked(a, x.hz)
			level := a.Media.Level(100*time.Millisecond) / (x.peak / math.Sqrt2)
			r.that(level > 0.95 && level < 1.05, "it is heard at %.3f of its level", level)
			r.ok(a.Media.WaitTone(r.ctx, bobTone))
			r.oneStream(a, b)
			r.ok(a.Hangup())
			r.ends(b)
		}, func(c *Config) { c.Media.Folder = folder })
	}
}
