package main

import (
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
)

// The main job in virtual time: a call, tones both ways, hang up, nothing left.
func TestCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond})
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(a, b)
		r.settled()
	})
}

// The same on loopback, and hung up by the other side.
func TestCallOnLoopback(t *testing.T) {
	r := loopRig(t)
	alice, bob := r.phone("2000"), r.phone("2001")
	a, b := r.connect(alice, "2001", bob)
	a.Media.SendTone(aliceTone)
	b.Media.SendTone(bobTone)
	r.hear(a, bobTone, b, aliceTone)
	r.ok(b.Hangup())
	r.ends(a, b)
	r.settled()
}
