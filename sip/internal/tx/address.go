package tx

import (
	"errors"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// cutList splits a header value at the first comma outside quotes and angle brackets (RFC 3261 §7.3.1).
func cutList(s string) (first, rest string) {
	quoted, angle := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ',' && !angle:
			return strings.Trim(s[:i], " \t"), s[i+1:]
		}
	}
	return strings.Trim(s, " \t"), ""
}

// closingQuote returns the index of the quote that ends the quoted string at the start of s, or -1.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// parseAddress reads a name-addr or addr-spec with its header parameters (RFC 3261 §20.10, §25.1). display is as sipgo
// keeps it: without the quotes, escapes untouched.
func parseAddress(s string, to *sip.Uri, r *room) (display string, params sip.HeaderParams, ok bool) {
	s = strings.Trim(s, " \t")
	rest := s
	if strings.HasPrefix(s, `"`) {
		end := closingQuote(s)
		if end < 0 {
			return "", nil, false // RFC 4475 §3.1.2.6
		}
		display = s[1:end]
		rest = strings.TrimLeft(s[end+1:], " \t")
		if !strings.HasPrefix(rest, "<") {
			return "", nil, false
		}
	} else if at := strings.IndexByte(s, '<'); at >= 0 && !hasAny(s[:at], &notInPhrase) {
		display = strings.TrimRight(s[:at], " \t")
		rest = s[at:]
	}
	var uri string
	if inner, angled := strings.CutPrefix(rest, "<"); angled {
		uri, rest, ok = strings.Cut(inner, ">")
		if !ok {
			return "", nil, false
		}
		uri = strings.Trim(uri, " \t") // RFC 4475 §3.1.2.14: liberal
	} else {
		// Without brackets, what follows a semicolon belongs to the header (§20.10).
		uri, rest = rest, ""
		if at := strings.IndexByte(uri, ';'); at >= 0 {
			uri, rest = uri[:at], uri[at:]
		}
		uri = strings.TrimRight(uri, " \t")
		if hasAny(uri, &onlyInBrackets) {
			return "", nil, false // RFC 4475 §3.1.2.13, RFC 3261 §20: such a URI has to be in brackets
		}
	}
	if parseURI(uri, to, r) != nil {
		return "", nil, false
	}
	params, ok = parseParams(strings.TrimLeft(rest, " \t"), r)
	return display, params, ok
}

// byteSet is a set of bytes. Headers are so short that strings.ContainsAny spends most of its time preparing.
type byteSet [256]bool

func bytesOf(chars string) (set byteSet) {
	for i := range len(chars) {
		set[chars[i]] = true
	}
	return set
}

func hasAny(s string, set *byteSet) bool {
	for i := range len(s) {
		if set[s[i]] {
			return true
		}
	}
	return false
}

