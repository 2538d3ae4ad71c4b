package main

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

// tables are those of the catalogue of edge cases that are about phones that transfer: its letter, how many rows it has.
var tables = []struct {
	letter, title string
	rows          int
}{
	{"T", "Transfer by REFER", 37},
	{"P", "Attended transfer, Replaces", 24},
	{"F", "Forwarding, redirection, forking", 15},
}

// doesNotApply are the rows about what this switch never does, and why.
var doesNotApply = map[string]string{
	"T2":  "the case of who sends a REFER, and the switch sends none: its legs are anchored here, so it joins calls by itself",
	"T21": "of a REFER that we send: none is",
	"T22": "of a REFER that we send: none is",
	"T23": "of a REFER that we send: none is",
	"T24": "of a REFER that we send: none is",
	"T25": "of a REFER that we send: none is",
	"T36": "there are no WebRTC legs yet",
	"F15": "there is no parking yet",
}

// partly are the rows of which a part is about what this switch never does.
var partly = map[string]string{
	"T19": "nobody places calls by a REFER outside a dialog: it is refused",
	"T31": "Opus is not transcoded: two who are joined by REFER with Replaces and share no codec stay in silence",
	"P18": "a conference here is a three-way call; there is no IVR yet",
	"T37": "there is no spying; a recording has no metadata but its audio",
	"F6":  "there are no spend limits yet",
	"F12": "there is no voicemail and no do-not-disturb yet",
}

var (
	nameID    = regexp.MustCompile(`^[TPF][0-9]+$`)
	commentID = regexp.MustCompile(`\b[TPF][0-9]+\b`)
)

// testsIn calls f with every test of a package and its comment.
func testsIn(t *testing.T, dir string, f func(name, comment string)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(dir, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				f(fn.Name.Name, fn.Doc.Text())
			}
		}
	}
}

// endToEnd finds for each row the tests of this package that have it in their name.
func endToEnd(t *testing.T) map[string][]string {
	found := map[string][]string{}
	testsIn(t, ".", func(name, _ string) {
		for _, id := range strings.Split(strings.TrimPrefix(name, "Test"), "_") {
			if nameID.MatchString(id) && id != "T38" { // which is fax
				found[id] = append(found[id], name)
			}
		}
	})
	return found
}

// inParts finds the rows that have a script of callstate, and for each row the tests of sip, by name or comment.
func inParts(t *testing.T) (scripted map[string]bool, found map[string][]string) {
	scripted, found = map[string]bool{}, map[string][]string{}
	scripts, err := filepath.Glob("../../callstate/testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal(err)
	}
	for _, file := range scripts {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		for _, id := range commentID.FindAllString(first, -1) {
			scripted[id] = true
		}
	}
	testsIn(t, "../../sip", func(name, comment string) {
		for _, id := range commentID.FindAllString(strings.ReplaceAll(name, "_", " ")+" "+comment, -1) {
			if by := "sip." + name; !slices.Contains(found[id], by) {
				found[id] = append(found[id], by)
			}
		}
	})
	return scripted, found
}

// TestRows: every row of the tables has a test with phones that carries its id in its name, and a script of the core
// or a test of sip; or it stands among those that do not apply. proofs.md lists them; -rewrite writes it.
func TestRows(t *testing.T) {
	phones := endToEnd(t)
	scripted, parts := inParts(t)
	var w strings.Builder
	w.WriteString("# What proves the edge cases of transfer and forwarding\n\n" +
		"Written by `go test ./cmd/ringdown -run TestRows -rewrite`. A test with phones judges by what they hear and are told, and\n" +
		"has the id of the case in its name. The scripts of the cases that the core decides are in `../../callstate/proofs.md`; for\n" +
		"those that are decided before it, the tests of sip are named here. The test fails when a case lacks either.\n")
	for _, table := range tables {
		fmt.Fprintf(&w, "\n## %s\n\n| id | with phones | in part |\n|---|---|---|\n", table.title)
		for n := range table.rows {
			id := fmt.Sprint(table.letter, n+1)
			why, off := doesNotApply[id]
			switch {
			case off && len(phones[id]) > 0:
				t.Errorf("%s does not apply, but %v prove it", id, phones[id])
			case off:
				fmt.Fprintf(&w, "| %s | does not apply: %s | |\n", id, why)
			default:
				if len(phones[id]) == 0 {
					t.Errorf("no test with phones has %s in its name", id)
				}
				alone := "scripts"
				if !scripted[id] {
					alone = strings.Join(parts[id], ", ")
				}
				if alone == "" {
					t.Errorf("no script and no test of sip names %s", id)
				}
				with := strings.Join(phones[id], ", ")
				if partly[id] != "" {
					with += " (" + partly[id] + ")"
				}
				fmt.Fprintf(&w, "| %s | %s | %s |\n", id, with, alone)
			}
			delete(phones, id)
		}
	}
	for id, by := range phones {
		t.Errorf("%s, of %v, is no row", id, by)
	}
	if *rewrite {
		if err := os.WriteFile("proofs.md", []byte(w.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("proofs.md"); err != nil || string(got) != w.String() {
		t.Errorf("proofs.md is stale (%v): go test ./cmd/ringdown -run TestRows -rewrite", err)
	}
}
