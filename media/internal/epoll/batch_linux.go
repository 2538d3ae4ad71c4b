//go:build amd64 || arm64

package epoll

import (
	"net/netip"
	"sync"
	"syscall"
)

// What one system call carries out at most. A longer list delays the packets at its beginning.
const (
	mostReceives = 64
	mostSends    = 64
)

// batch is the receives and sends of a shard that one system call carries out. A packet that is sent while somebody holds
// the batch goes out with those after it, in order, when the list is full or the holder lets go of it; else at once.
type batch struct {
	mu   sync.Mutex
	ring *ring
	held int // by so many; below 0 once it is closed

	sends [mostSends]struct {
		from   *Socket // entered
		to     sockaddr
		result int32
	}
	queued int
	// The packets of sends, one behind the other, since most are far shorter than the longest: after each system call the
	// first look at a page is slow.
	packets []byte
	longest int

	// The shard's goroutine's:
	receives [mostReceives]struct {
		to     *Socket // entered; nil: closed
		from   sockaddr
		packet []byte // room
		vector syscall.Iovec
		header syscall.Msghdr
		result int32
	}
}

// isReceive marks the results of receives.
const isReceive = 1 << 32

// newBatch makes a batch for datagrams of a length. It fails as newRing does.
func newBatch(longest int) (*batch, error) {
	r, err := newRing(mostReceives + mostSends)
	if err != nil {
		return nil, err
	}
	q := &batch{ring: r, packets: make([]byte, 0, mostSends*longest), longest: longest}
	for i := range q.receives {
		e := &q.receives[i]
		e.packet = make([]byte, longest+1)
		e.vector = syscall.Iovec{Base: &e.packet[0], Len: uint64(len(e.packet))}
		e.header = syscall.Msghdr{Name: &e.from[0], Iov: &e.vector, Iovlen: 1}
	}
	return q, nil
}

// closed is far below what holds add up to.
const closed = -1 << 30

// hold has packets wait for those after them until release.
func (q *batch) hold() {
	q.mu.Lock()
	q.held++
	q.mu.Unlock()
}

// release ends a hold, and sends what waits.
func (q *batch) release() {
	q.mu.Lock()
	q.held--
	q.submit()
	q.mu.Unlock()
}

// close sends what waits, and gives the ring back. From then on each packet is sent at once, whoever holds the batch.
func (q *batch) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.submit()
	q.held = closed
	q.ring.close()
}

// send takes a packet to be sent with others. It is false when nobody holds the batch, or the packet cannot be sent: then
// the caller sends it, and is told why. Who takes it enters the socket.
func (q *batch) send(k *Socket, b []byte, to netip.AddrPort) bool {
	q.mu.Lock()
	if q.held <= 0 {
		q.mu.Unlock()
		return false
	}
	if q.queued == mostSends {
		q.submit()
	}
	e := &q.sends[q.queued]
	size := e.to.set(to, k.six)
	if size == 0 || len(b) > q.longest || !k.enter() {
		q.mu.Unlock()
		return false
	}
	e.from, e.result = k, -int32(syscall.EAGAIN)
	at := len(q.packets)
	q.packets = append(q.packets, b...) // there is room
	q.ring.send(k.fd, q.packets[at:], &e.to, size, uint64(q.queued))
	q.queued++
	q.mu.Unlock()
	return true
}

// submit carries out everything. Called with mu held.
func (q *batch) submit() {
	if q.held < 0 { // and nothing waits
		return
	}
	q.ring.submit(func(mark uint64, result int32) {
		if mark&isReceive != 0 {
			q.receives[mark&^isReceive].result = result
		} else {
			q.sends[mark].result = result
		}
	})
	for i := range q.sends[:q.queued] {
		e := &q.sends[i]
		if e.result < 0 {
			e.from.refused.Add(1)
		}
		e.from.leave()
		e.from = nil
	}
	q.queued, q.packets = 0, q.packets[:0]
}

// read takes one datagram from each of at most mostReceives sockets, if there is one, after what waits to be sent. The
// batch is held by the shard.
func (q *batch) read(sockets []*Socket) {
	q.mu.Lock()
	for i, k := range sockets {
		e := &q.receives[i]
		if e.to = nil; k == nil || !k.enter() {
			continue
		}
		e.to, e.result = k, -int32(syscall.EAGAIN)
		e.header.Namelen = uint32(len(e.from))
		q.ring.receive(k.fd, &e.header, uint64(i)|isReceive)
	}
	q.submit()
	q.mu.Unlock()
	for i := range sockets {
		e := &q.receives[i]
		k := e.to
		if k == nil {
			continue
		}
		e.to = nil
		k.leave()
		if n := int(e.result); n >= 0 && n < len(e.packet) { // else it was cut off
			k.take(e.packet[:n], e.from.get())
		}
	}
}
