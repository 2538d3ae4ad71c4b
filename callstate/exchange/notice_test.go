package exchange

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"ringdown/callstate"
)

// telling publishes one notice per event, as the call moves on, and ends at LegEnded.
func telling(s *script, in callstate.Input) []callstate.Command {
	say := func(kind callstate.NoticeKind, shown callstate.Shown) []callstate.Command {
		s.shows.State = shown
		return []callstate.Command{callstate.Publish{Notice: callstate.Notice{Kind: kind, Summary: s.Summary()}}}
	}
	switch in.Ev.(type) {
	case callstate.LegOffered:
		return say(callstate.NoticeCreated, callstate.ShownSetup)
	case callstate.LegProgress:
		return say(callstate.NoticeRinging, callstate.ShownRinging)
	case callstate.LegAnswered:
		return say(callstate.NoticeAnswered, callstate.ShownInCall)
	case callstate.DigitReceived:
		return say(callstate.NoticeDigit, callstate.ShownInCall)
	case callstate.LegEnded:
		return s.ended()
	}
	return nil
}

// life posts the events of a whole call.
func (g *rig) life(id callstate.CallID) {
	on := callstate.On{Leg: leg(id, 1)}
	for _, ev := range []callstate.Event{
		offer(id), progress(id, 180), callstate.LegAnswered{On: on}, callstate.DigitReceived{On: on, Digit: "7"},
		callstate.LegEnded{On: on},
	} {
		g.Post(ev)
	}
}

const lifeNotices = "created ringing answered digit ended"

// Each watcher hears each call's notices in order, whatever other watchers do.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, telling)
		var mu sync.Mutex
		heard := map[callstate.CallID][]string{}
		g.Watch(func(callstate.Notice) { panic("a careless watcher") })
		g.Watch(func(n callstate.Notice) {
			mu.Lock()
			defer mu.Unlock()
			heard[n.Summary.ID] = append(heard[n.Summary.ID], string(n.Kind))
			if s := g.Get(n.Summary.ID); n.Kind == callstate.NoticeEnded && s != nil {
				t.Errorf("the ended call still shows %q", s.State)
			}
		})
		for range 50 {
			go g.life(g.NewCallID())
		}
		synctest.Wait()
		if len(heard) != 50 {
			t.Errorf("expected 50 calls, heard of %d", len(heard))
		}
		for id, kinds := range heard {
			if got := strings.Join(kinds, " "); got != lifeNotices {
				t.Errorf("call %d: expected %s, got %s", id, lifeNotices, got)
			}
		}
		if c := g.Counts(); c.Calls != 0 || c.Panics != 250 {
			t.Errorf("expected 250 panics of the watcher and no call harmed, got %+v", c)
		}
	})
}

// A watcher may stop itself and others, and hears nothing from then on.
func TestWatchStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, telling)
		var first, second, third int
		var stopFirst, stopThird func()
		stopFirst = g.Watch(func(callstate.Notice) { first++; stopFirst(); stopThird() })
		stopSecond := g.Watch(func(callstate.Notice) { second++ })
		stopThird = g.Watch(func(callstate.Notice) { third++ })
		g.life(g.NewCallID())
		synctest.Wait()
		stopSecond()
		stopSecond()
		g.life(g.NewCallID())
		synctest.Wait()
		if first != 1 || second != 5 || third != 0 {
			t.Errorf("expected 1, 5 and 0 notices, got %d, %d and %d", first, second, third)
		}
	})
}

// Nothing follows NoticeEnded (invariant I5).
func TestNothingAfterEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			return append(s.ended()[:1], s.ended()...)
		})
		n := 0
		g.Watch(func(callstate.Notice) { n++ })
		g.call()
		synctest.Wait()
		if n != 1 || !strings.Contains(g.logged(), "notice after the end") {
			t.Errorf("expected one notice and an error in the log, got %d notices\n%s", n, g.logged())
		}
	})
}

// Every change is one line, and no line holds a digit.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, telling)
		g.life(g.NewCallID())
		synctest.Wait()
		var got []string
		for line := range strings.Lines(g.logged()) {
			_, line, _ = strings.Cut(line, "level=")
			got = append(got, strings.TrimSpace(line))
		}
		want := []string{
			`INFO msg="call changed" call=1 event=created from="" to=setup caller=2000 callee=2001 dialled="" sip_call_id=a84b4c76e66710`,
			`INFO msg="call changed" call=1 event=ringing from=setup to=ringing caller=2000 callee=2001 sip_call_id=a84b4c76e66710`,
			`INFO msg="call changed" call=1 event=answered from=ringing to="in call" caller=2000 callee=2001 sip_call_id=a84b4c76e66710`,
			`DEBUG msg="call changed" call=1 event=digit from="in call" to="in call" caller=2000 callee=2001 sip_call_id=a84b4c76e66710`,
			`INFO msg="call changed" call=1 event=ended from="in call" to=ended caller=2000 callee=2001 sip_call_id=a84b4c76e66710`,
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("expected\n%s\ngot\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	})
}

// What a line says is where the line before it left off, where a transfer leads and who asked, and what the caller of a
// call without answer was told.
func TestLogSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
			say := func(shown callstate.Shown, n callstate.Notice) callstate.Command {
				s.shows.State = shown
				n.Summary = s.Summary()
				return callstate.Publish{Notice: n}
			}
			s.shows.CallerDialled = "0301234"
			s.shows.Legs[0].Trunk = "carrier"
			moved := callstate.Notice{Kind: callstate.NoticeTransferring, Target: "2002", ByPhone: true}
			gone := callstate.Notice{Kind: callstate.NoticeEnded, Cause: callstate.Cause{Kind: callstate.NoAnswer}}
			return []callstate.Command{
				say(callstate.ShownSetup, callstate.Notice{Kind: callstate.NoticeCreated}),
				say(callstate.ShownInCall, callstate.Notice{Kind: callstate.NoticeChanged}),
				say(callstate.ShownInCall, moved),
				say(callstate.ShownInCall, callstate.Notice{Kind: callstate.NoticeForwarded}),
				say(callstate.ShownEnded, gone), callstate.Finish{Call: s.id},
			}
		})
		g.call()
		synctest.Wait()
		for _, want := range []string{
			"event=created from=\"\" to=setup caller=2000 callee=2001 dialled=0301234 trunk=carrier ",
			"event=transferring from=setup to=\"in call\" caller=2000 callee=2001 target=2002 by=phone ",
			"event=forwarded from=\"in call\" to=\"in call\" caller=2000 callee=2001 by=application ",
			"event=ended from=\"in call\" to=ended caller=2000 callee=2001 cause=\"no answer\" status=480 ",
		} {
			if !strings.Contains(g.logged(), want) {
				t.Errorf("no line says %s\n%s", want, g.logged())
			}
		}
	})
}
