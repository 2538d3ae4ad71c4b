package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// transferLoad is the outcome of the scenarios that transfer calls.
type transferLoad struct {
	load
	moves  []moved
	missed int     // transfers that no trio was free for
	within float64 // transfers a second in the measured time
}

// runTransfers makes the scenario of one kind of transfer.
func runTransfers(way transferKind) func(ctx context.Context, o options) error {
	return func(ctx context.Context, o options) error {
		var more []string
		if way.api {
			more = append(more, eventsConfig)
		}
		if o.peer == "" { // else it knows the numbers that it knows
			o.users.count = max(o.users.count, 3*o.busiest())
		}
		t, _, done, err := o.open(ctx, nil, more...)
		if err != nil {
			return err
		}
		l := transfer(ctx, o, t, way)
		l.fault(done())
		return o.reportTransfers(l)
	}
}

// busiest is how many trios the rate needs, each with a transfer of some two seconds at a time.
func (o options) busiest() int { return min(3*o.rate+3, 3000) }

// transfer has trios make transfers at the rate of the options.
func transfer(ctx context.Context, o options, t *target, way transferKind) *transferLoad {
	l := &transferLoad{load: load{what: way.load, system: t.name, rate: o.rate, goroutines: -1}}
	lasts := time.Duration(o.seconds) * time.Second
	ctx, cancel := context.WithTimeout(ctx, lasts+90*time.Second)
	defer cancel()
	var app *pseries
	if way.api {
		var err error
		app, err = newPSeries(ctx, t.openAPI, o.client, o.secret)
		if l.fault(err); err != nil {
			return l
		}
		defer app.close()
	}
	trios, err := o.trios(ctx, t, way, app)
	defer func() {
		for _, r := range trios {
			r.close()
		}
	}()
	if l.fault(err); err != nil {
		return l
	}
	l.turn(ctx, o, t, trios, lasts)
	l.fault(t.awaitNoCalls(ctx))
	t.last(&l.load)
	return l
}

// trios registers as many as the rate needs, if there are so many numbers.
func (o options) trios(ctx context.Context, t *target, way transferKind, app *pseries) (all []*trio, err error) {
	n := min(o.users.count/3, o.busiest())
	for k := range n {
		r, err := newTrio(ctx, t, o.users, k, way, app)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// turn hands out transfers at the rate, measures the switch meanwhile, and waits for the last.
func (l *transferLoad) turn(ctx context.Context, o options, t *target, trios []*trio, lasts time.Duration) {
	tickets := make(chan struct{})
	results := make(chan moved, len(trios))
	var workers sync.WaitGroup
	for _, r := range trios {
		workers.Go(func() {
			for range tickets {
				m := r.move(ctx)
				results <- m
				if m.err != nil {
					return // its phones may hold calls that the next transfer would take for its own
				}
			}
		})
	}
	var collector sync.WaitGroup
	collector.Go(func() {
		for m := range results {
			l.moves = append(l.moves, m)
		}
	})
	var pacer sync.WaitGroup
	pacer.Go(func() {
		defer close(tickets)
		tick := time.NewTicker(time.Second / time.Duration(o.rate))
		defer tick.Stop()
		for range o.rate * o.seconds {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			select {
			case tickets <- struct{}{}:
			default:
				l.missed++
			}
		}
	})
	w, err := t.measure(ctx, o, lasts)
	l.window = w
	l.fault(err)
	pacer.Wait()
	workers.Wait()
	close(results)
	collector.Wait()
	l.judge(o)
}

// judge counts, and says what makes the run worthless.
func (l *transferLoad) judge(o options) {
	l.n = len(l.moves)
	within := 0
	for _, m := range l.moves {
		if m.err != nil {
			l.caller.failed++
			if l.caller.failed <= 3 {
				l.fault(lookAt(refused, firstLine(m.err), m.err))
			}
			continue
		}
		l.caller.successful++
		if m.at.After(l.window.from) && m.at.Before(l.window.to) {
			within++
		}
	}
	if l.caller.failed > 0 {
		l.fault(fmt.Errorf("%d of %d transfers failed", l.caller.failed, l.n))
	}
	// Phones of a transfer that failed are not free again.
	if l.caller.failed == 0 && l.missed*20 > o.rate*o.seconds {
		l.fault(lookAt(busy, "-users (a third of them transfer, one call at a time), or this machine: it may be too busy",
			fmt.Errorf("%d of %d transfers found no free phones", l.missed, o.rate*o.seconds)))
	}
	if within == 0 {
		l.fault(errors.New("no transfer within the measured time"))
		return
	}
	l.within = float64(within) / l.window.seconds()
	l.per1000 = l.window.switchs.Seconds() / float64(within) * 1000
}

// reportTransfers prints the run and appends its row.
func (o options) reportTransfers(l *transferLoad) error {
	if err := l.clean(); err != nil {
		return err
	}
	took := func(m moved) time.Duration { return m.took }
	gap := func(m moved) time.Duration { return m.gap }
	whole := func(m moved) time.Duration { return m.whole }
	before := func(m moved) time.Duration { return m.before }
	return o.record(transferTable, l.system, l.window, []cell{
		{"load", l.what},
		{"rate", fmt.Sprint(l.rate)}, {"n", fmt.Sprint(l.n)}, {"missed", fmt.Sprint(l.missed)}, {"reached /s", fmt.Sprintf("%.1f", l.within)},
		{"CPU s / 1000", fmt.Sprintf("%.2f", l.per1000)},
		{"took p50 ms", milliseconds(l.quantile(0.5, took))}, {"p99 ms", milliseconds(l.quantile(0.99, took))},
		{"whole p50 ms", zeroDash(l.quantile(0.5, whole))}, {"whole p99 ms", zeroDash(l.quantile(0.99, whole))},
		{"gap p50 ms", milliseconds(l.quantile(0.5, gap))}, {"gap p99 ms", milliseconds(l.quantile(0.99, gap))},
		{"gap max ms", milliseconds(l.quantile(1, gap))},
		{"before p50 ms", milliseconds(l.quantile(0.5, before))}, {"before p99 ms", milliseconds(l.quantile(0.99, before))},
		{"peak MB", fmt.Sprintf("%.0f", float64(l.peak)/1024)}, {"goroutines", orDash(l.goroutines)},
		{"drops", fmt.Sprint(l.drops)},
	})
}

// quantile is the nearest rank of one property of the transfers.
func (l *transferLoad) quantile(q float64, of func(moved) time.Duration) time.Duration {
	times := make([]time.Duration, len(l.moves))
	for i, m := range l.moves {
		times[i] = of(m)
	}
	return quantileOf(q, times)
}

// zeroDash writes a time in milliseconds, which was not taken when it is zero.
func zeroDash(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return milliseconds(d)
}
