package ozeki

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxForm   = 64 << 10 // bytes of a query, and of a body
	maxParams = 256      // parameters of one request
	maxEcho   = 64       // characters of a client's text that an answer repeats
	formType  = "application/x-www-form-urlencoded"
)

// params are the parameters of one request, by lower-case name: clients write command, Command, Dialed and dialed for
// the same thing (spec ozeki 1). The password is kept apart from the rest.
type params struct {
	values   map[string]string
	password string
}

// malformed tells why a request cannot be read. It never carries any of its text, which may hold a password.
type malformed string

func (m malformed) Error() string { return string(m) }

// readParams merges body and query; where both have a parameter the body's counts, as in http.Request.ParseForm
// (spec ozeki 1, merge rule).
func readParams(w http.ResponseWriter, r *http.Request) (*params, error) {
	body := ""
	if r.Method == http.MethodPost && r.Body != nil {
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
		if err != nil {
			return nil, malformed(fmt.Sprintf("the body is broken off or longer than %d bytes", maxForm))
		}
		if len(b) > 0 && !isForm(r.Header.Get("Content-Type")) {
			return nil, malformed("the body is not " + formType)
		}
		body = string(b)
	}
	return decode(r.URL.RawQuery, body)
}

// isForm accepts a body without a type too: small clients leave it out.
func isForm(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == formType
}

// decode reads a form body and a query. The first of several values of a name counts.
func decode(query, body string) (*params, error) {
	if len(query) > maxForm {
		return nil, malformed(fmt.Sprintf("the query is longer than %d bytes", maxForm))
	}
	p := &params{values: map[string]string{}}
	count := 0
	for _, form := range []string{body, query} {
		for pair := range strings.SplitSeq(form, "&") {
			if pair == "" {
				continue
			}
			if count++; count > maxParams {
				return nil, malformed(fmt.Sprintf("more than %d parameters", maxParams))
			}
			if err := p.add(pair); err != nil {
				return nil, err
			}
		}
	}
	p.password = p.values["password"]
	delete(p.values, "password")
	return p, nil
}

// add takes name=value. A semicolon is an ordinary character here, unlike in url.ParseQuery, so that a number with one
// in it is refused by name (edge case A16).
func (p *params) add(pair string) error {
	name, value, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(name)
	if err != nil {
		return malformed("invalid percent-encoding")
	}
	value, err = url.QueryUnescape(value)
	if err != nil {
		return malformed("invalid percent-encoding")
	}
	if !utf8.ValidString(name) || !utf8.ValidString(value) {
		return malformed("invalid UTF-8")
	}
	name = strings.ToLower(name)
	if _, there := p.values[name]; !there {
		p.values[name] = value
	}
	return nil
}

// first is the value of a parameter under the first of its names that was sent with one.
func first(sent map[string]string, name string, aliases []string) string {
	if v := sent[strings.ToLower(name)]; v != "" {
		return v
	}
	for _, n := range aliases {
		if v := sent[strings.ToLower(n)]; v != "" {
			return v
		}
	}
	return ""
}

// swallowed finds a password that a broken escaping has pulled into another parameter.
var swallowed = regexp.MustCompile(`(?is)(password)\s*(?:=|:|%3d).*`)

// echo is a client's text as an answer or a log may repeat it: bounded, and without the password. A password of less
// than four characters is only covered when it is the whole text, else every id with a "1" in it would be unreadable.
func (p *params) echo(text string) string {
	if p.password != "" && (len(p.password) >= 4 || text == p.password) {
		text = strings.ReplaceAll(text, p.password, "***")
	}
	text = swallowed.ReplaceAllString(text, "$1=***")
	if utf8.RuneCountInString(text) <= maxEcho {
		return text
	}
	return string([]rune(text)[:maxEcho]) + "…"
}
