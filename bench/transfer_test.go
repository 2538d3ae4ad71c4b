package main

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// few is how many transfers and outside calls a scenario makes, and how fast: each has three parties or more.
const fewCalls, fewRate = 100, 25

// finish ends the callers and the callees of a run: all of them saw that many calls, each as it expects.
func (p *party) finish(t *testing.T, ctx context.Context, calls int, callers ...*sipp) {
	t.Helper()
	for _, s := range append(callers, p.callees...) {
		done, err := s.finish(ctx)
		if err != nil {
			t.Error(err)
		}
		if done.successful != calls || done.unexpected != 0 {
			t.Errorf("%d of %d calls went as %s expects, %d saw something else", done.successful, calls, s.run.scenario, done.unexpected)
		}
	}
	must(t, p.target.awaitNoCalls(ctx))
}

// startParty makes the phones around a switch; whichever of them still run end with the test.
func startParty(t *testing.T, sw *target, u users) *party {
	p := &party{target: sw, dir: t.TempDir(), users: u}
	t.Cleanup(func() {
		for _, s := range p.callees {
			s.signal(os.Kill, stopPatience)
		}
	})
	return p
}

// Transfers by phones that sipp plays: attended (P1), semi-attended with the CANCEL that many phones send after the 202
// (P7), and a BYE right after the 202 (T3). Blind transfer is among TestSippScenarios.
func TestSippTransfers(t *testing.T) {
	for _, row := range []struct {
		transferor, target string
		rings              time.Duration // the target
	}{
		{"attended", "late", 50 * time.Millisecond},
		{"semi", "late", 300 * time.Millisecond},
		{"bye", "late", 200 * time.Millisecond},
	} {
		t.Run(row.transferor, func(t *testing.T) {
			t.Parallel()
			sw, u := startTarget(t)
			ctx := bounded(t)
			p := startParty(t, sw, u)
			must(t, p.callee(ctx, "answer", 1, 0))
			must(t, p.callee(ctx, row.target, 2, row.rings))
			caller, err := p.caller(ctx, row.transferor, fewRate, fewCalls, 50*time.Millisecond)
			must(t, err)
			p.finish(t, ctx, fewCalls, caller)
		})
	}
}

// startLines makes ports for outside lines.
func startLines(t *testing.T, names ...line) lines {
	needSipp(t)
	for i := range names {
		port, err := freePort()
		must(t, err)
		names[i].port = port
	}
	return names
}

// Outside lines, the provider played by sipp: in, out, out by the second line when the first answers 503, and from one
// line to another without any extension.
func TestSippLines(t *testing.T) {
	const talk = 200 * time.Millisecond
	t.Run("in", func(t *testing.T) {
		t.Parallel()
		l := startLines(t, line{name: "provider", in: "^3[0-9]{3}$"})
		sw, u := startTargetWith(t, l)
		ctx := bounded(t)
		p := startParty(t, sw, u)
		must(t, p.callee(ctx, "answer", 1, 0))
		caller, err := p.outside(ctx, l[0], u.part(1, 3), fewRate, fewCalls, talk)
		must(t, err)
		p.finish(t, ctx, fewCalls, caller)
	})
	t.Run("out", func(t *testing.T) {
		t.Parallel()
		l := startLines(t, line{name: "provider"})
		sw, u := startTargetWith(t, l)
		ctx := bounded(t)
		p := startParty(t, sw, u)
		must(t, p.provider(ctx, "answer", l[0], 0))
		caller, err := p.callOut(ctx, fewRate, fewCalls, talk)
		must(t, err)
		p.finish(t, ctx, fewCalls, caller)
	})
	t.Run("503", func(t *testing.T) {
		t.Parallel()
		l := startLines(t, line{name: "full"}, line{name: "second"})
		sw, u := startTargetWith(t, l)
		ctx := bounded(t)
		p := startParty(t, sw, u)
		must(t, p.provider(ctx, "unavailable", l[0], 0))
		must(t, p.provider(ctx, "answer", l[1], 0))
		caller, err := p.callOut(ctx, fewRate, fewCalls, talk)
		must(t, err)
		p.finish(t, ctx, fewCalls, caller)
	})
	t.Run("through", func(t *testing.T) {
		t.Parallel()
		l := startLines(t, line{name: "here", in: "^7[0-9]{5}$"}, line{name: "there"})
		sw, u := startTargetWith(t, l)
		ctx := bounded(t)
		p := startParty(t, sw, u)
		must(t, p.provider(ctx, "answer", l[1], 0))
		caller, err := p.outside(ctx, l[0], outsiders, fewRate, fewCalls, talk)
		must(t, err)
		p.finish(t, ctx, fewCalls, caller)
	})
}

