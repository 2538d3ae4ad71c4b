package main

import (
	"testing"
	"time"
)

// Both kinds of calls run clean, with somebody who reads their events; a provider that is not there makes a run that is
// not clean.
func TestLoads(t *testing.T) {
	needSipp(t)
	o := options{rate: 50, seconds: 5, hold: 100 * time.Millisecond, users: users{3000, 150, "a-secret"}, binary: builtSwitch(t)}
	for _, k := range []callKind{userLoad, trunkLoad} {
		t.Run(k.name, func(t *testing.T) {
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
	t.Run("nobody there", func(t *testing.T) {
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
