package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// sipText is a SIP message as the delay scenario needs it: enough of RFC 3261 for one dialog over UDP.
type sipText struct {
	start   string
	headers [][2]string // in their order, with long names in lower case
}

var longNames = map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact"}

func parseSIP(raw []byte) (m sipText, err error) {
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	m.start = lines[0]
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return m, fmt.Errorf("a header without colon: %q", line)
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if long := longNames[name]; long != "" {
			name = long
		}
		m.headers = append(m.headers, [2]string{name, strings.TrimSpace(value)})
	}
	if m.method() == "" || m.get("call-id") == "" {
		return m, errors.New("no SIP message")
	}
	return m, nil
}

func (m sipText) get(name string) string {
	for _, h := range m.headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// all are the values of a header that may come in several lines or in one.
func (m sipText) all(name string) (values []string) {
	for _, h := range m.headers {
		if h[0] == name {
			for v := range strings.SplitSeq(h[1], ",") {
				values = append(values, strings.TrimSpace(v))
			}
		}
	}
	return values
}

// status is 0 for a request.
func (m sipText) status() (code int) {
	fmt.Sscanf(m.start, "SIP/2.0 %d", &code)
	return code
}

// method is that of the request, or of the one that is answered.
func (m sipText) method() string {
	_, method, _ := strings.Cut(m.get("cseq"), " ")
	return strings.TrimSpace(method)
}

// called is the user of the request URI.
func (m sipText) called() string {
	_, uri, _ := strings.Cut(m.start, " sip:")
	user, _, _ := strings.Cut(uri, "@")
	return user
}

// answer is a response to the request m. tag is that of the callee, "" when To has one; contact and body may be empty.
func (m sipText) answer(line, tag, contact, body string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %s\r\n", line)
	for _, h := range m.headers {
		switch name := h[0]; name {
		case "to":
			if tag != "" && !strings.Contains(h[1], "tag=") {
				h[1] += ";tag=" + tag
			}
			fallthrough
		case "via", "record-route", "from", "call-id", "cseq":
			fmt.Fprintf(&b, "%s: %s\r\n", name, h[1])
		}
	}
	finish(&b, contact, body)
	return []byte(b.String())
}

// finish writes the end of a message.
func finish(b *strings.Builder, contact, body string) {
	if contact != "" {
		fmt.Fprintf(b, "Contact: <%s>\r\n", contact)
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(b, "Content-Length: %d\r\n\r\n%s", len(body), body)
}

// dialog is what a caller knows of its call (RFC 3261 12).
type dialog struct {
	uri, via, from, to, callID, contact string
	route                               []string
}

// answered takes what the 200 says.
func (d *dialog) answered(m sipText) {
	d.to = m.get("to")
	_, uri, _ := strings.Cut(m.get("contact"), "<")
	d.uri, _, _ = strings.Cut(uri, ">")
	d.route = m.all("record-route")
	slices.Reverse(d.route)
}

// request is a request in the dialog, or the one that begins it.
func (d *dialog) request(method string, cseq int, branch, body string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\n", method, d.uri, d.via, branch)
	for _, r := range d.route {
		fmt.Fprintf(&b, "Route: %s\r\n", r)
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n", d.from, d.to, d.callID, cseq, method)
	contact := d.contact
	if method != "INVITE" {
		contact = ""
	}
	finish(&b, contact, body)
	return []byte(b.String())
}

// offer is the session description of either end; no RTP flows.
const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 8 101\r\n" +
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
