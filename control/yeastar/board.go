package yeastar

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"

	"ringdown/callstate"
)

// board shows every call as the API does, and turns each change into events. It is fed by notices alone, so that lists,
// channel ids and events agree at every moment. Safe for concurrent use.
type board struct {
	mu       sync.RWMutex
	calls    map[callstate.CallID]*posted
	channels map[string]place // of members that are there
	last     uint32           // the last number of a channel
	lastCall uint64           // and of a call

	extensions presences
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
}

// newBoard makes a board whose channels are numbered from a random start, so that an id of before a restart hardly
// means another leg.
func newBoard(h *hub, c Config) *board {
	var start [4]byte
	rand.Read(start[:])
	return &board{
		calls: map[callstate.CallID]*posted{}, channels: map[string]place{}, extensions: presences{c.Extension, map[string]*presence{}}, hub: h, now: c.Calls.Now,
		last: binary.BigEndian.Uint32(start[:]) >> 4,
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
		p = &posted{view: &view{call: s.ID, id: b.newCallID(s)}}
		b.calls[s.ID] = p
	}
	b.update(p, n)
	if n.Kind == callstate.NoticeEnded {
		delete(b.calls, s.ID)
	}
}

// update shows what a notice says.
func (b *board) update(p *posted, n callstate.Notice) {
	before, s := p.view, n.Summary
	now := &view{call: before.call, id: before.id, caller: harmless(s.Caller.Number)}
	if n.Kind != callstate.NoticeEnded {
		now.members = b.membersOf(s, before)
	}
	for _, m := range before.members {
		if now.member(m.leg) == nil {
			delete(b.channels, m.channel)
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
		m := member{leg: l.ID, status: status}
		if old != nil {
			m.number, m.channel, m.inbound = old.number, old.channel, old.inbound
		} else {
			m.number, m.inbound = harmless(l.Party.Number), l.Inbound
			m.channel = b.newChannel(m.number, place{s.ID, before.id, l.ID})
		}
		list = append(list, m)
	}
	return list
}

// newChannel names a leg (spec yeastar-p 1): one counter for the whole system. After 4 billion it starts again, and
// names that still live are left out.
func (b *board) newChannel(number string, at place) string {
	for {
		b.last++
		id := "PJSIP/" + number + "-" + hex.EncodeToString(binary.BigEndian.AppendUint32(nil, b.last))
		if _, taken := b.channels[id]; !taken {
			b.channels[id] = at
			return id
		}
	}
}

// newCallID names a call (spec yeastar-p 1): the second in which it started, and a counter. The core's own number would
// do as well, but clients that take the id for a decimal number would lose its last digits.
func (b *board) newCallID(s *callstate.Summary) string {
	b.lastCall++
	return strconv.FormatInt(s.Started.Wall.Unix(), 10) + "." + strconv.FormatUint(b.lastCall, 10)
}

// find is where a channel is now.
func (b *board) find(channel string) (place, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	at, ok := b.channels[channel]
	return at, ok
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
