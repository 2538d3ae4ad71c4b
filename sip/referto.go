package sip

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// referTo is what a Refer-To asks for. Of the headers in its URI only Replaces counts; Require is fulfilled by what is
// done with it, all others are dropped (T16).
type referTo struct {
	number   string
	replaces replaces
	text     string // the Replaces without escapes, empty when there is none
}

// maxReferTo bounds a Refer-To: a URI of some hundred bytes with an escaped Call-ID and two tags.
const maxReferTo = 2048

// readReferTo reads the value with or without angle brackets. Only an INVITE can be asked for. What comes out of its
// escapes holds no control characters, so that nothing of it can become a header of its own (X15).
func readReferTo(value string) (t referTo, status int, reason string) {
	if len(value) > maxReferTo {
		return t, 400, "Refer-To too long"
	}
	uri := unquoted(strings.TrimSpace(value))
	rest := uri
	if i := strings.IndexByte(uri, '<'); i >= 0 {
		j := strings.IndexByte(uri[i:], '>')
		if j < 0 {
			return t, 400, "Refer-To without >"
		}
		uri, rest = uri[i+1:i+j], uri[i+j:]
	}
	if strings.Contains(rest, ",") { // RFC 3261 §20: without <> no comma can be part of the URI
		return t, 400, "Exactly one Refer-To"
	}
	uri, headers := cutHeaders(uri)
	if t.number, status, reason = referNumber(uri); status != 0 {
		return t, status, reason
	}
	t.replaces, t.text, reason = embedded(headers)
	if reason != "" {
		return referTo{}, 400, reason
	}
	return t, 0, ""
}

// cutHeaders parts a URI from its headers. A question mark may also stand in the user part (RFC 3261 §25.1).
func cutHeaders(uri string) (bare, headers string) {
	user := 0
	if !isTel(uri) {
		user = max(0, strings.IndexByte(uri, '@'))
	}
	bare, headers, _ = strings.Cut(uri[user:], "?")
	return uri[:user] + bare, headers
}

func isTel(uri string) bool { return len(uri) >= 4 && strings.EqualFold(uri[:4], "tel:") }

// referNumber is the number that the URI of a Refer-To asks for. Some phones write it alone (T17).
func referNumber(uri string) (number string, status int, reason string) {
	if isNumber(uri) {
		return uri, 0, ""
	}
	var u sip.Uri
	if err := sip.ParseUri(uri, &u); err != nil {
		return "", 400, "Refer-To is not a URI"
	}
	switch u.Scheme {
	case "sip", "sips", "tel":
	default:
		return "", 416, ""
	}
	if m, ok := u.UriParams.Get("method"); ok && !strings.EqualFold(m, "INVITE") {
		return "", 400, "Refer-To: only INVITE"
	}
	number = dialled(u)
	if number == "" && isNumber(u.Host) {
		number = strings.Clone(u.Host) // sip:2002
	}
	if number == "" || !isPlain(number) {
		return "", 400, "Refer-To without a number"
	}
	return number, 0, ""
}

// isNumber tells whether s consists of the keys of a phone, with or without a plus at its head.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "+")
	return s != "" && strings.Trim(s, "0123456789*#") == ""
}

// embedded reads the headers in a Refer-To URI; reason says what is wrong with them.
func embedded(headers string) (r replaces, text, reason string) {
	for h := range strings.SplitSeq(headers, "&") {
		name, v, _ := strings.Cut(h, "=")
		switch {
		case strings.EqualFold(name, "Join"):
			return r, "", "Refer-To: Join" // P11, and we join nobody
		case !strings.EqualFold(name, "Replaces"):
			continue
		case text != "":
			return r, "", "Refer-To: more than one Replaces" // P11
		}
		var ok bool
		text = unescape(v)
		if r, ok = readReplaces(text); !ok {
			return r, "", "Refer-To: bad Replaces"
		}
	}
	return r, text, ""
}

// unquoted is a header value without the display name in quotes at its head, which may hold anything.
func unquoted(value string) string {
	if !strings.HasPrefix(value, `"`) {
		return value
	}
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '"':
			return value[i+1:]
		}
	}
	return value
}
