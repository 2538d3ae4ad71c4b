package main

import (
	"slices"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// A plain call: the events of the vendor's order, in both directions of the hang-up.
func TestYeastar_Call(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, _ := y.three()
		a, b := y.ring(alice, "2001", bob)
		y.told("30008 2000 Busy", "30008 2001 Ringing", "30011 2000 ALERT, 2001 RING")
		y.same("members", y.members(), "2000 ALERT, 2001 RING")
		y.ok(b.Answer())
		y.ok(a.WaitAnswer(y.ctx))
		y.told("30008 2001 Busy", "30011 2000 ANSWERED, 2001 ANSWER")
		y.ok(a.Hangup())
		y.ends(b)
		y.told("30011 2000 BYE, 2001 BYE", "30008 2000 Idle", "30008 2001 Idle", "30012 2000-2001 ANSWERED")
		y.same("members", y.members(), "none")
	})
}

// Blind: the member named moves, its partner is released at once, and hears nothing of what becomes of it
// (spec yeastar-p 5.3).
func TestYeastar_Blind(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.talk(alice, "2001", bob)
		y.told("30008 2000 Busy", "30008 2001 Ringing", "30011 2000 ALERT, 2001 RING", "30008 2001 Busy",
			"30011 2000 ANSWERED, 2001 ANSWER")
		y.does(y.transfer("blind", "2000", `"number":"2002"`))
		y.ended(b, 0)
		c := y.rung(carol)
		y.ringback(a)
		y.told("30011 2000 ALERT, 2001 BYE", "30008 2001 Idle", "30008 2002 Ringing", "30011 2000 ALERT, 2002 RING")
		y.ok(c.Answer())
		y.tones(a, aliceTone, c, carolTone)
		y.told("30008 2002 Busy", "30011 2000 ANSWERED, 2002 ANSWER")
		y.ok(c.Hangup())
		y.ends(a)
		y.pass(time.Second)
		y.told("30011 2000 BYE, 2002 BYE", "30008 2000 Idle", "30008 2002 Idle", "30012 2000-2001 ANSWERED", "30012 2000-2002 ANSWERED")
		y.oneStream(a)
	})
}

// The other party moves: the callee is connected to the target, the caller is released.
func TestYeastar_BlindOfTheCallee(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.talk(alice, "2001", bob)
		y.does(y.transfer("blind", "2001", `"number":"2002","dial_permission":"2000"`))
		y.ended(a, 0)
		c := y.rung(carol)
		y.ringback(b)
		y.refuses(70130, y.on("call/hangup", "2000"))
		y.ok(c.Answer())
		y.tones(b, bobTone, c, carolTone)
		y.same("members", y.members(), "2001 ANSWERED, 2002 ANSWER")
		y.does(y.on("call/hangup", "2001"))
		y.ended(b, 0)
		y.ended(c, 0)
	})
}

// A target that is busy, unknown, away or silent: who moved hears a failure tone and is released, who left does not
// come back (P7); the reason is the vendor's text.
func TestYeastar_BlindFails(t *testing.T) {
	for name, row := range map[string]struct {
		number, reason string
		events         []string
		record         string
		play           func(y *yeastarApp, carol *phone.Phone)
	}{
		"busy": {"2002", "30015 486 Busy here", []string{"30008 2002 Ringing", "30011 2000 ALERT, 2002 RING"}, "30012 2000-2002 BUSY",
			func(y *yeastarApp, carol *phone.Phone) { y.ok(y.rung(carol).Reject(486, "Busy Here")) }},
		"declined": {"2002", "30015 User Busy", []string{"30008 2002 Ringing", "30011 2000 ALERT, 2002 RING"}, "30012 2000-2002 BUSY",
			func(y *yeastarApp, carol *phone.Phone) { y.ok(y.rung(carol).Reject(603, "Decline")) }},
		"silent": {"2002", "30015 408 Request Time", []string{"30008 2002 Ringing", "30011 2000 ALERT, 2002 RING"}, "30012 2000-2002 NO ANSWER",
			func(y *yeastarApp, carol *phone.Phone) { y.ended(y.rung(carol), 487) }},
		"away":    {"2009", "30015 480 Temporatily Unavailable", nil, "30012 2000-2009 NO ANSWER", func(*yeastarApp, *phone.Phone) {}},
		"unknown": {"5503301", "30015 404 NOT found", nil, "30012 2000-5503301 FAILED", func(*yeastarApp, *phone.Phone) {}},
	} {
		t.Run(name, func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				alice, bob, carol := y.three()
				a, b := y.talk(alice, "2001", bob)
				y.told("30008 2000 Busy", "30008 2001 Ringing", "30011 2000 ALERT, 2001 RING", "30008 2001 Busy",
					"30011 2000 ANSWERED, 2001 ANSWER")
				y.does(y.transfer("blind", "2000", `"number":"`+row.number+`"`))
				y.ended(b, 0)
				row.play(y, carol)
				y.ended(a, 0)
				y.pass(time.Second)
				want := append([]string{"30011 2000 ALERT, 2001 BYE", "30008 2001 Idle"}, row.events...)
				want = append(want, row.reason)
				if row.events == nil { // no phone was reached
					want = append(want, "30011 2000 ANSWERED", "30011 2000 BYE", "30008 2000 Idle", "30012 2000-2001 ANSWERED", row.record)
				} else {
					want = append(want, "30011 2000 ANSWERED, 2002 BYE", "30008 2002 Idle", "30011 2000 BYE", "30008 2000 Idle",
						"30012 2000-2001 ANSWERED", row.record)
				}
				y.told(want...)
			})
		})
	}
}

