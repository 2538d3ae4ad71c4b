package main

import (
	"testing"
	"time"
)

// A phone on Opus that could be moved is played to, and talks to one that could not as before when the clip is over: the
// switch turns neither codec into the other (T31).
func TestPlay_T31_OneOfTwoOnOpus(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000", codecs("opus", "PCMU")), r.phone("2001", codecs("opus"))
		a, b := r.talk(alice, "2001", bob)
		r.must("Play", "CallId", r.only().CallID, "Party", "caller", "AudioFile", "620.wav")
		r.ok(a.Media.WaitTone(r.ctx, spokenTone))
		r.pass(3 * time.Second)
		r.same("codecs", a.Media.Codec().Name+" "+b.Media.Codec().Name, "opus opus")
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	}, spoken(t))
}
