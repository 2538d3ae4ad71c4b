package exchange

import (
	"time"

	"ringdown/callstate"
)

// startTimer posts TimerFired after the given time, unless the timer is stopped or the call is over by then.
func (r *runner) startTimer(c callstate.StartTimer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over.Load() {
		return
	}
	if r.timers == nil {
		r.timers = make(map[callstate.TimerID]*time.Timer)
	}
	if old := r.timers[c.ID]; old != nil {
		old.Stop()
	}
	r.timers[c.ID] = time.AfterFunc(c.After, func() { r.fire(c.ID) })
}

// fire runs on the timer's own goroutine.
func (r *runner) fire(id callstate.TimerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timers[id] == nil { // it crossed its StopTimer or the end of the call
		return
	}
	delete(r.timers, id)
	r.put(callstate.TimerFired{ID: id})
}

func (r *runner) stopTimer(id callstate.TimerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.timers[id]; t != nil {
		t.Stop()
		delete(r.timers, id)
	}
}
