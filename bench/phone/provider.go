package phone

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Provider plays an outside line, a phone that others reach without being registered at it and that may ask them for
// credentials: it takes calls (WaitCall, Config.AutoAnswer, Config.OnInvite), refuses them or stays silent, serves a
// REGISTER client, and calls in (CallIn, CallRegistered). Its Rules may change at any time.
type Provider struct {
	*Phone

	mu       sync.Mutex // guards what follows; Phone.mu may be held when it is taken, never the reverse
	rules    Rules
	nonces   map[string]*issued
	bindings []Binding
	accepted int
	faults   []string
}

// Rules say how a Provider treats what comes in.
type Rules struct {
	Username, Password string   // the credentials that it asks for; without a user name it asks nobody
	Realm              string   // default the provider's domain
	Challenge          int      // status that asks for them at an INVITE: 401, or 407, the default. REGISTER gets 401
	Algorithms         []string // of the challenges, in this order; default MD5
	NoQop              bool     // as RFC 2069 clients know it
	NonceUses          int      // so often a nonce serves, then it is stale; 0: for ever
	InDialog           bool     // requests inside a dialog, but BYE, are asked too

	Silent     bool // answers nothing at all
	Refuse     int  // status for every new call, such as 503
	RetryAfter int  // seconds, told with Refuse and RefuseRegister; 0: not told

	RefuseRegister int // status for every REGISTER that has the right credentials
	MinExpires     int // a REGISTER for less gets 423 (RFC 3261 §10.2.8)
	Expires        int // the longest that is granted, seconds; 0: what was asked for
}

// Binding is a Contact that registered at a Provider.
type Binding struct {
	Contact string // URI
	Expires int    // granted, seconds
	Until   time.Time
	Request *Message
}

// issued is a nonce that was given out, and what it was given out for.
type issued struct {
	algorithm    string
	callID, from string // tag
	method       string
	cseq         uint32
	uses         int
	count        uint64 // highest nc
}

// NewProvider opens a provider. Config.Number is not needed; Server is where it calls in.
func NewProvider(cfg Config, rules Rules) (*Provider, error) {
	if cfg.Number == "" {
		cfg.Number = "provider"
	}
	p := &Provider{rules: rules, nonces: map[string]*issued{}}
	next := cfg.OnRequest
	ready := make(chan struct{})
	cfg.OnRequest = func(m *Message) bool {
		<-ready // the first request may come before New returns
		return p.serveProvider(m) || next != nil && next(m)
	}
	var err error
	if p.Phone, err = New(cfg); err != nil {
		return nil, err
	}
	close(ready)
	return p, nil
}

// Change changes the rules for what comes from now on.
func (p *Provider) Change(f func(*Rules)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.rules)
}

// serveProvider answers what the rules decide, and leaves the rest to the phone. It runs on the reader's goroutine.
func (p *Provider) serveProvider(m *Message) (handled bool) {
	p.mu.Lock()
	rules := p.rules
	p.mu.Unlock()
	if rules.Realm == "" {
		rules.Realm = p.cfg.Domain
	}
	fresh := m.ToTag() == ""
	switch {
	case rules.Silent:
		return true
	case m.Method == "REGISTER":
		if p.authorised(m, rules, 401) {
			p.register(m, rules)
		}
		return true
	case fresh && m.Method == "INVITE", !fresh && rules.InDialog && m.Method != "BYE" && m.Method != "CANCEL":
		if !p.authorised(m, rules, rules.Challenge) {
			return true
		}
	}
	if fresh && m.Method == "INVITE" && rules.Refuse > 0 {
		p.Respond(m, rules.Refuse, "", retryAfter(rules)...)
		return true
	}
	return false
}

func retryAfter(rules Rules) []Option {
	if rules.RetryAfter == 0 {
		return nil
	}
	return []Option{WithHeader("Retry-After", fmt.Sprint(rules.RetryAfter))}
}

