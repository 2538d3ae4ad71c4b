package phone

import (
	"context"
	"fmt"
)

// Dial calls a number or SIP URI and returns once the INVITE is sent. A challenge is answered in the background, with
// the next CSeq in the same call. Options: WithSDP, WithoutSDP, WithDirection, WithHeader, WithFrom, WithTo, WithURI,
// WithContact, WithBody, WithUser, WithPassword, WithoutAuth, WithServer, WithReplaces, ManualAck.
func (p *Phone) Dial(ctx context.Context, target string, opts ...Option) (*Call, error) {
	hop, err := p.hop(target, choose(opts))
	if err == nil {
		hop, err = p.connect(ctx, hop)
	}
	if err != nil {
		return nil, err
	}
	c, err := p.newCall()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Media.close()
		return nil, ErrClosed
	}
	c.opts = choose(opts)
	c.hop, c.ID, c.localTag = hop, p.token(20), p.token(8)
	if c.local = p.identity() + ";tag=" + c.localTag; c.opts.from != "" {
		if c.local = c.opts.from; Param(c.local, "tag") == "" {
			c.local += ";tag=" + c.localTag
		}
		c.opts.from, c.localTag = c.local, Param(c.local, "tag")
	}
	c.target = p.targetURI(target)
	if c.remote = "<" + c.target + ">"; c.opts.to != "" {
		c.remote = c.opts.to
	}
	c.shown = parseIdentity(c.remote)
	if c.opts.uri != "" {
		c.target = c.opts.uri
	}
	if c.opts.direction != "" {
		c.direction = c.opts.direction
	}
	c.manualAck = c.opts.noAck
	p.adoptCall(c)
	c.sendInvite(nil)
	return c, nil
}

// ManualAck has a Dial leave the ACK of its 2xx to Call.Ack.
func ManualAck() Option { return func(c *choice) { c.noAck = true } }

// sendInvite sends the first INVITE, or the same again with an answer to a challenge. p.mu is held.
func (c *Call) sendInvite(auth *challenge) {
	m := c.request("INVITE")
	c.body(m, c.opts, nil)
	c.opts.apply(m)
	c.p.authorize(m, auth, c.opts)
	if c.Invite == nil {
		c.Invite = m
	}
	c.client = c.p.start(m, c.hop, func(r *Message) { c.inviteResponse(r, auth) }, func() {
		c.finish(End{Reason: c.client.err.Error()})
	})
}

// body puts the session description into a request: the given one, none, or an offer of our own. p.mu is held.
func (c *Call) body(m *Message, o choice, offer *SDP) {
	if o.noSDP {
		return
	}
	sdp := o.sdp
	if sdp == "" {
		sdp = c.describe(offer)
	}
	m.Body = []byte(sdp)
	m.Set("Content-Type", "application/sdp")
}

// inviteResponse takes a response to the first INVITE. p.mu is held.
func (c *Call) inviteResponse(m *Message, auth *challenge) {
	c.responses = keep(c.responses, m)
	switch {
	case m.Status < 200:
		c.provisional(m)
	case m.Status < 300:
		c.accepted(m)
	default:
		if next := c.p.challenged(m, auth, c.opts); next != nil && !c.cancelled && c.state != ended {
			c.sendInvite(next)
			return
		}
		c.finish(End{Remote: true, Status: m.Status, Reason: m.Reason, Message: m})
	}
}

func (c *Call) provisional(m *Message) {
	if c.state == ended {
		return
	}
	if m.Status > 100 {
		if c.state < ringing {
			c.state = ringing
		}
		c.show(m)
		c.establish(m) // the newest early dialog counts until the 2xx (RFC 3261 §12.1.2)
		if s := m.SDP(); s != nil && !c.opts.noSDP {
			c.agree(s, c.offering)
		}
		if rseq := m.Get("RSeq"); rseq != "" && m.ToTag() != "" && c.pracked != m.ToTag()+" "+rseq {
			c.pracked = m.ToTag() + " " + rseq // once: its transaction repeats it
			c.prack(m, rseq)
		}
	}
	if c.cancelled { // RFC 3261 §9.1: a CANCEL waits for the first provisional
		c.sendCancel()
	}
}

// prack acknowledges a reliable provisional response (RFC 3262 §4).
func (c *Call) prack(m *Message, rseq string) {
	r := c.request("PRACK")
	r.Add("RAck", rseq+" "+m.Get("CSeq"))
	c.p.start(r, c.hop, func(*Message) {}, nil)
}

// establish takes route set, remote tag and target from a response (RFC 3261 §12.1.2). p.mu is held.
func (c *Call) establish(m *Message) {
	if m.ToTag() == "" {
		return
	}
	c.remoteTag, c.remote = m.ToTag(), m.Get("To")
	if contact := m.Get("Contact"); contact != "" {
		c.target = URIOf(contact)
	}
	c.routes = nil
	for _, rr := range m.List("Record-Route") {
		c.routes = append([]string{rr}, c.routes...)
	}
}

