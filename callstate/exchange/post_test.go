package exchange

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// Events of one call are taken in the order of posting, one at a time, also while many post and while the goroutine
// comes and goes.
func TestOrder(t *testing.T) {
	const posters, events = 8, 500
	synctest.Test(t, func(t *testing.T) {
		var inside atomic.Int32
		var seen []int
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			if inside.Add(1) != 1 {
				t.Error("two steps of one call at once")
			}
			defer inside.Add(-1)
			if e, ok := in.Ev.(callstate.LegProgress); ok {
				seen = append(seen, e.Status)
			}
			return nil
		})
		id := g.call()
		var wg sync.WaitGroup
		for p := range posters {
			wg.Go(func() {
				for i := range events {
					g.Post(progress(id, p*events+i))
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if len(seen) != posters*events {
			t.Fatalf("expected %d events, got %d", posters*events, len(seen))
		}
		last := map[int]int{}
		for _, n := range seen {
			p := n / events
			if want := p*events + last[p]; n != want {
				t.Fatalf("poster %d: expected event %d, got %d", p, want, n)
			}
			last[p]++
		}
		g.close()
	})
}

// Commands are carried out in order, and what an adapter posts meanwhile comes after all of them.
func TestCommandsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g *rig
		g = newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			switch in.Ev.(type) {
			case callstate.LegOffered:
				return []callstate.Command{
					callstate.OpenMedia{Leg: leg(s.id, 1)}, callstate.Ring{Status: 180}, callstate.Ring{Status: 181},
					callstate.Connect{Leg: leg(s.id, 1)},
				}
			case callstate.Connected:
				return []callstate.Command{callstate.Ring{Status: 183}}
			}
			return nil
		})
		g.on = func(c callstate.Command) {
			if c, ok := c.(callstate.OpenMedia); ok {
				g.Post(callstate.Connected{On: callstate.On{Leg: c.Leg}})
			}
		}
		g.call()
		synctest.Wait()
		if got, want := g.commands(), "callstate.OpenMedia; ring 180; ring 181; connect 1/1; ring 183"; got != want {
			t.Errorf("expected %s\ngot %s", want, got)
		}
		g.close()
	})
}

// A call whose mailbox holds 256 events refuses new requests, and only these.
func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		steps := 0
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command { <-gate; steps++; return nil })
		id := g.call()
		synctest.Wait() // the offer is out of the mailbox, in its step
		for i := range requestLimit {
			if !g.Post(reoffered(id, uint32(i))) {
				t.Fatalf("request %d was refused", i)
			}
		}
		on := callstate.On{Leg: leg(id, 1)}
		for _, row := range []struct {
			ev    callstate.Event
			taken bool
		}{
			{reoffered(id, 0), false},
			{callstate.ReferReceived{On: on}, false},
			{callstate.DigitReceived{On: on, Via: callstate.ByInfo}, false},
			{callstate.Requested{ID: id}, false},
			{offer(id), false},
			{callstate.DigitReceived{On: on, Via: callstate.ByEvent}, true},
			{callstate.LegEnded{On: on}, true},
			{callstate.TimerFired{ID: callstate.TimerID{Call: id}}, true},
			{confirmed(id), true},
		} {
			if got := g.Post(row.ev); got != row.taken {
				t.Errorf("%T: expected %v, got %v", row.ev, row.taken, got)
			}
		}
		err := g.Do(t.Context(), id, callstate.End{})
		if e, ok := err.(*callstate.Error); !ok || e.Kind != callstate.Overloaded {
			t.Errorf("Do: expected %q, got %v", callstate.Overloaded, err)
		}
		close(gate)
		synctest.Wait()
		if want := 1 + requestLimit + 4; steps != want {
			t.Errorf("expected %d steps, got %d", want, steps)
		}
		if got := g.Counts().Refused; got != 6 {
			t.Errorf("expected 6 refusals, got %d", got)
		}
		g.close()
	})
}

