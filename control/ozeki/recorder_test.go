package ozeki

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ringdown/callstate"
	"ringdown/control/history"
)

// scribbler is a history that only remembers.
type scribbler struct {
	unreadable
	mu   sync.Mutex
	list []history.Record
}

func (s *scribbler) Add(r history.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, r)
}

func (s *scribbler) records() []history.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// publish gives a notice out as it is.
func (b *switchboard) publish(n callstate.Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.watchers {
		f(n)
	}
}

// seen is what the core tells of a call from 2000 (leg 1) to 2001 (leg 2), and whom these are moved to.
type seen struct {
	b      *switchboard
	s      callstate.Summary
	trunks [4]string // of the legs
}

func newSeen(b *switchboard, trunks ...string) *seen {
	c := &seen{b: b, s: callstate.Summary{ID: 7, State: callstate.ShownSetup, Caller: callstate.Party{Number: "2000", Name: "Alice"},
		Callee: callstate.Party{Number: "2001"}, CallerDialled: "02001", CalleeDialled: "2001", Started: moment(time.Minute)}}
	copy(c.trunks[1:], trunks)
	return c
}

// is publishes a notice of the call with these legs: 1 calls, the others are called; -n is one that still rings.
func (c *seen) is(kind callstate.NoticeKind, cause callstate.Cause, by callstate.Side, legs ...int) {
	c.s.Legs = nil
	for _, n := range legs {
		l := callstate.LegSummary{ID: callstate.LegID{Call: 7, N: uint32(max(n, -n))}, State: callstate.LegUp, Inbound: n == 1, Calling: n == 1,
			Trunk: c.trunks[max(n, -n)]}
		if n < 0 {
			l.State = callstate.LegRinging
		}
		c.s.Legs = append(c.s.Legs, l)
	}
	s := c.s
	c.b.publish(callstate.Notice{Kind: kind, Summary: &s, Cause: cause, By: by})
}

func (c *seen) on(kind callstate.NoticeKind, legs ...int) { c.is(kind, callstate.Cause{}, "", legs...) }

func (c *seen) rings() {
	c.on(callstate.NoticeCreated, 1)
	c.s.State, c.s.RingFrom = callstate.ShownRinging, moment(62*time.Second)
	c.on(callstate.NoticeRinging, 1, -2)
}

func (c *seen) talks() {
	c.rings()
	c.s.State, c.s.Answered = callstate.ShownInCall, moment(65*time.Second)
	c.on(callstate.NoticeAnswered, 1, 2)
}

func (c *seen) ends(why callstate.CauseKind, by callstate.Side) {
	c.s.State, c.s.Ended = callstate.ShownEnded, moment(75*time.Second)
	c.is(callstate.NoticeEnded, callstate.Cause{Kind: why}, by) // the legs are gone
}

