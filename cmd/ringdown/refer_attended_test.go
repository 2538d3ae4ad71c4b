package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// consulted is bob between two calls: with alice, and with carol, whom he consults.
type consulted struct {
	*rig
	alice, bob, carol *phone.Phone
	a, first          *phone.Call // alice and bob
	second, c         *phone.Call // bob and carol
}

// meet brings up the first call, placed by alice or by bob.
func meet(r *rig, byBob bool) *consulted {
	r.Helper()
	x := &consulted{rig: r}
	x.alice, x.bob, x.carol = r.three()
	if byBob {
		x.first, x.a = r.connect(x.bob, "2000", x.alice)
	} else {
		x.a, x.first = r.connect(x.alice, "2001", x.bob)
	}
	x.tones(x.a, aliceTone, x.first, bobTone)
	return x
}

// consult brings up the second call, placed by bob or by carol.
func (x *consulted) consult(byBob bool) {
	x.Helper()
	if byBob {
		x.second, x.c = x.connect(x.bob, "2002", x.carol)
	} else {
		x.c, x.second = x.connect(x.carol, "2001", x.bob)
	}
	x.tones(x.c, carolTone, x.second, bobTone)
}

// rings has bob call carol, whose phone rings.
func (x *consulted) rings() {
	x.Helper()
	x.second, x.c = x.ring(x.bob, "2002", x.carol)
}

// refer sends the REFER that joins the two.
func (x *consulted) refer(on, named *phone.Call) {
	x.Helper()
	m, err := on.ReferReplaces(x.ctx, named)
	x.ok(err)
	x.same("answer to the REFER", m.Status, 202)
}

// joined fails unless alice and carol alone talk, in one call, and none of them was called anew (P1).
func (x *consulted) joined() {
	x.Helper()
	x.tones(x.a, aliceTone, x.c, carolTone)
	x.ends(x.first, x.second)
	x.pass(300 * time.Millisecond)
	x.unheard(x.a, bobTone, ringTone)
	x.unheard(x.c, bobTone, ringTone)
	x.oneStream(x.a, x.c)
	x.same("state", x.only().CallState, "InCall")
	for _, p := range []*phone.Phone{x.alice, x.carol} {
		for _, m := range requests(p, "INVITE") {
			x.that(m.ToTag() != "" || m.Get("Call-ID") == x.a.ID || m.Get("Call-ID") == x.c.ID, "a new INVITE: %s", m)
		}
		x.same("CANCELs", p.Received("CANCEL", 0), 0)
	}
	x.ok(x.a.Hangup())
	x.ends(x.c)
}

// apart fails unless the first call goes on as it was.
func (x *consulted) apart() {
	x.Helper()
	x.pass(300 * time.Millisecond)
	x.hear(x.a, bobTone, x.first, aliceTone)
	x.unheard(x.a, carolTone)
	x.ok(x.first.Hangup())
	x.ends(x.a)
}

// told compares what bob was told of his REFER.
func (x *consulted) told(want ...string) {
	x.Helper()
	x.soon(5*time.Second, "the reports", func() bool { return len(sipfrags(x.bob)) >= len(want) })
	x.pass(time.Second)
	x.same("NOTIFYs", strings.Join(sipfrags(x.bob), ", "), strings.Join(want, ", "))
}

// P1, P15: the transferor placed or received either call, and sends the REFER in either dialog.
func TestAttendedRefer_P1_P15(t *testing.T) {
	for i := range 8 {
		firstByBob, secondByBob, inSecond := i&1 != 0, i&2 != 0, i&4 != 0
		t.Run(fmt.Sprint(firstByBob, secondByBob, inSecond), func(t *testing.T) {
			scene(t, func(r *rig) {
				x := meet(r, firstByBob)
				x.consult(secondByBob)
				if inSecond {
					x.refer(x.second, x.first)
				} else {
					x.refer(x.first, x.second)
				}
				x.told("100 Trying active", "200 OK terminated")
				x.joined()
			})
		})
	}
}

