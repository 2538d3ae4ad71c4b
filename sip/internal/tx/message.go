package tx

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// fault is why a message is refused, as the answer says it.
type fault struct {
	status int
	reason string
}

func bad(reason string) *fault { return &fault{sip.StatusBadRequest, reason} }

// message is what was read from the wire: a request or a response, never both. With a fault it is only good for
// building an answer: headers that cannot be read are in it as plain text, and some may be missing.
type message struct {
	req   *sip.Request
	res   *sip.Response
	fault *fault
	body  int // announced Content-Length, -1 when absent
}

// requestRoom and responseRoom are a message with the memory of what it holds.
type requestRoom struct {
	message
	req sip.Request
	room
}

type responseRoom struct {
	message
	res sip.Response
	room
}

func (m *message) sip() sip.Message {
	if m.req != nil {
		return m.req
	}
	return m.res
}

func (m *message) blame(f *fault) {
	if m.fault == nil {
		m.fault = f
	}
}

var (
	crlf     = []byte("\r\n")
	crlfcrlf = []byte("\r\n\r\n")
)

// parseDatagram reads one message from a datagram. It returns nil when data is not SIP at all, and keeps no hold of
// data. RFC 3261 §18.3: bytes beyond Content-Length are dropped, too few of them are an error.
func parseDatagram(data []byte, limits *Limits) *message {
	for bytes.HasPrefix(data, crlf) { // §7.5
		data = data[2:]
	}
	end := bytes.Index(data, crlfcrlf)
	body := data[len(data):]
	head := data
	if end >= 0 {
		head, body = data[:end+2], data[end+4:]
	}
	m := parseHead(head, limits)
	if m == nil {
		return nil
	}
	switch {
	case end < 0:
		m.blame(bad("No Empty Line After The Headers"))
	case len(data) > limits.MessageBytes:
		m.blame(&fault{sip.StatusMessageTooLarge, "Message Too Large"})
	case m.body > len(body):
		m.blame(bad("Content-Length Is Larger Than The Message"))
	case m.body >= 0:
		body = body[:m.body]
	}
	if m.fault == nil {
		m.setBody(body)
	}
	return m
}

// setBody gives the message a copy of its body.
func (m *message) setBody(body []byte) {
	if len(body) > 0 {
		m.sip().SetBody(bytes.Clone(body))
	}
}

// parseHead reads the start line and the headers, whose lines all end with CRLF. It returns nil when the first line is
// not one of SIP.
func parseHead(data []byte, limits *Limits) *message {
	head := string(data)
	unfolded := unfold(head)
	line, rest, _ := strings.Cut(unfolded, "\r\n")
	m, r := startLine(line)
	if m == nil {
		return nil
	}
	list := lists.Get().(*[]sip.Header)
	p := headParser{message: m, room: r, limits: limits, list: (*list)[:0]}
	m.body = -1
	for rest != "" && p.count <= limits.Headers {
		line, rest, _ = strings.Cut(rest, "\r\n")
		p.line(line)
	}
	if p.count > limits.Headers {
		m.blame(bad("Too Many Headers"))
	}
	if p.vias > limits.Vias {
		m.blame(bad("Too Many Vias"))
	}
	p.done()
	if cap(p.list) <= 64 {
		clear(p.list)
		*list = p.list
		lists.Put(list)
	}
	return m
}

// lists are for headers while a message is read.
var lists = sync.Pool{New: func() any { list := make([]sip.Header, 0, 24); return &list }}

// unfold joins header lines that are continued on the next line (RFC 3261 §7.3.1).
func unfold(head string) string {
	if !strings.Contains(head, "\r\n ") && !strings.Contains(head, "\r\n\t") {
		return head
	}
	var b strings.Builder
	b.Grow(len(head))
	for {
		line, rest, more := strings.Cut(head, "\r\n")
		b.WriteString(line)
		if !more {
			return b.String()
		}
		if trimmed := strings.TrimLeft(rest, " \t"); len(trimmed) < len(rest) {
			b.WriteByte(' ')
			rest = trimmed
		} else {
			b.WriteString("\r\n")
		}
		head = rest
	}
}

// startLine reads a request line or status line. A broken request line gives a request with a fault, so that it can be
// answered.
func startLine(line string) (*message, *room) {
	if hasAny(line, &lineBreaks) {
		return nil, nil
	}
	if status, ok := cutPrefixFold(line, "SIP/2.0 "); ok {
		code, reason, _ := strings.Cut(status, " ")
		n, err := strconv.ParseUint(code, 10, 16)
		if err != nil || len(code) != 3 || n < 100 || n > 699 {
			return nil, nil
		}
		m := &responseRoom{}
		m.res.SipVersion, m.res.StatusCode, m.res.Reason = "SIP/2.0", int(n), reason
		m.message.res = &m.res
		return &m.message, &m.room
	}
	method, rest, _ := strings.Cut(line, " ")
	at := strings.LastIndexByte(strings.TrimRight(rest, " \t"), ' ')
	if at < 0 || !isToken(method) {
		return nil, nil
	}
	uri, version := rest[:at], rest[at+1:]
	if _, ok := cutPrefixFold(version, "SIP/"); !ok {
		return nil, nil
	}
	m := &requestRoom{}
	switch {
	case !strings.EqualFold(version, "SIP/2.0"):
		if strings.TrimRight(version, " \t") != version {
			m.blame(bad("White Space In The Request Line"))
		} else {
			m.blame(&fault{sip.StatusVersionNotSupported, "Version Not Supported"})
		}
	case hasAny(uri, &blanks):
		// RFC 4475 §3.1.2.8, §3.1.2.9
		m.blame(bad("White Space In The Request Line"))
	default:
		m.requestURI(uri)
	}
	m.req.SipVersion, m.req.Method = "SIP/2.0", sip.RequestMethod(method)
	m.message.req = &m.req
	return &m.message, &m.room
}

// requestURI reads the Request-URI; what is not sip, sips or tel is 416 (RFC 3261 §8.2.2.1).
func (m *requestRoom) requestURI(text string) {
	scheme, _, ok := strings.Cut(text, ":")
	if !ok || !isScheme(scheme) {
		m.blame(bad("Request-URI Cannot Be Read"))
		return
	}
	switch strings.ToLower(scheme) {
	case "sip", "sips", "tel":
	default:
		m.blame(&fault{sip.StatusRequestedRangeNotSatisfiable, "Unsupported URI Scheme"})
		return
	}
	uri := &m.req.Recipient
	if parseURI(text, uri, &m.room) != nil || uri.Headers != nil { // §19.1.1: no headers in a Request-URI
		m.blame(bad("Request-URI Cannot Be Read"))
	}
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// isToken tells whether s is a token of RFC 3261 §25.1.
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("-.!%*_+`'~", byte(c)) >= 0
	}
	return t
}()

// isScheme tells whether s is a URI scheme (RFC 3261 §25.1).
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !('0' <= s[i] && s[i] <= '9' || strings.IndexByte("+-.", s[i]) >= 0)) {
			return false
		}
	}
	return s != ""
}
