package phone

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// challenge is one WWW-Authenticate or Proxy-Authenticate value (RFC 7616 §3.3, RFC 8760).
type challenge struct {
	answer    string // the header that answers it
	realm     string
	nonce     string
	opaque    string
	algorithm string // as written; "" is MD5
	qop       bool   // "auth" is offered
	stale     bool
	count     uint32 // nc
}

// findChallenge returns the first challenge of a 401 or 407 that the phone supports, or nil. RFC 8760 §2.4: the
// order of the headers is the server's preference.
func findChallenge(m *Message) *challenge {
	name, answer := "WWW-Authenticate", "Authorization"
	if m.Status == 407 {
		name, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	for _, v := range m.All(name) {
		scheme, rest, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Digest") {
			continue
		}
		params := digestParams(rest)
		c := &challenge{
			answer: answer, realm: params["realm"], nonce: params["nonce"], opaque: params["opaque"],
			algorithm: params["algorithm"], stale: strings.EqualFold(params["stale"], "true"),
		}
		for _, q := range strings.Split(params["qop"], ",") {
			c.qop = c.qop || strings.TrimSpace(q) == "auth"
		}
		if c.hash() != nil {
			return c
		}
	}
	return nil
}

// digestParams takes the parameters of a Digest challenge or of credentials apart, names in lower case.
func digestParams(s string) map[string]string {
	params := map[string]string{}
	for _, part := range splitOutside(s, ',') {
		k, v, _ := strings.Cut(part, "=")
		params[strings.ToLower(strings.TrimSpace(k))] = strings.Trim(strings.TrimSpace(v), `"`)
	}
	return params
}

func (c *challenge) hash() hash.Hash {
	switch strings.ToUpper(c.algorithm) {
	case "", "MD5":
		return md5.New()
	case "SHA-256":
		return sha256.New()
	}
	return nil
}

// response is the digest (RFC 7616 §3.4.1).
func (c *challenge) response(user, password, method, uri, nc, cnonce string) string {
	sum := func(s string) string {
		h := c.hash()
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
	ha1, ha2 := sum(user+":"+c.realm+":"+password), sum(method+":"+uri)
	if c.qop {
		return sum(ha1 + ":" + c.nonce + ":" + nc + ":" + cnonce + ":auth:" + ha2)
	}
	return sum(ha1 + ":" + c.nonce + ":" + ha2)
}

// authorize puts the answer to the challenge into a request, in place of an older one (RFC 7616 §3.4).
func (c *challenge) authorize(m *Message, user, password, cnonce string) {
	c.count++
	nc := fmt.Sprintf("%08x", c.count)
	response := c.response(user, password, m.Method, m.URI, nc, cnonce)
	v := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`,
		user, c.realm, c.nonce, m.URI, response)
	if c.algorithm != "" {
		v += ", algorithm=" + c.algorithm
	}
	if c.opaque != "" {
		v += fmt.Sprintf(`, opaque="%s"`, c.opaque)
	}
	if c.qop {
		v += fmt.Sprintf(`, qop=auth, nc=%s, cnonce="%s"`, nc, cnonce)
	}
	m.Set(c.answer, v)
}
