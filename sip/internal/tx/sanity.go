package tx

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// sane checks a request that could be read. It returns nil when the request may become a transaction.
func sane(req *sip.Request) *fault {
	// RFC 3261 §8.1.1: To, From, CSeq, Call-ID, Max-Forwards and Via are mandatory. Max-Forwards is not insisted on:
	// RFC 2543 knew none (RFC 4475 §3.4.1).
	via, from, to, cseq := req.Via(), req.From(), req.To(), req.CSeq()
	switch {
	case via == nil:
		return bad("Missing Via")
	case from == nil:
		return bad("Missing From")
	case to == nil:
		return bad("Missing To")
	case cseq == nil:
		return bad("Missing CSeq")
	case req.CallID() == nil:
		return bad("Missing Call-ID")
	case cseq.MethodName != req.Method: // §8.1.1.5, RFC 4475 §3.1.2.17
		return bad("CSeq Does Not Match The Method")
	case !strings.EqualFold(via.ProtocolName, "SIP") || via.ProtocolVersion != "2.0":
		return bad("Malformed Via")
	}
	branch, _ := param(via.Params, "branch")
	if tag, _ := param(from.Params, "tag"); tag == "" && isCookie(branch) {
		// §8.1.1.3: mandatory since RFC 3261, whose peers show the magic cookie.
		return bad("Missing From Tag")
	}
	if tag, ok := param(to.Params, "tag"); ok && tag == "" {
		return bad("Empty To Tag")
	}
	if hops := req.MaxForwards(); hops != nil && *hops == 0 && travels(req) {
		return &fault{sip.StatusTooManyHops, "Too Many Hops"}
	}
	return nil
}

// travels tells whether a request may have to be sent on, so that Max-Forwards matters. OPTIONS is for us, and so are
// the requests inside our dialogs and those that follow an INVITE hop by hop (RFC 3261 §11, §16.3; RFC 4475 §3.3.11).
func travels(req *sip.Request) bool {
	switch req.Method {
	case sip.OPTIONS, sip.ACK, sip.CANCEL:
		return false
	}
	return !inDialog(req)
}

func inDialog(msg sip.Message) bool {
	to := msg.To()
	if to == nil {
		return false
	}
	_, ok := param(to.Params, "tag")
	return ok
}

// saneResponse tells whether a response can belong to a request of ours.
func saneResponse(res *sip.Response) bool {
	vias := 0
	for _, h := range res.Headers() {
		if h.Name() == "Via" {
			vias++
		}
	}
	// RFC 3261 §8.1.3.3, §18.1.2: with a second Via it is meant for somebody else.
	return vias == 1 && res.Via() != nil && res.From() != nil && res.To() != nil && res.CallID() != nil && res.CSeq() != nil
}

// answerable tells whether a broken request can be refused: what the answer needs to be matched is there, and it is
// no ACK (RFC 3261 §17.1.1.3: an ACK is never answered).
func answerable(req *sip.Request) bool {
	if req.Method == sip.ACK {
		return false
	}
	cseq := req.GetHeader("CSeq")
	return req.GetHeader("Via") != nil && cseq != nil && !strings.HasSuffix(cseq.Value(), string(sip.ACK))
}
