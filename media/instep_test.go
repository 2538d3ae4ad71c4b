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

// chatter has voices speak in packets of their own lengths for so long, in steps of a millisecond, and records what a phone
// hears. One who pauses says nothing in every other 200 ms.
func chatter(d time.Duration, voices []*voice, lengths []int, pauses bool, ear *taped) {
	for range d / time.Millisecond {
		now := int(time.Now().UnixMilli())
		for i, v := range voices {
			if (now+7*i)%lengths[i] != 0 {
				continue
			}
			if pauses && now/200%2 == i%2 {
				v.ts += uint32(8 * lengths[i])
				continue
			}
			v.say(lengths[i], lengths[i])
		}
		for _, p := range ear.hear() {
			ear.packets = append(ear.packets, p)
			ear.at = append(ear.at, time.Duration(time.Now().UnixNano()))
		}
		time.Sleep(time.Millisecond)
	}
}

// Two hundred changes of what bob hears, of every kind in every order: his stream stays in step with the time, nothing in it
// overlaps, and he waits no longer than today.
func TestInStep(t *testing.T) {
	connect := func(b *bed, c callstate.Connect) func() {
		return func() { c.Leg = legID(2); b.Do(c) }
	}
	relay := func(b *bed) func() { return connect(b, callstate.Connect{Hears: []callstate.LegID{legID(1)}}) }
	other := func(b *bed) func() { return connect(b, callstate.Connect{Hears: []callstate.LegID{legID(3)}}) }
	music := func(b *bed) func() { return connect(b, callstate.Connect{Play: callstate.Music}) }
	mix := func(b *bed) func() {
		return connect(b, callstate.Connect{Hears: []callstate.LegID{legID(1), legID(3)}})
	}
	event := func(b *bed) func() {
		return func() { b.Do(callstate.SendDigits{Leg: legID(2), Digits: "5", Way: callstate.ByEvent}) }
	}
	tones := func(b *bed) func() {
		return func() { b.Do(callstate.SendDigits{Leg: legID(2), Digits: "5", Way: callstate.ByInband}) }
	}
	clip := func(b *bed) func() {
		id := clipOf(b, b.cfg.Library, "a.wav")
		return func() { b.Do(callstate.PlayClip{Leg: legID(2), Clip: id}) }
	}
	for name, c := range map[string]struct {
		changes []func(*bed) func()
		lengths []int // ms, of alice's and carol's packets
		pauses  bool
		ahead   time.Duration
		gap     time.Duration
	}{
		"relay and music":          {[]func(*bed) func(){relay, music}, []int{20, 20}, false, 30 * ms, 21 * ms},
		"relay of two, with music": {[]func(*bed) func(){relay, music, other, music}, []int{20, 20}, false, 30 * ms, 21 * ms},
		"relay of two":             {[]func(*bed) func(){relay, other}, []int{20, 20}, false, 30 * ms, 40 * ms},
		"relay and mix":            {[]func(*bed) func(){relay, mix}, []int{20, 20}, false, 30 * ms, 40 * ms},
		"packets of 30 ms":         {[]func(*bed) func(){relay, music, other, music}, []int{30, 20}, false, 30 * ms, 50 * ms},
		"packets of 60 ms":         {[]func(*bed) func(){relay, music, other, music}, []int{60, 30}, false, 60 * ms, 90 * ms},
		"digits":                   {[]func(*bed) func(){relay, event, music, event}, []int{20, 20}, false, 50 * ms, 80 * ms},
		"tones":                    {[]func(*bed) func(){relay, tones, music, tones}, []int{20, 20}, false, 50 * ms, 40 * ms},
		"clips":                    {[]func(*bed) func(){relay, clip, music, clip}, []int{20, 20}, false, 30 * ms, 40 * ms},
		"pauses":                   {[]func(*bed) func(){relay, music, other, mix}, []int{20, 20}, true, 30 * ms, time.Second},
		"all":                      {[]func(*bed) func(){relay, music, other, mix, event, tones, clip}, []int{60, 20}, true, 120 * ms, time.Second},
	} {
		for _, k := range kinds {
			t.Run(fmt.Sprint(name, " ", k), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					lib := library(t, "a.wav", wave(8000, 1, 1200))
					r := rand.New(rand.NewPCG(uint64(k), 1))
					time.Sleep(time.Duration(r.IntN(20)) * ms) // where the clock's ticks are between the phones' packets
					b := newBed(t, func(c *Config) { c.Library = lib })
					alice, bob, carol := b.party(b.handset(1, "192.0.2.1:4000"), k, ""), b.party(b.handset(2, "192.0.2.2:4000"), k, " 101"),
						b.party(b.handset(3, "192.0.2.3:4000"), codec.PCMU, "")
					b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Music}) // the clock does not rest
					var changes []func()
					for _, c := range c.changes {
						changes = append(changes, c(b))
					}
					ear := &taped{voice: bob}
					for i := range 200 {
						if change := i % len(changes); len(changes) < 6 {
							changes[change]()
						} else {
							changes[r.IntN(len(changes))]()
						}
						chatter(time.Duration(60+r.IntN(200))*ms, []*voice{alice, carol}, c.lengths, c.pauses, ear)
					}
					ear.inStep(c.ahead, c.gap)
				})
			})
		}
	}
}

// inStep checks that a stream is ahead of the time by so much at most, and has no packets that overlap, nor any that came
// longer after the one before.
func (e *taped) inStep(most, longest time.Duration) {
	e.t.Helper()
	var ahead, behind, gap time.Duration
	for i, p := range e.packets {
		if i == 0 {
			continue
		}
		was := e.packets[i-1]
		length := uint32(len(was.Payload))
		if was.PayloadType == 101 {
			length = uint32(was.Payload[2])<<8 | uint32(was.Payload[3])
		}
		again := p.PayloadType == 101 && !p.Marker
		if d := p.Timestamp - was.Timestamp; p.SSRC != was.SSRC || p.SequenceNumber != was.SequenceNumber+1 || again && d != 0 ||
			!again && (int32(d) < int32(length)) {
			e.t.Fatalf("packet %d: %+v after %+v with %d ticks", i, p.Header, was.Header, length)
		}
		gap = max(gap, e.at[i]-e.at[i-1])
		if !again {
			off := time.Duration(int32(p.Timestamp-e.packets[0].Timestamp))*time.Second/8000 - (e.at[i] - e.at[0])
			ahead, behind = max(ahead, off), max(behind, -off)
		}
	}
	e.t.Logf("%d packets, ahead by %v, behind by %v, gap %v", len(e.packets), ahead, behind, gap)
	if ahead > most+ms || behind > 2*ms || gap > longest+ms { // looked at once in a millisecond
		e.t.Errorf("ahead of the time by %v, behind by %v at most; %v between two packets", ahead, behind, gap)
	}
}