// T3: the transferor hangs up both of its calls right after the 202.
func TestAttendedRefer_T3(t *testing.T) {
	for _, inSecond := range []bool{false, true} {
		t.Run(fmt.Sprint(inSecond), func(t *testing.T) {
			scene(t, func(r *rig) {
				x := meet(r, false)
				x.consult(true)
				on, named := x.first, x.second
				if inSecond {
					on, named = named, on
				}
				x.refer(on, named)
				_ = on.Hangup() // may have been hung up already
				_ = named.Hangup()
				x.joined()
				x.told("100 Trying active", "200 OK terminated")
			})
		})
	}
}

// T27, T28: the transferor holds the one that it transfers, and refers before the hold is answered; then the two hear
// each other all the same.
func TestAttendedRefer_T27_T28(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, true)
		x.consult(true)
		held := make(chan error, 1)
		go func() { held <- x.first.Hold(r.ctx, "sendonly") }()
		x.refer(x.first, x.second)
		<-held // its answer, or 487: the call may be over
		x.told("100 Trying active", "200 OK terminated")
		x.joined()
	})
	scene2(t, "held long before", func(r *rig) {
		x := meet(r, false)
		r.ok(x.first.Hold(r.ctx, "sendonly"))
		x.consult(true)
		r.ok(x.second.Hold(r.ctx, "sendonly"))
		x.refer(x.first, x.second)
		x.told("100 Trying active", "200 OK terminated")
		x.joined()
	})
}

// scene2 is a scene of its own name.
func scene2(t *testing.T, name string, play func(*rig), change ...func(*Config)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { scene(t, play, change...) })
}

// P7, P19: the target still rings. The transferee hears ringing, the target's phone is left alone, and the transferor's
// INVITE ends with 487, whether it cancels it itself after the 202, as many phones do, or leaves altogether.
func TestSemiAttendedRefer_P7_P19(t *testing.T) {
	for name, leave := range map[string]func(x *consulted){
		"it stays":           func(*consulted) {},
		"CANCEL":             func(x *consulted) { _ = x.second.Cancel() },
		"BYE":                func(x *consulted) { _ = x.first.Hangup() },
		"CANCEL, BYE":        func(x *consulted) { _ = x.second.Cancel(); _ = x.first.Hangup() },
		"BYE, CANCEL":        func(x *consulted) { _ = x.first.Hangup(); _ = x.second.Cancel() },
		"CANCEL a bit later": func(x *consulted) { x.pass(7 * time.Millisecond); _ = x.second.Cancel() },
	} {
		for _, byBob := range []bool{false, true} {
			scene2(t, fmt.Sprint(name, byBob), func(r *rig) {
				x := meet(r, byBob)
				x.rings()
				x.refer(x.first, x.second)
				leave(x)
				x.ended(x.second, 487)
				x.ringback(x.a)
				x.pass(2 * time.Second)
				x.same("CANCELs at the target", x.carol.Received("CANCEL", 0), 0)
				x.same("INVITEs at the target", x.carol.Received("INVITE", 0), 1)
				x.unheard(x.a, bobTone)
				r.ok(x.c.Answer())
				x.joined()
				x.told("100 Trying active", "180 Ringing active", "200 OK terminated")
			})
		}
	}
}

// P7, T5, T7: the target that rings on for the transferee is busy after all: the transferor that is still there is told
// and gets its call back; one that has gone is called again, and the transferee never hears silence.
func TestSemiAttendedRefer_T5(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.rings()
		x.refer(x.first, x.second)
		x.ended(x.second, 487)
		x.ringback(x.a)
		r.ok(x.c.Reject(486, ""))
		x.told("100 Trying active", "180 Ringing active", "486 Busy Here terminated")
		x.apart()
	})
	scene2(t, "the transferor has gone", func(r *rig) {
		x := meet(r, false)
		x.rings()
		x.refer(x.first, x.second)
		r.ok(x.first.Hangup())
		x.ringback(x.a)
		r.ok(x.c.Reject(486, ""))
		again := r.rung(x.bob)
		r.ok(again.Answer())
		r.tones(x.a, aliceTone, again, bobTone)
		r.ok(x.a.Hangup())
		r.ends(again)
	})
}

