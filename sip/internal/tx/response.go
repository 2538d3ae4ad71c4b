package tx

import (
	"github.com/emiago/sipgo/sip"
)

// NewResponse builds an answer to req: Via, From, To, Call-ID and CSeq as RFC 3261 §8.2.6.2 asks for, Record-Route in
// 101 to 299 (§12.1.1), Timestamp in 100 (§8.2.6.1). tag becomes the To-tag when req has none, save in a 100. An empty
// reason stands for the usual one. Headers that req lacks or that cannot be read are left out or copied as they are.
//
// The answer shares headers other than To with req: do not change those in place.
func NewResponse(req *sip.Request, status int, reason, tag string) *sip.Response {
	if reason == "" {
		reason = Reason(status)
	}
	res := sip.NewResponse(status, reason)
	routes := status > 100 && status < 300 && req.Method != sip.REGISTER
	var from, to, callID, cseq bool // RFC 4475 §3.3.8: of a repeated header only the first
	first := func(seen *bool, h sip.Header) {
		if !*seen {
			res.AppendHeader(h)
		}
		*seen = true
	}
	for _, h := range req.Headers() {
		switch name := h.Name(); name {
		case "Via":
			res.AppendHeader(h)
		case "From":
			first(&from, h)
		case "To":
			first(&to, sip.HeaderClone(h))
		case "Call-ID":
			first(&callID, h)
		case "CSeq":
			first(&cseq, h)
		case "Record-Route":
			if routes {
				res.AppendHeader(h)
			}
		case "Timestamp":
			if status == sip.StatusTrying {
				res.AppendHeader(h)
			}
		}
	}
	if status != sip.StatusTrying && tag != "" {
		setToTag(res, tag, false)
	}
	return res
}

// setToTag gives res the To-tag if it has none, or another one when that is allowed.
func setToTag(res *sip.Response, tag string, replace bool) {
	for _, h := range res.Headers() {
		to, ok := h.(*sip.ToHeader)
		if !ok {
			continue
		}
		for i := range to.Params {
			if kv := &to.Params[i]; kv.K == "tag" {
				if kv.V == "" || replace {
					kv.V = tag
				}
				return
			}
		}
		to.Params = append(to.Params, sip.HeaderKV{K: "tag", V: tag})
		return
	}
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
