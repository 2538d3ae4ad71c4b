package main

import (
	"fmt"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// ids are the CallIds of the two calls of a consultation, the first one first.
func (x *consulted) ids() (first, second string) {
	x.Helper()
	calls := x.list()
	x.same("calls", len(calls), 2)
	first, second = calls[0].CallID, calls[1].CallID
	if calls[0].Source+calls[0].Destination == "20012002" || calls[0].Source+calls[0].Destination == "20022001" {
		first, second = second, first
	}
	return first, second
}

// P1, P15: AttendedTransfer (spec ozeki 8.8) of two calls that are answered: bob placed or received either of them, and
// either may be the transferred one. No phone is called anew, nobody gets a NOTIFY, bob's calls end.
func TestAttendedTransfer_P1_P15_Answered(t *testing.T) {
	for i := range 8 {
		firstByBob, secondByBob, other := i&1 != 0, i&2 != 0, i&4 != 0
		t.Run(fmt.Sprint(firstByBob, secondByBob, other), func(t *testing.T) {
			scene(t, func(r *rig) {
				x := meet(r, firstByBob)
				r.ok(x.first.Hold(r.ctx, phone.SendOnly)) // as a phone does that consults
				x.consult(secondByBob)
				first, second := x.ids()
				if other {
					first, second = second, first
				}
				r.must("AttendedTransfer", "TransferredCallId", first, "TargetCallId", second)
				x.ends(x.first, x.second)
				r.received(x.bob, "NOTIFY 0")
				x.joined()
				r.code(601, "AttendedTransfer", "TransferredCallId", first, "TargetCallId", second)
			})
		})
	}
}

// P7, P15, P19: the target still rings: alice hears ringing, bob's phone stops to call, carol's is left alone, and the
// application has its answer once she has answered. Whichever call is the transferred one, alice and carol talk.
func TestAttendedTransfer_P7_P15_Ringing(t *testing.T) {
	for i := range 2 {
		firstByBob := i&1 != 0
		t.Run(fmt.Sprint(firstByBob), func(t *testing.T) {
			scene(t, func(r *rig) {
				x := meet(r, firstByBob)
				x.rings()
				first, second := x.ids()
				answer := make(chan int, 1)
				go func() { answer <- r.do("AttendedTransfer", "TransferredCallId", first, "TargetCallId", second).Code }()
				x.ended(x.second, 487)
				x.ringback(x.a)
				r.pass(2 * time.Second)
				x.unheard(x.a, bobTone)
				r.received(x.carol, "CANCEL 0", "INVITE 1")
				r.same("answered before she has", len(answer), 0)
				r.ok(x.c.Answer())
				r.same("code", <-answer, 200)
				r.received(x.bob, "NOTIFY 0")
				x.joined()
			})
		})
	}
}

// P7, T5: the target that rang is busy after all, or silent: the application is told, bob and alice talk on.
func TestAttendedTransfer_P7_T5_TargetFails(t *testing.T) {
	for _, busy := range []bool{true, false} {
		t.Run(fmt.Sprint(busy), func(t *testing.T) {
			scene(t, func(r *rig) {
				x := meet(r, false)
				x.rings()
				first, second := x.ids()
				answer := make(chan int, 1)
				go func() { answer <- r.do("AttendedTransfer", "TransferredCallId", first, "TargetCallId", second).Code }()
				x.ringback(x.a)
				if busy {
					r.ok(x.c.Reject(486, ""))
				} else {
					r.ended(x.c, 487)
				}
				code := <-answer
				x.that(code != 200 && code != 601, "code %d", code)
				x.apart()
			})
		})
	}
}

// P3, P12, T8, P17: what cannot be joined: a call that is not there (601), one of strangers, the same call, without a
// target (302), a call that is in a transfer or rings for nobody yet (303). Every call goes on.
func TestAttendedTransfer_P3_P12_T8_Refused(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		first, second := x.ids()
		dave, erin := r.phone("2003"), r.phone("2004")
		d, e := r.talk(dave, "2004", erin)
		var strangers string
		for _, c := range r.list() {
			if c.Source == "2003" {
				strangers = c.CallID
			}
		}
		join := func(want int, from, to string) {
			r.Helper()
			r.code(want, "AttendedTransfer", "TransferredCallId", from, "TargetCallId", to)
		}
		join(601, "zzzzzz", second)
		join(601, first, "zzzzzz")
		join(302, first, strangers)
		join(302, strangers, second)
		join(302, first, first)
		r.code(302, "AttendedTransfer", "TransferredCallId", first)
		r.code(302, "AttendedTransfer", "TargetCallId", second)
		for _, c := range [][2]*phone.Call{{x.a, x.first}, {x.second, x.c}} {
			r.that(c[0].Active() && c[1].Active(), "a call has ended")
		}

		m, err := x.c.Refer(r.ctx, "sip:2005@example.com") // not there: it runs for a moment only, so it is asked at once
		r.status(m, err, 202)
		r.pass(time.Second)
		third := r.phone("2005")
		m, err = x.c.Refer(r.ctx, "sip:2005@example.com")
		r.status(m, err, 202)
		f := r.rung(third)
		join(303, first, second) // carol sends bob on
		join(303, second, first)
		r.ok(f.Reject(486, ""))
		r.pass(time.Second)
		join(200, first, second)
		r.hear(d, bobTone, e, aliceTone)
		r.ok(d.Hangup())
		r.ends(e)
		x.joined()
	})
	// A call that rings for alice is no call of bob's yet that could be transferred.
	scene2(t, "nobody has answered", func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.ring(alice, "2001", bob)
		b2, c := r.ring(bob, "2002", carol)
		calls := r.list()
		got := r.do("AttendedTransfer", "TransferredCallId", calls[0].CallID, "TargetCallId", calls[1].CallID)
		r.that(got.Code == 303 || got.Code == 302, "code %d %s", got.Code, got.Message)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, b, bobTone)
		r.ok(c.Answer())
		r.ok(b2.WaitAnswer(r.ctx))
		r.ok(a.Hangup())
		r.ok(b2.Hangup())
		r.ends(b, c)
	})
}

