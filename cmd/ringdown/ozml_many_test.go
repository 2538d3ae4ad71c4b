package main

import (
	"fmt"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// 200 calls at once are played to by scripts, and none of them misses a frame: 50 packets a second each, in order, in one
// stream.
func TestOzMLManyCalls(t *testing.T) {
	const (
		calls  = 200
		talked = 10 * time.Second
	)
	folder := sounds(t, 2, menuTone)
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/ivr": script(`<Play Repeat="true" Timeout="60">540.wav</Play>`)})
		up := make([]*phone.Call, calls)
		for i := range up {
			p := r.phone(fmt.Sprint(4000+i), func(c *phone.Config) {
				c.Local = fmt.Sprintf("198.51.100.%d:0", 20+i)
				c.Deaf = true
			})
			up[i] = r.reception(p)
		}
		before := make([]int, calls)
		for i, c := range up {
			c.Media.Mark()
			before[i] = c.Media.Stats().Packets
		}
		r.pass(talked)
		for i, c := range up {
			got, gap := c.Media.Stats().Packets-before[i], c.Media.Gap()
			if want := int(talked / (20 * time.Millisecond)); got < want-1 || gap > 20*time.Millisecond {
				r.Fatalf("call %d received %d packets in %s, the longest gap %s", i, got, talked, gap)
			}
		}
		r.oneStream(up...)
		for _, c := range up {
			r.ok(c.Hangup())
		}
	}, ivr, func(c *Config) {
		c.Media.Folder = folder
		for i := range calls {
			n := fmt.Sprint(4000 + i)
			c.Extensions = append(c.Extensions, Extension{Number: n, Name: n, Password: demoPassword})
		}
	})
}
