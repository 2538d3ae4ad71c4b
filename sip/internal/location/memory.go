package location

import (
	"cmp"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Store is what a registrar and a router need of the location service.
type Store interface {
	// Update applies the changes of one REGISTER to an AOR, all or none, and returns its bindings as they are then.
	// Without changes it asks only. An error is ErrOrder or ErrTooMany, and leaves everything as it was.
	Update(aor string, changes []Change, now time.Time) ([]Binding, error)
	// Lookup returns the bindings of an AOR that are not expired: highest Q first, then the newest first.
	Lookup(aor string, now time.Time) []Binding
	// Remove ends one binding, whoever made it, and reports whether there was one.
	Remove(aor, key string) bool
}

var (
	// ErrOrder means that a REGISTER with the same Call-ID and this or a higher CSeq was applied before. The answer
	// is 500 (RFC 3261 §10.3 step 7).
	ErrOrder = errors.New("location: REGISTER out of order")
	// ErrTooMany means that the AOR would have more bindings than it may.
	ErrTooMany = errors.New("location: too many contacts")
)

// MaxContacts is the default limit of bindings per AOR.
const MaxContacts = 10

// shards spreads the AORs over locks; a power of two.
const shards = 64

// Memory is a Store in memory. Safe for concurrent use.
type Memory struct {
	max    int
	seed   maphash.Seed
	count  atomic.Int64
	shards [shards]shard
}

// shard holds the AORs of one hash. A slice in it is never changed once it is there, only replaced.
type shard struct {
	mu   sync.RWMutex
	aors map[string][]Binding
}

var _ Store = (*Memory)(nil)

// NewMemory makes an empty store with at most maxContacts live bindings per AOR; 0 stands for MaxContacts.
func NewMemory(maxContacts int) *Memory {
	if maxContacts <= 0 {
		maxContacts = MaxContacts
	}
	m := &Memory{max: maxContacts, seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].aors = make(map[string][]Binding)
	}
	return m
}

func (m *Memory) shard(aor string) *shard {
	return &m.shards[maphash.String(m.seed, aor)%shards]
}

// put stores the bindings of an AOR; the shard is locked.
func (m *Memory) put(s *shard, aor string, bindings []Binding) {
	m.count.Add(int64(len(bindings) - len(s.aors[aor])))
	if len(bindings) == 0 {
		delete(s.aors, aor)
		return
	}
	s.aors[aor] = bindings
}

// Update implements [Store].
func (m *Memory) Update(aor string, changes []Change, now time.Time) ([]Binding, error) {
	if len(changes) == 0 {
		return m.Lookup(aor, now), nil
	}
	s := m.shard(aor)
	s.mu.Lock()
	defer s.mu.Unlock()
	current := live(s.aors[aor], now)
	next, err := apply(current, changes, now, m.max)
	switch {
	case errors.Is(err, errRepeated):
		return current, nil
	case err != nil:
		return nil, err
	}
	slices.SortStableFunc(next, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(b.Q, a.Q), b.Updated.Compare(a.Updated))
	})
	m.put(s, aor, next)
	return slices.Clone(next), nil
}

// Lookup implements [Store].
func (m *Memory) Lookup(aor string, now time.Time) []Binding {
	s := m.shard(aor)
	s.mu.RLock()
	bindings := s.aors[aor]
	s.mu.RUnlock()
	return live(bindings, now)
}

// Remove implements [Store].
func (m *Memory) Remove(aor, key string) bool {
	s := m.shard(aor)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.aors[aor]
	i := slices.IndexFunc(old, func(b Binding) bool { return b.Key == key })
	if i < 0 {
		return false
	}
	m.put(s, aor, slices.Delete(slices.Clone(old), i, i+1))
	return true
}

// Count is the number of bindings, with those expired but not yet swept.
func (m *Memory) Count() int { return int(m.count.Load()) }

// Sweep frees what has expired and returns it, by AOR. Each shard is locked for its own part only. An expired binding
// that an Update has replaced or dropped before does not appear.
func (m *Memory) Sweep(now time.Time) []Entry {
	var gone []Entry
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		for aor, bindings := range s.aors {
			var dead []Binding
			for i := range bindings {
				if bindings[i].expired(now) {
					dead = append(dead, bindings[i])
				}
			}
			if dead != nil {
				gone = append(gone, Entry{aor, dead})
				m.put(s, aor, live(bindings, now))
			}
		}
		s.mu.Unlock()
	}
	return gone
}

// Snapshot lists the AORs with live bindings, sorted by AOR. Each AOR is consistent in itself; the whole is not one
// instant.
func (m *Memory) Snapshot(now time.Time) []Entry {
	var all []Entry
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.RLock()
		for aor, bindings := range s.aors {
			if b := live(bindings, now); len(b) > 0 {
				all = append(all, Entry{aor, b})
			}
		}
		s.mu.RUnlock()
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.AOR, b.AOR) })
	return all
}

// live copies the bindings that have not expired; nil when none is left.
func live(bindings []Binding, now time.Time) []Binding {
	var out []Binding
	for i := range bindings {
		if !bindings[i].expired(now) {
			if out == nil {
				out = make([]Binding, 0, len(bindings)-i)
			}
			out = append(out, bindings[i])
		}
	}
	return out
}
