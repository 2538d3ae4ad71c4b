package main

import (
	"testing"
	"time"
)

// M22: a phone that suppresses silence sends nothing while its caller listens. It is not taken for gone as long as its
// application plays to it, however much longer than calls.silence; it is when nothing plays any more either.
func TestOzMLListener_M22(t *testing.T) {
	folder := sounds(t, 25, menuTone)
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/ivr": script(`<Play>540.wav</Play>`, `<Delay>5</Delay>`,
			`<Play Repeat="true" Timeout="35">540.wav</Play>`, `<Delay>600</Delay>`)})
		alice := r.phone("2000")
		a := r.reception(alice)
		start := time.Now()
		r.pass(62 * time.Second)
		r.that(a.Active(), "a listener was cut off")
		r.ok(a.Media.WaitTone(r.ctx, menuTone))
		r.ended(a, 0)
		took := time.Since(start) - 65*time.Second
		r.that(0 < took && took <= 20*time.Second, "who does not listen any more was cut off after %v, expected 10 to 20 s", took)
		r.oneStream(a)
	}, ivr, func(c *Config) { c.Media.Folder, c.Calls.Silence = folder, 10*time.Second })
}
