package yeastar

import (
	"slices"
	"sync"

	"ringdown/callstate"
	"ringdown/control/channels"
)

// board shows every call as the API does, and turns each change into events. It is fed by notices alone, so that lists,
// channel ids and events agree at every moment. Safe for concurrent use.
type board struct {
	mu       sync.RWMutex
	calls    map[callstate.CallID]*posted
	ids      map[string]*posted // the same by call_id
	channels map[string]place   // of members that are there

	extensions presences
	names      *channels.Names
	hub        *hub
	now        func() callstate.Time
}

// place is where a channel is.
type place struct {
	call callstate.CallID
	id   string // its call_id
	leg  callstate.LegID
}

// posted is one call on the board.
type posted struct {
	view      *view
	announced bool // event 30011 has told of it
	failed    bool // event 30015 has told why it is about to end
	records   []*record

	origin member            // who called first
	did    string            // what it dialled, when it came by a trunk
	trunks map[string]string // the trunk by which an outside number was called last; nil when none was
}

func newBoard(h *hub, names *channels.Names, c Config) *board {
	return &board{
		calls: map[callstate.CallID]*posted{}, ids: map[string]*posted{}, channels: map[string]place{},
		extensions: presences{c.Extension, map[string]*presence{}}, names: names, hub: h, now: c.Calls.Now,
	}
}

// watch is the watcher of notices: in order for each call, at once for different calls.
func (b *board) watch(n callstate.Notice) {
	s := n.Summary
	if s == nil || n.Kind == callstate.NoticeDigit {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.calls[s.ID]
	if p == nil {
		p = &posted{view: &view{call: s.ID, id: b.names.Call(s.ID)}}
		b.calls[s.ID], b.ids[p.view.id] = p, p
		b.begin(p, s)
	}
	for i := range s.Legs {
		p.tries(&s.Legs[i])
	}
	b.update(p, n)
	if n.Kind == callstate.NoticeEnded {
		delete(b.calls, s.ID)
		delete(b.ids, p.view.id)
	}
}

// begin remembers who called.
func (b *board) begin(p *posted, s *callstate.Summary) {
	for i := range s.Legs {
		if l := &s.Legs[i]; l.Inbound {
			if p.origin = b.memberOf(l); l.Trunk != "" {
				p.did = channels.Plain(s.CallerDialled)
			}
			return
		}
	}
}

// tries remembers by which trunk a number is called: a phone that is busy never becomes a member, but has a CDR.
func (p *posted) tries(l *callstate.LegSummary) {
	if l.Trunk == "" || l.Inbound {
		return
	}
	if p.trunks == nil {
		p.trunks = map[string]string{}
	}
	p.trunks[channels.Plain(l.Party.Number)] = l.Trunk
}

// update shows what a notice says. A leg that was handed over may be in both calls for a moment; it is where it came to
// last.
func (b *board) update(p *posted, n callstate.Notice) {
	before, s := p.view, n.Summary
	now := &view{call: before.call, id: before.id, caller: channels.Plain(s.Caller.Number)}
	if n.Kind != callstate.NoticeEnded {
		now.members = b.membersOf(s, before)
	}
	for _, m := range before.members {
		if now.member(m.leg) == nil && b.channels[m.channel].call == s.ID {
			delete(b.channels, m.channel)
		}
	}
	for _, m := range now.members {
		if before.member(m.leg) == nil {
			b.channels[m.channel] = place{s.ID, now.id, m.leg}
		}
	}
	p.view = now
	b.tell(p, n, before, now)
}

// membersOf lists who is there, in the order of the legs. A leg keeps the channel that it has.
func (b *board) membersOf(s *callstate.Summary, before *view) []member {
	list := make([]member, 0, len(s.Legs))
	waits := slices.ContainsFunc(s.Legs, func(l callstate.LegSummary) bool {
		status, _ := statusOf(s, &l)
		return status == statusAlert
	})
	for i := range s.Legs {
		l := &s.Legs[i]
		status, there := statusOf(s, l)
		if !there {
			continue
		}
		old := before.member(l.ID)
		if waits && status == statusAnswer && (old == nil || old.status == statusRing) {
			status = statusRing // its answer is being read; who waits for it still hears ringback
		}
		m := b.memberOf(l)
		if old != nil {
			m = *old
		}
		m.status = status
		list = append(list, m)
	}
	return list
}

// memberOf is a leg without its state.
func (b *board) memberOf(l *callstate.LegSummary) member {
	return member{
		leg: l.ID, number: channels.Plain(l.Party.Number), channel: b.names.Channel(l.ID), inbound: l.Inbound,
		trunk: l.Trunk, local: channels.Plain(l.Local),
	}
}

// find is where a channel is now.
func (b *board) find(channel string) (place, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	at, ok := b.channels[channel]
	return at, ok
}

// view is what is shown of a call, nil when there is nothing.
func (b *board) view(id string) *view {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if p := b.ids[id]; p != nil && len(p.view.members) > 0 {
		return p.view
	}
	return nil
}

// views lists all calls that have something to show, oldest first.
func (b *board) views() []*view {
	b.mu.RLock()
	list := make([]*view, 0, len(b.calls))
	for _, p := range b.calls {
		if len(p.view.members) > 0 {
			list = append(list, p.view)
		}
	}
	b.mu.RUnlock()
	slices.SortFunc(list, func(x, y *view) int { return int(int64(x.call) - int64(y.call)) })
	return list
}
