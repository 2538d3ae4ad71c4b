package ozeki

import "unicode/utf8"

// appendText adds s as XML character data. What XML 1.0 has no way to write (most control characters, broken UTF-8)
// becomes U+FFFD; a carriage return is written as a reference because a parser would make it a line feed. Quotes stay
// as they are, like in the vendor's samples: they mean nothing outside an attribute.
func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			b = appendASCII(b, c)
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == 0xFFFE || r == 0xFFFF {
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
		i += size
	}
	return b
}

func appendASCII(b []byte, c byte) []byte {
	switch {
	case c == '&':
		return append(b, "&amp;"...)
	case c == '<':
		return append(b, "&lt;"...)
	case c == '>':
		return append(b, "&gt;"...)
	case c == '\r':
		return append(b, "&#xD;"...)
	case c < ' ' && c != '\t' && c != '\n':
		return append(b, "\uFFFD"...)
	}
	return append(b, c)
}
