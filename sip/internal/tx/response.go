package tx

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// newAnswer begins an answer to req: Via, From, To, Call-ID and CSeq as RFC 3261 §8.2.6.2 asks for, Record-Route in
// 101 to 299 (§12.1.1), Timestamp in 100 (§8.2.6.1). tag becomes the To-tag when req has none, save in a 100. An empty
// reason stands for the usual one. Headers that req lacks or that cannot be read are left out or copied as they are.
func newAnswer(req *sip.Request, status int, reason, tag string) *Answer {
	if reason == "" {
		reason = Reason(status)
	}
	a := answers.Get().(*Answer)
	a.status = status
	a.broken = hasAny(reason, &lineBreaks)
	a.b = append(a.b, "SIP/2.0 "...)
	a.b = strconv.AppendInt(a.b, int64(status), 10)
	a.b = append(a.b, ' ')
	a.b = append(a.b, reason...)
	a.b = append(a.b, "\r\n"...)
	if status == sip.StatusTrying {
		tag = ""
	}
	routes := status > 100 && status < 300 && req.Method != sip.REGISTER
	var from, to, callID, cseq bool // RFC 4475 §3.3.8: of a repeated header only the first
	once := func(seen *bool, h sip.Header) {
		if !*seen {
			a.b = appendHeader(a.b, h)
		}
		*seen = true
	}
	for _, h := range req.Headers() {
		switch h.Name() {
		case "Via":
			a.b = appendHeader(a.b, h)
		case "From":
			once(&from, h)
		case "To":
			if !to {
				a.b = appendTo(a.b, h, tag)
			}
			to = true
		case "Call-ID":
			once(&callID, h)
		case "CSeq":
			once(&cseq, h)
		case "Record-Route":
			if routes {
				a.b = appendHeader(a.b, h)
			}
		case "Timestamp":
			if status == sip.StatusTrying {
				a.b = appendHeader(a.b, h)
			}
		}
	}
	a.own = len(a.b)
	return a
}

// appendTo appends the To of a request, with a tag if that is not empty and the request has none.
func appendTo(b []byte, h sip.Header, tag string) []byte {
	to, ok := h.(*sip.ToHeader)
	if !ok || tag == "" {
		return appendHeader(b, h)
	}
	b = appendNameAddr(append(b, "To: "...), to.DisplayName, &to.Address)
	tagged := false
	for _, kv := range to.Params {
		if kv.K == "tag" && kv.V == "" && !tagged {
			kv.V = tag
		}
		tagged = tagged || strings.EqualFold(kv.K, "tag")
		b = appendParams(b, sip.HeaderParams{kv})
	}
	if !tagged {
		b = append(append(b, ";tag="...), tag...)
	}
	return append(b, "\r\n"...)
}

// Reason is the usual reason phrase of a status (RFC 3261 §21 and later RFCs), or one for its class.
func Reason(status int) string {
	if r, ok := reasons[status]; ok {
		return r
	}
	switch status / 100 {
	case 1:
		return "Progress"
	case 2:
		return "OK"
	case 3:
		return "Redirect"
	case 4:
		return "Request Failure"
	case 5:
		return "Server Failure"
	}
	return "Global Failure"
}

var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	199: "Early Dialog Terminated", 200: "OK", 202: "Accepted", 204: "No Notification",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
	380: "Alternative Service",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	410: "Gone", 412: "Conditional Request Failed", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
	415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
	422: "Session Interval Too Small", 423: "Interval Too Brief", 428: "Use Identity Header", 429: "Provide Referrer Identity",
	433: "Anonymity Disallowed", 469: "Bad Info Package", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
	485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
	491: "Request Pending", 493: "Undecipherable", 494: "Security Agreement Required",
	500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large", 580: "Precondition Failure",
	600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted",
}
