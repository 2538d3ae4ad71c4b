package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// FuzzParseConfig: any text is a config that validates or a list of faults that have a place in it, and no fault
// tells a password. Seeds: every config of testdata, and testdata/fuzz.
func FuzzParseConfig(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "config", "*.yaml"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := ParseConfig("f", []byte(text))
		if err == nil {
			if err := cfg.Validate(); err != nil {
				t.Fatalf("was read, but: %v", err)
			}
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("expected faults, got %v", err)
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > lines || fault.Column < 1 || strings.ContainsAny(fault.String(), "\n\r") {
				t.Errorf("a fault without a place in %d lines: %+v", lines, fault)
			}
		}
		for _, secret := range passwords(text) {
			if strings.Count(text, secret) == 1 && strings.Contains(err.Error(), secret) {
				t.Errorf("a fault tells the password %q: %v", secret, err)
			}
		}
	})
}

// passwords lists the values of all password keys that are long enough not to stand in a fault by chance.
func passwords(text string) (list []string) {
	defer func() { recover() }() // the parser's panics are ParseConfig's to survive
	if len(text) > 1<<16 || strings.Count(text, "[")+strings.Count(text, "{")+strings.Count(text, "- ") > 1000 {
		return nil
	}
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil
	}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			ast.Walk(visitor(func(n ast.Node) {
				if entry, ok := n.(*ast.MappingValueNode); ok && fmt.Sprint(entry.Key) == "password" {
					if s, ok := entry.Value.(*ast.StringNode); ok && len(s.Value) >= 8 {
						list = append(list, s.Value)
					}
				}
			}), doc.Body)
		}
	}
	return list
}

type visitor func(ast.Node)

func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

// TestSyntaxFaultsTellNoSecret: the parser's own errors print an excerpt of the file; ours must not.
func TestSyntaxFaultsTellNoSecret(t *testing.T) {
	const secret = "hunter2-hunter2"
	for _, text := range []string{
		"password: \"" + secret, "password: '" + secret, "a: [password: " + secret, "a: {password: " + secret,
		"password: @" + secret, "password: %" + secret, "password: `" + secret + "`", "password: 'x'" + secret,
		"password: a: " + secret, "password: !<" + secret, "password: &" + secret + " *", "password: *" + secret,
		"password: \"\\" + secret + "\"", "password: " + secret + "\n x: y", "%YAML " + secret + "\n---\na: b",
		"password: !!" + secret + " x", "password: |" + secret, "password: >" + secret + "\n x",
		"extensions: [{number: \"1\", password: [" + secret + "]}]", "extensions: [" + secret + "]",
		"extensions: {password: " + secret + "}", "ozeki: {users: [{password: {x: " + secret + "}}]}",
	} {
		_, err := ParseConfig("f", []byte(text))
		if err == nil {
			t.Errorf("%q was read", text)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: a fault tells the secret: %v", text, err)
		}
	}
}
