package phone

import (
	"errors"
	"time"
)

// errNoAnswer is Timer B or F (RFC 3261 §17.1).
var errNoAnswer = errors.New("no final response within 64*T1")

// clientTx is one client transaction (RFC 3261 §17.1, RFC 6026 for 2xx). Callbacks run with p.mu held.
type clientTx struct {
	p          *Phone
	req        *Message
	raw        []byte
	to         peer
	invite     bool
	interval   time.Duration
	resend     *time.Timer
	giveUp     *time.Timer
	last       *Message // newest response
	final      *Message
	err        error
	ack        []byte // of a non-2xx
	onResponse func(*Message)
	onFail     func()
}

// start sends a request and keeps sending it until answered. p.mu is held, and to is connected.
func (p *Phone) start(req *Message, to peer, onResponse func(*Message), onFail func()) *clientTx {
	t := &clientTx{
		p: p, req: req, raw: req.Bytes(), to: to, invite: req.Method == "INVITE", interval: p.cfg.T1,
		onResponse: onResponse, onFail: onFail,
	}
	req.Peer = to.addr.String()
	p.clients[req.Branch()+" "+req.Method] = t
	if err := p.write(to, t.raw, req, false); err != nil {
		t.err = err
		p.after(0, t.fail) // as if it came later: the caller has not seen t yet
		return t
	}
	t.giveUp = p.after(64*p.cfg.T1, func() { t.err = errNoAnswer; t.fail() })
	t.schedule()
	return t
}

func (t *clientTx) fail() {
	t.forget()
	if t.onFail != nil {
		t.onFail()
	}
}

// schedule plans the next copy. RFC 3261 §17.1.1.2: INVITE doubles without limit and stops at the first provisional;
// §17.1.2.2: others double up to T2, and go on at T2 after a provisional.
func (t *clientTx) schedule() {
	if t.p.cfg.Transport == "tcp" {
		return
	}
	wait := t.interval
	t.resend = t.p.after(wait, func() {
		t.p.write(t.to, t.raw, t.req, true)
		if t.interval *= 2; !t.invite && t.interval > t2 {
			t.interval = t2
		}
		t.schedule()
	})
}

// forget ends the transaction.
func (t *clientTx) forget() {
	t.p.forget(t.resend)
	t.p.forget(t.giveUp)
	delete(t.p.clients, t.req.Branch()+" "+t.req.Method)
}

// response takes one response; repeat says that it had come before.
func (t *clientTx) response(m *Message, repeat bool) {
	p := t.p
	if m.Status < 200 {
		if t.final != nil {
			return
		}
		t.last = m
		if t.invite {
			p.forget(t.resend)
			p.forget(t.giveUp)
			t.resend, t.giveUp = nil, nil
		} else {
			t.interval = t2
		}
		t.onResponse(m)
		return
	}
	if t.invite && m.Status >= 300 { // RFC 3261 §17.1.1.3
		if t.ack == nil {
			t.ack = ackNon2xx(t.req, m).Bytes()
		}
		p.write(t.to, t.ack, &Message{Method: "ACK"}, repeat)
	}
	if t.final != nil && !(t.invite && m.Status < 300) {
		return
	}
	first := t.final == nil
	if first {
		t.final = m
	}
	t.last = m
	if first {
		p.forget(t.resend)
		p.forget(t.giveUp)
		linger := 64 * p.cfg.T1 // Timers D and M
		if !t.invite {
			linger = 10 * p.cfg.T1 // Timer K
		}
		t.resend, t.giveUp = nil, p.after(linger, t.forget)
	}
	t.onResponse(m)
}

// ackNon2xx is the ACK that belongs to the transaction: same branch, one Via (RFC 3261 §17.1.1.3).
func ackNon2xx(req, resp *Message) *Message {
	a := &Message{Method: "ACK", URI: req.URI}
	a.Add("Via", req.Get("Via"))
	a.Add("Max-Forwards", "70")
	for _, r := range req.All("Route") {
		a.Add("Route", r)
	}
	a.Add("From", req.Get("From"))
	a.Add("To", resp.Get("To"))
	a.Add("Call-ID", req.Get("Call-ID"))
	n, _ := req.CSeq()
	a.Add("CSeq", cseq(n, "ACK"))
	return a
}

// ended returns the final response or the error, when there is one.
func (t *clientTx) ended() (*Message, error, bool) {
	return t.final, t.err, t.final != nil || t.err != nil
}
