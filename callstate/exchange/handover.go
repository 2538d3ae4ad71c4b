package exchange

import (
	"slices"
	"sync"

	"ringdown/callstate"
)

// moved knows the legs that are not in the call of their birth any more. Who looks a leg's call up holds mu for reading
// until the event is in that call's mailbox; who moves legs holds it for writing until the events that wait for them
// have moved too. So the order of a leg's events is kept, and none is lost. Inside of mu a mailbox's mutex may be
// taken, never the other way round.
type moved struct {
	mu   sync.RWMutex
	home map[callstate.LegID]callstate.CallID
}

// of is the call that an event goes to: that which has its leg. Held: mu.
func (m *moved) of(ev callstate.Event) callstate.CallID {
	if e, ok := ev.(interface{ About() callstate.LegID }); ok {
		return m.has(e.About())
	}
	return ev.Call()
}

// has is the call that has a leg, or had it last. Held: mu.
func (m *moved) has(leg callstate.LegID) callstate.CallID {
	if id, ok := m.home[leg]; ok {
		return id
	}
	return leg.Call
}

// deliver puts an event into the mailbox of its call, which is nil when there is none.
func (x *Exchange) deliver(ev callstate.Event) (r *runner, took bool) {
	x.moved.mu.RLock()
	defer x.moved.mu.RUnlock()
	if r = x.calls.get(x.moved.of(ev)); r != nil {
		took = r.post(ev)
	}
	return r, took
}

// join brings a leg to the call of the one whose place it is to take.
func (x *Exchange) join(ev callstate.Event, offered callstate.LegOffered) bool {
	x.moved.mu.Lock()
	defer x.moved.mu.Unlock()
	r := x.calls.get(x.moved.has(offered.Replaces.Leg))
	if r == nil {
		return x.drop(ev)
	}
	if !r.post(ev) {
		return false
	}
	r.gets(offered.Leg)
	return true
}

// gets notes that the call has a leg of another now. Held: moved.mu for writing.
func (r *runner) gets(leg callstate.LegID) {
	r.x.moved.home[leg] = r.id
	r.adopted = append(r.adopted, leg)
}

