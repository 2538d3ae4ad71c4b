package yeastar

import (
	"net/netip"
	"sync"
	"time"
)

// maxAddresses bounds what is remembered of addresses that sent wrong credentials.
const maxAddresses = 4096

// blocklist counts wrong credentials by address and shuts an address out for a time (spec yeastar-p 2.1). An IPv6
// address stands for its /64, which is what one client has.
type blocklist struct {
	Block

	mu    sync.Mutex
	seen  map[netip.Addr]*failures
	order []netip.Addr // of seen, by first failure
}

type failures struct {
	count int
	until time.Time // forgotten then; blocked until then when count is reached
}

func newBlocklist(c Block) *blocklist { return &blocklist{Block: c, seen: map[netip.Addr]*failures{}} }

// has tells whether an address is shut out.
func (b *blocklist) has(addr netip.Addr, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.seen[network(addr)]
	return f != nil && f.count >= b.Failures && now.Before(f.until)
}

// failed counts wrong credentials. It tells whether the address is shut out from now on.
func (b *blocklist) failed(addr netip.Addr, now time.Time) bool {
	if addr.IsLoopback() && !b.Loopback {
		return false
	}
	key := network(addr)
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.seen[key]
	if f == nil {
		b.makeRoom(now)
		f = &failures{}
		b.seen[key] = f
		b.order = append(b.order, key)
	} else if !now.Before(f.until) {
		f.count = 0
	}
	f.count++
	f.until = now.Add(b.Time)
	return f.count == b.Failures
}

// makeRoom forgets the oldest that are over, and the oldest of all when there is no room for one more.
func (b *blocklist) makeRoom(now time.Time) {
	for len(b.order) > 0 && (len(b.order) >= maxAddresses || !now.Before(b.seen[b.order[0]].until)) {
		delete(b.seen, b.order[0])
		b.order = b.order[1:]
	}
}

// succeeded forgets the failures of an address.
func (b *blocklist) succeeded(addr netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.seen[network(addr)]; f != nil {
		f.count = 0
	}
}

func network(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
