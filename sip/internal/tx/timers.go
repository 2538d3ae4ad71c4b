package tx

import (
	"sync"
	"time"
)

// The timer values of RFC 3261 §17.1.1.1 and Table 4.
const (
	T1 = 500 * time.Millisecond // estimate of the round trip
	T2 = 4 * time.Second        // longest retransmission interval of non-INVITE requests and INVITE responses
	T4 = 5 * time.Second        // longest life of a message in the network
)

// class is one of the few durations that timers have: T1 doubled class times, or T4. As all timers of a class last
// equally long, a list in order of their start is also in order of their end, and starting or stopping one costs O(1).
type class uint8

const (
	classT1     class = 0 // 500 ms
	classT2     class = 3 // 4 s = T1<<3
	class64T1   class = 6 // 32 s = T1<<6
	classT4     class = 7
	classes           = 8
	noDeadline        = time.Duration(1<<63 - 1)
	maxInterval       = class64T1 - 1 // of Timer A: 16 s, after which Timer B comes first
)

func (c class) duration() time.Duration {
	if c == classT4 {
		return T4
	}
	return T1 << c
}

// timer is a node that lives inside its transaction. It is started and stopped only with the lock of the owner held.
type timer struct {
	prev, next *timer
	at         time.Duration // since timers.base
	owner      interface{ expire(t *timer, gen uint32) }
	gen        uint32 // changes with every start and stop, so that an expiry that was overtaken is recognised
	class      class
	set        bool
}

// timers holds every timer of a layer behind a single time.AfterFunc, whose function runs at most once at a time.
type timers struct {
	mu      sync.Mutex
	base    time.Time
	lists   [classes]struct{ head, tail *timer }
	alarm   *time.Timer
	armed   time.Duration // when the alarm goes off
	running bool
	stopped bool
	idle    sync.Cond // running became false
}

func (w *timers) init() {
	w.base, w.armed = time.Now(), noDeadline
	w.idle.L = &w.mu
}

// now is the time since base.
func (w *timers) now() time.Duration { return time.Since(w.base) }

// start starts or restarts t. The lock of the owner is held.
func (w *timers) start(t *timer, c class) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(t)
	t.gen++
	if w.stopped {
		return
	}
	t.at, t.class, t.set = w.now()+c.duration(), c, true
	list := &w.lists[c]
	t.prev = list.tail
	if list.tail == nil {
		list.head = t
	} else {
		list.tail.next = t
	}
	list.tail = t
	if t.at < w.armed && !w.running {
		w.arm(t.at)
	}
}

// stop stops t if it runs. The lock of the owner is held.
func (w *timers) stop(t *timer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(t)
	t.gen++
}

func (w *timers) unlink(t *timer) {
	if !t.set {
		return
	}
	list := &w.lists[t.class]
	if t.prev == nil {
		list.head = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		list.tail = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next, t.set = nil, nil, false
}

func (w *timers) arm(at time.Duration) {
	w.armed = at
	wait := at - w.now()
	if w.alarm == nil {
		w.alarm = time.AfterFunc(wait, w.run)
		return
	}
	w.alarm.Reset(wait)
}

// run lets every timer that is due expire, in order of time, and sets the alarm for the next one.
func (w *timers) run() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.running {
		return
	}
	w.running = true
	w.armed = noDeadline
	for !w.stopped {
		t := w.earliest()
		if t == nil {
			break
		}
		if t.at > w.now() {
			w.arm(t.at)
			break
		}
		w.unlink(t)
		gen := t.gen
		w.mu.Unlock()
		t.owner.expire(t, gen)
		w.mu.Lock()
	}
	w.running = false
	w.idle.Broadcast()
}

// earliest returns the timer that is due next. At the same instant the longer one wins: what ends a transaction comes
// before a retransmission.
func (w *timers) earliest() (first *timer) {
	for i := range w.lists {
		if t := w.lists[i].head; t != nil && (first == nil || t.at <= first.at) {
			first = t
		}
	}
	return first
}

// close stops everything and waits for an expiry that is under way.
func (w *timers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.alarm != nil {
		w.alarm.Stop()
	}
	for w.running {
		w.idle.Wait()
	}
}
