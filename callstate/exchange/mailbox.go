package exchange

import "ringdown/callstate"

const (
	// requestLimit is how many waiting events make a call refuse new requests; what lies above is the reserve of
	// events that cannot be refused.
	requestLimit = 256
	// hardLimit is how many waiting events no call in order ever has; the call that has them is ended by force.
	hardLimit = 4096

	mailboxMin  = 4  // slots of the first ring
	mailboxKeep = 64 // a larger ring is given back once it is empty
)

// mailbox is a queue of events: a ring that grows. The zero value is empty and holds no memory.
type mailbox struct {
	ring []callstate.Event
	head int // index of the oldest
	n    int // how many there are
}

func (m *mailbox) push(ev callstate.Event) {
	if m.n == len(m.ring) {
		m.grow()
	}
	m.ring[(m.head+m.n)%len(m.ring)] = ev
	m.n++
}

// pop takes the oldest event, nil when there is none.
func (m *mailbox) pop() callstate.Event {
	if m.n == 0 {
		return nil
	}
	ev := m.ring[m.head]
	m.ring[m.head] = nil
	m.head = (m.head + 1) % len(m.ring)
	m.n--
	if m.n == 0 && len(m.ring) > mailboxKeep {
		*m = mailbox{}
	}
	return ev
}

func (m *mailbox) grow() {
	ring := make([]callstate.Event, max(mailboxMin, 2*len(m.ring)))
	k := copy(ring, m.ring[m.head:])
	copy(ring[k:], m.ring[:m.head])
	clear(m.ring) // the first one lives as long as the call, and would keep what was in it
	m.ring, m.head = ring, 0
}