// accepted takes a 2xx to the first INVITE (RFC 3261 §13.2.2.4). p.mu is held.
func (c *Call) accepted(m *Message) {
	number, _ := m.CSeq()
	switch {
	case c.state >= answered && m.ToTag() != c.remoteTag:
		c.refuseFork(m)
	case c.state == answered || c.acks[number] != nil: // again, perhaps after the call ended
		if ack := c.acks[number]; ack != nil {
			c.p.write(c.next(), ack, &Message{Method: "ACK"}, true)
		}
	case c.state == ended:
		c.refuseFork(m)
	default:
		c.establish(m)
		c.show(m)
		c.state = answered
		sdp := m.SDP()
		if sdp != nil && !c.opts.noSDP {
			c.agree(sdp, c.offering)
		}
		c.unacked = m
		if c.cancelled { // RFC 3261 §15: the 2xx crossed our CANCEL
			c.ack("")
			c.sendBye()
			return
		}
		if !c.manualAck {
			c.ack("")
		}
	}
}

// refuseFork acknowledges a 2xx that is not wanted and ends its dialog (RFC 3261 §13.2.2.4).
func (c *Call) refuseFork(m *Message) {
	if ack := c.extras[m.ToTag()]; ack != nil {
		c.p.write(c.hop, ack.Bytes(), ack, true)
		return
	}
	fork := &Call{p: c.p, ID: c.ID, local: c.local, localTag: c.localTag, localSeq: c.localSeq, hop: c.hop}
	fork.establish(m)
	ack := fork.requestNumbered("ACK", c.inviteNumber(m))
	if len(c.extras) < 20 {
		c.extras[m.ToTag()] = ack
	}
	c.p.write(fork.next(), ack.Bytes(), ack, false)
	c.p.start(fork.request("BYE"), fork.next(), func(*Message) {}, nil)
}

func (c *Call) inviteNumber(m *Message) uint32 { n, _ := m.CSeq(); return n }

// Ack acknowledges the 2xx that ManualAck held back, with a session description when one is given; for an offerless
// INVITE "" makes the answer to what the 2xx offered.
func (c *Call) Ack(sdp string) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.unacked == nil {
		return fmt.Errorf("phone: there is no 2xx to acknowledge")
	}
	c.ack(sdp)
	return nil
}

// ack acknowledges c.unacked; an offer in it is answered. p.mu is held.
func (c *Call) ack(sdp string) {
	m := c.unacked
	c.unacked = nil
	n := c.inviteNumber(m)
	ack := c.requestNumbered("ACK", n)
	if auth := c.client; auth != nil && auth.req.Get("Authorization") != "" { // RFC 3261 §22.1
		ack.Add("Authorization", auth.req.Get("Authorization"))
	} else if auth != nil && auth.req.Get("Proxy-Authorization") != "" {
		ack.Add("Proxy-Authorization", auth.req.Get("Proxy-Authorization"))
	}
	if offer := m.SDP(); sdp == "" && c.opts.noSDP && offer != nil {
		sdp = c.describe(offer)
		c.agree(offer, answerDirection(c.direction, offer))
	}
	if sdp != "" {
		ack.Body = []byte(sdp)
		ack.Add("Content-Type", "application/sdp")
	}
	c.acks[n] = ack.Bytes()
	if len(c.acks) > 50 {
		for old := range c.acks {
			if old+50 < n {
				delete(c.acks, old)
			}
		}
	}
	c.p.write(c.next(), c.acks[n], ack, false)
}

// Cancel sends CANCEL, at once or after the first provisional response. A call that is answered meanwhile is ended
// with BYE.
func (c *Call) Cancel() error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.Incoming || c.state >= answered {
		return fmt.Errorf("phone: only an outgoing call that is not answered can be cancelled")
	}
	c.cancelled = true
	if c.client.last != nil {
		c.sendCancel()
	}
	return nil
}

// sendCancel sends the CANCEL once, with the INVITE's branch (RFC 3261 §9.1). p.mu is held.
func (c *Call) sendCancel() {
	invite := c.client.req
	if c.p.clients[invite.Branch()+" CANCEL"] != nil {
		return
	}
	m := ackNon2xx(invite, invite)
	m.Method = "CANCEL"
	n, _ := invite.CSeq()
	m.Set("CSeq", cseq(n, "CANCEL"))
	c.p.start(m, c.hop, func(*Message) {}, nil)
	client := c.client
	c.p.after(64*c.p.cfg.T1, func() { // RFC 3261 §9.1: no 487 comes
		if client.final == nil {
			client.forget()
			c.finish(End{Status: 487, Reason: "no answer to CANCEL"})
		}
	})
}
