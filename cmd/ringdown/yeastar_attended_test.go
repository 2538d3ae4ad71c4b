package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// consultation is a call between alice (A, transferee) and bob (B, transferor), in which bob consults carol (C).
type consultation struct {
	*yeastarApp
	alice, bob, carol *phone.Phone
	a, b, c           *phone.Call
	id                string // call_id
}

// consults begins an attended transfer by 2001 to 2002 and lets carol's phone ring; both sides of A are tried when
// bob is the caller in turn.
func consults(t *testing.T, play func(x *consultation)) {
	t.Helper()
	yeastarScene(t, func(y *yeastarApp) {
		x := &consultation{yeastarApp: y}
		x.alice, x.bob, x.carol = y.three()
		x.a, x.b = y.talk(x.alice, "2001", x.bob)
		x.told("30008 2000 Busy", "30008 2001 Ringing", "30011 2000 ALERT, 2001 RING", "30008 2001 Busy",
			"30011 2000 ANSWERED, 2001 ANSWER")
		started := x.transfer("attended", "2001", `"number":"2002","dial_permission":"2001"`)
		x.does(started)
		x.id = started.CallID
		x.same("call_id", x.id, x.calls()[0].CallID)
		x.c = x.rung(x.carol)
		x.ringback(x.b)
		x.pass(300 * time.Millisecond)
		x.music(x.a)
		x.told("30011 2000 HOLD, 2001 ALERT", "30008 2002 Ringing", "30011 2000 HOLD, 2001 ALERT, 2002 RING")
		play(x)
	})
}

// answered has carol answer: bob talks to her, alice hears music.
func (x *consultation) answered() {
	x.Helper()
	x.ok(x.c.Answer())
	x.tones(x.b, bobTone, x.c, carolTone)
	x.pass(300 * time.Millisecond)
	x.music(x.a)
	x.told("30008 2002 Busy", "30011 2000 HOLD, 2001 ANSWERED, 2002 ANSWER")
}

// operate sends the second request, with the same channel and the same call_id in the answer.
func (x *consultation) operate(what string) {
	x.Helper()
	got := x.transfer("attended", "2001", `"attended_operate":"`+what+`"`)
	x.does(got)
	x.same("call_id of "+what, got.CallID, x.id)
}

// over hangs up one call and waits for the others.
func (x *consultation) over(first *phone.Call, others ...*phone.Call) {
	x.Helper()
	x.ok(first.Hangup())
	x.ends(others...)
	x.pass(100 * time.Millisecond)
}

// goesOn fails unless alice and bob talk as before, and carol has left.
func (x *consultation) goesOn() {
	x.Helper()
	x.ends(x.c)
	x.hear(x.a, bobTone, x.b, aliceTone)
	x.refuses(-1, x.transfer("attended", "2001", `"attended_operate":"complete"`))
	x.refuses(70130, x.on("call/hangup", "2002"))
	x.oneStream(x.a, x.b)
}

func TestYeastar_AttendedComplete(t *testing.T) {
	consults(t, func(x *consultation) {
		x.answered()
		x.operate("complete")
		x.ended(x.b, 0)
		x.hear(x.a, carolTone, x.c, aliceTone)
		x.told("30011 2000 ANSWERED, 2001 BYE, 2002 ANSWER", "30008 2001 Idle")
		x.refuses(70130, x.on("call/hold", "2001"))
		x.over(x.c, x.a)
		x.told("30011 2000 BYE, 2002 BYE", "30008 2000 Idle", "30008 2002 Idle", "30012 2000-2001 ANSWERED",
			"30012 2001-2002 ANSWERED", "30012 2000-2002 ANSWERED")
	})
}

func TestYeastar_P23_AttendedAbort(t *testing.T) {
	consults(t, func(x *consultation) {
		x.answered()
		x.operate("abort")
		x.goesOn()
		x.told("30011 2000 ANSWERED, 2001 ANSWER, 2002 BYE", "30008 2002 Idle")
		x.over(x.a, x.b)
	})
}

