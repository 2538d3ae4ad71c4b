//go:build !race

package main

const leakCalls = 9600
