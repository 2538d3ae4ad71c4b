package location

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Key is the canonical text under which contacts are the same binding of an AOR.
//
// With an instance it is that and the reg-id (RFC 5626 §6), so that a phone which comes back from another port or
// address replaces its binding. Without a reg-id the instance alone still names one phone. Without an instance it is
// the contact's URI, made comparable.
func Key(contact, instance string, regID int) string {
	if instance == "" {
		return uriKey(contact)
	}
	// RFC 4122 §3: a UUID in a URN is compared without case.
	return "instance:" + strings.ToLower(instance) + ";" + strconv.Itoa(regID)
}

// uriKey reduces a SIP URI to the parts that RFC 3261 §19.1.4 compares always: scheme, user, password, host, port, and
// of the parameters the one that phones use, transport. An absent port is not 5060 and an absent transport not UDP.
// Left out are the rarer user, ttl, method, maddr, and headers. A URI of another scheme is its own key.
func uriKey(uri string) string {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(uri), ":")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "sip" && scheme != "sips" {
		return "uri:" + uri
	}
	var b strings.Builder
	b.WriteString(scheme)
	b.WriteByte(':')
	// A user part may hold ";" and "?" and a host may not hold "@", so the "@" is looked for first.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, password, has := strings.Cut(rest[:i], ":")
		rest = rest[i+1:]
		b.WriteString(unescape(user)) // RFC 3261 §19.1.4: case matters, and an escape equals its character
		if has {
			b.WriteByte(':')
			b.WriteString(unescape(password))
		}
		b.WriteByte('@')
	}
	rest, _, _ = strings.Cut(rest, "?")
	hostport, params, _ := strings.Cut(rest, ";")
	b.WriteString(hostKey(strings.TrimSpace(hostport)))
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "transport") {
			b.WriteString(";transport=")
			b.WriteString(strings.ToLower(strings.TrimSpace(value)))
			break
		}
	}
	return b.String()
}

// hostKey gives host and port one spelling: lower case, shortest IPv6, no leading zeros.
func hostKey(hostport string) string {
	if ap, err := netip.ParseAddrPort(hostport); err == nil {
		return ap.String()
	}
	if inner, ok := strings.CutPrefix(hostport, "["); ok && strings.HasSuffix(inner, "]") {
		if a, err := netip.ParseAddr(inner[:len(inner)-1]); err == nil {
			return "[" + a.String() + "]"
		}
	}
	return strings.ToLower(hostport)
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