// What is not a line's is not let in: the same call from a port that no line has is refused.
func TestSippStranger(t *testing.T) {
	t.Parallel()
	l := startLines(t, line{name: "provider", in: "^3[0-9]{3}$"}, line{name: "stranger"})
	sw, u := startTargetWith(t, l[:1])
	ctx := bounded(t)
	p := startParty(t, sw, u)
	must(t, p.callee(ctx, "answer", 1, 0))
	caller, err := p.outside(ctx, l[1], u.part(1, 3), fewRate, 10, 0)
	must(t, err)
	done, err := caller.finish(ctx)
	if err == nil || done.successful != 0 || done.failed != 10 {
		t.Errorf("%+v, %v", done, err)
	}
}

// The commands that transfer on a small scale: every transfer succeeds, the figures are there, and a
// transferee hears no gap of the length of a talk.
func TestTransferLoad(t *testing.T) {
	for _, way := range []transferKind{blindByREFER, attendedByREFER, blindByAPI, attendedByAPI} {
		t.Run(way.load, func(t *testing.T) {
			t.Parallel()
			u := users{first: 3000, count: 60, password: "a-secret"}
			sw, err := startRingdown(t.Context(), t.TempDir(), builtSwitch(t), u, nil, eventsConfig)
			must(t, err)
			l := transfer(t.Context(), options{rate: 4, seconds: 5, users: u, client: apiUser, secret: apiPassword}, sw, way)
			must(t, sw.stop())
			must(t, l.clean())
			if l.caller.successful < 15 || l.caller.successful+l.missed != 20 {
				t.Errorf("%s: %d of 20 transfers, %d missed", l.what, l.caller.successful, l.missed)
			}
			gap := l.quantile(1, func(m moved) time.Duration { return m.gap })
			took := l.quantile(1, func(m moved) time.Duration { return m.took })
			if whole := l.quantile(0, func(m moved) time.Duration { return m.whole }); (whole > consults) != (way == attendedByAPI) {
				t.Errorf("%s: from the first command to the end in %v", l.what, whole)
			}
			if gap < 19*time.Millisecond || gap >= listens || took <= 0 || l.per1000 <= 0 {
				t.Errorf("%s: gap %v, took %v, %.2f s per 1000", l.what, gap, took, l.per1000)
			}
		})
	}
}

// A run with a transfer that did not come about is not clean: here what should complete it ends the consultation, behind
// the application's back; and a blind one goes to a number that nobody has.
func TestTransferLoadBroken(t *testing.T) {
	for _, row := range []struct {
		way       transferKind
		old, new  string
		complaint string
	}{
		{attendedByAPI, `"complete"`, `"abort"`, "the target's call is up: false"},
		{blindByAPI, `"number":"30`, `"number":"99`, "NOT CLEAN"},
	} {
		t.Run(row.way.load, func(t *testing.T) {
			t.Parallel()
			u := users{first: 3000, count: 9, password: "a-secret"}
			sw, err := startRingdown(t.Context(), t.TempDir(), builtSwitch(t), u, nil, eventsConfig)
			must(t, err)
			honest, err := url.Parse(sw.openAPI)
			must(t, err)
			lies := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(&url.URL{Scheme: honest.Scheme, Host: honest.Host})
				body, _ := io.ReadAll(r.In.Body)
				body = bytes.ReplaceAll(body, []byte(row.old), []byte(row.new))
				r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			}})
			sw.openAPI = lies.URL + honest.Path
			l := transfer(t.Context(), options{rate: 1, seconds: 5, users: u, client: apiUser, secret: apiPassword}, sw, row.way)
			lies.Close()
			must(t, sw.stop())
			if err := l.clean(); err == nil || !strings.Contains(err.Error(), row.complaint) || l.caller.successful > 0 {
				t.Errorf("%s: %d transfers succeeded; %v", l.what, l.caller.successful, err)
			}
		})
	}
}

// Quantiles are ranks: of 1 to 100 the 99th percentile is 99.
func TestTransferQuantile(t *testing.T) {
	l := &transferLoad{}
	for i := range 100 {
		l.moves = append(l.moves, moved{gap: time.Duration(100 - i)})
	}
	for q, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100, 0: 1} {
		if got := l.quantile(q, func(m moved) time.Duration { return m.gap }); got != want {
			t.Errorf("%v: got %d, want %d", q, got, want)
		}
	}
}
