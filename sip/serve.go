package sip

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"ringdown/sip/internal/tx"
)

// handler is the Agent as the transaction layer sees it.
type handler Agent

func (h *handler) agent() *Agent { return (*Agent)(h) }

// Request routes a new request: into its dialog, or to what it wants to begin.
func (h *handler) Request(s *tx.Server) {
	a, req := h.agent(), s.Request()
	if bad := unsupported(req); bad != "" {
		a.respond(s, 420, "", header("Unsupported", bad))
		return
	}
	if first(req, "Replaces") != "" && (req.Method != sip.INVITE || tagOf(req.To().Params) != "") {
		a.respond(s, 400, "Replaces only where a dialog begins") // RFC 3891 §3
		return
	}
	if tag := tagOf(req.To().Params); tag != "" && req.Method != sip.REGISTER {
		a.inDialog(s, tag)
		return
	}
	switch req.Method {
	case sip.REGISTER:
		a.register(s)
	case sip.INVITE:
		a.invite(s)
	case sip.OPTIONS:
		a.options(s)
	case sip.BYE, sip.INFO, sip.UPDATE, sip.NOTIFY, sip.PRACK:
		a.respond(s, 481, "")
	case sip.REFER:
		a.outside(s, 403)
	case sip.SUBSCRIBE, sip.PUBLISH:
		a.outside(s, 489)
	case sip.MESSAGE:
		a.outside(s, 405)
	default:
		a.outside(s, 501)
	}
}

// outside answers requests for services that we do not give, to users only; strangers are challenged as for a call
// (edge cases X10, T19).
func (a *Agent) outside(s *tx.Server, status int) {
	if _, ok := a.authenticate(s); ok {
		a.respond(s, status, "")
	}
}

// inDialog hands a request to the leg of its dialog.
func (a *Agent) inDialog(s *tx.Server, localTag string) {
	req := s.Request()
	l := a.legByDialog(req.CallID().Value(), localTag)
	if l == nil {
		a.respond(s, 481, "") // RFC 3261 §12.2.2
		return
	}
	l.put(requestIn{s})
}

// Cancelled hands a CANCEL to the leg that its INVITE opened, or in whose dialog it is.
func (h *handler) Cancelled(invite *tx.Server, _ *sip.Request) {
	a := h.agent()
	if l := a.legByDialog(invite.Request().CallID().Value(), invite.Tag()); l != nil {
		l.put(cancelIn{invite})
		return
	}
	a.respond(invite, 487, "")
}

// Ack hands an ACK to its leg; one that belongs to none is dropped.
func (h *handler) Ack(req *sip.Request, _ tx.Flow) {
	if l := h.agent().legByDialog(req.CallID().Value(), tagOf(req.To().Params)); l != nil {
		l.put(ackIn{req})
	}
}

// Response takes a 2xx to an INVITE that is answered already, or whose transaction is over: a copy for a leg that lives
// (edge case S8), a fork (S14), or the answer to an INVITE that was given up (S30). Other responses are dropped (X4).
func (h *handler) Response(res *sip.Response, flow tx.Flow) {
	cs := res.CSeq()
	if cs == nil || cs.MethodName != sip.INVITE || !res.IsSuccess() {
		return
	}
	a := h.agent()
	if l := a.legByDialog(res.CallID().Value(), tagOf(res.From().Params)); l != nil {
		l.put(strayIn{res, flow})
	} else {
		a.endStray(res, flow)
	}
}

// respond answers a request with further headers. A 4xx that is about a method or a body says what would do.
func (a *Agent) respond(s *tx.Server, status int, reason string, more ...tx.Header) {
	res := s.NewAnswer(status, reason)
	switch status {
	case 405, 501:
		res.Add("Allow", allow)
	case 415:
		res.Add("Accept", "application/sdp")
		res.Add("Accept-Encoding", "identity")
	case 489:
		res.Add("Allow-Events", "refer")
	case 503:
		res.Add("Retry-After", "5")
	}
	for _, h := range more {
		res.Add(h.Name, h.Value)
	}
	a.send(s, res)
}

// send sends an answer, which is not the caller's any more; that a peer is out of reach is its own matter.
func (a *Agent) send(s *tx.Server, res *tx.Answer) error {
	res.Add("Server", a.cfg.Version)
	status := res.Status()
	err := s.Respond(res)
	if err != nil {
		a.log.Debug("answer not sent", "status", status, "sip_call_id", s.Request().CallID().Value(), "err", err)
	}
	return err
}

// options answers an OPTIONS as an INVITE would be answered (RFC 3261 §11.2), to anybody and for any number alike.
func (a *Agent) options(s *tx.Server) {
	status := 200
	if a.draining.Load() {
		status = 503
	}
	a.respond(s, status, "",
		header("Allow", allow), header("Supported", supported), header("Accept", "application/sdp"), header("Accept-Encoding", "identity"),
		header("Accept-Language", "en"), header("Allow-Events", "refer"))
}

// unsupported are the option tags of Require and Proxy-Require that we do not know (RFC 3261 §8.2.2.3). Nothing is known
// of a proxy, which we are not.
func unsupported(req *sip.Request) string {
	if req.Method == sip.ACK || req.Method == sip.CANCEL {
		return ""
	}
	var tags []string
	for _, name := range []string{"Require", "Proxy-Require"} {
		for h := range each(req, name) {
			for tag := range strings.SplitSeq(h.Value(), ",") {
				tag = strings.TrimSpace(tag)
				if tag != "" && (name != "Require" || !known(tag, req.Method)) {
					tags = append(tags, tag)
				}
			}
		}
	}
	return strings.Join(tags, ", ")
}

// known tells whether a request of that method may require an extension.
func known(tag string, method sip.RequestMethod) bool {
	switch strings.ToLower(tag) {
	case "replaces":
		return method == sip.INVITE || method == sip.REFER
	case "norefersub":
		return method == sip.REFER
	}
	return false
}
