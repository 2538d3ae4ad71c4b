package ozeki

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ringdown/callstate"
	"ringdown/control/access"
)

const (
	maxKeys    = 128
	maxDisplay = 128 // characters
)

func anything(text string) (string, bool) { return text, true }

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

// address accepts a number, also as number@localhost (spec ozeki 6).
func address(text string) (string, bool) { return number(strings.TrimSuffix(text, "@localhost")) }

// display accepts a name that a phone shows: nothing of it may end the header that it stands in (edge case X15).
func display(text string) (string, bool) {
	if utf8.RuneCountInString(text) > maxDisplay {
		return "", false
	}
	return text, strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// wholeSeconds accepts 1 second to 1 day.
func wholeSeconds(text string) (string, bool) {
	n, err := strconv.Atoi(text)
	return text, err == nil && n >= 1 && n <= 24*60*60
}

// secondsOrNone accepts 0 as well, which stands for none.
func secondsOrNone(text string) (string, bool) {
	if text == "0" {
		return text, true
	}
	return wholeSeconds(text)
}

// decimalSeconds accepts 0.01 seconds to a minute.
func decimalSeconds(text string) (string, bool) {
	s, err := strconv.ParseFloat(text, 64)
	return text, err == nil && s >= 0.01 && s <= 60
}

// hertz accepts tones that every phone passes on.
func hertz(text string) (string, bool) {
	n, err := strconv.Atoi(text)
	return text, err == nil && n >= 50 && n <= 3400
}

// yesOrNo accepts true and false, and 1 and 0.
func yesOrNo(text string) (string, bool) {
	yes, err := strconv.ParseBool(strings.ToLower(text))
	return strconv.FormatBool(yes), err == nil
}

// format accepts the two of Record. There is no encoder of MP3: what was recorded is told to be wav (spec ozeki 8.14).
func format(text string) (string, bool) {
	return "wav", strings.EqualFold(text, "wav") || strings.EqualFold(text, "mp3")
}

// digits accepts keys without pauses.
func digits(text string) (string, bool) {
	if strings.ContainsAny(text, ",pP") {
		return "", false
	}
	return keys(text)
}

// folder accepts a relative path that stays below where it begins (edge case X18).
func folder(text string) (string, bool) {
	text = strings.TrimSuffix(text, "/")
	return text, len(text) <= maxDisplay && plainPath(text)
}

// secondsOf is the time that wholeSeconds has accepted, 0 for none.
func secondsOf(text string) time.Duration {
	n, _ := strconv.Atoi(text)
	return time.Duration(n) * time.Second
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
