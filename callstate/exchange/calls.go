package exchange

import (
	"cmp"
	"context"
	"slices"

	"ringdown/callstate"
)

// Do gives a request to a call and waits for its reply, at most until ctx ends; the request goes on all the same. It
// must not be called by a watcher, on whose return the call waits.
func (x *Exchange) Do(ctx context.Context, id callstate.CallID, req callstate.Request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := x.calls.get(id)
	if r == nil {
		return noSuchCall()
	}
	ref := x.refs.Add(1)
	reply, err := r.ask(ref, req)
	if err != nil {
		return err
	}
	select {
	case e := <-reply:
		return errorOf(e)
	case <-ctx.Done():
	}
	r.forget(ref)
	select {
	case e := <-reply: // it came just now: the truth is better than a time-out
		return errorOf(e)
	default:
		return ctx.Err()
	}
}

// ask posts a request; its reply will be in the channel, which is sure to get one before the call is gone.
func (r *runner) ask(ref uint64, req callstate.Request) (<-chan *callstate.Error, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over.Load() {
		return nil, noSuchCall()
	}
	if !r.put(callstate.Requested{ID: r.id, Ref: ref, Req: req}) {
		return nil, &callstate.Error{Kind: callstate.Overloaded}
	}
	if r.waiting == nil {
		r.waiting = make(map[uint64]chan *callstate.Error)
	}
	ch := make(chan *callstate.Error, 1)
	r.waiting[ref] = ch
	return ch, nil
}

// answer hands a reply to whoever still waits for it.
func (r *runner) answer(ref uint64, e *callstate.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ch := r.waiting[ref]; ch != nil {
		delete(r.waiting, ref)
		ch <- e
	}
}

// forget takes a waiter back.
func (r *runner) forget(ref uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, ref)
}

func noSuchCall() *callstate.Error {
	return &callstate.Error{Kind: callstate.NoSuchCall}
}

// errorOf makes no error of a nil *Error.
func errorOf(e *callstate.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// summary is what the call shows, nil when it is not in progress any more.
func (r *runner) summary() *callstate.Summary {
	if s := r.shown.Load(); !r.over.Load() && s.State != callstate.ShownEnded {
		return s
	}
	return nil
}

// Get returns the summary of one call in progress, nil when there is none.
func (x *Exchange) Get(id callstate.CallID) *callstate.Summary {
	if r := x.calls.get(id); r != nil {
		return r.summary()
	}
	return nil
}

// List returns what every call in progress last showed, in order of start. It waits for no call.
func (x *Exchange) List() []*callstate.Summary {
	rs := x.calls.appendAll(make([]*runner, 0, x.count.calls.Load()))
	list := make([]*callstate.Summary, 0, len(rs))
	for _, r := range rs {
		if s := r.summary(); s != nil {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *callstate.Summary) int {
		if c := cmp.Compare(a.Started.Mono, b.Started.Mono); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return list
}
