package digest

import (
	"math"
	"sync"
)

// window is how far behind the highest nc a late request may arrive: one bit each in use.seen.
const window = 64

// ways is the number of nonces that one row of the table holds.
const ways = 4

// usedTable remembers which nc of which nonce were used. Its size is fixed; it needs no sweeping.
//
// A nonce belongs to one row, by its random id. When a row is full, the newcomer takes the place of the oldest nonce in
// it, and the row's floor rises to the time of issue of what was forgotten: from then on a nonce of that row which is
// not in it and not younger than the floor counts as used. So memory is bounded and still no replay passes; the price
// under overload is that some phones get one more challenge with stale=true.
type usedTable struct {
	rows []row
	mask uint64
}

type row struct {
	mu    sync.Mutex
	floor int64 // in the unit of nonce.issued
	uses  [ways]use
}

// use is one nonce with the counts seen: bit d of seen stands for nc = high-d. Free when nonce is zero.
type use struct {
	nonce nonce
	high  uint32
	seen  uint64
}

// newUsedTable makes a table for at least max nonces.
func newUsedTable(max int) *usedTable {
	rows := 1
	for rows*ways < max {
		rows *= 2
	}
	return &usedTable{rows: make([]row, rows), mask: uint64(rows - 1)}
}

// once stands in place of an nc for credentials that have none: the nonce is used up by it.
const once uint32 = 0

// take marks nc of the nonce as used. It reports false when it was used before, is too far behind, or when the table
// no longer knows.
func (t *usedTable) take(n nonce, nc uint32) bool {
	r := &t.rows[n.id&t.mask]
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := &r.uses[0]
	for i := range r.uses {
		u := &r.uses[i]
		if u.nonce == n {
			return nc != once && u.count(nc)
		}
		if u.nonce.issued < oldest.nonce.issued {
			oldest = u
		}
	}
	if n.issued <= r.floor || n.issued < oldest.nonce.issued {
		return false
	}
	// Also when the oldest is expired: a verification that started before its expiry may still be under way.
	r.floor = max(r.floor, oldest.nonce.issued)
	if nc == once {
		*oldest = use{nonce: n, high: math.MaxUint32, seen: math.MaxUint64}
	} else {
		*oldest = use{nonce: n, high: nc, seen: 1}
	}
	return true
}

// count marks nc as seen. RFC 7616 §3.4.5: nc lets the server detect a replay; requests over UDP overtake each other,
// so a lower one passes if it is near and new.
func (u *use) count(nc uint32) bool {
	if nc > u.high {
		u.seen <<= nc - u.high // a shift of 64 or more gives 0
		u.seen |= 1
		u.high = nc
		return true
	}
	behind := u.high - nc
	if behind >= window || u.seen>>behind&1 == 1 {
		return false
	}
	u.seen |= 1 << behind
	return true
}
