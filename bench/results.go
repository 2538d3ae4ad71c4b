package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The tables of RESULTS.md, by their headings.
const (
	signallingTable = "## Signalling"
	mediaTable      = "## Media"
	transferTable   = "## Transfers"
	scriptTable     = "## Scripts"
	apiTable        = "## API"
	eventTable      = "## Events"
)

// report prints a run of sipp and appends its row. A run that was not clean has no row, and is an error.
func (o options) report(l *load, ratio string) error {
	if err := l.clean(); err != nil {
		return err
	}
	if ratio == "" {
		ratio = "-"
	}
	return o.record(signallingTable, l.system, l.window, []cell{
		{"load", l.what}, {"rate", fmt.Sprint(l.rate)}, {"n", fmt.Sprint(l.n)}, {"failed", fmt.Sprint(l.caller.failed)},
		{"repeats", fmt.Sprintf("%d + %d", l.caller.retransmits, l.callee.retransmits)},
		{"switch repeats", fmt.Sprintf("%d + %d", l.caller.again, l.callee.again)},
		{"CPU s / 1000", fmt.Sprintf("%.2f", l.per1000)}, {"to Kamailio", ratio},
		{"setup ms", fmt.Sprintf("%.1f", float64(l.caller.setup.Microseconds())/1000)},
		{"peak MB", fmt.Sprintf("%.0f", float64(l.peak)/1024)}, {"goroutines", orDash(l.goroutines)},
		{"drops", fmt.Sprint(l.drops)}, {"own drops", fmt.Sprint(l.ownDrops)},
	})
}

// cell is one column of a row.
type cell struct{ name, value string }

// record prints a row about a system and appends it to its table, which begins with the first row. The columns that all
// tables have, what was run, when, on what and how, and what else the machine did in the window, stand around the cells.
func (o options) record(table, system string, w window, cells []cell) error {
	row := append([]cell{{"run", fmt.Sprint(o.run)}, {"date", today()}, {"commit", o.commit}, {"machine", machine()}, {"system", system}}, cells...)
	row = append(row, cell{"other cores", fmt.Sprintf("%.1f", w.others())}, cell{"stolen cores", fmt.Sprintf("%.2f", w.cores(w.stolen))})
	row = append(row, cell{"command", "`" + o.command + "`"})
	var head, line strings.Builder
	head.WriteString("|")
	line.WriteString("|")
	for i, c := range row {
		head.WriteString(" " + c.name + " |")
		line.WriteString(" " + c.value + " |")
		if i > 0 && c.name != "machine" && c.name != "command" {
			fmt.Printf("%s %s, ", c.name, c.value)
		}
	}
	if o.results == "" || o.profile != "" {
		fmt.Println("no row")
		return nil
	}
	fmt.Println("run", o.run)
	raw, err := os.ReadFile(o.results)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
	at := slices.Index(lines, table)
	if at < 0 {
		rule := "|" + strings.Repeat("---|", len(row))
		lines = append(lines, "", table, "", head.String(), rule, line.String())
		return os.WriteFile(o.results, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
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
	return os.WriteFile(o.results, []byte(strings.Join(slices.Insert(lines, last+1, line.String()), "\n")+"\n"), 0o644)
}

// nextRun is the number that the rows of this run get: one more than the highest in the file. Rows of one command share it.
func nextRun(results string) int {
	raw, _ := os.ReadFile(results) // that it is missing is told when a row is written
	highest := 0
	for line := range strings.Lines(string(raw)) {
		if f := strings.SplitN(line, "|", 3); len(f) == 3 {
			n, _ := strconv.Atoi(strings.TrimSpace(f[1]))
			highest = max(highest, n)
		}
	}
	return highest + 1
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

// machine is cores and their kind, kernel and Go.
func machine() string {
	raw, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	release, _, _ := strings.Cut(strings.TrimSpace(string(raw)), "-")
	version := runtime.Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.GoVersion
	}
	return fmt.Sprintf("%d cores%s, Linux %s, %s", runtime.NumCPU(), processor(), release, version)
}

// processor is " of KIND" as the kernel names it, or nothing where it does not.
func processor() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(raw)) {
		if key, kind, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return " of " + strings.TrimSpace(kind)
		}
	}
	return ""
}

// orDash writes a count, which is unknown below zero.
func orDash(n int) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
