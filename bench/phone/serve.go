package phone

import (
	"fmt"
	"strings"
)

// serve answers a request that came in and is not an ACK. p.mu is held.
func (p *Phone) serve(m *Message) {
	switch {
	case m.Method == "CANCEL":
		p.serveCancel(m)
	case !p.allows(m.Method): // RFC 3261 §8.2.1
		r := p.response(m, 405, "")
		r.Add("Allow", p.allow())
		m.tx.respond(r)
	case m.ToTag() != "":
		p.serveInDialog(m)
	case m.Method == "INVITE":
		p.incoming(m)
	case m.Method == "OPTIONS":
		p.serveOptions(m)
	case m.Method == "NOTIFY", m.Method == "MESSAGE", m.Method == "INFO":
		p.reply(m, 200)
	case m.Method == "BYE", m.Method == "UPDATE", m.Method == "PRACK":
		p.reply(m, 481)
	case m.Method == "REFER":
		p.reply(m, 603)
	default:
		p.reply(m, 501)
	}
}

func (p *Phone) reply(m *Message, status int) { m.tx.respond(p.response(m, status, "")) }

func (p *Phone) serveOptions(m *Message) {
	r := p.response(m, 200, "")
	r.Add("Accept", "application/sdp")
	p.advertise(r)
	m.tx.respond(r)
}

// serveCancel answers the CANCEL, then the INVITE it belongs to (RFC 3261 §9.2).
func (p *Phone) serveCancel(m *Message) {
	t := p.servers[serverKey(m, "INVITE")]
	if t == nil {
		p.reply(m, 481)
		return
	}
	p.reply(m, 200)
	if t.final > 0 {
		return
	}
	t.respond(p.response(t.req, 487, ""))
	if t.call != nil {
		t.call.finish(End{Remote: true, Status: 487, Reason: m.Get("Reason"), Message: m})
	}
}

// serveInDialog finds the call by Call-ID and our tag (RFC 3261 §12.2.2).
func (p *Phone) serveInDialog(m *Message) {
	key := m.Get("Call-ID") + " " + m.ToTag()
	c := p.calls[key]
	if c == nil {
		if c = p.referrer[key]; c != nil && m.Method == "NOTIFY" {
			c.serveNotify(m)
			return
		}
		p.reply(m, 481)
		return
	}
	n, _ := m.CSeq()
	if n < c.remoteSeq {
		p.reply(m, 500) // out of order
		return
	}
	c.remoteSeq = n
	c.received = keep(c.received, m)
	switch m.Method {
	case "INVITE":
		c.serveOffer(m)
	case "UPDATE":
		c.serveOffer(m)
	case "BYE":
		c.serveBye(m)
	case "NOTIFY":
		c.serveNotify(m)
	case "REFER":
		c.serveRefer(m)
	case "OPTIONS":
		p.serveOptions(m)
	case "INFO", "MESSAGE", "PRACK":
		p.reply(m, 200)
	default:
		p.reply(m, 501)
	}
}

func (c *Call) serveBye(m *Message) {
	c.p.reply(m, 200)
	if c.Incoming && c.server.final == 0 { // RFC 3261 §15.1.2: the INVITE is answered too
		c.server.respond(c.p.response(c.Invite, 487, ""))
	}
	c.finish(End{Remote: true, Reason: m.Get("Reason"), Message: m})
}

// serveOffer answers a re-INVITE or UPDATE (RFC 3261 §14.2, RFC 3311 §5.2).
func (c *Call) serveOffer(m *Message) {
	offer := m.SDP()
	switch {
	case c.reinviting && (offer != nil || m.Method == "INVITE"):
		c.p.reply(m, 491)
		return
	case m.Method == "INVITE" && c.state != answered:
		c.p.reply(m, 491)
		return
	case offer != nil && len(c.common(offer)) == 0:
		c.p.reply(m, 488)
		return
	}
	c.refresh(m)
	c.show(m)
	r := c.p.response(m, 200, "")
	r.Add("Contact", "<"+c.p.ContactURI()+">")
	if offer != nil || m.Method == "INVITE" {
		r.Body = []byte(c.describe(offer))
		r.Add("Content-Type", "application/sdp")
	}
	if offer != nil {
		c.agree(offer, answerDirection(c.direction, offer))
	}
	m.tx.respond(r)
	if m.Method == "INVITE" {
		c.repeat2xx(m.tx, choice{})
	}
}

// serveRefer obeys or declines a REFER (RFC 3515 §2.4).
func (c *Call) serveRefer(m *Message) {
	to := m.All("Refer-To")
	switch {
	case len(to) != 1:
		c.p.reply(m, 400)
		return
	case !c.p.cfg.FollowRefer:
		c.p.reply(m, 603)
		return
	}
	c.p.reply(m, 202)
	n, _ := m.CSeq()
	c.notifyRefer(n, "active;expires=60", "SIP/2.0 100 Trying")
	c.p.spawn(func() { c.followRefer(URIOf(to[0]), m.Get("Referred-By"), n) })
}

// followRefer calls the target and reports its final status. The new call goes to WaitCall's place: it is returned
// there like an incoming one, so that a test can talk on it.
func (c *Call) followRefer(uri, by string, id uint32) {
	p := c.p
	uri, embedded, _ := strings.Cut(uri, "?")
	var opts []Option
	for _, part := range strings.Split(embedded, "&") {
		if k, v, _ := strings.Cut(part, "="); strings.EqualFold(k, "Replaces") {
			opts = append(opts, WithHeader("Replaces", unescape(v)))
		}
	}
	if by != "" {
		opts = append(opts, WithHeader("Referred-By", by))
	}
	status := "SIP/2.0 503 Service Unavailable"
	next, err := p.Dial(p.ctx, uri, opts...)
	if err == nil {
		err = next.WaitAnswer(p.ctx)
	}
	var refused *StatusError
	switch {
	case err == nil:
		status = "SIP/2.0 200 OK"
	case asStatus(err, &refused):
		status = fmt.Sprintf("SIP/2.0 %d %s", refused.Response.Status, refused.Response.Reason)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.notifyRefer(id, "terminated;reason=noresource", status)
	if err == nil && len(p.waiting) < 64 {
		p.waiting = append(p.waiting, next)
		p.changed.raise()
	}
}

func (c *Call) notifyRefer(id uint32, state, status string) {
	m := c.request("NOTIFY")
	m.Add("Event", fmt.Sprint("refer;id=", id))
	m.Add("Subscription-State", state)
	m.Add("Content-Type", "message/sipfrag;version=2.0")
	m.Body = []byte(status + "\r\n")
	c.p.start(m, c.next(), func(*Message) {}, nil)
}
