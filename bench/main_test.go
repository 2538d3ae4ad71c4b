package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		os.Setenv("TMPDIR", dir) // what a run keeps of its faults goes with it
		return m.Run()
	}())
}

// Rows go to the end of their tables, whose columns RESULTS.md has as the program writes them.
func TestRecord(t *testing.T) {
	raw, err := os.ReadFile("RESULTS.md")
	must(t, err)
	o := options{results: filepath.Join(t.TempDir(), "RESULTS.md"), command: "the command of this test"}
	must(t, os.WriteFile(o.results, raw, 0o600))
	w := window{to: time.Now(), from: time.Now().Add(-time.Second)}
	must(t, o.report(&load{what: "calls", n: 1, window: w}, "1"))
	must(t, o.reportMedia(&held{calls: 1, window: w}, ""))
	must(t, o.reportTransfers(&transferLoad{load: load{window: w}, moves: []moved{{}}}))
	must(t, o.reportDelay(&delayLoad{load: load{window: w}}))
	now, err := os.ReadFile(o.results)
	must(t, err)
	if n := strings.Count(string(now), o.command); n != 4 || len(now) < len(raw) {
		t.Errorf("%d rows of 4 in\n%s", n, now)
	}
	o.run = nextRun(o.results)
	must(t, o.record("## A table that is new", "ringdown", w, []cell{{"a column", "1"}}))
	must(t, o.record("## A table that is new", "ringdown", w, []cell{{"a column", "2"}}))
	if n := nextRun(o.results); n != o.run+1 || o.run < 2 {
		t.Errorf("the run after %d is %d", o.run, n)
	}
	if err := o.record(mediaTable, "ringdown", w, []cell{{"a column that is new", "1"}}); err == nil {
		t.Error("a row was taken that does not fit its table")
	}
}
