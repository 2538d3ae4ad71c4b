package channels

import (
	"slices"
	"sync"
	"testing"
	"time"

	"ringdown/callstate"
)

// wire is a callstate.Calls that can only be watched.
type wire struct {
	callstate.Calls
	mu sync.Mutex
	f  []func(callstate.Notice)
}

func (w *wire) Watch(f func(callstate.Notice)) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.f = append(w.f, f)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.f = nil
	}
}

// tell gives out that a call shows these legs.
func (w *wire) tell(kind callstate.NoticeKind, call callstate.CallID, legs ...callstate.LegSummary) {
	w.give(callstate.Notice{Kind: kind, Summary: summary(call, legs...)})
}

func (w *wire) give(n callstate.Notice) {
	w.mu.Lock()
	list := slices.Clone(w.f)
	w.mu.Unlock()
	for _, f := range list {
		f(n)
	}
}

func summary(call callstate.CallID, legs ...callstate.LegSummary) *callstate.Summary {
	return &callstate.Summary{ID: call, Legs: legs, Started: callstate.Time{Wall: time.Unix(1571981311, 0)}}
}

func leg(born callstate.CallID, n uint32, number string) callstate.LegSummary {
	return callstate.LegSummary{ID: callstate.LegID{Call: born, N: n}, Party: callstate.Party{Number: number}}
}

// TestNames are those of the vendor's page: the second and a counter; the number, or the trunk, and a counter of eight
// lower-case hex digits.
func TestNames(t *testing.T) {
	w := &wire{}
	n := New(w, Start{105, 0x25})
	trunk := leg(1, 3, "12345678")
	trunk.Trunk = "siptrunk"
	w.tell(callstate.NoticeAnswered, 1, leg(1, 1, "2000"), leg(1, 2, "1020"), trunk)
	if got := n.Call(1); got != "1571981311.105" {
		t.Error(got)
	}
	for k, want := range map[uint32]string{
		1: "PJSIP/2000-00000025", 2: "PJSIP/1020-00000026", 3: "PJSIP/trunk-siptrunk-endpoint-00000027", 4: "",
	} {
		if got := n.Channel(callstate.LegID{Call: 1, N: k}); got != want {
			t.Errorf("leg %d: got %q", k, got)
		}
	}
	w.tell(callstate.NoticeCreated, 2, leg(2, 1, "a\"b\\c\r\n"))
	if got := n.Channel(callstate.LegID{Call: 2, N: 1}); got != "PJSIP/a_b_c__-00000028" || n.Call(2) != "1571981311.106" {
		t.Error(got, n.Call(2))
	}
	if got := n.Call(3); got != "" {
		t.Error(got)
	}
}

// TestHandOver: a leg keeps its name, whichever of the two calls speaks first and last.
func TestHandOver(t *testing.T) {
	moves, stays := leg(1, 2, "2005"), leg(2, 1, "2000")
	give := func(w *wire) { w.tell(callstate.NoticeLeft, 1, leg(1, 1, "1020")) }
	end := func(w *wire) { w.tell(callstate.NoticeEnded, 1, leg(1, 1, "1020")) }
	take := func(w *wire) { w.tell(callstate.NoticeTransferred, 2, stays, moves) }
	for name, order := range map[string][]func(*wire){
		"giver first":           {give, end, take},
		"giver's end later":     {give, take, end},
		"receiver first":        {take, give, end},
		"giver says only ended": {take, end},
		"ended, then taken":     {end, take},
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{}
			n := New(w, Start{1, 1})
			w.tell(callstate.NoticeAnswered, 1, leg(1, 1, "1020"), moves)
			w.tell(callstate.NoticeAnswered, 2, stays)
			for _, step := range order {
				step(w)
			}
			// However long ago that was:
			for k := range callstate.CallID(maxGone + 1) {
				w.tell(callstate.NoticeEnded, 100+k, leg(100+k, 1, "2001"))
			}
			if got := n.Channel(moves.ID); got != "PJSIP/2005-00000002" {
				t.Errorf("got %q", got)
			}
			w.tell(callstate.NoticeTransferred, 2, stays, moves, leg(2, 9, "2009"))
			w.tell(callstate.NoticeEnded, 2)
			for k := range callstate.CallID(maxGone) {
				w.tell(callstate.NoticeEnded, 10000+k, leg(10000+k, 1, "2001"))
			}
			if got := n.Channel(moves.ID); got != "" {
				t.Errorf("not forgotten: %q", got)
			}
		})
	}
}

