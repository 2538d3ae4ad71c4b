package media

import (
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
