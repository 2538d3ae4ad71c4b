package phone

import (
	"context"
	"errors"
)

// WaitCall returns the next incoming call that neither AutoAnswer nor OnInvite took.
func (p *Phone) WaitCall(ctx context.Context) (*Call, error) {
	var c *Call
	err := p.await(ctx, "a call", func() bool {
		if len(p.waiting) > 0 {
			c = p.waiting[0]
			p.waiting = p.waiting[1:]
		}
		return c != nil
	})
	return c, err
}

// incoming starts a call for an INVITE without a To tag. p.mu is held; it is given up while the RTP socket opens.
func (p *Phone) incoming(m *Message) {
	p.mu.Unlock()
	c, err := p.newCall()
	p.mu.Lock()
	if err != nil {
		m.tx.respond(p.response(m, 500, ""))
		return
	}
	if p.closed || m.tx.final > 0 { // a CANCEL was faster
		c.Media.close()
		return
	}
	c.Incoming, c.Invite, c.server, c.ID = true, m, m.tx, m.Get("Call-ID")
	m.tx.call = c
	c.localTag, c.remoteTag = p.token(8), m.FromTag()
	c.local, c.remote = m.Get("To")+";tag="+c.localTag, m.Get("From")
	c.remoteSeq, _ = m.CSeq()
	c.target, c.routes, c.hop = URIOf(m.Get("Contact")), m.List("Record-Route"), m.from
	c.shown = parseIdentity(c.remote)
	c.show(m)
	p.adoptCall(c)
	if offer := m.SDP(); offer != nil && len(c.common(offer)) == 0 {
		c.refuse(488, "")
		return
	}
	if p.cfg.FollowReplaces && c.replace() {
		return
	}
	switch {
	case p.cfg.OnInvite != nil:
		p.spawn(func() { p.cfg.OnInvite(c) })
	case p.cfg.AutoAnswer:
		c.respond(180, "", nil)
		p.after(p.cfg.AnswerAfter, func() { c.answer(choose(nil)) })
	case len(p.waiting) < 64:
		p.waiting = append(p.waiting, c)
	default:
		c.refuse(486, "")
	}
}

// respond sends a provisional or the final response to the first INVITE. p.mu is held.
func (c *Call) respond(status int, reason string, o *choice) error {
	if c.state >= answered {
		return errors.New("phone: the call is answered or has ended")
	}
	m := c.p.response(c.Invite, status, reason)
	if status > 100 && status < 300 {
		m.Add("Contact", "<"+c.p.ContactURI()+">")
		c.p.advertise(m)
	}
	if o != nil {
		if o.sdp != "" {
			m.Body = []byte(o.sdp)
			m.Add("Content-Type", "application/sdp")
		}
		o.apply(m)
	}
	return c.server.respond(m)
}

// Trying sends 100, Ring 180 and Progress 183; Ring and Progress carry a session description with WithSDP, and
// Progress also by itself unless WithoutSDP is given: from then on early media can be sent.
func (c *Call) Trying() error { return c.early(100, choose([]Option{WithoutSDP()})) }

// Ring sends 180 Ringing.
func (c *Call) Ring(opts ...Option) error {
	o := choose(opts)
	o.noSDP = o.noSDP || o.sdp == ""
	return c.early(180, o)
}

// Progress sends 183 with this side's description.
func (c *Call) Progress(opts ...Option) error { return c.early(183, choose(opts)) }

func (c *Call) early(status int, o choice) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if !c.Incoming {
		return errors.New("phone: not an incoming call")
	}
	offer := c.Invite.SDP()
	if !o.noSDP && o.sdp == "" {
		o.sdp = c.describe(offer)
	}
	if !o.noSDP && offer != nil {
		c.agree(offer, answerDirection(c.direction, offer))
	}
	if c.state == calling && status > 100 {
		c.state = ringing
	}
	return c.respond(status, "", &o)
}

// Answer sends the 200 and repeats it until its ACK comes. Options: WithSDP, WithoutSDP, WithDirection, WithContact,
// WithHeader, WithDelay, WithoutRepeat.
func (c *Call) Answer(opts ...Option) error {
	o := choose(opts)
	if err := c.p.pause(c.p.ctx, o.delay); err != nil {
		return err
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.answer(o)
}

// answer is Answer with p.mu held.
func (c *Call) answer(o choice) error {
	if !c.Incoming {
		return errors.New("phone: not an incoming call")
	}
	if c.state >= answered {
		return errors.New("phone: the call is answered or has ended")
	}
	if o.direction != "" {
		c.direction = o.direction
	}
	offer := c.Invite.SDP()
	if !o.noSDP && o.sdp == "" {
		o.sdp = c.describe(offer)
	}
	if offer != nil {
		c.agree(offer, answerDirection(c.direction, offer))
	}
	err := c.respond(200, "", &o)
	c.state = answered
	c.p.changed.raise()
	c.repeat2xx(c.server, o)
	return err
}

// repeat2xx sends a 2xx until its ACK comes, on every transport (RFC 3261 §13.3.1.4). p.mu is held.
func (c *Call) repeat2xx(t *serverTx, o choice) {
	n, _ := t.req.CSeq()
	r := &repeat2x{tx: t, interval: c.p.cfg.T1}
	c.repeats[n] = r
	giveUp := c.p.after(64*c.p.cfg.T1, func() {
		if c.repeats[n] == r {
			c.p.forget(r.timer)
			delete(c.repeats, n)
			c.sendBye() // RFC 3261 §13.3.1.4: no ACK, the dialog is over
		}
	})
	if o.noRepeat {
		r.timer = giveUp
		return
	}
	var again func()
	again = func() {
		r.timer = c.p.after(r.interval, func() {
			if c.repeats[n] != r {
				return
			}
			c.p.write(t.req.from, t.last, t.lastMsg, true)
			r.interval = min(2*r.interval, t2)
			again()
		})
	}
	again()
}

// acked takes an ACK inside the dialog. p.mu is held.
func (c *Call) acked(m *Message) {
	n, _ := m.CSeq()
	r := c.repeats[n]
	if r == nil {
		return
	}
	c.p.forget(r.timer)
	delete(c.repeats, n)
	c.lastAck = m
	if s := m.SDP(); s != nil { // the answer to an offer in our 2xx
		c.agree(s, c.offering)
	}
}

// Reject refuses the call with a final status from 300; reason "" takes the usual phrase.
func (c *Call) Reject(status int, reason string, opts ...Option) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if !c.Incoming {
		return errors.New("phone: not an incoming call")
	}
	return c.refuse(status, reason, opts...)
}

// refuse is Reject with p.mu held.
func (c *Call) refuse(status int, reason string, opts ...Option) error {
	o := choose(opts)
	err := c.respond(status, reason, &o)
	c.finish(End{Status: status, Reason: reason})
	return err
}