// T4: the transferee hangs up while the target rings on for it.
func TestSemiAttendedRefer_T4(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.rings()
		x.refer(x.first, x.second)
		x.ringback(x.a)
		r.ok(x.a.Hangup())
		x.ended(x.c, 487)
		x.ended(x.first, 0)
		x.told("100 Trying active", "180 Ringing active", "487 Request Terminated terminated")
	})
}

// P8: the target answers at the moment of the REFER, a little before or after: whichever state is found decides, and
// everybody ends up in the same call.
func TestSemiAttendedRefer_P8(t *testing.T) {
	for ms := range 24 {
		scene2(t, fmt.Sprint(ms), func(r *rig) {
			x := meet(r, false)
			x.rings()
			go func() {
				r.pass(time.Duration(ms) * time.Millisecond)
				_ = x.c.Answer()
			}()
			r.pass(8 * time.Millisecond)
			x.refer(x.first, x.second)
			r.soon(5*time.Second, "the answer", x.c.Active)
			x.joined()
			x.that(strings.HasSuffix(strings.Join(sipfrags(x.bob), ", "), "200 OK terminated"), "%q", sipfrags(x.bob))
		})
	}
}

// P9: the target hangs up in the same window. The transferor is told, and has its first call back; or the transfer was
// faster, and the transferee's call ends with the target's (T6).
func TestAttendedRefer_P9(t *testing.T) {
	for ms := range 16 {
		scene2(t, fmt.Sprint(ms), func(r *rig) {
			x := meet(r, false)
			x.consult(true)
			go func() {
				r.pass(time.Duration(ms) * time.Millisecond)
				_ = x.c.Hangup()
			}()
			r.pass(8 * time.Millisecond)
			x.refer(x.first, x.second)
			x.ends(x.c, x.second)
			x.soon(5*time.Second, "the last report", func() bool { return len(sipfrags(x.bob)) == 2 })
			if last := sipfrags(x.bob)[1]; last == "200 OK terminated" {
				x.ends(x.a, x.first)
			} else {
				x.that(strings.HasPrefix(last, "481") || strings.HasPrefix(last, "487") || strings.HasPrefix(last, "603"), "%s", last)
				x.apart()
			}
		})
	}
}

// P3, P4, P5, P12: a Replaces that names nothing, what is over, what is answered already, or the dialog of somebody else
// is told by NOTIFY; no call is disturbed.
func TestAttendedRefer_P3_P4_P5_P12(t *testing.T) {
	for name, row := range map[string]struct {
		replaces func(x *consulted, foreign *phone.Call) string
		last     string
	}{
		"P3":                {func(*consulted, *phone.Call) string { return "x@y;to-tag=a;from-tag=b" }, "481 Call/Transaction Does Not Exist terminated"},
		"P5":                {func(x *consulted, _ *phone.Call) string { return x.second.Replaces() + ";early-only" }, "486 Busy Here terminated"},
		"P12":               {func(_ *consulted, f *phone.Call) string { return f.Replaces() }, "403 Forbidden terminated"},
		"T13, its own call": {func(x *consulted, _ *phone.Call) string { return x.first.Replaces() }, "482 Loop Detected terminated"},
		"P4": {func(x *consulted, _ *phone.Call) string {
			named := x.second.Replaces()
			x.ok(x.second.Hangup())
			x.ends(x.c)
			return named
		}, "603 Decline terminated"},
	} {
		scene2(t, name, func(r *rig) {
			x := meet(r, false)
			x.consult(true)
			dave, erin := r.phone("2003"), r.phone("2004")
			d, e := r.connect(dave, "2004", erin)
			r.tones(d, 1500, e, 1900)
			m, err := x.first.Refer(r.ctx, "sip:2002@example.com?Replaces="+escaped(row.replaces(x, d)))
			r.ok(err)
			r.same("answer", m.Status, 202)
			x.told("100 Trying active", row.last)
			r.hear(d, 1900, e, 1500)
			if x.second.Active() {
				r.hear(x.second, carolTone, x.c, bobTone)
				r.ok(x.second.Hangup())
				r.ends(x.c)
			}
			r.ok(d.Hangup())
			r.ends(e)
			x.apart()
		})
	}
}

