package main

import (
	"log/slog"
	"runtime"
	"testing"
	"time"
)

// TestProcs is the rule: after so many ticks of such a load, how many processors there are.
func TestProcs(t *testing.T) {
	type load struct {
		ticks      int
		busy, late float64
		want       int // at the end of them
	}
	for name, c := range map[string]struct {
		max   int
		loads []load
	}{
		"what one can carry stays on one": {2, []load{{1000, 0.85, 0, 1}}},
		"a short burst changes nothing":   {2, []load{{2, 1, 0, 1}, {1, 0.5, 0, 1}, {2, 1, 0, 1}}},
		"more than one can carry":         {2, []load{{2, 1, 0, 1}, {1, 1, 0, 2}, {600, 1.3, 0, 2}}},
		"never more than there are":       {2, []load{{600, 2, 0.5, 2}}},
		"as many as the load needs":       {16, []load{{3, 1, 0, 2}, {3, 2, 0, 3}, {3, 3, 0, 4}, {3, 3.7, 0, 5}, {300, 3.7, 0, 5}}},
		"one less after the hold":         {2, []load{{3, 1, 0, 2}, {19, 0.7, 0, 2}, {1, 0.7, 0, 1}}},
		"not while the load is near one":  {2, []load{{3, 1, 0, 2}, {600, 0.81, 0, 2}}},
		"step by step":                    {4, []load{{20, 3.9, 0, 4}, {20, 0.1, 0, 2}, {10, 0.1, 0, 1}}},
		"a single late tick is bad luck":  {4, []load{{1, 0.5, 1, 1}, {20, 0.5, 0, 1}, {1, 0.5, 1, 1}}},
		"three late ones: all":            {4, []load{{2, 0.1, 0.02, 1}, {1, 0.1, 0.02, 4}}},
		"also with others between":        {4, []load{{1, 0.1, 1, 1}, {1, 0.1, 0, 1}, {1, 0.1, 1, 1}, {1, 0.1, 0, 1}, {1, 0.1, 1, 4}}},
		"one in a hundred may be late":    {4, []load{{1000, 0.5, 0.01, 1}}},
		"each hold twice the last": {2, []load{{3, 1, 0, 2}, {20, 0, 0, 1}, {3, 1, 0, 2}, {39, 0, 0, 2}, {1, 0, 0, 1},
			{3, 1, 0, 2}, {79, 0, 0, 2}, {1, 0, 0, 1}}},
		"the first again after a calm time": {2, []load{{3, 1, 0, 2}, {20, 0, 0, 1}, {3, 1, 0, 2}, {700, 0, 0, 1}, {3, 1, 0, 2},
			{20, 0, 0, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := procs{max: c.max, now: 1}
			for i, l := range c.loads {
				got := 0
				for range l.ticks {
					got = p.next(l.busy, l.late)
				}
				if got != l.want {
					t.Fatalf("after load %d, %+v: %d", i, l, got)
				}
			}
		})
	}
}

// TestFollowLoad: an idle program has one processor, and gets the others as soon as it needs them; afterwards all are
// there again. Who says how many there are to be has them.
func TestFollowLoad(t *testing.T) {
	all := runtime.GOMAXPROCS(0)
	if _, known := cpuTime(); !known || all == 1 {
		t.Skip("one processor, or a system that does not tell what a process used")
	}
	t.Setenv("GOMAXPROCS", "")
	stop := followLoad(slog.New(slog.DiscardHandler))
	within(t, "one while idle", func() bool { return runtime.GOMAXPROCS(0) == 1 })
	quit := make(chan struct{})
	for range 2 {
		go func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
			}
		}()
	}
	within(t, "more under load", func() bool { return runtime.GOMAXPROCS(0) > 1 })
	close(quit)
	stop()
	if n := runtime.GOMAXPROCS(0); n != all {
		t.Errorf("%d afterwards, %d before", n, all)
	}
	t.Setenv("GOMAXPROCS", "7")
	followLoad(slog.New(slog.DiscardHandler))()
	if n := runtime.GOMAXPROCS(0); n != all {
		t.Errorf("%d, though the operator says how many", n)
	}
}

// within waits for ok, at most five seconds.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in 5 s: %s", what)
		}
	}
}
