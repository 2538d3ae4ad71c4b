package exchange

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"ringdown/callstate"
)

// A panic in a step or in an adapter ends that call, with everything that belongs to it, and no other.
func TestPanic(t *testing.T) {
	two := func(s *script) { s.shows.Legs = append(s.shows.Legs, callstate.LegSummary{ID: leg(s.id, 2)}) }
	for name, row := range map[string]struct {
		steps func(s *script, in callstate.Input) []callstate.Command
		want  string // commands
	}{
		"in a step": {
			steps: func(s *script, in callstate.Input) []callstate.Command {
				switch in.Ev.(type) {
				case callstate.LegOffered:
					two(s)
				case callstate.LegConfirmed:
					s.shows.Legs = nil // half of a step is not what the call shows
					panic("a bad step")
				}
				return nil
			},
			want: "hangup 1/1 failed; close 1/1; hangup 1/2 failed; close 1/2",
		},
		"in a command": {
			steps: func(s *script, in callstate.Input) []callstate.Command {
				if _, ok := in.Ev.(callstate.LegConfirmed); ok {
					two(s)
					return []callstate.Command{callstate.Locate{Number: "boom"}, callstate.Ring{Status: 180}}
				}
				return nil
			},
			want: "callstate.Locate; hangup 1/1 failed; close 1/1; hangup 1/2 failed; close 1/2",
		},
		"while it is recorded": {
			steps: func(s *script, in callstate.Input) []callstate.Command {
				switch in.Ev.(type) {
				case callstate.LegOffered:
					two(s)
					return []callstate.Command{callstate.StartRecord{Call: s.id, Ref: 7, File: "a.wav"}}
				case callstate.LegConfirmed:
					panic("a bad step")
				}
				return nil
			},
			want: "callstate.StartRecord; end-record 1/7; hangup 1/1 failed; close 1/1; hangup 1/2 failed; close 1/2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
					if s.id != 1 {
						return nil
					}
					return row.steps(s, in)
				})
				g.on = func(c callstate.Command) {
					if c, ok := c.(callstate.Locate); ok && c.Number == "boom" {
						panic("a bad adapter")
					}
				}
				var notices []callstate.Notice
				g.Watch(func(n callstate.Notice) { notices = append(notices, n) })
				id, other := g.call(), g.call()
				waiter := make(chan error)
				go func() { waiter <- g.Do(context.Background(), id, callstate.Hold{}) }()
				synctest.Wait()
				g.Post(confirmed(id))
				if err := <-waiter; kindOf(err) != callstate.NoSuchCall {
					t.Errorf("Do: expected %q, got %v", callstate.NoSuchCall, err)
				}
				synctest.Wait()
				if got := g.commands(); got != row.want {
					t.Errorf("expected %s\ngot %s", row.want, got)
				}
				if len(notices) != 1 || notices[0].Kind != callstate.NoticeEnded || notices[0].Cause.Kind != callstate.Failed ||
					notices[0].Summary.State != callstate.ShownEnded || len(notices[0].Summary.Legs) != 2 {
					t.Errorf("expected one ended, failed, with two legs, got %+v", notices)
				}
				for _, want := range []string{"level=ERROR", "event=callstate.LegConfirmed", "a bad", "end_test.go"} {
					if !strings.Contains(g.logged(), want) {
						t.Errorf("no %q in the log:\n%s", want, g.logged())
					}
				}
				if c := g.Counts(); c.Calls != 1 || c.Goroutines != 0 || c.Panics != 1 || g.Get(other) == nil {
					t.Errorf("expected only the other call to be there, got %+v", c)
				}
				g.close()
			})
		})
	}
}

// A first step that panics leaves the caller no dead dialog, and an adapter that panics again does not stop the rest.
func TestPanicInFirstStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command { panic("a bad step") })
		g.on = func(c callstate.Command) {
			if _, ok := c.(callstate.HangUp); ok {
				panic("a bad adapter")
			}
		}
		ended := 0
		g.Watch(func(n callstate.Notice) { ended++ })
		g.call()
		synctest.Wait()
		if got, want := g.commands(), "hangup 1/1 failed; close 1/1"; got != want || ended != 1 {
			t.Errorf("expected %s and one notice, got %s and %d", want, got, ended)
		}
		if c := g.Counts(); c.Calls != 0 || c.Panics != 2 || len(g.List()) != 0 {
			t.Errorf("expected no call, got %+v", c)
		}
	})
}

// A call that told of its end and panics afterwards does not tell again.
func TestPanicAfterEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			if _, ok := in.Ev.(callstate.LegConfirmed); ok {
				panic("a bad step")
			}
			return s.ended()[:1]
		})
		ended := 0
		g.Watch(func(n callstate.Notice) { ended++ })
		g.Post(confirmed(g.call()))
		synctest.Wait()
		if ended != 1 || g.Counts().ByForce != 1 || strings.Contains(g.logged(), "notice after the end") {
			t.Errorf("expected one notice, got %d; %s", ended, g.logged())
		}
		g.expectEmpty()
	})
}
