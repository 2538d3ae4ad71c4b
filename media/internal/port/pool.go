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

// Pool is a queue of free pairs. Its methods may be called at the same time.
type Pool struct {
	mu    sync.Mutex
	ring  []pair // free pairs from head on, count of them
	head  int
	count int
}

type pair struct {
	even uint16
	from time.Duration // not to be used before
}

// New makes a pool of the pairs that lie wholly in min..max, shuffled so that the next port cannot be guessed.
func New(min, max uint16) *Pool {
	p := &Pool{}
	for n := (uint(min) + 1) &^ 1; n+1 <= uint(max); n += 2 {
		p.ring = append(p.ring, pair{even: uint16(n), from: -Rest})
	}
	rand.Shuffle(len(p.ring), func(i, j int) { p.ring[i], p.ring[j] = p.ring[j], p.ring[i] })
	p.count = len(p.ring)
	return p
}

// Take removes the pair that is free for the longest time; it fails when there is none that has rested. now is any
// clock that does not jump.
func (p *Pool) Take(now time.Duration) (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 || p.ring[p.head].from > now {
		return 0, false
	}
	even := p.ring[p.head].even
	p.head = (p.head + 1) % len(p.ring)
	p.count--
	return even, true
}

// Put gives back a pair that Take returned.
func (p *Pool) Put(even uint16, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ring[(p.head+p.count)%len(p.ring)] = pair{even, now + Rest}
	p.count++
}

// Free is the number of pairs in the queue, rested or not.
func (p *Pool) Free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}
