package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"ringdown/bench/phone"
)

const (
	probePairs = 32 // pairs of phones of ours, each with a call a second
	// probesEnd is how long before the end of the load the last call of ours begins to end, so that the switch is still
	// loaded while the slow subscriber is looked at.
	probesEnd = 4 * time.Second
	// heldBack is what the kernel's buffers of one connection take at most; a subscriber that does not read is cut off
	// some time after so many bytes.
	heldBack = 24 << 20
)

// eventLoad is the outcome of the scenario "events".
type eventLoad struct {
	*load
	probes *probes
	slow   string // what became of the subscriber that does not read
}

// runEvents is the scenario "events": calls from trunk to trunk at a rate, and calls of our own among them, whose events
// are waited for from the moment just before the message that they tell of is sent. Beside it another subscriber does not
// read.
func runEvents(ctx context.Context, o options) error {
	lines, err := o.trunkLines()
	if err != nil {
		return err
	}
	o.users.count = max(o.users.count, 2*probePairs)
	t, dir, done, err := o.open(ctx, lines, eventsConfig)
	if err != nil {
		return err
	}
	l := events(ctx, o, t, dir, probePairs)
	l.fault(done())
	return o.reportEvents(l)
}

// events loads the switch, and measures.
func events(ctx context.Context, o options, t *target, dir string, pairs int) *eventLoad {
	l := &eventLoad{load: &load{what: "events", system: t.name, rate: o.rate, goroutines: -1}, probes: newProbes()}
	var err error
	if t.events, err = subscribeEach(ctx, t, l.probes.hear); err != nil {
		l.fault(err)
		return l
	}
	slow, err := neverRead(ctx, t)
	if l.fault(err); err != nil {
		return l
	}
	defer slow.CloseNow()
	if err := l.probes.register(ctx, t, o.users, pairs); err != nil {
		l.fault(err)
		return l
	}
	defer l.probes.close()
	lasts := time.Duration(o.seconds) * time.Second
	var calling sync.WaitGroup
	var slowErr error
	began := trunkLoad
	began.name, began.begin = "events", func(ctx context.Context, o options, p *party) ([]*sipp, error) {
		callers, err := beginTrunks(ctx, o, p)
		if err == nil {
			calling.Go(func() {
				l.probes.run(ctx, lasts-probesEnd)
				l.slow, slowErr = slow.fate()
			})
		}
		return callers, err
	}
	l.load = callLoad(ctx, o, began, t, dir)
	calling.Wait()
	l.fault(slowErr)
	for _, err := range l.probes.faults {
		l.fault(err)
	}
	switch {
	case len(l.probes.took) == 0:
		l.fault(errors.New("no event of our own calls was measured"))
	case l.slow != cutOff && t.events.bytes > heldBack:
		l.fault(fmt.Errorf("the subscriber that does not read: %s, after %d bytes", l.slow, t.events.bytes))
	}
	return l
}

// lazy is a subscriber that does not read.
type lazy struct {
	*websocket.Conn
	tcp net.Conn
}

// neverRead subscribes to all events of calls and does not read them. Its receive buffer is small.
func neverRead(ctx context.Context, t *target) (l lazy, err error) {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, at string) (net.Conn, error) {
		var err error
		if l.tcp, err = new(net.Dialer).DialContext(ctx, network, at); err == nil {
			err = l.tcp.(*net.TCPConn).SetReadBuffer(4096)
		}
		return l.tcp, err
	}}}
	l.Conn, err = dialEvents(ctx, t, client)
	return l, err
}

// What became of a subscriber that does not read.
const (
	cutOff  = "cut off"
	stillOn = "still on"
)

// fate tells whether the switch still has its end of the connection. The subscriber itself would hear of the end only after
// megabytes that the kernel keeps for it.
func (l lazy) fate() (string, error) {
	port := func(a net.Addr) int { return a.(*net.TCPAddr).Port }
	on, err := connected(port(l.tcp.RemoteAddr()), port(l.tcp.LocalAddr()))
	if on {
		return stillOn, err
	}
	return cutOff, err
}

// register has pairs of phones known to the switch.
func (s *probes) register(ctx context.Context, t *target, u users, pairs int) error {
	for i := range 2 * pairs {
		p, err := phone.New(phone.Config{Number: u.number(i), Password: u.password, Server: t.sip, Deaf: true, Patience: 5 * time.Second, Transcript: 50})
		if err != nil {
			s.close()
			return err
		}
		s.phones, s.numbers = append(s.phones, p), append(s.numbers, u.number(i))
		if err := p.Register(ctx, 3600); err != nil {
			s.close()
			return err
		}
	}
	return nil
}

func (s *probes) close() {
	for _, p := range s.phones {
		p.Close()
	}
}

// reportEvents prints the run and appends its row.
func (o options) reportEvents(l *eventLoad) error {
	if err := l.clean(); err != nil {
		return err
	}
	took := l.probes.took
	return o.record(eventTable, l.system, l.window, []cell{
		{"rate", fmt.Sprint(l.rate)}, {"n", fmt.Sprint(l.n)}, {"own calls", fmt.Sprint(l.probes.calls)}, {"measured", fmt.Sprint(len(took))},
		{"p50 ms", milliseconds(quantileOf(0.5, took))}, {"p99 ms", milliseconds(quantileOf(0.99, took))},
		{"max ms", milliseconds(quantileOf(1, took))}, {"slow subscriber", l.slow},
		{"repeats", fmt.Sprintf("%d + %d", l.caller.retransmits, l.callee.retransmits)},
		{"CPU s / 1000", fmt.Sprintf("%.2f", l.per1000)}, {"setup ms", milliseconds(l.caller.setup)},
		{"peak MB", fmt.Sprintf("%.0f", float64(l.peak)/1024)}, {"goroutines", orDash(l.goroutines)},
		{"drops", fmt.Sprint(l.drops)},
	})
}
