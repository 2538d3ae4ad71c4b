package main

import (
	"fmt"
	"os"
	"testing"
)

// binaryDir is where the switch is built for the tests of this package.
var binaryDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ringdown-bench")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binaryDir = dir
		return m.Run()
	}())
}
