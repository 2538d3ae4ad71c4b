package tx

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// Header is one header line of a message of ours.
type Header struct{ Name, Value string }

// draft is a message of ours while it is written: header lines, each with its CRLF, in the order in which they were added,
// and a body.
type draft struct {
	b      []byte
	broken bool // a value holds a line break: it would write headers of its own
	kind   string
	body   []byte
}

// Add appends a header line. Names are written as they are given.
func (d *draft) Add(name, value string) {
	d.broken = d.broken || hasAny(value, &lineBreaks)
	d.b = append(d.b, name...)
	d.b = append(d.b, ": "...)
	d.b = append(d.b, value...)
	d.b = append(d.b, "\r\n"...)
}

// SetBody gives the message its body. The caller may not change it before the message is sent.
func (d *draft) SetBody(contentType string, body []byte) { d.kind, d.body = contentType, body }

// appendEnd appends the headers of the body, the empty line and the body itself.
func (d *draft) appendEnd(b []byte) []byte {
	if len(d.body) > 0 {
		b = append(b, "Content-Type: "...)
		b = append(b, d.kind...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(d.body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, d.body...)
}

var errLineBreak = fmt.Errorf("%w: line break in a value", ErrMessage)

// Answer is an answer to a request while it is written: Server.NewAnswer begins it, Server.Respond sends it.
type Answer struct {
	status int
	own    int // where in b what is not from the request begins
	draft
}

// Status is that of the answer.
func (a *Answer) Status() int { return a.status }

// roomFor is what the buffer of a message has at first; beyond keepRoom it is not used again.
const (
	roomFor  = 1024
	keepRoom = 1 << 14
)

var answers = sync.Pool{New: func() any { return &Answer{draft: draft{b: make([]byte, 0, roomFor)}} }}

// free gives the answer's memory to another one.
func (a *Answer) free() {
	if cap(a.b) <= keepRoom {
		a.draft = draft{b: a.b[:0]}
		answers.Put(a)
	}
}

// wire is the answer as it is sent, in bytes of its own.
func (a *Answer) wire() ([]byte, error) {
	if a.broken {
		return nil, errLineBreak
	}
	a.b = a.appendEnd(a.b)
	return bytes.Clone(a.b), nil
}

// Request is a request of ours: NewRequest begins it, Layer.Request or Layer.Write sends it, as often as it is needed,
// each time with a Via of its own.
type Request struct {
	Method sip.RequestMethod
	URI    string // Request-URI
	Seq    uint32 // number of the CSeq
	inside bool   // a dialog: the To has a tag
	draft
}

var requests = sync.Pool{New: func() any { return &Request{draft: draft{b: make([]byte, 0, roomFor)}} }}

// NewRequest begins a request. Via, CSeq, Content-Type and Content-Length are written by the layer, all other headers are
// the user's.
func NewRequest(method sip.RequestMethod, uri string, seq uint32) *Request {
	r := requests.Get().(*Request)
	r.Method, r.URI, r.Seq = method, uri, seq
	return r
}

// Free gives the request's memory to another one: it is not needed any more. It need not be called.
func (r *Request) Free() {
	if cap(r.b) <= keepRoom {
		*r = Request{draft: draft{b: r.b[:0]}}
		requests.Put(r)
	}
}

// AddParty appends From or To, a name-addr without a tag, with the tag if there is one.
func (r *Request) AddParty(name, address, tag string) {
	r.Add(name, address)
	if tag == "" {
		return
	}
	r.broken = r.broken || hasAny(tag, &lineBreaks)
	r.inside = r.inside || name == "To"
	r.b = append(r.b[:len(r.b)-len(crlf)], ";tag="...)
	r.b = append(r.b, tag...)
	r.b = append(r.b, "\r\n"...)
}

// Remove takes out all lines of a header, which is named as it was added.
func (r *Request) Remove(name string) {
	for at := 0; at < len(r.b); {
		end := at + bytes.Index(r.b[at:], crlf) + len(crlf)
		if line := r.b[at:end]; len(line) > len(name) && string(line[:len(name)]) == name && line[len(name)] == ':' {
			r.b = append(r.b[:at], r.b[end:]...)
			continue
		}
		at = end
	}
}

// wire is the request as it is sent on a flow, in bytes of its own.
func (r *Request) wire(l *Layer, flow Flow, branch string) ([]byte, error) {
	if r.broken {
		return nil, errLineBreak
	}
	if scheme, _, ok := strings.Cut(r.URI, ":"); !ok || !isScheme(scheme) || hasAny(r.URI, &notInURI) || hasAny(r.URI, &lineBreaks) {
		return nil, fmt.Errorf("%w: Request-URI %q", ErrMessage, r.URI)
	}
	const rest = 160 // the lines that are written here, without what is counted
	b := make([]byte, 0, rest+2*len(r.Method)+len(r.URI)+len(branch)+len(r.b)+len(r.kind)+len(r.body))
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.URI...)
	b = append(b, " SIP/2.0\r\n"...)
	b = l.appendVia(b, flow, branch)
	b = append(b, r.b...)
	b = append(b, "CSeq: "...)
	b = strconv.AppendUint(b, uint64(r.Seq), 10)
	b = append(b, ' ')
	b = append(b, r.Method...)
	b = append(b, "\r\n"...)
	return r.appendEnd(b), nil
}

// follow makes from our serialised INVITE the ACK to a non-2xx (RFC 3261 §17.1.1.3) or the CANCEL (§9.1): same
// Request-URI, topmost Via, From, Call-ID, Route and CSeq number. to is the value of the To header, more are further
// lines, each with its CRLF.
func follow(method sip.RequestMethod, invite []byte, to, more string) []byte {
	head, _, _ := bytes.Cut(invite, crlfcrlf)
	line, rest, _ := bytes.Cut(head, crlf)
	_, target, _ := bytes.Cut(line, []byte(" "))
	b := make([]byte, 0, len(head)+len(to)+len(more)+64)
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, "\r\n"...)
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, crlf)
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Via", "Route", "From", "Call-ID": // what we send has one Via
		case "To":
			if to != "" {
				line, value = append([]byte("To: "), to...), nil
			}
		case "CSeq":
			number, _, _ := bytes.Cut(value, []byte(" "))
			line = append(append(append([]byte("CSeq: "), number...), ' '), method...)
		default:
			continue
		}
		b = append(b, line...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "Max-Forwards: 70\r\n"...)
	b = append(b, more...)
	return append(b, "Content-Length: 0\r\n\r\n"...)
}

