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
	theirs, err := net.Listen("unix", name(port+1))
	if err != nil {
		t.Skip("somebody else has the next one")
	}
	defer theirs.Close()
	if next, err := freePort(); err != nil || next <= port+1 {
		t.Errorf("after %d, which is ours, and the next, which is not: %d, %v", port, next, err)
	}
}
