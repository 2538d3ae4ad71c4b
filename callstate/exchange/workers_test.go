package exchange

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"ringdown/callstate"
)

// Calls that all block at once keep no other from going on; when they go on, few of their workers rest, and none is left
// when the exchange is closed.
func TestWorkersRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		gate, steps := make(chan struct{}), 0
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			if _, ok := in.Ev.(callstate.LegConfirmed); ok {
				<-gate
			} else if _, ok := in.Ev.(callstate.LegReoffered); ok {
				steps++
			}
			return nil
		})
		var stuck []callstate.CallID
		for range 200 {
			id := g.call()
			g.Post(confirmed(id))
			stuck = append(stuck, id)
		}
		other := g.call()
		g.Post(reoffered(other, 1))
		synctest.Wait()
		if c := g.Counts(); steps != 1 || c.Goroutines != 200 {
			t.Errorf("beside 200 calls that block, one made %d steps of 1; %+v", steps, c)
		}
		close(gate)
		synctest.Wait()
		if n := len(g.workers.resting); n != maxResting {
			t.Errorf("expected %d workers to rest, got %d", maxResting, n)
		}
		for _, id := range stuck[:5] { // one after the other they need one worker
			g.Post(reoffered(id, 1))
			synctest.Wait()
		}
		if n := len(g.workers.resting); steps != 6 || n != maxResting {
			t.Errorf("%d steps of 6, %d workers rest", steps, n)
		}
		g.close()
		if len(g.workers.resting) != 0 {
			t.Error("workers rest in an exchange that is closed")
		}
		synctest.Wait()
		if more := runtime.NumGoroutine() - before; more > 5 { // those of the test itself come and go
			t.Errorf("%d goroutines are left", more)
		}
	})
}

// A call that once had more events than its first ring has slots keeps none of them.
func TestFirstRingKeepsNothing(t *testing.T) {
	r := &runner{}
	r.box.ring = r.first[:]
	for i := range uint32(2*mailboxMin + 1) {
		r.box.push(reoffered(1, i))
	}
	for r.box.pop() != nil {
	}
	if slices.ContainsFunc(r.first[:], func(ev callstate.Event) bool { return ev != nil }) {
		t.Errorf("the first ring keeps %v", r.first)
	}
}
