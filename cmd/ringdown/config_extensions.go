package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

const (
	maxRange      = 100_000
	maxExtensions = 500_000
	placeholder   = "{number}" // replaced in the password and name of a range
)

// extensionEntry is one entry of the list: a single number, or a range of them.
type extensionEntry struct {
	numbers   numberRange // size 0: a single number
	Extension             // what all of them have; the number and name of a range are made for each
}

// extensions reads the list and expands its ranges.
func (r *reader) extensions(c *Config) func(ast.Node, string) {
	lines := map[string]int{} // where each number was defined
	return r.list(`[{number: "2000", password: secret}]`, func(n ast.Node, key string) {
		e := extensionEntry{Extension: Extension{Key: key}}
		r.fields(n, key, []field{
			{name: "number", read: set(r, &e.Number, parseNumber)},
			{name: "numbers", read: set(r, &e.numbers, parseNumbers)},
			{name: "password", read: set(r, &e.Password, parseSecret)},
			{name: "name", read: set(r, &e.Name, parseName)},
			{name: "outbound", read: r.flag(&e.Outbound)},
			{name: "connected_line", read: r.flag(&e.ConnectedLine)},
			{name: "pickup", read: set(r, &e.Pickup, parseName)},
			{name: "forward", sub: []field{
				{name: "always", read: set(r, &e.Forward.Always, parseForward)},
				{name: "busy", read: set(r, &e.Forward.Busy, parseForward)},
				{name: "no_answer", read: set(r, &e.Forward.NoAnswer, parseForward)},
			}},
		})
		good := r.require(key, "password", "give the extension a secret")
		name := "number"
		if r.has(join(key, "numbers")) {
			name = "numbers"
			if r.has(join(key, "number")) {
				r.fault(r.where(key), key, problem{"has both number and numbers", "keep one of them"})
				return
			}
		}
		// Numbers of an entry whose password is bad still count: another entry may double them.
		if r.require(key, name, "give the extension a number, or numbers for a range") {
			r.expand(c, join(key, name), e, lines, good)
		}
	})
}

// expand adds the extensions of one entry to c, and notes one fault for all the numbers that are there already.
func (r *reader) expand(c *Config, key string, e extensionEntry, lines map[string]int, good bool) {
	single := e.numbers.size == 0
	if single {
		e.numbers.size = 1
	}
	if len(lines)+e.numbers.size > maxExtensions {
		r.fault(r.where(key), key, problem{fmt.Sprintf("makes more than %d extensions", maxExtensions), "define fewer"})
		return
	}
	line, doubled, first := r.where(key).line, 0, ""
	for i := range e.numbers.size {
		x := e.Extension
		if !single {
			x.Number = e.numbers.at(i)
			x.Password = Secret(strings.ReplaceAll(string(x.Password), placeholder, x.Number))
			x.Name = strings.ReplaceAll(x.Name, placeholder, x.Number)
		}
		if _, twice := lines[x.Number]; twice {
			if doubled++; doubled == 1 {
				first = x.Number
			}
			continue
		}
		x.Name = cmp.Or(x.Name, x.Number)
		lines[x.Number] = line
		if good {
			c.Extensions = append(c.Extensions, x)
		}
	}
	if doubled > 0 {
		wrong := fmt.Sprintf("%s is already defined on line %d", first, lines[first])
		if doubled > 1 {
			wrong += fmt.Sprintf(", and so are %d more of these numbers", doubled-1)
		}
		r.fault(r.where(key), key, problem{wrong, "define each number once"})
	}
}

// parseNumber reads the number of an extension: what is dialled, so nothing that a SIP user part would escape
// (RFC 3261 §25.1), save for #, which phones send as they like.
func parseNumber(s string) (string, *problem) {
	const right = "write 1 to 32 of 0-9 A-Z a-z _ . + * # -"
	switch {
	case s == "":
		return "", &problem{"is empty", right}
	case len(s) > 32:
		return "", &problem{shown(s) + " is too long", right}
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && strings.IndexByte("_.+*#-", c) < 0 {
			return "", &problem{shown(s) + " is not a number", right}
		}
	}
	return s, nil
}

// parseForward reads the number that calls go on to, or "" for none.
func parseForward(s string) (string, *problem) {
	if s == "" {
		return "", nil
	}
	return parseNumber(s)
}

// numberRange is size numbers from first on, with leading zeros up to width.
type numberRange struct {
	first uint64
	size  int
	width int
}

func (n numberRange) at(i int) string {
	return fmt.Sprintf("%0*d", n.width, n.first+uint64(i))
}

// parseNumbers reads FIRST-LAST, both inclusive. 001-150 keeps its zeros.
func parseNumbers(s string) (numberRange, *problem) {
	const right = "write FIRST-LAST in digits, as in 3001-3150"
	low, high, found := strings.Cut(s, "-")
	if !found {
		return numberRange{}, &problem{shown(s) + " is not a range", right}
	}
	first, okFirst := digits(low)
	last, okLast := digits(high)
	switch {
	case !okFirst || !okLast:
		return numberRange{}, &problem{shown(s) + " is not a range of numbers", right}
	case last < first:
		return numberRange{}, &problem{"the range is reversed: " + high + " is below " + low, right}
	case last-first >= maxRange:
		return numberRange{}, &problem{fmt.Sprintf("the range holds %d numbers, more than %d", last-first+1, maxRange), "write smaller ranges"}
	case len(low) != len(high) && (low[0] == '0' || high[0] == '0'):
		return numberRange{}, &problem{"its ends have leading zeros but not the same length", "write both with all their digits, as in 001-150"}
	}
	r := numberRange{first: first, size: int(last-first) + 1}
	if len(low) == len(high) {
		r.width = len(low)
	}
	return r, nil
}

// digits reads 1 to 18 digits.
func digits(s string) (uint64, bool) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}
