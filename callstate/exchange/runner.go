package exchange

import (
	"cmp"
	"sync"
	"sync/atomic"

	"ringdown/callstate"
)

// runner is one call in the exchange. It has a worker only while its mailbox holds something, so an idle call costs
// neither a goroutine nor a stack.
type runner struct {
	x    *Exchange
	id   callstate.CallID
	call stepper // touched by its worker only

	shown atomic.Pointer[callstate.Summary] // never nil
	over  atomic.Bool                       // takes no event any more; set with mu held

	mu      sync.Mutex // for what follows
	box     mailbox
	running bool                             // a worker has it; for ever once the call is over
	forced  *callstate.Cause                 // why it was ended by force, nil for Finish
	unread  []callstate.Event                // of what was in the mailbox when it was shut, what somebody waits for
	adopted []callstate.LegID                // legs of other calls that came here
	alarms  []*alarm                         // timers that run
	spare   *alarm                           // for the next one
	waiting map[uint64]chan *callstate.Error // requests by Ref

	// of its worker only
	ended     bool            // NoticeEnded is out
	lastShown callstate.Shown // in the log
	recording uint32          // what media records for it, 0 when nothing

	first [mailboxMin]callstate.Event // the first ring of box
}

// newRunner makes a call whose mailbox holds its first event already: nothing can get before it. Until the first step
// its summary is what the offer says, so that even a first step that panics leaves no leg behind.
func newRunner(x *Exchange, ev callstate.Event, shown callstate.Summary) *runner {
	r := &runner{x: x, id: ev.Call(), call: x.newCall(ev.Call())}
	r.box.ring = r.first[:]
	r.box.push(ev)
	shown.ID, shown.State, shown.Started = r.id, callstate.ShownSetup, x.Now()
	r.shown.Store(&shown)
	return r
}

// offers is what is known of a call that a phone or a trunk begins.
func offers(ev callstate.LegOffered) callstate.Summary {
	return callstate.Summary{Caller: ev.From, Shown: ev.From, CallerDialled: ev.To, CalleeDialled: ev.To, Callee: callstate.Party{Number: ev.To},
		Legs: []callstate.LegSummary{{ID: ev.Leg, Party: ev.From, Inbound: true, SIPCallID: ev.SIPCallID}}}
}

// placed is what is known of a call that an application begins.
func placed(ev callstate.CallPlaced) callstate.Summary {
	caller := callstate.Party{Number: ev.From}
	return callstate.Summary{Caller: caller, Shown: cmp.Or(ev.Shows, caller), CallerDialled: ev.To, CalleeDialled: ev.To,
		Callee: callstate.Party{Number: ev.To}}
}

// begin lets the first event be taken.
func (r *runner) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wake()
}

// post puts an event into the mailbox; false refuses a new request.
func (r *runner) post(ev callstate.Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.put(ev)
}

// put is post with mu held.
func (r *runner) put(ev callstate.Event) bool {
	switch {
	case r.over.Load():
		return r.x.drop(ev)
	case r.box.n >= requestLimit && isRequest(ev):
		r.x.count.refused.Add(1)
		return false
	case r.box.n >= hardLimit:
		r.shut(&callstate.Cause{Kind: callstate.Overload})
		return r.x.drop(ev)
	}
	r.box.push(ev)
	r.wake()
	return true
}

// wake gives the call to a worker unless one has it. Held: mu.
func (r *runner) wake() {
	if !r.running {
		r.running = true
		r.x.count.goroutines.Add(1)
		r.x.workers.run(r)
	}
}

// run handles what is in the mailbox until it is empty, or the call over.
func (r *runner) run() {
	for {
		ev, over := r.next()
		if ev == nil {
			r.x.count.goroutines.Add(-1)
			if over {
				r.x.release()
			}
			return
		}
		r.handle(ev)
	}
}

// next takes the next event. With nil its worker is done with it: it rests, or the call is over and put away.
func (r *runner) next() (ev callstate.Event, over bool) {
	r.mu.Lock()
	over = r.over.Load()
	cause := r.forced
	if !over {
		if ev = r.box.pop(); ev == nil {
			r.running = false
		}
	}
	r.mu.Unlock()
	if over {
		r.putAway(cause)
	}
	return ev, over
}

// handle applies one event and carries out what it leads to.
func (r *runner) handle(ev callstate.Event) {
	var todo []callstate.Command
	stepped := false
	defer func() {
		if p := recover(); p != nil {
			if !stepped {
				r.keep(ev)
			}
			r.answerLetters(todo) // while the events of legs that it gives away still wait in its mailbox
			r.crashed(ev, p)
		}
	}()
	before := r.shown.Load()
	todo = r.call.Step(callstate.Input{At: r.x.Now(), Ev: ev})
	now := r.call.Summary()
	if now != before {
		// Stored before any command: whoever hears of the change by a notice or a reply finds it in the lists.
		r.shown.Store(now)
	}
	stepped = true
	for len(todo) > 0 {
		c := todo[0]
		todo = todo[1:]
		r.execute(c)
	}
	if ended, ok := ev.(callstate.LegEnded); ok {
		r.forgetLeg(ended.Leg)
	}
	if now != before {
		r.forgetApps(before, now)
	}
}

// execute carries out one command.
func (r *runner) execute(c callstate.Command) {
	switch c := c.(type) {
	case callstate.Signal:
		r.x.cfg.Signaller.Do(c)
	case callstate.MediaCommand:
		if begun, ok := c.(callstate.StartRecord); ok {
			r.recording = begun.Ref
		}
		r.x.cfg.Media.Do(c)
	case callstate.StartTimer:
		r.startTimer(c)
	case callstate.StopTimer:
		r.stopTimer(c.ID)
	case callstate.Reply:
		r.answer(c.Ref, c.Err)
	case callstate.Publish:
		r.publish(c.Notice)
	case callstate.Fetch:
		r.x.fetch(c)
	case callstate.HandOver:
		r.handOver(c)
	case callstate.RefuseLegs:
		r.x.Post(callstate.LegsRefused{ID: c.To, Token: c.Token, Status: c.Status})
	case callstate.Finish:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.shut(nil)
	default:
		r.x.log.Error("command that nobody carries out", "call", uint64(r.id), "command", typeName(c))
	}
}
