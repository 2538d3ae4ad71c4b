package sip

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
)

// maxRedirects is how many Contacts of a redirection count (edge case F9).
const maxRedirects = 10

// redirects are the numbers that a phone sends its caller to by 300, 301 or 302, the most wanted first (edge case F4).
// A Contact counts by its user part alone, whatever its host: the dial plan decides where that number is, as if the phone
// had dialled it. 305 and 380 name no number (F7).
func redirects(res *sip.Response) (out []callstate.Redirect) {
	switch res.StatusCode {
	case 300, 301, 302:
	default:
		return nil
	}
	for h := range each(res, "Contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok || c.Address.Wildcard {
			continue
		}
		n := dialled(c.Address)
		switch c.Address.Scheme {
		case "sip", "sips", "tel":
		default:
			continue
		}
		if n != "" && n == printable(n) && !strings.ContainsAny(n, " \t") { // A16
			out = append(out, callstate.Redirect{Number: n, Q: preference(c)})
		}
	}
	slices.SortStableFunc(out, func(a, b callstate.Redirect) int { return cmp.Compare(b.Q, a.Q) })
	seen := map[string]bool{}
	out = slices.DeleteFunc(out, func(r callstate.Redirect) bool {
		again := seen[r.Number]
		seen[r.Number] = true
		return again
	})
	return out[:min(len(out), maxRedirects)]
}

// preference is q in thousandths (RFC 3261 §20.10); one that cannot be read counts as none.
func preference(c *sip.ContactHeader) int {
	v, ok := c.Params.Get("q")
	q, err := strconv.ParseFloat(v, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return 1000
	}
	return int(math.Round(q * 1000))
}
