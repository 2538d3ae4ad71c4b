package callstate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The cells of an attended transfer (spec yeastar-p 5.4): the state of machines.go that each column is, and the rows.
var (
	cellStates = []struct{ name, state string }{
		{"CALLING", RingingTarget}, {"HESITANT", RingingTransferee}, {"CONSULTING", UpTarget}, {"CHECKING", UpTransferee},
		{"JOINING", Joining}, {"WAITING", Waiting}, {"PAUSING", TransferPausing}, {"RECALLING", TransferRecalling},
		{"FAILING", Failing}, {"DROPPING", TransferDropping}, {"ASKING", Asking},
	}
	cellTriggers = []string{"answers", "fails", "target-leaves", "abort", "complete", "threeway", "swap",
		"transferor-leaves", "transferee-leaves"}
	// impossible are the pairs that cannot come: nobody rings, or who would leave is not there.
	impossible = map[string][]string{
		"answers":           {"ASKING", "CONSULTING", "CHECKING", "PAUSING", "FAILING", "DROPPING"},
		"fails":             {"CONSULTING", "CHECKING", "PAUSING", "FAILING", "DROPPING"},
		"target-leaves":     {"ASKING", "CALLING", "HESITANT", "JOINING", "WAITING", "PAUSING", "RECALLING", "FAILING", "DROPPING"},
		"transferor-leaves": {"WAITING", "PAUSING", "RECALLING"},
		"transferee-leaves": {"DROPPING"},
	}
	blindCells = []string{"answers", "busy", "silent", "unknown", "unregistered", "moved-leaves", "refused"}
	codeCells  = []string{"blind", "attended", "early", "busy", "target-leaves", "unregistered", "recall", "nothing", "none", "late",
		"star-again", "both", "caller", "info", "to-info", "crossing", "two", "trunk", "hold", "outside"}
	idPattern = regexp.MustCompile(`\b[A-Z][0-9]+\b|\b[A-Z]{3,}(-[a-z-]+[a-z])?\b`)
)

// proofs finds, for each id, the scripts whose first line names it and the tests whose comment does.
func proofs(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	note := func(text, by string) {
		for _, id := range idPattern.FindAllString(text, -1) {
			if state, isOperations := strings.CutSuffix(id, "-operations"); isOperations {
				for _, op := range []string{"abort", "complete", "threeway", "swap"} {
					found[state+"-"+op] = append(found[state+"-"+op], by)
				}
			} else {
				found[id] = append(found[id], by)
			}
		}
	}
	for _, file := range glob(t, "testdata/*.txt") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(b), "\n")
		if !strings.HasPrefix(first, "# ") {
			t.Errorf("%s does not say what it is about", file)
		}
		note(first, strings.TrimSuffix(filepath.Base(file), ".txt"))
	}
	for _, file := range glob(t, "*_test.go") {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "Test") {
				note(fn.Doc.Text(), fn.Name.Name)
			}
		}
	}
	return found
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal(pattern, err)
	}
	return files
}

// TestProofs: every edge case and every cell has a test that names it; proofs.md lists them. -rewrite writes it.
func TestProofs(t *testing.T) {
	found := proofs(t)
	prove := func(id string) string {
		var all []string
		for _, name := range found[id] {
			if strings.HasPrefix(name, "Test") {
				all = append(all, name)
			} else {
				all = append(all, fmt.Sprintf("[%s](testdata/%s.txt)", name, name))
			}
		}
		if len(all) == 0 {
			t.Errorf("nothing proves %s", id)
		}
		delete(found, id)
		return strings.Join(slices.Compact(all), ", ")
	}
	var w strings.Builder
	w.WriteString("# What proves what\n\nWritten by `go test ./callstate -run TestProofs -rewrite` from the first line of each script in `testdata` and the\n" +
		"comment of each test: there stands which case it is about. The test fails when a case has none.\n\n" +
		"## Attended transfer\n\nEach state of the attended transfer in `states.md` (in brackets, where its name differs) x everything that can happen;\n" +
		"a dash cannot come. Every request and event in every state is also in `testdata/matrix.md`.\n\n| trigger |")
	for _, s := range cellStates {
		fmt.Fprintf(&w, " %s", s.name)
		if !strings.EqualFold(s.name, s.state) {
			fmt.Fprintf(&w, " (%s)", s.state)
		}
		w.WriteString(" |")
	}
	w.WriteString("\n|---|" + strings.Repeat("---|", len(cellStates)) + "\n")
	for _, trigger := range cellTriggers {
		fmt.Fprintf(&w, "| %s |", trigger)
		for _, s := range cellStates {
			if slices.Contains(impossible[trigger], s.name) {
				w.WriteString(" – |")
			} else {
				fmt.Fprintf(&w, " %s |", prove(s.name+"-"+trigger))
			}
		}
		w.WriteString("\n")
	}
	fmt.Fprintf(&w, "\nIts start, and what refuses one: %s\n\nIts end with the call: %s\n", prove("START"), prove("END"))
	w.WriteString("\n## Blind transfer that releases at once\n\n| case | proved by |\n|---|---|\n")
	for _, c := range blindCells {
		fmt.Fprintf(&w, "| %s | %s |\n", c, prove("BLIND-"+c))
	}
	w.WriteString("\n## Feature codes\n\nThe states are those of the attended transfer above, ASKING among them.\n\n| case | proved by |\n|---|---|\n")
	for _, c := range codeCells {
		fmt.Fprintf(&w, "| %s | %s |\n", c, prove("CODE-"+c))
	}
	w.WriteString("\n## Edge cases\n\n| id | proved by |\n|---|---|\n")
	for _, id := range edgeCases {
		fmt.Fprintf(&w, "| %s | %s |\n", id, prove(id))
	}
	for id, by := range found {
		if strings.Contains(id, "-") || len(id) < 4 && strings.ContainsAny(id, "0123456789") {
			t.Errorf("%s, of %v, is no case that is listed", id, by)
		}
	}
	if *rewrite {
		if err := os.WriteFile("proofs.md", []byte(w.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("proofs.md"); err != nil || string(got) != w.String() {
		t.Errorf("proofs.md is stale (%v): go test ./callstate -run TestProofs -rewrite", err)
	}
}

// TestProofsKnowEveryState: the columns of proofs.md are the states of the table that do not end it.
func TestProofsKnowEveryState(t *testing.T) {
	var known []string
	for _, s := range cellStates {
		known = append(known, s.state)
	}
	known = append(known, TransferDone, TransferFailed)
	slices.Sort(known)
	if want := attendedTable.states(); !slices.Equal(known, want) {
		t.Errorf("proofs.md has columns for %q, the table states %q", known, want)
	}
}
