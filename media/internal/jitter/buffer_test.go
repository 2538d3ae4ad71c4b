package jitter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// phone sends packets with a counting byte per tick, so that what is played can be recognised.
type phone struct {
	ts     uint32
	length int           // of a packet, in ticks
	every  time.Duration // between packets
	next   time.Duration // when it sends
	delay  func() time.Duration
	lost   func() bool
	wire   []packet
}

type packet struct {
	at time.Duration
	ts uint32
	n  int
}

func content(ts uint32) byte { return byte(ts*167>>3) | 1 }

// deliver puts what has arrived until now.
func (p *phone) deliver(b *Buffer, now time.Duration) {
	for p.next <= now {
		if p.lost == nil || !p.lost() {
			at := p.next
			if p.delay != nil {
				at += p.delay()
			}
			p.wire = append(p.wire, packet{at, p.ts, p.length})
		}
		p.ts += uint32(p.length)
		p.next += p.every
	}
	left := p.wire[:0]
	for _, w := range p.wire {
		if w.at > now {
			left = append(left, w)
			continue
		}
		payload := make([]byte, w.n)
		for i := range payload {
			payload[i] = content(w.ts + uint32(i))
		}
		b.Put(7, w.ts, payload, w.at)
	}
	p.wire = left
}

// result is what some time of play was like.
type result struct {
	steps, missing   int // steps, and bytes that were not there when due, of steps in which there was a stream
	skips, repeats   int
	waiting, longest int // ticks that lay in the buffer at the end, and at most
}

// listen plays for so long as package mix does, and checks that what is played is what was sent, in order.
func listen(t *testing.T, b *Buffer, p *phone, from, d time.Duration) (r result) {
	t.Helper()
	var s Step
	putOff := false
	check := func() {
		for i, c := range s.Bytes {
			if !s.Have[i] {
				r.missing++
			} else if want := content(b.play - Frame + uint32(i)); c != want {
				t.Fatalf("byte %d of step %d is %d, want %d", i, r.steps, c, want)
			}
		}
	}
	for now := from; now < from+d; now += 20 * ms {
		p.deliver(b, now)
		r.steps++
		r.longest = max(r.longest, b.Waiting())
		if putOff {
			b.Delay(now)
			putOff = false
			continue
		}
		if !b.Take(&s, now) {
			r.missing += Frame
			continue
		}
		check()
		switch b.Wish() {
		case Skip:
			b.Extra(&s)
			check()
			r.skips++
		case Repeat:
			putOff = true
			r.repeats++
		}
	}
	r.waiting = b.Waiting()
	return r
}

// A steady stream of any packet length and phase: after its start nothing is missing, and little is kept.
func TestSteady(t *testing.T) {
	for _, length := range []int{10, 20, 30, 40, 60} {
		for phase := range 20 {
			t.Run(fmt.Sprintf("%d ms at %d ms", length, phase), func(t *testing.T) {
				var b Buffer
				p := &phone{ts: 0xffffff00, length: 8 * length, every: time.Duration(length) * ms, next: time.Duration(phase) * ms}
				listen(t, &b, p, 0, 200*ms)
				r := listen(t, &b, p, 200*ms, 10*time.Second)
				if r.missing != 0 || r.skips+r.repeats != 0 {
					t.Errorf("%+v", r)
				}
				if most := 8 * (length + 40); r.longest > most {
					t.Errorf("%d ticks were waiting, want at most %d", r.longest, most)
				}
			})
		}
	}
}

