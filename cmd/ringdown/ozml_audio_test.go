package main

import (
	"fmt"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// The tones of the clips of these tests, in Hz: none is of a phone or of the switch itself.
const (
	clipTone = 540
	nextTone = 820
)

// clips gives the switch a media folder with 540.wav and 820.wav, which last so many seconds, and a voice that speaks in
// them: "820" is spoken as that, all else as 540.
func clips(t testing.TB, seconds float64) func(*Config) {
	folder := sounds(t, seconds, clipTone, nextTone)
	return func(c *Config) {
		c.Media.Folder = folder
		c.Ozeki.Speak = []string{"sh", "-c", `case "$1" in *820*) cat "$0/820.wav";; *) cat "$0/540.wav";; esac`, folder, "{text}"}
	}
}

// plays has a clip of 540 Hz played to a party.
func (r *rig) plays(party string, more ...string) {
	r.Helper()
	r.must("Play", append([]string{"CallId", r.only().CallID, "AudioFile", "540.wav", "Party", party}, more...)...)
}

// masked fails unless a call hears the clip now, and nothing else.
func (r *rig) masked(c *phone.Call, hz int) {
	r.Helper()
	for _, other := range []int{clipTone, nextTone, aliceTone, bobTone, carolTone, ringTone} {
		if other != hz {
			r.unheard(c, other)
		}
	}
	r.that(c.Media.Hears(hz, 200*time.Millisecond), "%d Hz is not heard, but %v", hz, c.Media.Tones(200*time.Millisecond))
}

// gapless fails if a call had to wait for a packet since Mark.
func (r *rig) gapless(calls ...*phone.Call) {
	r.Helper()
	for i, c := range calls {
		gap := c.Media.Gap()
		r.that(gap <= 2*frame+5*time.Millisecond, "call %d heard nothing for %v", i, gap)
	}
}

// Spec ozeki 8.12 and 8.13: the named party hears the clip at its level, and nothing of the other meanwhile; the other
// hears on; after the clip both hear each other as loud as before. One stream without a gap, whatever the codecs.
func TestPlay_WhoHears(t *testing.T) {
	pairs := map[string][2]string{"PCMU": {"PCMU", "PCMU"}, "PCMA": {"PCMA", "PCMA"}, "mixed": {"PCMU", "PCMA"}}
	for pair, has := range pairs {
		for party, hears := range map[string][2]bool{"caller": {true, false}, "callee": {false, true}, "all": {true, true}} {
			for _, command := range [][]string{{"Play", "AudioFile", "540.wav"}, {"Speak", "Text", "Hello"}} {
				scene2(t, fmt.Sprint(pair, " ", command[0], " ", party), func(r *rig) {
					alice, bob := r.phone("2000", codecs(has[0])), r.phone("2001", codecs(has[1]))
					a, b := r.talk(alice, "2001", bob)
					calls, tones := [2]*phone.Call{a, b}, [2]int{bobTone, aliceTone}
					r.pass(200 * time.Millisecond)
					var before [2]float64
					for i, c := range calls {
						before[i] = c.Media.Level(200 * time.Millisecond)
						c.Media.Mark()
					}
					r.pass(7 * time.Millisecond) // not in step with the frames
					r.must(command[0], append(command[1:], "CallId", r.only().CallID, "Party", party)...)
					for range 3 {
						r.pass(300 * time.Millisecond)
						for i, c := range calls {
							if !hears[i] {
								r.masked(c, tones[i])
								continue
							}
							r.masked(c, clipTone)
							level := c.Media.Level(200*time.Millisecond) / 5657 // 8000/√2
							r.that(level > 0.97 && level < 1.03, "the clip is heard at %.3f of its level", level)
						}
					}
					r.pass(400 * time.Millisecond)
					for i, c := range calls {
						r.masked(c, tones[i])
						after := c.Media.Level(200*time.Millisecond) / before[i]
						r.that(after > 0.97 && after < 1.03, "the other is heard at %.3f of the level before", after)
					}
					r.gapless(a, b)
					r.oneStream(a, b)
					r.ok(a.Hangup())
					r.ends(b)
				}, clips(t, 1))
			}
		}
	}
}

// Repeat and Timeout: a clip of a second is heard until the time is over, and a longer one no longer than that.
func TestPlay_RepeatAndTimeout(t *testing.T) {
	for name, x := range map[string]struct {
		clip float64
		more []string
		ends time.Duration // 0: with the call
	}{
		"Repeat and Timeout": {1, []string{"Repeat", "true", "Timeout", "3"}, 3 * time.Second},
		"Timeout":            {9, []string{"Timeout", "2"}, 2 * time.Second},
		"Repeat":             {1, []string{"Repeat", "true"}, 0},
		"Timeout 0 is none":  {2, []string{"Timeout", "0", "Repeat", "false"}, 2 * time.Second},
	} {
		scene2(t, name, func(r *rig) {
			alice, bob, _ := r.three()
			a, b := r.talk(alice, "2001", bob)
			r.plays("caller", x.more...)
			r.ok(a.Media.WaitTone(r.ctx, clipTone))
			until := x.ends
			if until == 0 {
				until = 5 * time.Second
			}
			for begun := 100 * time.Millisecond; begun < until-200*time.Millisecond; begun += 100 * time.Millisecond {
				r.pass(100 * time.Millisecond)
				if begun > 200*time.Millisecond {
					r.masked(a, clipTone)
				}
			}
			if r.pass(600 * time.Millisecond); x.ends != 0 {
				r.masked(a, bobTone)
			} else {
				r.masked(a, clipTone)
			}
			r.masked(b, aliceTone)
			r.oneStream(a, b)
			r.ok(b.Hangup())
			r.ends(a)
		}, clips(t, x.clip))
	}
}

// A7: a second Play or Speak ends the first at once, and nothing comes back of that.
func TestPlay_A7_Replaces(t *testing.T) {
	for _, second := range [][]string{{"Play", "AudioFile", "820.wav"}, {"Speak", "Text", "820"}} {
		scene2(t, second[0], func(r *rig) {
			alice, bob, _ := r.three()
			a, b := r.talk(alice, "2001", bob)
			r.plays("all", "Repeat", "true")
			r.hear(a, clipTone, b, clipTone)
			a.Media.Mark()
			b.Media.Mark()
			r.must(second[0], append(second[1:], "CallId", r.only().CallID, "Party", "caller")...)
			r.pass(300 * time.Millisecond)
			r.masked(a, nextTone) // the caller alone has another one
			r.masked(b, clipTone)
			r.pass(2 * time.Second)
			r.masked(a, bobTone)
			r.masked(b, clipTone)
			r.must("Play", "CallId", r.only().CallID, "AudioFile", "820.wav", "Party", "callee")
			r.pass(2300 * time.Millisecond)
			r.masked(b, aliceTone)
			r.gapless(a, b)
			r.oneStream(a, b)
			r.ok(a.Hangup())
			r.ends(b)
		}, clips(t, 2))
	}
}

// Spec ozeki 8.12: nothing is played to a call that rings or is on hold (303), nor what there is not (302), and nobody
// hears anything of it.
func TestPlay_Refused(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.ring(alice, "2001", bob)
		id := r.only().CallID
		play := func(want int, more ...string) {
			r.Helper()
			r.code(want, "Play", append([]string{"CallId", id}, more...)...)
		}
		play(303, "AudioFile", "540.wav", "Party", "caller")
		r.code(303, "Speak", "CallId", id, "Text", "x")
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, b, bobTone)
		for _, file := range []string{"missing.wav", "../540.wav", "/etc/passwd", "540", "540.wav/", "http://192.0.2.200:8100/540.wav"} {
			play(302, "AudioFile", file, "Party", "all")
		}
		play(302, "AudioFile", "540.wav")
		play(302, "AudioFile", "540.wav", "Party", "nobody")
		play(302, "AudioFile", "540.wav", "Party", "all", "Timeout", "-1")
		play(302, "Party", "all")
		r.code(601, "Play", "CallId", "zzzzzz", "AudioFile", "540.wav", "Party", "all")
		r.must("Hold", "CallId", id)
		play(303, "AudioFile", "540.wav", "Party", "all")
		r.must("Unhold", "CallId", id)
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		play(303, "AudioFile", "540.wav", "Party", "all")
		r.ok(b.Resume(r.ctx))
		r.pass(500 * time.Millisecond)
		r.masked(a, bobTone)
		r.masked(b, aliceTone)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
		play(601, "AudioFile", "540.wav", "Party", "all") // A1
	}, clips(t, 1))
}