// TestResults: what becomes of a call, by why it ended before or after the answer, and by what happened to it (spec ozeki
// 4.3 and 4.4).
func TestResults(t *testing.T) {
	for _, row := range []struct {
		name string
		tell func(c *seen)
		want string
	}{
		{"the caller hangs up", func(c *seen) { c.talks(); c.ends(callstate.Normal, callstate.Caller) }, callerHungUp},
		{"the callee hangs up", func(c *seen) { c.talks(); c.ends(callstate.Normal, callstate.Callee) }, calleeHungUp},
		{"the caller gives up", func(c *seen) { c.rings(); c.ends(callstate.Cancelled, callstate.Caller) }, cancelled},
		{"a BYE before the answer", func(c *seen) { c.rings(); c.ends(callstate.Normal, callstate.Caller) }, cancelled},
		{"busy", func(c *seen) { c.rings(); c.ends(callstate.Busy, "") }, busy},
		{"declined", func(c *seen) { c.rings(); c.ends(callstate.Declined, "") }, busy},
		{"nobody answers", func(c *seen) { c.rings(); c.ends(callstate.NoAnswer, "") }, notAnswered},
		{"nobody registered", func(c *seen) { c.on(callstate.NoticeCreated, 1); c.ends(callstate.Unavailable, "") }, notAnswered},
		{"no such number", func(c *seen) { c.on(callstate.NoticeCreated, 1); c.ends(callstate.NotFound, "") }, notFound},
		{"it loops", func(c *seen) { c.on(callstate.NoticeCreated, 1); c.ends(callstate.Loop, "") }, failed},
		{"barred", func(c *seen) { c.on(callstate.NoticeCreated, 1); c.ends(callstate.Barred, "") }, failed},
		{"no common codec", func(c *seen) { c.rings(); c.ends(callstate.NoMedia, "") }, failed},
		{"too many calls", func(c *seen) { c.on(callstate.NoticeCreated, 1); c.ends(callstate.Overload, "") }, failed},
		{"a phone is lost", func(c *seen) { c.talks(); c.ends(callstate.Lost, callstate.Callee) }, failed},
		{"silence", func(c *seen) { c.talks(); c.ends(callstate.Silent, callstate.Caller) }, failed},
		{"an application ends it", func(c *seen) { c.talks(); c.ends(callstate.Aborted, "") }, aborted},
		{"an application ends it while it rings", func(c *seen) { c.rings(); c.ends(callstate.Aborted, "") }, aborted},
		{"the switch stops", func(c *seen) { c.talks(); c.ends(callstate.Shutdown, "") }, aborted},
		{"it lasts too long", func(c *seen) { c.talks(); c.ends(callstate.TooLong, "") }, aborted},
		{"a cause of tomorrow", func(c *seen) { c.talks(); c.ends("tomorrow", "") }, failed},
		{"sent on and answered", func(c *seen) {
			c.rings()
			c.on(callstate.NoticeForwarded, 1)
			c.s.Answered = moment(65 * time.Second)
			c.on(callstate.NoticeAnswered, 1, 3)
			c.ends(callstate.Normal, callstate.Callee)
		}, calleeHungUp},
		{"sent on, nobody answers", func(c *seen) { c.rings(); c.on(callstate.NoticeForwarded, 1); c.ends(callstate.NoAnswer, "") }, notAnswered},
		{"transferred", func(c *seen) {
			c.talks()
			c.on(callstate.NoticeTransferred, 1, 3)
			c.ends(callstate.Normal, callstate.Caller)
		},
			transferCompleted},
		{"transferred after a failure", func(c *seen) {
			c.talks()
			c.on(callstate.NoticeTransferFailed, 1, 2)
			c.on(callstate.NoticeTransferred, 1, 3)
			c.ends(callstate.Failed, "")
		}, transferCompleted},
		{"given to another call", func(c *seen) { c.talks(); c.ends(callstate.Transferred, "") }, transferCompleted},
		{"the target is busy", func(c *seen) {
			c.talks()
			c.on(callstate.NoticeTransferFailed, 1)
			c.ends(callstate.Busy, callstate.Caller)
		},
			transferFailed},
		{"the target is nobody", func(c *seen) { c.talks(); c.ends(callstate.NotFound, callstate.Caller) }, transferFailed},
		{"the target fails", func(c *seen) {
			c.talks()
			c.on(callstate.NoticeTransferFailed, 1)
			c.ends(callstate.Failed, callstate.Caller)
		},
			transferFailed},
		{"the target is busy, the old pair goes on", func(c *seen) {
			c.talks()
			c.on(callstate.NoticeTransferFailed, 1, 2)
			c.ends(callstate.Normal, callstate.Callee)
		}, calleeHungUp},
		{"the target of a transfer sends it on, and is busy", func(c *seen) {
			c.talks()
			c.on(callstate.NoticeForwarded, 1, 2)
			c.on(callstate.NoticeTransferFailed, 1, 2)
			c.ends(callstate.Normal, callstate.Caller)
		}, callerHungUp},
		{"three, then two", func(c *seen) {
			c.talks()
			c.on(callstate.NoticeJoined, 1, 2, 3)
			c.on(callstate.NoticeLeft, 1, 3)
			c.ends(callstate.Normal, callstate.Callee)
		}, calleeHungUp},
		{"all that is told is the end", func(c *seen) { c.ends(callstate.Forbidden, "") }, failed},
	} {
		h := &scribbler{}
		b := newSwitchboard()
		newAPI(t, b, Config{History: h}, "AAAAAA")
		row.tell(newSeen(b))
		got := h.records()
		if len(got) != 1 || got[0].State != row.want || got[0].CallID != "AAAAAA" {
			t.Errorf("%s: got %+v, want one of %s", row.name, got, row.want)
		}
	}
}

// TestEveryCause: no cause of the core is without a result.
func TestEveryCause(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../callstate/cause.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(x ast.Node) bool {
		if v, ok := x.(*ast.ValueSpec); ok && v.Type != nil && fmt.Sprint(v.Type) == "CauseKind" {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if row, known := endings[callstate.CauseKind(text)]; err != nil || !known || row.before == "" {
				t.Errorf("%s has no result", v.Names[0])
			}
			n++
		}
		return true
	})
	if n != len(endings) {
		t.Errorf("%d causes, %d results", n, len(endings))
	}
}

