package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxConfigSize = 16 << 20
	// maxNesting is far beyond what a config needs. The YAML parser's time grows with the square of the depth.
	maxNesting = 32
)

// LoadConfig reads, completes and validates a config. Its error is a Faults.
func LoadConfig(file string) (*Config, error) {
	text, err := readConfigFile(file)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // the fault names the file already
		}
		return nil, Faults{{File: file, Wrong: "cannot be read: " + err.Error(), Right: "name a readable YAML file"}}
	}
	return ParseConfig(file, text)
}

// readConfigFile returns at most one byte more than a config may have.
func readConfigFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxConfigSize+1))
}

// ParseConfig is LoadConfig for text that is already in memory; file only names it in faults.
func ParseConfig(file string, text []byte) (*Config, error) {
	r := &reader{file: file, at: map[string]place{}}
	cfg := fileDefaults()
	if root, ok := r.parse(text); ok {
		if root != nil {
			r.fields(root, "", r.frame(cfg))
		}
		r.missing(cfg)
		r.faults = append(r.faults, cfg.faults(r)...)
	}
	if err := r.faults.orNil(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// place is where something stands in the file.
type place struct{ line, column int }

// placeOf is where a token stands; the start of the file when that is not known.
func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(1, t.Position.Line), max(1, t.Position.Column)}
}

// reader turns a YAML tree into a Config. It notes every fault and goes on.
type reader struct {
	file   string
	faults Faults
	at     map[string]place // where each key that was read stands
}

// fault notes one fault.
func (r *reader) fault(at place, key string, p problem) {
	r.faults = append(r.faults, r.place(at, key, p))
}

func (r *reader) place(at place, key string, p problem) Fault {
	return Fault{File: r.file, Line: at.line, Column: at.column, Key: key, Wrong: p.wrong, Right: p.right}
}

// parse makes the tree. A file without content is nil and true.
func (r *reader) parse(text []byte) (root ast.Node, ok bool) {
	start := place{1, 1}
	if len(text) > maxConfigSize {
		r.fault(start, "", problem{"is larger than 16 MB", "write large groups of extensions as a range"})
		return nil, false
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		r.fault(start, "", problem{"is not UTF-8 text", "name a YAML file"})
		return nil, false
	}
	file, at, wrong := parseYAML(string(text))
	if wrong != "" {
		r.fault(at, "", problem{"is not YAML: " + wrong, "compare with what \"ringdown init -\" prints"})
		return nil, false
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case root != nil:
			r.fault(placeOf(doc.Body.GetToken()), "", problem{"is a second YAML document", "keep one document a file"})
		default:
			root = doc.Body
		}
	}
	return root, true
}

// parseYAML calls the parser, whose own errors carry an excerpt of the file: only the message is kept.
func parseYAML(text string) (file *ast.File, at place, wrong string) {
	at = place{1, 1}
	defer func() {
		if p := recover(); p != nil {
			// A parser must not end the switch; the place is unknown, the cause is the text.
			file, wrong = nil, "the parser cannot read it"
		}
	}()
	tokens := lexer.Tokenize(text)
	if deep := tooDeep(tokens); deep != nil {
		return nil, placeOf(deep), "it is nested too deeply"
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return file, at, ""
	}
	var syntax yaml.Error
	if !errors.As(err, &syntax) {
		return nil, at, "the parser cannot read it"
	}
	return nil, placeOf(syntax.GetToken()), longQuote.ReplaceAllString(syntax.GetMessage(), "a text")
}

// longQuote matches what the parser may have quoted from the file: anything longer than one character could be a
// secret.
var longQuote = regexp.MustCompile(`"[^"]{4,}"`)

// tooDeep returns the first token that nests deeper than any config needs to.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, dashes, line := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != line {
				dashes, line = 0, t.Position.Line
			}
			dashes++
		}
		if flow > maxNesting || dashes > maxNesting {
			return t
		}
	}
	return nil
}

// describe says what kind of thing a node is, in the words of a fault.
func describe(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "is empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "is a mapping"
	case *ast.SequenceNode:
		return "is a list"
	case *ast.BoolNode:
		return "is true or false"
	case *ast.StringNode, *ast.LiteralNode:
		return "is text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "is a number"
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode:
		return "is an anchor or alias"
	case *ast.TagNode:
		return "has a tag"
	default:
		return fmt.Sprintf("is a %s", n.Type())
	}
}
