package tx

import (
	"bytes"
	"fmt"

	"github.com/emiago/sipgo/sip"
)

// wire is an io.StringWriter that collects a message.
type wire []byte

func (w *wire) WriteString(s string) (int, error) {
	*w = append(*w, s...)
	return len(s), nil
}

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
	var w wire
	msg.StringWrite(&w)
	head := w[:len(w)-len(msg.Body())]
	lines := 2 + len(msg.Headers()) // start line, headers, empty line
	if bytes.Count(head, crlf) != lines || bytes.Count(head, crlf[1:]) != lines || bytes.Count(head, crlf[:1]) != lines {
		return nil, fmt.Errorf("%w: line break in a value", ErrMessage)
	}
	return w, nil
}