// TestRecord: all fields of a record. A transfer leaves who began the call, and what was dialled, and shows whom it reached.
func TestRecord(t *testing.T) {
	h := &scribbler{}
	b := newSwitchboard()
	newAPI(t, b, Config{History: h, Phones: phones("2000", "2001", "2002")}, "20GPS3")
	c := newSeen(b)
	c.talks()
	c.s.Caller, c.s.Callee = callstate.Party{Number: "2001"}, callstate.Party{Number: "2002"}
	c.on(callstate.NoticeTransferred, 2, 3)
	c.ends(callstate.Normal, callstate.Callee)
	want := history.Record{CallID: "20GPS3", Start: moment(time.Minute).Wall, Direction: internal, Source: "2000", Destination: "2002",
		State: transferCompleted, Dialed: "02001", CallerID: "Alice", Type: "Audio", Ring: 3 * time.Second, Talk: 10 * time.Second}
	if got := h.records(); len(got) != 1 || got[0] != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func phones(numbers ...string) func() []Phone {
	return func() (all []Phone) {
		for _, n := range numbers {
			all = append(all, Phone{Number: n})
		}
		return all
	}
}

// TestDirections: by the trunks of both ends; whom a call did not reach is told by the number and by why it ended.
func TestDirections(t *testing.T) {
	over := func(c *seen) { c.talks(); c.ends(callstate.Normal, callstate.Caller) }
	nobody := func(why callstate.CauseKind) func(c *seen) {
		return func(c *seen) { c.on(callstate.NoticeCreated, 1); c.ends(why, "") }
	}
	for _, row := range []struct {
		name     string
		from, to string // trunks of the legs 1 and 2
		callee   string
		tell     func(c *seen)
		want     string
	}{
		{"two phones", "", "", "2001", over, internal},
		{"in", "line", "", "2001", over, inbound},
		{"out", "", "line", "5503301", over, outbound},
		{"in and out", "line", "line", "5503301", over, external},
		{"a phone that is away", "", "", "2001", nobody(callstate.Unavailable), internal},
		{"an API extension that nobody serves", "", "", "9000", nobody(callstate.Unavailable), internal},
		{"in, nobody there", "line", "", "2001", nobody(callstate.Unavailable), inbound},
		{"no trunk is up", "", "", "5503301", nobody(callstate.Unavailable), outbound},
		{"no such number", "", "", "5503301", nobody(callstate.NotFound), internal},
		{"may not call outside", "", "", "5503301", nobody(callstate.Barred), outbound},
		{"a phone transfers to the outside", "", "", "5503301", func(c *seen) {
			c.trunks[3] = "line"
			c.talks()
			c.on(callstate.NoticeTransferring, 1, 2, -3)
			c.on(callstate.NoticeTransferred, 1, 3)
			c.ends(callstate.Normal, callstate.Caller)
		}, outbound},
		{"a phone tries to, and talks on", "", "", "2001", func(c *seen) {
			c.trunks[3] = "line"
			c.talks()
			c.on(callstate.NoticeTransferring, 1, 2, -3)
			c.on(callstate.NoticeTransferFailed, 1, 2)
			c.ends(callstate.Normal, callstate.Caller)
		}, internal},
	} {
		h := &scribbler{}
		b := newSwitchboard()
		newAPI(t, b, Config{History: h, Phones: phones("2000", "2001"), Extensions: []Extension{{Number: "9000", URL: "http://127.0.0.1/"}}})
		c := newSeen(b, row.from, row.to)
		c.s.Callee.Number = row.callee
		row.tell(c)
		if got := h.records(); len(got) != 1 || got[0].Direction != row.want {
			t.Errorf("%s: got %+v, want %s", row.name, got, row.want)
		}
	}
}

// TestStopRecords: a call that is still on when the API stops has a record, and its end, which comes later, no second one.
func TestStopRecords(t *testing.T) {
	h := &scribbler{}
	b := newSwitchboard()
	a := newAPI(t, b, Config{History: h})
	b.now = moment(70 * time.Second)
	c := newSeen(b)
	c.talks()
	a.Close()
	a.watch(callstate.Notice{Kind: callstate.NoticeEnded, Summary: &c.s, Cause: callstate.Cause{Kind: callstate.Normal}}) // it was under way
	a.Close()
	got := h.records()
	if len(got) != 1 || got[0].State != aborted || got[0].Talk != 5*time.Second || got[0].Ring != 3*time.Second {
		t.Errorf("got %+v", got)
	}
}

// TestEveryCallOnce: of many calls at once each has one record with an id of its own, also one whose last notice comes after
// a list has found it gone.
func TestEveryCallOnce(t *testing.T) {
	h := &scribbler{}
	b := newSwitchboard()
	a := newAPI(t, b, Config{History: h})
	const calls = 500
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			s := callstate.Summary{ID: callstate.CallID(i + 1), State: callstate.ShownSetup, CallerDialled: fmt.Sprint(i)}
			if i%2 == 0 {
				a.listedID(s.ID) // the list names it, and finds that it has ended
			}
			for _, kind := range []callstate.NoticeKind{callstate.NoticeCreated, callstate.NoticeRinging, callstate.NoticeEnded} {
				a.watch(callstate.Notice{Kind: kind, Summary: &s, Cause: callstate.Cause{Kind: callstate.Busy}})
			}
		})
	}
	all.Wait()
	names, dialled := map[string]bool{}, map[string]bool{}
	for _, r := range h.records() {
		names[r.CallID], dialled[r.Dialed] = true, true
		if len(r.CallID) != idLength || strings.TrimSpace(r.CallID) == "" {
			t.Errorf("id %q", r.CallID)
		}
	}
	if n := len(h.records()); n != calls || len(names) != calls || len(dialled) != calls || len(a.recorder.live) != 0 {
		t.Errorf("%d records, %d names, %d calls, %d left", n, len(names), len(dialled), len(a.recorder.live))
	}
}
