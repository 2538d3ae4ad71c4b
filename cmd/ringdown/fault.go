package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with a config: where, what, and what would be right. It never holds a secret.
type Fault struct {
	File         string // empty when the config came from no file
	Line, Column int    // from 1; 0 when the fault has no place in the file
	Key          string // as in sip.listen[0]; empty for the file as a whole
	Wrong, Right string
}

// String writes the fault as file:line:column: key: what is wrong; what would be right.
func (f Fault) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File + ":")
		if f.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", f.Line, f.Column)
		}
		b.WriteByte(' ')
	}
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Wrong + "; " + f.Right)
	return b.String()
}

// Faults is the error of a bad config: all its faults, by place. As an error it is one line each.
type Faults []Fault

// faultsShown bounds the text of an error, not what is found.
const faultsShown = 1000

// Error lists the faults.
func (f Faults) Error() string {
	lines := make([]string, 0, min(len(f), faultsShown)+1)
	for _, fault := range f[:min(len(f), faultsShown)] {
		lines = append(lines, fault.String())
	}
	if more := len(f) - faultsShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more faults", more))
	}
	return strings.Join(lines, "\n")
}

// orNil sorts the faults by place and returns them as an error, or nil when there are none.
func (f Faults) orNil() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f
}

// problem is a fault that does not know its place yet.
type problem struct{ wrong, right string }

// shown quotes a piece of a config for a fault, cut to a readable length.
func shown(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// nearest returns the candidate that name was probably meant to be, or "" when none is near.
func nearest(name string, candidates []string) string {
	if len(name) > 64 {
		return ""
	}
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	best, distance := "", 1+max(1, len(name)/3)
	for _, c := range candidates {
		if d := edits(name, c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// edits counts the insertions, deletions, replacements and swaps of neighbours that turn a into b.
func edits(a, b string) int {
	before, above := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := above[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(above[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
