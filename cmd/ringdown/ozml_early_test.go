package main

import (
	"testing"
	"time"
)

// A # behind the digits of a menu does not end the recording that comes next; one that is pressed in it does.
func TestOzMLFinishKeyFromBefore(t *testing.T) {
	folder := t.TempDir()
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/ivr": script(`<UserInput Timeout="9" Digits="2" ForwardToUrl="/pin"><Inputs/></UserInput>`,
			`<Record Duration="30" FinishDigits="#" FinishedUrl="/rec"/>`), "/pin": script(`<Delay>2</Delay>`)})
		a := r.reception(r.phone("2000"))
		a.Media.SendTone(aliceTone)
		for _, key := range "12#" {
			r.ok(a.Media.SendDigit4733(key, 100))
		}
		r.pass(7 * time.Second)
		r.that(a.Active(), "the recording has ended already")
		r.ok(a.Media.SendDigit4733('#', 100))
		r.ended(a, 0)
		n := r.told("RecordCompleted")
		r.that(n.Get("Duration") > "3" && n.Get("Duration") < "7", "it lasted %s s", n.Get("Duration"))
	}, ivr, func(c *Config) { c.Media.Folder = folder })
}
