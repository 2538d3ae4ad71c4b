package exchange

import (
	"fmt"
	"runtime/debug"

	"ringdown/callstate"
)

// shut makes the call over: it takes nothing more, its timers stop, and whoever waits for a reply is told that the
// call is gone. Its worker puts the rest away. Cause is nil for a call that finished by itself. Held: mu.
func (r *runner) shut(cause *callstate.Cause) {
	if r.over.Load() {
		return
	}
	r.over.Store(true)
	r.forced = cause
	r.x.count.dropped.Add(uint64(r.box.n))
	for ev := r.box.pop(); ev != nil; ev = r.box.pop() {
		if awaited(ev) {
			r.unread = append(r.unread, ev)
		}
	}
	r.box = mailbox{}
	for _, a := range r.alarms {
		a.timer.Stop()
	}
	r.alarms, r.spare = nil, nil
	for _, ch := range r.waiting {
		ch <- noSuchCall()
	}
	r.waiting = nil
	r.wake()
}

// force ends the call without asking it.
func (r *runner) force(cause callstate.Cause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut(&cause)
}

// crashed ends the call after a panic in its step or in a command.
func (r *runner) crashed(ev callstate.Event, p any) {
	r.x.count.panics.Add(1)
	// The type only: an event may carry SDP, and with it keys.
	r.x.log.Error("panic in a call", "call", uint64(r.id), "event", typeName(ev), "leg", legOf(ev).String(),
		"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	r.force(callstate.Cause{Kind: callstate.Failed})
}

// putAway is the last act of a call.
func (r *runner) putAway(forced *callstate.Cause) {
	if forced != nil {
		r.x.count.byForce.Add(1)
		r.breakUp(*forced)
	}
	r.x.calls.remove(r.id)
	r.forgetLegs()
	r.x.settle(r.unread) // nothing can come to it any more
}

// breakUp does what a call that was ended by force can no longer ask for: its recording is ended, which is nothing when it
// has been already, its legs are hung up, their streams closed, and subscribers told. It goes by what the call last showed.
func (r *runner) breakUp(cause callstate.Cause) {
	last := *r.shown.Load()
	if cause.Kind != callstate.Shutdown { // that is nobody's fault, and the notice is logged
		r.x.log.Error("call ended by force", "call", uint64(r.id), "cause", string(cause.Kind), "legs", len(last.Legs))
	}
	if r.recording != 0 {
		r.guarded("media", func() { r.x.cfg.Media.Do(callstate.EndRecord{Call: r.id, Ref: r.recording}) })
	}
	for _, leg := range last.Legs {
		if leg.App {
			continue // neither adapter has ever heard of it
		}
		r.guarded("signaller", func() { r.x.cfg.Signaller.Do(callstate.HangUp{Leg: leg.ID, Cause: cause}) })
		r.guarded("media", func() { r.x.cfg.Media.Do(callstate.CloseMedia{Leg: leg.ID}) })
	}
	if !r.ended {
		last.State = callstate.ShownEnded
		if last.Ended == (callstate.Time{}) {
			last.Ended = r.x.Now()
		}
		r.publish(callstate.Notice{Kind: callstate.NoticeEnded, Summary: &last, Cause: cause})
	}
}

// guarded runs f so that its panic stops nothing else.
func (r *runner) guarded(what string, f func()) { r.x.guarded(r.id, what, f) }

func (x *Exchange) guarded(id callstate.CallID, what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			x.count.panics.Add(1)
			x.log.Error("panic outside of the call", "call", uint64(id), "in", what,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// legOf is the leg that an event is about, zero when it is about none.
func legOf(ev callstate.Event) callstate.LegID {
	if e, ok := ev.(interface{ About() callstate.LegID }); ok {
		return e.About()
	}
	return callstate.LegID{}
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
