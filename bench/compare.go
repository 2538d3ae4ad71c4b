package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// resultTable is one table of RESULTS.md.
type resultTable struct {
	name    string
	columns []string
	rows    []map[string]string // column to value
}

// keys are the columns that tell what a row is about; figures of rows that agree in them can be compared.
var keys = []string{"system", "load", "rate", "calls"}

// described are columns that say how a row came about.
var described = []string{"run", "date", "commit", "machine", "command", "seconds", "n"}

// readTables reads every table that has runs.
func readTables(text string) (tables []*resultTable) {
	var name string
	var t *resultTable
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "## "):
			name, t = strings.TrimPrefix(line, "## "), nil
		case !strings.HasPrefix(line, "|"):
			t = nil
		case t == nil:
			t = &resultTable{name: name, columns: fields(line)}
			if t.columns[0] == "run" {
				tables = append(tables, t)
			}
		case !strings.HasPrefix(line, "|--"):
			row := map[string]string{}
			for i, value := range fields(line) {
				if i < len(t.columns) {
					row[t.columns[i]] = value
				}
			}
			t.rows = append(t.rows, row)
		}
	}
	return tables
}

// fields are the cells of a row.
func fields(line string) []string {
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// of are the rows of a run, by its number or by the commit that was measured, with the same key kept together in order.
func (t *resultTable) of(run string) map[string][]map[string]string {
	found := map[string][]map[string]string{}
	for _, row := range t.rows {
		if row["run"] == run || row["commit"] == run {
			key := t.key(row)
			found[key] = append(found[key], row)
		}
	}
	return found
}

// key says in words what a row is about.
func (t *resultTable) key(row map[string]string) string {
	words := []string{row["system"]}
	if load := row["load"]; load != "" {
		words = append(words, load)
	}
	for _, name := range keys[2:] {
		if value := row[name]; value != "" {
			words = append(words, name+" "+value)
		}
	}
	return strings.Join(words, ", ")
}

// compareRuns writes the figures of two recorded runs side by side, and what B is to A. It is an error when a run is not
// there, or when the two have nothing in common.
func compareRuns(w io.Writer, text, a, b string) error {
	tables := readTables(text)
	there := map[string]bool{}
	out := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	common := 0
	for _, t := range tables {
		as, bs := t.of(a), t.of(b)
		there[a], there[b] = there[a] || len(as) > 0, there[b] || len(bs) > 0
		for _, row := range t.rows { // in the order of the file
			key := t.key(row)
			if len(as[key]) == 0 || len(bs[key]) == 0 {
				continue
			}
			common++
			t.side(out, key, as[key], bs[key])
			delete(as, key)
		}
	}
	for _, run := range []string{a, b} {
		if !there[run] {
			return fmt.Errorf("no row of run or commit %q: the first column of the tables has the numbers", run)
		}
	}
	if common == 0 {
		return fmt.Errorf("runs %s and %s measured nothing that is the same: system, load, rate and calls must be", a, b)
	}
	return out.Flush()
}

// side writes one comparison. Several rows of one run, its rounds, are shown by their mean.
func (t *resultTable) side(w io.Writer, key string, as, bs []map[string]string) {
	fmt.Fprintf(w, "%s: %s\t%s\t%s\tB/A\n", t.name, key, label(as), label(bs))
	if m, n := as[0]["machine"], bs[0]["machine"]; m != n {
		fmt.Fprintf(w, "  machine\t%s\t%s\n", m, n)
	}
	for _, c := range t.columns {
		if slices.Contains(keys, c) || slices.Contains(described, c) {
			continue
		}
		va, ra := mean(as, c)
		vb, rb := mean(bs, c)
		ratio := ""
		if ra > 0 && rb >= 0 {
			ratio = fmt.Sprintf("%.2f", rb/ra)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", c, va, vb, ratio)
	}
	fmt.Fprintln(w)
}

func label(rows []map[string]string) string {
	return fmt.Sprintf("run %s, %s", rows[0]["run"], rows[0]["commit"])
}

// mean is the mean of a column, as text too; where a value is no number, the texts, and -1.
func mean(rows []map[string]string, column string) (string, float64) {
	var sum float64
	var texts []string
	for _, row := range rows {
		v, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			sum = -1
		}
		if sum >= 0 {
			sum += v
		}
		texts = append(texts, row[column])
	}
	if sum < 0 {
		return strings.Join(slices.Compact(texts), " / "), -1
	}
	n := sum / float64(len(rows))
	return strconv.FormatFloat(n, 'g', 5, 64), n
}

// runCompare is "compare A B".
func runCompare(_ context.Context, o options) error {
	raw, err := os.ReadFile(o.results)
	if err != nil {
		return err
	}
	return compareRuns(os.Stdout, string(raw), o.names[0], o.names[1])
}
