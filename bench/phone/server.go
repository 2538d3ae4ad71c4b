package phone

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// serverTx is one server transaction (RFC 3261 §17.2): it repeats its last response to a repeated request, and a
// non-2xx final response to INVITE until the ACK comes. A 2xx is repeated by the dialog.
type serverTx struct {
	p        *Phone
	key      string
	req      *Message
	last     []byte
	lastMsg  *Message
	final    int
	interval time.Duration
	resend   *time.Timer
	call     *Call
}

// serverKey matches by branch, sent-by and method, ACK with its INVITE (RFC 3261 §17.2.3).
func serverKey(m *Message, method string) string {
	if method == "ACK" {
		method = "INVITE"
	}
	via := ""
	if v := m.List("Via"); len(v) > 0 {
		via, _, _ = strings.Cut(v[0], ";")
	}
	return method + " " + via + " " + m.Branch() + " " + m.Get("Call-ID")
}

// receive takes one message from the wire, on the reader's goroutine.
func (p *Phone) receive(raw []byte, from peer) {
	m, err := ParseMessage(raw)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	if err != nil {
		p.record(false, from.addr.String(), raw, nil, false)
		p.changed.raise()
		p.mu.Unlock()
		return
	}
	m.from, m.Peer, m.At = from, from.addr.String(), time.Now()
	if m.Status > 0 {
		p.receiveResponse(raw, m)
		p.changed.raise()
		p.mu.Unlock()
		return
	}
	fresh := p.receiveRequest(raw, m)
	p.changed.raise()
	p.mu.Unlock()
	if !fresh || (p.cfg.OnRequest != nil && p.cfg.OnRequest(m)) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.serve(m)
		p.changed.raise()
	}
}

func (p *Phone) receiveResponse(raw []byte, m *Message) {
	_, method := m.CSeq()
	t := p.clients[m.Branch()+" "+method]
	repeat := t != nil && t.last != nil && t.last.Status == m.Status && m.Status >= 200 && t.last.ToTag() == m.ToTag()
	p.record(false, m.Peer, raw, m, repeat)
	for _, w := range p.watches {
		w.see(m)
	}
	if t != nil {
		t.response(m, repeat)
	}
}

// receiveRequest deals with ACKs and retransmissions; what is fresh is left to the hook and to serve.
func (p *Phone) receiveRequest(raw []byte, m *Message) (fresh bool) {
	key := serverKey(m, m.Method)
	t := p.servers[key]
	if m.Method == "ACK" {
		p.record(false, m.Peer, raw, m, false)
		if t != nil && t.final >= 300 {
			p.forget(t.resend)
			t.resend = nil
		} else if c := p.calls[m.Get("Call-ID")+" "+m.ToTag()]; c != nil {
			c.acked(m)
		}
		return false
	}
	p.record(false, m.Peer, raw, m, t != nil)
	if t != nil {
		if t.last != nil {
			p.write(t.req.from, t.last, t.lastMsg, true)
		}
		return false
	}
	t = &serverTx{p: p, key: key, req: m, interval: p.cfg.T1}
	m.tx = t
	p.servers[key] = t
	if m.Method != "INVITE" {
		p.after(64*p.cfg.T1, func() { delete(p.servers, key) }) // Timer J, counted from the request
	}
	return true
}

// Respond answers a request that OnRequest took over, or any other that came in. reason "" takes the usual phrase.
func (p *Phone) Respond(req *Message, status int, reason string, opts ...Option) error {
	if req.tx == nil {
		return errors.New("phone: not a request that was received")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := choose(opts)
	m := p.response(req, status, reason)
	if o.sdp != "" {
		o.contentType, o.body = "application/sdp", o.sdp
	}
	o.apply(m)
	return req.tx.respond(m)
}

// response makes a response with the headers of its request (RFC 3261 §8.2.6). p.mu is held.
func (p *Phone) response(req *Message, status int, reason string) *Message {
	if reason == "" {
		reason = reasons[status]
	}
	m := &Message{Status: status, Reason: reason}
	for i, v := range req.All("Via") {
		if i == 0 { // RFC 3581 §4
			v = addReceived(v, req.from)
		}
		m.Add("Via", v)
	}
	for _, rr := range req.All("Record-Route") {
		if status > 100 && status < 300 {
			m.Add("Record-Route", rr)
		}
	}
	m.Add("From", req.Get("From"))
	to := req.Get("To")
	if status > 100 && req.ToTag() == "" {
		tag := p.token(8)
		if req.tx != nil && req.tx.call != nil {
			tag = req.tx.call.localTag
		}
		to += ";tag=" + tag
	}
	m.Add("To", to)
	m.Add("Call-ID", req.Get("Call-ID"))
	m.Add("CSeq", req.Get("CSeq"))
	return m
}

// addReceived fills in received and rport, when the top Via asked for it.
func addReceived(via string, from peer) string {
	parts := strings.Split(via, ";")
	for i, part := range parts {
		if strings.TrimSpace(part) == "rport" {
			parts[i] = "rport=" + strconv.Itoa(int(from.addr.Port())) + ";received=" + from.addr.Addr().String()
		}
	}
	return strings.Join(parts, ";")
}

// respond sends a response of this transaction. A second final one is refused. p.mu is held.
func (t *serverTx) respond(m *Message) error {
	if t.final > 0 {
		return errors.New("phone: the request has had its final response")
	}
	t.last, t.lastMsg = m.Bytes(), m
	err := t.p.write(t.req.from, t.last, m, false)
	if m.Status < 200 {
		return err
	}
	t.final = m.Status
	if t.req.Method == "INVITE" {
		t.p.after(64*t.p.cfg.T1, func() { t.p.forget(t.resend); delete(t.p.servers, t.key) }) // Timers H, I, L
		if m.Status >= 300 {
			t.repeat()
		}
	}
	return err
}

// repeat is Timer G (RFC 3261 §17.2.1).
func (t *serverTx) repeat() {
	if t.p.cfg.Transport == "tcp" {
		return
	}
	t.resend = t.p.after(t.interval, func() {
		t.p.write(t.req.from, t.last, t.lastMsg, true)
		t.interval = min(2*t.interval, t2)
		t.repeat()
	})
}

// reasons are the usual phrases of RFC 3261 §21.
var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	200: "OK", 202: "Accepted", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
	404: "Not Found", 405: "Method Not Allowed", 407: "Proxy Authentication Required", 408: "Request Timeout",
	420: "Bad Extension", 423: "Interval Too Brief",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
	486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 600: "Busy Everywhere",
	603: "Decline",
}
