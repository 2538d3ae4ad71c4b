package main

import (
	"slices"
	"strings"

	"ringdown/bench/phone"
)

// calledBy is the user of the request URI.
func calledBy(m *phone.Message) string {
	user, _, _ := strings.Cut(strings.TrimPrefix(m.URI, "sip:"), "@")
	return user
}

// answerTo is a response to the request m. tag is that of the callee, "" when To has one; contact and body may be empty.
func answerTo(m *phone.Message, status int, reason, tag, contact, body string) []byte {
	a := &phone.Message{Status: status, Reason: reason, Headers: make([]phone.Header, 0, len(m.Headers)), Body: []byte(body)}
	for _, h := range m.Headers {
		switch strings.ToLower(h.Name) {
		case "to":
			if tag != "" && !strings.Contains(h.Value, "tag=") {
				h.Value += ";tag=" + tag
			}
			fallthrough
		case "via", "record-route", "from", "call-id", "cseq":
			a.Add(h.Name, h.Value)
		}
	}
	return finished(a, contact)
}

// finished is the text of a message that its end is still to be added to.
func finished(m *phone.Message, contact string) []byte {
	if contact != "" {
		m.Add("Contact", "<"+contact+">")
	}
	if len(m.Body) > 0 {
		m.Add("Content-Type", "application/sdp")
	}
	return m.Bytes()
}

// dialog is what a caller knows of its call (RFC 3261 12).
type dialog struct {
	uri, via, from, to, callID, contact string
	route                               []string
}

// answered takes what the 200 says.
func (d *dialog) answered(m *phone.Message) {
	d.to, d.uri, d.route = m.Get("To"), phone.URIOf(m.Get("Contact")), m.List("Record-Route")
	slices.Reverse(d.route)
}

// request is a request in the dialog, or the one that begins it.
func (d *dialog) request(method, cseq, branch, body string) []byte {
	m := &phone.Message{Method: method, URI: d.uri, Headers: make([]phone.Header, 0, 8+len(d.route)), Body: []byte(body)}
	m.Add("Via", "SIP/2.0/UDP "+d.via+";branch=z9hG4bK"+branch)
	for _, r := range d.route {
		m.Add("Route", r)
	}
	for _, h := range []phone.Header{{Name: "From", Value: d.from}, {Name: "To", Value: d.to}, {Name: "Call-ID", Value: d.callID},
		{Name: "CSeq", Value: cseq + " " + method}, {Name: "Max-Forwards", Value: "70"}} {
		m.Add(h.Name, h.Value)
	}
	if method != "INVITE" {
		return finished(m, "")
	}
	return finished(m, d.contact)
}

// offer is the session description of either end; no RTP flows.
const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 8 101\r\n" +
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
