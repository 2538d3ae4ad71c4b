package ozeki

import (
	"strings"

	"ringdown/callstate"
)

const (
	maxNumber = 64
	maxKeys   = 128
)

func anything(text string) (string, bool) { return text, true }

func nothing(string) (string, bool) { return "", false }

// number accepts what may become the user part of a SIP URI as it stands (edge case A16). Blanks are refused at the
// ends too: a plus sign that was not escaped arrives as one, and +361... without its plus is somebody else.
func number(text string) (string, bool) {
	if len(text) > maxNumber {
		return "", false
	}
	for i := range len(text) {
		if !isAlphanumeric(text[i]) && strings.IndexByte("+*#-_.!~()", text[i]) < 0 {
			return "", false
		}
	}
	return text, true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// keys accepts 0-9 * # A-D in any case, and a comma or p for a pause (spec ozeki 8.2), and returns them as
// callstate.SendKeys wants them.
func keys(text string) (string, bool) {
	if len(text) > maxKeys {
		return "", false
	}
	out := []byte(text)
	for i, c := range out {
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'D', c == '*', c == '#', c == ',':
		case 'a' <= c && c <= 'd':
			out[i] = c - 'a' + 'A'
		case c == 'p', c == 'P':
			out[i] = ','
		default:
			return "", false
		}
	}
	return string(out), true
}

// oneOf accepts the given sides in any case (spec ozeki 1.3).
func oneOf(sides ...callstate.Side) func(string) (string, bool) {
	return func(text string) (string, bool) {
		for _, s := range sides {
			if strings.EqualFold(text, string(s)) {
				return string(s), true
			}
		}
		return "", false
	}
}
