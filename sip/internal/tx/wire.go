package tx

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// wire is an io.StringWriter that collects a message.
type wire []byte

func (w *wire) WriteString(s string) (int, error) {
	*w = append(*w, s...)
	return len(s), nil
}

var wires = sync.Pool{New: func() any { w := make(wire, 0, 2048); return &w }}

// headered is what sipgo's requests and responses have in common beyond sip.Message.
type headered interface {
	sip.Message
	Headers() []sip.Header
}

// encode serialises msg into bytes of its own. It adds Content-Length where that is missing, and refuses a message in
// which some value contains a line break: such a value would write headers of its own.
func encode(msg headered) ([]byte, error) {
	if msg.ContentLength() == nil {
		msg.SetBody(msg.Body())
	}
	w := wires.Get().(*wire)
	defer func() {
		if cap(*w) <= 1<<16 {
			wires.Put(w)
		}
	}()
	*w = (*w)[:0]
	msg.StringWrite(w)
	head := (*w)[:len(*w)-len(msg.Body())]
	lines := 2 + len(msg.Headers()) // start line, headers, empty line
	if bytes.Count(head, crlf) != lines || bytes.Count(head, crlf[1:]) != lines || bytes.Count(head, crlf[:1]) != lines {
		return nil, fmt.Errorf("%w: line break in a value", ErrMessage)
	}
	return bytes.Clone(*w), nil
}

// follow makes from our serialised INVITE the ACK to a non-2xx (RFC 3261 §17.1.1.3) or the CANCEL (§9.1): same
// Request-URI, topmost Via, From, Call-ID, Route and CSeq number. to is the value of the To header, more are further
// lines, each with its CRLF.
func follow(method sip.RequestMethod, invite []byte, to, more string) []byte {
	head, _, _ := bytes.Cut(invite, crlfcrlf)
	line, rest, _ := strings.Cut(string(head), "\r\n")
	_, target, _ := strings.Cut(line, " ")
	var b strings.Builder
	b.Grow(len(head) + len(more))
	fmt.Fprintf(&b, "%s %s\r\n", method, target)
	via := false
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "Via":
			if via {
				continue
			}
			via = true
		case "Route", "From", "Call-ID":
		case "To":
			line = "To: " + to
			if to == "" {
				line = "To: " + value
			}
		case "CSeq":
			number, _, _ := strings.Cut(value, " ")
			line = "CSeq: " + number + " " + string(method)
		default:
			continue
		}
		b.WriteString(line)
		b.WriteString("\r\n")
	}
	b.WriteString("Max-Forwards: 70\r\n")
	b.WriteString(more)
	b.WriteString("Content-Length: 0\r\n\r\n")
	return []byte(b.String())
}