// forgetLeg takes a leg that came to a call off the books once it is over: what still comes about it matters to nobody.
// In a call that goes on for hours, anybody whose INVITE with Replaces is refused would leave one behind.
func (r *runner) forgetLeg(leg callstate.LegID) {
	m := &r.x.moved
	m.mu.RLock()
	_, moved := m.home[leg]
	m.mu.RUnlock()
	if !moved {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.home[leg] == r.id {
		delete(m.home, leg)
	}
	r.adopted = slices.DeleteFunc(r.adopted, func(id callstate.LegID) bool { return id == leg })
}

// forgetApps does the same for applications' sides of a call, of which no adapter tells when they are over.
func (r *runner) forgetApps(before, now *callstate.Summary) {
	for _, l := range before.Legs {
		if l.App && l.ID.Call != r.id && !slices.ContainsFunc(now.Legs, func(x callstate.LegSummary) bool { return x.ID == l.ID }) {
			r.forgetLeg(l.ID)
		}
	}
}

// forgetLegs takes the legs that came to a call off the books when it is put away.
func (r *runner) forgetLegs() {
	m := &r.x.moved
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, leg := range r.adopted {
		if m.home[leg] == r.id {
			delete(m.home, leg)
		}
	}
	r.adopted = nil
}

// fetch asks the call that has the leg now. When there is none, it answers itself.
func (x *Exchange) fetch(c callstate.Fetch) {
	ev := callstate.LegsWanted{On: callstate.On{Leg: c.Leg}, By: c.Call, Token: c.Token, EarlyOnly: c.EarlyOnly,
		Stay: c.Stay, Mixable: c.Mixable}
	if r, took := x.deliver(ev); r == nil || !took {
		x.refuse(ev)
	}
}

// refuse answers LegsWanted in place of a call that is gone.
func (x *Exchange) refuse(ev callstate.LegsWanted) {
	x.Post(callstate.LegsRefused{ID: ev.By, Token: ev.Token, Status: 481})
}

// handOver brings legs to another call, and the events that wait for them here. If that call is over, they are hung up.
func (r *runner) handOver(c callstate.HandOver) {
	ev := callstate.LegsHanded{ID: c.To, Token: c.Token, Parcel: c.Parcel}
	if left := r.x.moveLegs(r, ev); left != nil {
		r.x.settle(left)
	}
}

// moveLegs does that, and returns what it could not bring.
func (x *Exchange) moveLegs(from *runner, ev callstate.LegsHanded) (left []callstate.Event) {
	x.moved.mu.Lock()
	defer x.moved.mu.Unlock()
	legs := make(map[callstate.LegID]bool, len(ev.Parcel.Legs))
	for _, l := range ev.Parcel.Legs {
		legs[l.ID] = true
	}
	waiting := append([]callstate.Event{ev}, from.takeOut(legs)...)
	to := x.calls.get(ev.ID)
	if to == nil || !to.postAll(waiting) {
		x.count.dropped.Add(uint64(len(waiting)))
		return waiting
	}
	from.adopted = slices.DeleteFunc(from.adopted, func(id callstate.LegID) bool { return legs[id] })
	for leg := range legs {
		to.gets(leg)
	}
	return nil
}

// takeOut takes the events about legs out of the mailbox, in their order. Who waits to take the place of one of them
// goes with it, and is added to legs.
func (r *runner) takeOut(legs map[callstate.LegID]bool) (out []callstate.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range r.box.n {
		ev := r.box.pop()
		if offered, ok := ev.(callstate.LegOffered); ok && legs[offered.Replaces.Leg] {
			legs[offered.Leg] = true
		}
		if legs[legOf(ev)] {
			out = append(out, ev)
		} else {
			r.box.push(ev)
		}
	}
	return out
}

// postAll puts what comes with handed legs into the mailbox, all or nothing: none of it is a request that could be
// refused now.
func (r *runner) postAll(all []callstate.Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over.Load() {
		return false
	}
	for _, ev := range all {
		r.box.push(ev)
	}
	r.wake()
	return true
}

// awaited tells whether somebody waits for what becomes of an event, or a leg would be left over without it.
func awaited(ev callstate.Event) bool {
	switch ev := ev.(type) {
	case callstate.LegsWanted, callstate.LegsHanded:
		return true
	case callstate.LegOffered:
		return ev.Replaces.Given()
	}
	return false
}

// keep puts an event that the call could not handle among those that are settled when it is put away.
func (r *runner) keep(ev callstate.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if awaited(ev) {
		r.unread = append(r.unread, ev)
	}
}

// settle does what is left to do for events that no call handles any more.
func (x *Exchange) settle(left []callstate.Event) {
	for _, ev := range left {
		switch ev := ev.(type) {
		case callstate.LegsWanted:
			x.refuse(ev)
		case callstate.LegsHanded:
			for _, c := range ev.Parcel.Disown() {
				x.carryOut(ev.ID, c)
			}
		case callstate.LegOffered:
			x.carryOut(ev.Leg.Call, callstate.HangUp{Leg: ev.Leg, Cause: callstate.Cause{Kind: callstate.Failed}})
		}
	}
}

// carryOut does what no call can ask for any more.
func (x *Exchange) carryOut(id callstate.CallID, c callstate.Command) {
	switch c := c.(type) {
	case callstate.Signal:
		x.guarded(id, "signaller", func() { x.cfg.Signaller.Do(c) })
	case callstate.MediaCommand:
		x.guarded(id, "media", func() { x.cfg.Media.Do(c) })
	}
}

// answerLetters carries out what another call waits for, of the commands that a panic left undone.
func (r *runner) answerLetters(todo []callstate.Command) {
	for _, c := range todo {
		switch c.(type) {
		case callstate.HandOver, callstate.RefuseLegs:
			r.guarded("hand-over", func() { r.execute(c) })
		}
	}
}
