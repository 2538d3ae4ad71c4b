package digest

import (
	"net/url"
	"strings"
)

// sameURI says whether the uri that was hashed names the same resource as the Request-URI. The texts are compared
// first; then user and host alone, because proxies and gateways on the way add ports and parameters and change sip
// to sips (RFC 3261 §22.4 item 3 and RFC 7616 §3.4.6 leave "equivalent" to the server). A hashed uri without a user
// names the server alone: sipp hashes that for every method; nonce, nc and method still tie the answer to one request.
func sameURI(hashed, request string) bool {
	if hashed == request {
		return true
	}
	hu, hh, ok1 := userHost(hashed)
	ru, rh, ok2 := userHost(request)
	return ok1 && ok2 && (hu == ru || hu == "") && strings.EqualFold(hh, rh)
}

// userHost takes user and host from a sip or sips URI.
func userHost(uri string) (user, host string, ok bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return "", "", false
	}
	// RFC 3261 §25.1: a user may hold ";" and "?", so the "@" is looked for first; a host may not hold one.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, rest = rest[:i], rest[i+1:]
		if plain, err := url.PathUnescape(user); err == nil {
			user = plain
		}
	}
	if i := strings.IndexAny(rest, ";?"); i >= 0 {
		rest = rest[:i]
	}
	if strings.HasPrefix(rest, "[") {
		if i := strings.IndexByte(rest, ']'); i > 0 {
			return user, rest[:i+1], true
		}
		return "", "", false
	}
	host, _, _ = strings.Cut(rest, ":")
	return user, host, host != ""
}