// escaped writes a Replaces as the header of a URI.
func escaped(s string) string {
	return strings.NewReplacer("%", "%25", ";", "%3B", "=", "%3D", "@", "%40", "/", "%2F").Replace(s)
}

// T9: alice and bob, who talk, each consult somebody and refer at once.
func TestAttendedRefer_T9(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		dave := r.phone("2003")
		consults, d := r.connect(x.alice, "2003", dave)
		r.tones(consults, aliceTone, d, 1500)
		status := make(chan int, 2)
		for _, pair := range [][2]*phone.Call{{x.first, x.second}, {x.a, consults}} {
			go func() {
				m, err := pair[0].ReferReplaces(r.ctx, pair[1])
				if err != nil {
					status <- 0
					return
				}
				status <- m.Status
			}()
		}
		r.same("answers", <-status+<-status, 202+491)
		r.pass(2 * time.Second)
		if x.a.Active() { // bob's was first
			r.hear(x.a, carolTone, x.c, aliceTone)
			r.ok(x.a.Hangup())
			r.ok(consults.Hangup())
			r.ends(x.c, d, x.first, x.second)
		} else {
			r.hear(x.first, 1500, d, bobTone)
			r.ok(x.first.Hangup())
			r.ok(x.second.Hangup())
			r.ends(d, x.c, x.a, consults)
		}
	})
}

// T28, T31: parties of two calls with different codecs are joined, one of them held by the transferor or not: neither hears
// a gap in what comes to it, not for longer than its codec takes to change, and nothing is cut off afterwards.
func TestAttendedRefer_T28_T31_Codecs(t *testing.T) {
	for _, row := range []struct {
		alice, carol []string
		held         bool
	}{
		{[]string{"PCMU"}, []string{"PCMA"}, true},
		{[]string{"G722", "PCMU"}, []string{"PCMA"}, false},
		{[]string{"opus", "PCMA"}, []string{"PCMU"}, true},
		{[]string{"PCMU"}, []string{"opus", "G722", "PCMU"}, false},
		{[]string{"opus", "G722", "PCMU"}, []string{"opus", "PCMA"}, true},
	} {
		t.Run(fmt.Sprint(row.alice, row.carol, row.held), func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, carol := r.phone("2000", codecs(row.alice...)), r.phone("2002", codecs(row.carol...))
				bob := r.phone("2001", codecs("opus", "G722", "PCMU", "PCMA"))
				x := &consulted{rig: r, alice: alice, bob: bob, carol: carol}
				x.a, x.first = r.talk(alice, "2001", bob)
				x.second, x.c = r.talk(bob, "2002", carol)
				if row.held {
					r.ok(x.first.Hold(r.ctx, "sendonly"))
				}
				r.pass(100 * time.Millisecond)
				for _, part := range []time.Duration{time.Second, 300 * time.Millisecond} {
					x.a.Media.Mark()
					x.c.Media.Mark()
					if part == time.Second {
						x.refer(x.first, x.second)
					}
					r.pass(part)
					for who, c := range map[string]*phone.Call{"alice": x.a, "carol": x.c} {
						if gap := c.Media.Gap(); gap > 4*frame+5*time.Millisecond {
							r.Errorf("%s heard nothing for %v", who, gap)
						}
					}
				}
				r.ok(x.a.Hangup())
				r.ends(x.first, x.second, x.c)
			})
		})
	}
}
