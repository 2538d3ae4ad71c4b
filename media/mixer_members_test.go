package media

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// A bad network: a tenth is lost, and what comes is late by up to 40 ms and out of order. Everybody is heard, and every

// Two mixes at once have nothing to do with each other.
func TestTwoMixes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.PCMU, codec.PCMA, codec.G722, codec.PCMA, codec.G722, codec.PCMU)
		b.meet(all[:3]...)
		b.meet(all[3:]...)
		talk(time.Second, all...)
		for i, v := range all {
			mix := all[i/3*3:][:3]
			s := v.listen().part(200*time.Millisecond, time.Second)
			v.hears(s, all, mix[(i+1)%3], mix[(i+2)%3])
		}
	})
}

// Parties leave in any order, whichever command comes first, and come back: those who stay hear each other.
func TestLeaving(t *testing.T) {
	for gone := range 3 {
		for _, closeFirst := range []bool{false, true} {
			t.Run(fmt.Sprint(gone, closeFirst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					all := b.parties(codec.PCMU, codec.G722, codec.PCMA)
					b.meet(all...)
					talk(500*time.Millisecond, all...)
					stay := []*voice{all[(gone+1)%3], all[(gone+2)%3]}
					var ears []*taped
					for _, v := range stay {
						v.hear()
						ears = append(ears, &taped{voice: v})
					}
					b.take()
					if closeFirst {
						b.Do(callstate.CloseMedia{Leg: all[gone].leg})
						tape(200*time.Millisecond, stay, ears...)
						b.meet(stay...)
					} else {
						b.meet(stay...)
						tape(200*time.Millisecond, stay, ears...)
						b.Do(callstate.CloseMedia{Leg: all[gone].leg})
					}
					tape(time.Second, stay, ears...)
					for i, e := range ears {
						e.steady()
						e.hears(e.decode(e.packets).part(80*time.Millisecond, 200*time.Millisecond), all, stay[1-i])
						e.hears(e.decode(e.packets).part(400*time.Millisecond, 1200*time.Millisecond), all, stay[1-i])
					}
					if l := b.find(stay[0].leg); l.source != nil || l.mix != nil || l.in.source != nil {
						t.Error("a source is left of the mix")
					}
				})
			})
		}
	}
}

// One of three is on hold (edge case H14): he hears music, the others each other and no music. One whose phone holds is

// sent nothing, and the mix goes on without him.
func TestHoldInMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.PCMU, codec.G722, codec.PCMA)
		alice, bob, carol := all[0], all[1], all[2]
		b.meet(all...)
		talk(500*time.Millisecond, all...)
		b.meet(alice, bob)
		b.Do(callstate.Connect{Leg: carol.leg, Play: callstate.Music})
		talk(100*time.Millisecond, all...)
		for _, v := range all {
			v.hear()
		}
		talk(500*time.Millisecond, all...)
		alice.hears(alice.listen(), all, bob)
		bob.hears(bob.listen().part(50*time.Millisecond, 500*time.Millisecond), all, alice)
		carol.hears(carol.listen(), all)
		b.meet(all...)
		talk(500*time.Millisecond, all...)

		b.Do(callstate.MakeAnswer{Leg: carol.leg, Offer: carol.sdp("8", "a=sendonly")})
		talk(100*time.Millisecond, all...)
		for _, v := range all {
			v.hear()
		}
		talk(500*time.Millisecond, all...)
		if n := len(carol.hear()); n != 0 {
			t.Errorf("%d packets to a phone that holds", n)
		}
		alice.hears(alice.listen(), all, bob, carol)
		b.Do(callstate.MakeAnswer{Leg: carol.leg, Offer: carol.sdp("8")})
		talk(500*time.Millisecond, all...)
		carol.hears(carol.decode(carol.hear()).part(100*time.Millisecond, 500*time.Millisecond), all, alice, bob)
	})
}

// What cannot be mixed is told, and the others are heard all the same; a new negotiation puts it right. It is told only

