package timeline

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// feeder is one who feeds a line: a packet each every milliseconds, first at phase.
type feeder struct {
	name         string
	every, phase int
	ticks        bool                 // the length of its packets is not told
	late         func(*rand.Rand) int // ms by which a packet comes too late
	drift        float64              // of its clock
	pauses       bool                 // it says nothing for 300 of 500 ms
	own          bool                 // made here, and shortened while ahead
	event        bool                 // a digit: 8 packets with one timestamp, 20 ms apart
	seq          uint16               // of what it sent last
	id           uint64
}

// sent is one packet on the line.
type sent struct {
	at     int // ms
	length uint32
	again  bool
	from   *feeder
	Stamp
}

// feed has feeders take turns of 40 to 300 ms on a line of 8000 Hz, and returns what went out.
func feed(r *rand.Rand, turns int, all []*feeder) (out []sent) {
	l := New(1, 8000, uint16(r.Uint32()), r.Uint32())
	type packet struct {
		seq  uint16
		made int // ms
	}
	due := make([]map[int][]packet, len(all)) // by the ms of their arrival
	for i := range due {
		due[i] = map[int][]packet{}
	}
	now, on, until, began := 0, 0, 0, 0
	for turns > 0 {
		if now >= until {
			next := r.IntN(len(all))
			if all[next].event && all[on].event {
				continue
			}
			on, began = next, now
			until = now + 40 + r.IntN(260)
			if all[on].event {
				until = now + 200
			}
			l.Skip()
			turns--
		}
		for i, f := range all {
			if f.event || now < f.phase || (now-f.phase)%f.every != 0 {
				continue
			}
			f.seq++
			if f.pauses && (now-f.phase)%500 >= 200 {
				f.seq-- // nothing is sent
				continue
			}
			at := now
			if f.late != nil {
				at += f.late(r)
			}
			due[i][at] = append(due[i][at], packet{f.seq, now})
		}
		f := all[on]
		if f.event && (now-began)%20 == 0 && now-began < 160 {
			p := sent{at: now, length: uint32(min((now-began)*8+160, 800)), again: now != began, from: f}
			if p.again {
				p.Stamp = l.Again(p.length)
			} else {
				p.Stamp = l.Insert(p.length, time.Duration(now)*ms)
			}
			out = append(out, p)
		}
		for i := range all {
			for _, in := range due[i][now] {
				if i != on {
					continue
				}
				p := sent{at: now, length: uint32(f.every * 8), from: f}
				var fate Fate
				if f.own {
					if l.Ahead(time.Duration(now)*ms) >= 10*ms {
						p.length /= 2
					}
					p.Stamp, fate = l.Next(p.length, time.Duration(now)*ms)
				} else {
					told := p.length
					if f.ticks {
						told = 0
					}
					ts := uint32(float64(in.made)*8*(1+f.drift)) + 77*uint32(f.id)
					p.Stamp, fate = l.Follow(f.id, in.seq, ts, told, time.Duration(now)*ms)
				}
				if fate == Placed {
					out = append(out, p)
				}
			}
			delete(due[i], now)
		}
		now++
	}
	return out
}