var (
	notInURI       = bytesOf(" \t<>\"")
	notInName      = bytesOf(" \t\"<>@,")
	notInValue     = bytesOf(" \t\"")
	notInHost      = bytesOf("@/\\")
	notInPhrase    = bytesOf(`";@\`)
	onlyInBrackets = bytesOf("?,")
	blanks         = bytesOf(" \t")
	lineBreaks     = bytesOf("\r\n")
)

var errURI = errors.New("tx: malformed URI")

// parseURI reads a URI into uri and refuses what sipgo lets through.
func parseURI(s string, uri *sip.Uri, r *room) error {
	if hasAny(s, &notInURI) {
		return errURI
	}
	if !plainURI(s, uri, r) {
		// sipgo takes a missing scheme for sip.
		if scheme, _, ok := strings.Cut(s, ":"); s != "*" && (!ok || !isScheme(scheme)) {
			return errURI
		}
		if err := sip.ParseUri(s, uri); err != nil {
			return err
		}
	}
	if uri.Scheme != "sip" && uri.Scheme != "sips" {
		return nil
	}
	if uri.User == "" && strings.IndexByte(s, '@') >= 0 {
		return errURI
	}
	if uri.Host == "" || uri.Port < 0 || uri.Port > 65535 || hasAny(uri.Host, &notInHost) {
		return errURI
	}
	return nil
}

// plainURI reads the usual URI, sip:user@host:port;name=value, as sipgo does, which takes three times as long. It returns
// false for any other and leaves it to sipgo.
func plainURI(s string, uri *sip.Uri, r *room) bool {
	rest, ok := strings.CutPrefix(s, "sip:")
	if !ok || hasAny(rest, &notPlain) {
		return false
	}
	u := sip.Uri{Scheme: "sip", Host: rest}
	if at := strings.IndexByte(rest, '@'); at >= 0 {
		u.User, u.Host = rest[:at], rest[at+1:]
		if strings.IndexByte(u.User, ':') >= 0 || strings.IndexByte(u.Host, '@') >= 0 {
			return false
		}
	}
	if at := strings.IndexByte(u.Host, ';'); at >= 0 {
		if u.UriParams, ok = plainParams(u.Host[at:], r); !ok {
			return false
		}
		u.Host = u.Host[:at]
	}
	if at := strings.IndexByte(u.Host, ':'); at >= 0 {
		digits := u.Host[at+1:]
		u.Host = u.Host[:at]
		if len(digits) == 0 || len(digits) > 5 {
			return false
		}
		for i := range len(digits) {
			if digits[i] < '0' || digits[i] > '9' {
				return false
			}
			u.Port = 10*u.Port + int(digits[i]-'0')
		}
	}
	*uri = u
	return u.Host != ""
}

// notPlain are also the bytes that no URI has (RFC 3261 §25.1): sipgo takes some of them for white space.
var notPlain = func() byteSet {
	set := bytesOf(`/[?"*`)
	for c := range set {
		set[c] = set[c] || c <= ' ' || c >= 0x7f
	}
	return set
}()

// plainParams reads URI parameters without quotes of which none has an empty name or is there twice.
func plainParams(s string, r *room) (params sip.HeaderParams, ok bool) {
	params = r.begin()
	for s != "" {
		s = s[1:]
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		name, value, _ := strings.Cut(s[:end], "=")
		s = s[end:]
		if name == "" || params.Has(name) {
			return nil, false
		}
		params = append(params, sip.HeaderKV{K: name, V: value})
	}
	return r.keep(params), true
}

// parseParams reads *( ";" name [ "=" value ] ). Quotes stay in the value, unless it holds white space: sipgo then
// writes them itself.
func parseParams(s string, r *room) (params sip.HeaderParams, ok bool) {
	if s == "" {
		return nil, true
	}
	params = r.begin()
	for s != "" {
		if s[0] != ';' {
			return nil, false
		}
		s = strings.TrimLeft(s[1:], " \t")
		end := 0
		for end < len(s) && s[end] != '=' && s[end] != ';' {
			end++
		}
		name, value := strings.TrimRight(s[:end], " \t"), ""
		s = s[end:]
		if strings.HasPrefix(s, "=") {
			if value, s, ok = cutValue(strings.TrimLeft(s[1:], " \t")); !ok {
				return nil, false
			}
		}
		if name == "" || hasAny(name, &notInName) {
			return nil, false // RFC 4475 §3.1.2.1: empty parameters
		}
		params = append(params, sip.HeaderKV{K: name, V: value})
	}
	return r.keep(params), true
}

// cutValue takes a parameter value, a token, a host or a quoted string, off the front of s.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		value = strings.TrimRight(s[:end], " \t")
		return value, s[end:], value != "" && !hasAny(value, &notInValue)
	}
	end := closingQuote(s)
	if end < 0 {
		return "", "", false
	}
	value, rest = s[:end+1], strings.TrimLeft(s[end+1:], " \t")
	if strings.ContainsAny(value, " \t") {
		value = value[1:end]
	}
	return value, rest, rest == "" || rest[0] == ';'
}

// Address is one name-addr of a header that the layer leaves as text, such as P-Asserted-Identity.
type Address struct {
	Display string // without quotes and escapes
	URI     sip.Uri
}

// Addresses reads the name-addrs of a header's lines, in order. Those that cannot be read are left out.
func Addresses(lines ...string) (out []Address) {
	for _, line := range lines {
		for line != "" && len(out) < maxAddresses {
			var text string
			text, line = cutList(line)
			var uri sip.Uri
			if display, _, ok := parseAddress(text, &uri, nil); ok {
				out = append(out, Address{Unquote(display), uri})
			}
		}
	}
	return out
}

const maxAddresses = 16

// Unquote takes the escapes out of a display name as sipgo keeps it (RFC 3261 §25.1, quoted-pair).
func Unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
