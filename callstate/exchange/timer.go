package exchange

import (
	"slices"
	"time"

	"ringdown/callstate"
)

// alarm is a timer of a call. It is used again for a later one: most calls have one timer at a time.
type alarm struct {
	r     *runner
	id    callstate.TimerID
	timer *time.Timer
}

// startTimer posts TimerFired after the given time, unless the timer is stopped or the call is over by then.
func (r *runner) startTimer(c callstate.StartTimer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over.Load() {
		return
	}
	r.endAlarm(c.ID)
	a := r.spare
	if r.spare = nil; a == nil {
		a = &alarm{r: r, id: c.ID}
		a.timer = time.AfterFunc(c.After, a.fire) // which waits for mu
	} else {
		a.id = c.ID
		a.timer.Reset(c.After)
	}
	r.alarms = append(r.alarms, a)
}

// fire runs on the timer's own goroutine.
func (a *alarm) fire() {
	r := a.r
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.alarms, a)
	if i < 0 { // it crossed its StopTimer or the end of the call
		return
	}
	r.alarms = slices.Delete(r.alarms, i, i+1)
	r.spare = a
	r.put(callstate.TimerFired{ID: a.id})
}

func (r *runner) stopTimer(id callstate.TimerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endAlarm(id)
}

// endAlarm ends the timer of that name, if there is one. Held: mu.
func (r *runner) endAlarm(id callstate.TimerID) {
	i := slices.IndexFunc(r.alarms, func(a *alarm) bool { return a.id == id })
	if i < 0 {
		return
	}
	a := r.alarms[i]
	r.alarms = slices.Delete(r.alarms, i, i+1)
	if a.timer.Stop() { // else fire has begun and waits for mu: it must not find itself among those that run
		r.spare = a
	}
}
