package main

import (
	"fmt"
	"net"
	"testing"
)

// A port that was handed out is claimed from other programs of this kind, and one that they claimed is not handed out.
func TestFreePort(t *testing.T) {
	port, err := freePort()
	must(t, err)
	name := func(port int) string { return fmt.Sprintf("@ringdown-bench-%d", port) }
	if l, err := net.Listen("unix", name(port)); err == nil {
		l.Close()
		t.Errorf("port %d is claimed by nobody", port)
	}
	if port >= 6000 && port < 6200 {
		t.Errorf("port %d is one that sipp may take for itself", port)
	}
	theirs, err := net.Listen("unix", name(port+1))
	if err != nil {
		t.Skip("somebody else has the next one")
	}
	defer theirs.Close()
	if next, err := freePort(); err != nil || next <= port+1 {
		t.Errorf("after %d, which is ours, and the next, which is not: %d, %v", port, next, err)
	}
}

// Whether an end of a connection is there is seen from the other side, which need not have read anything.
func TestConnected(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	here, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer here.Close()
	there, err := l.Accept()
	must(t, err)
	ends := func() (on bool) {
		on, err := connected(there.LocalAddr().(*net.TCPAddr).Port, there.RemoteAddr().(*net.TCPAddr).Port)
		must(t, err)
		return on
	}
	if !ends() {
		t.Error("an open connection is not there")
	}
	must(t, there.Close())
	if ends() {
		t.Error("a closed end is still there")
	}
}
