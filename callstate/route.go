package callstate

import (
	"slices"
	"strings"
)

// By is who calls a number, and whose rights count. Its zero value has none: it reaches extensions alone.
type By struct {
	Extension string // its number
	Trunk     string // the call came from there: its inbound routes say where it goes
	Outside   bool   // it may call outside, whoever it is: an inbound route has sent it there
}

// Route is where a dialled number leads.
type Route struct {
	Number  string    // the extension to ring, or the outside number to call
	Hops    []Hop     // the trunks for an outside number, the first choice first; none for an extension
	Refused CauseKind // why it leads nowhere: NotFound or Barred; empty when it does
}

// Hop is one trunk for an outside number.
type Hop struct {
	Trunk  string
	Number string // as it goes to that trunk
}

// outside tells whether the number is reached by a trunk.
func (r Route) outside() bool { return len(r.Hops) > 0 }

// Route looks a number up for whoever calls it. An extension is an extension whoever calls; an outside number asks for
// the right of the extension that calls it. What comes from a trunk goes where that trunk's inbound routes send it, to
// an outside number too: the routes themselves give that right.
func (d *Directory) Route(number string, by By) Route {
	if by.Trunk != "" {
		to, ok := d.inbound(number, by.Trunk)
		if !ok {
			return Route{Number: number, Refused: NotFound}
		}
		number = to
	}
	if d.Knows(number) {
		return Route{Number: number}
	}
	hops, ok := d.outbound(number)
	switch {
	case !ok:
		return Route{Number: number, Refused: NotFound}
	case by.Trunk == "" && !d.mayCallOut(by):
		return Route{Number: number, Refused: Barred} // edge cases T17, F6: toll fraud
	}
	return Route{Number: number, Hops: hops}
}

// named is where a destination leads that an application names: a number as Route has it, or the name of a trunk, by which
// dialled is called as it is.
func (d *Directory) named(destination, dialled string, by By) Route {
	switch {
	case !d.namesTrunk(destination):
		return d.Route(destination, by)
	case !isNumber(dialled):
		return Route{Number: dialled, Refused: NotFound}
	case !d.mayCallOut(by):
		return Route{Number: dialled, Refused: Barred}
	}
	return Route{Number: dialled, Hops: []Hop{{Trunk: destination, Number: dialled}}}
}

// namesTrunk tells whether a destination is the name of a trunk, and not an extension.
func (d *Directory) namesTrunk(destination string) bool {
	return d.Trunks[destination] && !d.Knows(destination)
}

// mayCallOut tells whether who calls has the right to outside numbers.
func (d *Directory) mayCallOut(by By) bool { return by.Outside || d.Extensions[by.Extension].Outbound }

// inbound is the number that a call from a trunk is for.
func (d *Directory) inbound(number, trunk string) (to string, ok bool) {
	for _, r := range d.Inbound {
		if r.Trunk == trunk && r.Pattern.MatchString(number) {
			return strings.ReplaceAll(r.To, "{number}", number), true
		}
	}
	return "", false
}

// outbound is the trunks by which an outside number is called. What is no number at all is none of a trunk's, also where
// a pattern without ^ and $ finds one in it: at the trunk, 0301234;rn=0900123 would be called at another place.
func (d *Directory) outbound(number string) (hops []Hop, ok bool) {
	if !isNumber(number) {
		return nil, false
	}
	i := slices.IndexFunc(d.Outbound, func(r OutboundRoute) bool { return len(r.Trunks) > 0 && r.Pattern.MatchString(number) })
	if i < 0 {
		return nil, false
	}
	r := d.Outbound[i]
	there := r.Prepend + number[min(r.Strip, len(number)):]
	if there == "" {
		return nil, false // nobody is left to be called
	}
	for _, trunk := range r.Trunks {
		hops = append(hops, Hop{Trunk: trunk, Number: there})
	}
	return hops, true
}

// isNumber tells whether a text can be an outside number: in a URI nothing of it is escaped, and none of it parts the
// user from a parameter, a password or a host (edge case A16).
func isNumber(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("+*#-_.!~()", c) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= maxNumber
}

// by is whose rights count for what a leg's party asks for during a call. Who is outside has none, whatever number it
// shows: a trunk's caller can call itself like an extension.
func (l *Leg) by() By {
	if l == nil || l.Trunk != "" {
		return By{}
	}
	return By{Extension: l.Party.Number}
}

// at tells whether the party of a leg is who a route leads to.
func (l *Leg) at(r Route) bool {
	return l != nil && l.Party.Number == r.Number && (l.Trunk != "") == r.outside()
}
