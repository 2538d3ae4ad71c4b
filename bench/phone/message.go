package phone

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Header is one header line, its name in the long form.
type Header struct{ Name, Value string }

// Message is a SIP request (Method is set) or response (Status is set), as text: nothing is checked or corrected
// beyond what splitting it into lines needs (RFC 3261 §7).
type Message struct {
	Method  string
	URI     string
	Status  int
	Reason  string
	Headers []Header
	Body    []byte

	Peer string    // the address it came from or went to
	At   time.Time // when it came; zero for what was sent

	from peer
	tx   *serverTx
}

// compact forms, RFC 3261 §7.3.3 and §20, RFC 3515 §2.1, RFC 3891 §6.1, RFC 3892 §2, RFC 4028, RFC 6665.
var compact = map[string]string{
	"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "e": "Content-Encoding", "f": "From",
	"i": "Call-ID", "k": "Supported", "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To",
	"s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires",
}

// ParseMessage splits a message. The body is what Content-Length says, or everything that follows when it is absent
// or too large (a datagram, RFC 3261 §18.3).
func ParseMessage(raw []byte) (*Message, error) {
	head, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("no empty line after the headers")
	}
	lines := strings.Split(string(head), "\r\n")
	m := &Message{Body: body}
	if err := m.parseStartLine(lines[0]); err != nil {
		return nil, err
	}
	m.Headers = make([]Header, 0, len(lines)-1)
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") { // RFC 3261 §7.3.1: folded
			if len(m.Headers) == 0 {
				return nil, fmt.Errorf("bad header line %q", line)
			}
			last := &m.Headers[len(m.Headers)-1]
			last.Value = strings.TrimSpace(last.Value + " " + strings.TrimSpace(line))
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("bad header line %q", line)
		}
		if len(name) == 1 {
			name = cmp.Or(compact[strings.ToLower(name)], name)
		}
		m.Headers = append(m.Headers, Header{name, strings.TrimSpace(value)})
	}
	if n, err := strconv.Atoi(m.Get("Content-Length")); err == nil && n >= 0 && n <= len(body) {
		m.Body = body[:n]
	}
	return m, nil
}

func (m *Message) parseStartLine(line string) error {
	first, rest, _ := strings.Cut(line, " ")
	second, third, _ := strings.Cut(rest, " ")
	if first == "SIP/2.0" {
		status, err := strconv.Atoi(second)
		if err != nil || status < 100 || status > 699 {
			return fmt.Errorf("bad status line %q", line)
		}
		m.Status, m.Reason = status, third
		return nil
	}
	if third != "SIP/2.0" || first == "" || second == "" {
		return fmt.Errorf("bad request line %q", line)
	}
	m.Method, m.URI = first, second
	return nil
}

// Bytes writes the message; Content-Length is set to the length of Body.
func (m *Message) Bytes() []byte {
	var b bytes.Buffer
	if m.Method != "" {
		fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", m.Method, m.URI)
	} else {
		fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", m.Status, m.Reason)
	}
	for _, h := range m.Headers {
		if !strings.EqualFold(h.Name, "Content-Length") {
			for _, part := range [...]string{h.Name, ": ", h.Value, "\r\n"} {
				b.WriteString(part)
			}
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(m.Body))
	b.Write(m.Body)
	return b.Bytes()
}

func (m *Message) String() string { return string(m.Bytes()) }

// StartLine is the first line without its line end.
func (m *Message) StartLine() string {
	if m.Method != "" {
		return m.Method + " " + m.URI + " SIP/2.0"
	}
	return fmt.Sprintf("SIP/2.0 %d %s", m.Status, m.Reason)
}

// Get returns the value of the first header of that name, or "".
func (m *Message) Get(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// All returns the values of every header of that name, in order, one per line.
func (m *Message) All(name string) []string {
	var values []string
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			values = append(values, h.Value)
		}
	}
	return values
}

// List is All with the values that commas join taken apart (Via, Route, Contact; not for authentication headers).
func (m *Message) List(name string) []string {
	var values []string
	for _, v := range m.All(name) {
		values = append(values, splitOutside(v, ',')...)
	}
	return values
}

// Add appends a header.
func (m *Message) Add(name, value string) { m.Headers = append(m.Headers, Header{name, value}) }

// Set replaces every header of that name by one, in the place of the first.
func (m *Message) Set(name, value string) {
	kept := m.Headers[:0:0]
	done := false
	for _, h := range m.Headers {
		if !strings.EqualFold(h.Name, name) {
			kept = append(kept, h)
		} else if !done {
			done = true
			kept = append(kept, Header{name, value})
		}
	}
	if !done {
		kept = append(kept, Header{name, value})
	}
	m.Headers = kept
}

// Del removes every header of that name.
func (m *Message) Del(name string) {
	kept := m.Headers[:0:0]
	for _, h := range m.Headers {
		if !strings.EqualFold(h.Name, name) {
			kept = append(kept, h)
		}
	}
	m.Headers = kept
}

// CSeq returns number and method of the CSeq header, zero when it is unreadable.
func (m *Message) CSeq() (uint32, string) {
	number, method, _ := strings.Cut(m.Get("CSeq"), " ")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0, ""
	}
	return uint32(n), strings.TrimSpace(method)
}

// Branch returns the branch of the topmost Via.
func (m *Message) Branch() string {
	if via := m.List("Via"); len(via) > 0 {
		return Param(via[0], "branch")
	}
	return ""
}

// FromTag and ToTag return "" when there is none.
func (m *Message) FromTag() string { return Param(m.Get("From"), "tag") }
func (m *Message) ToTag() string   { return Param(m.Get("To"), "tag") }

// SDP returns the session description of the body, or nil.
func (m *Message) SDP() *SDP {
	if !strings.HasPrefix(strings.ToLower(m.Get("Content-Type")), "application/sdp") {
		return nil
	}
	s, err := ParseSDP(m.Body)
	if err != nil {
		return nil
	}
	return s
}

// URIOf returns the URI of a name-addr or addr-spec header value, without brackets and header parameters.
func URIOf(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(rest, ">")
		return uri
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// Param returns a header parameter of a value, "" when it is absent or has no value.
func Param(value, name string) string {
	if i := strings.LastIndex(value, ">"); i >= 0 {
		value = value[i+1:]
	}
	parts := splitOutside(value, ';')
	for _, p := range parts[min(1, len(parts)):] {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}

// splitOutside splits at a separator that stands neither in quotes nor in angle brackets.
func splitOutside(s string, separator byte) []string {
	var parts []string
	quoted, angled, start := false, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			angled = true
		case c == '>':
			angled = false
		case c == separator && !angled:
			parts = append(parts, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(s[start:]))
}

// unescape takes %hh apart (RFC 3261 §19.1.2).
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}
