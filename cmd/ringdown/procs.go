package main

import (
	"context"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// How many processors the Go runtime works with (GOMAXPROCS) follows the load. Whoever wakes up while another processor
// is idle wakes that one too, to look for work that is not there: with calls that one processor could carry, a second one
// cost a quarter of the CPU, and made the late messages later. So there are as few as will do, and all as soon as much
// has to wait.
const (
	procsTick  = 100 * time.Millisecond // how often it looks
	procsFull  = 0.9                    // busier than that, each, for procsRaise ticks in a row: more
	procsSpare = 0.8                    // less busy than that, each, with one less, for procsLower ticks in a row: one less
	procsRaise = 3
	procsLower = 10
	procsLate  = 10 * time.Millisecond // who has waited so long for a processor, being ready, is late
	procsLates = 0.01                  // a tick is late when more of those that waited in it were; three soon after each other: all
	procsHold  = 20                    // ticks after a raise in which none is taken away; twice as many after the next,
	procsLong  = 640                   // up to so many; once it went well for so many, procsHold again
)

// procs is the state of the rule, with as many as there may be and as there are. The zero value of the rest begins.
type procs struct {
	max, now    int
	full, spare int // ticks in a row
	late        int // 5 for a late tick, 1 less for each other
	wait        int // ticks until one may be taken away
	hold, calm  int // how long the last wait was; ticks since it began
}

// next is how many there should be after a tick in which so many were busy (1.5: one and a half), and such a part of what
// was ready had to wait for one for too long.
func (p *procs) next(busy, late float64) int {
	p.full, p.spare, p.late = p.full+1, p.spare+1, max(0, p.late-1)
	p.wait, p.calm = max(0, p.wait-1), p.calm+1
	if busy <= procsFull*float64(p.now) {
		p.full = 0
	}
	if busy >= procsSpare*float64(p.now-1) {
		p.spare = 0
	}
	if late > procsLates {
		p.late += 5
	}
	switch {
	case p.now < p.max && p.late > 10:
		p.raise(p.max)
	case p.now < p.max && p.full >= procsRaise:
		p.raise(max(p.now+1, int(math.Ceil(busy/procsSpare))))
	case p.now > 1 && p.spare >= procsLower && p.wait == 0:
		p.now, p.spare = p.now-1, 0
	}
	return p.now
}

func (p *procs) raise(to int) {
	p.hold = min(procsLong, 2*p.hold)
	if p.hold == 0 || p.calm > procsLong {
		p.hold = procsHold
	}
	p.now = min(p.max, to)
	p.full, p.spare, p.late, p.wait, p.calm = 0, 0, 0, p.hold, 0
}

// followLoad keeps GOMAXPROCS by the rule until stop. An operator who sets the environment variable GOMAXPROCS has the
// number that it says.
func followLoad(log *slog.Logger) (stop func()) {
	p := procs{max: runtime.GOMAXPROCS(0), now: 1}
	if _, known := cpuTime(); !known || p.max == 1 || os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		runtime.GOMAXPROCS(p.now)
		defer runtime.SetDefaultGOMAXPROCS()
		p.follow(ctx, log)
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// follow looks at the load again and again until ctx ends.
func (p *procs) follow(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(procsTick)
	defer tick.Stop()
	waits, at := newWaits(), time.Now()
	used, _ := cpuTime()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		cpu, _ := cpuTime()
		now := time.Now()
		busy, late, was := float64(cpu-used)/float64(now.Sub(at)), waits.late(), p.now
		used, at = cpu, now
		if n := p.next(busy, late); n != was {
			runtime.GOMAXPROCS(n)
			log.Debug("number of processors follows the load", "from", was, "to", n, "busy", busy, "late", late)
		}
	}
}

// waits tells how long goroutines that were ready waited for a processor; the runtime looks at one in eight.
type waits struct {
	sample    [1]metrics.Sample
	all, long uint64 // of the last time
}

func newWaits() *waits {
	w := &waits{sample: [1]metrics.Sample{{Name: "/sched/latencies:seconds"}}}
	w.late()
	return w
}

// late is the part that waited too long of those that waited since the last time: 0 to 1.
func (w *waits) late() float64 {
	metrics.Read(w.sample[:])
	if w.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0
	}
	h := w.sample[0].Value.Float64Histogram()
	all, long := uint64(0), uint64(0)
	for i, n := range h.Counts {
		all += n
		if h.Buckets[i] >= procsLate.Seconds() {
			long += n
		}
	}
	part := float64(long-w.long) / float64(max(1, all-w.all))
	w.all, w.long = all, long
	return part
}