// when all have negotiated.
func TestMixOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.PCMU, codec.G722)
		alice, bob := all[0], all[1]
		carol := &voice{handset: b.handset(3, "192.0.2.3:4000"), kind: codec.PCMA, pt: 8, hz: 750, enc: codec.NewEncoder(codec.PCMA)}
		all = append(all, carol)
		b.Do(callstate.OpenMedia{Leg: carol.leg, Offer: carol.sdp("111 8")})
		b.meet(all...)
		if evs := b.take(); len(evs) != 0 {
			t.Errorf("told %+v before carol has a codec", evs)
		}
		talk(300*time.Millisecond, alice, bob)
		alice.hears(alice.listen().part(100*time.Millisecond, 300*time.Millisecond), all, bob)
		outcome := func(want callstate.ConnectedHow, n int) {
			t.Helper()
			told := 0
			for _, ev := range b.take() {
				if c, ok := ev.(callstate.Connected); ok {
					told++
					if c.How != want {
						t.Errorf("%+v, want %s", c, want)
					}
				} else if m, ok := ev.(callstate.AnswerMade); ok {
					carol.port(m.SDP)
				}
			}
			if told != n {
				t.Errorf("%d were told, want %d", told, n)
			}
		}
		b.Do(callstate.MakeAnswer{Leg: carol.leg, Offer: carol.sdp("111")})
		outcome(callstate.Impossible, 3)
		for range 20 {
			carol.send(111, false, []byte{1, 2, 3}, 960)
			talk(20*time.Millisecond, alice, bob)
		}
		alice.hears(alice.listen().part(0, 400*time.Millisecond), all, bob)
		if n := len(carol.hear()); n != 0 {
			t.Errorf("carol got %d packets in opus", n)
		}
		b.Do(callstate.MakeAnswer{Leg: carol.leg, Offer: carol.sdp("8")})
		outcome(callstate.Transcoded, 3)
		bob.hear()
		carol.ts = 5
		talk(time.Second, all...)
		for i, v := range all {
			v.hears(v.listen().part(500*time.Millisecond, time.Second), all, all[(i+1)%3], all[(i+2)%3])
		}
		// A stream that is off says nothing, and is nothing impossible (edge case H4).
		b.Do(callstate.MakeAnswer{Leg: carol.leg, Offer: bytes.Replace(carol.sdp("8"), []byte("m=audio 4000"), []byte("m=audio 0"), 1)})
		b.take()
		b.meet(alice, bob, carol)
		for _, ev := range b.take() {
			if c := ev.(callstate.Connected); c.How != callstate.Transcoded {
				t.Errorf("with one off: %+v", c)
			}
		}
		b.Do(callstate.MakeAnswer{Leg: carol.leg, Offer: carol.sdp("8")})
		b.take()
		// Nobody can hear himself, or one who is not there, or two times the same.
		for _, hears := range [][]callstate.LegID{{alice.leg, bob.leg}, {bob.leg, legID(9)}} {
			b.Do(callstate.Connect{Leg: alice.leg, Hears: hears})
			outcome(callstate.Impossible, 1)
			time.Sleep(40 * time.Millisecond)
			alice.hear()
			talk(100*time.Millisecond, bob, carol)
			if n := len(alice.hear()); n != 0 {
				t.Errorf("%d packets hearing %v", n, hears)
			}
		}
		b.Do(callstate.Connect{Leg: alice.leg, Hears: []callstate.LegID{carol.leg, carol.leg}})
		outcome(callstate.Transcoded, 1)
	})
}

// A mix that nobody can hear has no ticks; nothing is kept of one that is over.
func TestIdleMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.PCMU, codec.PCMA, codec.G722)
		b.meet(all...)
		talk(100*time.Millisecond, all...)
		busy := func() int {
			time.Sleep(100 * time.Millisecond)
			b.clock.mu.Lock()
			defer b.clock.mu.Unlock()
			return len(b.clock.busy)
		}
		if n := busy(); n != 3 {
			t.Errorf("%d legs have ticks in a mix, want 3", n)
		}
		for _, v := range all {
			b.Do(callstate.MakeAnswer{Leg: v.leg, Offer: v.sdp(v.formats(), "a=inactive")})
		}
		if n := busy(); n != 0 {
			t.Errorf("%d legs have ticks though all hold", n)
		}
		for _, v := range all {
			b.Do(callstate.Connect{Leg: v.leg})
			b.Do(callstate.MakeAnswer{Leg: v.leg, Offer: v.sdp(v.formats())})
		}
		if n := busy(); n != 0 {
			t.Errorf("%d legs have ticks though nobody hears anything", n)
		}
		for _, v := range all {
			if l := b.find(v.leg); l.source != nil || len(l.heard) != 0 || l.in.mixed != nil {
				t.Errorf("leg %d is still in a mix", v.leg.N)
			}
		}
	})
}

// A phone may send any of the codecs that were agreed, and change between them in mid-stream: it is understood, alone
