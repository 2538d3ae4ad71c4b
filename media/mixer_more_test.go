package media

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// Phones with other packets than 20 ms, in a mix and when one is coded for the other (edge case M17).
func TestPacketLengths(t *testing.T) {
	for _, ms := range []int{10, 20, 30, 40, 60} {
		for _, k := range kinds {
			t.Run(fmt.Sprintf("%d ms of %v", ms, k), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					all := b.parties(k, codec.PCMA, codec.G722)
					speak := func(d time.Duration) {
						step := 10 * time.Millisecond
						for i := range int(d / step) {
							if i*10%ms == 0 {
								all[0].say(ms, ms)
							}
							if i%2 == 0 {
								all[1].say(20, 20)
								all[2].say(20, 20)
							}
							time.Sleep(step)
						}
					}
					b.meet(all...)
					speak(1200 * time.Millisecond)
					s := all[1].listen()
					for _, p := range s.packets {
						if len(p.Payload) != 160 {
							t.Fatalf("a packet of %d bytes in a mix", len(p.Payload))
						}
					}
					part := s.part(200*time.Millisecond, 1200*time.Millisecond)
					all[1].hears(part, all, all[0], all[2])

					b.meet(all[0], all[1])
					b.Do(callstate.Connect{Leg: all[2].leg})
					speak(600 * time.Millisecond)
					s = all[1].listen()
					all[1].hears(s.part(100*time.Millisecond, 600*time.Millisecond), all, all[0])
				})
			})
		}
	}
}

// A bad network: a tenth is lost, and what comes is late by up to 40 ms and out of order. Everybody is heard, and every
// stream that goes out is whole.
func TestMixOnBadNetwork(t *testing.T) {
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				all := b.parties(k, codec.PCMU, codec.PCMA)
				b.meet(all...)
				r := rand.New(rand.NewPCG(5, uint64(k)))
				type late struct {
					v   *voice
					at  int // ms
					raw func()
				}
				var wire []late
				for ms := range 6000 {
					if ms%20 == 0 {
						for _, v := range all {
							seq, ts, payload := v.seq, v.ts, v.frame(20)
							v.seq++
							v.ts += 160
							if r.IntN(10) == 0 {
								continue
							}
							wire = append(wire, late{v, ms + r.IntN(41), func() {
								nextSeq, nextTS := v.seq, v.ts
								v.seq, v.ts = seq, ts
								v.send(v.pt, false, payload, 0)
								v.seq, v.ts = nextSeq, nextTS
							}})
						}
					}
					left := wire[:0]
					for _, w := range wire {
						if w.at <= ms {
							w.raw()
						} else {
							left = append(left, w)
						}
					}
					wire = left
					time.Sleep(time.Millisecond)
				}
				for i, v := range all {
					s := v.listen().part(2*time.Second, 6*time.Second)
					for j, w := range all {
						if l := s.level(w.hz) / (loud / 32768.0); (i == j) != (l < 0.05) || i != j && l < 0.6 {
							t.Errorf("leg %d hears leg %d at %.2f", v.leg.N, w.leg.N, l)
						}
					}
				}
			})
		})
	}
}

// A phone's clock that is wrong by a thousandth, for minutes: it is heard all the time.
func TestMixDrift(t *testing.T) {
	for _, ppm := range []int{-1000, 1000} {
		t.Run(fmt.Sprint(ppm), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				all := b.parties(codec.PCMU, codec.PCMA, codec.PCMU)
				b.meet(all...)
				quiet := 0
				for minute := range 2 {
					for range 3000 {
						all[0].say(20, 20)
						time.Sleep(20*time.Millisecond - time.Duration(ppm)*20)
					}
					s := all[1].listen()
					for at := time.Second; at < 59*time.Second; at += 100 * time.Millisecond {
						if l := s.part(at, at+100*time.Millisecond).level(all[0].hz) / (loud / 32768.0); l < 0.6 {
							quiet++
						}
					}
					_ = minute
				}
				if quiet > 6 { // a frame more or less turns this tone over within 20 ms
					t.Errorf("the tone was weak %d times", quiet)
				}
			})
		})
	}
}

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
// and in a mix.
func TestCodecChangesInStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice := &voice{handset: b.handset(1, "192.0.2.1:4000"), kind: codec.PCMU, hz: 450}
		b.Do(callstate.OpenMedia{Leg: alice.leg})
		b.Do(callstate.MakeOffer{Leg: alice.leg})
		alice.port(one[callstate.OfferMade](b).SDP)
		b.Do(callstate.TakeAnswer{Leg: alice.leg, Answer: alice.sdp("0 9 8")})
		bob := b.party(b.handset(2, "192.0.2.2:4000"), codec.PCMU, "")
		carol := b.party(b.handset(3, "192.0.2.3:4000"), codec.G722, "")
		all := []*voice{alice, bob, carol}
		for _, mixed := range []bool{false, true} {
			if b.meet(alice, bob); mixed {
				b.meet(all...)
			}
			for _, k := range []codec.Kind{codec.G722, codec.PCMU, codec.PCMA, codec.G722} {
				alice.kind, alice.pt, alice.enc, alice.at = k, payloadTypes[k], codec.NewEncoder(k), 0
				talk(400*time.Millisecond, alice, carol)
				s := bob.listen().part(100*time.Millisecond, 400*time.Millisecond)
				want := []*voice{alice}
				if mixed {
					want = append(want, carol)
				}
				bob.hears(s, all, want...)
			}
		}
	})
}
