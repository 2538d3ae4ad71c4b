package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"ringdown/control/delivery"
	"ringdown/control/reports"
)

// Features are the codes that an extension can dial during a call. An empty code is off.
type Features struct {
	Blind, Attended string
	CodeTimeout     time.Duration // between two digits of a code
	DigitTimeout    time.Duration // between two digits of a number
}

func (r *reader) features(f *Features) []field {
	return []field{
		{name: "blind", read: set(r, &f.Blind, parseCode)},
		{name: "attended", read: set(r, &f.Attended, parseCode)},
		{name: "code_timeout", read: set(r, &f.CodeTimeout, parsePositiveDuration)},
		{name: "digit_timeout", read: set(r, &f.DigitTimeout, parsePositiveDuration)},
	}
}

// parseCode reads a feature code, or "" for none.
func parseCode(s string) (string, *problem) {
	switch {
	case s == "":
		return "", nil
	case s[0] != '*' || len(s) < 2 || len(s) > 6 || strings.Trim(s[1:], "0123456789") != "":
		return "", &problem{shown(s) + " is not a feature code", `write * and 1 to 5 digits, as in "*03", or "" for none`}
	}
	return s, nil
}

// unclear says that nobody could tell one code from the other.
func (f Features) unclear() *problem {
	if f.Blind == "" || f.Attended == "" || !strings.HasPrefix(f.Attended, f.Blind) && !strings.HasPrefix(f.Blind, f.Attended) {
		return nil
	}
	return &problem{fmt.Sprintf("%s and %s begin alike", f.Blind, f.Attended), "choose codes of which none is the beginning of another"}
}

func (f Features) meaning() string {
	var codes []string
	if f.Blind != "" {
		codes = append(codes, f.Blind+" blind transfer")
	}
	if f.Attended != "" {
		codes = append(codes, f.Attended+" attended transfer")
	}
	if len(codes) == 0 {
		return "off"
	}
	return fmt.Sprintf("%s; code digits within %s, number digits within %s", strings.Join(codes, ", "), f.CodeTimeout, f.DigitTimeout)
}

// Report is a place where S-Series reports are sent.
type Report struct {
	URL         string
	ForwardOnly bool // a forwarding setting is reported as Forward alone, not as Tranfer too
}

func (r *reader) reports(c *Config) func(ast.Node, string) {
	return r.list(`[{url: "http://127.0.0.1:8260/"}]`, func(n ast.Node, key string) {
		var e Report
		r.fields(n, key, []field{
			{name: "url", read: set(r, &e.URL, parseReceiver)},
			{name: "forward_only", read: r.flag(&e.ForwardOnly)},
		})
		r.require(key, "url", "name the place that takes the reports")
		if c.Reports = append(c.Reports, e); len(c.Reports) == reports.MaxURLs+1 {
			r.fault(r.where(key), key, problem{"is one too many", fmt.Sprintf("keep at most %d", reports.MaxURLs)})
		}
	})
}

// meaning is a report's place without what may be secret in its URL.
func (e Report) meaning() string {
	text := "POST " + delivery.Host(e.URL)
	if e.ForwardOnly {
		text += ", forwarding settings as Forward alone"
	}
	return text
}
