package tx

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// headParser appends headers to a message, one line after the other.
type headParser struct {
	*message
	msg         sip.Message
	limits      *Limits
	count, vias int
	seen        uint8 // bits of once
}

// once holds the headers that may appear once only and are read here (RFC 3261 §7.3.1, §20; RFC 4475 §3.3.8, §3.3.9).
var once = map[string]uint8{"From": 1, "To": 2, "Call-ID": 4, "CSeq": 8, "Max-Forwards": 16, "Content-Length": 32, "Content-Type": 64}

// line reads one header line.
func (p *headParser) line(line string) {
	name, value, ok := strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || !isToken(name) || hasAny(value, &lineBreaks) {
		// RFC 3261 §7: a line ends with CRLF; a single CR or LF would be read in two ways by two elements.
		p.blame(bad("Malformed Header Line"))
		p.count++
		return
	}
	name = headerName(name)
	value = strings.Trim(value, " \t")
	if bit := once[name]; bit != 0 {
		if p.seen&bit != 0 {
			p.blame(bad("Repeated " + name))
			p.count++
			if name == "Content-Length" {
				p.body = -1 // RFC 4475 §3.3.9: nobody knows where the message ends
			}
			return
		}
		p.seen |= bit
	}
	if !p.typed(name, value) {
		// As plain text it can still be copied into the 400.
		p.append(sip.NewHeader(name, value))
		p.blame(bad("Malformed " + name))
	}
}

func (p *headParser) append(h sip.Header) {
	p.count++
	if p.count <= p.limits.Headers {
		p.msg.AppendHeader(h)
	}
}

// typed appends the header in sipgo's type, or as text if it has none here. It returns false if it cannot be read.
func (p *headParser) typed(name, value string) bool {
	switch name {
	case "Via":
		return p.via(value)
	case "From", "To":
		return p.party(name, value)
	case "Contact", "Route", "Record-Route":
		return p.addresses(name, value)
	case "Call-ID":
		h := sip.CallIDHeader(value)
		p.append(&h)
		return value != "" && !strings.ContainsAny(value, " \t")
	case "CSeq":
		return p.cseq(value)
	case "Max-Forwards":
		// RFC 3261 §20.22 allows 0-255.
		n, err := strconv.ParseUint(value, 10, 8)
		if err != nil {
			return false
		}
		h := sip.MaxForwardsHeader(n)
		p.append(&h)
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return false
		}
		p.body = int(n)
		h := sip.ContentLengthHeader(n)
		p.append(&h)
	case "Content-Type":
		h := sip.ContentTypeHeader(value)
		p.append(&h)
	default:
		p.append(sip.NewHeader(name, value))
	}
	return true
}

func (p *headParser) cseq(value string) bool {
	number, method, _ := strings.Cut(value, " ")
	if i := strings.IndexByte(number, '\t'); i >= 0 {
		number, method = value[:i], value[i:]
	}
	method = strings.Trim(method, " \t")
	n, err := strconv.ParseUint(number, 10, 31) // RFC 3261 §8.1.1.5: below 2^31
	if err != nil || !isToken(method) {
		return false
	}
	p.append(&sip.CSeqHeader{SeqNo: uint32(n), MethodName: sip.RequestMethod(method)})
	return true
}

func (p *headParser) via(value string) bool {
	for value != "" {
		var text string
		text, value = cutList(value)
		h := parseVia(text)
		if h == nil {
			return false
		}
		p.vias++
		p.append(h)
		if p.count > p.limits.Headers {
			return true
		}
	}
	return true
}

func (p *headParser) party(name, value string) bool {
	a, ok := parseAddress(value)
	if !ok || a.uri.Wildcard {
		return false
	}
	if name == "From" {
		p.append(&sip.FromHeader{DisplayName: a.display, Address: a.uri, Params: a.params})
	} else {
		p.append(&sip.ToHeader{DisplayName: a.display, Address: a.uri, Params: a.params})
	}
	return true
}

func (p *headParser) addresses(name, value string) bool {
	for value != "" {
		var text string
		text, value = cutList(value)
		a, ok := parseAddress(text)
		if !ok || a.uri.Wildcard && name != "Contact" {
			return false
		}
		switch name {
		case "Contact":
			p.append(&sip.ContactHeader{DisplayName: a.display, Address: a.uri, Params: a.params})
		case "Route":
			p.append(&sip.RouteHeader{Address: a.uri})
		case "Record-Route":
			p.append(&sip.RecordRouteHeader{Address: a.uri})
		}
		if p.count > p.limits.Headers {
			return true
		}
	}
	return true
}

// headerName expands a compact name and gives a well-known one its usual case, which sipgo's ReplaceHeader and
// RemoveHeader need.
func headerName(name string) string {
	if full, ok := names[name]; ok {
		return full
	}
	if full, ok := names[strings.ToLower(name)]; ok {
		return full
	}
	return name
}

var names = func() map[string]string {
	m := map[string]string{ // IANA, SIP header fields, compact form
		"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition",
		"e": "Content-Encoding", "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported",
		"l": "Content-Length", "m": "Contact", "n": "Identity-Info", "o": "Event", "r": "Refer-To", "s": "Subject",
		"t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
	}
	for _, name := range strings.Fields(`Accept Accept-Encoding Accept-Language Alert-Info Allow Authentication-Info
		Authorization Call-Info Content-Disposition Content-Language CSeq Date Diversion Error-Info Expires
		History-Info In-Reply-To Info-Package Join Max-Forwards MIME-Version Min-Expires Min-SE Organization
		P-Asserted-Identity P-Preferred-Identity Path Priority Privacy Proxy-Authenticate Proxy-Authorization
		Proxy-Require RAck Reason Record-Route Recv-Info Refer-Sub Remote-Party-ID Replaces Reply-To Require
		Retry-After Route RSeq Server Service-Route SIP-ETag SIP-If-Match Subscription-State Target-Dialog
		Timestamp Unsupported User-Agent Warning WWW-Authenticate`) {
		m[name] = name
	}
	for _, full := range m {
		m[full], m[strings.ToLower(full)] = full, full
	}
	return m
}()
