//go:build amd64 || arm64

package epoll

import (
	"net/netip"
	"sync/atomic"
)

// Poller is a set of sockets and the shards that read them.
type Poller struct {
	shards []*shard
	next   atomic.Uint32
}

// New starts the shards; Close ends them. It fails when the system has no file descriptors left.
func New(c Config) (*Poller, error) {
	p := &Poller{}
	for range max(1, c.Shards) {
		s, err := newShard(c)
		if err != nil {
			p.Close()
			return nil, err
		}
		p.shards = append(p.shards, s)
	}
	return p, nil
}

// Listen binds a socket; port 0 lets the system choose. An IPv6 socket on no particular address serves both families.
// Nothing is read before Start.
func (p *Poller) Listen(at netip.AddrPort) (*Socket, error) {
	return listen(p.shards[int(p.next.Add(1))%len(p.shards)], at)
}

// Close ends the shards and waits for them. Sockets that are still open are read no more.
func (p *Poller) Close() {
	for _, s := range p.shards {
		s.close()
	}
}
