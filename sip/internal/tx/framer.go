package tx

import (
	"bytes"
	"errors"

	"github.com/emiago/sipgo/sip"
)

// framer cuts a byte stream into messages (RFC 3261 §18.3), with at most Limits.MessageBytes of memory.
type framer struct {
	limits  *Limits
	buf     []byte   // what has been read and not been used
	scanned int      // bytes of buf that hold no end of headers
	head    *message // a message whose body is not complete
	partial bool     // a message has begun
	tracing bool     // raw is wanted
	raw     []byte   // the bytes of the message that next has returned last, or of the one that is not complete
}

var (
	errNoLength = errors.New("message without a usable Content-Length")
	errTooLarge = errors.New("message too large")
	errNotSIP   = errors.New("not a SIP message")
)

// space returns room for reading.
func (f *framer) space() []byte {
	const least = 2048
	if cap(f.buf)-len(f.buf) < least {
		grown := make([]byte, len(f.buf), 2*len(f.buf)+2*least)
		copy(grown, f.buf)
		f.buf = grown
	}
	return f.buf[len(f.buf):cap(f.buf)]
}

// next returns the next complete message, or nil if more bytes are needed, and the number of keep-alives before it.
// After an error the stream cannot be followed any more; a message that comes with it can still be refused.
func (f *framer) next() (m *message, pings int, err error) {
	if f.head == nil {
		pings = f.skipLines()
		end := bytes.Index(f.buf[f.scanned:], crlfcrlf)
		if end < 0 {
			f.scanned = max(0, len(f.buf)-len(crlfcrlf)+1)
			f.partial = len(bytes.Trim(f.buf, "\r\n")) > 0
			if len(f.buf) > f.limits.MessageBytes {
				return nil, pings, errTooLarge
			}
			return nil, pings, nil
		}
		end += f.scanned
		if end+len(crlfcrlf) > f.limits.MessageBytes {
			return nil, pings, errTooLarge
		}
		size := end + len(crlfcrlf)
		f.note(f.buf[:size], true)
		f.head = parseHead(f.buf[:end+len(crlf)], f.limits)
		f.used(size)
		switch m := f.head; {
		case m == nil:
			return nil, pings, errNotSIP
		case m.body < 0: // §18.3, §20.14: mandatory on streams; this also holds for one that could not be read
			m.blame(bad("Missing Content-Length"))
			return m, pings, errNoLength
		case size+m.body > f.limits.MessageBytes:
			m.blame(&fault{sip.StatusMessageTooLarge, "Message Too Large"})
			return m, pings, errTooLarge
		}
	}
	if len(f.buf) < f.head.body {
		f.partial = true
		return nil, pings, nil
	}
	m, f.head = f.head, nil
	if m.fault == nil {
		m.setBody(f.buf[:m.body])
	}
	f.note(f.buf[:m.body], false)
	f.used(m.body)
	f.partial = len(f.buf) > 0
	return m, pings, nil
}

// note keeps what is traced.
func (f *framer) note(b []byte, first bool) {
	if !f.tracing {
		return
	}
	if first {
		f.raw = f.raw[:0]
	}
	f.raw = append(f.raw, b...)
}

// skipLines drops the empty lines before a message and counts the keep-alives, each of two.
func (f *framer) skipLines() (pings int) {
	n := 0
	for bytes.HasPrefix(f.buf[n:], crlfcrlf) {
		n += len(crlfcrlf)
		pings++
	}
	if bytes.HasPrefix(f.buf[n:], crlf) && len(f.buf) > n+len(crlf) && f.buf[n+len(crlf)] != '\r' {
		n += len(crlf)
	}
	if n > 0 {
		f.used(n)
	}
	return pings
}

// used drops n bytes from the front. The buffer shrinks when a large message has gone through.
func (f *framer) used(n int) {
	rest := f.buf[n:]
	if cap(f.buf) > 1<<14 && len(rest) < 1<<12 {
		f.buf = append(make([]byte, 0, 1<<13), rest...)
	} else {
		f.buf = append(f.buf[:0], rest...)
	}
	f.scanned = 0
}
