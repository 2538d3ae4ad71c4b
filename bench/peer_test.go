package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// A switch that runs already is loaded, is rid of the phones of before, and runs on.
func TestPeer(t *testing.T) {
	t.Parallel()
	sw, u := startTarget(t)
	before, err := phone.New(phone.Config{Number: u.part(1, 3).number(0), Password: u.password, Server: sw.sip, Deaf: true})
	must(t, err)
	defer before.Close()
	must(t, before.Register(t.Context(), 3600))
	o := options{peer: sw.sip, pid: sw.proc.pids[0], users: u, rate: 50, seconds: 2, hold: 100 * time.Millisecond}
	for range 2 {
		peer, dir, done, err := o.openFor(t.Context(), userLoad)
		must(t, err)
		l := callLoad(t.Context(), o, userLoad, peer, dir)
		l.fault(done())
		if err := l.clean(); err != nil || l.callee.successful != l.n || l.per1000 <= 0 {
			t.Fatalf("%v: %+v", err, l)
		}
	}
	if n := before.Received("INVITE", 0); n > 0 {
		t.Errorf("the phone of before rang %d times", n)
	}
	if n, err := sw.activeCalls(t.Context()); n != 0 || err != nil {
		t.Errorf("%d calls, %v", n, err)
	}
}

// Without -pid of a process that may be looked at there is no peer.
func TestPeerUnknown(t *testing.T) {
	if _, err := (options{peer: "127.0.0.1:9", pid: 1 << 30}).takePeer(nil); err == nil {
		t.Error("a process that is not there is a peer")
	}
}
