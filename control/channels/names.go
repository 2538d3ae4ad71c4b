package channels

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"ringdown/callstate"
)

// maxGone bounds how many legs that no call shows keep their names: between two calls, or told of once more as a party of
// a transfer that took effect after they had left. These moments are short, and an id of a leg never comes again.
const maxGone = 4096

// Start are the first numbers that are given.
type Start struct {
	Call    uint64 // of a call
	Channel uint32 // of a leg
}

// Random starts legs anywhere, so that a name of before a restart hardly means another leg.
func Random() Start {
	var start [4]byte
	rand.Read(start[:])
	return Start{1, binary.BigEndian.Uint32(start[:]) >> 4}
}

// Names names what it sees in notices. Safe for concurrent use.
type Names struct {
	stop func()

	mu    sync.Mutex
	next  Start
	calls map[callstate.CallID]*namedCall
	legs  map[callstate.LegID]*namedLeg
	taken map[string]bool // the names of legs
	gone  []callstate.LegID

	followers atomic.Pointer[[]*follower]
	change    sync.Mutex // held while followers changes
}

// namedCall is a call in progress.
type namedCall struct {
	name string
	legs []callstate.LegID // as last shown

	shown []callstate.LegSummary // the list that they were read of
}

// namedLeg is a leg with a name.
type namedLeg struct {
	name string
	in   callstate.CallID // that shows it; 0 when none does
	left uint64           // how often it has gone
}

type follower struct{ f func(callstate.Notice) }

// New begins to name calls and legs; Close ends it.
func New(calls callstate.Calls, start Start) *Names {
	n := &Names{
		next: start, calls: map[callstate.CallID]*namedCall{}, legs: map[callstate.LegID]*namedLeg{}, taken: map[string]bool{},
	}
	n.followers.Store(&[]*follower{})
	n.stop = calls.Watch(n.watch)
	return n
}

// Close ends the watch of calls, and with it that of all followers.
func (n *Names) Close() { n.stop() }

// Watch is that of [callstate.Calls], with what a notice shows named already and not yet forgotten while f runs.
func (n *Names) Watch(f func(callstate.Notice)) (stop func()) {
	mine := &follower{f}
	edit := func(change func(list []*follower) []*follower) {
		n.change.Lock()
		defer n.change.Unlock()
		list := change(slices.Clone(*n.followers.Load()))
		n.followers.Store(&list)
	}
	edit(func(list []*follower) []*follower { return append(list, mine) })
	return func() {
		edit(func(list []*follower) []*follower {
			return slices.DeleteFunc(list, func(o *follower) bool { return o == mine })
		})
	}
}

// Call is the name of a call of a notice, as 1571981311.105; empty when it is in none.
func (n *Names) Call(id callstate.CallID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.calls[id]; c != nil {
		return c.name
	}
	return ""
}

// Channel is the name of a leg of a notice, as PJSIP/2000-00000025; empty when it is in none.
func (n *Names) Channel(id callstate.LegID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.legs[id]; l != nil {
		return l.name
	}
	return ""
}

// watch is the watcher of calls: in order for each call, at once for different calls.
func (n *Names) watch(told callstate.Notice) {
	if told.Summary != nil {
		n.name(told)
	}
	for _, o := range *n.followers.Load() {
		o.f(told)
	}
	if told.Summary != nil && told.Kind == callstate.NoticeEnded {
		n.end(told.Summary.ID)
	}
}

// name names what a notice shows.
func (n *Names) name(told callstate.Notice) {
	s := told.Summary
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.calls[s.ID]
	if c == nil {
		// The core's own number would do as well, but clients that take the name for a decimal number would lose its last
		// digits.
		c = &namedCall{name: strconv.FormatInt(s.Started.Wall.Unix(), 10) + "." + strconv.FormatUint(n.next.Call, 10)}
		n.next.Call++
		n.calls[s.ID] = c
	}
	if len(told.Parties) == 0 && sameList(c.shown, s.Legs) {
		return // summaries that show the same legs share the list
	}
	before := c.legs
	c.shown, c.legs = s.Legs, make([]callstate.LegID, len(s.Legs))
	for i := range s.Legs {
		c.legs[i] = s.Legs[i].ID
		n.leg(&s.Legs[i]).in = s.ID
	}
	for _, id := range before {
		if !slices.Contains(c.legs, id) {
			n.leave(id, s.ID)
		}
	}
	for i := range told.Parties {
		if l := n.leg(&told.Parties[i]); l.in == 0 && l.left == 0 {
			n.leave(told.Parties[i].ID, 0)
		}
	}
}

// sameList tells whether two lists are one and the same.
func sameList(a, b []callstate.LegSummary) bool {
	return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0]
}

// leg finds the leg, or names it. After 4 billion the counter starts again, and names that still live are left out.
func (n *Names) leg(s *callstate.LegSummary) *namedLeg {
	l := n.legs[s.ID]
	for l == nil {
		name := fmt.Sprintf("PJSIP/%s-%08x", endOf(s), n.next.Channel)
		n.next.Channel++
		if !n.taken[name] {
			l = &namedLeg{name: name}
			n.taken[name] = true
			n.legs[s.ID] = l
		}
	}
	return l
}

// endOf is what stands for the other end of a leg in its name.
func endOf(s *callstate.LegSummary) string {
	if s.Trunk != "" {
		return "trunk-" + s.Trunk + "-endpoint"
	}
	return Plain(s.Party.Number)
}

// leave: a call does not show a leg any more, which it perhaps gave to another, now or before.
func (n *Names) leave(id callstate.LegID, from callstate.CallID) {
	l := n.legs[id]
	if l == nil || l.in != from {
		return // another call has it
	}
	l.in = 0
	l.left++
	n.gone = append(n.gone, id)
	if len(n.gone) > maxGone {
		n.forget(n.gone[0])
		n.gone = n.gone[1:]
	}
}

// forget ends a name, unless a call shows the leg again or it has gone once more since.
func (n *Names) forget(id callstate.LegID) {
	l := n.legs[id]
	if l == nil {
		return
	}
	if l.left--; l.left == 0 && l.in == 0 {
		delete(n.legs, id)
		delete(n.taken, l.name)
	}
}

// end forgets a call.
func (n *Names) end(id callstate.CallID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.calls[id]
	delete(n.calls, id)
	for _, l := range c.legs {
		n.leave(l, id)
	}
}

// Plain is a text from a phone as a value of an event: without quotes, backslashes and what JSON escapes, for clients
// that read events by text replacement (spec yeastar-p 8).
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7f, r == '"', r == '\\', r == '\u2028', r == '\u2029', r == '\ufffd':
			return '_'
		}
		return r
	}, text)
}
