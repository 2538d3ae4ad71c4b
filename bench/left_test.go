package main

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var switchBinary struct {
	sync.Once
	path string
	err  error
}

// builtSwitch builds the switch, once for all tests.
func builtSwitch(t *testing.T) string {
	b := &switchBinary
	b.Do(func() {
		b.path = filepath.Join(binaryDir, "ringdown")
		var out []byte
		if out, b.err = exec.Command("go", "build", "-o", b.path, "ringdown/cmd/ringdown").CombinedOutput(); b.err != nil {
			t.Logf("%s", out)
		}
	})
	must(t, b.err)
	return b.path
}

// After 2,000 calls the process has no more sockets than before, its memory has a bound, and when it is asked for its
// goroutines there are no more than an idle switch has, and the few that calls run on.
func TestTwoThousandCallsLeaveNothing(t *testing.T) {
	t.Parallel()
	const calls, rate = 2000, 200
	idle, _ := startTarget(t)
	before, _, err := idle.dump()
	must(t, err)

	sw, u := startTarget(t)
	ctx := bounded(t)
	p := party{target: sw, dir: t.TempDir(), users: u}
	must(t, p.callee(ctx, "answer", 1, 0))
	_, sockets, err := sw.proc.descriptors()
	must(t, err)

	caller, err := p.caller(ctx, "call", rate, calls, 100*time.Millisecond)
	must(t, err)
	if _, err := caller.finish(ctx); err != nil {
		t.Error(err)
	}
	called, err := p.leave(ctx)
	must(t, err)
	if called.successful != calls {
		t.Errorf("the callee saw %d of %d calls to their end", called.successful, calls)
	}
	must(t, sw.awaitNoCalls(ctx))

	var now map[string]bool
	err = await(ctx, func() (bool, error) { // a closed port may rest before its socket is gone
		_, now, err = sw.proc.descriptors()
		return len(now) <= len(sockets)+spare, err
	})
	if err != nil {
		t.Errorf("%d sockets before the calls, %d after: %v", len(sockets), len(now), err)
	}
	_, peak, err := sw.proc.memory()
	must(t, err)
	if peak > 400<<10 { // what SIP keeps of a transaction for 32 s is some 20 kB a call
		t.Errorf("peak memory %d kB", peak)
	}
	after, stacks, err := sw.dump()
	must(t, err)
	if after > before+spare+workers {
		t.Errorf("an idle switch has %d goroutines, this one %d:\n%s", before, after, stacks)
	}
}

// workers is how many goroutines may rest until the next call: those that calls run on.
const workers = 8

// spare is what may differ between two looks at a switch: a keep-alive connection of the HTTP client has a socket, and
// two or three goroutines.
const spare = 4
