package ozeki

import (
	"strings"

	"ringdown/callstate"
	"ringdown/control/access"
)

const maxKeys = 128

func anything(text string) (string, bool) { return text, true }

func nothing(string) (string, bool) { return "", false }

// number accepts what may become part of a SIP URI.
func number(text string) (string, bool) { return text, access.Number(text) }

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
