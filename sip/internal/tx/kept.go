package tx

import (
	"math/bits"
	"time"
)

// entry is a settled transaction: one that has nothing to do any more but to absorb copies of what it had.
type entry[L any] struct {
	key   key
	chain *entry[L] // the next one with the same place in the index
	newer *entry[L]
	until time.Duration // since timers.base; then the transaction is terminated
	left  L             // what copies need
}

// settled holds settled transactions that are kept equally long: in order of their end, and by key.
type settled[L any] struct {
	oldest, newest *entry[L]
	n              int
	index          []*entry[L] // the places: the heads of chains, about as many as there are entries
	room           []entry[L]  // where the next entries come to lie
}

// perRoom is how many entries are allocated together. As they end together too, none keeps the memory of others for long.
const perRoom = 64

func (s *settled[L]) add(k key, until time.Duration, left L) {
	if len(s.room) == 0 {
		s.room = make([]entry[L], perRoom)
	}
	e := &s.room[0]
	s.room = s.room[1:]
	*e = entry[L]{key: k, until: until, left: left}
	if s.newest == nil {
		s.oldest = e
	} else {
		s.newest.newer = e
	}
	s.newest = e
	s.n++
	if s.n > len(s.index) {
		s.widen()
	}
	at := s.place(k)
	e.chain = s.index[at]
	s.index[at] = e
}

func (s *settled[L]) find(k key) *entry[L] {
	if s.n == 0 {
		return nil
	}
	for e := s.index[s.place(k)]; e != nil; e = e.chain {
		if e.key == k {
			return e
		}
	}
	return nil
}

// expire forgets what ends by now.
func (s *settled[L]) expire(now time.Duration) {
	for s.oldest != nil && s.oldest.until <= now {
		e := s.oldest
		at := &s.index[s.place(e.key)]
		for *at != e {
			at = &(*at).chain
		}
		*at = e.chain
		s.oldest = e.newer
		s.n--
		*e = entry[L]{}
	}
	if s.oldest == nil {
		*s = settled[L]{}
	}
}

// place is where the index has a key. Keys are hashes already.
func (s *settled[L]) place(k key) int {
	all := 1 << bits.Len(uint(len(s.index)-1))
	at := int(k[0] & uint64(all-1))
	if at >= len(s.index) {
		at -= all / 2
	}
	return at
}

// widen adds one place and moves to it what belongs there, so that nobody ever waits for the whole index (W. Litwin,
// Linear hashing, 1980).
func (s *settled[L]) widen() {
	s.index = append(s.index, nil)
	to := len(s.index) - 1
	if to == 0 {
		return
	}
	all := 1 << bits.Len(uint(to))
	tail := &s.index[to]
	for at := &s.index[to-all/2]; *at != nil; {
		e := *at
		if s.place(e.key) != to {
			at = &e.chain
			continue
		}
		*at, e.chain = e.chain, nil
		*tail, tail = e, &e.chain
	}
}
