package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// window is what was used between two looks.
type window struct {
	from, to time.Time
	switchs  time.Duration // CPU of the switch
	idle     time.Duration // of all cores together
	stolen   time.Duration // of all cores together, what the machine's host gave to others
}

func (w window) seconds() float64 { return w.to.Sub(w.from).Seconds() }

// cores is how many cores such a time of the window is.
func (w window) cores(d time.Duration) float64 { return d.Seconds() / w.seconds() }

// look is one reading of the clocks.
type look struct {
	at                    time.Time
	process, idle, stolen time.Duration
}

func (t *target) look() (l look, err error) {
	var e1, e2 error
	l.at = time.Now()
	l.process, e1 = t.proc.cpu()
	e1 = lookAt(gone, "the switch: its process is gone", e1)
	l.idle, l.stolen, e2 = machineTimes()
	return l, errors.Join(e1, e2)
}

// since is the window that ends now.
func (t *target) since(a look) (window, error) {
	b, err := t.look()
	return window{a.at, b.at, b.process - a.process, b.idle - a.idle, b.stolen - a.stolen}, err
}

// share of a run that is left out at its begin and at its end.
const lead, trail = 0.2, 0.1

// measure takes the window of a run that has just begun and lasts for that long.
func (t *target) measure(ctx context.Context, o options, lasts time.Duration) (w window, err error) {
	if err := pause(ctx, time.Duration(lead*float64(lasts))); err != nil {
		return w, err
	}
	t.profiling(o)
	a, err := t.look()
	if err != nil {
		return w, err
	}
	if err := pause(ctx, time.Duration((1-lead-trail)*float64(lasts))); err != nil {
		return w, err
	}
	w, err = t.since(a)
	t.profiling(o)
	return w, err
}

// profiling turns the CPU profile on, or off and into its file.
func (t *target) profiling(o options) {
	if o.profile != "" && t.own != nil {
		t.own.cmd.Process.Signal(syscall.SIGUSR1)
	}
}

// pause waits, as a load generator may.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// load is the outcome of a run of sipp.
type load struct {
	what           string
	system         string
	rate, n        int
	caller, callee counters
	ownDrops       int     // datagrams that did not fit the receive buffers of the generators
	per1000        float64 // CPU seconds
	window         window
	peak           int // kB
	goroutines     int // -1: not known
	drops          int // datagrams that did not fit the switch's receive buffers
	faults         []error
}

// clean says why the run gives no figure.
func (l *load) clean() error {
	what := fmt.Sprintf("%s against %s", l.what, l.system)
	if l.rate > 0 {
		what += fmt.Sprintf(" at %d/s", l.rate)
	}
	return unclean(what, l.faults)
}

func (l *load) fault(err error) {
	if err != nil {
		l.faults = append(l.faults, err)
	}
}

// runCalls is the scenario "calls".
func runCalls(ctx context.Context, o options) error {
	return o.runLoad(ctx, userLoad)
}

// ring is how long a called phone rings: long enough that 180 and 200 keep their order through a peer whose workers
// overtake each other. That ringdown keeps it without such help is what the tests show.
const ring = 100 * time.Millisecond

// callLoad has calls of a kind come at a rate.
func callLoad(ctx context.Context, o options, k callKind, t *target, dir string) *load {
	l := &load{what: k.name, system: t.name, rate: o.rate, n: o.rate * o.seconds, goroutines: -1}
	p := party{target: t, dir: dir, users: o.users}
	defer p.leaveAll()
	callers, err := k.begin(ctx, o, &p)
	if err != nil {
		l.fault(err)
		for _, s := range callers {
			s.signal(os.Kill, stopPatience)
		}
		return l
	}
	var ports []int
	for _, s := range slices.Concat(callers, p.callees) {
		ports = append(ports, s.run.port)
	}
	watch := watchDrops(ports...)
	t.run(ctx, o, l, callers...)
	l.ownDrops, err = watch.stop()
	l.fault(err)
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l.callee, err = p.leave(wait)
	l.fault(err)
	if err == nil && l.callee.successful != l.n {
		l.fault(fmt.Errorf("the callees saw %d of %d calls to their end", l.callee.successful, l.n))
	}
	l.fault(t.awaitNoCalls(wait))
	t.last(l)
	return l
}

// runStorm is the scenario "register".
func runStorm(ctx context.Context, o options) error {
	t, dir, done, err := o.open(ctx, nil)
	if err != nil {
		return err
	}
	l := &load{what: "register", system: t.name, rate: o.rate, n: o.rate * o.seconds, goroutines: -1}
	p := party{target: t, dir: dir, users: o.users}
	if s, err := p.storm(ctx, o.rate, l.n); err != nil {
		l.fault(err)
	} else {
		t.run(ctx, o, l, s)
		t.last(l)
	}
	l.fault(done())
	return o.report(l, "")
}

// run measures the switch while the callers make their calls.
func (t *target) run(ctx context.Context, o options, l *load, callers ...*sipp) {
	lasts := time.Duration(o.seconds) * time.Second
	w, err := t.measure(ctx, o, lasts)
	l.window = w
	l.fault(err)
	ctx, cancel := context.WithTimeout(ctx, lasts+90*time.Second)
	defer cancel()
	n := 0.0
	for _, s := range callers {
		c, err := s.finish(ctx)
		l.fault(err)
		l.caller.add(c)
		rows, err := s.rows()
		if err != nil {
			l.fault(err)
			return
		}
		n += createdBetween(rows, w.from, w.to)
	}
	l.caller.setup /= time.Duration(len(callers))
	wanted := float64(l.rate) * w.seconds()
	if n < 0.95*wanted {
		err := fmt.Errorf("sipp began %.0f calls where the rate asks for %.0f", n, wanted)
		if w.idle.Seconds() > 0.25*float64(runtime.NumCPU())*w.seconds() { // it had the time, but not the room
			err = lookAt(other, "calls that nobody answered or ended: one sipp holds 5,000, then it begins no more", err)
		} else {
			err = lookAt(busy, "this machine: it is too busy for the generators to keep the rate (top, a lower -rate, more cores)", err)
		}
		l.fault(err)
	}
	l.per1000 = w.switchs.Seconds() / n * 1000
}

// drops is how many datagrams of this run did not fit the receive buffers of the switch.
func (t *target) drops() (int, error) {
	n, err := t.proc.udpDrops()
	return max(0, n-t.dropped), err // a socket of before may be closed
}

// last looks at the switch once more; one that was started here ends by that.
func (t *target) last(l *load) {
	var err error
	if t.events != nil {
		l.fault(t.events.close())
	}
	l.drops, err = t.drops()
	l.fault(err)
	_, l.peak, err = t.proc.memory()
	l.fault(err)
	if t.own == nil || t.name != "ringdown" {
		return
	}
	l.goroutines, _, err = t.dump()
	l.fault(err)
}

// others is how many cores the rest of the machine kept busy: generators, and whatever else ran.
func (w window) others() float64 {
	return float64(runtime.NumCPU()) - w.cores(w.idle+w.stolen+w.switchs)
}