func TestYeastar_P20_AttendedSwap(t *testing.T) {
	consults(t, func(x *consultation) {
		x.answered()
		x.operate("swap")
		x.hear(x.a, bobTone, x.b, aliceTone)
		x.pass(300 * time.Millisecond)
		x.music(x.c)
		x.told("30011 2000 ANSWERED, 2001 ANSWER, 2002 HOLD")
		x.operate("swap")
		x.hear(x.b, carolTone, x.c, bobTone)
		x.pass(300 * time.Millisecond)
		x.music(x.a)
		x.told("30011 2000 HOLD, 2001 ANSWERED, 2002 ANSWER")
		x.operate("swap")
		x.operate("complete")
		x.ended(x.b, 0)
		x.hear(x.a, carolTone, x.c, aliceTone)
		x.over(x.a, x.c)
	})
}

func TestYeastar_P22_AttendedThreeway(t *testing.T) {
	consults(t, func(x *consultation) {
		x.answered()
		x.operate("threeway")
		all := []*phone.Call{x.a, x.b, x.c}
		for i, tones := range [][]int{{bobTone, carolTone}, {aliceTone, carolTone}, {aliceTone, bobTone}} {
			for _, hz := range tones {
				x.ok(all[i].Media.WaitTone(x.ctx, hz))
			}
		}
		x.pass(300 * time.Millisecond)
		x.unheard(x.a, aliceTone)
		x.unheard(x.b, bobTone)
		x.unheard(x.c, carolTone)
		x.told("30011 2000 ANSWERED, 2001 ANSWER, 2002 ANSWER")
		x.refuses(-1, x.transfer("attended", "2001", `"attended_operate":"complete"`))
		x.does(x.on("call/hangup", "2001"))
		x.ended(x.b, 0)
		x.hear(x.a, carolTone, x.c, aliceTone)
		x.told("30011 2000 ANSWERED, 2001 BYE, 2002 ANSWER", "30008 2001 Idle")
		x.over(x.a, x.c)
	})
}

// While carol's phone rings: each operation (spec yeastar-p 5.4, CALLING).
func TestYeastar_P23_RingingAbort(t *testing.T) {
	consults(t, func(x *consultation) {
		x.operate("abort")
		x.ended(x.c, 487)
		x.goesOn()
		x.told("30011 2000 ANSWERED, 2001 ANSWER, 2002 BYE", "30008 2002 Idle")
		x.over(x.b, x.a)
	})
}

func TestYeastar_P16_RingingComplete(t *testing.T) {
	consults(t, func(x *consultation) {
		x.operate("complete")
		x.ended(x.b, 0)
		x.ringback(x.a)
		x.told("30011 2000 ALERT, 2001 BYE, 2002 RING", "30008 2001 Idle")
		x.ok(x.c.Answer())
		x.tones(x.a, aliceTone, x.c, carolTone)
		x.told("30008 2002 Busy", "30011 2000 ANSWERED, 2002 ANSWER")
		x.over(x.a, x.c)
	})
}

func TestYeastar_P21_RingingThreeway(t *testing.T) {
	consults(t, func(x *consultation) {
		x.operate("threeway")
		x.hear(x.a, bobTone, x.b, aliceTone)
		x.told("30011 2000 ANSWERED, 2001 ANSWER, 2002 RING")
		x.ok(x.c.Answer())
		x.c.Media.SendTone(carolTone)
		for _, c := range []*phone.Call{x.a, x.b} {
			x.ok(c.Media.WaitTone(x.ctx, carolTone))
		}
		x.told("30008 2002 Busy", "30011 2000 ANSWERED, 2001 ANSWER, 2002 ANSWER")
		x.over(x.c)
		x.hear(x.a, bobTone, x.b, aliceTone)
		x.told("30011 2000 ANSWERED, 2001 ANSWER, 2002 BYE", "30008 2002 Idle")
		x.over(x.a, x.b)
	})
}

