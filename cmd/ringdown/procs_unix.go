//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime is what the process has used, in user and system time.
func cpuTime() (used time.Duration, known bool) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
