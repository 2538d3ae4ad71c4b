package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// party is the phones of one run: sipp processes around a switch. Its users are three equal parts: those who call,
// those who are called, and third parties.
type party struct {
	target  *target
	dir     string
	users   users
	callees []*sipp
}

// callee registers the k-th part of the users and has a sipp with that scenario take their calls.
// It rings that long.
func (p *party) callee(ctx context.Context, scenario string, k int, rings time.Duration) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	u := p.users.part(k, 3)
	file, err := u.csv(p.dir, fmt.Sprintf("callee-%d", k))
	if err != nil {
		return err
	}
	if err := p.target.forgetAll(ctx, u); err != nil {
		return err
	}
	// From the very port that will take the calls: a switch may hold that, not the Contact, for the phone's address.
	s, err := startSipp(ctx, p.dir, sippRun{scenario: "register", target: p.target.sip, port: port, users: file, rate: 200, calls: u.count})
	if err != nil {
		return err
	}
	if _, err := s.finish(ctx); err != nil {
		return err
	}
	if s, err = startSipp(ctx, p.dir, sippRun{scenario: scenario, target: p.target.sip, port: port, hold: rings}); err != nil {
		return err
	}
	p.callees = append(p.callees, s)
	return nil
}

// caller starts a sipp that has the first part of the users call the second, field2, and tells it the third, field3.
func (p *party) caller(ctx context.Context, scenario string, rate, calls int, hold time.Duration) (*sipp, error) {
	file, err := p.users.part(0, 3).csv(p.dir, "caller", p.users.part(1, 3), p.users.part(2, 3))
	if err != nil {
		return nil, err
	}
	return p.start(ctx, sippRun{scenario: scenario, users: file, rate: rate, calls: calls, hold: hold})
}

// provider has a sipp with that scenario take the calls that go out by a line. It rings that long.
func (p *party) provider(ctx context.Context, scenario string, l line, rings time.Duration) error {
	s, err := startSipp(ctx, p.dir, sippRun{scenario: scenario, target: p.target.sip, port: l.port, hold: rings})
	if err == nil {
		p.callees = append(p.callees, s)
	}
	return err
}

// callOut starts a sipp that has the first part of the users call outsiders.
func (p *party) callOut(ctx context.Context, rate, calls int, hold time.Duration) (*sipp, error) {
	file, err := p.users.part(0, 3).csv(p.dir, "caller", outsiders)
	if err != nil {
		return nil, err
	}
	return p.start(ctx, sippRun{scenario: "call", users: file, rate: rate, calls: calls, hold: hold})
}

// outside starts a sipp that has numbers of the outside call those of called by a line.
func (p *party) outside(ctx context.Context, l line, called users, rate, calls int, hold time.Duration) (*sipp, error) {
	from := users{first: outsiders.first + 100_000, count: called.count}
	file, err := from.csv(p.dir, fmt.Sprintf("outside-%d", l.port), called)
	if err != nil {
		return nil, err
	}
	r := sippRun{scenario: "outside", target: p.target.sip, port: l.port, users: file, rate: rate, calls: calls, hold: hold}
	return startSipp(ctx, p.dir, r)
}

// storm starts a sipp that registers all users over and over.
func (p *party) storm(ctx context.Context, rate, registrations int) (*sipp, error) {
	if err := p.target.forgetAll(ctx, p.users); err != nil {
		return nil, err
	}
	file, err := p.users.csv(p.dir, "storm")
	if err != nil {
		return nil, err
	}
	return p.start(ctx, sippRun{scenario: "register", users: file, rate: rate, calls: registrations})
}

func (p *party) start(ctx context.Context, r sippRun) (*sipp, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r.target, r.port = p.target.sip, port
	return startSipp(ctx, p.dir, r)
}

// leave ends the callees and adds up what they counted.
func (p *party) leave(ctx context.Context) (sum counters, err error) {
	for _, s := range p.callees {
		c, e := s.finish(ctx)
		err = errors.Join(err, e)
		sum.add(c)
	}
	p.callees = nil
	return sum, err
}

// add adds what another sipp counted; setup becomes a sum.
func (c *counters) add(d counters) {
	c.created += d.created
	c.successful += d.successful
	c.failed += d.failed
	c.retransmits += d.retransmits
	c.again += d.again
	c.unexpected += d.unexpected
	c.setup += d.setup
}
