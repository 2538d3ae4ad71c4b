package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// A6: each operation races the hang-up of each phone, in a consultation that rings and in one that talks: it is done,
// refused, or told that the channel has gone; whoever is left ends, and the switch is empty.
func TestYeastar_A6_OperationAgainstHangup(t *testing.T) {
	for _, operation := range []string{"abort", "complete", "threeway", "swap"} {
		for _, who := range []string{"transferee", "transferor", "target"} {
			for _, answered := range []bool{false, true} {
				if who == "target" && !answered {
					continue // it has nothing to hang up yet
				}
				t.Run(fmt.Sprint(operation, " ", who, " ", answered), func(t *testing.T) {
					consults(t, func(x *consultation) {
						if answered {
							x.answered()
						}
						calls := map[string]*phone.Call{"transferee": x.a, "transferor": x.b, "target": x.c}
						body := fmt.Sprintf(`{"type":"attended","channel_id":%q,"attended_operate":%q}`, x.channel("2001"), operation)
						x.ok(calls[who].Hangup())
						x.pass(5 * time.Millisecond)
						got := x.post("call/transfer", body)
						x.that(slices.Contains([]int{0, -1, 70130}, got.Code), "answer %s", got.body)
						x.pass(6 * time.Second) // a failure tone may be heard
						for _, c := range x.calls() {
							for _, m := range c.Members {
								x.post("call/hangup", fmt.Sprintf(`{"channel_id":%q}`, m.Extension.Channel))
							}
						}
						x.ends(x.a, x.b, x.c)
						x.pass(time.Second)
						x.same("calls", len(x.calls()), 0)
						x.closed()
					})
				})
			}
		}
	}
}

// closed fails unless the events add up: every channel that was shown left exactly once, each extension is idle, and the
// call's records are the last of its events.
func (x *consultation) closed() {
	x.Helper()
	left, idle := map[string]int{}, map[string]string{}
	x.events.mu.Lock()
	defer x.events.mu.Unlock()
	for _, text := range x.events.all {
		e := readEvent(text)
		for _, m := range e.Members {
			if n := left[m.Extension.Channel]; n > 0 && e.Type == 30011 {
				x.Errorf("%s is shown after its BYE: %s", m.Extension.Channel, text)
			}
		}
		for _, m := range e.Members {
			if e.Type == 30011 && m.Extension.Status == "BYE" {
				left[m.Extension.Channel]++
			}
		}
		if e.Type == 30008 {
			idle[e.Extension] = e.Status
		}
	}
	for channel, n := range left {
		if n != 1 {
			x.Errorf("%s left %d times", channel, n)
		}
	}
	for number, state := range idle {
		if state != "Idle" {
			x.Errorf("%s is %s", number, state)
		}
	}
}

// A3, P24: two clients operate the same consultation at once: both answers are documented ones, and one outcome holds.
func TestYeastar_A3_P24_TwoOperate(t *testing.T) {
	for _, pair := range [][2]string{{"complete", "abort"}, {"complete", "complete"}, {"threeway", "abort"}, {"swap", "complete"}} {
		t.Run(pair[0]+" "+pair[1], func(t *testing.T) {
			consults(t, func(x *consultation) {
				x.answered()
				channel := x.channel("2001")
				codes := make(chan int, 2)
				for _, operation := range pair {
					go func() {
						codes <- x.post("call/transfer", fmt.Sprintf(`{"type":"attended","channel_id":%q,"attended_operate":%q}`, channel, operation)).Code
					}()
				}
				got := []int{<-codes, <-codes}
				x.that(slices.Contains(got, 0), "codes %v", got)
				for _, code := range got {
					x.that(slices.Contains([]int{0, -1, 70130}, code), "codes %v", got)
				}
				for _, c := range x.calls() {
					for _, m := range c.Members {
						x.post("call/hangup", fmt.Sprintf(`{"channel_id":%q}`, m.Extension.Channel))
					}
				}
				x.ends(x.a, x.b, x.c)
				x.pass(time.Second)
				x.closed()
			})
		})
	}
}
