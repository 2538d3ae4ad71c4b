package media

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// library is one on a folder with a file in it, of a tone.
func library(t testing.TB, name string, file []byte) *Library {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), file, 0o600); err != nil {
		t.Fatal(err)
	}
	l := NewLibrary(LibraryConfig{Folder: folder})
	t.Cleanup(l.Close)
	return l
}

// clipOf is the clip of a file.
func clipOf(t testing.TB, l *Library, name string) callstate.Clip {
	t.Helper()
	c, err := l.File(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withClip is a bed whose engine can play one file.
func withClip(t testing.TB, file []byte) (*bed, callstate.Clip) {
	l := library(t, "a.wav", file)
	return newBed(t, func(c *Config) { c.Library = l }), clipOf(t, l, "a.wav")
}

// A file in stereo at 44100 Hz is heard, as loud and as long as it is, in every codec; then what was heard before.
func TestClip(t *testing.T) {
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, clip := withClip(t, wave(44100, 2, 700, 700))
				alice := b.parties(k)[0]
				b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Silence})
				time.Sleep(110 * time.Millisecond) // between two ticks
				b.take()
				b.Do(callstate.PlayClip{Leg: alice.leg, Ref: 7, Clip: clip})
				time.Sleep(2*time.Second + 9*time.Millisecond)
				if got := b.take(); len(got) != 0 {
					t.Errorf("told before the end: %+v", got)
				}
				time.Sleep(2 * time.Millisecond)
				if ev := one[callstate.ClipEnded](b); ev != (callstate.ClipEnded{On: callstate.On{Leg: alice.leg}, Ref: 7}) {
					t.Errorf("%+v", ev)
				}
				time.Sleep(200 * time.Millisecond)
				s := alice.listen()
				if n := len(s.packets); n < 115 || n > 117 {
					t.Errorf("%d packets in 2.3 s", n)
				}
				for at := 130 * time.Millisecond; at < 2*time.Second; at += 100 * time.Millisecond {
					if l := s.part(at, at+100*time.Millisecond).level(700); l < 0.238 || l > 0.25 {
						t.Errorf("%v: 700 Hz at %.3f", at, l)
					}
				}
				for _, silent := range []sound{s.part(0, 80*time.Millisecond), s.part(2130*time.Millisecond, time.Hour)} {
					if l := silent.level(700); l > 0.001 {
						t.Errorf("700 Hz at %.4f before or after it", l)
					}
				}
			})
		})
	}
}