// What cannot be transferred: refused with the documented code, and nothing happens.
func TestYeastar_BlindRefused(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.ring(alice, "2001", bob)
		y.refuses(-1, y.transfer("blind", "2000", `"number":"2002"`))
		y.refuses(-1, y.transfer("blind", "2001", `"number":"2002"`))
		y.ok(b.Answer())
		y.ok(a.WaitAnswer(y.ctx))
		y.tones(a, aliceTone, b, bobTone)
		y.refuses(40002, y.transfer("blind", "2000", `"number":""`))
		y.refuses(40002, y.transfer("blind", "2000", `"number":"20 02"`))
		y.refuses(40002, y.transfer("blind", "2000", `"number":"2002","dial_permission":"5503301"`))
		y.refuses(40002, y.transfer("blind", "2000", `"number":"2002","attended_operate":"swap"`))
		y.refuses(40002, y.transfer("sideways", "2000", `"number":"2002"`))
		y.refuses(70130, y.post("call/transfer", `{"type":"blind","channel_id":"PJSIP/2000-00000000","number":"2002"}`))
		y.refuses(40001, y.post("call/transfer", `{"type":"blind"`))
		y.hear(a, bobTone, b, aliceTone)
		y.same("INVITEs", carol.Received("INVITE", 0), 0)
		y.ok(a.Hangup())
		y.ends(b)
	})
}

// A3: two clients transfer the same call: one wins, the other is refused; each channel id stays with its leg.
func TestYeastar_A3_TwoClients(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.talk(alice, "2001", bob)
		before := y.channel("2000")
		codes := make(chan int, 2)
		for _, body := range []string{
			`{"type":"blind","channel_id":"` + before + `","number":"2002"}`,
			`{"type":"attended","channel_id":"` + y.channel("2001") + `","number":"2002"}`,
		} {
			go func() { codes <- y.post("call/transfer", body).Code }()
		}
		got := []int{<-codes, <-codes}
		y.that(slices.Contains(got, 0) && (slices.Contains(got, -1) || slices.Contains(got, 70130)), "codes %v", got)
		c := y.rung(carol)
		y.same("channel", y.channel("2000"), before)
		y.ok(c.Hangup())
		y.ok(a.Hangup())
		y.ends(a, b)
	})
}

// Chains: a call that is the result of a transfer is transferred again, by either party; the call keeps its id.
func TestYeastar_BlindChain(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		dave := y.phone("2003")
		a, _ := y.talk(alice, "2001", bob)
		id := y.calls()[0].CallID
		first := y.transfer("blind", "2000", `"number":"2002"`)
		c := y.rung(carol)
		y.ok(c.Answer())
		y.tones(a, aliceTone, c, carolTone)
		second := y.transfer("blind", "2002", `"number":"2003"`)
		d := y.rung(dave)
		y.ended(a, 0)
		y.ok(d.Answer())
		y.tones(c, carolTone, d, bobTone)
		third := y.transfer("blind", "2003", `"number":"2000"`)
		y.ended(c, 0)
		back := y.rung(alice)
		y.ok(back.Answer())
		y.tones(d, bobTone, back, aliceTone)
		y.same("call ids", []string{first.CallID, second.CallID, third.CallID, y.calls()[0].CallID}, []string{id, id, id, id})
		y.ok(back.Hangup())
		y.ends(d)
	})
}
