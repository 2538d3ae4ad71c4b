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

// wanted is why the text of a parameter is refused. It never repeats the text, which may be a secret.
type wanted string

func (w wanted) Error() string { return "must be " + string(w) }

// unless is a text that is right, or what is wanted in its place.
func (w wanted) unless(text string, right bool) (string, error) {
	if !right {
		return "", w
	}
	return text, nil
}

func anything(text string) (string, error) { return text, nil }

// number accepts what may become part of a SIP URI.
func number(text string) (string, error) { return wanted("a number").unless(text, access.Number(text)) }

// keys accepts 0-9 * # A-D in any case, and a comma or p for a pause (spec ozeki 8.2), and returns them as
// callstate.SendKeys wants them.
func keys(text string) (string, error) {
	const want wanted = "of 0-9 * # A-D and commas, at most 128"
	if len(text) > maxKeys {
		return "", want
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
			return "", want
		}
	}
	return string(out), nil
}

// address accepts a number, also as number@localhost (spec ozeki 6).
func address(text string) (string, error) { return number(strings.TrimSuffix(text, "@localhost")) }

// display accepts a name that a phone shows: nothing of it may end the header that it stands in (edge case X15).
func display(text string) (string, error) {
	fits := utf8.RuneCountInString(text) <= maxDisplay
	return wanted("printable, at most 128 characters").unless(text,
		fits && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0)
}

// wholeSeconds accepts 1 second to 1 day.
func wholeSeconds(text string) (string, error) {
	n, err := strconv.Atoi(text)
	return wanted("a whole number of seconds from 1 to 86400").unless(text, err == nil && n >= 1 && n <= 24*60*60)
}

// secondsOrNone accepts 0 as well, which stands for none.
func secondsOrNone(text string) (string, error) {
	if text == "0" {
		return text, nil
	}
	return wholeSeconds(text)
}

// decimalSeconds accepts 0.01 seconds to a minute.
func decimalSeconds(text string) (string, error) {
	s, err := strconv.ParseFloat(text, 64)
	return wanted("seconds from 0.01 to 60").unless(text, err == nil && s >= 0.01 && s <= 60)
}

// hertz accepts tones that every phone passes on.
func hertz(text string) (string, error) {
	n, err := strconv.Atoi(text)
	return wanted("a whole number of hertz from 50 to 3400").unless(text, err == nil && n >= 50 && n <= 3400)
}

// yesOrNo accepts true and false, and 1 and 0.
func yesOrNo(text string) (string, error) {
	yes, err := strconv.ParseBool(strings.ToLower(text))
	return wanted("true or false").unless(strconv.FormatBool(yes), err == nil)
}

// format accepts the two of Record. There is no encoder of MP3: what was recorded is told to be wav (spec ozeki 8.14).
func format(text string) (string, error) {
	return wanted("wav or mp3").unless("wav", strings.EqualFold(text, "wav") || strings.EqualFold(text, "mp3"))
}

// digits accepts keys without pauses.
func digits(text string) (string, error) {
	out, err := keys(text)
	return wanted("of 0-9 * # A-D, at most 128").unless(out, err == nil && !strings.Contains(out, ","))
}

// folder accepts a relative path that stays below where it begins (edge case X18).
func folder(text string) (string, error) {
	text = strings.TrimSuffix(text, "/")
	return wanted("a relative path of letters, digits, - _ and .").unless(text, len(text) <= maxDisplay && plainPath(text))
}

// secondsOf is the time that wholeSeconds has accepted, 0 for none.
func secondsOf(text string) time.Duration {
	n, _ := strconv.Atoi(text)
	return time.Duration(n) * time.Second
}

// oneOf accepts the given sides in any case (spec ozeki 1.3).
func oneOf(sides ...callstate.Side) func(string) (string, error) {
	return func(text string) (string, error) {
		for _, s := range sides {
			if strings.EqualFold(text, string(s)) {
				return string(s), nil
			}
		}
		return "", choice(sides)
	}
}

// choice is one of several texts that are wanted: "a, b or c".
func choice[T ~string](all []T) wanted {
	text := string(all[0])
	for i, one := range all[1:] {
		glue := ", "
		if i == len(all)-2 {
			glue = " or "
		}
		text += glue + string(one)
	}
	return wanted(text)
}
