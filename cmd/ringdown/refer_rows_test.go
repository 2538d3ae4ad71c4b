package main

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// crossed is a Replaces as a phone writes it that tells what it sees itself: the tags in the other order.
func crossed(c *phone.Call) string {
	local, remote := c.Tags()
	return c.ID + ";to-tag=" + local + ";from-tag=" + remote
}

// P10, P15: the tags of a Replaces in the other order are understood for a dialog of the same user, whoever placed the
// calls; in that of another user they find nothing.
func TestAttendedRefer_P10_P15_CrossedTags(t *testing.T) {
	for i := range 4 {
		firstByBob, secondByBob := i&1 != 0, i&2 != 0
		scene2(t, fmt.Sprint(firstByBob, secondByBob), func(r *rig) {
			x := meet(r, firstByBob)
			x.consult(secondByBob)
			m, err := x.first.Refer(r.ctx, "<sip:2002@example.com?Replaces="+phone.Escape(crossed(x.second))+">")
			r.status(m, err, 202)
			x.told("100 Trying active", "200 OK terminated")
			x.joined()
		})
	}
	scene2(t, "ringing", func(r *rig) {
		x := meet(r, false)
		x.rings()
		m, err := x.first.Refer(r.ctx, "<sip:2002@example.com?Replaces="+phone.Escape(crossed(x.second))+">")
		r.status(m, err, 202)
		x.ringback(x.a)
		r.ok(x.c.Answer())
		x.joined()
	})
	scene2(t, "another user's", func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		dave, erin := r.phone("2003"), r.phone("2004")
		d, e := r.talk(dave, "2004", erin)
		m, err := x.first.Refer(r.ctx, "<sip:2004@example.com?Replaces="+phone.Escape(crossed(d))+">")
		r.status(m, err, 202)
		x.told("100 Trying active", "481 Call/Transaction Does Not Exist terminated")
		r.refused(r.takes(r.phone("2005"), crossed(d)), 481)
		r.hear(d, bobTone, e, aliceTone)
		r.ok(d.Hangup())
		r.ok(x.second.Hangup())
		r.ends(e, x.c)
		x.apart()
	})
}

// P11: two Replaces, or one beside a Join, in a REFER and in an INVITE: 400, and both calls go on.
func TestAttendedRefer_P11(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		one := "Replaces=" + phone.Escape(x.second.Replaces())
		for _, headers := range []string{one + "&" + one, one + "&Join=" + phone.Escape(x.second.Replaces())} {
			m, err := x.first.Refer(r.ctx, "<sip:2002@example.com?"+headers+">")
			r.status(m, err, 400)
		}
		named := x.first.Replaces()
		r.refused(r.takes(x.bob, named, phone.WithHeader("Replaces", named)), 400)
		r.refused(r.takes(x.bob, named, phone.WithHeader("Join", named)), 400)
		r.same("NOTIFYs", x.bob.Received("NOTIFY", 0), 0)
		r.hear(x.second, carolTone, x.c, bobTone)
		r.ok(x.second.Hangup())
		r.ends(x.c)
		x.apart()
	})
}

// P13, P14: phones that know no Replaces are joined all the same, for nothing is asked of them: no INVITE with Replaces
// and no REFER goes to them. Everyone is told that the switch knows it: in INVITEs, in answers and to OPTIONS.
func TestAttendedRefer_P13_P14(t *testing.T) {
	scene(t, func(r *rig) {
		x := &consulted{rig: r}
		simple := func(c *phone.Config) {
			c.Supported, c.Allow = []string{"timer"}, []string{"INVITE", "ACK", "BYE", "CANCEL"}
		}
		x.alice, x.bob, x.carol = r.phone("2000", simple), r.phone("2001"), r.phone("2002", simple)
		x.a, x.first = r.connect(x.alice, "2001", x.bob)
		x.tones(x.a, aliceTone, x.first, bobTone)
		x.consult(true)
		x.refer(x.first, x.second)
		x.told("100 Trying active", "200 OK terminated")
		for _, p := range []*phone.Phone{x.alice, x.carol} {
			r.received(p, "REFER 0", "UPDATE 0", "NOTIFY 0")
			for _, m := range messages(p, false, func(m *phone.Message) bool {
				_, method := m.CSeq()
				return method == "INVITE" && (m.Method != "" || m.Status/100 == 2)
			}) {
				r.that(m.Get("Replaces") == "", "an INVITE with Replaces:\n%s", m)
				r.that(slices.Contains(m.List("Supported"), "replaces"), "replaces is not advertised:\n%s", m)
			}
		}
		m, err := x.alice.Request(r.ctx, "OPTIONS", "sip:example.com")
		r.status(m, err, 200)
		r.that(slices.Contains(m.List("Supported"), "replaces"), "replaces is not advertised:\n%s", m)
		x.joined()
	})
}

