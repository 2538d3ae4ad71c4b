package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Both kinds of calls run clean, with somebody who reads their events; a provider that is not there makes a run that is
// not clean.
func TestLoads(t *testing.T) {
	needSipp(t)
	o := options{rate: 50, seconds: 5, hold: 100 * time.Millisecond, users: users{3000, 150, "a-secret"}, binary: builtSwitch(t), pairs: 2}
	for _, k := range []callKind{userLoad, trunkLoad} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			sw, dir, done, err := o.openFor(t.Context(), k)
			must(t, err)
			l := callLoad(t.Context(), o, k, sw, dir)
			l.fault(done())
			if err := l.clean(); err != nil {
				t.Fatal(err)
			}
			if l.caller.successful != l.n || l.callee.successful != l.n || l.per1000 <= 0 || l.goroutines <= 0 {
				t.Errorf("%+v", l)
			}
			if k.name == trunkLoad.name && sw.events.events < 3*l.n {
				t.Errorf("%d events of %d calls", sw.events.events, l.n)
			}
		})
	}
	t.Run("one call of a hundred is refused", func(t *testing.T) {
		t.Parallel()
		o := o
		refusing := callKind{name: "refusing", begin: func(ctx context.Context, o options, p *party) ([]*sipp, error) {
			return beginPairs(ctx, o, p, "sometimes")
		}}
		sw, dir, done, err := o.openFor(t.Context(), trunkLoad)
		must(t, err)
		l := callLoad(t.Context(), o, refusing, sw, dir)
		l.fault(done())
		if err := l.clean(); err == nil || l.caller.failed < 1 || l.caller.successful < 200 {
			t.Errorf("%v: %+v", err, l.caller)
		}
		o.results = filepath.Join(t.TempDir(), "none")
		if o.report(l, "") == nil {
			t.Error("a run that was not clean gave a figure")
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		nobody := callKind{name: "nobody", begin: beginTrunks}
		sw, dir, done, err := o.open(t.Context(), lines{{name: "from", port: 5099, in: "^8[0-9]{5}$"}, {name: "to", port: 5098}})
		must(t, err)
		l := callLoad(t.Context(), o, nobody, sw, dir)
		l.fault(done())
		if l.clean() == nil {
			t.Error("a run without one call that was answered is clean")
		}
	})
}

// What Kamailio sends on from one outside line to another is whole as well.
func TestKamailioTrunks(t *testing.T) {
	t.Parallel()
	needSipp(t)
	needPrograms(t, "kamailio")
	o := options{rate: 50, seconds: 5, hold: 100 * time.Millisecond, users: users{3000, 150, "a-secret"}, pairs: 2, load: trunkLoad.name}
	l, err := o.kamailioRound(t.Context())
	must(t, err)
	if err := l.clean(); err != nil || l.callee.successful != l.n || l.per1000 <= 0 {
		t.Errorf("%v: %+v", err, l)
	}
}

// A rate for long; a climb that ends at the highest rate that there is.
func TestSustained(t *testing.T) {
	t.Parallel()
	needSipp(t)
	o := options{rate: 40, seconds: 5, hold: 100 * time.Millisecond, users: users{3000, 150, "a-secret"}, binary: builtSwitch(t), pairs: 1,
		results: filepath.Join(t.TempDir(), "RESULTS.md")}
	must(t, os.WriteFile(o.results, []byte("# Results\n"), 0o600))
	must(t, runSustained(t.Context(), o))
	o.step = maxRate
	must(t, runCapacity(t.Context(), o))
	raw, err := os.ReadFile(o.results)
	must(t, err)
	for _, want := range []string{"| sustained trunks | 40 | 200 | 0 |", "| capacity trunks | 40 | 200 | 0 |"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %q in\n%s", want, raw)
		}
	}
}

// One message in a thousand calls may come again, whoever repeats it.
func TestSteady(t *testing.T) {
	for _, row := range []struct {
		n, sipp, sw int
		steady      bool
	}{{100, 0, 0, true}, {100, 1, 0, false}, {2001, 1, 1, true}, {2000, 1, 1, false}, {10000, 0, 10, false}} {
		l := load{n: row.n, caller: counters{retransmits: row.sipp}, callee: counters{again: row.sw}}
		if err := l.steady(); (err == nil) != row.steady {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

// Repeats of what sipp received count, those of what it sent are in its statistics.
func TestRepeatsReceived(t *testing.T) {
	const names = "CurrentTime;ElapsedTime;0_INVITE_Recv;0_INVITE_Retrans;0_INVITE_Unexp;1_180_Sent;1_180_Retrans;2_BYE_Recv;2_BYE_Retrans;\n"
	n, err := repeatsReceived(names + "t;e;1;0;0;1;0;0;0;\nt;e;5;2;0;5;7;5;3;\n")
	if n != 5 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, text := range []string{"", names, names + "t;e;1"} {
		if _, err := repeatsReceived(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
