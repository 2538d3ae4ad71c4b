package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// drain is how long a switch lets packets gather when it has so many legs.
type drain struct {
	known bool
	from  int
	long  time.Duration
}

// at is the interval with so many legs, in milliseconds; "-" when it is not known.
func (d drain) at(legs int) string {
	switch {
	case !d.known:
		return "-"
	case legs < d.from:
		return milliseconds(0)
	}
	return milliseconds(d.long)
}

var drainText = regexp.MustCompile(`drain (\S+) from (\d+) legs`)

// readDrain asks a ringdown how it lets packets gather under a config.
func readDrain(ctx context.Context, binary, config string) (drain, error) {
	out, err := exec.CommandContext(ctx, binary, "check", "--config", config).Output()
	if err != nil {
		return drain{}, fmt.Errorf("%s check: %w", binary, err)
	}
	m := drainText.FindSubmatch(out)
	if m == nil {
		return drain{}, nil // an older one
	}
	long, err := time.ParseDuration(string(m[1]))
	if err != nil {
		return drain{}, err
	}
	from, err := strconv.Atoi(string(m[2]))
	return drain{true, from, long}, err
}
