package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

const (
	listEvery = 100 * time.Millisecond // how often the list is asked for
	listRate  = 100                    // calls that come in a second meanwhile
)

// listLoad is the outcome of the scenario "list".
type listLoad struct {
	apiLoad
	without, with time.Duration // mean set-up of a call while nobody asks, and while the list is asked for
}

// runList is the scenario "list": ListActiveCalls while many calls are held and more come and go; before that the same
// calls come and go while nobody asks, so that the difference is that of the lists.
func runList(ctx context.Context, o options) error {
	lines, err := holdLines()
	if err != nil {
		return err
	}
	t, dir, done, err := o.open(ctx, lines)
	if err != nil {
		return err
	}
	l := &listLoad{apiLoad: apiLoad{connections: 1, load: load{what: "ListActiveCalls", system: t.name, n: o.calls, goroutines: -1}}}
	l.list(ctx, o, t, dir)
	l.fault(done())
	if l.per1000 <= 0 && len(l.faults) == 0 {
		l.fault(lookAt(other, "-calls and -seconds: more of both", errors.New("the lists cost less than the same calls differ from one half to the other")))
	}
	return o.reportAPI(&l.apiLoad, cell{"setup ms", fmt.Sprintf("%s, without lists %s", milliseconds(l.with), milliseconds(l.without))})
}

// list holds the calls, and has more come, in two halves.
func (l *listLoad) list(ctx context.Context, o options, t *target, dir string) {
	half := time.Duration(o.seconds) * time.Second / 2
	held, err := holdCalls(ctx, t, dir, o.calls, 2*half+10*time.Second)
	if l.fault(err); err != nil {
		return
	}
	quiet, err := l.half(ctx, held, half, &l.without, func() (window, error) { return t.measure(ctx, options{}, half) })
	if err == nil {
		var all window
		all, err = l.half(ctx, held, half, &l.with, func() (window, error) { return l.ask(ctx, o, t, half) })
		l.window = all
	}
	if l.fault(err); err != nil {
		held.kill()
		return
	}
	if n := len(l.took); n > 0 {
		extra := l.window.switchs.Seconds() - quiet.switchs.Seconds()*l.window.seconds()/quiet.seconds()
		l.per1000 = extra / float64(n) * 1000
	}
	held.end(ctx, &l.load)
	t.last(&l.load)
}

// half has calls come and go for a time while something is measured, and takes their mean set-up.
func (l *listLoad) half(ctx context.Context, h *heldCalls, lasts time.Duration, setup *time.Duration, do func() (window, error)) (w window, err error) {
	caller, err := h.p.outside(ctx, h.p.target.lines[1], outsiders, listRate, int(listRate*lasts.Seconds()), time.Second)
	if err != nil {
		return w, err
	}
	w, err = do()
	ending, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err2 := caller.finish(ending)
	l.caller.retransmits += c.retransmits
	*setup = c.setup
	return w, errors.Join(err, err2)
}

// ask asks for the list again and again, each time when it is due, or as soon as the last one is there.
func (l *listLoad) ask(ctx context.Context, o options, t *target, lasts time.Duration) (w window, err error) {
	request, err := getRequest(t.http, url.Values{"command": {"ListActiveCalls"}, "Username": {apiUser}, "Password": {apiPassword}})
	if err != nil {
		return w, err
	}
	k, err := dialHTTP(ctx, t.http)
	if err != nil {
		return w, err
	}
	defer k.close()
	own := ownProcess()
	clientBefore, err := own.cpu()
	if err != nil {
		return w, err
	}
	t.profiling(o)
	before, err := t.look()
	if err != nil {
		return w, err
	}
	due := time.NewTicker(listEvery)
	defer due.Stop()
	for time.Since(before.at) < lasts {
		took, err := k.ask(request, []byte("<Code>200</Code>"))
		if err != nil {
			return w, err
		}
		if n := bytes.Count(k.body, []byte("<CallId>")); n < l.n {
			return w, fmt.Errorf("the list has %d of %d calls that are held", n, l.n)
		}
		l.took, l.bytes = append(l.took, took), len(k.body)
		select {
		case <-due.C:
		case <-ctx.Done():
			return w, ctx.Err()
		}
	}
	w, err = t.since(before)
	t.profiling(o)
	clientAfter, err2 := own.cpu()
	l.client = clientAfter - clientBefore
	return w, errors.Join(err, err2)
}
