package digest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// Challenge is one WWW-Authenticate or Proxy-Authenticate value that a client can answer (RFC 7616 §3.3).
type Challenge struct {
	Realm     string
	Stale     bool // the credentials were right, the nonce was too old
	Nonce     string
	opaque    string
	algorithm Algorithm
	named     bool // the algorithm was named, so the answer names it too
	qop       bool // "auth" is offered
}

// Choose returns the first of the values that can be answered: their order is the server's preference (RFC 8760 §2.4).
// Another scheme, an unknown or a "-sess" algorithm, and a qop without auth cannot.
func Choose(values []string) (Challenge, bool) {
	for i, v := range values {
		if i == maxHeaders {
			break
		}
		if c, ok := parseChallenge(v); ok {
			return c, true
		}
	}
	return Challenge{}, false
}

func parseChallenge(s string) (c Challenge, ok bool) {
	if len(s) > maxHeader {
		return c, false
	}
	scheme, rest, _ := strings.Cut(trimLWS(s), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return c, false
	}
	c.algorithm = MD5
	qopGiven := false
	for {
		if rest = strings.TrimLeft(rest, ", \t\r\n"); rest == "" {
			return c, c.Nonce != "" && (c.qop || !qopGiven)
		}
		var name, value string
		if name, value, rest, ok = cutParam(rest); !ok || strings.ContainsAny(value, "\r\n") {
			return c, false
		}
		switch strings.ToLower(name) {
		case "realm":
			c.Realm = strings.Clone(value)
		case "nonce":
			c.Nonce = strings.Clone(value)
		case "opaque":
			c.opaque = strings.Clone(value)
		case "stale":
			c.Stale = strings.EqualFold(value, "true")
		case "algorithm":
			if c.algorithm, ok = algorithmOf(value); !ok {
				return c, false
			}
			c.named = true
		case "qop":
			qopGiven = true
			for q := range strings.SplitSeq(value, ",") {
				c.qop = c.qop || strings.EqualFold(trimLWS(q), "auth")
			}
		}
	}
}

// Answer is the Authorization or Proxy-Authorization value with which a user answers the challenge for the nc-th time.
func (c Challenge) Answer(user, password, method, uri string, nc uint32) string {
	creds := credentials{nonce: c.Nonce, uri: uri}
	if c.qop {
		var random [8]byte
		rand.Read(random[:]) // never fails
		creds.qop, creds.cnonce, creds.nc = "auth", hex.EncodeToString(random[:]), fmt.Sprintf("%08x", nc)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, escaped(user),
		escaped(c.Realm), escaped(c.Nonce), uri, NewSecret(user, c.Realm, password).response(c.algorithm, creds, method))
	if c.named {
		fmt.Fprintf(&b, ", algorithm=%s", c.algorithm)
	}
	if c.opaque != "" {
		fmt.Fprintf(&b, `, opaque="%s"`, escaped(c.opaque))
	}
	if c.qop {
		fmt.Fprintf(&b, `, qop=auth, nc=%s, cnonce="%s"`, creds.nc, creds.cnonce)
	}
	return b.String()
}

// escaped writes the inside of a quoted string (RFC 3261 §25.1).
func escaped(s string) string { return escapes.Replace(s) }

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "")
