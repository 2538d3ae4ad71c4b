//go:build race

package main

// The race detector makes everything some ten times slower.
const leakCalls = 1600