func TestYeastar_RingingSwap(t *testing.T) {
	consults(t, func(x *consultation) {
		x.operate("swap")
		x.hear(x.a, bobTone, x.b, aliceTone)
		x.told("30011 2000 ANSWERED, 2001 ANSWER, 2002 RING")
		x.operate("swap")
		x.ringback(x.b)
		x.told("30011 2000 HOLD, 2001 ALERT, 2002 RING")
		x.operate("abort")
		x.goesOn()
		x.over(x.a, x.b)
	})
}

// Carol is busy: the old pair talks on, and the reason is told.
func TestYeastar_AttendedBusy(t *testing.T) {
	consults(t, func(x *consultation) {
		x.ok(x.c.Reject(486, "Busy Here"))
		x.hear(x.a, bobTone, x.b, aliceTone)
		x.told("30015 486 Busy here", "30011 2000 HOLD, 2001 ANSWERED, 2002 BYE", "30008 2002 Idle", "30011 2000 ANSWERED, 2001 ANSWER")
		x.goesOn()
		x.over(x.a, x.b)
	})
}

// Carol fails after the transferor has left: he is called back (transfer.retries), and the old pair talks again.
func TestYeastar_RecallAfterComplete(t *testing.T) {
	consults(t, func(x *consultation) {
		x.operate("complete")
		x.ended(x.b, 0)
		x.ok(x.c.Reject(486, "Busy Here"))
		back := x.rung(x.bob)
		x.ok(back.Answer())
		x.tones(x.a, aliceTone, back, bobTone)
		x.same("members", x.members(), "2000 ANSWERED, 2001 ANSWER")
		x.over(x.a, back)
	})
}

// What is no consultation, or a second one, is refused; only the transferor's channel operates.
func TestYeastar_AttendedRefused(t *testing.T) {
	consults(t, func(x *consultation) {
		for _, number := range []string{"2000", "2001", "2002"} {
			x.refuses(-1, x.transfer("attended", number, `"number":"2003"`))
		}
		x.refuses(-1, x.transfer("attended", "2000", `"attended_operate":"complete"`))
		x.refuses(-1, x.transfer("attended", "2002", `"attended_operate":"complete"`))
		x.refuses(-1, x.transfer("blind", "2000", `"number":"2003"`))
		x.refuses(40002, x.transfer("attended", "2001", `"attended_operate":"finish"`))
		x.answered()
		x.operate("complete")
		x.ended(x.b, 0)
		x.over(x.a, x.c)
	})
}

// The transferor's number may be given with the operation: it counts as the operation.
func TestYeastar_OperateWithNumber(t *testing.T) {
	consults(t, func(x *consultation) {
		x.answered()
		x.does(x.transfer("attended", "2001", `"attended_operate":"complete","number":"2002"`))
		x.ended(x.b, 0)
		x.hear(x.a, carolTone, x.c, aliceTone)
		x.over(x.a, x.c)
	})
}

// The caller consults instead of the callee.
func TestYeastar_AttendedByTheCaller(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.talk(alice, "2001", bob)
		y.does(y.transfer("attended", "2000", `"number":"2002"`))
		c := y.rung(carol)
		y.ringback(a)
		y.same("members", y.members(), "2000 ALERT, 2001 HOLD, 2002 RING")
		y.ok(c.Answer())
		y.tones(a, aliceTone, c, carolTone)
		y.same("members", y.members(), "2000 ANSWERED, 2001 HOLD, 2002 ANSWER")
		y.does(y.transfer("attended", "2000", `"attended_operate":"complete"`))
		y.ended(a, 0)
		y.hear(b, carolTone, c, bobTone)
		y.same("members", y.members(), "2001 ANSWERED, 2002 ANSWER")
		y.ok(b.Hangup())
		y.ends(c)
	})
}
