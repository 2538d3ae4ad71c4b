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

// trunkLines are the two providers, with ports of their own: calls come by the first and leave by the second.
func trunkLines() (lines, error) {
	in, err := freePort()
	if err != nil {
		return nil, err
	}
	out, err := freePort()
	return lines{{name: "from", port: in, in: outsiderPattern}, {name: "to", port: out}}, err
}

// runTrunks is the scenario "trunks".
func runTrunks(ctx context.Context, o options) error { return o.runLoad(ctx, trunkLoad) }

// beginTrunks starts the provider that is called, and the one that calls.
func beginTrunks(ctx context.Context, o options, p *party) (*sipp, error) {
	if len(p.target.lines) != 2 {
		return nil, fmt.Errorf("%s has no two lines", p.target.name)
	}
	in, out := p.target.lines[0], p.target.lines[1]
	if err := p.provider(ctx, "answer", out, ring); err != nil {
		return nil, err
	}
	return p.outside(ctx, in, outsiders, o.rate, o.rate*o.seconds, o.hold)
}

// callKind is a kind of load by sipp: who calls whom.
type callKind struct {
	name string
	// begin starts the callees, which ring for the time ring, and then the caller.
	begin func(ctx context.Context, o options, p *party) (*sipp, error)
}

// userLoad has registered users call each other, with digest on every call.
var userLoad = callKind{name: "calls", begin: func(ctx context.Context, o options, p *party) (*sipp, error) {
	if err := p.callee(ctx, "answer", 1, ring); err != nil {
		return nil, err
	}
	return p.caller(ctx, "call", o.rate, o.rate*o.seconds, o.hold)
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

// openFor is open for calls of a kind. Somebody else's switch has its lines where -ports says.
func (o options) openFor(ctx context.Context, k callKind) (t *target, dir string, done func() error, err error) {
	if k.name != trunkLoad.name {
		return o.open(ctx, nil)
	}
	var l lines
	if o.peer == "" {
		if l, err = trunkLines(); err != nil {
			return nil, "", nil, err
		}
	} else {
		l = lines{{name: "from", port: o.in}, {name: "to", port: o.out}}
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

// kamailioTrunks is what Kamailio is told of the two lines.
func kamailioTrunks(l lines) []string {
	if len(l) != 2 {
		return nil
	}
	return []string{"-A", "TRUNKS", "-A", fmt.Sprintf("PORT_IN=%d", l[0].port), "-A", fmt.Sprintf("URI_OUT=\"sip:127.0.0.1:%d\"", l[1].port)}
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