// TestPartiesThatHaveLeft: who talked before a transfer has its name still, and one that nobody ever saw gets one.
func TestPartiesThatHaveLeft(t *testing.T) {
	w := &wire{}
	n := New(w, Start{1, 1})
	w.tell(callstate.NoticeAnswered, 1, leg(1, 1, "2000"), leg(1, 2, "1020"))
	w.tell(callstate.NoticeLeft, 1, leg(1, 1, "2000"))
	w.give(callstate.Notice{Kind: callstate.NoticeTransferred, Summary: summary(1, leg(1, 1, "2000")),
		Parties: []callstate.LegSummary{leg(1, 1, "2000"), leg(1, 2, "1020"), leg(7, 1, "1021")}})
	for id, want := range map[callstate.LegID]string{
		{Call: 1, N: 1}: "PJSIP/2000-00000001", {Call: 1, N: 2}: "PJSIP/1020-00000002", {Call: 7, N: 1}: "PJSIP/1021-00000003",
	} {
		if got := n.Channel(id); got != want {
			t.Errorf("%v: got %q", id, got)
		}
	}
}

// TestNothingIsLeft: memory is bounded, whatever was seen, from many goroutines.
func TestNothingIsLeft(t *testing.T) {
	w := &wire{}
	n := New(w, Random())
	var wg sync.WaitGroup
	for g := range callstate.CallID(8) {
		wg.Go(func() {
			for i := range callstate.CallID(2000) {
				id := 10000*g + i + 1
				w.tell(callstate.NoticeRinging, id, leg(id, 1, "2000"), leg(id, 2, "2005"))
				w.tell(callstate.NoticeChanged, id, leg(id, 2, "2005"))
				w.tell(callstate.NoticeChanged, id, leg(id, 1, "2000"), leg(id, 2, "2005"))
				w.tell(callstate.NoticeEnded, id, leg(id, 2, "2005"))
			}
		})
	}
	wg.Wait()
	if len(n.calls) != 0 || len(n.legs) > maxGone || len(n.legs) != len(n.taken) || len(n.gone) > maxGone {
		t.Errorf("left: %d calls, %d legs, %d names, %d gone", len(n.calls), len(n.legs), len(n.taken), len(n.gone))
	}
}

// TestNoNameTwice: the counter may turn round while a leg of the same number lives.
func TestNoNameTwice(t *testing.T) {
	w := &wire{}
	n := New(w, Start{1, 0xffffffff})
	w.tell(callstate.NoticeAnswered, 1, leg(1, 1, "2000"), leg(1, 2, "2000"))
	n.next.Channel = 0xffffffff
	w.tell(callstate.NoticeAnswered, 1, leg(1, 1, "2000"), leg(1, 2, "2000"), leg(1, 3, "2000"))
	if got := n.Channel(callstate.LegID{Call: 1, N: 3}); got != "PJSIP/2000-00000001" {
		t.Error(got)
	}
}

// TestFollowers see what is named already and not yet forgotten, until they stop.
func TestFollowers(t *testing.T) {
	w := &wire{}
	n := New(w, Start{105, 0x25})
	var seen []string
	stop := n.Watch(func(told callstate.Notice) {
		if s := told.Summary; s != nil {
			seen = append(seen, n.Call(s.ID)+" "+n.Channel(s.Legs[0].ID))
		}
	})
	w.tell(callstate.NoticeCreated, 1, leg(1, 1, "2000"))
	w.tell(callstate.NoticeEnded, 1, leg(1, 1, "2000"))
	w.give(callstate.Notice{Kind: callstate.NoticeChanged}) // without a summary
	stop()
	w.tell(callstate.NoticeCreated, 2, leg(2, 1, "2000"))
	want := "1571981311.105 PJSIP/2000-00000025"
	if !slices.Equal(seen, []string{want, want}) {
		t.Errorf("saw %q", seen)
	}
	if n.Close(); w.f != nil {
		t.Error("the watch goes on")
	}
}
