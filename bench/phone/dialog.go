package phone

import (
	"context"
	"errors"
	"strings"
	"time"
)

// request makes the next request of the dialog. p.mu is held.
func (c *Call) request(method string) *Message {
	c.localSeq++
	return c.requestNumbered(method, c.localSeq)
}

// requestNumbered makes a request with a given CSeq number (ACK has its INVITE's), RFC 3261 §12.2.1.1.
func (c *Call) requestNumbered(method string, n uint32) *Message {
	uri, routes := c.target, c.routes
	if len(routes) > 0 && !hasLR(routes[0]) { // a strict router wants to be the Request-URI
		uri = URIOf(routes[0])
		routes = append(append([]string(nil), routes[1:]...), "<"+c.target+">")
	}
	m := c.p.request(method, uri, c.local, c.remote, c.ID, n)
	for _, r := range routes {
		m.Add("Route", r)
	}
	switch method {
	case "INVITE", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE":
		m.Add("Contact", "<"+c.p.ContactURI()+">")
	}
	if method == "INVITE" {
		c.p.advertise(m)
	}
	return m
}

func hasLR(route string) bool {
	for _, part := range strings.Split(URIOf(route), ";") {
		if k, _, _ := strings.Cut(part, "="); k == "lr" {
			return true
		}
	}
	return false
}

// next is where requests of the dialog go. p.mu is held.
func (c *Call) next() peer {
	if !c.p.cfg.FollowContact || c.remoteTag == "" {
		return c.hop
	}
	uri := c.target
	if len(c.routes) > 0 {
		uri = URIOf(c.routes[0])
	}
	at, err := nextHop(uri)
	if err != nil {
		return c.hop
	}
	return peer{addr: at}
}

func (c *Call) nextLocked() peer {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.next()
}

// Request sends a request inside the dialog and returns its final response; a challenge is answered. Options:
// WithHeader, WithBody, WithSDP, WithURI, WithContact and those about credentials.
func (c *Call) Request(ctx context.Context, method string, opts ...Option) (*Message, error) {
	o := choose(opts)
	build := func() *Message {
		m := c.request(method)
		if o.uri != "" {
			m.URI = o.uri
		}
		if o.sdp != "" {
			c.body(m, o, nil)
		}
		o.apply(m)
		return m
	}
	return c.p.try(ctx, c.nextLocked(), o, build, nil)
}

// Info sends an INFO (RFC 6086), such as ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n").
func (c *Call) Info(ctx context.Context, contentType, body string, opts ...Option) (*Message, error) {
	return c.Request(ctx, "INFO", append(opts, WithBody(contentType, body))...)
}

