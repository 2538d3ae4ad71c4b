package media

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// taped is what a phone hears, with the times at which it came.
type taped struct {
	*voice
	packets []*rtp.Packet
	at      []time.Duration
}

// tape has voices speak for so long, in packets of 20 ms, and records what some phones hear, in steps of 5 ms.
func tape(d time.Duration, speak []*voice, ears ...*taped) {
	const step = 5 * time.Millisecond
	for i := range int(d / step) {
		for j, v := range speak {
			if i%4 == j%4 {
				v.say(20, 20)
			}
		}
		time.Sleep(step)
		for _, ear := range ears {
			for _, p := range ear.hear() {
				ear.packets = append(ear.packets, p)
				ear.at = append(ear.at, time.Duration(time.Now().UnixNano()))
			}
		}
	}
}

// steady checks that a phone got one stream without a gap of more than one packet, in time and in timestamps, in which no
// packet overlaps another.
func (e *taped) steady() {
	e.t.Helper()
	for i := range e.packets[1:] {
		was, is := e.packets[i], e.packets[i+1]
		if d := e.at[i+1] - e.at[i]; d > 40*time.Millisecond {
			e.t.Errorf("packet %d came %v after the one before", i+1, d)
		}
		if is.SSRC != was.SSRC || is.SequenceNumber != was.SequenceNumber+1 || is.Timestamp-was.Timestamp < uint32(len(was.Payload)) || is.Timestamp-was.Timestamp > 320 {
			e.t.Errorf("packet %d: %+v after %+v", i+1, is.Header, was.Header)
		}
	}
}

// disturbed finds for how long a tone is not what it is: stretches of 10 ms in which its level is wrong by more than a
// fifth, or in which there is something else of a tenth of it, looked for every 2.5 ms; a mere jump disturbs 10 ms. It
// returns the longest time in a row, and all.
func (s sound) disturbed(hz float64) (longest, all time.Duration) {
	const part = 2500 * time.Microsecond
	n := int(s.rate / 100)
	row := time.Duration(0)
	for at := 0; at+n <= len(s.pcm); at += n / 4 {
		sin, cos, rest := nearest(s.pcm[at:at+n], 2*math.Pi*hz/s.rate)
		level := math.Hypot(sin, cos) / (loud / 32768.0)
		if level < 0.8 || level > 1.2 || rest > 0.1*loud/32768 {
			row += part
			all += part
			longest = max(longest, row)
		} else {
			row = 0
		}
	}
	return longest, all
}

// nearest finds the sine of a frequency, in radians per sample, that is nearest to samples, by least squares, and what is
// left of them.
func nearest(pcm []float64, w float64) (sin, cos, rest float64) {
	var ss, sc, cc, xs, xc float64
	for i, x := range pcm {
		s, c := math.Sincos(w * float64(i))
		ss, sc, cc = ss+s*s, sc+s*c, cc+c*c
		xs, xc = xs+x*s, xc+x*c
	}
	d := ss*cc - sc*sc
	sin, cos = (xs*cc-xc*sc)/d, (xc*ss-xs*sc)/d
	for i, x := range pcm {
		s, c := math.Sincos(w * float64(i))
		rest += (x - sin*s - cos*c) * (x - sin*s - cos*c)
	}
	return sin, cos, math.Sqrt(rest / float64(len(pcm)))
}

// A third party joins and leaves, and comes again: who hears whom is right at all times, and the change from relay to
// mixer and back is no more than one packet long in what the other two hear of each other.
func TestSwapRelayAndMixer(t *testing.T) {
	for _, of := range kinds {
		for _, to := range kinds {
			t.Run(fmt.Sprint(of, to), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					all := b.parties(of, to, codec.PCMU)
					alice, bob, carol := all[0], all[1], all[2]
					alice.hz = 525 // a frame more or less turns its phase over, which is the worst
					ear := &taped{voice: bob}
					silent := []*voice{alice} // carol says nothing, so that alice's tone can be looked at alone
					b.meet(alice, bob)
					tape(time.Second, silent, ear)
					for range 3 {
						b.meet(all...)
						tape(500*time.Millisecond+7*time.Millisecond, silent, ear)
						b.meet(alice, bob)
						b.Do(callstate.Connect{Leg: carol.leg})
						tape(900*time.Millisecond+3*time.Millisecond, silent, ear)
					}
					ear.steady()
					s := bob.decode(ear.packets)
					longest, sum := s.part(500*time.Millisecond, time.Hour).disturbed(alice.hz)
					t.Logf("6 changes disturb %v in all, %v at most", sum, longest)
					if longest > 20*time.Millisecond {
						t.Errorf("the tone is not clear for %v", longest)
					}
				})
			})
		}
	}
}

// One of three leaves while he speaks, or music ends: the phone's own G.722 takes over from ours, which had other things
// to code, and the decoder of him who hears it does not stumble.
func TestTakeOverG722(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.G722, codec.G722, codec.PCMU)
		alice, bob, carol := all[0], all[1], all[2]
		alice.hz = 3025 // where encoders that know different things differ most
		after := func(what string, before func()) {
			ear := &taped{voice: bob}
			before()
			tape(time.Second, all, ear)
			b.meet(alice, bob)
			b.Do(callstate.Connect{Leg: carol.leg})
			from := len(ear.packets)
			tape(1500*time.Millisecond, []*voice{alice}, ear)
			ear.steady()
			longest, sum := bob.decode(ear.packets).part(time.Duration(from)*20*time.Millisecond, time.Hour).disturbed(alice.hz)
			t.Logf("%s: disturbed %v at most, %v in all", what, longest, sum)
			if longest > 20*time.Millisecond || sum > 40*time.Millisecond {
				t.Errorf("%s: the tone is not clear for %v, in all %v", what, longest, sum)
			}
		}
		after("carol leaves", func() { b.meet(all...) })
		after("music ends", func() { b.Do(callstate.Connect{Leg: bob.leg, Play: callstate.Music}) })
		after("carol leaves early", func() {
			b.meet(alice, bob)
			tape(100*time.Millisecond, []*voice{alice}, &taped{voice: bob})
			b.meet(all...)
		})
	})
}

// A digit is the first thing that comes of a party that is heard in the place of music: the sound that would bridge the
// change to its audio does not come between the packets of the event, which would be two digits then.
func TestSwapMusicAndEvent(t *testing.T) {
	for offset := range 20 {
		t.Run(fmt.Sprint(offset, " ms"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				alice, bob := b.party(b.handset(1, "192.0.2.1:4000"), codec.PCMU, " 101"), b.party(b.handset(2, "192.0.2.2:4000"), codec.PCMU, " 101")
				carol := b.party(b.handset(3, "192.0.2.3:4000"), codec.PCMU, "")
				b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Music}) // the clock does not rest
				b.Do(callstate.Connect{Leg: bob.leg, Play: callstate.Music})
				time.Sleep(200*time.Millisecond + time.Duration(offset)*time.Millisecond)
				b.Do(callstate.Connect{Leg: bob.leg, Hears: []callstate.LegID{alice.leg}})
				alice.digit(5, carol)
				packets := bob.hear()
				if got := line(packets); !strings.HasSuffix(got, "a "+five) {
					t.Errorf("bob heard %s", got)
				}
				if e := packets[max(0, len(packets)-7):]; e[0].Timestamp != e[6].Timestamp {
					t.Errorf("the event begins at %d and ends at %d", e[0].Timestamp, e[6].Timestamp)
				}
			})
		})
	}
}
