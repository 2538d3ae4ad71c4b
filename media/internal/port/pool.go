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

// Warm is how long a pair with a socket rests before it goes before those without: to open a socket costs as much as all
// else that media does for a leg, and a range may be so long that its turn would come again after minutes only.
const Warm = time.Second

// Idle is how long a socket is kept at least while its pair is free; after twice that time it is closed.
const Idle = 10 * time.Second

// sweepMost bounds how many sockets are closed at once, since nobody gets a pair meanwhile.
const sweepMost = 100

// Socket is what the users of pairs bind: it may stay bound while its pair is free, so that it need not be opened anew.
type Socket interface {
	comparable
	Close() error
}

// Pool is two queues of free pairs, with and without a socket that is kept. Its methods may be called at the same time.
type Pool[S Socket] struct {
	mu         sync.Mutex
	bare, warm queue[S]

	most   int // that are kept
	closed bool
	// sweeper runs while something is kept; nil: nothing was yet.
	sweeper *time.Timer
}

// pair is a free pair.
type pair[S Socket] struct {
	even uint16
	idle bool          // kept since before the last sweep
	kept S             // the zero value: none
	from time.Duration // when it was given back
}

// queue is a ring with room for every pair.
type queue[S Socket] struct {
	ring        []pair[S]
	head, count int
}

func (q *queue[S]) at(i int) *pair[S] { return &q.ring[(q.head+i)%len(q.ring)] }

func (q *queue[S]) push(t pair[S]) {
	q.count++
	*q.at(q.count - 1) = t
}

func (q *queue[S]) pop() pair[S] {
	t := *q.at(0)
	*q.at(0) = pair[S]{}
	q.head = (q.head + 1) % len(q.ring)
	q.count--
	return t
}

// rested tells whether the first pair was given back so long ago.
func (q *queue[S]) rested(rest, now time.Duration) bool {
	return q.count > 0 && now-q.at(0).from >= rest
}

// New makes a pool of the pairs that lie wholly in min..max, shuffled so that the next port cannot be guessed. It keeps
// at most so many sockets.
func New[S Socket](min, max uint16, most int) *Pool[S] {
	var evens []uint16
	for n := (uint(min) + 1) &^ 1; n+1 <= uint(max); n += 2 {
		evens = append(evens, uint16(n))
	}
	rand.Shuffle(len(evens), func(i, j int) { evens[i], evens[j] = evens[j], evens[i] })
	p := &Pool[S]{most: most}
	p.bare.ring, p.warm.ring = make([]pair[S], len(evens)), make([]pair[S], len(evens))
	for _, even := range evens {
		p.bare.push(pair[S]{even: even, from: -Rest})
	}
	return p
}

// Take removes a pair, and the socket that was kept with it, if any: of either queue the one that is free for the
// longest time. It fails when there is none that has rested. now is any clock that does not jump.
func (p *Pool[S]) Take(now time.Duration) (even uint16, kept S, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := &p.bare
	switch {
	case p.warm.rested(Warm, now), !p.bare.rested(Rest, now) && p.warm.rested(Rest, now):
		from = &p.warm
	case !p.bare.rested(Rest, now):
		return 0, kept, false
	}
	t := from.pop()
	return t.even, t.kept, true
}

// Put gives back a pair that Take returned, with a socket that is bound to it, or none. The socket is closed when there are too
// many.
func (p *Pool[S]) Put(even uint16, s S, now time.Duration) {
	var none S
	p.mu.Lock()
	if s == none || p.closed || p.warm.count >= p.most {
		p.bare.push(pair[S]{even: even, from: now})
		p.mu.Unlock()
		if s != none {
			s.Close()
		}
		return
	}
	p.warm.push(pair[S]{even: even, kept: s, from: now})
	if p.warm.count == 1 {
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

// sweep closes the sockets that have been kept since before the last one. They are the first of the queue.
func (p *Pool[S]) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for n := 0; p.warm.count > 0 && p.warm.at(0).idle; n++ {
		if n == sweepMost {
			p.wait(Rest / sweepMost) // the rest of them soon
			return
		}
		p.cool()
	}
	for i := range p.warm.count {
		p.warm.at(i).idle = true
	}
	if p.warm.count > 0 {
		p.wait(Idle)
	}
}

// cool closes the socket that is kept for the longest time. Its pair has rested as long.
func (p *Pool[S]) cool() {
	var none S
	t := p.warm.pop()
	t.kept.Close()
	t.kept, t.idle = none, false
	p.bare.push(t)
	// To where it belongs by age: behind one that came later, which may not have rested, nobody would find it.
	for i := p.bare.count - 1; i > 0 && p.bare.at(i-1).from > t.from; i-- {
		a, b := p.bare.at(i-1), p.bare.at(i)
		*a, *b = *b, *a
	}
}

// Shed closes all sockets that are kept, and tells how many they were: something else needs what they hold.
func (p *Pool[S]) Shed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.warm.count
	for range n {
		p.cool()
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

// Free is the number of free pairs, rested or not.
func (p *Pool[S]) Free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bare.count + p.warm.count
}
