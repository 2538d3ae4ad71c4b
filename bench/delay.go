package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const delayTable = "## Set-up delay"

// delayLoad is the outcome of a run of the pair.
type delayLoad struct {
	load
	invites, rangs delays
	behind         time.Duration // the most that an INVITE left too late
}

// timely says why delays of calls that all went well are no figures: that is the machine's fault, or that of the rate.
func (l *delayLoad) timely() error {
	if l.behind > tooLate {
		return lookAt(busy, "this machine: it is too busy for the generator to keep the rate (top, a lower -rate, more cores)",
			fmt.Errorf("an INVITE left %v late", l.behind))
	}
	return l.steady()
}

// runDelay is the scenario "delay": the pair makes the load, and measures it.
func runDelay(ctx context.Context, o options) error {
	o.pairs = 1
	if time.Duration(o.rate)*(o.hold+ring+time.Second) > pairNumbers*time.Second {
		return fmt.Errorf("delay: rate by hold is more than %d calls at a time", pairNumbers)
	}
	t, _, done, err := o.openFor(ctx, trunkLoad)
	if err != nil {
		return err
	}
	l := measureDelay(ctx, o, t)
	l.fault(done())
	return o.reportDelay(l)
}

// delayKind is what -load calls a comparison of delays.
const delayKind = "delay"

// compareDelay measures Kamailio and ringdown in turn.
func (o options) compareDelay(ctx context.Context) error {
	o.pairs = 1
	var errs []error
	for range rounds {
		lines, err := o.trunkLines()
		if err != nil {
			return err
		}
		var l *delayLoad
		stopped, err := o.withKamailio(ctx, lines, func(t *target, _ string) { l = measureDelay(ctx, o, t) })
		if err != nil {
			return err
		}
		l.fault(stopped)
		errs = append(errs, o.reportDelay(l), runDelay(ctx, o))
	}
	return errors.Join(errs...)
}

// tooLate is how late an INVITE may be: more, and the rate is no rate. Delays count from when it did leave.
const tooLate = 200 * time.Millisecond

// measureDelay has calls come at a rate.
func measureDelay(ctx context.Context, o options, t *target) *delayLoad {
	l := &delayLoad{load: load{what: "delay", system: t.name, rate: o.rate, n: o.rate * o.seconds, goroutines: -1}}
	p, err := newPair(t, o.hold)
	if err != nil {
		l.fault(err)
		return l
	}
	watch := watchDrops(t.lines[0].port, t.lines[1].port)
	running := make(chan struct{})
	go func() {
		defer close(running)
		p.run(ctx, o.rate, l.n)
	}()
	l.window, err = t.measure(ctx, o, time.Duration(o.seconds)*time.Second)
	l.fault(err)
	<-running
	l.fault(t.awaitNoCalls(ctx))
	l.ownDrops, err = watch.stop()
	l.fault(err)
	p.close()
	l.caller.again, l.invites, l.rangs = p.again, p.invites, p.rangs
	l.fault(p.fault)
	if want := p.n - p.first; p.fault == nil && (l.invites.n != want || l.rangs.n != want) {
		l.fault(fmt.Errorf("of %d calls %d INVITEs and %d 180s were seen", want, l.invites.n, l.rangs.n))
	}
	l.behind = p.behind
	l.per1000 = l.window.switchs.Seconds() / (float64(o.rate) * l.window.seconds()) * 1000
	t.last(&l.load)
	return l
}

// reportDelay prints a run and appends its row.
func (o options) reportDelay(l *delayLoad) error {
	if len(l.faults) == 0 {
		l.fault(l.timely())
	}
	if err := l.clean(); err != nil {
		return err
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }
	cells := []cell{{"load", "trunks"}, {"rate", fmt.Sprint(l.rate)}, {"n", fmt.Sprint(l.n)}}
	for _, d := range []struct {
		name string
		*delays
	}{{"INVITE", &l.invites}, {"180", &l.rangs}} {
		cells = append(cells, cell{d.name + " p50 ms", ms(d.quantile(0.50))}, cell{d.name + " p99 ms", ms(d.quantile(0.99))}, cell{d.name + " max ms", ms(d.max)})
	}
	return o.record(delayTable, l.system, l.window, append(cells,
		cell{"switch repeats", fmt.Sprint(l.caller.again)}, cell{"CPU s / 1000", fmt.Sprintf("%.2f", l.per1000)},
		cell{"peak MB", fmt.Sprintf("%.0f", float64(l.peak)/1024)}, cell{"goroutines", orDash(l.goroutines)},
		cell{"drops", fmt.Sprint(l.drops)}, cell{"own drops", fmt.Sprint(l.ownDrops)}))
}
