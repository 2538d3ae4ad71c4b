package exchange

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// owners is what the scripted calls of a test know of legs, to be checked from outside.
type owners struct {
	t    *testing.T
	mu   sync.Mutex
	of   map[callstate.LegID]callstate.CallID
	seen map[callstate.LegID][]int // statuses of LegProgress, in the order in which some call saw them

	asked, answered int
}

// steps is a call that gives what it has to whoever asks, and asks for the leg that a TimerFired means.
func (o *owners) steps(s *script, in callstate.Input) []callstate.Command {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch ev := in.Ev.(type) {
	case callstate.LegOffered:
		o.of[ev.Leg] = s.id
	case callstate.LegProgress:
		if o.of[ev.Leg] != s.id {
			o.t.Errorf("call %d sees an event of leg %v, which call %d has", s.id, ev.Leg, o.of[ev.Leg])
		}
		o.seen[ev.Leg] = append(o.seen[ev.Leg], ev.Status)
	case callstate.TimerFired:
		o.asked++
		want := leg(callstate.CallID(ev.ID.N), 1)
		return []callstate.Command{callstate.Fetch{Call: s.id, Token: ev.ID.N, Leg: want}}
	case callstate.LegsWanted:
		if ev.By == s.id || o.of[ev.Leg] != s.id {
			return []callstate.Command{callstate.RefuseLegs{To: ev.By, Token: ev.Token, Status: 481}}
		}
		o.of[ev.Leg] = 0 // nobody's, until it is handed
		return []callstate.Command{callstate.HandOver{To: ev.By, Token: ev.Token, Parcel: parcelOf(ev.Leg)}}
	case callstate.LegsHanded:
		o.answered++
		for _, l := range ev.Parcel.Legs {
			o.of[l.ID] = s.id
		}
	case callstate.LegsRefused:
		o.answered++
	}
	return nil
}

func parcelOf(legs ...callstate.LegID) callstate.Parcel {
	p := callstate.Parcel{Transferor: legs[0]}
	for _, id := range legs {
		p.Legs = append(p.Legs, callstate.Leg{ID: id, State: callstate.LegUp, Port: true})
	}
	return p
}

func newOwners(t *testing.T) *owners {
	return &owners{t: t, of: map[callstate.LegID]callstate.CallID{}, seen: map[callstate.LegID][]int{}}
}

// ask has a call fetch the first leg of another. Only the test makes the id of such a timer.
func ask(by, of callstate.CallID) callstate.Event {
	return callstate.TimerFired{ID: callstate.TimerID{Call: by, N: uint32(of)}}
}

// legsMoved is how many legs are not at home.
func (x *Exchange) legsMoved() int {
	x.moved.mu.Lock()
	defer x.moved.mu.Unlock()
	return len(x.moved.home)
}

// While legs go to and fro between three calls that ask each other all at once, none of their events is lost, comes out
// of order, or comes to a call that does not have the leg; and every Fetch is answered once (T9).
func TestHandOverKeepsOrder(t *testing.T) {
	const events = 300 // of three phones, in any one mailbox: below its hard limit
	synctest.Test(t, func(t *testing.T) {
		o := newOwners(t)
		g := newRig(t, Config{}, o.steps)
		g.Exchange.ids.Store(0)
		ids := []callstate.CallID{g.call(), g.call(), g.call()}
		synctest.Wait()
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() { // the phone of each call's leg
				for i := range events {
					g.Post(progress(id, i))
				}
			})
			for _, by := range ids {
				wg.Go(func() { // and everybody wants every leg
					for range events / 4 {
						g.Post(ask(by, id))
					}
				})
			}
		}
		wg.Wait()
		synctest.Wait()
		for _, id := range ids {
			var want []int
			for i := range events {
				want = append(want, i)
			}
			if got := o.seen[leg(id, 1)]; !slices.Equal(got, want) {
				t.Errorf("leg of call %d: %d events, expected %d in order: %v", id, len(got), events, got)
			}
		}
		if want := 9 * (events / 4); o.asked != want || o.answered != want {
			t.Errorf("%d questions, %d answers, expected %d of both", o.asked, o.answered, want)
		}
		g.close()
		if n := g.legsMoved(); n != 0 {
			t.Errorf("%d legs are still on the books", n)
		}
	})
}

// room is a rig of which calls stop where a test wants them to: in the step of the event for which wait has a channel.
type room struct {
	*rig
	*owners
	mu   sync.Mutex
	wait map[callstate.CallID]chan struct{} // the next step of that call waits for it
	boom map[string]bool                    // "call Type": that step panics
}

