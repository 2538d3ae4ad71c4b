package media

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// parties are legs 1 to n of a bed, with their codecs.
func (b *bed) parties(kinds ...codec.Kind) []*voice {
	var all []*voice
	for i, k := range kinds {
		n := uint32(i + 1)
		all = append(all, b.party(b.handset(n, fmt.Sprintf("192.0.2.%d:4000", n)), k, " 101"))
	}
	return all
}

// Each of three hears both others and not himself.
func TestThreeWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.PCMU, codec.PCMA, codec.PCMU)
		b.meet(all...)
		for i, ev := range b.take() {
			if c, ok := ev.(callstate.Connected); !ok || c.How != callstate.Transcoded || c.Leg != legID(uint32(i+1)) {
				t.Errorf("got %+v, want leg %d mixed", ev, i+1)
			}
		}
		talk(2*time.Second, all...)
		for i, v := range all {
			s := v.listen()
			if n := len(s.packets); n < 99 || n > 101 {
				t.Errorf("%d packets in 2 s", n)
			}
			v.hears(s.part(time.Second, 2*time.Second), all, all[(i+1)%3], all[(i+2)%3])
		}
	})
}

// All combinations of codecs.
func TestThreeWayCodecs(t *testing.T) {
	for _, a := range kinds {
		for _, b := range kinds {
			for _, c := range kinds {
				t.Run(fmt.Sprint(a, b, c), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						bed := newBed(t, nil)
						all := bed.parties(a, b, c)
						bed.meet(all...)
						talk(time.Second, all...)
						for i, v := range all {
							s := v.listen()
							v.hears(s.part(200*time.Millisecond, time.Second), all, all[(i+1)%3], all[(i+2)%3])
						}
					})
				})
			}
		}
	}
}
