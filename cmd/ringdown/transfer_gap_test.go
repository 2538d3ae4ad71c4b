package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// frame is how often each phone sends, and so how often each hears something, whoever feeds it.
const frame = 20 * time.Millisecond

// What a party hears goes from the music, the other party, the mix to another of these without a gap of more than one
// packet interval beside the one that lies between any two packets, in one stream of one SSRC. The transferee, who goes
// from the music to a party or back, waits no longer than between any two packets.
func TestTransferGap(t *testing.T) {
	for name, operations := range map[string][]string{
		"complete":  {"complete"},
		"swaps":     {"swap", "swap", "swap", "complete"},
		"abort":     {"abort"},
		"threeway":  {"threeway"},
		"swap, mix": {"swap", "threeway"},
	} {
		t.Run(name, func(t *testing.T) {
			consults(t, func(x *consultation) {
				x.answered()
				all := []*phone.Call{x.a, x.b, x.c}
				for _, operation := range operations {
					x.pass(7 * time.Millisecond) // not in step with the frames
					for _, c := range all {
						c.Media.Mark()
					}
					x.operate(operation)
					x.pass(300 * time.Millisecond)
					for i, c := range all {
						most := 2*frame + 5*time.Millisecond
						if c == x.a && operation != "threeway" && (operation != "complete" || len(operations) == 1) { // else from party to party
							most = frame + time.Millisecond
						}
						if gap := c.Media.Gap(); c.Active() && gap > most {
							x.Errorf("%s: phone %d heard nothing for %v", operation, 2000+i, gap)
						}
					}
				}
				for _, c := range all {
					if c.Active() {
						x.oneStream(c)
						x.ok(c.Hangup())
					}
				}
			})
		})
	}
}
