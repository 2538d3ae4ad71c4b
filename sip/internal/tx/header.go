package tx

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// room is the memory of what nearly every message holds, so that it takes one allocation together.
type room struct {
	via    sip.ViaHeader // the topmost
	from   sip.FromHeader
	to     sip.ToHeader
	callID sip.CallIDHeader
	cseq   sip.CSeqHeader
	hops   sip.MaxForwardsHeader
	length sip.ContentLengthHeader
	kind   sip.ContentTypeHeader
	params [5]sip.HeaderKV // of its headers, one after the other
	used   int             // of params
}

// begin returns an empty list of parameters. When it is complete and legal, it has to be kept before the next begins.
func (r *room) begin() sip.HeaderParams {
	if r == nil {
		return nil
	}
	return r.params[r.used:r.used]
}

// keep keeps what begin began.
func (r *room) keep(params sip.HeaderParams) sip.HeaderParams {
	if r != nil && len(params) <= len(r.params)-r.used {
		r.used += len(params)
	}
	return params[:len(params):len(params)]
}

// headParser collects the headers of a message, one line after the other.
type headParser struct {
	*message
	*room
	limits      *Limits
	list        []sip.Header
	count, vias int
	seen        uint8 // bits of once
}

// once holds the headers that may appear once only and are read here (RFC 3261 §7.3.1, §20; RFC 4475 §3.3.8, §3.3.9).
var once = map[string]uint8{"From": 1, "To": 2, "Call-ID": 4, "CSeq": 8, "Max-Forwards": 16, "Content-Length": 32, "Content-Type": 64}

// line reads one header line.
func (p *headParser) line(line string) {
	name, value, ok := strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || !isToken(name) || strings.IndexByte(value, '\r') >= 0 || strings.IndexByte(value, '\n') >= 0 {
		// RFC 3261 §7: a line ends with CRLF; a single CR or LF would be read in two ways by two elements.
		p.blame(bad("Malformed Header Line"))
		p.count++
		return
	}
	known := headerName(name)
	name = known.full
	value = strings.Trim(value, " \t")
	if known.once != 0 {
		if p.seen&known.once != 0 {
			p.blame(bad("Repeated " + name))
			p.count++
			if name == "Content-Length" {
				p.body = -1 // RFC 4475 §3.3.9: nobody knows where the message ends
			}
			return
		}
		p.seen |= known.once
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
		p.list = append(p.list, h)
	}
}

// done gives the message its headers. sipgo's short cuts then lead to the last header of a type; where there may be more
// than one they have to lead to the first.
func (p *headParser) done() {
	if p.req != nil {
		p.req.PrependHeader(p.list...)
	} else {
		p.res.PrependHeader(p.list...)
	}
	for _, name := range [...]string{"Via", "Route", "Record-Route"} {
		var first sip.Header
		more := false
		for _, h := range p.list {
			if h.Name() == name {
				if more = first != nil; more {
					break
				}
				first = h
			}
		}
		switch {
		case !more:
		case p.req != nil:
			p.req.ReplaceHeader(first)
		default:
			p.res.ReplaceHeader(first)
		}
	}
}

// typed appends the header in sipgo's type, or as text if it has none here. It returns false if it cannot be read.
func (p *headParser) typed(name, value string) bool {
	switch name {
	case "Via":
		return p.viaList(value)
	case "From":
		return p.party(value, &p.from.DisplayName, &p.from.Address, &p.from.Params, &p.from)
	case "To":
		return p.party(value, &p.to.DisplayName, &p.to.Address, &p.to.Params, &p.to)
	case "Contact", "Route", "Record-Route":
		return p.addresses(name, value)
	case "Call-ID":
		p.callID = sip.CallIDHeader(value)
		p.append(&p.callID)
		return value != "" && !strings.ContainsAny(value, " \t")
	case "CSeq":
		return p.sequence(value)
	case "Max-Forwards":
		// RFC 3261 §20.22 allows 0-255.
		n, err := strconv.ParseUint(value, 10, 8)
		if err != nil {
			return false
		}
		p.hops = sip.MaxForwardsHeader(n)
		p.append(&p.hops)
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return false
		}
		p.body = int(n)
		p.length = sip.ContentLengthHeader(n)
		p.append(&p.length)
	case "Content-Type":
		p.kind = sip.ContentTypeHeader(value)
		p.append(&p.kind)
	default:
		p.append(sip.NewHeader(name, value))
	}
	return true
}

func (p *headParser) sequence(value string) bool {
	number, method, _ := strings.Cut(value, " ")
	if i := strings.IndexByte(number, '\t'); i >= 0 {
		number, method = value[:i], value[i:]
	}
	method = strings.Trim(method, " \t")
	n, err := strconv.ParseUint(number, 10, 31) // RFC 3261 §8.1.1.5: below 2^31
	if err != nil || !isToken(method) {
		return false
	}
	p.cseq = sip.CSeqHeader{SeqNo: uint32(n), MethodName: sip.RequestMethod(method)}
	p.append(&p.cseq)
	return true
}

func (p *headParser) viaList(value string) bool {
	for value != "" {
		var text string
		text, value = cutList(value)
		h := &p.via
		if p.vias > 0 {
			h = &sip.ViaHeader{}
		}
		begin := p.used
		if !parseVia(text, h, p.room) {
			return false
		}
		if n := len(h.Params); p.vias == 0 && p.used == begin+n && p.used < len(p.params) {
			h.Params = p.params[begin : p.used : p.used+1] // noteSource may add one
			p.used++
		}
		p.vias++
		p.append(h)
		if p.count > p.limits.Headers {
			return true
		}
	}
	return true
}

// party reads a From or To, of which h is the header.
func (p *headParser) party(value string, display *string, uri *sip.Uri, params *sip.HeaderParams, h sip.Header) (ok bool) {
	*display, *params, ok = parseAddress(value, uri, p.room)
	if !ok || uri.Wildcard {
		return false
	}
	p.append(h)
	return true
}

func (p *headParser) addresses(name, value string) bool {
	for value != "" {
		var text string
		text, value = cutList(value)
		c := &sip.ContactHeader{}
		var ok bool
		c.DisplayName, c.Params, ok = parseAddress(text, &c.Address, p.room)
		if !ok || c.Address.Wildcard && name != "Contact" {
			return false
		}
		switch name {
		case "Contact":
			p.append(c)
		case "Route":
			p.append(&sip.RouteHeader{Address: c.Address})
		case "Record-Route":
			p.append(&sip.RecordRouteHeader{Address: c.Address})
		}
		if p.count > p.limits.Headers {
			return true
		}
	}
	return true
}

// knownHeader is what is known of a header by its name.
type knownHeader struct {
	full string
	once uint8
}

// headerName expands a compact name and gives a well-known one its usual case, which sipgo's ReplaceHeader and
// RemoveHeader need.
func headerName(name string) knownHeader {
	if known, ok := names[name]; ok {
		return known
	}
	if known, ok := names[strings.ToLower(name)]; ok {
		return known
	}
	return knownHeader{full: name}
}

var names = func() map[string]knownHeader {
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
	all := make(map[string]knownHeader, 3*len(m))
	for name, full := range m {
		known := knownHeader{full, once[full]}
		all[name], all[full], all[strings.ToLower(full)] = known, known, known
	}
	return all
}()
