package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// P20: the transferor's phone holds while swaps come, one of them before its hold is answered: each is carried out in
// its turn, the last one holds, and nobody hears two at once. The others' phones are not asked anything.
func TestYeastar_P20_SwapsInARow(t *testing.T) {
	for swaps := 2; swaps <= 5; swaps++ {
		t.Run(fmt.Sprint(swaps), func(t *testing.T) {
			consults(t, func(x *consultation) {
				x.answered()
				held := make(chan error, 1)
				go func() { held <- x.b.Hold(x.ctx, phone.SendOnly) }()
				for range swaps {
					x.operate("swap")
				}
				x.ok(<-held)
				x.ok(x.b.Resume(x.ctx))
				x.pass(time.Second)
				with, waits, tone, other := x.c, x.a, carolTone, aliceTone
				if swaps%2 == 1 {
					with, waits, tone, other = x.a, x.c, aliceTone, carolTone
				}
				x.hear(with, bobTone, x.b, tone)
				x.unheard(x.b, other)
				x.music(waits)
				for _, p := range []*phone.Phone{x.alice, x.carol} {
					for _, m := range requests(p, "INVITE") {
						x.that(m.ToTag() == "", "asked in its dialog: %s", m)
					}
				}
				x.oneStream(x.a, x.b, x.c)
				x.ok(x.b.Hangup())
				x.over(x.a, x.c)
			})
		})
	}
}

// P21: a three-way that was asked while carol rings is remembered, and abort still ends her phone's ringing; one who is
// busy ends it too. The old pair talks on each time.
func TestYeastar_P21_P23_AbortBeforeTheAnswer(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprint(busy), func(t *testing.T) {
			consults(t, func(x *consultation) {
				x.operate("threeway")
				x.hear(x.a, bobTone, x.b, aliceTone)
				if busy {
					x.ok(x.c.Reject(486, "Busy Here"))
				} else {
					x.operate("abort")
					x.ended(x.c, 487)
				}
				x.pass(300 * time.Millisecond)
				x.goesOn()
				x.over(x.a, x.b)
			})
		})
	}
}

// P22: each of three who talk leaves, by its phone and by the API: the two others go on.
func TestYeastar_P22_EachLeaves(t *testing.T) {
	for i, number := range []string{"2000", "2001", "2002"} {
		for _, byAPI := range []bool{false, true} {
			t.Run(fmt.Sprint(number, byAPI), func(t *testing.T) {
				consults(t, func(x *consultation) {
					x.answered()
					x.operate("threeway")
					calls, tones := []*phone.Call{x.a, x.b, x.c}, []int{aliceTone, bobTone, carolTone}
					for k, c := range calls {
						x.ok(c.Media.WaitTone(x.ctx, tones[(k+1)%3]))
						x.ok(c.Media.WaitTone(x.ctx, tones[(k+2)%3]))
					}
					if byAPI {
						x.does(x.on("call/hangup", number))
					} else {
						x.ok(calls[i].Hangup())
					}
					x.ends(calls[i])
					gone := tones[i]
					calls, tones = slices.Delete(calls, i, i+1), slices.Delete(tones, i, i+1)
					x.pass(300 * time.Millisecond)
					x.hear(calls[0], tones[1], calls[1], tones[0])
					x.unheard(calls[0], gone)
					x.unheard(calls[1], gone)
					x.oneStream(calls...)
					x.over(calls[0], calls[1])
				})
			})
		}
	}
}

// P24, P23: abort and complete at once: one of the two is carried out, whole; the other is told that there is no such
// consultation. Who is left talks to alice.
func TestYeastar_P24_P23_AbortAndComplete(t *testing.T) {
	for _, ringing := range []bool{false, true} {
		for _, order := range [][2]string{{"abort", "complete"}, {"complete", "abort"}} {
			t.Run(fmt.Sprint(ringing, order), func(t *testing.T) {
				consults(t, func(x *consultation) {
					if !ringing {
						x.answered()
					}
					body := `{"type":"attended","channel_id":"` + x.channel("2001") + `","attended_operate":"`
					codes := make(chan int, 2)
					for _, operation := range order {
						go func() { codes <- x.post("call/transfer", body+operation+`"}`).Code }()
					}
					got := []int{<-codes, <-codes}
					x.that(slices.Contains(got, 0) && (slices.Contains(got, -1) || slices.Contains(got, 70130)), "codes %v", got)
					x.pass(time.Second)
					switch {
					case x.b.Active(): // aborted
						x.ends(x.c)
						x.hear(x.a, bobTone, x.b, aliceTone)
						x.same("members", x.members(), "2000 ANSWERED, 2001 ANSWER")
						x.over(x.a, x.b)
					case ringing:
						x.ringback(x.a)
						x.ok(x.c.Answer())
						x.tones(x.a, aliceTone, x.c, carolTone)
						x.over(x.a, x.c)
					default:
						x.hear(x.a, carolTone, x.c, aliceTone)
						x.same("members", x.members(), "2000 ANSWERED, 2002 ANSWER")
						x.over(x.a, x.c)
					}
				})
			})
		}
	}
}
