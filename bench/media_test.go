package main

import (
	"testing"
	"time"
)

// A row says whose fault a loss is.
func TestLostAt(t *testing.T) {
	for _, c := range []struct {
		sent, received, drops int
		want                  string
	}{
		{100, 100, 0, "-"},
		{100, 100, 3, "-"}, // before the window
		{100, 101, 0, "-"}, // a packet came twice
		{100, 90, 0, "switch"},
		{100, 90, 10, "its sockets"},
		{100, 90, 12, "its sockets"},
		{100, 90, 4, "its sockets 4, switch 6"},
	} {
		h := held{drops: c.drops, stream: streamResult{sent: c.sent, received: c.received}}
		if got := h.lostAt(); got != c.want {
			t.Errorf("%+v: lost at %q", c, got)
		}
	}
}

func TestDrainAt(t *testing.T) {
	for _, c := range []struct {
		drain drain
		legs  int
		want  string
	}{
		{drain{}, 1000, "-"},
		{drain{true, 500, time.Millisecond}, 499, "0.00"},
		{drain{true, 500, time.Millisecond}, 500, "1.00"},
		{drain{true, 0, 500 * time.Microsecond}, 1, "0.50"},
	} {
		if got := c.drain.at(c.legs); got != c.want {
			t.Errorf("%+v with %d legs: %s, want %s", c.drain, c.legs, got, c.want)
		}
	}
}

// The switch that is built here says how it lets packets gather.
func TestDrainIsRead(t *testing.T) {
	u := users{first: 3000, count: 3, password: "bench-secret"}
	sw, err := startRingdown(t.Context(), t.TempDir(), builtSwitch(t), u, nil)
	must(t, err)
	if !sw.drain.known || sw.drain.from == 0 {
		t.Errorf("%+v", sw.drain)
	}
	must(t, sw.stop())
}
