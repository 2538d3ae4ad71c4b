package phone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// StatusError is a final response other than 2xx, where only a 2xx would do.
type StatusError struct{ Response *Message }

func (e *StatusError) Error() string {
	return fmt.Sprintf("phone: answered %d %s", e.Response.Status, e.Response.Reason)
}

func cseq(n uint32, method string) string { return fmt.Sprintf("%d %s", n, method) }

// request makes the headers that every request has. p.mu is held.
func (p *Phone) request(method, uri, from, to, callID string, number uint32) *Message {
	m := &Message{Method: method, URI: uri}
	via := p.local
	if p.cfg.Transport == "udp" || p.listener == nil {
		via = localAddr(p.udp.LocalAddr())
	}
	m.Add("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s;rport", strings.ToUpper(p.cfg.Transport), via, p.token(16)))
	m.Add("Max-Forwards", "70")
	m.Add("From", from)
	m.Add("To", to)
	m.Add("Call-ID", callID)
	m.Add("CSeq", cseq(number, method))
	m.Add("User-Agent", "phone")
	return m
}

const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY, PRACK, MESSAGE"

// allow is the value of the Allow header.
func (p *Phone) allow() string {
	if p.cfg.Allow == nil {
		return allow
	}
	return strings.Join(p.cfg.Allow, ", ")
}

// allows says whether the phone obeys a method at all.
func (p *Phone) allows(method string) bool {
	return p.cfg.Allow == nil || slices.Contains(p.cfg.Allow, method)
}

// advertise adds what the phone claims to understand: Allow, and Supported unless that is empty.
func (p *Phone) advertise(m *Message) {
	m.Add("Allow", p.allow())
	supported := p.cfg.Supported
	if supported == nil {
		supported = []string{"replaces"}
	}
	if len(supported) > 0 {
		m.Add("Supported", strings.Join(supported, ", "))
	}
}

// hop is where a request outside of dialogs to that target goes.
func (p *Phone) hop(target string, o choice) (to peer, err error) {
	switch to.addr = p.server; {
	case o.server != "":
		to.addr, err = resolve(o.server)
	case p.cfg.Server == "" && strings.Contains(target, ":"):
		to.addr, err = nextHop(target)
	}
	return to, err
}

// try sends requests made by build until one is not challenged, or cannot be authorised (RFC 3261 §22.2), and
// returns its final response. build and onResponse run with p.mu held; build counts CSeq up.
func (p *Phone) try(ctx context.Context, to peer, o choice, build func() *Message, onResponse func(*Message)) (*Message, error) {
	to, err := p.connect(ctx, to)
	if err != nil {
		return nil, err
	}
	if onResponse == nil {
		onResponse = func(*Message) {}
	}
	var c *challenge
	for {
		p.mu.Lock()
		req := build()
		p.authorize(req, c, o)
		t := p.start(req, to, onResponse, nil)
		p.mu.Unlock()
		var final *Message
		var failed error
		met := func() (done bool) { final, failed, done = t.ended(); return done }
		if err := p.await(ctx, "the answer to "+req.Method, met); err != nil {
			p.mu.Lock()
			t.forget()
			p.mu.Unlock()
			return nil, err
		}
		if failed != nil {
			return nil, fmt.Errorf("phone %s: %s to %s: %w", p.cfg.Number, req.Method, to.addr, failed)
		}
		p.mu.Lock()
		next := p.challenged(final, c, o)
		p.mu.Unlock()
		if next == nil {
			return final, nil
		}
		c = next
	}
}

// authorize answers c, or with ReuseNonce the last challenge there was. p.mu is held.
func (p *Phone) authorize(req *Message, c *challenge, o choice) {
	if o.noAuth {
		return
	}
	user, password := p.cfg.User, p.cfg.Password
	if o.user != "" {
		user = o.user
	}
	if o.password != "" {
		password = o.password
	}
	if c != nil {
		c.authorize(req, user, password, p.token(12))
		if p.cfg.ReuseNonce {
			p.nonce[c.answer] = c
		}
		return
	}
	for _, known := range p.nonce {
		known.authorize(req, user, password, p.token(12))
	}
}

// challenged returns the challenge to answer, or nil when the response is the result: not a challenge, no password,
// or the last answer was refused without stale=true (RFC 7616 §3.3). p.mu is held.
func (p *Phone) challenged(m *Message, previous *challenge, o choice) *challenge {
	if (m.Status != 401 && m.Status != 407) || o.noAuth || (o.password == "" && p.cfg.Password == "") {
		return nil
	}
	c := findChallenge(m)
	if c == nil || (previous != nil && previous.answer == c.answer && (!c.stale || previous.nonce == c.nonce)) {
		return nil
	}
	return c
}

type registration struct {
	callID, tag string
	seq         uint32
}

// RegisterRaw sends a REGISTER and returns the final response, whatever it is. Without options it queries nothing
// special: Contact is ContactURI and there is no Expires.
func (p *Phone) RegisterRaw(ctx context.Context, opts ...Option) (*Message, error) {
	o := choose(opts)
	build := func() *Message {
		p.reg.seq++
		uri := "sip:" + p.cfg.Domain
		if o.uri != "" {
			uri = o.uri
		}
		aor := "<" + p.URI() + ">"
		m := p.request("REGISTER", uri, aor+";tag="+p.reg.tag, aor, p.reg.callID, p.reg.seq)
		m.Add("Contact", "<"+p.ContactURI()+">")
		if o.expires >= 0 {
			m.Add("Expires", fmt.Sprint(o.expires))
		}
		m.Add("Allow", p.allow())
		o.apply(m)
		return m
	}
	to, err := p.hop("", o)
	if err != nil {
		return nil, err
	}
	return p.try(ctx, to, o, build, nil)
}

// Register binds the phone's Contact for that many seconds; another answer than 2xx is a *StatusError.
func (p *Phone) Register(ctx context.Context, expires int, opts ...Option) error {
	m, err := p.RegisterRaw(ctx, append(opts, WithExpires(expires))...)
	if err == nil && m.Status >= 300 {
		err = &StatusError{m}
	}
	return err
}

// Unregister removes the binding (RFC 3261 §10.2.2).
func (p *Phone) Unregister(ctx context.Context) error { return p.Register(ctx, 0) }

// Request sends a request outside of any dialog to a number or SIP URI, and returns its final response.
func (p *Phone) Request(ctx context.Context, method, target string, opts ...Option) (*Message, error) {
	o := choose(opts)
	p.mu.Lock()
	id, tag, seq := p.token(16), p.token(8), uint32(0)
	p.mu.Unlock()
	build := func() *Message {
		seq++
		uri := p.targetURI(target)
		m := p.request(method, uri, p.identity()+";tag="+tag, "<"+uri+">", id, seq)
		if o.uri != "" {
			m.URI = o.uri
		}
		m.Add("Contact", "<"+p.ContactURI()+">")
		o.apply(m)
		return m
	}
	to, err := p.hop(target, o)
	if err != nil {
		return nil, err
	}
	return p.try(ctx, to, o, build, nil)
}

// targetURI makes a URI of a number; a URI stays as it is.
func (p *Phone) targetURI(target string) string {
	if strings.Contains(target, ":") {
		return target
	}
	return "sip:" + target + "@" + p.cfg.Domain
}

// identity is the phone's From or To without a tag.
func (p *Phone) identity() string {
	if p.cfg.Display != "" {
		return fmt.Sprintf("%q <%s>", p.cfg.Display, p.URI())
	}
	return "<" + p.URI() + ">"
}

func asStatus(err error, target **StatusError) bool { return errors.As(err, target) }