// P17: the consultation is itself being transferred, by carol: bob's REFER is refused by its report, and the transfer that
// ran first is carried out; after it, bob's dialogs can be joined.
func TestAttendedRefer_P17_Nested(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		dave := r.phone("2003")
		m, err := x.c.Refer(r.ctx, "sip:2003@example.com")
		r.status(m, err, 202)
		d := r.rung(dave)
		x.refer(x.first, x.second)
		x.told("100 Trying active", "491 Request Pending terminated")
		r.hear(x.a, bobTone, x.first, aliceTone)
		r.ok(d.Answer())
		r.tones(x.second, bobTone, d, 1500)
		r.ends(x.c)
		x.refer(x.first, x.second)
		r.hear(x.a, 1500, d, aliceTone)
		r.ends(x.first, x.second)
		r.oneStream(x.a, d)
		r.ok(x.a.Hangup())
		r.ends(d)
	})
	// A chain: carol, whom bob consults, consults dave. She joins bob to dave, then bob joins alice to dave.
	scene2(t, "chain", func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		dave := r.phone("2003")
		c2, d := r.connect(x.carol, "2003", dave)
		r.tones(c2, carolTone, d, 1500)
		m, err := x.c.ReferReplaces(r.ctx, c2)
		r.status(m, err, 202)
		r.hear(x.second, 1500, d, bobTone)
		r.ends(x.c, c2)
		x.refer(x.first, x.second)
		r.hear(x.a, 1500, d, aliceTone)
		r.ends(x.first, x.second)
		r.ok(d.Hangup())
		r.ends(x.a)
	})
}

// P18: who joins a call to a three-way, or a three-way to a call, leaves it to the others: all who stay hear each other.
func TestAttendedRefer_P18_ThreeWay(t *testing.T) {
	for _, inThree := range []bool{true, false} {
		t.Run(fmt.Sprint(inThree), func(t *testing.T) {
			consults(t, func(y *consultation) {
				y.answered()
				y.operate("threeway")
				y.ok(y.a.Media.WaitTone(y.ctx, carolTone))
				dave := y.phone("2003")
				second, d := y.connect(y.bob, "2003", dave)
				y.tones(second, bobTone, d, 1500)
				on, named := y.b, second
				if !inThree {
					on, named = second, y.b
				}
				m, err := on.ReferReplaces(y.ctx, named)
				y.status(m, err, 202)
				y.ends(y.b, second)
				y.pass(500 * time.Millisecond)
				calls, tones := []*phone.Call{y.a, y.c, d}, []int{aliceTone, carolTone, 1500}
				for i, c := range calls {
					for k, hz := range tones {
						if i != k {
							y.ok(c.Media.WaitTone(y.ctx, hz))
						}
					}
					y.unheard(c, bobTone, tones[i])
				}
				y.same("calls", len(y.calls()), 1)
				y.oneStream(calls...)
				y.ok(d.Hangup())
				y.ends(d)
				y.hear(y.a, carolTone, y.c, aliceTone)
				y.over(y.a, y.c)
			})
		})
	}
}

// T31: the two who are joined talk different codecs: they hear each other, by transcoding where the switch can do that,
// each in the one stream that it has; where it cannot, one is asked to move, or first one and then the other.
func TestAttendedRefer_T31_Codecs(t *testing.T) {
	for _, row := range []struct{ alice, carol, moved string }{
		{"PCMA", "PCMU", ""}, {"opus PCMU", "PCMA", "2000"}, {"PCMU", "opus PCMA", "2002"},
	} {
		scene2(t, row.alice+", "+row.carol, func(r *rig) {
			x := &consulted{rig: r}
			x.alice, x.carol = r.phone("2000", codecs(strings.Fields(row.alice)...)), r.phone("2002", codecs(strings.Fields(row.carol)...))
			x.bob = r.phone("2001", codecs("opus", "PCMU", "PCMA"))
			x.a, x.first = r.connect(x.alice, "2001", x.bob)
			x.tones(x.a, aliceTone, x.first, bobTone)
			x.consult(true)
			x.refer(x.first, x.second)
			x.told("100 Trying active", "200 OK terminated")
			r.hear(x.a, carolTone, x.c, aliceTone)
			r.ends(x.first, x.second)
			for p, c := range map[*phone.Phone]*phone.Call{x.alice: x.a, x.carol: x.c} {
				asked := 0
				for _, m := range requests(p, "INVITE") {
					if m.ToTag() != "" {
						asked++
					}
				}
				if strings.HasPrefix(p.URI(), "sip:"+row.moved+"@") {
					r.same("codec", strings.HasPrefix(c.Media.Codec().Name, "PCM"), true)
					r.same("re-INVITEs", asked, 1)
				} else {
					r.that(asked == 0 || row.moved != "" && asked == 1, "%d re-INVITEs, one may be in vain", asked)
					r.oneStream(c)
				}
			}
			r.ok(x.c.Hangup())
			r.ends(x.a)
		})
	}
}

