package timeline

import (
	"math/rand/v2"
	"testing"
	"time"
)

const ms = time.Millisecond

// step is one thing that happens to a line, and what must come of it.
type step struct {
	do   string // "A", "B": a packet of that source; "own", "event", which lasts 20 ms, "again"
	at   time.Duration
	seq  uint16 // of the source
	ts   uint32
	want Stamp
	drop bool

	length uint32 // 0: not known
	early  bool   // why it is dropped
}

func TestLine(t *testing.T) {
	for name, steps := range map[string][]step{
		"one source keeps its distances": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "A", at: 20 * ms, seq: 8, ts: 660, want: Stamp{101, 1160, false}},
			{do: "A", at: 41 * ms, seq: 10, ts: 980, want: Stamp{103, 1480, false}},  // 9 was lost
			{do: "A", at: 42 * ms, seq: 9, ts: 820, want: Stamp{102, 1320, false}},   // no, late
			{do: "A", at: 42 * ms, seq: 10, ts: 980, want: Stamp{103, 1480, false}},  // twice
			{do: "A", at: 60 * ms, seq: 11, ts: 1140, want: Stamp{104, 1640, false}}, // and on
		},
		"everything wraps": {
			{do: "A", at: 0, seq: 65535, ts: 0xffffffff, want: Stamp{100, 1000, true}},
			{do: "A", at: 20 * ms, seq: 0, ts: 159, want: Stamp{101, 1160, false}},
			{do: "A", at: 21 * ms, seq: 65535, ts: 0xffffffff, want: Stamp{100, 1000, false}},
		},
		"M8: a new source goes on where the old one stopped": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "B", at: 7 * ms, seq: 30000, ts: 9, want: Stamp{101, 1160, true}}, // one frame at least
			{do: "B", at: 27 * ms, seq: 30001, ts: 169, want: Stamp{102, 1320, false}},
			{do: "A", at: 1027 * ms, seq: 58, ts: 8700, want: Stamp{103, 9216, true}}, // a second of silence
			{do: "A", at: 1028 * ms, seq: 57, ts: 8540, drop: true},                   // from before: its number is taken
			{do: "A", at: 1047 * ms, seq: 59, ts: 8860, want: Stamp{104, 9376, false}},
		},
		"M9: a restarted sequence is one gap": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "A", at: 20 * ms, seq: 40000, ts: 77, drop: true},
			{do: "A", at: 40 * ms, seq: 40001, ts: 237, want: Stamp{101, 1320, true}},
			{do: "A", at: 60 * ms, seq: 40002, ts: 397, want: Stamp{102, 1480, false}},
		},
		"M9: also a small step back": {
			{do: "A", at: 0, seq: 50, ts: 500, want: Stamp{100, 1000, true}},
			{do: "A", at: 20 * ms, seq: 1, ts: 77, drop: true},
			{do: "A", at: 40 * ms, seq: 2, ts: 237, want: Stamp{101, 1320, true}},
		},
		"a single wild packet changes nothing": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "A", at: 10 * ms, seq: 40000, ts: 77, drop: true},
			{do: "A", at: 20 * ms, seq: 8, ts: 660, want: Stamp{101, 1160, false}},
			{do: "A", at: 40 * ms, seq: 40001, ts: 237, drop: true}, // not the next of the wild one, that was long ago
		},
		"timestamps that restart are not believed": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "A", at: 20 * ms, seq: 8, ts: 0x80000000, want: Stamp{101, 1160, true}},
			{do: "A", at: 40 * ms, seq: 9, ts: 0x800000a0, want: Stamp{102, 1320, false}},
		},
		"a pause of a minute is no restart when the timestamps tell of it": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "A", at: time.Minute, seq: 8, ts: 480500, want: Stamp{101, 481000, false}},
		},
		"our own frames are evenly spaced, and where ticks were missing there is a gap": {
			{do: "own", at: 0, want: Stamp{100, 1000, true}},
			{do: "own", at: 20 * ms, want: Stamp{101, 1160, false}},
			{do: "own", at: 40 * ms, want: Stamp{102, 1320, false}},
			{do: "own", at: 540 * ms, want: Stamp{103, 5320, false}},
			{do: "A", at: 559 * ms, seq: 1, ts: 1, want: Stamp{104, 5480, true}},
			{do: "own", at: 560 * ms, want: Stamp{105, 5640, true}}, // 20 ms ahead
		},
		"a packet that lasts 60 ms is over before the next source goes on": {
			{do: "A", at: 0, seq: 1, ts: 0, length: 480, want: Stamp{100, 1000, true}},
			{do: "own", at: 20 * ms, drop: true, early: true},
			{do: "own", at: 40 * ms, want: Stamp{101, 1480, true}},
			{do: "A", at: 60 * ms, seq: 2, ts: 480, length: 480, want: Stamp{102, 1640, true}}, // ahead by its own length at most
		},
		"its length is known by the timestamps if by nothing else": {
			{do: "A", at: 0, seq: 1, ts: 0, want: Stamp{100, 1000, true}},
			{do: "A", at: 120 * ms, seq: 3, ts: 960, want: Stamp{102, 1960, false}}, // one was lost
			{do: "B", at: 125 * ms, seq: 1, ts: 0, drop: true, early: true},
			{do: "B", at: 155 * ms, seq: 2, ts: 240, want: Stamp{103, 2440, true}},
		},
		"from source to source and back: the third change would be ahead by 34 ms": {
			{do: "A", at: 0, seq: 1, ts: 0, want: Stamp{100, 1000, true}},
			{do: "B", at: 6 * ms, seq: 1, ts: 0, want: Stamp{101, 1160, true}},
			{do: "B", at: 26 * ms, seq: 2, ts: 160, want: Stamp{102, 1320, false}},
			{do: "A", at: 40 * ms, seq: 3, ts: 320, want: Stamp{103, 1480, true}},
			{do: "B", at: 46 * ms, seq: 3, ts: 320, drop: true, early: true},
			{do: "A", at: 60 * ms, seq: 4, ts: 480, want: Stamp{104, 1640, false}}, // it has not been taken away
			{do: "B", at: 66 * ms, seq: 4, ts: 480, drop: true, early: true},
			{do: "B", at: 86 * ms, seq: 5, ts: 640, want: Stamp{105, 1800, true}},
		},
		"a source whose clock is wrong takes the wall with it": {
			{do: "A", at: 0, seq: 1, ts: 0, want: Stamp{100, 1000, true}},
			{do: "A", at: 20 * ms, seq: 2, ts: 8160, want: Stamp{101, 9160, false}}, // a second too many
			{do: "own", at: 40 * ms, want: Stamp{102, 9320, true}},
			{do: "own", at: 540 * ms, want: Stamp{103, 12840, false}}, // of 500 ms 60 are over
		},
		"M24: an event interrupts a source, which then keeps its own time": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "event", at: 5 * ms, want: Stamp{101, 1160, true}},
			{do: "again", at: 25 * ms, want: Stamp{102, 1160, false}},
			{do: "again", at: 45 * ms, want: Stamp{103, 1160, false}},
			{do: "A", at: 60 * ms, seq: 10, ts: 980, want: Stamp{104, 1480, true}}, // 8 and 9 were not sent
			{do: "A", at: 80 * ms, seq: 11, ts: 1140, want: Stamp{105, 1640, false}},
			{do: "A", at: 81 * ms, seq: 9, ts: 820, drop: true},
		},
		"what is left out on purpose leaves no gap in the numbers": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "skip", at: 20 * ms},
			{do: "A", at: 5000 * ms, seq: 257, ts: 40500, want: Stamp{101, 41000, true}},
			{do: "A", at: 5020 * ms, seq: 258, ts: 40660, want: Stamp{102, 41160, false}},
		},
		"an event on a silent line has the time of the clock": {
			{do: "event", at: 0, want: Stamp{100, 1000, true}},
			{do: "again", at: 20 * ms, want: Stamp{101, 1000, false}},
			{do: "event", at: 200 * ms, want: Stamp{102, 2600, true}},
			{do: "own", at: 340 * ms, want: Stamp{103, 3720, true}},
		},
		"the packets of a source's own event share a timestamp": {
			{do: "A", at: 0, seq: 1, ts: 160, want: Stamp{100, 1000, true}},
			{do: "A", at: 20 * ms, seq: 2, ts: 320, want: Stamp{101, 1160, false}},
			{do: "A", at: 40 * ms, seq: 3, ts: 320, want: Stamp{102, 1160, false}},
			{do: "B", at: 60 * ms, seq: 3, ts: 320, want: Stamp{103, 1480, true}}, // 40 ms after the event's start
		},
		"a source that stood still while an event was sent does not go back": {
			{do: "A", at: 0, seq: 7, ts: 500, want: Stamp{100, 1000, true}},
			{do: "event", at: 500 * ms, want: Stamp{101, 5000, true}},
			{do: "A", at: 640 * ms, seq: 8, ts: 660, want: Stamp{102, 6120, true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(1, 8000, 100, 1000)
			for i, s := range steps {
				var got Stamp
				var fate Fate
				switch s.do {
				case "own":
					got, fate = l.Next(160, s.at)
				case "event":
					got = l.Insert(160, s.at)
				case "again":
					got = l.Again(160)
				case "skip":
					l.Skip()
				default:
					got, fate = l.Follow(uint64(s.do[0]), s.seq, s.ts, s.length, s.at)
				}
				if got != s.want || (fate != Placed) != s.drop || s.early != (fate == TooEarly) {
					t.Fatalf("step %d, %s: got %+v %v, want %+v", i, s.do, got, fate, s)
				}
			}
		})
	}
}