// A phone whose clock is faster or slower, by far more than any is: the delay stays, at the price of a step now and then.
func TestDrift(t *testing.T) {
	for _, ppm := range []int{-2000, -200, 200, 2000} {
		t.Run(fmt.Sprint(ppm), func(t *testing.T) {
			var b Buffer
			every := 20*ms - time.Duration(ppm)*20 // ns
			p := &phone{length: Frame, every: every, next: 5 * ms}
			listen(t, &b, p, 0, 200*ms)
			r := listen(t, &b, p, 200*ms, 10*time.Minute)
			t.Logf("%+v", r)
			turns := 600 * 1e6 / 20000 * abs(ppm) / 1e6 // steps by which the clocks differ in 10 minutes
			done := r.skips
			if ppm < 0 {
				done = r.repeats
			}
			if r.skips+r.repeats != done || done < turns-2 || done > turns+2 {
				t.Errorf("%d skips and %d repeats, want %d", r.skips, r.repeats, turns)
			}
			if r.missing != 0 || r.longest > 8*60 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func abs(x int) int { return max(x, -x) }

// Jitter: what a network delays by up to 30 ms, with some out of order, is played nearly all, once the delay has grown
// to what is needed; when the network is quiet again, so is the delay.
func TestJitter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	jitter := 30 * ms
	p := &phone{length: Frame, every: 20 * ms, delay: func() time.Duration { return time.Duration(r.Int64N(int64(jitter) + 1)) }}
	var b Buffer
	listen(t, &b, p, 0, 10*time.Second)
	rough := listen(t, &b, p, 10*time.Second, 2*time.Minute)
	t.Logf("rough: %+v", rough)
	if share := float64(rough.missing) / float64(rough.steps*Frame); share > 0.005 || rough.longest > 8*120 {
		t.Errorf("%.4f missing, %+v", share, rough)
	}
	jitter = 0
	listen(t, &b, p, 130*time.Second, 10*time.Second)
	calm := listen(t, &b, p, 140*time.Second, 10*time.Second)
	if calm.missing != 0 || calm.longest > 8*60 {
		t.Errorf("calm: %+v", calm)
	}
}

// Loss takes away what was lost, and nothing else.
func TestLoss(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	lost := 0
	p := &phone{length: Frame, every: 20 * ms, next: 3 * ms}
	var b Buffer
	listen(t, &b, p, 0, 200*ms)
	p.lost = func() bool {
		if r.IntN(10) == 0 {
			lost++
			return true
		}
		return false
	}
	got := listen(t, &b, p, 200*ms, 2*time.Minute)
	if got.missing > (lost+2)*Frame || got.missing < (lost-2)*Frame || got.skips+got.repeats > 2 {
		t.Errorf("%d packets lost: %+v", lost, got)
	}
}

// A talker who pauses, another stream, a jump of the timestamps, a burst: play starts anew, and nothing piles up.
func TestChanges(t *testing.T) {
	for name, change := range map[string]func(b *Buffer, p *phone, now time.Duration){
		"pause":           func(_ *Buffer, p *phone, now time.Duration) { p.next = now + time.Second; p.ts += 8000 },
		"frozen pause":    func(_ *Buffer, p *phone, now time.Duration) { p.next = now + time.Second },
		"jump":            func(_ *Buffer, p *phone, _ time.Duration) { p.ts += 1 << 30 },
		"jump back":       func(_ *Buffer, p *phone, _ time.Duration) { p.ts -= 5000 },
		"small jump":      func(_ *Buffer, p *phone, _ time.Duration) { p.ts += 800 },
		"longer way":      func(_ *Buffer, p *phone, _ time.Duration) { p.next += 100 * ms; p.ts += 0 },
		"nobody listened": func(b *Buffer, p *phone, now time.Duration) { p.deliver(b, now) },
		"another source":  func(b *Buffer, p *phone, _ time.Duration) { b.source = 9 },
		"burst": func(b *Buffer, p *phone, now time.Duration) {
			p.next = now - 3*time.Second
			p.deliver(b, now)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b Buffer
			p := &phone{length: Frame, every: 20 * ms, next: 2 * ms}
			listen(t, &b, p, 0, time.Second)
			now := time.Second
			if name == "nobody listened" {
				now += 5 * time.Second
			}
			change(&b, p, now)
			first := listen(t, &b, p, now, 4*time.Second)
			if strings.HasPrefix(name, "jump") && first.missing > 3*Frame { // RFC 3550 A.1: two in a row are enough
				t.Errorf("at the change: %+v", first)
			}
			r := listen(t, &b, p, now+4*time.Second, time.Second)
			if r.missing != 0 || r.longest > 8*80 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Anything at all: no panic, never more than the ring.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 160, 1, 160, 2, 80, 3, 0, 200, 255})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var b Buffer
		var s Step
		var now time.Duration
		ts := uint32(0xfffffe00)
		for len(ops) >= 2 {
			op, arg := ops[0], ops[1]
			ops = ops[2:]
			switch op % 8 {
			case 0, 1, 2:
				b.Put(uint64(op>>7), ts, make([]byte, arg), now)
				ts += uint32(arg)
			case 3:
				ts += uint32(int32(int8(arg))) << (op >> 4)
			case 4:
				now += time.Duration(arg) * ms
			case 5:
				b.Put(1, ts, make([]byte, int(arg)*8), now)
			default:
				if b.Take(&s, now) {
					if s.First {
						b.Before(make([]byte, int(arg)*10))
					}
					switch b.Wish() {
					case Skip:
						b.Extra(&s)
					case Repeat:
						b.Delay(now)
					}
				}
				now += 20 * ms
			}
			if w := b.Waiting(); w > size {
				t.Fatalf("%d are waiting", w)
			}
		}
	})
}

func BenchmarkBuffer(b *testing.B) {
	var buf Buffer
	var s Step
	payload := make([]byte, Frame)
	var ts uint32
	var now time.Duration
	b.ReportAllocs()
	for b.Loop() {
		buf.Put(1, ts, payload, now)
		buf.Take(&s, now+10*ms)
		ts += Frame
		now += 20 * ms
	}
}