// T31: both could do opus, but each talked to bob by PCMU: they are joined at once, and hear each other all the time.
func TestAttendedRefer_T31_Better(t *testing.T) {
	scene(t, func(r *rig) {
		x := &consulted{rig: r}
		x.alice, x.bob, x.carol = r.phone("2000", codecs("opus", "PCMU")), r.phone("2001", codecs("PCMU")), r.phone("2002", codecs("opus", "PCMU"))
		x.a, x.first = r.connect(x.alice, "2001", x.bob)
		x.tones(x.a, aliceTone, x.first, bobTone)
		x.consult(true)
		x.refer(x.first, x.second)
		r.hear(x.a, carolTone, x.c, aliceTone)
		r.pass(6 * time.Second)
		r.hear(x.a, carolTone, x.c, aliceTone)
		r.that(len(requests(x.alice, "INVITE"))+len(requests(x.carol, "INVITE")) <= 2, "more than one of them was asked to move")
		r.ends(x.first, x.second)
		r.ok(x.a.Hangup())
		r.ends(x.c)
	})
}

// T33: the target of a semi-attended transfer has three phones: all ring on for the transferee, the first to answer has
// it, the others are told why they stop (S15).
func TestSemiAttendedRefer_T33_Group(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		carol2, carol3 := r.phone("2002"), r.phone("2002")
		x.rings()
		c2, c3 := r.rung(carol2), r.rung(carol3)
		x.refer(x.first, x.second)
		x.ended(x.second, 487)
		x.ringback(x.a)
		r.pass(time.Second)
		r.same("CANCELs", x.carol.Received("CANCEL", 0)+carol2.Received("CANCEL", 0)+carol3.Received("CANCEL", 0), 0)
		r.ok(c3.Reject(486, "")) // one of them refuses, which nobody need know
		r.ok(c2.Answer())
		end := r.ended(x.c, 487)
		r.that(strings.Contains(end.Reason, "cause=200"), "the other phone is told %q", end.Reason)
		r.tones(x.a, aliceTone, c2, carolTone)
		x.told("100 Trying active", "180 Ringing active", "200 OK terminated")
		x.ends(x.first)
		r.oneStream(x.a, c2)
		r.ok(c2.Hangup())
		r.ends(x.a)
	})
}

