package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// Whatever becomes of a call while a clip plays to both for ever: who talks to somebody else afterwards hears that one,
// and who is sent on hears that it rings. Nobody stays behind the clip (T37, A7).
func TestPlay_NobodyStaysMasked(t *testing.T) {
	refer := func(r *rig, on, named *phone.Call) {
		r.Helper()
		m, err := on.ReferReplaces(r.ctx, named)
		r.status(m, err, 202)
	}
	for name, play := range map[string]func(x *consulted, id string){
		"BlindTransfer": func(x *consulted, id string) {
			x.must("BlindTransfer", "CallId", id, "TransferorParty", "callee", "Target", "2002")
			x.c = x.rung(x.carol)
			x.ringback(x.a)
			x.pass(200 * time.Millisecond)
			x.unheard(x.a, clipTone)
			x.ok(x.c.Answer())
		},
		"BlindTransfer that fails": func(x *consulted, id string) {
			x.must("BlindTransfer", "CallId", id, "TransferorParty", "callee", "Target", "2002")
			x.ok(x.rung(x.carol).Reject(486, "Busy Here"))
			x.c = x.first // they talk on
		},
		"REFER": func(x *consulted, _ string) {
			m, err := x.first.Refer(x.ctx, "sip:2002@example.com")
			x.status(m, err, 202)
			x.c = x.rung(x.carol)
			x.ringback(x.a)
			x.ok(x.c.Answer())
		},
		"REFER with Replaces": func(x *consulted, _ string) {
			x.consult(true)
			refer(x.rig, x.first, x.second)
			x.ends(x.first, x.second)
		},
		"REFER with Replaces, held": func(x *consulted, _ string) {
			x.ok(x.first.Hold(x.ctx, phone.SendOnly))
			x.consult(true)
			refer(x.rig, x.first, x.second)
			x.ends(x.first, x.second)
		},
		"REFER with Replaces, in the consultation": func(x *consulted, _ string) {
			x.consult(true)
			refer(x.rig, x.second, x.first)
			x.ends(x.first, x.second)
		},
		"REFER with Replaces, ringing": func(x *consulted, _ string) {
			x.rings()
			refer(x.rig, x.first, x.second)
			x.ringback(x.a)
			x.pass(200 * time.Millisecond)
			x.unheard(x.a, clipTone)
			x.ok(x.c.Answer())
			x.ends(x.first)
		},
		"AttendedTransfer": func(x *consulted, id string) {
			x.consult(true)
			first, second := x.ids()
			x.must("AttendedTransfer", "TransferredCallId", first, "TargetCallId", second)
			x.ends(x.first, x.second)
		},
	} {
		scene2(t, name, func(r *rig) {
			x := meet(r, false)
			r.plays("all", "Repeat", "true")
			r.hear(x.a, clipTone, x.first, clipTone)
			play(x, r.only().CallID)
			x.tones(x.a, aliceTone, x.c, map[bool]int{true: bobTone, false: carolTone}[x.c == x.first])
			r.pass(300 * time.Millisecond)
			r.unheard(x.a, clipTone)
			r.unheard(x.c, clipTone)
			r.same("clips that play", r.sw.library.Playing(), 0)
			r.oneStream(x.a, x.c)
			r.ok(x.a.Hangup())
			r.ends(x.c)
		}, clips(t, 1))
	}
}

// A hold stops no clip, and is heard after it: by the API, when music follows, and by a phone, when the one that holds hears
// nothing and the other one music; resumed, both hear each other.
func TestPlay_Hold(t *testing.T) {
	scene2(t, "by the API", func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.plays("all")
		r.hear(a, clipTone, b, clipTone)
		r.must("Hold", "CallId", r.only().CallID)
		r.pass(500 * time.Millisecond)
		r.masked(a, clipTone)
		r.masked(b, clipTone)
		r.pass(2 * time.Second)
		r.music(a, b)
		r.unheard(a, clipTone)
		r.must("Unhold", "CallId", r.only().CallID)
		r.hear(a, bobTone, b, aliceTone)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	}, clips(t, 2))
	scene2(t, "by a phone", func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.plays("all")
		r.hear(a, clipTone, b, clipTone)
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		r.pass(500 * time.Millisecond)
		r.masked(a, clipTone)
		r.that(b.Media.Silent(200*time.Millisecond), "who holds hears %v", b.Media.Tones(200*time.Millisecond))
		r.pass(2 * time.Second)
		r.music(a)
		r.ok(b.Resume(r.ctx))
		r.hear(a, bobTone, b, aliceTone)
		r.pass(200 * time.Millisecond)
		r.unheard(b, clipTone) // its time went on meanwhile
		r.oneStream(a)
		r.ok(b.Hangup())
		r.ends(a)
	}, clips(t, 2))
}

