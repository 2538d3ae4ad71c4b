package main

import (
	"context"
	"os"
	"testing"
	"time"
)

// load is how many calls a scenario makes here, and how fast: enough for the races of real processes to show, little
// enough for any machine.
const loadCalls, loadRate = 300, 100

// needSipp skips a test by name where sipp is absent; RINGDOWN_REQUIRE_SIPP turns that into a failure.
func needSipp(t *testing.T) {
	if _, err := sippPath(); err != nil {
		if os.Getenv("RINGDOWN_REQUIRE_SIPP") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// startTarget starts a switch with 150 numbers: 50 that call, 50 that are called, 50 for a third party.
func startTarget(t *testing.T) (*target, users) { return startTargetWith(t, nil) }

// startTargetWith is startTarget with outside lines.
func startTargetWith(t *testing.T, l lines) (*target, users) {
	needSipp(t)
	u := users{first: 3000, count: 150, password: "a-secret"}
	sw, err := startRingdown(t.Context(), t.TempDir(), builtSwitch(t), u, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sw.stop(); err != nil {
			t.Error(err)
		}
	})
	return sw, u
}

// bounded is the context of one scenario.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Real SIP programs, one scenario of each kind: nobody sees a message that it does not expect, and no call is left.
func TestSippScenarios(t *testing.T) {
	for _, row := range []struct {
		caller, callee, third string
		hold                  time.Duration
	}{
		{caller: "call", callee: "answer", hold: 200 * time.Millisecond},
		{caller: "cancel", callee: "ring"},
		{caller: "refused", callee: "busy"},
		{caller: "hold", callee: "answer", hold: 200 * time.Millisecond},
		{caller: "refer", callee: "answer", third: "leave", hold: 100 * time.Millisecond},
	} {
		t.Run(row.caller, func(t *testing.T) {
			t.Parallel()
			sw, u := startTarget(t) // of its own: phones of another scenario would still be registered
			ctx := bounded(t)
			p := party{target: sw, dir: t.TempDir(), users: u}
			must(t, p.callee(ctx, row.callee, 1, 0))
			if row.third != "" {
				must(t, p.callee(ctx, row.third, 2, 0))
			}
			caller, err := p.caller(ctx, row.caller, loadRate, loadCalls, row.hold)
			must(t, err)
			done, err := caller.finish(ctx)
			if err != nil {
				t.Error(err)
			}
			if done.successful != loadCalls {
				t.Errorf("%d of %d calls went as the caller expects", done.successful, loadCalls)
			}
			for _, callee := range p.callees {
				done, err := callee.finish(ctx)
				if err != nil {
					t.Error(err)
				}
				if done.successful != loadCalls {
					t.Errorf("%d of %d calls went as %s expects", done.successful, loadCalls, callee.run.scenario)
				}
			}
			must(t, sw.awaitNoCalls(ctx))
		})
	}
}

// A registration storm is answered, every one, and each user keeps one contact.
func TestSippRegisterStorm(t *testing.T) {
	t.Parallel()
	sw, u := startTarget(t)
	ctx := bounded(t)
	p := party{target: sw, dir: t.TempDir(), users: u}
	s, err := p.storm(ctx, 200, 1000)
	must(t, err)
	done, err := s.finish(ctx)
	must(t, err)
	if done.successful != 1000 {
		t.Errorf("%d of 1000 registrations succeeded", done.successful)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
