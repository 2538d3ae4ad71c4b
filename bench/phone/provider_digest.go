package phone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// authorised says whether a request has the right credentials, and asks for them when it has none, or wrong ones
// (RFC 3261 §22.1).
func (p *Provider) authorised(m *Message, rules Rules, status int) bool {
	if rules.Username == "" {
		return true
	}
	if status == 0 {
		status = 407
	}
	name, answer := "WWW-Authenticate", "Authorization"
	if status == 407 {
		name, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	algorithms := rules.Algorithms
	if len(algorithms) == 0 {
		algorithms = []string{"MD5"}
	}
	right, stale := p.verify(m, m.All(answer), rules, algorithms)
	if right {
		return true
	}
	var opts []Option
	for _, algorithm := range algorithms {
		v := fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s`, rules.Realm, p.issue(m, algorithm), algorithm)
		if !rules.NoQop {
			v += `, qop="auth"`
		}
		if stale {
			v += ", stale=true"
		}
		opts = append(opts, WithHeader(name, v))
	}
	p.Respond(m, status, "", opts...)
	return false
}

// issue makes a nonce for a request.
func (p *Provider) issue(m *Message, algorithm string) string {
	p.Phone.mu.Lock()
	nonce := p.token(24)
	p.Phone.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.nonces) >= 10_000 {
		clear(p.nonces)
	}
	n, _ := m.CSeq()
	p.nonces[nonce] = &issued{algorithm: algorithm, callID: m.Get("Call-ID"), from: m.FromTag(), method: m.Method, cseq: n}
	return nonce
}

// verify checks the credentials of a request (RFC 7616 §3.4). What a client must not do is a fault, whether or not it
// makes the credentials wrong.
func (p *Provider) verify(m *Message, values []string, rules Rules, algorithms []string) (right, stale bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range values {
		scheme, rest, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Digest") {
			continue
		}
		c := digestParams(rest)
		if c["realm"] != rules.Realm {
			continue // for another server on the way
		}
		n := p.nonces[c["nonce"]]
		if n == nil || !slices.Contains(algorithms, n.algorithm) {
			stale = true // RFC 7616 §3.3: the password may be right, the nonce is not
			continue
		}
		if !p.correct(m, c, n, rules) {
			continue
		}
		p.retried(m, n)
		if n.uses++; rules.NonceUses > 0 && n.uses > rules.NonceUses {
			delete(p.nonces, c["nonce"])
			stale = true
			continue
		}
		return true, false
	}
	return false, stale
}

// correct checks user, URI, nc and response. p.mu is held.
func (p *Provider) correct(m *Message, c map[string]string, n *issued, rules Rules) bool {
	if c["username"] != rules.Username {
		p.fault("%s: credentials of user %q", m.Method, c["username"])
		return false
	}
	if c["uri"] != m.URI { // RFC 7616 §3.4.6
		p.fault("%s: uri=%q where the Request-URI is %s", m.Method, c["uri"], m.URI)
		return false
	}
	if a := c["algorithm"]; !strings.EqualFold(a, n.algorithm) && !(a == "" && n.algorithm == "MD5") {
		p.fault("%s: algorithm %q answers a challenge of %s", m.Method, a, n.algorithm)
		return false
	}
	check := challenge{realm: rules.Realm, nonce: c["nonce"], algorithm: n.algorithm, qop: c["qop"] == "auth"}
	if check.qop == rules.NoQop {
		p.fault("%s: qop %q", m.Method, c["qop"])
	}
	if check.response(rules.Username, rules.Password, m.Method, c["uri"], c["nc"], c["cnonce"]) != c["response"] {
		p.fault("%s: wrong response", m.Method)
		return false
	}
	if check.qop {
		count, err := strconv.ParseUint(c["nc"], 16, 32)
		if err != nil || count <= n.count || c["cnonce"] == "" {
			p.fault("%s: nc=%s after %d, cnonce %q", m.Method, c["nc"], n.count, c["cnonce"])
			return false
		}
		n.count = count
	}
	return true
}

// retried checks that the first request with a nonce is the one that was asked for credentials, sent again (RFC 3261
// §22.2, §8.1.3.5): same Call-ID and From tag, CSeq up by one, no To tag that an answer told. p.mu is held.
func (p *Provider) retried(m *Message, n *issued) {
	if n.uses > 0 {
		return
	}
	cseq, _ := m.CSeq()
	switch {
	case m.Get("Call-ID") != n.callID:
		p.fault("%s: another Call-ID than the request that was asked for credentials", m.Method)
	case m.FromTag() != n.from:
		p.fault("%s: another From tag than the request that was asked for credentials", m.Method)
	case m.Method == n.method && cseq != n.cseq+1:
		p.fault("%s: CSeq %d after %d", m.Method, cseq, n.cseq)
	}
}

// fault notes what a client did wrong. p.mu is held.
func (p *Provider) fault(format string, args ...any) {
	if len(p.faults) < 100 {
		p.faults = append(p.faults, fmt.Sprintf(format, args...))
	}
}

// Faults are the offences of clients against digest and registration rules: a wrong password, nc that does not grow,
// another Call-ID, From tag or CSeq than RFC 3261 §22.2 asks for.
func (p *Provider) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}
