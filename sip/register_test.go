package sip

import (
	"testing"
	"time"
)

// TestRegistered: a number counts as registered from its REGISTER to the last second of its binding, or until the phone
// takes it back.
func TestRegistered(t *testing.T) {
	inRig(t, func(r *rig) {
		is := func(when string, want bool) {
			t.Helper()
			r.same(when, r.agent.Registered("2001"), want)
		}
		is("before", false)
		p := r.phone("2001")
		is("registered", true)
		r.same("another number", r.agent.Registered("2002"), false)
		r.ok(p.Unregister(r.ctx))
		is("taken back", false)
		r.ok(p.Register(r.ctx, 90))
		time.Sleep(89 * time.Second)
		is("a second before the end", true)
		time.Sleep(time.Second)
		is("expired, though not swept away yet", false)
	})
}
