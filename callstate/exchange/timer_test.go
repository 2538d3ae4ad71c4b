package exchange

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

func timer(id callstate.CallID, n uint32) callstate.TimerID { return callstate.TimerID{Call: id, N: n} }

// Timers fire once, at their time, and not after StopTimer.
func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type firing struct {
			n  uint32
			at time.Duration
		}
		var fired []firing
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			switch ev := in.Ev.(type) {
			case callstate.LegOffered:
				return []callstate.Command{
					callstate.StartTimer{ID: timer(s.id, 1), After: 10 * time.Second},
					callstate.StartTimer{ID: timer(s.id, 2), After: 20 * time.Second},
					callstate.StartTimer{ID: timer(s.id, 3), After: 5 * time.Second},
				}
			case callstate.TimerFired:
				fired = append(fired, firing{ev.ID.N, in.At.Mono})
				if ev.ID.N == 1 {
					return []callstate.Command{callstate.StopTimer{ID: timer(s.id, 2)}, callstate.StopTimer{ID: timer(s.id, 9)}}
				}
			}
			return nil
		})
		g.call()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(fired) != 2 || fired[0] != (firing{3, 5 * time.Second}) || fired[1] != (firing{1, 10 * time.Second}) {
			t.Errorf("expected timer 3 at 5s and 1 at 10s, got %v", fired)
		}
		g.close()
	})
}

// The end of a call stops its timers, and one that it still starts does not run.
func TestFinishStopsTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			start := callstate.StartTimer{ID: timer(s.id, 1), After: time.Minute}
			if _, ok := in.Ev.(callstate.LegOffered); ok {
				return []callstate.Command{start}
			}
			start.ID.N++
			return append(s.ended(), start)
		})
		id := g.call()
		synctest.Wait()
		running := g.calls.get(id).alarms[0].timer
		g.Post(confirmed(id))
		synctest.Wait()
		if running.Stop() {
			t.Error("the timer runs on, and keeps the call in memory")
		}
		time.Sleep(time.Hour)
		if got := g.Counts().Dropped; got != 0 {
			t.Errorf("expected no late firing, got %d", got)
		}
		g.expectEmpty()
	})
}

// A timer that was stopped is used again for the next one; not when it has fired already and waits for its call, which has
// meanwhile stopped it and started another.
func TestTimerIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			if ev, ok := in.Ev.(callstate.TimerFired); ok {
				return []callstate.Command{callstate.Ring{Status: int(ev.ID.N)}}
			}
			return nil
		})
		id := g.call()
		synctest.Wait()
		r := g.calls.get(id)
		start := func(n uint32) *alarm {
			r.startTimer(callstate.StartTimer{ID: timer(id, n), After: time.Second})
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.alarms[len(r.alarms)-1]
		}
		first := start(1)
		r.stopTimer(timer(id, 1))
		if start(2) != first {
			t.Error("a timer that was stopped in time was not used again")
		}
		r.mu.Lock()
		time.Sleep(time.Second) // it fires, and waits for mu
		r.endAlarm(timer(id, 2))
		r.mu.Unlock()
		if start(3) == first {
			t.Error("a timer that is just firing was used again")
		}
		synctest.Wait()
		if got := g.commands(); got != "" {
			t.Errorf("a timer that was stopped fired: %s", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := g.commands(); got != "ring 3" {
			t.Errorf("expected timer 3 to fire, got %q", got)
		}
		if start(4).id != timer(id, 4) {
			t.Error("a timer that has fired is used again under its old id")
		}
	})
}

// Idle calls cost no goroutine, however long their timers run.
func TestIdleCallsHaveNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			return []callstate.Command{callstate.StartTimer{ID: timer(s.id, 1), After: time.Hour}}
		})
		for range 1000 {
			g.call()
		}
		synctest.Wait()
		if c := g.Counts(); c.Calls != 1000 || c.Goroutines != 0 {
			t.Errorf("expected 1000 calls without goroutines, got %+v", c)
		}
		if more := runtime.NumGoroutine() - before; more > maxResting+10 { // those of the test itself come and go
			t.Errorf("1000 idle calls have %d goroutines", more)
		}
		g.close()
		if got := g.Counts().ByForce; got != 1000 {
			t.Errorf("expected 1000 calls ended by force, got %d", got)
		}
	})
}

// Mono runs with the exchange, Wall is a plain wall time (edge case A18).
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := New(Config{})
		time.Sleep(90 * time.Second)
		now := x.Now()
		if now.Mono != 90*time.Second || !now.Wall.Equal(time.Now()) {
			t.Errorf("expected 1m30s and %v, got %v", time.Now(), now)
		}
		if now.Wall != now.Wall.Round(0) {
			t.Error("Wall carries a monotonic reading: it would not survive being written down")
		}
	})
}
