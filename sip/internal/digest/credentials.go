package digest

import (
	"errors"
	"strconv"
	"strings"
)

// maxHeader bounds one Authorization header in bytes; an honest one has about 300.
const maxHeader = 4096

// maxHeaders bounds how many Authorization headers of one request are read.
const maxHeaders = 16

var (
	errScheme    = errors.New("digest: not the Digest scheme")
	errMalformed = errors.New("digest: malformed credentials")
)

// credentials are the parameters of one Authorization header, unquoted. An empty one was absent or empty: neither is
// legal where it is needed.
type credentials struct {
	username, realm, nonce, uri, response string
	algorithm, cnonce, qop, nc            string
}

// field gives the place of a parameter and its bit, nil for one that means nothing here (opaque, charset, extensions).
func (c *credentials) field(name string) (place *string, bit uint16) {
	switch strings.ToLower(name) {
	case "username":
		return &c.username, 1 << 0
	case "realm":
		return &c.realm, 1 << 1
	case "nonce":
		return &c.nonce, 1 << 2
	case "uri":
		return &c.uri, 1 << 3
	case "response":
		return &c.response, 1 << 4
	case "algorithm":
		return &c.algorithm, 1 << 5
	case "cnonce":
		return &c.cnonce, 1 << 6
	case "qop":
		return &c.qop, 1 << 7
	case "nc":
		return &c.nc, 1 << 8
	}
	return nil, 0
}

// parseCredentials reads the value of an Authorization or Proxy-Authorization header. It returns errScheme for another
// scheme, and errMalformed for a text that is not a list of parameters or names one of ours twice.
func parseCredentials(s string) (credentials, error) {
	var c credentials
	s = trimLWS(s)
	scheme, rest := s, ""
	if i := strings.IndexAny(s, " \t\r\n"); i >= 0 {
		scheme, rest = s[:i], s[i:]
	}
	if !strings.EqualFold(scheme, "Digest") {
		return c, errScheme
	}
	var seen uint16 // bits of field
	for {
		// RFC 3261 §25.1: a comma list; empty elements are let pass, some phones end with a comma.
		rest = strings.TrimLeft(rest, ", \t\r\n")
		if rest == "" {
			return c, nil
		}
		name, value, tail, ok := cutParam(rest)
		if !ok {
			return credentials{}, errMalformed
		}
		rest = tail
		f, bit := c.field(name)
		if f == nil {
			continue
		}
		if seen&bit != 0 {
			return credentials{}, errMalformed // two answers to one question: which one did a proxy look at?
		}
		seen |= bit
		*f = value
	}
}

// cutParam splits `name=value` or `name="value"` from the head of s. What follows must be a comma or the end.
func cutParam(s string) (name, value, tail string, ok bool) {
	name, s, ok = strings.Cut(s, "=")
	if name = trimLWS(name); !ok || name == "" || strings.ContainsAny(name, " \t\r\n,\"") {
		return "", "", "", false
	}
	s = trimLWS(s)
	if strings.HasPrefix(s, `"`) {
		if value, s, ok = cutQuoted(s[1:]); !ok {
			return "", "", "", false
		}
	} else {
		end := strings.IndexByte(s, ',')
		if end < 0 {
			end = len(s)
		}
		value, s = trimLWS(s[:end]), s[end:]
		if strings.ContainsAny(value, " \t\r\n\"") {
			return "", "", "", false
		}
	}
	s = trimLWS(s)
	return name, value, s, s == "" || s[0] == ','
}

// cutQuoted reads a quoted string, whose opening quote is gone, up to its closing one, and takes the escapes out.
func cutQuoted(s string) (value, tail string, ok bool) {
	end := strings.IndexAny(s, `"\`)
	if end < 0 {
		return "", "", false
	}
	if s[end] == '"' {
		return s[:end], s[end+1:], true
	}
	plain := append(make([]byte, 0, len(s)), s[:end]...)
	for i := end; i < len(s); i++ {
		switch s[i] {
		case '"':
			return string(plain), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		plain = append(plain, s[i])
	}
	return "", "", false
}

func trimLWS(s string) string { return strings.Trim(s, " \t\r\n") }

// check says whether the parameters make an answer to one of our challenges, and reads nc. It looks at form only, so
// its verdict is the same for every user. The RFC 2069 form has no nc: that gives once. fault says what does not fit.
func (c credentials) check(a Algorithm) (nc uint32, fault string) {
	switch {
	case c.username == "":
		return 0, "no username"
	case c.nonce == "":
		return 0, "no nonce"
	case c.uri == "":
		return 0, "no uri"
	case !isHex(c.response, a.hexLen()):
		return 0, "response is not of the algorithm"
	}
	if c.qop == "" {
		// RFC 7616 §3.4: a client leaves qop out only to be compatible with RFC 2069, which knows only MD5.
		if a != MD5 {
			return 0, "no qop"
		}
		return once, ""
	}
	// RFC 7616 §3.4: qop must be one that we offered (so no auth-int), cnonce and an 8LHEX nc must come with it.
	switch {
	case !strings.EqualFold(c.qop, "auth"):
		return 0, "qop is not auth"
	case c.cnonce == "":
		return 0, "no cnonce"
	case !isHex(c.nc, 8):
		return 0, "nc is not 8 hex digits"
	}
	n, err := strconv.ParseUint(c.nc, 16, 32)
	if err != nil || n == 0 {
		return 0, "nc is 0" // counting starts at 1
	}
	return uint32(n), ""
}

// isHex accepts upper case too: the RFCs say lower, some old phones do not.
func isHex(s string, length int) bool {
	if len(s) != length {
		return false
	}
	for i := range len(s) {
		switch b := s[i] | 0x20; {
		case '0' <= s[i] && s[i] <= '9', 'a' <= b && b <= 'f':
		default:
			return false
		}
	}
	return true
}
