package sip

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// anonymous is the number of a party that does not want to be known.
const anonymous = "anonymous"

// Ranks of what shows that an INVITE is a trunk's: the most exact counts, the first trunk of a rank.
const (
	notOurs     = iota
	byAddress   // Identify names its address
	byTransport // Identify, or the look-up of Address, names its address and port, but over TCP any port may call
	byPort      // one of the two names its address and port
	byAccount   // it is addressed to the account that we registered there
)

// identify finds the trunk that sends an INVITE; nil: it is none, whoever sends it has to prove who it is.
//
// The address alone is not enough where the From names an extension of ours at our own domain: that is a phone behind
// the trunk's address, as behind one NAT, and it is challenged like any other. A trunk's callers have numbers at the
// provider's domain, and one that claims to be an extension must not pass as it.
func (a *Agent) identify(s *tx.Server) *trunk {
	if len(a.trunks) == 0 || a.ownUser(s) {
		return nil
	}
	var best *trunk
	rank := notOurs
	for _, t := range a.trunks {
		if r := t.claims(s); r > rank {
			best, rank = t, r
		}
	}
	return best
}

// ownUser tells whether the From of a request is an extension at our domain or at an address of ours.
func (a *Agent) ownUser(s *tx.Server) bool {
	u := s.Request().From().Address
	if _, known := a.secrets[unescape(u.User)]; !known {
		return false
	}
	if strings.EqualFold(u.Host, a.cfg.Domain) {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(u.Host, "[]"))
	return err == nil && (addr.Unmap() == a.cfg.Advertise || addr.Unmap() == s.Flow().Local.Addr().Unmap())
}

// claims tells how exactly an INVITE is the trunk's.
func (t *trunk) claims(s *tx.Server) (rank int) {
	from := netip.AddrPortFrom(s.Flow().Remote.Addr().Unmap(), s.Flow().Remote.Port())
	named := t.Identify
	if t.Register || len(named) == 0 {
		t.mu.Lock()
		for _, g := range t.targets {
			if t.Register && g.remote.Addr() == from.Addr() && t.ownAccount(s.Request()) {
				rank = byAccount
			}
			if len(t.Identify) == 0 {
				named = append(named, g.remote)
			}
		}
		t.mu.Unlock()
	}
	for _, at := range named {
		switch {
		case at.Addr().Unmap() != from.Addr():
		case at.Port() == from.Port():
			rank = max(rank, byPort)
		case at.Port() == 0:
			rank = max(rank, byAddress)
		case s.Flow().Reliable():
			rank = max(rank, byTransport)
		}
	}
	return rank
}

// ownAccount tells whether a request is addressed to the Contact that we registered.
func (t *trunk) ownAccount(req *sip.Request) bool { return unescape(req.Recipient.User) == t.Username }

// called is the number that a trunk calls: the user part of the Request-URI. At a registered trunk that is often the
// account; the number is then where the provider left it.
func (t *trunk) called(req *sip.Request) string {
	number := dialled(req.Recipient)
	if !t.Register || !t.ownAccount(req) {
		return number
	}
	for _, a := range tx.Addresses(lines(req, "P-Called-Party-ID")...) { // RFC 7315 §4.2
		if n := numberOf(a.URI); n != "" {
			return n
		}
	}
	if n := numberOf(req.To().Address); n != "" {
		return n
	}
	return number
}

// caller is who calls by a trunk. It is trusted to say so (RFC 3325 §5); a caller who wants no name gets none.
func caller(req *sip.Request) callstate.Party {
	from := req.From()
	p := callstate.Party{Number: numberOf(from.Address), Name: printable(tx.Unquote(from.DisplayName))}
	hidden := strings.EqualFold(p.Number, anonymous) || p.Number == "" ||
		strings.EqualFold(from.Address.Host, "anonymous.invalid")
	asserted := tx.Addresses(lines(req, "P-Asserted-Identity")...)
	for _, a := range asserted {
		if n := numberOf(a.URI); n != "" {
			p, hidden = callstate.Party{Number: n, Name: printable(a.Display)}, false
			break
		}
	}
	if hidden || private(req) || strings.EqualFold(numberOf(from.Address), anonymous) {
		return callstate.Party{Number: anonymous}
	}
	return p
}

// private tells whether Privacy asks to hide the caller (RFC 3323 §4.2, RFC 3325 §9.3).
func private(req *sip.Request) bool {
	for _, v := range lines(req, "Privacy") {
		for p := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			switch strings.ToLower(p) {
			case "id", "user", "header":
				return true
			}
		}
	}
	return false
}

// lines are the values of a header, one for each of its lines.
func lines(m message, name string) (out []string) {
	for h := range each(m, name) {
		out = append(out, h.Value())
	}
	return out
}

// numberOf is the number of a sip or tel URI, empty when it has none.
func numberOf(u sip.Uri) string {
	switch u.Scheme {
	case "sip", "sips", "tel":
		return printable(dialled(u))
	}
	return ""
}

const maxParty = 128 // bytes of a number or name that somebody else chose

// printable drops control characters, and what is beyond any number or name. It is a text of its own: a call keeps it,
// but not the message that it was read from.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > maxParty {
		s = strings.ToValidUTF8(s[:maxParty], "")
	}
	return strings.Clone(s)
}
