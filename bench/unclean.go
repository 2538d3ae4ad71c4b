package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// cause is why a run gives no figure, the one first that explains the others.
type cause int

const (
	interrupted cause = iota + 1 // by whoever runs it
	gone                         // the switch ended
	busy                         // the generators could not keep up
	deaf                         // the generators lost what was sent to them
	refused                      // the switch, or a phone, answered what nobody expects
	other
)

// finding is a fault whose cause is known.
type finding struct {
	cause
	look string // what to look at, in one line
	err  error
}

func (f *finding) Error() string { return f.err.Error() }
func (f *finding) Unwrap() error { return f.err }

// lookAt says of a fault what to look at.
func lookAt(c cause, what string, err error) error {
	if err == nil {
		return nil
	}
	return &finding{c, what, err}
}

// causeOf is the cause of a fault, and what to look at.
func causeOf(err error) (cause, string) {
	var f *finding
	switch {
	case errors.Is(err, context.Canceled):
		return interrupted, ""
	case errors.As(err, &f):
		return f.cause, f.look
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return other, first
}

// ownBuffers is a fault of generators whose receive buffers overflowed.
func ownBuffers(err error) error {
	most, _ := os.ReadFile("/proc/sys/net/core/rmem_max")
	return lookAt(deaf, fmt.Sprintf("the receive buffers of the generators: net.core.rmem_max is %s, they ask for 4 MB; or this machine is too busy",
		strings.TrimSpace(string(most))), err)
}

// What a terminal shows of a run that is not clean.
const shownLines, shownColumns = 18, 240

// unclean says of a run that gives no figure first what to look at, in one line, then what was seen. It is nil without
// faults. What is too long goes into a file, which is named.
func unclean(what string, faults []error) error {
	faults = slices.DeleteFunc(slices.Clone(faults), func(err error) bool { return err == nil })
	if len(faults) == 0 {
		return nil
	}
	slices.SortStableFunc(faults, func(a, b error) int {
		ca, _ := causeOf(a)
		cb, _ := causeOf(b)
		return cmp.Compare(ca, cb)
	})
	first, look := causeOf(faults[0])
	if first == interrupted { // what else there is follows from that
		return &cleanless{first: what + ": interrupted, no figure", err: errors.Join(faults...)}
	}
	all := errors.Join(faults...).Error()
	lines := strings.Split(strings.TrimSpace(all), "\n")
	cut := len(lines) > shownLines
	if cut {
		lines = lines[:shownLines]
	}
	for i, l := range lines {
		l = strings.TrimSpace(l)
		if len(l) > shownColumns {
			l, cut = l[:shownColumns]+" ...", true
		}
		lines[i] = "  " + l
	}
	if cut {
		lines = append(lines, "  all of it: "+keep(all))
	}
	return &cleanless{fmt.Sprintf("%s: NOT CLEAN, no figure. Look at: %s", what, look), lines, errors.Join(faults...)}
}

// cleanless is the error of a run that was not clean.
type cleanless struct {
	first string
	rest  []string
	err   error
}

func (c *cleanless) Error() string { return strings.Join(append([]string{c.first}, c.rest...), "\n") }
func (c *cleanless) Unwrap() error { return c.err }

// firstLine is the begin of an error.
func firstLine(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// keep writes a text into a file that stays, and returns its name.
func keep(text string) string {
	f, err := os.CreateTemp("", "ringdown-bench-*.txt")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if _, err := f.WriteString(text + "\n"); err != nil {
		return err.Error()
	}
	return f.Name()
}

// What sipp writes into its error log: a time, and what happened; where a message came, its lines follow.
var (
	sippEvent      = regexp.MustCompile(`(?m)^'?\d{4}-\d\d-\d\d\t\S+\t\S+: (.*)$`)
	sippUnexpected = regexp.MustCompile(`while expecting '[^']*' \(index \d+\), received '(?:SIP/2\.0 )?(.*)`)
	sippCSeq       = regexp.MustCompile(`(?m)^CSeq:\s*\d+\s+(\S+)`)
	sippCall       = regexp.MustCompile(`'?[\w.@-]*127\.0\.0\.1'?`)
)

// complaint is one kind of events of sipp's error log.
type complaint struct {
	text  string
	n     int
	first string // the first of them, as sipp has it
}

// complaints sorts sipp's error log, the most frequent first. What comes to a call that is over (a dead call) is told only
// when there is nothing else: it follows from the rest.
func complaints(log string) (all []complaint) {
	at := map[string]int{}
	dead := complaint{}
	marks := sippEvent.FindAllStringSubmatchIndex(log, -1)
	for i, m := range marks {
		end := len(log)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		whole, text := strings.TrimSpace(log[m[2]:end]), strings.TrimSpace(log[m[2]:m[3]])
		if strings.HasPrefix(text, "Dead call") {
			if dead.n++; dead.n == 1 {
				dead.text, dead.first = "messages of calls that were over", whole
			}
			continue
		}
		if got := sippUnexpected.FindStringSubmatch(text); got != nil {
			text = strings.TrimRight(got[1], "\r'")
			if method := sippCSeq.FindStringSubmatch(whole); method != nil && !strings.HasPrefix(text, method[1]) {
				text += " to " + method[1]
			}
		}
		text = sippCall.ReplaceAllString(text, "X")
		k, known := at[text]
		if !known {
			k = len(all)
			at[text], all = k, append(all, complaint{text: text, first: whole})
		}
		all[k].n++
	}
	slices.SortStableFunc(all, func(a, b complaint) int { return b.n - a.n })
	if len(all) == 0 && dead.n > 0 {
		all = append(all, dead)
	}
	return all
}