func newRoom(t *testing.T) *room {
	r := &room{owners: newOwners(t), wait: map[callstate.CallID]chan struct{}{}, boom: map[string]bool{}}
	r.rig = newRig(t, Config{}, func(s *script, in callstate.Input) []callstate.Command {
		r.mu.Lock()
		ch := r.wait[s.id]
		delete(r.wait, s.id)
		boom := r.boom[fmt.Sprintf("%d %T", s.id, in.Ev)]
		r.mu.Unlock()
		if ch != nil {
			<-ch
		}
		if boom {
			panic("a bad step")
		}
		out := r.steps(s, in)
		if handed, ok := in.Ev.(callstate.LegsHanded); ok {
			for _, l := range handed.Parcel.Legs {
				s.shows.Legs = append(s.shows.Legs, callstate.LegSummary{ID: l.ID})
			}
		}
		if _, ok := in.Ev.(callstate.LegsWanted); ok && len(out) > 0 {
			if _, gives := out[0].(callstate.HandOver); gives {
				s.shows.Legs = nil
				out = append([]callstate.Command{callstate.Locate{Call: s.id, Number: "before"}}, out...)
			}
		}
		return out
	})
	r.Exchange.ids.Store(0) // so that the calls are 1, 2, 3
	return r
}

// block has the next step of a call wait until the returned func is called, and posts an event for it to wait in.
func (r *room) block(id callstate.CallID) (free func()) {
	ch := make(chan struct{})
	r.mu.Lock()
	r.wait[id] = ch
	r.mu.Unlock()
	r.Post(confirmed(id))
	synctest.Wait()
	return func() { close(ch) }
}

func (r *room) refused() int {
	r.owners.mu.Lock()
	defer r.owners.mu.Unlock()
	return r.answered
}

// in runs a test of two calls in a bubble, and checks at its end that nothing of them is left.
func inRoom(t *testing.T, f func(t *testing.T, r *room, x, y callstate.CallID)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		x, y := r.call(), r.call()
		synctest.Wait()
		f(t, r, x, y)
		synctest.Wait()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		r.expectEmpty()
		if n := r.legsMoved(); n != 0 {
			t.Errorf("%d legs are still on the books", n)
		}
		for _, id := range []callstate.CallID{x, y} { // whatever happened, every leg was hung up and closed, once
			for _, want := range []string{fmt.Sprintf("hangup %v", leg(id, 1)), fmt.Sprintf("close %v", leg(id, 1))} {
				if n := strings.Count(r.commands(), want); n != 1 {
					t.Errorf("%q %d times in: %s", want, n, r.commands())
				}
			}
		}
	})
}

// What waits for a leg in the mailbox of its old call goes with it, in order, behind the news of it; all else stays.
func TestHandOverTakesWhatWaits(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
		free := r.block(y)
		r.Post(ask(x, y)) // LegsWanted is in the mailbox of y now
		synctest.Wait()
		for i := range 20 {
			r.Post(progress(y, i))
		}
		free()
		synctest.Wait()
		r.Post(progress(y, 20))
		synctest.Wait()
		if got := r.seen[leg(y, 1)]; len(got) != 21 || !slices.IsSorted(got) || r.of[leg(y, 1)] != x {
			t.Errorf("call %d has it; seen %v", r.of[leg(y, 1)], got)
		}
	})
}

// The call that asked is over when the answer comes: the legs are hung up, and a request about them is refused.
func TestHandOverToNobody(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
		free := r.block(y)
		r.Post(ask(x, y))
		synctest.Wait()
		r.Post(reoffered(y, 1))
		r.calls.get(x).force(callstate.Cause{Kind: callstate.Failed})
		synctest.Wait()
		free()
		synctest.Wait()
		if !strings.Contains(r.commands(), "hangup 2/1 failed; close 2/1") {
			t.Errorf("the leg was not ended: %s", r.commands())
		}
		r.calls.get(y).force(callstate.Cause{Kind: callstate.Failed})
		synctest.Wait()
		if r.Post(reoffered(y, 2)) {
			t.Error("a request about a leg that is gone was taken")
		}
	})
}

// The legs are in the mailbox of a call that is ended before it looks at them.
func TestHandOverUnread(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
		r.Post(ask(x, y))
		free := r.block(x)
		synctest.Wait()
		r.calls.get(x).force(callstate.Cause{Kind: callstate.Failed})
		free()
	})
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
		freeY := r.block(y)
		r.Post(ask(x, y))
		synctest.Wait()
		free := r.block(x)
		freeY()
		synctest.Wait() // now the legs wait for x
		r.calls.get(x).force(callstate.Cause{Kind: callstate.Failed})
		free()
		synctest.Wait()
		if !strings.Contains(r.commands(), "hangup 2/1") {
			t.Errorf("the leg was not ended: %s", r.commands())
		}
	})
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) { // and when events pour in until it is ended
		freeY := r.block(y)
		r.Post(ask(x, y))
		synctest.Wait()
		free := r.block(x)
		freeY()
		synctest.Wait()
		for range hardLimit + 10 {
			r.Post(progress(x, 1))
		}
		free()
	})
}

// The call that is asked is gone, or goes before it answers: the exchange answers.
func TestHandOverFromNobody(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
		r.Post(ask(x, 77)) // never was
		r.calls.get(y).force(callstate.Cause{Kind: callstate.Failed})
		synctest.Wait()
		r.Post(ask(x, y))
		synctest.Wait()
		if r.refused() != 2 {
			t.Errorf("%d of 2 questions were answered", r.answered)
		}
	})
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
		free := r.block(y)
		r.Post(ask(x, y))
		synctest.Wait()
		r.calls.get(y).force(callstate.Cause{Kind: callstate.Failed})
		free()
		synctest.Wait()
		if r.refused() != 1 {
			t.Errorf("%d of 1 questions were answered", r.answered)
		}
	})
}

