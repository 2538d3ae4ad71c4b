package media

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/tone"
)

// What a leg hears of another one goes on unheard under a clip, and is heard after it without a gap, in one stream, in
// every codec, relayed or coded anew.
func TestClipOverRelay(t *testing.T) {
	for _, of := range kinds {
		for _, to := range kinds {
			t.Run(fmt.Sprint(of, to), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b, clip := withClip(t, wave(8000, 1, 1200))
					all := b.parties(of, to)
					alice, bob := all[0], all[1]
					alice.hz = 525
					ear := &taped{voice: bob}
					b.meet(alice, bob)
					tape(1003*time.Millisecond, all[:1], ear)
					b.take()
					b.Do(callstate.PlayClip{Leg: bob.leg, Clip: clip})
					from := len(ear.packets)
					tape(1100*time.Millisecond, all[:1], ear)
					one[callstate.ClipEnded](b)
					tape(time.Second, all[:1], ear)
					ear.steady()
					s, at := bob.decode(ear.packets), time.Duration(from)*20*time.Millisecond
					during := s.part(at+20*time.Millisecond, at+980*time.Millisecond)
					if l := during.level(1200); l < 0.23 || l > 0.26 {
						t.Errorf("the clip at %.3f", l)
					}
					if l := during.level(alice.hz); l > 0.005 {
						t.Errorf("alice under the clip at %.3f", l)
					}
					during = s.part(at-20*time.Millisecond, at+980*time.Millisecond)
					for i := range during.pcm {
						during.pcm[i] *= loud / 8000.0 // as disturbed wants it
					}
					if longest, all := during.disturbed(1200); longest > 40*time.Millisecond { // before the clip is alice
						t.Errorf("the clip is not clear for %v, in all %v", longest, all)
					}
					for _, part := range []sound{s.part(200*time.Millisecond, at), s.part(at+1040*time.Millisecond, time.Hour)} {
						if longest, all := part.disturbed(alice.hz); longest > 20*time.Millisecond {
							t.Errorf("alice is not clear for %v, in all %v", longest, all)
						}
					}
				})
			})
		}
	}
}

// A clip to one of three takes nothing from the others, and he hears them again after it.
func TestClipOverMix(t *testing.T) {
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, clip := withClip(t, wave(8000, 1, 1200))
				all := b.parties(k, codec.PCMU, codec.G722)
				b.meet(all...)
				ears := []*taped{{voice: all[0]}, {voice: all[1]}, {voice: all[2]}}
				tape(1003*time.Millisecond, all, ears...)
				b.take()
				b.Do(callstate.PlayClip{Leg: all[0].leg, Clip: clip})
				from := time.Duration(len(ears[0].packets)) * 20 * time.Millisecond
				tape(2*time.Second, all, ears...)
				one[callstate.ClipEnded](b)
				for i, ear := range ears {
					ear.steady()
					s := all[i].decode(ear.packets)
					for at := 300 * time.Millisecond; at < 2800*time.Millisecond; at += 100 * time.Millisecond {
						part := s.part(at, at+100*time.Millisecond)
						clipped := part.level(1200) > 0.2
						if inside := i == 0 && at >= from && at < from+900*time.Millisecond; inside && !clipped ||
							clipped && (i != 0 || at+80*time.Millisecond < from || at > from+time.Second) {
							t.Errorf("leg %d at %v: the clip at %.3f", i+1, at, part.level(1200))
						}
						for j, v := range all {
							l := part.level(v.hz) / (loud / 32768.0)
							if quiet := i == j || i == 0 && at >= from && at < from+900*time.Millisecond; quiet && l > 0.1 ||
								!quiet && l < 0.7 && (i != 0 || at < from-100*time.Millisecond || at > from+1100*time.Millisecond) {
								t.Errorf("leg %d at %v: leg %d at %.2f", i+1, at, j+1, l)
							}
						}
					}
				}
			})
		})
	}
}