// register is the registrar (RFC 3261 §10.3).
func (p *Provider) register(m *Message, rules Rules) {
	if rules.RefuseRegister > 0 {
		p.Respond(m, rules.RefuseRegister, "", retryAfter(rules)...)
		return
	}
	contacts := m.List("Contact")
	for _, c := range contacts {
		if e := expiresOf(m, c); e > 0 && e < rules.MinExpires {
			p.Respond(m, 423, "", WithHeader("Min-Expires", fmt.Sprint(rules.MinExpires)))
			return
		}
	}
	p.mu.Lock()
	for _, c := range contacts {
		p.bind(m, c, rules)
	}
	p.accepted++
	var opts []Option
	for _, b := range p.bindings {
		opts = append(opts, WithHeader("Contact", fmt.Sprintf("<%s>;expires=%d", b.Contact, b.Expires)))
	}
	p.mu.Unlock()
	p.Respond(m, 200, "", opts...)
	p.wake()
}

// bind takes one Contact of a REGISTER. p.mu is held.
func (p *Provider) bind(m *Message, contact string, rules Rules) {
	uri, seconds := URIOf(contact), expiresOf(m, contact)
	kept := p.bindings[:0:0]
	for _, b := range p.bindings {
		if b.Contact == uri || contact == "*" {
			p.checkOrder(b.Request, m)
			continue
		}
		if b.Until.After(time.Now()) && len(kept) < 50 {
			kept = append(kept, b)
		}
	}
	if p.bindings = kept; seconds == 0 || contact == "*" {
		return
	}
	if rules.Expires > 0 {
		seconds = min(seconds, rules.Expires)
	}
	until := time.Now().Add(time.Duration(seconds) * time.Second)
	p.bindings = append(p.bindings, Binding{Contact: uri, Expires: seconds, Until: until, Request: m})
}

// checkOrder notes a refresh whose CSeq did not grow (RFC 3261 §10.2: one Call-ID, CSeq up by one). p.mu is held.
func (p *Provider) checkOrder(before, now *Message) {
	a, _ := before.CSeq()
	b, _ := now.CSeq()
	if before.Get("Call-ID") != now.Get("Call-ID") {
		p.fault("a registration was refreshed under another Call-ID")
	} else if b <= a {
		p.fault("a registration was refreshed with CSeq %d after %d", b, a)
	}
}

// expiresOf is what a Contact asks for (RFC 3261 §10.2.1.1), seconds.
func expiresOf(m *Message, contact string) int {
	seconds := 3600
	for _, text := range []string{m.Get("Expires"), Param(contact, "expires")} {
		if text != "" {
			fmt.Sscan(text, &seconds)
		}
	}
	return max(0, seconds)
}

// Bindings returns what is registered now.
func (p *Provider) Bindings() []Binding {
	p.mu.Lock()
	defer p.mu.Unlock()
	var live []Binding
	for _, b := range p.bindings {
		if b.Until.After(time.Now()) {
			live = append(live, b)
		}
	}
	return live
}

// WaitRegistered waits until n REGISTERs, removals among them, were accepted.
func (p *Provider) WaitRegistered(ctx context.Context, n int) error {
	return p.await(ctx, fmt.Sprint("accepted REGISTER number ", n), func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.accepted >= n
	})
}

// wake has waits look again.
func (p *Provider) wake() {
	p.Phone.mu.Lock()
	defer p.Phone.mu.Unlock()
	p.changed.raise()
}

// CallIn calls a number at Config.Server as a provider does: From is a number of the outside, or a whole header value.
// Options as of Dial; WithAsserted tells the caller's P-Asserted-Identity, WithURI another Request-URI than To.
func (p *Provider) CallIn(ctx context.Context, from, to string, opts ...Option) (*Call, error) {
	if URIOf(from) == from {
		from = "<" + p.targetURI(from) + ">"
	}
	return p.Dial(ctx, to, append([]Option{WithFrom(from)}, opts...)...)
}

// CallRegistered calls the newest Contact that is registered here, as a registrar's proxy does: it is the Request-URI,
// and where the INVITE is sent, while To names the number that was called.
func (p *Provider) CallRegistered(ctx context.Context, from, to string, opts ...Option) (*Call, error) {
	live := p.Bindings()
	if len(live) == 0 {
		return nil, fmt.Errorf("phone %s: nobody is registered here", p.cfg.Number)
	}
	uri := live[len(live)-1].Contact
	at, err := nextHop(uri)
	if err != nil {
		return nil, err
	}
	return p.CallIn(ctx, from, to, append([]Option{WithURI(uri), WithServer(at.String())}, opts...)...)
}

// WithAsserted sets P-Asserted-Identity (RFC 3325 §9.1).
func WithAsserted(value string) Option { return WithHeader("P-Asserted-Identity", value) }
