package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// trunkLoad has a provider call numbers that the switch sends on to another: no user, no digest. Of ringdown it also
// wants the events of every call, which somebody reads.
var trunkLoad = callKind{name: "trunks", begin: beginTrunks}

// trunkLines are pairs of providers, with ports in a row: calls come by the first half of the lines and leave by the
// second. Pair k has the numbers 7kxxxx.
func (o options) trunkLines() (lines, error) {
	in, out := o.in, o.out
	if o.peer == "" {
		var e1, e2 error
		in, e1 = freePorts(o.pairs)
		out, e2 = freePorts(o.pairs)
		if err := errors.Join(e1, e2); err != nil {
			return nil, err
		}
	}
	l := make(lines, 2*o.pairs)
	for k := range o.pairs {
		numbers := fmt.Sprintf("^7%d[0-9]{4}$", k)
		l[k] = line{name: fmt.Sprintf("from%d", k), port: in + k, in: numbers}
		l[o.pairs+k] = line{name: fmt.Sprintf("to%d", k), port: out + k, out: numbers}
	}
	return l, nil
}

// runTrunks is the scenario "trunks".
func runTrunks(ctx context.Context, o options) error { return o.runLoad(ctx, trunkLoad) }

// beginTrunks starts the provider that is called, and the one that calls.
func beginTrunks(ctx context.Context, o options, p *party) ([]*sipp, error) {
	return beginPairs(ctx, o, p, "answer")
}

// beginPairs starts all providers that are called, with a scenario, and then all that call, which share the rate.
func beginPairs(ctx context.Context, o options, p *party, callee string) (callers []*sipp, err error) {
	l := p.target.lines
	pairs := len(l) / 2
	if pairs == 0 {
		return nil, fmt.Errorf("%s has no two lines", p.target.name)
	}
	for _, out := range l[pairs:] {
		if err := p.provider(ctx, callee, out, ring); err != nil {
			return nil, err
		}
	}
	for k, in := range l[:pairs] {
		rate := (o.rate + k) / pairs
		called := users{first: outsiders.first + k*10_000, count: outsiders.count}
		s, err := p.outside(ctx, in, called, rate, rate*o.seconds, o.hold)
		if err != nil {
			return callers, err
		}
		callers = append(callers, s)
	}
	return callers, nil
}

// callKind is a kind of load by sipp: who calls whom.
type callKind struct {
	name string
	// begin starts the callees, which ring for the time ring, and then the callers; those that run come with an error too.
	begin func(ctx context.Context, o options, p *party) ([]*sipp, error)
}

// userLoad has registered users call each other, with digest on every call.
var userLoad = callKind{name: "calls", begin: func(ctx context.Context, o options, p *party) ([]*sipp, error) {
	if err := p.callee(ctx, "answer", 1, ring); err != nil {
		return nil, err
	}
	s, err := p.caller(ctx, "call", o.rate, o.rate*o.seconds, o.hold)
	if err != nil {
		return nil, err
	}
	return []*sipp{s}, nil
}}

// kind is what -load asks for.
func (o options) kind() callKind {
	if o.load == trunkLoad.name {
		return trunkLoad
	}
	return userLoad
}

// runLoad loads one switch with one kind of calls.
func (o options) runLoad(ctx context.Context, k callKind) error {
	t, dir, done, err := o.openFor(ctx, k)
	if err != nil {
		return err
	}
	l := callLoad(ctx, o, k, t, dir)
	l.fault(done())
	return o.report(l, "")
}

// openFor is open for calls of a kind. Somebody else's switch has its lines where -in and -out say.
func (o options) openFor(ctx context.Context, k callKind) (t *target, dir string, done func() error, err error) {
	if k.name != trunkLoad.name {
		return o.open(ctx, nil)
	}
	l, err := o.trunkLines()
	if err != nil {
		return nil, "", nil, err
	}
	t, dir, stop, err := o.open(ctx, l, eventsConfig)
	if err != nil || t.own == nil {
		return t, dir, stop, err
	}
	if t.events, err = subscribe(ctx, t); err != nil {
		return nil, "", nil, errors.Join(err, stop())
	}
	return t, dir, stop, nil
}

// kamailioTrunks is what Kamailio is told of the lines.
func kamailioTrunks(l lines) []string {
	n := len(l) / 2
	if n == 0 {
		return nil
	}
	return []string{"-A", "TRUNKS", "-A", fmt.Sprintf("PORT_IN=%d", l[0].port), "-A", fmt.Sprintf("PORT_LAST=%d", l[n-1].port),
		"-A", fmt.Sprintf("PORT_SHIFT=%d", l[n].port-l[0].port)}
}

// leaveAll ends what a run that failed left behind.
func (p *party) leaveAll() {
	for _, s := range p.callees {
		s.signal(os.Kill, stopPatience)
	}
}

// patience is how long a callee waits for what was left unanswered, which is repeated for 32 s at most; then it has lost
// something.
const patience = 40 * time.Second