// A3, T9: two applications join the same two calls at once, from either side: one does, the other is told that it
// cannot, or that the call has gone. In the end alice and carol talk, once.
func TestAttendedTransfer_A3_T9_AtOnce(t *testing.T) {
	for _, crossed := range []bool{false, true} {
		t.Run(fmt.Sprint(crossed), func(t *testing.T) {
			scene(t, func(r *rig) {
				x := meet(r, false)
				x.consult(true)
				first, second := x.ids()
				codes := make(chan int, 2)
				for i := range 2 {
					from, to := first, second
					if crossed && i == 1 {
						from, to = second, first
					}
					go func() { codes <- r.do("AttendedTransfer", "TransferredCallId", from, "TargetCallId", to).Code }()
				}
				one, other := <-codes, <-codes
				if one == 303 && other == 303 { // each call asked the other one: both refuse, and nothing has changed
					r.hear(x.second, carolTone, x.c, bobTone)
					r.must("AttendedTransfer", "TransferredCallId", first, "TargetCallId", second)
				} else {
					r.that(one == 200 || other == 200, "codes %d and %d", one, other)
					r.that(max(one, other) >= 302, "codes %d and %d", one, other)
				}
				x.joined()
			})
		})
	}
}

// A6, P9: any party hangs up at the moment of AttendedTransfer: the application has an answer, and nobody is left with a
// call that leads nowhere.
func TestAttendedTransfer_A6_P9_Sweep(t *testing.T) {
	for _, who := range []string{"alice", "bob's first", "bob's second", "carol"} {
		for _, ringing := range []bool{false, true} {
			for ms := range 12 {
				scene2(t, fmt.Sprint(who, ringing, ms), func(r *rig) {
					x := meet(r, ms%2 == 0)
					if ringing {
						x.rings()
					} else {
						x.consult(ms%3 == 0)
					}
					first, second := x.ids()
					calls := map[string]*phone.Call{"alice": x.a, "bob's first": x.first, "bob's second": x.second, "carol": x.c}
					go func() {
						r.pass(time.Duration(ms) * time.Millisecond)
						c := calls[who]
						switch {
						case ringing && who == "carol":
							_ = c.Reject(603, "")
						case ringing && who == "bob's second":
							_ = c.Cancel()
						default:
							_ = c.Hangup()
						}
					}()
					r.pass(8 * time.Millisecond)
					answer := make(chan int, 1)
					go func() { answer <- r.do("AttendedTransfer", "TransferredCallId", first, "TargetCallId", second).Code }()
					r.pass(20 * time.Second)
					select {
					case code := <-answer:
						r.that(code == 200 || code == 302 || code == 303 || code == 601, "code %d", code)
					default:
						r.that(false, "no answer")
					}
					if x.a.Active() {
						r.that(!x.a.Media.Silent(10*time.Second), "alice has heard nothing for ten seconds")
					}
					for _, c := range r.list() {
						r.must("Hangup", "CallId", c.CallID)
					}
					r.ends(x.a, x.first, x.second, x.c)
				}, func(c *Config) { c.Calls.Silence = 0 })
			}
		}
	}
}
