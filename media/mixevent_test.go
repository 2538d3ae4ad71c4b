package media

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// digit sends an event of 100 ms as a phone does, a packet every 20 ms, the end three times, in place of its audio; the
// others talk meanwhile.
func (v *voice) digit(code byte, others ...*voice) {
	v.t.Helper()
	ts := v.ts
	for i := range 7 {
		end := byte(0)
		if i >= 4 {
			end = 0x80
		}
		duration := uint16(160 * min(i+1, 5))
		v.ts = ts
		v.send(101, i == 0, []byte{code, end | 10, byte(duration >> 8), byte(duration)}, 0)
		talk(20*time.Millisecond, others...)
	}
	v.ts = ts + 7*160
}

// counts draws packets as line does, with runs of audio as their number.
func counts(l string) string {
	var out []string
	n := 0
	flush := func() {
		if n > 0 {
			out = append(out, fmt.Sprintf("%da", n))
		}
		n = 0
	}
	for _, w := range strings.Fields(l) {
		if w == "a" {
			n++
			continue
		}
		flush()
		if w == "*a" {
			w, n = "*", 1
		}
		out = append(out, w)
	}
	flush()
	return strings.ReplaceAll(strings.Join(out, " "), "* ", "*")
}

// A key that one of three presses reaches each of the others once, as an event in his stream, and is told once.
func TestDigitInMix(t *testing.T) {
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				all := b.parties(k, codec.PCMU, codec.G722)
				b.meet(all...)
				talk(200*time.Millisecond, all...)
				b.take()
				all[0].digit(5, all[1], all[2])
				talk(300*time.Millisecond, all...)
				for _, v := range all[1:] {
					got := v.hear()
					continuous(t, got)
					l := counts(line(got))
					// The mix goes on 60 ms after the last end.
					if !regexp.MustCompile(`^\*(9|10|11)a ` + regexp.QuoteMeta(five) + ` \*1[345]a$`).MatchString(l) {
						t.Errorf("leg %d got %s", v.leg.N, l)
					}
				}
				if l := line(all[0].hear()); strings.Contains(l, "5:") {
					t.Errorf("alice got %s", l)
				}
				if d := one[callstate.DigitReceived](b); d.Leg != all[0].leg || d.Digit != "5" || !d.Passed || d.Duration != 100*time.Millisecond {
					t.Errorf("%+v", d)
				}
			})
		})
	}
}

// Where one of the hearers has no events nobody gets it from media: the call sends it to each as he takes it.
func TestDigitNotPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.PCMU, codec.PCMA)
		carol := b.party(b.handset(3, "192.0.2.3:4000"), codec.PCMU, "")
		all = append(all, carol)
		b.meet(all...)
		talk(100*time.Millisecond, all...)
		b.take()
		all[0].digit(5, all[1], carol)
		if d := one[callstate.DigitReceived](b); d.Passed {
			t.Errorf("%+v", d)
		}
		b.Do(callstate.SendDigits{Leg: all[1].leg, Ref: 1, Digits: "5", Way: callstate.ByEvent})
		b.Do(callstate.SendDigits{Leg: carol.leg, Ref: 2, Digits: "5", Way: callstate.ByInband})
		from := len(carol.hear())
		talk(400*time.Millisecond, all...)
		if l := line(all[1].hear()); strings.Count(l, "*5:160") != 1 {
			t.Errorf("bob got %s", l)
		}
		s := carol.listen().part(40*time.Millisecond, 100*time.Millisecond)
		if s.level(770) < 0.1 || s.level(1336) < 0.1 {
			t.Errorf("after %d packets carol hears no key: %.3f, %.3f", from, s.level(770), s.level(1336))
		}
	})
}

// Two press keys at the same time: one is passed on, the other told to the call.
func TestTwoDigitsInMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.PCMU, codec.PCMA, codec.G722)
		b.meet(all...)
		talk(100*time.Millisecond, all...)
		b.take()
		one, two := all[0], all[1]
		for i := range 7 {
			for j, v := range []*voice{one, two} {
				v.send(101, i == 0, []byte{byte(5 + j), byte(max(0, i-3)) << 7 & 0x80, 0, 160}, 0)
			}
			if i > 3 {
				for j, v := range []*voice{one, two} {
					v.send(101, false, []byte{byte(5 + j), 0x8a, 0, 200}, 0)
				}
			}
			talk(20*time.Millisecond, all[2])
		}
		talk(200*time.Millisecond, all...)
		passed := map[string]bool{}
		for _, ev := range b.take() {
			if d, ok := ev.(callstate.DigitReceived); ok {
				passed[d.Digit] = d.Passed
			}
		}
		if len(passed) != 2 || passed["5"] == passed["6"] {
			t.Errorf("passed on: %v, want one", passed)
		}
		got := all[2].hear()
		continuous(t, got)
		if l := line(got); strings.Contains(l, "5:") != passed["5"] || strings.Contains(l, "6:") != passed["6"] {
			t.Errorf("carol got %s", l)
		}
	})
}

// Digits that are sent to one of three have his stream for themselves; the others hear on.
func TestInjectionInMix(t *testing.T) {
	for _, way := range []callstate.DigitWay{callstate.ByEvent, callstate.ByInband} {
		for _, k := range kinds {
			t.Run(fmt.Sprint(way, k), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					all := b.parties(k, codec.PCMU, codec.G722)
					b.meet(all...)
					talk(100*time.Millisecond, all...)
					b.take()
					all[0].hear()
					b.Do(callstate.SendDigits{Leg: all[0].leg, Ref: 3, Digits: "5#", Way: way})
					talk(600*time.Millisecond, all...)
					if d := one[callstate.DigitsSent](b); d.Ref != 3 || d.Fail != "" {
						t.Errorf("%+v", d)
					}
					if way == callstate.ByEvent {
						got := all[0].hear()
						continuous(t, got)
						if l := counts(line(got)); !strings.Contains(l, five+" *3a "+strings.ReplaceAll(five, "5:", "#:")+" *") {
							t.Errorf("alice got %s", l)
						}
					} else {
						s := all[0].listen()
						five, pause := s.part(40*time.Millisecond, 100*time.Millisecond), s.part(130*time.Millisecond, 190*time.Millisecond)
						if five.level(770) < 0.1 || five.level(1336) < 0.1 || five.level(all[1].hz) > 0.05 || pause.level(all[1].hz) > 0.02 {
							t.Errorf("alice hears no 5 but %.3f %.3f %.3f %.3f", five.level(770), five.level(1336), five.level(all[1].hz), pause.level(all[1].hz))
						}
						all[0].hears(s.part(450*time.Millisecond, 600*time.Millisecond), all, all[1], all[2])
					}
					s := all[1].listen()
					all[1].hears(s.part(200*time.Millisecond, 700*time.Millisecond), all, all[0], all[2])
				})
			})
		}
	}
}