// The rule of the package: after a thousand changes of any kind in any order the timeline is still in step with the wall,
// no packet overlaps another, and the wait for one is no longer than what lies between two packets of those who take turns.
func TestRule(t *testing.T) {
	own := func() *feeder { return &feeder{name: "music", every: 20, own: true} }
	digit := func() *feeder { return &feeder{name: "digit", event: true} }
	peer := func(name string, id uint64, every, phase int) *feeder {
		return &feeder{name: name, id: id, every: every, phase: phase}
	}
	pausing, unknown, drifting := peer("peer with pauses", 4, 20, 13), peer("peer of 60 ms in another codec", 5, 60, 31), peer("peer whose clock is fast", 6, 20, 3)
	shaking, stalling := peer("peer with jitter", 7, 20, 9), peer("peer that stalls", 8, 20, 9)
	pausing.pauses, unknown.ticks, drifting.drift = true, true, 100e-6
	shaking.late = func(r *rand.Rand) int { return r.IntN(16) }
	stalling.late = func(r *rand.Rand) int { return max(0, r.IntN(400)-350) }
	for name, c := range map[string]struct {
		all   func() []*feeder
		ahead time.Duration // at most
		late  time.Duration
		gap   int // ms, at most
	}{
		"relay and music":                  {func() []*feeder { return []*feeder{own(), peer("A", 1, 20, 7)} }, 30 * ms, 0, 40},
		"relay and music almost in step":   {func() []*feeder { return []*feeder{own(), peer("A", 1, 20, 1)} }, 30 * ms, 0, 40},
		"relay and music just out of step": {func() []*feeder { return []*feeder{own(), peer("A", 1, 20, 19)} }, 30 * ms, 0, 40},
		"three peers":                      {func() []*feeder { return []*feeder{peer("A", 1, 20, 0), peer("B", 2, 20, 6), peer("C", 3, 20, 13)} }, 30 * ms, 0, 40},
		"peers and music":                  {func() []*feeder { return []*feeder{own(), peer("A", 1, 20, 5), peer("B", 2, 20, 18)} }, 30 * ms, 0, 40},
		"packets of 20, 30 and 60 ms": {func() []*feeder {
			return []*feeder{own(), peer("A", 1, 20, 5), peer("B", 2, 30, 11), peer("C", 3, 60, 17)}
		}, 60 * ms, 0, 120},
		"lengths that are not known": {func() []*feeder { return []*feeder{own(), peer("A", 1, 20, 5), unknown} }, 60 * ms, 0, 120},
		"pauses":                     {func() []*feeder { return []*feeder{own(), pausing, peer("A", 1, 20, 5)} }, 30 * ms, 0, 400},
		"digits":                     {func() []*feeder { return []*feeder{own(), digit(), peer("A", 1, 20, 5)} }, 50 * ms, 0, 80},
		"a clock that is fast":       {func() []*feeder { return []*feeder{own(), drifting} }, 50 * ms, 0, 40},
		"jitter":                     {func() []*feeder { return []*feeder{own(), shaking} }, 45 * ms, 15 * ms, 56},
		"packets that stall":         {func() []*feeder { return []*feeder{own(), stalling} }, 110 * ms, 50 * ms, 110},
		"all": {func() []*feeder {
			return []*feeder{own(), digit(), pausing, unknown, peer("A", 1, 20, 5), peer("B", 2, 30, 11), peer("C", 3, 60, 17)}
		}, 120 * ms, 0, 440}, // a digit after 60 ms
	} {
		for seed := range uint64(20) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				all := c.all()
				out := feed(rand.New(rand.NewPCG(seed, 1)), 1000, all)
				most, least := time.Duration(-1<<62), time.Duration(1<<62)
				for i, p := range out {
					ahead := time.Duration(int32(p.TS-out[0].TS))*time.Second/8000 - time.Duration(p.at-out[0].at)*ms
					if p.again {
						continue
					}
					most, least = max(most, ahead), min(least, ahead)
					if i == 0 {
						continue
					}
					was := out[i-1]
					guessed := was.from.ticks && was.Marker // its length can only be known by the next one
					if p.from.late != nil && p.from == was.from && !p.Marker {
						continue // as it came
					}
					if p.Seq == was.Seq || int32(p.TS-was.TS) < int32(was.length) && !guessed || int32(p.TS-was.TS) < 80 {
						t.Fatalf("packet %d of %s: %+v after %+v of %s", i, p.from.name, p, was, was.from.name)
					}
					if p.at-was.at > c.gap {
						t.Errorf("packet %d of %s came %d ms after that of %s", i, p.from.name, p.at-was.at, was.from.name)
					}
				}
				if most > c.ahead || least < -c.late {
					t.Errorf("ahead of the wall by %v at most, %v at least", most, least)
				}
			})
		}
	}
}
