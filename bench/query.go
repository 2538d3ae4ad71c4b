package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// apiLoad is the outcome of a scenario that asks an HTTP API.
type apiLoad struct {
	load
	connections int
	took        []time.Duration // of each request
	client      time.Duration   // CPU of this process
	bytes       int             // in the last answer
}

// queryConnections is how many connections ask at once, each as soon as it has its answer.
const queryConnections = 8

// runQuery is the scenario "query": call/query of one call after the other, among those that are held.
func runQuery(ctx context.Context, o options) error {
	lines, err := holdLines()
	if err != nil {
		return err
	}
	t, dir, done, err := o.open(ctx, lines, eventsConfig)
	if err != nil {
		return err
	}
	l := &apiLoad{connections: queryConnections, load: load{what: "call/query", system: t.name, n: o.calls, goroutines: -1}}
	l.query(ctx, o, t, dir)
	l.fault(done())
	return o.reportAPI(l, cell{"setup ms", "-"})
}

// query holds the calls, and asks.
func (l *apiLoad) query(ctx context.Context, o options, t *target, dir string) {
	lasts := time.Duration(o.seconds) * time.Second
	held, err := holdCalls(ctx, t, dir, o.calls, lasts)
	if l.fault(err); err != nil {
		return
	}
	requests, ids, err := t.queries(ctx)
	if l.fault(err); err != nil {
		held.kill()
		return
	}
	if len(ids) != o.calls {
		l.fault(fmt.Errorf("call/query shows %d of %d calls", len(ids), o.calls))
	}
	l.fault(l.askAll(ctx, o, t, lasts, requests, ids))
	held.end(ctx, &l.load)
	t.last(&l.load)
}

// queries are the requests for each call that the switch shows, and the ids that their answers hold.
func (t *target) queries(ctx context.Context) (requests, ids [][]byte, err error) {
	app, err := newPSeries(ctx, t.openAPI, apiUser, apiPassword)
	if err != nil {
		return nil, nil, err
	}
	defer app.close()
	all, err := app.get(ctx, "call/query", url.Values{})
	if err != nil {
		return nil, nil, err
	}
	for _, call := range all.Data {
		r, err := getRequest(t.openAPI+"/call/query", url.Values{"access_token": {app.token}, "call_id": {call.ID}})
		if err != nil {
			return nil, nil, err
		}
		requests, ids = append(requests, r), append(ids, fmt.Appendf(nil, `"call_id":"%s"`, call.ID))
	}
	return requests, ids, nil
}

// askAll has the connections ask for so long. Each begins with another request, and goes on with the next.
func (l *apiLoad) askAll(ctx context.Context, o options, t *target, lasts time.Duration, requests, holds [][]byte) error {
	took := make([][]time.Duration, l.connections)
	faults := make([]error, l.connections)
	var asking sync.WaitGroup
	own := ownProcess()
	clientBefore, err := own.cpu()
	if err != nil {
		return err
	}
	t.profiling(o)
	before, err := t.look()
	if err != nil {
		return err
	}
	until := before.at.Add(lasts)
	for i := range l.connections {
		k, err := dialHTTP(ctx, t.openAPI)
		if err != nil {
			faults[i] = err
			break
		}
		asking.Go(func() {
			defer k.close()
			for at := i * len(requests) / l.connections; time.Now().Before(until) && ctx.Err() == nil; at++ {
				d, err := k.ask(requests[at%len(requests)], holds[at%len(requests)])
				if err != nil {
					faults[i] = err
					return
				}
				took[i] = append(took[i], d)
			}
			if i == 0 {
				l.bytes = len(k.body)
			}
		})
	}
	asking.Wait()
	l.window, err = t.since(before)
	t.profiling(o)
	clientAfter, err2 := own.cpu()
	l.client = clientAfter - clientBefore
	for _, part := range took {
		l.took = append(l.took, part...)
	}
	if len(l.took) == 0 {
		faults = append(faults, errors.New("nothing was answered"))
	} else {
		l.per1000 = l.window.switchs.Seconds() / float64(len(l.took)) * 1000
	}
	return errors.Join(append(faults, err, err2, ctx.Err())...)
}

// reportAPI prints the run and appends its row.
func (o options) reportAPI(l *apiLoad, setup cell) error {
	if err := l.clean(); err != nil {
		return err
	}
	n := float64(len(l.took))
	return o.record(apiTable, l.system, l.window, []cell{
		{"load", l.what}, {"calls", fmt.Sprint(l.n)}, {"connections", fmt.Sprint(l.connections)}, {"n", fmt.Sprint(len(l.took))},
		{"per second", fmt.Sprintf("%.0f", n/l.window.seconds())},
		{"p50 ms", milliseconds(quantileOf(0.5, l.took))}, {"p99 ms", milliseconds(quantileOf(0.99, l.took))},
		{"CPU s / 1000", fmt.Sprintf("%.3f", l.per1000)},
		{"client CPU s / 1000", fmt.Sprintf("%.3f", l.client.Seconds()/n*1000)},
		{"bytes", fmt.Sprint(l.bytes)}, setup,
		{"peak MB", fmt.Sprintf("%.0f", float64(l.peak)/1024)}, {"goroutines", orDash(l.goroutines)},
	})
}
