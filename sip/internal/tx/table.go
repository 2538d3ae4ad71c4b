package tx

import "sync"

// table finds transactions by key. Each is in one of two places, which is all the counting there is: as T as long as it
// is open, and then, until copies of what it had cannot come any more, as an entry with no more than these need.
type table[T, L any] struct {
	timers *timers

	mu      sync.Mutex
	open    map[key]T
	settled [classes]settled[L] // by how long they are kept: class64T1 or classT4
	sweep   timer               // runs while there are settled ones, so that the last of them are forgotten too
	sweeps  bool
}

func (t *table[T, L]) init(w *timers) {
	t.timers, t.open = w, make(map[key]T)
	t.sweep.owner = t
}

// find returns the open transaction with this key or what is left of a settled one.
func (t *table[T, L]) find(k key) (v T, left L, isOpen, isSettled bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v, isOpen = t.open[k]; isOpen {
		return v, left, true, false
	}
	e := t.old(k)
	if e == nil {
		return v, left, false, false
	}
	return v, e.left, false, true
}

func (t *table[T, L]) old(k key) *entry[L] {
	for _, c := range [...]class{class64T1, classT4} {
		if e := t.settled[c].find(k); e != nil && e.until > t.timers.now() {
			return e
		}
	}
	return nil
}

// add puts v in as open, unless there is one with this key, which it returns if it is open, or there are so many already:
// maxOpen open ones, or maxSettled others.
func (t *table[T, L]) add(k key, v T, maxOpen, maxSettled int) (other T, found, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	other, found = t.open[k]
	if found || t.old(k) != nil {
		return other, true, false
	}
	if len(t.open) >= maxOpen || t.kept() >= maxSettled {
		return other, false, false
	}
	t.open[k] = v
	return other, false, true
}

// settle leaves of an open transaction what is left of it, for as long as c lasts.
func (t *table[T, L]) settle(k key, c class, left L) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, k)
	now := t.timers.now()
	t.settled[c].expire(now)
	t.settled[c].add(k, now+c.duration(), left)
	if !t.sweeps {
		t.sweeps = true
		t.timers.start(&t.sweep, classT2)
	}
}

// remove forgets an open transaction.
func (t *table[T, L]) remove(k key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, k)
}

// kept forgets settled transactions that have ended and returns how many there are still.
func (t *table[T, L]) kept() (n int) {
	now := t.timers.now()
	for _, c := range [...]class{class64T1, classT4} {
		t.settled[c].expire(now)
		n += t.settled[c].n
	}
	return n
}

// counts returns how many transactions are open, and how many are settled.
func (t *table[T, L]) counts() (open, settled int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open), t.kept()
}

// expire implements timers for sweep.
func (t *table[T, L]) expire(tm *timer, gen uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sweeps = t.kept() > 0; t.sweeps && tm.gen == gen {
		t.timers.start(tm, classT2)
	}
}
