package ozeki

import (
	"context"
	"errors"
	"strings"
	"time"

	"ringdown/callstate"
)

// order is one command as it was given, by a URL request or by an element of a script.
type order struct {
	row  *command
	sent string // its name as it was written
	v    values
	echo func(text string) string // makes a text of the sender's fit for an answer and for a log

	id     string           // the CallId of the call that it is about, empty where it is about none
	call   callstate.CallID // that call
	script *host            // of a script; nil for a URL request
	line   int              // of the element
}

// own tells whether the order is one of a script that speaks for an API extension.
func (o *order) own() bool { return o.script != nil && o.script.Extension() }

// home tells whether the order is about the call that its script runs on.
func (o *order) home() bool {
	if o.script == nil {
		return false
	}
	call, _ := o.script.call()
	return o.call == call
}

// carryOut does what an order says and returns its answer. For an element of a script it returns when that is finished
// (spec ozeki 7.3), at the latest soon after ctx has ended.
func (a *API) carryOut(ctx context.Context, o *order) *reply {
	if fault := a.aim(o); fault != nil {
		return fault
	}
	if o.row.act != nil {
		return o.row.act(a, ctx, o)
	}
	var req callstate.Request
	if o.row.build != nil {
		req = o.row.build(o)
	} else {
		built, fault := o.row.join(a, o)
		if fault != nil {
			return fault.reply(o)
		}
		req = built
	}
	r := a.ask(ctx, o, req)
	if o.row.done != nil {
		o.row.done(a, o, r.code == codeOK)
	}
	if r.code == codeOK && o.script != nil && o.row.lasts != nil {
		pause(ctx, o.row.lasts(o.v))
	}
	return r
}

// aim finds the call that an order is about.
func (a *API) aim(o *order) *reply {
	if !o.row.aims() {
		return nil
	}
	id := o.v[o.row.params[0].name]
	if id == "" {
		o.call, o.id = o.script.call()
		return nil
	}
	call, ok := a.ids.call(id)
	if !ok {
		return callNotFound(o.echo(id))
	}
	o.id, o.call = id, call
	return nil
}

// ask gives a request to the call of an order. One by a URL waits for the time-out of the API, one of a script as long as
// the script may.
func (a *API) ask(ctx context.Context, o *order, req callstate.Request) *reply {
	if !waits(req) {
		// Edge case A5: who goes away does not take its command along.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.timeout)
		defer cancel()
		ctx = bounded
	}
	err := a.calls.Do(ctx, o.call, req)
	if e, ok := errors.AsType[*callstate.Error](err); ok && o.row.join != nil && e.Kind == callstate.NoSuchLeg && e.Param == "target" {
		r := callNotFound(o.echo(o.v[targetID.name])) // it has just ended
		r.reason = err.Error()
		return r
	}
	return o.row.replyTo(err, o.sent, o.echo(o.id))
}

// waits tells whether a request is replied to when it has come to its end only.
func waits(req callstate.Request) bool {
	switch r := req.(type) {
	case callstate.BlindTransfer:
		return r.Wait
	case callstate.Play:
		return r.Wait
	case callstate.Record:
		return r.Wait
	}
	return false
}

// pause lets a time pass, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// How long a digit and a pause take (callstate.SendDigits).
const (
	keyLength   = 200 * time.Millisecond
	commaLength = 500 * time.Millisecond
)

// lengthOfKeys is how long the keys of SendDTMF take. The core says when they are queued, not when they are out.
func lengthOfKeys(v values) time.Duration {
	commas := strings.Count(v[keysToSend.name], ",")
	return time.Duration(len(v[keysToSend.name])-commas)*keyLength + time.Duration(commas)*commaLength
}
