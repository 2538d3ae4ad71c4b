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
		c := &challenge{answer: answer}
		for _, part := range splitOutside(rest, ',') {
			k, v, _ := strings.Cut(part, "=")
			v = strings.Trim(strings.TrimSpace(v), `"`)
			switch strings.ToLower(strings.TrimSpace(k)) {
			case "realm":
				c.realm = v
			case "nonce":
				c.nonce = v
			case "opaque":
				c.opaque = v
			case "algorithm":
				c.algorithm = v
			case "stale":
				c.stale = strings.EqualFold(v, "true")
			case "qop":
				for _, q := range strings.Split(v, ",") {
					c.qop = c.qop || strings.TrimSpace(q) == "auth"
				}
			}
		}
		if c.hash() != nil {
			return c
		}
	}
	return nil
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

// authorize puts the answer to the challenge into a request, in place of an older one (RFC 7616 §3.4).
func (c *challenge) authorize(m *Message, user, password, cnonce string) {
	c.count++
	sum := func(s string) string {
		h := c.hash()
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
	ha1, ha2 := sum(user+":"+c.realm+":"+password), sum(m.Method+":"+m.URI)
	nc := fmt.Sprintf("%08x", c.count)
	response := sum(ha1 + ":" + c.nonce + ":" + ha2)
	if c.qop {
		response = sum(ha1 + ":" + c.nonce + ":" + nc + ":" + cnonce + ":auth:" + ha2)
	}
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
