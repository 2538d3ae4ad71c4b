package ozeki

import (
	"crypto/rand"
	"sync"

	"ringdown/callstate"
	"ringdown/control/access"
)

const (
	idLength = 6
	// recent is how many ended calls are remembered: their ids are not given out again, and a list that was taken
	// before the end cannot bring one back.
	recent = 4096
)

// ids is the map between the core's numbers of calls and the CallIds of this API: six random characters, case matters
// (spec ozeki 1.1). A call gets its id at the first of its notice and its place in a list, and keeps it until it ends.
// Memory is bounded by the live calls and the recent ones.
type ids struct {
	draw func() string // called with mu held

	mu    sync.RWMutex
	names map[callstate.CallID]string // of live calls; of recently ended ones the name is empty
	calls map[string]callstate.CallID // of live calls, and zero for names that rest
	ended [recent]resting             // a ring
	next  int
}

// resting is an ended call.
type resting struct {
	call callstate.CallID
	name string
	used bool
}

func newIDs() *ids {
	return &ids{
		draw:  access.Random(rand.Reader, idLength),
		names: map[callstate.CallID]string{},
		calls: map[string]callstate.CallID{},
	}
}

// watch is the watcher of notices.
func (m *ids) watch(n callstate.Notice) {
	if n.Summary == nil {
		return
	}
	switch n.Kind {
	case callstate.NoticeCreated:
		m.name(n.Summary.ID)
	case callstate.NoticeEnded:
		m.end(n.Summary.ID)
	}
}

// name is the id of a call. fresh tells that it was made just now; an empty name that the call has ended.
func (m *ids) name(call callstate.CallID) (name string, fresh bool) {
	m.mu.RLock()
	name, known := m.names[call]
	m.mu.RUnlock()
	if known {
		return name, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if name, known = m.names[call]; known {
		return name, false
	}
	name = m.unused()
	m.names[call], m.calls[name] = name, call
	return name, true
}

// unused is an id that no call has. It needs mu.
func (m *ids) unused() string {
	for {
		name := m.draw()
		if _, taken := m.calls[name]; !taken {
			return name
		}
	}
}

// past is the id of a call for its record: its own, or any other when it never had one and is over.
func (m *ids) past(call callstate.CallID) string {
	if name, _ := m.name(call); name != "" {
		return name
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unused()
}

// call finds a live call by its id.
func (m *ids) call(name string) (callstate.CallID, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	call, known := m.calls[name]
	return call, known && m.names[call] == name
}

// end lays a call to rest, also one that never had an id.
func (m *ids) end(call callstate.CallID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name, known := m.names[call]
	if known && name == "" {
		return
	}
	old := &m.ended[m.next]
	m.next = (m.next + 1) % recent
	if old.used {
		delete(m.names, old.call)
		delete(m.calls, old.name)
	}
	*old = resting{call, name, true}
	m.names[call] = ""
	if name != "" {
		m.calls[name] = 0
	}
}