// A panic on either side loses no leg, and leaves no question without its answer.
func TestHandOverPanics(t *testing.T) {
	for name, boom := range map[string]string{"who is asked": "2 callstate.LegsWanted", "who gets them": "1 callstate.LegsHanded"} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
				r.boom[boom] = true
				r.Post(ask(x, y))
				synctest.Wait()
				if strings.HasPrefix(boom, "2") && r.refused() != 1 {
					t.Errorf("%d of 1 questions were answered", r.answered)
				}
			})
		})
	}
	t.Run("before the legs are given", func(t *testing.T) {
		inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
			r.on = func(c callstate.Command) {
				if _, ok := c.(callstate.Locate); ok {
					panic("a bad adapter")
				}
			}
			r.Post(ask(x, y))
			synctest.Wait()
			if r.refused() != 1 || r.of[leg(y, 1)] != x {
				t.Errorf("%d of 1 questions were answered, call %d has the leg", r.answered, r.of[leg(y, 1)])
			}
		})
	})
}

// An INVITE with Replaces goes to the call that has the leg, wherever that was born, and follows it.
func TestReplacesFindsItsCall(t *testing.T) {
	replaces := func(id, place callstate.CallID) callstate.LegOffered {
		ev := offer(id)
		ev.Replaces.Leg = leg(place, 1)
		return ev
	}
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
		r.Post(ask(x, y))
		synctest.Wait()
		if !r.Post(replaces(50, y)) {
			t.Error("refused")
		}
		r.Post(progress(50, 180)) // the new leg's events too
		synctest.Wait()
		if r.of[leg(50, 1)] != x || len(r.seen[leg(50, 1)]) != 1 {
			t.Errorf("call %d has the new leg", r.of[leg(50, 1)])
		}
		if r.calls.get(50) != nil {
			t.Error("a call was started")
		}
		if r.Post(replaces(51, 77)) {
			t.Error("taken, though nobody has that leg")
		}
	})
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) { // the leg moves while it waits
		free := r.block(y)
		r.Post(ask(x, y))
		synctest.Wait()
		r.Post(replaces(50, y))
		r.Post(progress(50, 180))
		free()
		synctest.Wait()
		if r.of[leg(50, 1)] != x || len(r.seen[leg(50, 1)]) != 1 {
			t.Errorf("call %d has the new leg, seen %v", r.of[leg(50, 1)], r.seen)
		}
	})
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) { // its call ends while it waits
		free := r.block(y)
		r.Post(replaces(50, y))
		r.calls.get(y).force(callstate.Cause{Kind: callstate.Failed})
		free()
		synctest.Wait()
		if !strings.Contains(r.commands(), "hangup 50/1") {
			t.Errorf("nobody answers the INVITE: %s", r.commands())
		}
	})
}

// A leg that is over leaves nothing behind in the call that it came to, however long that goes on: neither one that was
// refused nor one that was handed over.
func TestEndedLegsAreForgotten(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room, x, y callstate.CallID) {
		r.Post(ask(x, y))
		synctest.Wait()
		for id := range callstate.CallID(100) {
			ev := offer(1000 + id)
			ev.Replaces.Leg = leg(y, 1)
			r.Post(ev)
			r.Post(callstate.LegEnded{On: callstate.On{Leg: ev.Leg}})
		}
		synctest.Wait()
		if n, kept := r.legsMoved(), len(r.calls.get(x).adopted); n != 1 || kept != 1 {
			t.Errorf("%d legs are not at home and the call keeps %d, expected 1: the one that was handed over", n, kept)
		}
		r.Post(callstate.LegEnded{On: callstate.On{Leg: leg(y, 1)}})
		synctest.Wait()
		if n, kept := r.legsMoved(), len(r.calls.get(x).adopted); n != 0 || kept != 0 {
			t.Errorf("%d legs are not at home and the call keeps %d, after all have ended", n, kept)
		}
	})
}

// Legs cannot move between the moment in which their call is looked up and that in which the event is in its mailbox.
func TestLookUpAndPostAreOne(t *testing.T) {
	g := newRig(t, Config{}, nil)
	id := g.call()
	r := g.calls.get(id)
	r.mu.Lock()
	done := make(chan struct{})
	go func() {
		g.Post(progress(id, 180)) // waits for the mailbox
		close(done)
	}()
	held, end := 0, time.Now().Add(10*time.Second)
	for ; held < 1000 && time.Now().Before(end); runtime.Gosched() {
		if g.moved.mu.TryLock() {
			g.moved.mu.Unlock()
			held = 0
		} else {
			held++
		}
	}
	r.mu.Unlock()
	<-done
	if held < 1000 {
		t.Error("legs could have moved while an event was on its way")
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}
