package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// runSustained is the scenario "sustained": one rate for long.
func runSustained(ctx context.Context, o options) error {
	l, err := o.sustain(ctx, "sustained")
	if err != nil {
		return err
	}
	return o.report(l, "")
}

// runCapacity is the scenario "capacity": steps, each with a switch of its own, until one is not clean. It is made twice,
// since a moment of a busy machine is not the switch's limit. The row is that of the last step that was clean.
func runCapacity(ctx context.Context, o options) error {
	var best *load
	for ; o.rate <= maxRate; o.rate += o.step {
		if err := o.fits(); err != nil && best != nil {
			fmt.Fprintln(os.Stderr, "the end:", err)
			break
		}
		l, err := o.sustain(ctx, "capacity")
		if err == nil && l.clean() != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "once more:", firstLine(l.clean()))
			l, err = o.sustain(ctx, "capacity")
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := l.clean(); err != nil {
			if best == nil {
				return err
			}
			fmt.Fprintln(os.Stderr, "the end:", err)
			break
		}
		fmt.Fprintf(os.Stderr, "%d/s clean: %.2f CPU s / 1000, %d MB, %.1f other cores\n", l.rate, l.per1000, l.peak/1024, l.window.others())
		best = l
	}
	return o.report(best, "")
}

// sustain loads one switch, and adds the fault that too much was repeated.
func (o options) sustain(ctx context.Context, what string) (*load, error) {
	if o.load == "" {
		o.load = trunkLoad.name
	}
	t, dir, done, err := o.openFor(ctx, o.kind())
	if err != nil {
		return nil, err
	}
	l := callLoad(ctx, o, o.kind(), t, dir)
	l.what = what + " " + l.what
	l.fault(done())
	l.fault(l.steady())
	return l, nil
}

// steady says when messages were repeated, by sipp or by the switch, more often than in one call of a thousand.
func (l *load) steady() error {
	ours, theirs := l.caller.retransmits+l.callee.retransmits, l.caller.again+l.callee.again
	if 1000*(ours+theirs) < l.n || ours+theirs == 0 {
		return nil
	}
	err := fmt.Errorf("of %d calls sipp repeated %d messages, the switch %d; %d datagrams did not fit the buffers of the switch, %d those of sipp",
		l.n, ours, theirs, l.drops, l.ownDrops)
	if l.ownDrops > 0 {
		return ownBuffers(err)
	}
	return lookAt(other, "the rate: messages were lost or late, so that they were repeated", err)
}
