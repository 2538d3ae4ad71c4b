package ozml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a document.
const (
	MaxBytes    = 64 << 10
	MaxDepth    = 20 // elements inside each other, the root among them
	MaxElements = 500
	MaxAttrs    = 32 // of one element

	maxEcho = 40 // characters of a document that an error repeats
)

// SyntaxError tells where a document cannot be read, and why. It is what {0} of "Error occured during parsing message:
// '{0}'" stands for (code 300, spec ozeki 3).
type SyntaxError struct {
	Line int // from 1
	What string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

// Parse reads a document. An empty or blank one is no script: nil without an error. Any error is a *SyntaxError.
//
// A document is well-formed XML in UTF-8, US-ASCII or ISO-8859-1 with the root Response or OzML; white space before it is
// allowed (spec ozeki 7.1). Names are matched in any case, but an end tag is spelled like its start tag. The prefix of an
// element's name is dropped, and so are attributes with a prefix: they are no parameters. Two attributes that differ by
// case alone are an error, like two that are the same. A DOCTYPE is refused, so there are no entities but those of XML.
func Parse(document []byte) (*Script, error) {
	if len(document) > MaxBytes {
		return nil, &SyntaxError{1, fmt.Sprintf("the document is longer than %d bytes", MaxBytes)}
	}
	if bytes.HasPrefix(document, []byte("\xff\xfe")) || bytes.HasPrefix(document, []byte("\xfe\xff")) {
		return nil, &SyntaxError{1, "the document is in UTF-16, not UTF-8"}
	}
	document = bytes.TrimPrefix(document, []byte("\uFEFF"))
	body := bytes.TrimLeft(document, " \t\r\n")
	if len(body) == 0 {
		return nil, nil
	}
	p := &parser{skipped: bytes.Count(document[:len(document)-len(body)], []byte("\n"))}
	if what := foreign(body); what != "" {
		return nil, &SyntaxError{1 + p.skipped, what}
	}
	p.xml = xml.NewDecoder(bytes.NewReader(body))
	p.xml.CharsetReader = charset
	if err := p.read(); err != nil {
		return nil, err
	}
	return &Script{Elements: p.root.Children}, nil
}

// foreign tells what a document is that is not XML at all, so that the application's author need not guess.
func foreign(body []byte) string {
	start := lower(string(body[:min(len(body), 14)]))
	switch {
	case body[0] == '{' || body[0] == '[':
		return "the document is JSON, not OzML"
	case strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html"):
		return "the document is HTML, not OzML"
	case body[0] != '<':
		return fmt.Sprintf("the document is not XML: it begins with %q", clip(string(body)))
	}
	return ""
}

// charset makes UTF-8 of a declared encoding; the decoder does not ask for UTF-8 itself.
func charset(label string, in io.Reader) (io.Reader, error) {
	switch lower(label) {
	case "us-ascii", "ascii", "utf8":
		return in, nil // what is not ASCII must be UTF-8
	case "iso-8859-1", "latin1":
		b, err := io.ReadAll(in)
		var out []byte
		for _, c := range b {
			out = utf8.AppendRune(out, rune(c))
		}
		return bytes.NewReader(out), err
	}
	return nil, fmt.Errorf("the encoding %q is not supported: use UTF-8", clip(label))
}

// parser builds the tree from the tokens of encoding/xml. Raw ones, since the names of OzML know no namespaces, and what
// is not closed is told better here.
type parser struct {
	xml     *xml.Decoder
	skipped int // lines before the document
	open    []open
	root    *Element
	count   int
	begun   bool // a token has been read
}

// open is an element whose end tag is yet to come.
type open struct {
	el   *Element
	name string // with its prefix
	text []byte
}

func (p *parser) line() int {
	line, _ := p.xml.InputPos()
	return line + p.skipped
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{p.line(), fmt.Sprintf(format, args...)}
}

func (p *parser) read() error {
	for {
		line := p.line() // a start tag may go on over several
		token, err := p.xml.RawToken()
		if errors.Is(err, io.EOF) && !errors.As(err, new(*xml.SyntaxError)) {
			return p.finish()
		}
		if err != nil {
			return p.broken(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			err = p.start(token, line)
		case xml.EndElement:
			err = p.end(token)
		case xml.CharData:
			err = p.text(token)
		case xml.Directive:
			err = p.fail("a DOCTYPE or other <!...> declaration is not allowed")
		case xml.ProcInst:
			if token.Target == "xml" && p.begun {
				err = p.fail("the XML declaration is not at the beginning")
			}
		}
		if err != nil {
			return err
		}
		p.begun = true
	}
}

// broken words an error of the decoder.
func (p *parser) broken(err error) error {
	var syntax *xml.SyntaxError
	if !errors.As(err, &syntax) { // what the declaration says
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return p.fail("%s", clipTo(strings.TrimPrefix(err.Error(), "xml: "), 120))
	}
	if syntax.Msg == "unexpected EOF" && len(p.open) > 0 {
		return p.finish()
	}
	return &SyntaxError{syntax.Line + p.skipped, clipTo(strings.ToValidUTF8(syntax.Msg, "\uFFFD"), 120)}
}

func (p *parser) start(token xml.StartElement, line int) error {
	name := full(token.Name)
	switch {
	case !named(token.Name.Local):
		return p.fail("%q is no name of an element", clip(name))
	case p.root != nil && len(p.open) == 0:
		return p.fail("element <%s> after the end of the root", clip(name))
	case len(p.open) == MaxDepth:
		return p.fail("elements are nested more than %d deep", MaxDepth)
	case p.count == MaxElements:
		return p.fail("more than %d elements", MaxElements)
	case len(token.Attr) > MaxAttrs:
		return p.fail("element <%s> has more than %d attributes", clip(name), MaxAttrs)
	}
	el := &Element{Name: token.Name.Local, Attrs: map[string]string{}, Line: line}
	for _, a := range token.Attr {
		if a.Name.Space != "" || a.Name.Local == "xmlns" {
			continue
		}
		key := lower(a.Name.Local)
		if !named(a.Name.Local) {
			return p.fail("%q is no name of an attribute", clip(a.Name.Local))
		}
		if _, twice := el.Attrs[key]; twice {
			return p.fail("element <%s> has the attribute %q twice", clip(name), clip(a.Name.Local))
		}
		el.Attrs[key] = a.Value
	}
	if p.root == nil {
		if root := lower(el.Name); root != "response" && root != "ozml" {
			return p.fail("the root is <%s>, not <Response> or <OzML>", clip(name))
		}
		p.root = el
	} else {
		above := p.open[len(p.open)-1].el
		above.Children = append(above.Children, el)
	}
	p.count++
	p.open = append(p.open, open{el: el, name: name})
	return nil
}

func (p *parser) end(token xml.EndElement) error {
	name := full(token.Name)
	if len(p.open) == 0 {
		return p.fail("</%s> closes nothing", clip(name))
	}
	last := p.open[len(p.open)-1]
	if last.name != name {
		return p.fail("</%s> where </%s> is due: element <%s> of line %d is not closed", clip(name), clip(last.name), clip(last.name), last.el.Line)
	}
	last.el.Text = strings.TrimSpace(string(last.text))
	p.open = p.open[:len(p.open)-1]
	return nil
}

func (p *parser) text(data xml.CharData) error {
	if len(p.open) > 0 {
		last := &p.open[len(p.open)-1]
		last.text = append(last.text, data...)
		return nil
	}
	if stray := bytes.TrimSpace(data); len(stray) > 0 {
		return p.fail("text outside of the root: %q", clip(string(stray)))
	}
	return nil
}

// finish judges the end of the document.
func (p *parser) finish() error {
	if len(p.open) > 0 {
		last := p.open[len(p.open)-1]
		return p.fail("the document ends, and element <%s> of line %d is not closed", clip(last.name), last.el.Line)
	}
	if p.root == nil {
		return p.fail("there is no <Response>")
	}
	return nil
}

// full is a name with its prefix.
func full(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// named tells whether a name is one also without its prefix: the decoder has only seen them together.
func named(local string) bool {
	first, _ := utf8.DecodeRuneInString(local)
	return (first == '_' || unicode.IsLetter(first)) && !strings.Contains(local, ":")
}

func clip(text string) string { return clipTo(text, maxEcho) }

// clipTo shortens a text for a message.
func clipTo(text string, most int) string {
	for i := range text {
		if most--; most < 0 {
			return text[:i] + "..."
		}
	}
	return text
}
