package main

import (
	"context"
	"fmt"
	"time"
)

// heldCalls are calls of sipp from trunk to trunk that stay up while something else is measured.
type heldCalls struct {
	n      int
	p      party
	caller *sipp
}

// heldRate is how many of them are set up in a second.
const heldRate = 300

// holdLines are the lines of scenarios with held calls: these come by the first, others by the second, and all leave by
// the third.
func holdLines() (l lines, err error) {
	for _, name := range []string{"held", "from", "to"} {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		l = append(l, line{name: name, port: port})
	}
	l[0].in, l[1].in = outsiderPattern, outsiderPattern
	return l, nil
}

// holdCalls sets n calls up, which will last for so long after the last one is there; then each hangs up.
func holdCalls(ctx context.Context, t *target, dir string, n int, lasts time.Duration) (*heldCalls, error) {
	h := &heldCalls{n: n, p: party{target: t, dir: dir}}
	if err := h.p.provider(ctx, "answer", t.lines[2], 0); err != nil {
		return nil, err
	}
	setup := time.Duration(n) * time.Second / heldRate
	var err error
	if h.caller, err = h.p.outside(ctx, t.lines[0], outsiders, heldRate, n, setup+lasts+5*time.Second); err != nil {
		h.p.leaveAll()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, setup+10*time.Second)
	defer cancel()
	for up := 0; up < n; {
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			h.kill()
			return nil, fmt.Errorf("%d of %d calls are up: %w", up, n, err)
		}
		if up, err = t.activeCalls(ctx); err != nil {
			h.kill()
			return nil, err
		}
	}
	// The last ones may ring still.
	return h, pause(ctx, time.Second)
}

// kill ends what a run that failed left behind.
func (h *heldCalls) kill() {
	h.caller.cmd.Process.Kill()
	<-h.caller.ended
	h.p.leaveAll()
}

// end waits until all calls are over, all of them as they should.
func (h *heldCalls) end(ctx context.Context, l *load) {
	c, err := h.caller.finish(ctx)
	l.fault(err)
	l.caller.retransmits += c.retransmits
	if err != nil {
		h.p.leaveAll()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err = h.p.leave(ctx)
	l.fault(err)
	l.callee.retransmits += c.retransmits
	l.callee.successful += c.successful
	l.fault(h.p.target.awaitNoCalls(ctx))
}
