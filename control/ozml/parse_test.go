package ozml

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree writes elements without their lines: name[attributes](text){children}.
func tree(els []*Element) string {
	var b strings.Builder
	for i, el := range els {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(el.Name)
		for _, name := range slices.Sorted(maps.Keys(el.Attrs)) {
			fmt.Fprintf(&b, "[%s=%s]", name, el.Attrs[name])
		}
		if el.Text != "" {
			fmt.Fprintf(&b, "(%s)", el.Text)
		}
		if len(el.Children) > 0 {
			fmt.Fprintf(&b, "{%s}", tree(el.Children))
		}
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, row := range []struct{ name, document, want string }{
		{"a declaration", `<?xml version="1.0"?> <Response> <Beep></Beep> </Response>`, "Beep"},
		{"none", `<Response><Beep/></Response>`, "Beep"},
		{"blank lines before it", "\r\n\n  <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response/>", ""},
		{"a byte order mark", "\uFEFF<Response><Beep/></Response>", "Beep"},
		{"a byte order mark and blank lines", "\uFEFF\n\n<?xml version='1.0'?><Response><Beep/></Response>", "Beep"},
		{"roots", `<response/>`, ""},
		{"roots", `<RESPONSE><Beep/></RESPONSE>`, "Beep"},
		{"roots", `<OzML><Beep/></OzML>`, "Beep"},
		{"roots", `<ozml/>`, ""},
		{"names of attributes", `<Response><X ID='1' eMPTY=""/></Response>`, "X[empty=][id=1]"},
		{"both quotes", `<Response><X a='"' b="'"/></Response>`, `X[a="][b=']`},
		{"text", "<Response><X> a\n b </X></Response>", "X(a\n b)"},
		{"text around children", `<Response><X>a<Y>b</Y>c</X></Response>`, "X(ac){Y(b)}"},
		{"line ends", "<Response><X>a\r\nb</X></Response>", "X(a\nb)"},
		{"CDATA", `<Response><X>a<![CDATA[<b> & ]]>c</X></Response>`, "X(a<b> & c)"},
		{"comments", `<!-- a --><Response><!-- b --><X>a<!-- c -->b</X></Response><!-- d -->`, "X(ab)"},
		{"entities", `<Response><X a="&lt;&quot;&#x41;">&amp;&gt;&apos;&#228;</X></Response>`, `X[a=<"A](&>'ä)`},
		{"a namespace", `<o:Response xmlns:o="urn:x" xmlns="urn:y"><o:X a="1" o:b="2" xml:lang="de" xmlns="urn:z"/></o:Response>`, "X[a=1]"},
		{"instructions", `<?xml-stylesheet href="a"?><Response><?php x ?><X/></Response>`, "X"},
		{"Latin-1", "<?xml version='1.0' encoding='ISO-8859-1'?><Response><X a='\xe9'>\xfc</X></Response>", "X[a=é](ü)"},
		{"US-ASCII", `<?xml version="1.0" encoding="us-ascii"?><Response><X/></Response>`, "X"},
		{"names of any letters", `<Response><Größe Länge="1"/></Response>`, "Größe[länge=1]"},
		{"white space after it", "<Response/>\n\n", ""},
		{"unknown entity in a comment", `<Response><!-- &foo; --></Response>`, ""},
	} {
		s, err := Parse([]byte(row.document))
		if err != nil {
			t.Errorf("%s: %s: %v", row.name, row.document, err)
		} else if got := tree(s.Elements); got != row.want {
			t.Errorf("%s: %s:\n%s\nnot\n%s", row.name, row.document, got, row.want)
		}
	}
}

// TestParseNothing: a body without anything in it is no script, and no error.
func TestParseNothing(t *testing.T) {
	for _, body := range []string{"", " ", "\r\n\t\n", "\uFEFF", "\uFEFF\n"} {
		if s, err := Parse([]byte(body)); s != nil || err != nil {
			t.Errorf("%q: %v, %v", body, s, err)
		}
	}
}

// TestSyntax: what cannot be read, where, and in which words.
func TestSyntax(t *testing.T) {
	deep := strings.Repeat("<a>", MaxDepth-1)
	many := strings.Repeat("<a/>", MaxElements-1)
	attrs := func(n int) (s string) {
		for i := range n {
			s += fmt.Sprintf(" a%d='1'", i)
		}
		return s
	}
	for _, row := range []struct{ document, want string }{
		{"<Response>\n<Speak>a\n</Response>", "line 3: </Response> where </Speak> is due: element <Speak> of line 2 is not closed"},
		{"\n\n<Response>\n<Speak\na='1'>a", "line 5: the document ends, and element <Speak> of line 4 is not closed"},
		{"<Response><Speak", "line 1: the document ends, and element <Response> of line 1 is not closed"},
		{"<Response", "line 1: unexpected EOF"},
		{"<Response><Speak></speak></Response>", "line 1: </speak> where </Speak> is due: element <Speak> of line 1 is not closed"},
		{"</Response>", "line 1: </Response> closes nothing"},
		{"<Response/></Response>", "line 1: </Response> closes nothing"},
		{"<Response>\n<Hangup CallId=23Xdz7></Hangup></Response>", "line 2: unquoted or missing attribute value in element"},
		{"<Response><Hangup CallId/></Response>", "line 1: attribute name without = in element"},
		{"<Response><X a='1' a='1'/></Response>", `line 1: element <X> has the attribute "a" twice`},
		{"<Response>\n<X ID='1' id='2'/></Response>", `line 2: element <X> has the attribute "id" twice`},
		{"<Response>\n<X>a & b</X></Response>", "line 2: invalid character entity & (no semicolon)"},
		{"<Response><GoTo>http://a/?b=1&c=2</GoTo></Response>", "line 1: invalid character entity &c (no semicolon)"},
		{"<Response>&nbsp;</Response>", "line 1: invalid character entity &nbsp;"},
		{"<Response><X a='<'/></Response>", "line 1: unescaped < inside quoted string"},
		{"<Response>\x01</Response>", "line 1: illegal character code U+0001"},
		{"<Response>\xfc</Response>", "line 1: invalid UTF-8"},
		{"<?xml version='1.0' encoding='utf-16'?><Response/>", `line 1: the encoding "utf-16" is not supported: use UTF-8`},
		{"\n<?xml version='1.0' encoding='windows-1252'?><Response/>", `line 2: the encoding "windows-1252" is not supported: use UTF-8`},
		{"<?xml version='1.1'?><Response/>", `line 1: unsupported version "1.1"; only version 1.0 is supported`},
		{"<Response/>\n<?xml version='1.0'?>", "line 2: the XML declaration is not at the beginning"},
		{"\xff\xfe<\x00", "line 1: the document is in UTF-16, not UTF-8"},
		{"<!DOCTYPE Response [<!ENTITY a 'b'>]><Response>&a;</Response>", "line 1: a DOCTYPE or other <!...> declaration is not allowed"},
		{"\n<!doctype html>\n<html>", "line 2: the document is HTML, not OzML"},
		{"<html lang='en'><body></body></html>", "line 1: the document is HTML, not OzML"},
		{`{"ok":true}`, "line 1: the document is JSON, not OzML"},
		{`[]`, "line 1: the document is JSON, not OzML"},
		{"\nOK", `line 2: the document is not XML: it begins with "OK"`},
		{strings.Repeat("x", 50), `line 1: the document is not XML: it begins with "` + strings.Repeat("x", 40) + `..."`},
		{"<Speak>a</Speak>", "line 1: the root is <Speak>, not <Response> or <OzML>"},
		{"<!-- a -->", "line 1: there is no <Response>"},
		{"<Response/><Response/>", "line 1: element <Response> after the end of the root"},
		{"<Response/>text", `line 1: text outside of the root: "text"`},
		{"<!-- a -->text<Response/>", `line 1: text outside of the root: "text"`},
		{"<Response><x:1/></Response>", `line 1: "x:1" is no name of an element`},
		{"<Response>" + deep + "<a/>", "line 1: elements are nested more than 20 deep"},
		{"<Response>" + many + "\n<a/></Response>", "line 2: more than 500 elements"},
		{"<Response><X" + attrs(MaxAttrs+1) + "/></Response>", "line 1: element <X> has more than 32 attributes"},
		{"<Response>" + strings.Repeat(" ", MaxBytes+1-len("<Response></Response>")) + "</Response>", "line 1: the document is longer than 65536 bytes"},
	} {
		s, err := Parse([]byte(row.document))
		if err == nil || err.Error() != row.want || s != nil {
			t.Errorf("%.80s:\n%v\nnot\n%s", row.document, err, row.want)
		}
	}
	for _, fits := range []string{
		"<Response>" + deep + strings.Repeat("</a>", MaxDepth-1) + "</Response>",
		"<Response>" + many + "</Response>",
		"<Response><X" + attrs(MaxAttrs) + "/></Response>",
		"<Response>" + strings.Repeat(" ", MaxBytes-len("<Response></Response>")) + "</Response>",
	} {
		if _, err := Parse([]byte(fits)); err != nil {
			t.Error(err)
		}
	}
}

// TestRejects: the first element decides, and nothing else (spec ozeki 7.1).
func TestRejects(t *testing.T) {
	for document, want := range map[string]bool{
		`<Response><Reject></Reject></Response>`: true,
		`<Response><reject/><Speak/></Response>`: true,
		`<Response><Beep/><Reject/></Response>`:  false,
		`<Response><X><Reject/></X></Response>`:  false,
		`<Response/>`:                            false,
		``:                                       false,
	} {
		s, err := Parse([]byte(document))
		if err != nil || s.Rejects() != want {
			t.Error(document, err)
		}
	}
}

// write is a document of one writing for every tree: attributes in their order, all that can be in references.
func write(b *strings.Builder, els []*Element) {
	for _, el := range els {
		b.WriteString("<" + el.Name)
		for _, name := range slices.Sorted(maps.Keys(el.Attrs)) {
			b.WriteString(" " + name + `="` + escape(el.Attrs[name]) + `"`)
		}
		b.WriteString(">" + escape(el.Text))
		write(b, el.Children)
		b.WriteString("</" + el.Name + ">")
	}
}

var escape = strings.NewReplacer("&", "&#38;", "<", "&#60;", ">", "&#62;", `"`, "&#34;", "\r", "&#13;", "\n", "&#10;", "\t", "&#9;").Replace

// FuzzParse: no panic, the bounds hold, an error names a line that the document has, and a tree that is written and read
// again is the same.
func FuzzParse(f *testing.F) {
	for _, document := range samples(f) {
		f.Add([]byte(document))
	}
	f.Add([]byte("<?xml version='1.0' encoding='ISO-8859-1'?><a:Response>\xfc<![CDATA[x]]><b c='&#13;'/></a:Response>"))
	f.Add([]byte("<!DOCTYPE a [<!ENTITY b 'c'>]><Response>&b;</Response>"))
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := Parse(document)
		if err != nil {
			syntax := err.(*SyntaxError)
			if s != nil || syntax.Line < 1 || syntax.Line > 1+strings.Count(string(document), "\n")+strings.Count(string(document), "\r") || len(syntax.What) > 1000 {
				t.Fatal(s, err)
			}
			return
		}
		if s == nil {
			if strings.TrimLeft(strings.TrimPrefix(string(document), "\uFEFF"), " \t\r\n") != "" {
				t.Fatal("no script")
			}
			return
		}
		if n, deep := measure(s.Elements); n > MaxElements-1 || deep > MaxDepth-1 {
			t.Fatal(n, deep)
		}
		var b strings.Builder
		b.WriteString("<Response>")
		write(&b, s.Elements)
		b.WriteString("</Response>")
		if b.Len() > MaxBytes { // references are longer than what they stand for
			return
		}
		again, err := Parse([]byte(b.String()))
		if err != nil {
			t.Fatalf("%s: %v", b.String(), err)
		}
		if one, two := tree(s.Elements), tree(again.Elements); one != two {
			t.Fatalf("%q\nbecame\n%q", one, two)
		}
	})
}

func measure(els []*Element) (n, deep int) {
	for _, el := range els {
		more, down := measure(el.Children)
		n, deep = n+1+more, max(deep, 1+down)
	}
	return n, deep
}

// samples are the documents of testdata, as the vendor's pages print them.
func samples(t testing.TB) map[string]string {
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	all := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".xml")] = string(text)
	}
	return all
}
