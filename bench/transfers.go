package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ringdown/bench/phone"
)

// trio is a transferor, a transferee and a target with phones of their own; it makes one transfer at a time.
type trio struct {
	from, transferee, target  *phone.Phone
	transfereeNo, targetNo    string
	attended                  bool
	out, in, consulted, third *phone.Call // of the transfer that runs
}

// moved is one transfer.
type moved struct {
	at     time.Time     // the REFER
	took   time.Duration // from the REFER to the NOTIFY that ends it
	before time.Duration // the longest gap in what the transferee received while nothing happened: the machine's share
	gap    time.Duration // the longest one from the REFER on
	err    error
}

// How long a transferee listens before the REFER, and after the transfer is done. They are alike, so that the two gaps
// can be compared.
const listens = 300 * time.Millisecond

func newTrio(ctx context.Context, t *target, u users, k int, attended bool) (*trio, error) {
	r := &trio{attended: attended, transfereeNo: u.part(1, 3).number(k), targetNo: u.part(2, 3).number(k)}
	numbers := []string{u.part(0, 3).number(k), r.transfereeNo, r.targetNo}
	for i, at := range []**phone.Phone{&r.from, &r.transferee, &r.target} {
		p, err := phone.New(phone.Config{Number: numbers[i], Password: u.password, Server: t.sip, Deaf: true, Patience: 20 * time.Second,
			Transcript: 100})
		if err != nil {
			r.close()
			return nil, err
		}
		*at = p
		if err := p.Register(ctx, 3600); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *trio) close() {
	for _, p := range []*phone.Phone{r.from, r.transferee, r.target} {
		if p != nil {
			p.Close()
		}
	}
}

// call has the transferor call a phone, which answers and sends audio, as does the transferor.
func (r *trio) call(ctx context.Context, number string, p *phone.Phone) (out, in *phone.Call, err error) {
	if out, err = r.from.Dial(ctx, number); err != nil {
		return nil, nil, err
	}
	if in, err = p.WaitCall(ctx); err == nil {
		err = errors.Join(in.Ring(), in.Answer())
	}
	if err == nil {
		err = out.WaitAnswer(ctx)
	}
	if err == nil {
		out.Media.SendTone(440)
		in.Media.SendTone(700)
	}
	return out, in, err
}

// move makes one transfer from the first INVITE to the last BYE.
func (r *trio) move(ctx context.Context) (m moved) {
	r.out, r.in, r.consulted, r.third = nil, nil, nil, nil
	defer func() { m.err = errors.Join(m.err, r.leave(ctx, m.err != nil)) }()
	if r.out, r.in, m.err = r.call(ctx, r.transfereeNo, r.transferee); m.err != nil {
		return m
	}
	if r.attended {
		if m.err = r.out.Hold(ctx, phone.SendOnly); m.err != nil {
			return m
		}
		if r.consulted, r.third, m.err = r.call(ctx, r.targetNo, r.target); m.err != nil {
			return m
		}
	}
	if m.err = pause(ctx, listens); m.err != nil { // until the streams flow
		return m
	}
	r.in.Media.Mark()
	if m.err = pause(ctx, listens); m.err != nil {
		return m
	}
	m.before = r.in.Media.Gap()
	m.err = r.refer(ctx, &m)
	return m
}

// refer does the transfer itself, and listens on.
func (r *trio) refer(ctx context.Context, m *moved) error {
	r.in.Media.Mark()
	m.at = time.Now()
	var answer *phone.Message
	var err error
	if r.attended {
		answer, err = r.out.ReferReplaces(ctx, r.consulted)
	} else {
		answer, err = r.out.Refer(ctx, "sip:"+r.targetNo+"@example.com")
	}
	switch {
	case err != nil:
		return err
	case answer.Status != 202:
		return fmt.Errorf("REFER was answered %s", answer.StartLine())
	}
	if !r.attended {
		if r.third, err = r.target.WaitCall(ctx); err != nil {
			return err
		}
		if err := errors.Join(r.third.Ring(), r.third.Answer()); err != nil {
			return err
		}
		r.third.Media.SendTone(700)
	}
	reports, err := r.out.WaitReported(ctx)
	if err != nil {
		return err
	}
	m.took = time.Since(m.at)
	if last := reports[len(reports)-1]; last.Status != 200 {
		return fmt.Errorf("the transfer was reported as %d %s", last.Status, last.Reason)
	}
	heard := r.third.Media.Stats().Packets
	if err := pause(ctx, listens); err != nil {
		return err
	}
	m.gap = r.in.Media.Gap()
	// 15 packets are due; a transfer that left the two without each other is no transfer.
	if n := r.third.Media.Stats().Packets - heard; n < 5 || m.gap >= listens {
		return fmt.Errorf("the target received %d packets from the transferee, whose own stream had a gap of %v", n, m.gap)
	}
	return nil
}

// leave ends what is left of the calls: the transferee and the target talk, the transferor is told to go or goes.
func (r *trio) leave(ctx context.Context, failed bool) error {
	var errs []error
	calls := []*phone.Call{r.out, r.consulted, r.third, r.in}
	for _, c := range calls[:3] {
		if c != nil && c.Active() {
			c.Hangup() // may cross the switch's own BYE
		}
	}
	if failed && r.in != nil && r.in.Active() {
		r.in.Hangup()
	}
	for _, c := range calls {
		if c != nil {
			_, err := c.WaitEnd(ctx)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// transferLoad is the outcome of the scenarios "blind" and "attended".
type transferLoad struct {
	load
	moves  []moved
	missed int // transfers that no trio was free for
}

// runTransfers makes the scenario of one kind of transfer.
func runTransfers(attended bool) func(ctx context.Context, o options) error {
	return func(ctx context.Context, o options) error {
		t, _, done, err := o.open(ctx, nil)
		if err != nil {
			return err
		}
		l := transfer(ctx, o, t, attended)
		l.fault(done())
		return o.reportTransfers(l)
	}
}

// transfer has trios make transfers at the rate of the options.
func transfer(ctx context.Context, o options, t *target, attended bool) *transferLoad {
	l := &transferLoad{load: load{what: "blind transfer", system: t.name, rate: o.rate, goroutines: -1}}
	if attended {
		l.what = "attended transfer"
	}
	lasts := time.Duration(o.seconds) * time.Second
	ctx, cancel := context.WithTimeout(ctx, lasts+90*time.Second)
	defer cancel()
	trios, err := o.trios(ctx, t, attended)
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

// trios registers as many as the rate needs, each with a transfer of some two seconds at a time, if there are so many
// numbers.
func (o options) trios(ctx context.Context, t *target, attended bool) (all []*trio, err error) {
	n := min(o.users.count/3, 3*o.rate+3)
	for k := range n {
		r, err := newTrio(ctx, t, o.users, k, attended)
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
				l.fault(m.err)
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
	if l.missed > 0 && l.missed*20 > o.rate*o.seconds {
		l.fault(fmt.Errorf("%d of %d transfers found no free phones: more -users, or a machine that is less busy", l.missed, o.rate*o.seconds))
	}
	if within == 0 {
		l.fault(errors.New("no transfer within the measured time"))
		return
	}
	l.per1000 = l.window.switchs.Seconds() / float64(within) * 1000
}

// reportTransfers prints the run and appends its row.
func (o options) reportTransfers(l *transferLoad) error {
	if err := l.clean(); err != nil {
		return err
	}
	took := func(m moved) time.Duration { return m.took }
	gap := func(m moved) time.Duration { return m.gap }
	before := func(m moved) time.Duration { return m.before }
	return o.record(transferTable, l.system, []cell{
		{"load", l.what},
		{"rate", fmt.Sprint(l.rate)}, {"n", fmt.Sprint(l.n)}, {"missed", fmt.Sprint(l.missed)},
		{"CPU s / 1000", fmt.Sprintf("%.2f", l.per1000)},
		{"took p50 ms", milliseconds(l.quantile(0.5, took))}, {"p99 ms", milliseconds(l.quantile(0.99, took))},
		{"gap p50 ms", milliseconds(l.quantile(0.5, gap))}, {"gap p99 ms", milliseconds(l.quantile(0.99, gap))},
		{"gap max ms", milliseconds(l.quantile(1, gap))},
		{"before p50 ms", milliseconds(l.quantile(0.5, before))}, {"before p99 ms", milliseconds(l.quantile(0.99, before))},
		{"peak MB", fmt.Sprintf("%.0f", float64(l.peak)/1024)}, {"goroutines", orDash(l.goroutines)},
		{"drops", fmt.Sprint(l.drops)}, {"other cores", fmt.Sprintf("%.1f", l.window.others())},
	})
}

// quantile is the nearest rank of one property of the transfers.
func (l *transferLoad) quantile(q float64, of func(moved) time.Duration) time.Duration {
	if len(l.moves) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(l.moves), func(a, b moved) int { return cmp.Compare(of(a), of(b)) })
	return of(sorted[max(0, min(len(sorted)-1, int(q*float64(len(sorted))+0.999999)-1))])
}