// Hangup ends the call as fits its state: BYE, CANCEL, or 603 for an incoming call that is not answered. It does not
// wait: an outgoing call that is cancelled ends with its 487.
func (c *Call) Hangup(opts ...Option) error {
	c.p.mu.Lock()
	state, incoming := c.state, c.Incoming
	c.p.mu.Unlock()
	switch {
	case state == ended:
		return errors.New("phone: the call has ended")
	case state < answered && incoming:
		return c.Reject(603, "", opts...)
	case state < answered:
		return c.Cancel()
	}
	if _, err := c.p.connect(c.p.ctx, c.nextLocked()); err != nil {
		return err
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.state == answered {
		c.sendBye(opts...)
	}
	return nil
}

// sendBye ends the dialog; the call is over at once, whatever the answer (RFC 3261 §15.1.1). p.mu is held.
func (c *Call) sendBye(opts ...Option) {
	m := c.request("BYE")
	o := choose(opts)
	o.apply(m)
	var answer func(*Message)
	var auth *challenge
	answer = func(r *Message) {
		if next := c.p.challenged(r, auth, c.opts); next != nil && r.Status >= 300 {
			auth = next
			again := c.request("BYE")
			o.apply(again)
			c.p.authorize(again, next, c.opts)
			c.p.start(again, c.next(), answer, nil)
		}
	}
	c.p.authorize(m, nil, c.opts)
	c.p.start(m, c.next(), answer, nil)
	c.finish(End{Message: m, Reason: m.Get("Reason")})
}

// Reinvite sends a re-INVITE with the current description, or the one of WithSDP or WithoutSDP, and returns its
// final response. A 491 is waited out once and tried again (RFC 3261 §14.1).
func (c *Call) Reinvite(ctx context.Context, opts ...Option) (*Message, error) {
	o := choose(opts)
	build := func() *Message {
		m := c.request("INVITE")
		c.body(m, o, nil)
		o.apply(m)
		return m
	}
	c.p.mu.Lock()
	if c.state != answered || c.reinviting {
		c.p.mu.Unlock()
		return nil, errors.New("phone: no re-INVITE now: the call is not up, or another one is open")
	}
	if o.direction != "" {
		c.direction = o.direction
	}
	c.p.mu.Unlock()
	for retried := false; ; retried = true {
		m, err := c.reinviteOnce(ctx, o, build)
		if err != nil || m.Status != 491 || retried {
			return m, err
		}
		c.p.mu.Lock()
		back := time.Duration(c.p.rng.IntN(200)) * 10 * time.Millisecond
		c.p.mu.Unlock()
		if !c.Incoming { // the owner of the Call-ID waits longer
			back = 2100*time.Millisecond + back*19/20
		}
		if err := c.p.pause(ctx, back); err != nil || !c.Active() {
			return m, err
		}
	}
}

func (c *Call) reinviteOnce(ctx context.Context, o choice, build func() *Message) (*Message, error) {
	c.p.mu.Lock()
	c.reinviting = true
	c.p.mu.Unlock()
	defer func() {
		c.p.mu.Lock()
		c.reinviting = false
		c.p.mu.Unlock()
	}()
	return c.p.try(ctx, c.nextLocked(), o, build, func(m *Message) {
		c.responses = keep(c.responses, m)
		if m.Status >= 200 && m.Status < 300 {
			c.reaccepted(m, o)
		}
	})
}

// reaccepted acknowledges a 2xx to a re-INVITE and takes its description. p.mu is held.
func (c *Call) reaccepted(m *Message, o choice) {
	n, _ := m.CSeq()
	if old := c.acks[n]; old != nil {
		c.p.write(c.next(), old, &Message{Method: "ACK"}, true)
		return
	}
	c.refresh(m)
	c.show(m)
	saved := c.opts.noSDP
	c.opts.noSDP = o.noSDP
	c.unacked = m
	if s := m.SDP(); s != nil && !o.noSDP {
		c.agree(s, c.offering)
	}
	c.ack("")
	c.opts.noSDP = saved
}

// refresh takes a new remote target (RFC 3261 §12.2.1.2).
func (c *Call) refresh(m *Message) {
	if contact := m.Get("Contact"); contact != "" {
		c.target = URIOf(contact)
	}
}

// Update sends an UPDATE (RFC 3311), with WithSDP or WithDirection as an offer, otherwise without one.
func (c *Call) Update(ctx context.Context, opts ...Option) (*Message, error) {
	o := choose(opts)
	build := func() *Message {
		m := c.request("UPDATE")
		if o.direction != "" {
			c.direction = o.direction
		}
		if o.sdp != "" || o.direction != "" {
			c.body(m, o, nil)
		}
		o.apply(m)
		return m
	}
	return c.p.try(ctx, c.nextLocked(), o, build, func(m *Message) {
		if m.Status < 200 || m.Status >= 300 {
			return
		}
		c.refresh(m)
		if s := m.SDP(); s != nil {
			c.agree(s, c.offering)
		}
	})
}

// Hold holds the peer by re-INVITE: with "sendonly", "inactive", or "0.0.0.0" as old phones do (RFC 3264 §8.4). When
// it is refused, the call stays as it was and the error is a *StatusError.
func (c *Call) Hold(ctx context.Context, how string) error {
	if how == "0.0.0.0" {
		return c.redirect(ctx, SendRecv, true)
	}
	return c.redirect(ctx, how, false)
}

// Resume ends a hold.
func (c *Call) Resume(ctx context.Context) error { return c.redirect(ctx, SendRecv, false) }

func (c *Call) redirect(ctx context.Context, direction string, zero bool) error {
	c.p.mu.Lock()
	oldDirection, oldZero := c.direction, c.zero
	c.direction, c.zero = direction, zero
	c.p.mu.Unlock()
	m, err := c.Reinvite(ctx)
	if err == nil && m.Status >= 300 {
		err = &StatusError{m}
	}
	if err != nil {
		c.p.mu.Lock()
		c.direction, c.zero = oldDirection, oldZero
		c.p.mu.Unlock()
	}
	return err
}

// MoveMedia opens another RTP socket and tells the peer by re-INVITE. The old one is still read.
func (c *Call) MoveMedia(ctx context.Context) error {
	if _, err := c.Media.Move(); err != nil {
		return err
	}
	m, err := c.Reinvite(ctx)
	if err == nil && m.Status >= 300 {
		err = &StatusError{m}
	}
	return err
}
