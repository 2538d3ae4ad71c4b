//go:build amd64 || arm64

package epoll

import (
	"net/netip"
	"sync/atomic"
	"syscall"
)

// Poller is a set of sockets and the shards that read them.
type Poller struct {
	shards []*shard
	next   atomic.Uint32
}

// New starts the shards; Close ends them. It fails when the system has no file descriptors left, and
// with ErrUnsupported when it does not have what Config asks for.
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
	return listen(p.nextShard(), at)
}

// nextShard is the one that gets the next socket.
func (p *Poller) nextShard() *shard { return p.shards[int(p.next.Add(1))%len(p.shards)] }

// Spare is how many sockets may rest: a quarter of the descriptors that the process can have, since others need some too.
func (p *Poller) Spare() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur/4, 1<<15))
}

// Hold has packets that are written from now on leave together; Release sends them. Between the two not much may happen.
// Without Config.Batch each leaves at once.
func (p *Poller) Hold() {
	for _, s := range p.shards {
		if s.batch != nil {
			s.batch.hold()
		}
	}
}

// Release ends a Hold.
func (p *Poller) Release() {
	for _, s := range p.shards {
		if s.batch != nil {
			s.batch.release()
		}
	}
}

// Close ends the shards and waits for them. Sockets that are still open are read no more.
func (p *Poller) Close() {
	for _, s := range p.shards {
		s.close()
	}
}