// Digits stand in the place of a clip, which waits for them and loses nothing.
func TestClipAndDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, clip := clipped(t, codec.PCMU)
		alice.hear()
		b.Do(callstate.PlayClip{Leg: alice.leg, Ref: 1, Clip: clip})
		time.Sleep(300 * time.Millisecond)
		b.Do(callstate.SendDigits{Leg: alice.leg, Ref: 2, Digits: "12", Way: callstate.ByEvent})
		time.Sleep(800 * time.Millisecond)
		b.Do(callstate.SendDigits{Leg: alice.leg, Ref: 3, Digits: "3", Way: callstate.ByInband})
		time.Sleep(time.Second)
		var order []string
		for _, ev := range b.take() {
			order = append(order, fmt.Sprintf("%T", ev))
		}
		if want := []string{"callstate.DigitsSent", "callstate.DigitsSent", "callstate.ClipEnded"}; !slices.Equal(order, want) {
			t.Errorf("told %v", order)
		}
		want := b.cfg.Library.clips[clip].law[tone.MuLaw]
		var got []byte
		silence := bytes.Repeat([]byte{0xff}, 160)
		packets := alice.hear()
		for i, p := range packets {
			if i > 0 {
				was := packets[i-1]
				step := p.Timestamp - was.Timestamp // from an event to what follows it: its time and that of the pause
				if p.SequenceNumber != was.SequenceNumber+1 || p.SSRC != was.SSRC || step != 160 && was.PayloadType != 101 || step > 1120 {
					t.Fatalf("packet %d: %+v after %+v", i, p.Header, was.Header)
				}
			}
			if p.PayloadType == 0 && !bytes.Equal(p.Payload, silence) && !isKey(p.Payload) {
				got = append(got, p.Payload...)
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes of the clip were heard, of %d", len(got), len(want))
		}
	})
}

// isKey tells whether a frame is of the tone of key 3.
func isKey(payload []byte) bool {
	return bytes.Contains(tone.Key(3, tone.MuLaw), payload)
}

// A digit of the partner that begins under a clip is left to the call, which sends it on; one that was on its way when
// the clip began goes on, and the clip waits for its end.
func TestClipAndPartnersDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := library(t, "a.wav", wave(8000, 1, 700))
		b, alice, bob := pair(t, func(c *Config) { c.Library = l })
		clip := clipOf(t, l, "a.wav")
		press := func(packets, from int) {
			for i := range packets {
				b.Helper()
				alice.send(101, i == 0 && from == 0, []byte{5, 10, byte((from + i + 1) * 160 >> 8), byte((from + i + 1) * 160)}, 0)
				time.Sleep(20 * time.Millisecond)
			}
		}
		end := func() {
			for range 3 {
				alice.send(101, false, []byte{5, 0x8a, 0x06, 0x40}, 0)
			}
			alice.ts += 1600
			time.Sleep(20 * time.Millisecond)
		}
		alice.talk(0, 5)
		bob.hear()
		press(3, 0)
		b.Do(callstate.PlayClip{Leg: bob.leg, Ref: 1, Clip: clip})
		press(3, 3)
		end()
		if d := one[callstate.DigitReceived](b); !d.Passed {
			t.Errorf("%+v", d)
		}
		got := bob.hear()
		for i, p := range got {
			if p.PayloadType != 101 || i > 0 && (p.SequenceNumber != got[i-1].SequenceNumber+1 || p.Timestamp != got[0].Timestamp) {
				t.Errorf("packet %d: %+v", i, p.Header)
			}
		}
		if len(got) != 9 {
			t.Errorf("%d packets of the digit", len(got))
		}
		alice.talk(0, 10)
		press(6, 0)
		end()
		if d := one[callstate.DigitReceived](b); d.Passed {
			t.Errorf("%+v", d)
		}
		last := got[len(got)-1]
		for i, p := range bob.hear() {
			if p.PayloadType != 0 || p.SequenceNumber != last.SequenceNumber+1 {
				t.Errorf("packet %d: %+v", i, p.Header)
			}
			last = p
		}
	})
}