// appendHeader appends the line of a header that was read. It is sipgo's form of it.
func appendHeader(b []byte, h sip.Header) []byte {
	b = append(b, h.Name()...)
	b = append(b, ": "...)
	switch h := h.(type) {
	case *sip.ViaHeader:
		b = append(b, h.ProtocolName...)
		b = append(b, '/')
		b = append(b, h.ProtocolVersion...)
		b = append(b, '/')
		b = append(b, h.Transport...)
		b = append(b, ' ')
		b = appendHost(b, h.Host)
		if h.Port > 0 {
			b = append(b, ':')
			b = strconv.AppendInt(b, int64(h.Port), 10)
		}
		b = appendParams(b, h.Params)
	case *sip.FromHeader:
		b = appendParams(appendNameAddr(b, h.DisplayName, &h.Address), h.Params)
	case *sip.ToHeader:
		b = appendParams(appendNameAddr(b, h.DisplayName, &h.Address), h.Params)
	case *sip.CallIDHeader:
		b = append(b, *h...)
	case *sip.CSeqHeader:
		b = strconv.AppendUint(b, uint64(h.SeqNo), 10)
		b = append(b, ' ')
		b = append(b, h.MethodName...)
	default:
		b = append(b, h.Value()...)
	}
	return append(b, "\r\n"...)
}

func appendNameAddr(b []byte, display string, uri *sip.Uri) []byte {
	if display != "" {
		b = append(b, '"')
		b = append(b, display...)
		b = append(b, `" `...)
	}
	b = append(b, '<')
	b = appendURI(b, uri)
	return append(b, '>')
}

func appendURI(b []byte, uri *sip.Uri) []byte {
	if uri.Headers != nil || uri.HierarhicalSlashes || uri.Raw() != "" || uri.Scheme == "" || uri.Wildcard {
		return append(b, uri.String()...)
	}
	b = append(b, uri.Scheme...)
	b = append(b, ':')
	if uri.User != "" {
		b = append(b, uri.User...)
		if uri.Password != "" {
			b = append(b, ':')
			b = append(b, uri.Password...)
		}
		b = append(b, '@')
	}
	b = appendHost(b, uri.Host)
	if uri.Port > 0 {
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(uri.Port), 10)
	}
	return appendParams(b, uri.UriParams)
}

// URI is a URI as text.
func URI(uri *sip.Uri) string {
	var room [128]byte
	return string(appendURI(room[:0], uri))
}

// NameAddr is a name-addr as text. display is as it was read: its escapes stay. It is always in quotes.
func NameAddr(display string, uri *sip.Uri) string {
	var room [192]byte
	return string(appendNameAddr(room[:0], display, uri))
}

// appendHost puts an IPv6 address into brackets.
func appendHost(b []byte, host string) []byte {
	if strings.IndexByte(host, ':') < 0 || strings.HasPrefix(host, "[") {
		return append(b, host...)
	}
	b = append(b, '[')
	b = append(b, host...)
	return append(b, ']')
}

func appendParams(b []byte, params sip.HeaderParams) []byte {
	for _, kv := range params {
		b = append(b, ';')
		b = append(b, kv.K...)
		switch {
		case kv.V == "":
		case hasAny(kv.V, &blanks): // it was in quotes
			b = append(b, `="`...)
			b = append(b, kv.V...)
			b = append(b, '"')
		default:
			b = append(b, '=')
			b = append(b, kv.V...)
		}
	}
	return b
}