// Whatever happens, no number is used for two packets, and time does not go back between sources.
func TestNoNumberTwice(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		l := New(1, 8000, uint16(r.Uint32()), r.Uint32())
		now, seen := time.Duration(0), map[uint16]bool{}
		seqs, tss := [3]uint16{uint16(r.Uint32()), uint16(r.Uint32())}, [3]uint32{r.Uint32(), r.Uint32()}
		src := 0
		for i := range 500 {
			now += time.Duration(r.IntN(40)) * ms
			if r.IntN(20) == 0 {
				src = 1 - src
			}
			seqs[src] += uint16(r.IntN(3)) + 1
			tss[src] += 160
			before, running := l.ts, l.fed
			var s Stamp
			var fate Fate
			switch r.IntN(10) {
			case 0:
				s, fate = l.Next(160, now)
			case 1:
				s = l.Insert(160, now)
			case 2:
				if i == 0 {
					continue
				}
				s = l.Again(160)
			case 3:
				late := uint16(r.IntN(5)) + 1
				if s, fate = l.Follow(uint64(src+1), seqs[src]-late, tss[src]-uint32(late)*160, 160, now); fate == Placed {
					continue // a late or repeated packet may take the number of a lost one, or of itself
				}
			default:
				s, fate = l.Follow(uint64(src+1), seqs[src], tss[src], 160, now)
			}
			if fate != Placed {
				continue
			}
			if seen[s.Seq] {
				t.Fatalf("seed %d, packet %d: number %d for the second time", seed, i, s.Seq)
			}
			seen[s.Seq] = true
			if s.Marker && int32(s.TS-before) <= 0 && running {
				t.Fatalf("seed %d, packet %d: timestamp %d after %d", seed, i, s.TS, before)
			}
		}
	}
}