// A mailbox at its hard bound ends the call.
func TestHardLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command { <-gate; return nil })
		id := g.call()
		synctest.Wait()
		for range hardLimit + 5 {
			if !g.Post(confirmed(id)) {
				t.Fatal("an event of the reserve was refused")
			}
		}
		close(gate)
		synctest.Wait()
		if got, want := g.commands(), "hangup 1/1 overload; close 1/1"; got != want {
			t.Errorf("expected %s, got %s", want, got)
		}
		if c := g.Counts(); c.Calls != 0 || c.Goroutines != 0 || c.Dropped != hardLimit+5 || c.ByForce != 1 {
			t.Errorf("counts after the end: %+v", c)
		}
	})
}

// Events for a call that is gone are dropped; only requests are told so.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command { return s.ended() })
		id := g.call()
		synctest.Wait()
		for _, id := range []callstate.CallID{id, 4711} {
			if !g.Post(confirmed(id)) {
				t.Error("LegConfirmed of a gone call was refused")
			}
			if g.Post(reoffered(id, 1)) {
				t.Error("LegReoffered of a gone call was taken")
			}
		}
		if got := g.Counts(); got.Dropped != 4 || got.Calls != 0 {
			t.Errorf("expected 4 dropped events and no call, got %+v", got)
		}
	})
}

func TestMaxCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{MaxCalls: 2}, func(s *script, in callstate.Input) []callstate.Command {
			if _, ok := in.Ev.(callstate.LegEnded); ok {
				return s.ended()
			}
			return nil
		})
		first := g.call()
		g.call()
		if g.Post(offer(g.NewCallID())) {
			t.Error("a third call was taken")
		}
		g.Post(callstate.LegEnded{On: callstate.On{Leg: leg(first, 1)}})
		synctest.Wait()
		g.call()
		g.close()
	})
}

// The same call offered from many goroutines starts once; the other offers are events of it.
func TestOneCallPerID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var offers atomic.Int32
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command { offers.Add(1); return nil })
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { g.Post(offer(1)) })
		}
		wg.Wait()
		synctest.Wait()
		if c := g.Counts(); c.Started != 1 || c.Calls != 1 || offers.Load() != 50 {
			t.Errorf("expected one call with 50 offers, got %d offers, %+v", offers.Load(), c)
		}
		g.close()
	})
}

func TestUnbound(t *testing.T) {
	if New(Config{}).Post(offer(1)) {
		t.Error("a call started without adapters")
	}
}

// A process started a millisecond later cannot meet an id of the earlier one, and every id survives JSON.
func TestCallIDs(t *testing.T) {
	at := time.Date(2065, 1, 1, 0, 0, 0, 0, time.UTC)
	first, next := firstID(at), firstID(at.Add(time.Millisecond))
	if next-first != 1<<12 || next >= 1<<53 {
		t.Errorf("ids start at %d and %d", first, next)
	}
	if got := firstID(time.Unix(0, 0)); got != 0 {
		t.Errorf("a clock before 2000: expected 0, got %d", got)
	}
	x := New(Config{})
	if a, b := x.NewCallID(), x.NewCallID(); a == 0 || b != a+1 {
		t.Errorf("ids %d, %d", a, b)
	}
}

func TestMailbox(t *testing.T) {
	var m mailbox
	pushed, popped := 0, 0
	push := func(n int) {
		for range n {
			m.push(progress(1, pushed))
			pushed++
		}
	}
	pop := func(n int) {
		t.Helper()
		for range n {
			if got := m.pop().(callstate.LegProgress).Status; got != popped {
				t.Fatalf("expected event %d, got %d", popped, got)
			}
			popped++
		}
	}
	push(5)
	pop(3)
	push(6) // wraps round
	push(9) // grows while wrapped
	pop(10)
	push(mailboxKeep)
	pop(m.n)
	if m.pop() != nil || m.ring != nil {
		t.Error("the empty mailbox holds on to something")
	}
}