// T19: a REFER outside any dialog, with and without Target-Dialog: whoever it is, nobody is called; a stranger is asked
// who it is, a user is refused. So is one of the user's own dialog, named in Target-Dialog.
func TestRefer_T19_OutOfDialog(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		local, remote := b.Tags()
		refer := phone.WithHeader("Refer-To", "<sip:2002@example.com>")
		dialog := phone.WithHeader("Target-Dialog", b.ID+";local-tag="+local+";remote-tag="+remote)
		for _, opts := range [][]phone.Option{{refer}, {refer, dialog}} {
			m, err := bob.Request(r.ctx, "REFER", "sip:2000@example.com", opts...)
			r.status(m, err, 403)
			m, err = bob.Request(r.ctx, "REFER", "sip:2000@example.com", append(opts, phone.WithoutAuth())...)
			r.status(m, err, 401)
		}
		r.received(carol, "INVITE 0")
		r.received(bob, "NOTIFY 0")
		r.received(alice, "REFER 0")
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// T35: the transferee's phone has gone when the target answers. It has to be asked for another codec, and is not there:
// the target is answered, and hung up once the transferee is known dead, by its silence or by its 481.
func TestRefer_T35_TransfereeGone(t *testing.T) {
	for _, how := range []string{"silence", "481"} {
		scene2(t, how, func(r *rig) {
			var gone atomic.Bool
			var alice *phone.Phone
			alice = r.phone("2000", codecs("opus", "PCMU"), func(c *phone.Config) {
				c.OnRequest = func(m *phone.Message) bool {
					if gone.Load() && how == "481" {
						_ = alice.Respond(m, 481, "")
					}
					return gone.Load()
				}
			})
			bob, carol := r.phone("2001", codecs("opus")), r.phone("2002", codecs("opus"))
			a, b := r.talk(alice, "2001", bob)
			m, err := b.Refer(r.ctx, "sip:2002@example.com")
			r.status(m, err, 202)
			c := r.rung(carol)
			r.ringback(a) // for which it has been moved to PCMU; it has to come back
			gone.Store(true)
			a.Media.Stop()
			answered := time.Now()
			r.ok(c.Answer())
			_, err = c.WaitAck(r.ctx)
			r.ok(err)
			r.soon(5*time.Second, "the last report", func() bool { return len(sipfrags(bob)) == 3 })
			r.that(sipfrags(bob)[2] == "200 OK terminated", "NOTIFYs: %q", sipfrags(bob))
			r.ok(b.Hangup())
			end, err := c.WaitEnd(r.ctx)
			r.ok(err)
			r.that(len(requests(alice, "INVITE")) == 2, "she was not asked when the target had answered")
			r.that(end.Remote && time.Since(answered) < 70*time.Second, "the target was left alone after %v: %+v", time.Since(answered), end)
			r.same("calls", len(r.list()), 0)
			r.ok(a.Hangup())
			r.pass(time.Minute)
		})
	}
}

// T14: transfers in a ring: each of four sends the one that it talks to on to the next, and the last one back to the
// first; whoever is called talks, and the call stays one. A target that sends everything back fails, and does so at once.
func TestRefer_T14_Ring(t *testing.T) {
	scene(t, func(r *rig) {
		numbers := []string{"2001", "2002", "2003", "2004"}
		alice := r.phone("2000")
		phones := make([]*phone.Phone, len(numbers))
		for i, n := range numbers {
			phones[i] = r.phone(n)
		}
		a, with := r.talk(alice, "2001", phones[0])
		for i := 1; i <= 12; i++ { // more often than any hop limit
			k := i % len(numbers)
			m, err := with.Refer(r.ctx, "sip:"+numbers[k]+"@example.com")
			r.status(m, err, 202)
			next := r.rung(phones[k])
			r.ok(next.Answer())
			r.tones(a, aliceTone, next, 600+10*i)
			r.ends(with)
			with = next
		}
		r.oneStream(a, with)
		r.ok(a.Hangup())
		r.ends(with)
	})
	scene2(t, "sent back", func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.status(m, err, 202)
		r.soon(5*time.Second, "the last report", func() bool { return strings.HasSuffix(strings.Join(sipfrags(bob), ","), "terminated") })
		r.that(strings.HasPrefix(sipfrags(bob)[len(sipfrags(bob))-1], "482"), "NOTIFYs: %q", sipfrags(bob))
		r.received(carol, "INVITE 0")
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	}, sends(map[string]Forward{"2002": {Always: "2003"}, "2003": {Always: "2004"}, "2004": {Always: "2002"}}))
}

// T33: a target of many phones whose provisional answers change all the time: the referrer is told at most once a second,
// and never that it is less far than it was.
func TestRefer_T33_NotMoreThanOneASecond(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.talk(alice, "2001", bob)
		var carols []*phone.Phone
		for range 4 {
			carols = append(carols, r.phone("2002"))
		}
		m, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.status(m, err, 202)
		var calls []*phone.Call
		for _, p := range carols {
			c, err := p.WaitCall(r.ctx)
			r.ok(err)
			calls = append(calls, c)
		}
		began := time.Now()
		for i := range 40 {
			c := calls[i%4]
			if i/4%2 == 0 {
				r.ok(c.Ring())
			} else {
				r.ok(c.Progress())
			}
			r.pass(60 * time.Millisecond)
		}
		lasted := int(time.Since(began)/time.Second) + 1
		n := len(sipfrags(bob))
		r.that(n <= 2+lasted, "%d NOTIFYs in %d s: %q", n, lasted, sipfrags(bob))
		r.ok(calls[2].Answer())
		r.tones(a, aliceTone, calls[2], carolTone)
		r.ends(b)
		r.ok(a.Hangup())
		r.ends(calls...)
	})
}

// T18: Refer-Sub: false with Replaces: the two are joined, and nothing is reported.
func TestAttendedRefer_T18(t *testing.T) {
	for _, ringing := range []bool{false, true} {
		scene2(t, fmt.Sprint(ringing), func(r *rig) {
			x := meet(r, false)
			if ringing {
				x.rings()
			} else {
				x.consult(true)
			}
			m, err := x.first.ReferReplaces(r.ctx, x.second, phone.WithHeader("Refer-Sub", "false"))
			r.status(m, err, 202)
			r.same("Refer-Sub", m.Get("Refer-Sub"), "false")
			if ringing {
				x.ringback(x.a)
				r.ok(x.c.Answer())
			}
			x.joined()
			r.received(x.bob, "NOTIFY 0")
		})
	}
}

