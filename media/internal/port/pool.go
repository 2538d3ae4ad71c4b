// Package port hands out pairs of UDP ports: the even one for RTP, the odd one above it for RTCP (RFC 3550 §11).
package port

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Rest is how long a freed pair stays unused, so that packets which are still under way to its last user do not reach
// the next one (edge case M23).
const Rest = 500 * time.Millisecond

// Idle is how long a socket is kept at least while its pair is free; after twice that time it is closed.
const Idle = 10 * time.Second

// sweepMost bounds how many sockets are closed at once, since nobody gets a pair meanwhile.
const sweepMost = 100

// Socket is what the users of pairs bind: it may stay bound while its pair is free, so that it need not be opened anew.
type Socket interface {
	comparable
	Close() error
}

// Pool is a queue of free pairs. Its methods may be called at the same time.
//
// Pairs come in turn whether a socket is kept with them or not, so that a port rests as long as the range allows. What
// is kept saves something when the range is gone through within Idle, and is soon closed when it is not.
type Pool[S Socket] struct {
	mu    sync.Mutex
	ring  []pair[S] // free pairs from head on, count of them
	head  int
	count int

	most, kept int
	closed     bool
	sweeper    *time.Timer // nil: nothing was kept yet; it runs while something is
}

type pair[S Socket] struct {
	even uint16
	idle bool          // kept since before the last sweep
	kept S             // the zero value: none
	from time.Duration // not to be used before
}

// New makes a pool of the pairs that lie wholly in min..max, shuffled so that the next port cannot be guessed. It keeps
// at most so many sockets.
func New[S Socket](min, max uint16, most int) *Pool[S] {
	p := &Pool[S]{most: most}
	for n := (uint(min) + 1) &^ 1; n+1 <= uint(max); n += 2 {
		p.ring = append(p.ring, pair[S]{even: uint16(n), from: -Rest})
	}
	rand.Shuffle(len(p.ring), func(i, j int) { p.ring[i], p.ring[j] = p.ring[j], p.ring[i] })
	p.count = len(p.ring)
	return p
}

// Take removes the pair that is free for the longest time, and the socket that was kept with it, if any; it fails when
// there is none that has rested. now is any clock that does not jump.
func (p *Pool[S]) Take(now time.Duration) (even uint16, kept S, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 || p.ring[p.head].from > now {
		return 0, kept, false
	}
	t := &p.ring[p.head]
	even, kept = t.even, p.drop(t)
	p.head = (p.head + 1) % len(p.ring)
	p.count--
	return even, kept, true
}

// drop takes away what is kept with a pair. Called with mu held.
func (p *Pool[S]) drop(t *pair[S]) S {
	var none S
	kept := t.kept
	if kept != none {
		p.kept--
	}
	t.kept, t.idle = none, false
	return kept
}

// Put gives back a pair that Take returned, with a socket that is bound to it, or none. The socket is closed when there are too
// many.
func (p *Pool[S]) Put(even uint16, s S, now time.Duration) {
	var none S
	p.mu.Lock()
	t := &p.ring[(p.head+p.count)%len(p.ring)]
	*t = pair[S]{even: even, from: now + Rest}
	p.count++
	if s == none || p.closed || p.kept >= p.most {
		p.mu.Unlock()
		if s != none {
			s.Close()
		}
		return
	}
	t.kept = s
	if p.kept++; p.kept == 1 {
		p.wait(Idle)
	}
	p.mu.Unlock()
}

// wait has the kept sockets looked at after a time. Called with mu held.
func (p *Pool[S]) wait(d time.Duration) {
	if p.sweeper == nil {
		p.sweeper = time.AfterFunc(d, p.sweep)
		return
	}
	p.sweeper.Reset(d)
}

// sweep closes the sockets that have been kept since before the last one.
func (p *Pool[S]) sweep() {
	var none S
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for i, n := 0, 0; i < p.count; i++ {
		t := &p.ring[(p.head+i)%len(p.ring)]
		switch {
		case t.kept == none:
		case !t.idle:
			t.idle = true
		case n == sweepMost:
			p.wait(Rest / sweepMost) // the rest of them soon; what is marked here is younger, and stays for longer
			return
		default:
			p.drop(t).Close()
			n++
		}
	}
	if p.kept > 0 {
		p.wait(Idle)
	}
}

// Shed closes all sockets that are kept, and tells how many they were: something else needs what they hold.
func (p *Pool[S]) Shed() int {
	var none S
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.kept
	for i := range p.ring {
		if t := &p.ring[i]; t.kept != none {
			p.drop(t).Close()
		}
	}
	return n
}

// Close closes all sockets that are kept; none is from then on.
func (p *Pool[S]) Close() {
	p.mu.Lock()
	p.closed = true
	if p.sweeper != nil {
		p.sweeper.Stop()
	}
	p.mu.Unlock() // one that has just begun finds it closed
	p.Shed()
}

// Free is the number of pairs in the queue, rested or not.
func (p *Pool[S]) Free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}
