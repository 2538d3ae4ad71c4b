package exchange

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// stoppable ends after it was told to, once its leg has ended; a call that is stubborn does not listen.
func stoppable(stubborn bool) func(s *script, in callstate.Input) []callstate.Command {
	return func(s *script, in callstate.Input) []callstate.Command {
		switch in.Ev.(type) {
		case callstate.Stopping:
			if !stubborn {
				return []callstate.Command{callstate.HangUp{Leg: leg(s.id, 1), Cause: callstate.Cause{Kind: callstate.Shutdown}}}
			}
		case callstate.LegEnded:
			return s.ended()
		}
		return nil
	}
}

// Calls that end by themselves while the exchange drains are left alone; new ones are refused (edge case O7).
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, stoppable(false))
		id := g.call()
		time.AfterFunc(time.Minute, func() {
			if g.Post(offer(g.NewCallID())) {
				t.Error("a call was taken while draining")
			}
			if err := g.Do(t.Context(), 4711, callstate.End{}); kindOf(err) != callstate.NoSuchCall {
				t.Error(err)
			}
			g.Post(callstate.LegEnded{On: callstate.On{Leg: leg(id, 1)}})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := g.Stop(ctx); err != nil || g.Now().Mono != time.Minute {
			t.Errorf("expected the end of the call after a minute, got %v after %v", err, g.Now().Mono)
		}
		if got := g.commands(); got != "" {
			t.Errorf("expected no command, got %s", got)
		}
		g.close()
	})
}

// When the time to drain is over, calls are told to end, and get the time to do it.
func TestStopTellsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, stoppable(false))
		g.on = func(c callstate.Command) {
			if c, ok := c.(callstate.HangUp); ok { // the BYE is answered after a while
				time.AfterFunc(2*time.Second, func() { g.Post(callstate.LegEnded{On: callstate.On{Leg: c.Leg}}) })
			}
		}
		for range 100 {
			g.call()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := g.Stop(ctx); err != nil || g.Now().Mono != time.Hour+2*time.Second {
			t.Errorf("expected the end after 1h0m2s, got %v after %v", err, g.Now().Mono)
		}
		if c := g.Counts(); c.Calls != 0 || c.Goroutines != 0 || c.ByForce != 0 {
			t.Errorf("after Stop: %+v", c)
		}
	})
}

// A call that does not listen is ended by force.
func TestStopByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{StopWait: 3 * time.Second}, stoppable(true))
		g.call()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.Stop(ctx); err == nil || g.Now().Mono != 3*time.Second {
			t.Errorf("expected an error after 3s, got %v after %v", err, g.Now().Mono)
		}
		if got, want := g.commands(), "hangup 1/1 shutdown; close 1/1"; got != want || g.Counts().Calls != 0 {
			t.Errorf("expected %s, got %s and %+v", want, got, g.Counts())
		}
	})
}

// Close cuts a Stop short: the second signal of an impatient operator.
func TestCloseDuringStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, stoppable(true))
		g.call()
		time.AfterFunc(time.Second, func() { g.close() })
		if err := g.Stop(t.Context()); err != nil || g.Now().Mono != time.Second {
			t.Errorf("expected the end after 1s, got %v after %v", err, g.Now().Mono)
		}
	})
}

// An adapter that blocks holds up its own call only: requests to it are answered, and Close does not hang.
func TestCloseWithBlockedAdapter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			if s.id == 1 {
				return []callstate.Command{callstate.Ring{Status: 180}}
			}
			return nil
		})
		g.on = func(c callstate.Command) {
			if _, ok := c.(callstate.Ring); ok {
				<-gate
			}
		}
		id := g.call()
		g.call()
		waiter := make(chan error, 1)
		go func() { waiter <- g.Do(context.Background(), id, callstate.Hold{}) }()
		synctest.Wait()
		if err := g.Close(); err == nil || g.Counts().Calls != 1 {
			t.Errorf("expected one call that does not end, got %v and %+v", err, g.Counts())
		}
		if err := <-waiter; kindOf(err) != callstate.NoSuchCall {
			t.Errorf("expected %q, got %v", callstate.NoSuchCall, err)
		}
		if s := g.Get(id); s != nil {
			t.Errorf("the call that was given up still shows %q", s.State)
		}
		close(gate)
		synctest.Wait()
		g.expectEmpty()
	})
}

// A call that starts at the very moment at which the exchange stops, too late to be seen by the walk over all calls,
// is told or ended like the others.
func TestStartCrossesStop(t *testing.T) {
	for name, row := range map[string]struct {
		stop func(g *rig)
		want string
	}{
		"stop": {func(g *rig) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			g.Stop(ctx)
		}, "hangup 1/1 shutdown"},
		"close": {func(g *rig) { g.Close() }, "hangup 1/1 shutdown; close 1/1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Config{}, stoppable(false))
				g.newCall = func(id callstate.CallID) stepper { // it has its place, and is not in the index yet
					go row.stop(g)
					synctest.Wait()
					return &script{id: id, steps: stoppable(false)}
				}
				g.call()
				synctest.Wait()
				if got := g.commands(); got != row.want {
					t.Errorf("expected %s, got %s", row.want, got)
				}
				g.close()
			})
		})
	}
}

// Calls that start while the exchange stops are either refused or ended too.
func TestStartRacesClose(t *testing.T) {
	for range 200 {
		g := newRig(t, Config{}, stoppable(true))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					g.Post(offer(g.NewCallID()))
				}
			})
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		g.expectEmpty()
		if c := g.Counts(); c.Started != c.ByForce || len(g.List()) != 0 {
			t.Fatalf("after Close: %+v", c)
		}
	}
}
