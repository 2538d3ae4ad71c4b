package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// Hold and unhold by either party (spec yeastar-p 4.4): the partner hears music, the holder nothing.
func TestYeastar_Hold(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, _ := y.three()
		a, b := y.talk(alice, "2001", bob)
		y.events.forget()
		for _, side := range []struct {
			number       string
			holder, held *phone.Call
			hears, sends int
			while, after string
		}{
			{"2000", a, b, bobTone, aliceTone, "30011 2000 HOLD, 2001 ANSWER", "30011 2000 ANSWERED, 2001 ANSWER"},
			{"2001", b, a, aliceTone, bobTone, "30011 2000 ANSWERED, 2001 HOLD", "30011 2000 ANSWERED, 2001 ANSWER"},
		} {
			y.refuses(-1, y.on("call/unhold", side.number))
			y.does(y.on("call/hold", side.number))
			y.pass(300 * time.Millisecond)
			y.music(side.held)
			y.that(side.holder.Media.Silent(200*time.Millisecond), "the holder hears something")
			y.told(side.while)
			y.does(y.on("call/unhold", side.number))
			y.hear(a, bobTone, b, aliceTone)
			y.told(side.after)
		}
		y.ok(a.Hangup())
		y.ends(b)
		y.refuses(70130, y.on("call/hold", "2000"))
		y.refuses(70130, y.on("call/unhold", "2001"))
	})
}

// A party that holds can be moved: the hold is over.
func TestYeastar_BlindWhileHeld(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.talk(alice, "2001", bob)
		y.does(y.on("call/hold", "2000"))
		y.does(y.transfer("blind", "2000", `"number":"2002"`))
		y.ended(b, 0)
		c := y.rung(carol)
		y.ok(c.Answer())
		y.tones(a, aliceTone, c, carolTone)
		y.same("members", y.members(), "2000 ANSWERED, 2002 ANSWER")
		y.ok(a.Hangup())
		y.ends(c)
	})
}

// Hangup of either member in each state (spec yeastar-p 4.3): both parties are released, with one CDR.
func TestYeastar_Hangup(t *testing.T) {
	for _, number := range []string{"2000", "2001"} {
		t.Run(number, func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				alice, bob, _ := y.three()
				a, b := y.ring(alice, "2001", bob)
				y.events.forget()
				y.does(y.on("call/hangup", number))
				y.ends(a, b)
				y.told("30011 2000 BYE, 2001 BYE", "30008 2000 Idle", "30008 2001 Idle", "30012 2000-2001 NO ANSWER")
				a, b = y.talk(alice, "2001", bob)
				y.events.forget()
				y.does(y.on("call/hangup", number))
				y.ended(a, 0)
				y.ended(b, 0)
				y.told("30011 2000 BYE, 2001 BYE", "30008 2000 Idle", "30008 2001 Idle", "30012 2000-2001 ANSWERED")
				y.refuses(70130, y.on("call/hangup", number))
			})
		})
	}
}

// A call that fails before or while it rings: 30015 with the vendor's text, and a CDR.
func TestYeastar_CallFails(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, _ := y.three()
		a := y.dial(alice, "5503301")
		y.refused(a, 404)
		y.told("30008 2000 Busy", "30015 404 NOT found", "30008 2000 Idle", "30012 2000-5503301 FAILED")
		a, b := y.ring(alice, "2001", bob)
		y.events.forget()
		y.ok(b.Reject(486, "Busy Here"))
		y.refused(a, 486)
		y.told("30015 486 Busy here", "30011 2000 BYE, 2001 BYE", "30008 2000 Idle", "30008 2001 Idle", "30012 2000-2001 BUSY")
		a, b = y.ring(alice, "2001", bob)
		y.events.forget()
		y.ok(a.Hangup())
		y.ended(b, 487)
		y.told("30011 2000 BYE, 2001 BYE", "30008 2000 Idle", "30008 2001 Idle", "30012 2000-2001 NO ANSWER")
	})
}

// A phone that rings twice: each contact is a member, the one that loses leaves once.
func TestYeastar_TwoContacts(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, _ := y.three()
		desk := y.phone("2001")
		a, b := y.ring(alice, "2001", bob)
		second := y.rung(desk)
		y.pass(100 * time.Millisecond)
		y.same("members", y.members(), "2000 ALERT, 2001 RING, 2001 RING")
		y.events.forget()
		y.ok(b.Answer())
		y.ok(a.WaitAnswer(y.ctx))
		y.ended(second, 487)
		y.same("members", y.members(), "2000 ANSWERED, 2001 ANSWER")
		y.ok(a.Hangup())
		y.ends(b)
		y.pass(time.Second)
		texts := y.events.taken()
		y.same("the last event", said(texts[len(texts)-1]), "30012 2000-2001 ANSWERED")
	})
}

// Each of the three hangs up his phone in a consultation (spec yeastar-p 5.4), while the target rings and when it talks.
func TestYeastar_ConsultationLeft(t *testing.T) {
	type row struct {
		name string
		who  func(x *consultation) *phone.Call
		play func(x *consultation, answered bool)
	}
	for _, r := range []row{
		{"transferor", func(x *consultation) *phone.Call { return x.b }, func(x *consultation, answered bool) {
			if !answered { // the same as complete
				x.ringback(x.a)
				x.same("members", x.members(), "2000 ALERT, 2002 RING")
				x.ok(x.c.Answer())
				x.c.Media.SendTone(carolTone)
			}
			x.hear(x.a, carolTone, x.c, aliceTone)
			x.same("members", x.members(), "2000 ANSWERED, 2002 ANSWER")
			x.over(x.a, x.c)
		}},
		{"transferee", func(x *consultation) *phone.Call { return x.a }, func(x *consultation, answered bool) {
			if !answered { // nobody is left for the transferor
				x.ended(x.c, 487)
				x.ends(x.b)
				return
			}
			x.hear(x.b, carolTone, x.c, bobTone)
			x.same("members", x.members(), "2001 ANSWERED, 2002 ANSWER")
			x.over(x.b, x.c)
		}},
		{"target", func(x *consultation) *phone.Call { return x.c }, func(x *consultation, answered bool) {
			x.hear(x.a, bobTone, x.b, aliceTone)
			x.same("members", x.members(), "2000 ANSWERED, 2001 ANSWER")
			x.over(x.a, x.b)
		}},
	} {
		for _, answered := range []bool{false, true} {
			if r.name == "target" && !answered {
				continue // it cannot hang up before it has answered
			}
			name := r.name + "/ringing"
			if answered {
				name = r.name + "/talking"
			}
			t.Run(name, func(t *testing.T) {
				consults(t, func(x *consultation) {
					if answered {
						x.answered()
					}
					x.ok(r.who(x).Hangup())
					x.pass(50 * time.Millisecond)
					r.play(x, answered)
				})
			})
		}
	}
}
