package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

const someResults = `# Results

## Signalling

| run | commit | system | load | rate | CPU s / 1000 | failed | command |
|---|---|---|---|---|---|---|---|
| 1 | aaa | Kamailio | calls | 400 | 0.80 | 0 | c |
| 1 | aaa | ringdown | calls | 400 | 1.00 | 0 | c |
| 1 | aaa | ringdown | calls | 400 | 3.00 | 0 | c |
| 2 | bbb+ | ringdown | calls | 400 | 1.00 | 0 | c |
| 3 | bbb | ringdown | calls | 200 | 9.00 | 0 | c |

## Media

| run | commit | system | calls | p50 ms |
|---|---|---|---|---|
| 1 | aaa | ringdown | 200 | busy |
| 2 | bbb+ | ringdown | 200 | 0.12 |
`

// Two runs side by side: rounds by their mean, by run or by commit, whatever is not the same load left out.
func TestCompareRuns(t *testing.T) {
	for _, names := range [][2]string{{"1", "2"}, {"aaa", "bbb+"}} {
		var b strings.Builder
		must(t, compareRuns(&b, someResults, names[0], names[1]))
		text := regexp.MustCompile(` +`).ReplaceAllString(b.String(), " ")
		for _, want := range []string{
			"Signalling: ringdown, calls, rate 400 run 1, aaa run 2, bbb+ B/A\n CPU s / 1000 2 1 0.50\n failed 0 0",
			"Media: ringdown, calls 200 run 1, aaa run 2, bbb+ B/A\n p50 ms busy 0.12",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%v: no %q in\n%s", names, want, text)
			}
		}
		if strings.Contains(text, "Kamailio") {
			t.Errorf("what only one run has is compared:\n%s", text)
		}
	}
	var b strings.Builder
	if err := compareRuns(&b, someResults, "1", "7"); err == nil || !strings.Contains(err.Error(), `"7"`) {
		t.Errorf("a run that is not there: %v", err)
	}
	if err := compareRuns(&b, someResults, "2", "3"); err == nil {
		t.Error("runs with nothing in common are compared")
	}
	raw, err := os.ReadFile("RESULTS.md")
	must(t, err)
	must(t, compareRuns(&b, string(raw), "7d27613", "87141de"))
}