// D12: digits that are sent while a clip plays come whole and in order; the clip stands still for them, and goes on.
func TestPlay_D12_DigitsInAClip(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.plays("caller")
		r.ok(a.Media.WaitTone(r.ctx, clipTone))
		began := time.Now().Add(-100 * time.Millisecond)
		r.must("SendDTMF", "CallId", r.only().CallID, "Party", "all", "Keys", "12#")
		r.ok(a.Media.WaitDigits(r.ctx, "12#"))
		r.ok(b.Media.WaitDigits(r.ctx, "12#"))
		r.ok(a.Media.WaitTone(r.ctx, clipTone))
		r.pass(200 * time.Millisecond)
		r.masked(b, aliceTone)
		r.ok(a.Media.WaitTone(r.ctx, bobTone))
		took := time.Since(began) - 100*time.Millisecond // of bob's tone
		r.that(took > 2200*time.Millisecond && took < 2700*time.Millisecond, "clip of 2 s and three digits took %v", took)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	}, clips(t, 2))
}

// Phones that talk Opus, which is not made here: they are moved to a codec that is, and hear; one that has no other hears
// nothing, whoever asked is told, and the call goes on.
func TestPlay_Opus(t *testing.T) {
	scene2(t, "another codec is there", func(r *rig) {
		both := codecs("opus", "PCMU")
		alice, bob := r.phone("2000", both), r.phone("2001", both)
		a, b := r.talk(alice, "2001", bob)
		r.same("codec", a.Media.Codec().Name, "opus")
		r.plays("all")
		r.hear(a, clipTone, b, clipTone)
		r.hear(a, bobTone, b, aliceTone)
		r.pass(200 * time.Millisecond)
		r.masked(a, bobTone)
		r.masked(b, aliceTone)
		r.that(a.Media.Stats().Lost+b.Media.Stats().Lost == 0, "packets were lost") // the stream is a new one: another clock
		r.ok(a.Hangup())
		r.ends(b)
	}, clips(t, 2))
	scene2(t, "no other codec", func(r *rig) {
		alice, bob := r.phone("2000", codecs("opus")), r.phone("2001", codecs("opus"))
		a, b := r.talk(alice, "2001", bob)
		got := r.do("Play", "CallId", r.only().CallID, "AudioFile", "540.wav", "Party", "all")
		r.that(got.Code == 302 || got.Code == 303, "%d %s", got.Code, got.Message)
		r.pass(500 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	}, clips(t, 2))
}

// Phones that have G.722 alone: the clip comes in that, without a gap, whatever the partner has, and the partner hears it.
func TestPlay_G722(t *testing.T) {
	for partner, pt := range map[string]int{"G722": 9, "PCMA": 8} {
		scene2(t, partner, func(r *rig) {
			alice, bob := r.phone("2000", codecs("G722")), r.phone("2001", codecs(partner))
			a, b := r.connect(alice, "2001", bob)
			a.Media.SendSilence()
			b.Media.SendSilence()
			r.pass(500 * time.Millisecond)
			tape := record(a)
			a.Media.Mark()
			b.Media.Mark()
			r.plays("all")
			r.pass(500 * time.Millisecond)
			if pt == 8 {
				r.masked(b, clipTone)
			}
			r.pass(time.Second)
			r.gapless(a, b)
			r.oneStream(a, b)
			for i, c := range []*phone.Call{a, b} {
				pts := c.Media.Stats().PTs
				r.that(len(pts) == 1 && pts[[]int{9, pt}[i]] > 90, "call %d receives %v", i, pts)
			}
			clip := 0 // packets of it, which are made here: the phone's own have another length, and silence few codes
			for _, p := range tape.all() {
				codes := map[byte]bool{}
				for _, c := range p.Payload {
					codes[c] = true
				}
				if len(p.Payload) == 160 && len(codes) > 25 {
					clip++
				}
			}
			r.that(clip >= 49 && clip <= 53, "%d packets have a tone, expected a second of them", clip)
			r.ok(a.Hangup())
			r.ends(b)
		}, clips(t, 1))
	}
}