// T20: nobody answers the NOTIFYs of an attended transfer, or they are refused: it is carried out all the same.
func TestAttendedRefer_T20(t *testing.T) {
	for _, status := range []int{481, 405, 0} {
		for _, ringing := range []bool{false, true} {
			scene2(t, fmt.Sprint(status, ringing), func(r *rig) {
				x := &consulted{rig: r}
				x.alice, x.carol = r.phone("2000"), r.phone("2002")
				x.bob = r.phone("2001", func(c *phone.Config) {
					c.OnRequest = func(m *phone.Message) bool {
						if m.Method == "NOTIFY" && status != 0 {
							_ = x.bob.Respond(m, status, "")
						}
						return m.Method == "NOTIFY"
					}
				})
				x.a, x.first = r.connect(x.alice, "2001", x.bob)
				x.tones(x.a, aliceTone, x.first, bobTone)
				if ringing {
					x.rings()
				} else {
					x.consult(true)
				}
				x.refer(x.first, x.second)
				if ringing {
					x.ringback(x.a)
					r.pass(2 * time.Second)
					r.ok(x.c.Answer())
				}
				x.joined()
				r.received(x.bob, "NOTIFY 1")
			}, func(c *Config) { c.Calls.Silence = 0 })
		}
	}
}

// T29: the transferee holds by itself when it is joined: the target hears music until it resumes.
func TestAttendedRefer_T29(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		r.ok(x.a.Hold(r.ctx, phone.SendOnly))
		x.refer(x.first, x.second)
		x.told("100 Trying active", "200 OK terminated")
		r.pass(500 * time.Millisecond)
		r.music(x.c)
		r.unheard(x.c, aliceTone, bobTone)
		r.same("state", r.only().CallState, "Hold")
		r.ok(x.a.Resume(r.ctx))
		r.ends(x.first, x.second)
		x.tones(x.a, aliceTone, x.c, carolTone)
		r.same("state", r.only().CallState, "InCall")
		r.ok(x.a.Hangup())
		r.ends(x.c)
	})
}

// T10, T3: either of the transferor's calls is hung up by the other party, or by the transferor, at the moment of the
// REFER: whatever wins, nobody is left with a call that leads nowhere.
func TestAttendedRefer_T10_T3_P9_Sweep(t *testing.T) {
	for _, who := range []string{"alice", "bob's first", "bob's second", "carol"} {
		for _, ringing := range []bool{false, true} {
			for ms := range 16 {
				scene2(t, fmt.Sprint(who, ringing, ms), func(r *rig) {
					x := meet(r, ms%2 == 0)
					if ringing {
						x.rings()
					} else {
						x.consult(ms%3 == 0)
					}
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
					_, _ = x.first.ReferReplaces(r.ctx, x.second)
					r.pass(20 * time.Second) // bob may be called back meanwhile
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

// T32: the target of a semi-attended transfer has early media: the transferor hears it, then, in the same stream of the
// target, the transferee, and nobody hears the switch's ringing.
func TestSemiAttendedRefer_T32_EarlyMedia(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.second = r.dial(x.bob, "2002")
		var err error
		x.c, err = x.carol.WaitCall(r.ctx)
		r.ok(err)
		r.ok(x.c.Progress())
		x.c.Media.SendTone(carolTone)
		r.ok(x.second.Media.WaitTone(r.ctx, carolTone))
		x.refer(x.first, x.second)
		x.ended(x.second, 487)
		r.ok(x.a.Media.WaitTone(r.ctx, carolTone))
		r.pass(300 * time.Millisecond)
		r.unheard(x.a, ringTone, bobTone)
		r.received(x.carol, "CANCEL 0", "INVITE 1")
		r.ok(x.c.Answer())
		x.joined()
	})
}

// T16, P11: what is embedded in a Refer-To beside Replaces is dropped: nobody is called by it.
func TestAttendedRefer_T16_EmbeddedHeaders(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		x.consult(true)
		m, err := x.first.Refer(r.ctx, "<sip:2002@example.com;method=INVITE?From=sip%3Aevil%40x&Route=%3Csip%3A192.0.2.99%3E&Require=replaces&Replaces="+
			phone.Escape(x.second.Replaces())+"&X-A=b>")
		r.status(m, err, 202)
		x.told("100 Trying active", "200 OK terminated")
		x.joined()
	})
}