// RFC 3891 §1: a user goes on with the call at another phone of its own. The other party's clip goes on; the new phone
// hears that party, and after the clip both hear each other.
func TestPlay_TakeOver(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.talk(alice, "2001", bob)
		r.plays("all")
		r.hear(a, clipTone, b, clipTone)
		second := r.takes(r.unregistered("2001"), b.Replaces())
		r.ok(second.WaitAnswer(r.ctx))
		r.ended(b, 0)
		second.Media.SendTone(carolTone)
		r.ok(second.Media.WaitTone(r.ctx, aliceTone))
		r.masked(a, clipTone)
		r.ok(a.Media.WaitTone(r.ctx, carolTone))
		r.oneStream(a, second)
		r.ok(second.Hangup())
		r.ends(a)
	}, clips(t, 2))
}

// A consultation that the PBX makes (spec yeastar-p 6): the clip ends with the conversation; alice hears music, then all
// three hear each other.
func TestPlay_Threeway(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.talk(alice, "2001", bob)
		y.plays("all", "Repeat", "true")
		y.hear(a, clipTone, b, clipTone)
		y.does(y.transfer("attended", "2001", `"number":"2002","dial_permission":"2001"`))
		c := y.rung(carol)
		y.ringback(b)
		y.pass(300 * time.Millisecond)
		y.music(a)
		y.unheard(a, clipTone)
		y.unheard(b, clipTone)
		y.ok(c.Answer())
		y.tones(b, bobTone, c, carolTone)
		y.does(y.transfer("attended", "2001", `"attended_operate":"threeway"`))
		all := []*phone.Call{a, b, c}
		mixed := func(heard func(c *phone.Call, hz int)) {
			for i, tones := range [][]int{{bobTone, carolTone}, {aliceTone, carolTone}, {aliceTone, bobTone}} {
				for _, hz := range tones {
					heard(all[i], hz)
				}
			}
		}
		await := func(c *phone.Call, hz int) { y.Helper(); y.ok(c.Media.WaitTone(y.ctx, hz)) }
		mixed(await)
		y.plays("all") // all three hear it, and each other after it
		y.pass(500 * time.Millisecond)
		for _, c := range all {
			y.masked(c, clipTone)
		}
		y.pass(1700 * time.Millisecond)
		mixed(await)
		y.unheard(a, clipTone)
		y.oneStream(all...)
		y.ok(a.Hangup())
		y.ok(b.Hangup())
		y.ends(c)
	}, clips(t, 2))
}

// A call that ends while a clip plays, whoever ends it, leaves nothing.
func TestPlay_HangUp(t *testing.T) {
	for name, end := range map[string]func(r *rig, a, b *phone.Call){
		"caller":       func(r *rig, a, _ *phone.Call) { r.ok(a.Hangup()) },
		"callee":       func(r *rig, _, b *phone.Call) { r.ok(b.Hangup()) },
		"API":          func(r *rig, _, _ *phone.Call) { r.must("Hangup", "CallId", r.only().CallID) },
		"at its start": func(r *rig, a, b *phone.Call) { r.plays("all"); _ = a.Hangup(); _ = b.Hangup() },
	} {
		scene2(t, name, func(r *rig) {
			alice, bob, _ := r.three()
			a, b := r.talk(alice, "2001", bob)
			r.plays("all", "Repeat", "true")
			r.hear(a, clipTone, b, clipTone)
			r.same("clips that play", r.sw.library.Playing(), 2)
			end(r, a, b)
			r.ends(a, b)
		}, clips(t, 1))
	}
}
