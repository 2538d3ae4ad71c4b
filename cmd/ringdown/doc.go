// Command ringdown is a SIP softswitch: phones register to it, it connects their calls, and applications steer
// those calls over HTTP.
//
// This package is flags, configuration, signals and wiring: it ties the other packages together and none of them
// imports it. Results go to stdout, logs to stderr; the exit code is 0 for fine, 1 for failed, 2 for a command line
// that was not understood.
//
// Goroutines: one per running command that waits for signals (signals.go), and those that the switch starts.
package main
