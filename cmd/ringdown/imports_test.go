package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "ringdown"

// listed is a package as "go list -json" prints it.
type listed struct {
	Dir, ImportPath                    string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
}

// home is a place in the tree and what a package that lives there may import of ours. The first match counts.
type home struct {
	dir  string   // the folder, relative to the module
	deep bool     // its subfolders live here too
	may  []string // folders of ours, each with its subfolders
	why  string
}

var theTree = []home{
	{dir: "callstate/exchange", deep: true, may: []string{"callstate"}, why: "exchange declares the interfaces it needs, so that adapters depend on nothing but callstate"},
	{dir: "callstate", deep: true, why: "callstate is the pure core: no sibling, no adapter"},
	{dir: "sip", deep: true, may: []string{"callstate", "sip"}, why: "an adapter knows callstate and its own folder, never exchange or another adapter"},
	{dir: "media", deep: true, may: []string{"callstate", "media"}, why: "an adapter knows callstate and its own folder, never exchange or another adapter"},
	{dir: "control", deep: true, may: []string{"callstate", "control"}, why: "an adapter knows callstate and its own folder, never exchange or another adapter"},
	{dir: "bench/phone", deep: true, may: []string{"bench/phone"}, why: "the test phone shares no code with what it tests"},
	{dir: "bench/memnet", deep: true, may: []string{"bench/memnet"}, why: "the test network shares no code with what it tests"},
	{dir: "bench", deep: true, may: []string{"bench"}, why: "load generators see the switch from outside"},
	{dir: "cmd", deep: true, may: []string{"callstate", "sip", "media", "control", "bench/phone", "bench/memnet"}, why: "cmd ties the packages together"},
}

// forTests may be imported by the tests of every package.
var forTests = []string{"bench/phone", "bench/memnet"}

// checkImports returns each import that breaks the tree's rules, with the reason.
func checkImports(packages []listed) (broken []string) {
	for _, p := range packages {
		dir := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if base := path.Base(dir); slices.Contains([]string{"util", "utils", "common", "types", "pkg"}, base) {
			broken = append(broken, p.ImportPath+": its name says nothing; name the concept")
		}
		i := slices.IndexFunc(theTree, func(h home) bool { return dir == h.dir || h.deep && inside(dir, h.dir) })
		if i < 0 {
			broken = append(broken, p.ImportPath+": has no place in the tree: sip media callstate control cmd bench")
			continue
		}
		note := func(imported, why string) {
			broken = append(broken, fmt.Sprintf("%s imports %s: %s", p.ImportPath, imported, why))
		}
		for _, imported := range p.Imports {
			checkImport(dir, imported, theTree[i], nil, note)
			if dir == "callstate" || inside(dir, "callstate") && !underOrIs(dir, "callstate/exchange") {
				checkPure(imported, note)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			checkImport(dir, imported, theTree[i], append([]string{dir}, forTests...), note)
		}
	}
	return broken
}

// checkImport checks one import; also holds what is allowed beside the table.
func checkImport(dir, imported string, h home, also []string, note func(imported, why string)) {
	if underOrIs(imported, "github.com/emiago/sipgo") {
		switch {
		case !underOrIs(dir, "sip"):
			note(imported, "only sip imports sipgo")
		case imported == "github.com/emiago/sipgo":
			note(imported, "its user agent, server and client bring sipgo's transaction layer; ours is sip/internal/tx over sipgo/sip")
		}
		return
	}
	ours, found := strings.CutPrefix(imported, module+"/")
	switch {
	case !found:
	case underOrIs(ours, "cmd"):
		note(imported, "nothing imports cmd")
	case slices.Contains(also, ours):
	case !slices.ContainsFunc(h.may, func(may string) bool { return underOrIs(ours, may) }):
		note(imported, h.why)
	case ours != dir && underOrIs(ours, "callstate/exchange") && !underOrIs(dir, "cmd") && !underOrIs(dir, "callstate/exchange"):
		note(imported, h.why)
	}
}

// impure are the parts of the standard library that reach outside the program or differ from run to run.
var impure = []string{"net", "os", "log", "syscall", "io/fs", "io/ioutil", "embed", "plugin", "database/sql", "runtime",
	"math/rand", "crypto/rand", "testing", "unsafe"}

// checkPure allows the core the pure part of the standard library and looplab/fsm.
func checkPure(imported string, note func(imported, why string)) {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported == "github.com/looplab/fsm" || first == module:
	case strings.Contains(first, "."):
		note(imported, "callstate may import looplab/fsm and nothing else from outside")
	case slices.ContainsFunc(impure, func(p string) bool { return underOrIs(imported, p) }):
		note(imported, "callstate does no I/O and is the same in every run")
	}
}

func inside(dir, parent string) bool    { return strings.HasPrefix(dir, parent+"/") }
func underOrIs(dir, parent string) bool { return dir == parent || inside(dir, parent) }

// allowedOf are the only names that callstate may use of these packages.
var allowedOf = map[string][]string{"context": {"Background", "Context"}, "sync": {"Pool"}}

// clock are the names of package time that read or wait for a clock.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Timer", "Ticker"}

// sipgoTransactions are the names of sipgo/sip that belong to its transactions and dialogs.
var sipgoTransactions = regexp.MustCompile(`^(New)?(TransactionLayer|Transaction$|TransactionRequestHandler|ServerT(x|ransaction)|ClientT(x|ransaction)|FnTx|Dialog(State|$))|^WithTransactionLayer`)

// checkSource returns what one file (not a test) of the folder dir does that its place forbids.
func checkSource(dir, name string, source any) (broken []string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	imported := map[string]string{} // the file's name for a package -> its path
	for _, spec := range file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		local := path.Base(p)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		imported[local] = p
	}
	pure := underOrIs(dir, "callstate") && !underOrIs(dir, "callstate/exchange")
	note := func(n ast.Node, what string) {
		broken = append(broken, fmt.Sprintf("%s: %s", files.Position(n.Pos()), what))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if pure {
				note(n, "a go statement: callstate starts no goroutine, the exchange owns the one of each call")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				checkUse(imported[x.Name], n.Sel.Name, pure, func(what string) { note(n, what) })
			}
		}
		return true
	})
	return broken
}

// checkUse checks the use of one name of an imported package.
func checkUse(pkg, name string, pure bool, note func(what string)) {
	switch {
	case pkg == "github.com/emiago/sipgo/sip" && sipgoTransactions.MatchString(name):
		note("sip." + name + ": transactions and dialogs are ours, sipgo gives the parser and the transports")
	case pure && pkg == "time" && slices.Contains(clock, name):
		note("time." + name + ": callstate reads no clock; the time comes with each input")
	case pure && allowedOf[pkg] != nil && !slices.Contains(allowedOf[pkg], name):
		note(pkg + "." + name + ": callstate may use only " + strings.Join(allowedOf[pkg], ", ") + " of " + pkg)
	}
}

// TestImports reads the tree as it is.
func TestImports(t *testing.T) {
	for _, p := range checkImports(listPackages(t)) {
		t.Error(p)
	}
}

// TestSources looks into the files of every package.
func TestSources(t *testing.T) {
	for _, p := range listPackages(t) {
		dir := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, name := range p.GoFiles {
			for _, what := range checkSource(dir, filepath.Join(p.Dir, name), nil) {
				t.Error(what)
			}
		}
	}
}

// listPackages asks the go command for every package of the module.
func listPackages(t *testing.T) (packages []listed) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=Dir,ImportPath,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...")
	list.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, &stderr)
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			if len(packages) == 0 {
				t.Fatal("go list names no package")
			}
			return packages
		case err != nil:
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
