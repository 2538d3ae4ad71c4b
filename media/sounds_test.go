package media

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

var kinds = []codec.Kind{codec.PCMU, codec.PCMA, codec.G722}

// Every sound in every codec, by ear.
func TestSoundsInAllCodecs(t *testing.T) {
	for _, k := range kinds {
		for _, c := range []struct {
			sound callstate.Sound
			hz    []float64 // at 0.08 of full scale each
			not   []float64
		}{
			{callstate.Ringback, []float64{440, 480}, []float64{620, 1000}},
			{callstate.BusyTone, []float64{480, 620}, []float64{440, 1000}},
			{callstate.DialTone, []float64{350, 440}, []float64{480, 620, 1000}},
			{callstate.Silence, nil, []float64{440, 480, 620}},
		} {
			t.Run(fmt.Sprint(k, c.sound), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					alice := b.parties(k)[0]
					b.Do(callstate.Connect{Leg: alice.leg, Play: c.sound})
					time.Sleep(400 * time.Millisecond)
					s := alice.listen()
					if n := len(s.packets); n < 20 || n > 21 {
						t.Fatalf("%d packets", n)
					}
					s = s.part(100*time.Millisecond, 400*time.Millisecond)
					for _, hz := range c.hz {
						if l := s.level(hz); l < 0.07 || l > 0.09 {
							t.Errorf("%v Hz at %.3f", hz, l)
						}
					}
					for _, hz := range c.not {
						if l := s.level(hz); l > 0.01 {
							t.Errorf("%v Hz at %.3f", hz, l)
						}
					}
				})
			})
		}
	}
}

// A leg on G.722 that is held hears music, in one stream with what it hears before and after.
func TestHoldG722(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.G722, codec.PCMA)
		alice, bob := all[0], all[1]
		b.meet(alice, bob)
		tape(time.Second, all, &taped{voice: bob})
		b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Music})
		tape(time.Second, all)
		b.meet(alice, bob)
		tape(time.Second, all)
		s := alice.listen()
		loudness := func(from time.Duration) (sum float64) {
			for _, x := range s.part(from, from+700*time.Millisecond).pcm {
				sum += x * x
			}
			return math.Sqrt(sum / 0.7 / 16000)
		}
		for i, held := range []bool{false, true, false} {
			at := time.Duration(i)*time.Second + 200*time.Millisecond
			if l := s.part(at, at+700*time.Millisecond).level(bob.hz) / (loud / 32768.0); (l > 0.8) == held {
				t.Errorf("second %d: bob at %.2f", i, l)
			}
			if r := loudness(at); r < 0.01 {
				t.Errorf("second %d: %.3f loud", i, r)
			}
		}
	})
}

// waveFile writes a WAV file.
func waveFile(t *testing.T, rate, seconds int, hz ...float64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "music.wav")
	if err := os.WriteFile(path, wave(rate, seconds, hz...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wave is a WAV file of PCM with a tone in each channel.
func wave(rate, seconds int, hz ...float64) []byte {
	le := binary.LittleEndian
	size := uint32(2 * len(hz) * rate * seconds)
	b := append(le.AppendUint32([]byte("RIFF"), 36+size), "WAVEfmt \x10\x00\x00\x00\x01\x00"...)
	b = le.AppendUint16(b, uint16(len(hz)))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*2*len(hz)))
	b = le.AppendUint16(b, uint16(2*len(hz)))
	b = append(le.AppendUint16(b, 16), "data"...)
	b = le.AppendUint32(b, size)
	for i := range rate * seconds {
		for _, f := range hz {
			b = le.AppendUint16(b, uint16(int16(8000*math.Sin(2*math.Pi*f*float64(i)/float64(rate)))))
		}
	}
	return b
}

// A recording takes the place of the built-in music: stereo at 44100 Hz, heard at 8000 and at 16000 Hz, round and round.
func TestMusicFromFile(t *testing.T) {
	path := waveFile(t, 44100, 1, 700, 5000)
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, func(c *Config) { c.Music = path })
				alice := b.parties(k)[0]
				b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Music})
				time.Sleep(3 * time.Second)
				s := alice.listen()
				for from := 100 * time.Millisecond; from < 2500*time.Millisecond; from += 100 * time.Millisecond {
					part := s.part(from, from+200*time.Millisecond)
					if l := part.level(700); l < 0.11 || l > 0.13 {
						t.Errorf("%v: 700 Hz at %.3f", from, l)
					}
					if l := part.level(5000); k == codec.G722 && l < 0.10 {
						t.Errorf("%v: 5000 Hz at %.3f", from, l)
					}
					if l := part.level(3000); l > 0.01 {
						t.Errorf("%v: 3000 Hz at %.3f, an alias of 5000", from, l)
					}
				}
				b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Ringback})
				time.Sleep(300 * time.Millisecond)
				if l := alice.listen().part(100*time.Millisecond, 300*time.Millisecond).level(440); l < 0.07 {
					t.Errorf("ringback at %.3f", l)
				}
			})
		})
	}
}

// A bad file is told with its name, what is wrong and where, and there is no engine.
func TestMusicFromBadFile(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "hold.mp3")
	if err := os.WriteFile(bad, []byte("ID3 and so on, which is no WAV file"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := waveFile(t, 8000, musicSeconds+1, 500)
	for path, want := range map[string]string{
		bad:                       "Music: " + bad + ": byte 0: this is no WAV file",
		bad + ".wav":              "no such file",
		filepath.Dir(bad):         "Music: " + filepath.Dir(bad) + ": is a directory",
		long:                      "Music: " + long + ": byte 44: 301 s are too long, 300 s are the most",
		waveFile(t, 3000, 1, 500): "byte 24: 3000 Hz cannot be read, only 4000 to 192000",
	} {
		_, err := New(Config{Music: path, Post: func(callstate.Event) {}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}
