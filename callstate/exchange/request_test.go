package exchange

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

func kindOf(err error) callstate.ErrorKind {
	var e *callstate.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// answering replies to Hold at once, to ForwardCall one minute later, to SendKeys with a refusal, to Unhold never, and
// ends at End.
func answering(s *script, in callstate.Input) []callstate.Command {
	switch ev := in.Ev.(type) {
	case callstate.Requested:
		switch ev.Req.(type) {
		case callstate.Hold:
			s.shows.State = callstate.ShownHeld
			return []callstate.Command{callstate.Reply{Ref: ev.Ref}}
		case callstate.SendKeys:
			return []callstate.Command{callstate.Reply{Ref: ev.Ref, Err: &callstate.Error{Kind: callstate.WrongState}}}
		case callstate.ForwardCall:
			return []callstate.Command{callstate.StartTimer{ID: timer(s.id, uint32(ev.Ref)), After: time.Minute}}
		case callstate.End:
			return append([]callstate.Command{callstate.Reply{Ref: ev.Ref}}, s.ended()...)
		}
	case callstate.TimerFired:
		return []callstate.Command{callstate.Reply{Ref: uint64(ev.ID.N)}}
	}
	return nil
}

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, answering)
		id := g.call()
		if err := g.Do(t.Context(), id, callstate.Hold{}); err != nil {
			t.Errorf("Hold: %v", err)
		}
		if s := g.Get(id); s.State != callstate.ShownHeld { // whoever was answered sees the change
			t.Errorf("expected %q after the reply, got %q", callstate.ShownHeld, s.State)
		}
		if err := g.Do(t.Context(), id, callstate.SendKeys{}); kindOf(err) != callstate.WrongState {
			t.Errorf("SendKeys: expected %q, got %v", callstate.WrongState, err)
		}
		if err := g.Do(t.Context(), id, callstate.ForwardCall{}); err != nil || g.Now().Mono != time.Minute {
			t.Errorf("ForwardCall: expected a reply after a minute, got %v after %v", err, g.Now().Mono)
		}
		if err := g.Do(t.Context(), id, callstate.End{}); err != nil {
			t.Errorf("End: %v", err)
		}
		synctest.Wait()
		if err := g.Do(t.Context(), id, callstate.End{}); kindOf(err) != callstate.NoSuchCall {
			t.Errorf("End of an ended call: expected %q, got %v", callstate.NoSuchCall, err)
		}
	})
}

// The request of a client that went away goes on; its late reply is nobody's (edge case A5).
func TestDoContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, answering)
		id := g.call()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Do(ctx, id, callstate.ForwardCall{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("expected %v, got %v", context.DeadlineExceeded, err)
		}
		if err := g.Do(ctx, id, callstate.End{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that is over: expected %v, got %v", context.DeadlineExceeded, err)
		}
		time.Sleep(2 * time.Minute)
		if g.Get(id) == nil {
			t.Error("the call did not outlive the late reply")
		}
		g.close()
	})
}

// No request hangs: those that the call never answers are answered by its end, whichever way it ends, also those
// still in the mailbox (invariant I7).
func TestDoEndsWithCall(t *testing.T) {
	ends := map[string]func(g *rig, id callstate.CallID){
		"by itself": func(g *rig, id callstate.CallID) { g.Do(context.Background(), id, callstate.End{}) },
		"by force":  func(g *rig, id callstate.CallID) { g.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Config{}, answering)
				id := g.call()
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() {
						if err := g.Do(context.Background(), id, callstate.Unhold{}); kindOf(err) != callstate.NoSuchCall {
							t.Errorf("expected %q, got %v", callstate.NoSuchCall, err)
						}
					})
				}
				synctest.Wait()
				end(g, id)
				wg.Wait()
			})
		})
	}
}

// Many clients ask while the call ends: each gets an answer, and only one hung up (edge cases A1, A2).
func TestDoRacesEnd(t *testing.T) {
	for range 200 {
		g := newRig(t, Config{}, answering)
		id := g.call()
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range 8 {
			wg.Go(func() {
				switch err := g.Do(context.Background(), id, callstate.End{}); {
				case err == nil:
					mu.Lock()
					done++
					mu.Unlock()
				case kindOf(err) != callstate.NoSuchCall:
					t.Errorf("expected %q, got %v", callstate.NoSuchCall, err)
				}
			})
		}
		wg.Wait()
		if done != 1 {
			t.Fatalf("expected one success, got %d", done)
		}
		g.close()
	}
}
