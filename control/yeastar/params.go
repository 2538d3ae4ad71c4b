package yeastar

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const maxBody = 64 << 10

// params are what a request says: the members of its body, and where the body does not give one, the query
// (spec yeastar-p 1 and 8). Absent, null and "" are the same.
type params struct {
	values map[string]string
	odd    map[string]bool // members that are no text and no whole number
	query  url.Values
}

// readParams reads a request whose query has been read. The error never repeats what was sent.
func readParams(w http.ResponseWriter, r *http.Request, query url.Values) (*params, error) {
	p := &params{query: query}
	if r.Method != http.MethodPost || r.Body == nil {
		return p, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, errors.New("the body is broken off or too long")
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) == 0 {
		return p, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return nil, errors.New("the body is not a JSON object")
	}
	p.values, p.odd = make(map[string]string, len(members)), map[string]bool{}
	for name, raw := range members {
		if text, ok := scalar(raw); ok {
			p.values[name] = text
		} else {
			p.odd[name] = true
		}
	}
	return p, nil
}

// scalar reads a text, a whole number as a text, or null as "".
func scalar(raw json.RawMessage) (string, bool) {
	switch c := raw[0]; {
	case c == '"':
		var s string
		return s, json.Unmarshal(raw, &s) == nil
	case c == 'n':
		return "", true
	case c == '-', '0' <= c && c <= '9':
		return string(raw), strings.Trim(string(raw), "-0123456789") == ""
	}
	return "", false
}

// text is a parameter, "" when it is not given.
func (p *params) text(name string) string {
	if v := p.values[name]; v != "" {
		return v
	}
	return p.query.Get(name)
}

// wrongKind tells whether one of names was sent as something that is no text.
func (p *params) wrongKind(names []string) bool {
	for _, n := range names {
		if p.odd[n] {
			return true
		}
	}
	return false
}
