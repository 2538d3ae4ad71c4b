package exchange

import (
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

func TestListAndGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			if _, ok := in.Ev.(callstate.LegEnded); ok {
				s.shows.State = callstate.ShownEnded // its legs go on ending
			}
			return nil
		})
		if got := g.List(); got == nil || len(got) != 0 {
			t.Errorf("expected an empty list, got %v", got)
		}
		var ids []callstate.CallID
		for range 200 {
			ids = append(ids, g.call())
			time.Sleep(time.Millisecond)
		}
		for _, id := range ids[:100] {
			g.Post(callstate.LegEnded{On: callstate.On{Leg: leg(id, 1)}})
		}
		synctest.Wait()
		list := g.List()
		if len(list) != 100 || g.Get(ids[0]) != nil || g.Get(4711) != nil {
			t.Fatalf("expected 100 calls and nothing of the ended, got %d", len(list))
		}
		for i, s := range list {
			if s.ID != ids[100+i] || g.Get(s.ID) != s {
				t.Errorf("row %d: expected call %d, got %d", i, ids[100+i], s.ID)
			}
		}
		g.close()
	})
}

// A call can be found as soon as it was taken, before its first step.
func TestListedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command { <-gate; return nil })
		id := g.call()
		if s := g.Get(id); s == nil || s.Caller.Number != "2000" || s.CallerDialled != "2001" || s.State != callstate.ShownSetup {
			t.Errorf("expected 2000 to 2001 in set-up, got %+v", s)
		}
		close(gate)
		g.close()
	})
}

// Lists are whole while thousands start and end: calls that stay are in each of them, in order, never an ended one
// (edge case A9).
func TestListUnderChurn(t *testing.T) {
	g := newRig(t, Config{Log: slog.New(slog.DiscardHandler)}, telling)
	const stay = 500
	for range stay {
		g.call()
	}
	last := g.NewCallID()
	over := make(chan struct{})
	var churn sync.WaitGroup
	for range 4 {
		churn.Go(func() {
			for range 2000 {
				g.life(g.NewCallID())
			}
		})
	}
	go func() { churn.Wait(); close(over) }()
	for done := false; !done; {
		select {
		case <-over:
			done = true
		default:
		}
		staying := 0
		var before *callstate.Summary
		for _, s := range g.List() {
			if s.ID < last {
				staying++
			}
			if s.State == callstate.ShownEnded {
				t.Fatalf("call %d is listed though it has ended", s.ID)
			}
			if before != nil && s.Started.Mono < before.Started.Mono {
				t.Fatalf("call %d is listed after the younger %d", s.ID, before.ID)
			}
			before = s
		}
		if staying != stay {
			t.Fatalf("expected %d calls that stay, got %d", stay, staying)
		}
	}
	g.close()
}

// A call that an application places is listed at once with whom its caller is seen as.
func TestPlacedIsShown(t *testing.T) {
	alice := callstate.Party{Number: "1000", Name: "Tom Smith"}
	for want, ev := range map[callstate.Party]callstate.CallPlaced{
		alice:            {From: "9990", To: "2001", Shows: alice},
		{Number: "9990"}: {From: "9990", To: "2001"},
	} {
		if s := placed(ev); s.Shown != want || s.Caller.Number != "9990" {
			t.Errorf("expected 9990, seen as %+v, got %+v", want, s)
		}
	}
	if s := offers(callstate.LegOffered{From: alice}); s.Shown != alice {
		t.Errorf("expected %+v, got %+v", alice, s.Shown)
	}
}
