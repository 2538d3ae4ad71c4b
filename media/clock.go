package media

import (
	"container/heap"
	"sync"
	"time"

	"ringdown/media/internal/dtmf"
)

// clock is the engine's one source of time-driven work: the 20 ms tick of legs that play or send digits and of
// recordings, and silence checks. Its goroutine sleeps without a timer while there is none of these.
type clock struct {
	since func() time.Duration
	fwd   forwarder // held while a tick is made: what it sends leaves together
	wake  chan struct{}
	stop  chan struct{}
	done  chan struct{}

	mu   sync.Mutex
	busy map[ticker]bool // who wants ticks; true: asked for since the last tick began
	due  silences
	at   time.Duration // the next tick; 0 while there is none, which then comes at once

	now  []ticker // those of the running tick
	slot uint64   // counts ticks
}

// ticker is a leg or a recording. tick does what was due in a slot of 20 ms, now or a moment ago, and returns false when no
// more are needed.
type ticker interface {
	tick(slot uint64, due, now time.Duration) (busy bool)
}

// mostOwed is how late a tick may be and still be made up for.
const mostOwed = 4 * dtmf.Slot

func newClock(since func() time.Duration, fwd forwarder) *clock {
	c := &clock{since: since, fwd: fwd, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		busy: map[ticker]bool{}}
	go c.run()
	return c
}

func (c *clock) close() {
	close(c.stop)
	<-c.done
}

// want gives ticks until a tick says that it needs no more.
func (c *clock) want(t ticker) {
	c.mu.Lock()
	first := len(c.busy) == 0
	c.busy[t] = true
	c.mu.Unlock()
	if first {
		c.poke()
	}
}

// next is when the next tick comes; 0 for at once.
func (c *clock) next() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// watch has a leg's silence checked at a time. A leg is watched once; its check says when next.
func (c *clock) watch(l *leg, at time.Duration) {
	c.mu.Lock()
	if l.watch > 0 {
		c.mu.Unlock()
		return
	}
	heap.Push(&c.due, silence{l, at})
	first := c.due[0].leg == l
	c.mu.Unlock()
	if first {
		c.poke()
	}
}

// forget takes a closed leg out.
func (c *clock) forget(l *leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, l)
	if l.watch > 0 {
		heap.Remove(&c.due, l.watch-1)
	}
}

func (c *clock) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *clock) run() {
	defer close(c.done)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	var tick time.Duration // when the next tick is due
	ticking := false
	for {
		c.mu.Lock()
		if busy := len(c.busy) > 0; busy != ticking {
			ticking, tick = busy, c.since()
		}
		c.at = 0
		if ticking {
			c.at = tick
		}
		next, any := tick, ticking
		if len(c.due) > 0 && (!any || c.due[0].at < next) {
			next, any = c.due[0].at, true
		}
		c.mu.Unlock()
		if any {
			timer.Reset(next - c.since())
		} else {
			timer.Stop()
		}
		select {
		case <-c.stop:
			timer.Stop()
			return
		case <-c.wake:
		case <-timer.C:
		}
		now := c.since()
		if ticking && now >= tick {
			c.tick(tick, now)
			// A machine that was busy for a moment owes its listeners what they would have heard: a few ticks follow at once.
			// More would be a burst, and are left out.
			for tick += dtmf.Slot; now-tick >= mostOwed; tick += dtmf.Slot {
			}
		}
		c.checkSilence(now)
	}
}

func (c *clock) tick(due, now time.Duration) {
	c.mu.Lock()
	c.slot++
	c.now = c.now[:0]
	for t := range c.busy {
		c.busy[t] = false
		c.now = append(c.now, t)
	}
	c.mu.Unlock()
	c.fwd.hold()
	defer c.fwd.release()
	defer func() { clear(c.now) }() // keeps no closed leg
	for _, t := range c.now {
		if t.tick(c.slot, due, now) {
			continue
		}
		c.mu.Lock()
		if !c.busy[t] { // nobody asked in between
			delete(c.busy, t)
		}
		c.mu.Unlock()
	}
}

func (c *clock) checkSilence(now time.Duration) {
	for {
		c.mu.Lock()
		if len(c.due) == 0 || c.due[0].at > now {
			c.mu.Unlock()
			return
		}
		l := heap.Pop(&c.due).(silence).leg
		c.mu.Unlock()
		if at, again := l.checkSilence(now); again {
			c.watch(l, at)
		}
	}
}

// silence is the time of a leg's next check.
type silence struct {
	leg *leg
	at  time.Duration
}

// silences is a heap by time. A leg's watch is its index, from 1; 0 when it is not in it.
type silences []silence

func (s silences) Len() int           { return len(s) }
func (s silences) Less(i, j int) bool { return s[i].at < s[j].at }
func (s silences) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].leg.watch, s[j].leg.watch = i+1, j+1
}
func (s *silences) Push(x any) {
	*s = append(*s, x.(silence))
	x.(silence).leg.watch = len(*s)
}
func (s *silences) Pop() any {
	old := *s
	x := old[len(old)-1]
	x.leg.watch = 0
	old[len(old)-1] = silence{}
	*s = old[:len(old)-1]
	return x
}
