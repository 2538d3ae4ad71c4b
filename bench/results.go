package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The tables of RESULTS.md, by their headings.
const (
	signallingTable = "## Signalling"
	mediaTable      = "## Media"
	transferTable   = "## Transfers"
	scriptTable     = "## Scripts"
)

// report prints a run of sipp and appends its row. A run that was not clean has no row, and is an error.
func (o options) report(l *load, ratio string) error {
	if err := l.clean(); err != nil {
		return err
	}
	if ratio == "" {
		ratio = "-"
	}
	return o.record(signallingTable, []cell{
		{"date", today()}, {"commit", o.commit}, {"machine", machine()}, {"system", l.system}, {"load", l.what},
		{"rate", fmt.Sprint(l.rate)}, {"n", fmt.Sprint(l.n)}, {"failed", fmt.Sprint(l.caller.failed)},
		{"repeats", fmt.Sprintf("%d + %d", l.caller.retransmits, l.callee.retransmits)},
		{"CPU s / 1000", fmt.Sprintf("%.2f", l.per1000)}, {"to Kamailio", ratio},
		{"setup ms", fmt.Sprintf("%.1f", float64(l.caller.setup.Microseconds())/1000)},
		{"peak MB", fmt.Sprintf("%.0f", float64(l.peak)/1024)}, {"goroutines", orDash(l.goroutines)},
		{"drops", fmt.Sprint(l.drops)}, {"other cores", fmt.Sprintf("%.1f", l.window.others())},
		{"command", "`" + o.command + "`"},
	})
}

// cell is one column of a row.
type cell struct{ name, value string }

// record prints a row, and appends it to its table.
func (o options) record(table string, row []cell) error {
	var head, line strings.Builder
	head.WriteString("|")
	line.WriteString("|")
	for _, c := range row {
		head.WriteString(" " + c.name + " |")
		line.WriteString(" " + c.value + " |")
		fmt.Printf("%s %s, ", c.name, c.value)
	}
	fmt.Println()
	if o.results == "" || o.profile != "" {
		return nil
	}
	raw, err := os.ReadFile(o.results)
	if err != nil {
		return err
	}
	lines := strings.Split(string(raw), "\n")
	at := slices.Index(lines, table)
	if at < 0 {
		return fmt.Errorf("%s has no %q", o.results, table)
	}
	first, last := -1, -1
	for i := at + 1; i < len(lines) && !strings.HasPrefix(lines[i], "## "); i++ {
		if strings.HasPrefix(lines[i], "|") {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return errors.New(o.results + " has no table under " + table)
	}
	if lines[first] != head.String() { // a new column is added there by hand, with "-" in the rows that lack it
		return fmt.Errorf("%s: the table under %q has other columns than\n%s", o.results, table, &head)
	}
	return os.WriteFile(o.results, []byte(strings.Join(slices.Insert(lines, last+1, line.String()), "\n")), 0o644)
}

func today() string { return time.Now().Format(time.DateOnly) }

// commit is the short hash that was measured; "+" says that files differed from it.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "-"
	}
	hash := strings.TrimSpace(string(out))
	if out, err := exec.Command("git", "status", "--porcelain", "--", "*.go").Output(); err != nil || len(out) > 0 {
		hash += "+"
	}
	return hash
}

// machine is cores, kernel and Go.
func machine() string {
	raw, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	release, _, _ := strings.Cut(strings.TrimSpace(string(raw)), "-")
	version := runtime.Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.GoVersion
	}
	return fmt.Sprintf("%d cores, Linux %s, %s", runtime.NumCPU(), release, version)
}

// orDash writes a count, which is unknown below zero.
func orDash(n int) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
