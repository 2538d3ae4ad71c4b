package exchange

import (
	"sync"

	"ringdown/callstate"
)

// index finds calls by id. It is split so that starting and ending calls do not wait for each other or for a list.
type index struct{ shards [64]shard }

type shard struct {
	mu    sync.RWMutex
	calls map[callstate.CallID]*runner
}

func (ix *index) init() {
	for i := range ix.shards {
		ix.shards[i].calls = make(map[callstate.CallID]*runner)
	}
}

func (ix *index) shard(id callstate.CallID) *shard {
	return &ix.shards[uint64(id)%uint64(len(ix.shards))]
}

// get returns the call, nil when there is none.
func (ix *index) get(id callstate.CallID) *runner {
	s := ix.shard(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.calls[id]
}

// add enters a call, or returns the one that has its id already.
func (ix *index) add(r *runner) (in *runner, isNew bool) {
	s := ix.shard(r.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.calls[r.id]; old != nil {
		return old, false
	}
	s.calls[r.id] = r
	return r, true
}

func (ix *index) remove(id callstate.CallID) {
	s := ix.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, id)
}

// appendAll appends every call to rs, in no order. A call that starts or ends meanwhile may be in it or not.
func (ix *index) appendAll(rs []*runner) []*runner {
	for i := range ix.shards {
		s := &ix.shards[i]
		s.mu.RLock()
		for _, r := range s.calls {
			rs = append(rs, r)
		}
		s.mu.RUnlock()
	}
	return rs
}
