package tx

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// retryAfter is the Retry-After of a 503, in seconds.
const retryAfter = 10

// receive handles one message in the goroutine that read it.
func (l *Layer) receive(m *message, from path) {
	if m.req != nil {
		l.request(m, from)
		return
	}
	res := m.res
	if m.fault != nil || !saneResponse(res) {
		l.counts.malformed.Add(1)
		l.log.peer("response dropped", from.flow, "fault", m.fault.text())
		return
	}
	branch, _ := param(res.Via().Params, "branch")
	if l.toClient(clientKey(branch, res.CSeq().MethodName), res, from.flow) {
		return
	}
	l.counts.unmatched.Add(1)
	if res.CSeq().MethodName != sip.CANCEL {
		l.safely("Response", func() { l.cfg.Handler.Response(res, from.flow) })
	}
}

func (f *fault) text() string {
	if f == nil {
		return "incomplete, or not for us"
	}
	return f.reason
}

// request handles one request.
func (l *Layer) request(m *message, from path) {
	req := m.req
	fault := m.fault
	if fault == nil {
		fault = sane(req)
	}
	if fault != nil {
		noteSourceOf(req, from.flow)
		l.refuse(req, fault, from)
		return
	}
	key := serverKey(req, from.flow.Transport)
	noteSource(req.Via(), from.flow.Remote)
	t, left, isOpen, isSettled := l.servers.find(key)
	switch {
	case req.Method == sip.ACK:
		if isOpen && t.ack() || isSettled && left.state == confirmed || ackToStateless(req) {
			return
		}
		l.safely("Ack", func() { l.cfg.Handler.Ack(req, from.flow) })
	case req.Method == sip.CANCEL && isSettled:
		l.answer(newAnswer(req, sip.StatusOK, "", left.rest), from) // too late to do anything (RFC 3261 §9.2)
	case req.Method == sip.CANCEL:
		l.cancelRequest(t, req, from)
	case isOpen:
		t.repeated()
	case isSettled:
		l.repeat(left, req, from)
	default:
		l.begin(key, req, from)
	}
}

// noteSourceOf is noteSource for a request whose Via may be broken or missing.
func noteSourceOf(req *sip.Request, flow Flow) {
	if via, ok := req.GetHeader("Via").(*sip.ViaHeader); ok {
		noteSource(via, flow.Remote)
	}
}

// begin makes the server transaction of a new request and hands it to the user.
func (l *Layer) begin(k key, req *sip.Request, from path) {
	limit := l.limits.Transactions
	if inDialog(req) {
		limit += limit / 4 // RFC 7339 §5.10.2: what lets calls end goes before what begins them
	}
	t := newServerTx(l, k, req, from)
	other, found, ok := l.servers.add(k, t, limit, l.limits.Settled)
	switch {
	case found: // the same request came by another socket in this moment
		if other != nil {
			other.repeated()
		}
		return
	case !ok:
		l.counts.overload.Add(1)
		res := newAnswer(req, sip.StatusServiceUnavailable, "", statelessTag(req))
		res.Add("Retry-After", strconv.Itoa(retryAfter))
		l.answer(res, from)
		return
	}
	handle := t.begin()
	if !l.safely("Request", func() { l.cfg.Handler.Request(handle) }) {
		_ = handle.Respond(handle.NewAnswer(sip.StatusInternalServerError, "")) // refused if there was an answer
	}
	t.handed()
}

// cancelRequest answers a CANCEL (RFC 3261 §9.2). It makes no transaction: a repeated CANCEL gets the same answer.
func (l *Layer) cancelRequest(t *serverTx, req *sip.Request, from path) {
	if t == nil {
		l.answer(newAnswer(req, sip.StatusCallTransactionDoesNotExists, "", statelessTag(req)), from)
		return
	}
	// §9.2: the To-tag of this answer and of those to the INVITE should be the same.
	l.answer(newAnswer(req, sip.StatusOK, "", t.toTag()), from)
	t.cancelled(req)
}

// refuse answers a broken request without leaving state, if that is possible.
func (l *Layer) refuse(req *sip.Request, f *fault, to path) {
	l.log.peer("request refused", to.flow, "method", clip(string(req.Method)), "status", f.status, "fault", f.reason)
	if !answerable(req) {
		l.counts.malformed.Add(1)
		return
	}
	l.counts.refused.Add(1)
	l.answer(newAnswer(req, f.status, f.reason, statelessTag(req)), to)
}

// answer sends a response of the layer's own, without state.
func (l *Layer) answer(a *Answer, to path) {
	defer a.free()
	if l.cfg.Server != "" {
		a.Add("Server", l.cfg.Server)
	}
	b, err := a.wire()
	if err == nil {
		err = to.send(b, nil)
	}
	if err != nil {
		l.counts.lost.Add(1)
		l.log.Debug("answer not sent", "error", err)
	}
}

// ackToStateless tells whether an ACK is for an answer that we sent without keeping state.
func ackToStateless(req *sip.Request) bool {
	tag, _ := param(req.To().Params, "tag")
	return strings.HasPrefix(tag, statelessMark) && tag == statelessTag(req)
}
