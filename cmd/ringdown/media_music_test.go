package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// musicTone is in the recording of TestMusicOfTheConfig, in Hz.
const musicTone = 620

// A held party hears the recording that the config names.
func TestMusicOfTheConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hold.wav")
	if err := os.WriteFile(file, toneFile(musicTone, 16000, 2*time.Second), 0o600); err != nil {
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
