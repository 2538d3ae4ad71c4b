package main

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Trunk is a way to outside numbers: an IP peer that is known by its address, or a registration at a provider.
type Trunk struct {
	Name      string           // of its routes, channels and logs
	Address   string           // host or host:port, where calls are sent
	Transport string           // "udp" or "tcp"
	Identify  []netip.AddrPort // where its calls come from; port 0: any
	Username  string           // for its challenges
	Password  Secret
	Register  bool
	Expires   time.Duration // of the registration that is asked for
	From      string        // NUMBER or NUMBER@HOST that it is shown as the caller; empty: the number of whoever calls
	Qualify   time.Duration // between two OPTIONS that tell whether it is there; 0: none
}

const (
	sipPort        = 5060
	trunkExpires   = 10 * time.Minute
	trunkQualify   = 30 * time.Second
	leastExpires   = 30 * time.Second
	maxPattern     = 256 // bytes of one route's pattern
	numberVariable = placeholder
)

// trunks reads the list.
func (r *reader) trunks(c *Config) func(ast.Node, string) {
	seen := map[string]int{}
	return r.list(`[{name: provider, address: "192.0.2.10:5060"}]`, func(n ast.Node, key string) {
		t := Trunk{Transport: "udp", Expires: trunkExpires, Qualify: trunkQualify}
		r.fields(n, key, []field{
			{name: "name", read: set(r, &t.Name, parseTrunkName)},
			{name: "address", read: set(r, &t.Address, parseHostPort)},
			{name: "transport", read: set(r, &t.Transport, oneOf("udp", "tcp"))},
			{name: "identify", read: r.identify(&t)},
			{name: "username", read: set(r, &t.Username, parseName)},
			{name: "password", read: set(r, &t.Password, parseSecret)},
			{name: "register", read: r.flag(&t.Register)},
			{name: "expires", read: set(r, &t.Expires, parseExpires)},
			{name: "from", read: set(r, &t.From, parseFrom)},
			{name: "qualify", read: set(r, &t.Qualify, parseQualify)},
		})
		if r.require(key, "name", "name the trunk") {
			if first, twice := seen[t.Name]; twice {
				k := join(key, "name")
				r.fault(r.where(k), k, problem{fmt.Sprintf("%s is already a trunk on line %d", t.Name, first), "give each trunk a name of its own"})
			}
			seen[t.Name] = r.where(key).line
		}
		r.require(key, "address", "write where calls are sent, as in 192.0.2.10:5060")
		r.trunkLogin(key, &t)
		if !r.has(join(key, "identify")) {
			t.Identify = ownAddress(t.Address)
		}
		c.Trunks = append(c.Trunks, t)
	})
}

// trunkLogin notes what a registration or an answer to a challenge would lack.
func (r *reader) trunkLogin(key string, t *Trunk) {
	switch {
	case t.Password != "" && t.Username == "":
		r.require(key, "username", "name the account that the password is of")
	case t.Register:
		r.require(key, "username", "name the account that is registered")
		r.require(key, "password", "give the account's password")
	}
}

// ownAddress is where the calls of a trunk come from when the config does not say: from where they are sent to.
func ownAddress(address string) []netip.AddrPort {
	host, port := splitHostPort(address)
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil // a name: its addresses are looked up
	}
	return []netip.AddrPort{netip.AddrPortFrom(addr.Unmap(), port)}
}

func (r *reader) identify(t *Trunk) func(ast.Node, string) {
	return r.list(`[192.0.2.10, "192.0.2.10:5060"]`, func(n ast.Node, key string) {
		var at netip.AddrPort
		set(r, &at, parseIdentify)(n, key)
		t.Identify = append(t.Identify, at)
	})
}

// parseTrunkName reads a name that ends in channel ids.
func parseTrunkName(s string) (string, *problem) {
	const right = "write 1 to 32 letters, digits, _ . or -"
	if s == "" || len(s) > 32 {
		return "", &problem{shown(s) + " is not a name", right}
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && strings.IndexByte("_.-", c) < 0 {
			return "", &problem{shown(s) + " is not a name", right}
		}
	}
	return s, nil
}

// parseHostPort reads HOST or HOST:PORT; the host is a name or an address.
func parseHostPort(s string) (string, *problem) {
	const right = "write HOST or HOST:PORT, as in sip.example.com or 192.0.2.10:5060"
	host, port := s, ""
	if _, err := netip.ParseAddr(s); err != nil && strings.Contains(s, ":") {
		if host, port, err = net.SplitHostPort(s); err != nil {
			return "", &problem{shown(s) + " is not a host with a port", right}
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", &problem{"the port " + shown(port) + " is not a number from 1 to 65535", right}
		}
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return "", &problem{shown(host) + " is not the address of one host", right}
		}
	} else if _, wrong := parseDomain(host); wrong != nil {
		return "", &problem{shown(host) + " is neither a host name nor an address", right}
	}
	return s, nil
}

// splitHostPort reads what parseHostPort has checked.
func splitHostPort(s string) (host string, port uint16) {
	if host, text, err := net.SplitHostPort(s); err == nil {
		n, _ := strconv.ParseUint(text, 10, 16)
		return host, uint16(n)
	}
	return strings.Trim(s, "[]"), sipPort
}

// parseIdentify reads ADDRESS, for any port, or ADDRESS:PORT.
func parseIdentify(s string) (netip.AddrPort, *problem) {
	const right = "write ADDRESS, or ADDRESS:PORT where several trunks share one"
	if addr, err := netip.ParseAddr(s); err == nil {
		if _, wrong := parseAddr(s); wrong != nil || addr.IsUnspecified() {
			return netip.AddrPort{}, &problem{shown(s) + " is not the address of one host", right}
		}
		return netip.AddrPortFrom(addr.Unmap(), 0), nil
	}
	at, err := netip.ParseAddrPort(s)
	if err != nil || at.Addr().IsUnspecified() || at.Addr().IsMulticast() {
		return netip.AddrPort{}, &problem{shown(s) + " is not an address", right}
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

func parseExpires(s string) (time.Duration, *problem) {
	d, wrong := parseLife(s)
	if wrong == nil && d < leastExpires {
		return 0, &problem{s + " is too short", "write at least " + leastExpires.String()}
	}
	return d, wrong
}

// parseFrom reads NUMBER or NUMBER@HOST.
func parseFrom(s string) (string, *problem) {
	number, host, at := strings.Cut(s, "@")
	if _, wrong := parseNumber(number); wrong != nil {
		return "", wrong
	}
	if at {
		if _, wrong := parseHostPort(host); wrong != nil {
			return "", wrong
		}
	}
	return s, nil
}

func parseQualify(s string) (time.Duration, *problem) {
	d, wrong := parseDuration(s)
	if wrong == nil && d != 0 && d < time.Second {
		return 0, &problem{s + " is too short", "write at least 1s, or 0 for off"}
	}
	return d, wrong
}

// Routes say where calls from and to trunks go: the first match counts.
type Routes struct {
	Inbound  []InboundRoute
	Outbound []OutboundRoute
}

// InboundRoute leads calls of a trunk on.
type InboundRoute struct {
	Trunk   string
	Pattern *regexp.Regexp
	To      string // {number} stands for the number that was called
}

// OutboundRoute leads calls to outside numbers to trunks.
type OutboundRoute struct {
	Pattern *regexp.Regexp
	Trunks  []string // one after the other
	Strip   int      // leading characters to take off
	Prepend string   // and what to put there
}

func (r *reader) inboundRoutes(c *Config) func(ast.Node, string) {
	return r.list(`[{trunk: provider, pattern: "^5503301$", to: "2000"}]`, func(n ast.Node, key string) {
		var e InboundRoute
		r.fields(n, key, []field{
			{name: "trunk", read: set(r, &e.Trunk, parseTrunkName)},
			{name: "pattern", read: set(r, &e.Pattern, parsePattern)},
			{name: "to", read: set(r, &e.To, parseRouteTo)},
		})
		r.require(key, "trunk", "name the trunk that calls come from")
		r.require(key, "pattern", "write a regular expression of the number called, as in ^5503301$")
		r.require(key, "to", "write an extension, an outside number, or {number}")
		c.Routes.Inbound = append(c.Routes.Inbound, e)
	})
}

func (r *reader) outboundRoutes(c *Config) func(ast.Node, string) {
	return r.list(`[{pattern: "^[0-9]{6,}$", trunks: [provider]}]`, func(n ast.Node, key string) {
		var e OutboundRoute
		r.fields(n, key, []field{
			{name: "pattern", read: set(r, &e.Pattern, parsePattern)},
			{name: "trunks", read: r.list("[provider, isp]", func(n ast.Node, key string) {
				var name string
				set(r, &name, parseTrunkName)(n, key)
				e.Trunks = append(e.Trunks, name)
			})},
			{name: "strip", read: set(r, &e.Strip, count(32))},
			{name: "prepend", read: set(r, &e.Prepend, parsePrepend)},
		})
		r.require(key, "pattern", "write a regular expression of the number dialled, as in ^[0-9]{6,}$")
		if r.require(key, "trunks", "list the trunks, the first choice first") && len(e.Trunks) == 0 {
			k := join(key, "trunks")
			r.fault(r.where(k), k, problem{"is empty", "list the trunks, the first choice first"})
		}
		c.Routes.Outbound = append(c.Routes.Outbound, e)
	})
}

// parsePattern reads a regular expression, in Go's syntax (RE2), which never takes long.
func parsePattern(s string) (*regexp.Regexp, *problem) {
	const right = "write a regular expression of digits, as in ^[0-9]{6,}$"
	if s == "" || len(s) > maxPattern {
		return nil, &problem{fmt.Sprintf("is empty or longer than %d bytes", maxPattern), right}
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, &problem{strings.TrimPrefix(err.Error(), "error parsing regexp: "), right}
	}
	return re, nil
}

// parseRouteTo reads a number, in which {number} may stand.
func parseRouteTo(s string) (string, *problem) {
	if _, wrong := parseNumber(strings.ReplaceAll(s, numberVariable, "0")); wrong != nil {
		return "", &problem{shown(s) + " is not a number", "write an extension, an outside number, or {number}"}
	}
	return s, nil
}

func parsePrepend(s string) (string, *problem) {
	if s == "" {
		return "", nil
	}
	return parseNumber(s)
}

// routeFaults finds trunks that are not there and numbers that lead nowhere.
func (c *Config) routeFaults(note func(key string, p *problem)) {
	known := c.numbers()
	nowhere := func(number string) *problem { return c.nowhere(known, number) }
	for i, e := range c.Routes.Inbound {
		key := fmt.Sprintf("routes.inbound[%d]", i)
		note(join(key, "trunk"), c.unknownTrunk(e.Trunk))
		if e.To != "" && !strings.Contains(e.To, numberVariable) {
			note(join(key, "to"), nowhere(e.To))
		}
	}
	for i, e := range c.Routes.Outbound {
		for j, name := range e.Trunks {
			key := fmt.Sprintf("routes.outbound[%d].trunks[%d]", i, j)
			note(key, c.unknownTrunk(name))
			if name != "" && slices.Contains(e.Trunks[:j], name) {
				note(key, &problem{shown(name) + " is tried already", "name each trunk once"})
			}
		}
	}
	for i, t := range c.Trunks {
		note(fmt.Sprintf("trunks[%d].address", i), c.cutOff(t))
		for j, at := range t.Identify {
			note(fmt.Sprintf("trunks[%d].identify[%d]", i, j), identifiedTwice(at, c.Trunks[:i]))
		}
	}
	all := c.forwarding()
	for i, e := range all {
		if i > 0 && e.Key != "" && e.Key == all[i-1].Key {
			continue // a range: one fault for all its numbers
		}
		for _, f := range []struct{ key, number string }{
			{"always", e.Forward.Always}, {"busy", e.Forward.Busy}, {"no_answer", e.Forward.NoAnswer}} {
			switch key := join(e.Key, "forward."+f.key); {
			case f.number == "":
			case f.number == e.Number:
				note(key, &problem{shown(f.number) + " is the extension itself", "name another number"})
			case nowhere(f.number) != nil:
				note(key, nowhere(f.number))
			case !known[f.number] && !e.Outbound:
				note(key, &problem{shown(f.number) + " is an outside number, and the extension may call none", "give it outbound: true"})
			}
		}
	}
}

// cutOff says that no listener can send to a trunk, or that it is the switch itself, which would call itself.
func (c *Config) cutOff(t Trunk) *problem {
	if t.Address == "" || len(c.SIP.Listen) == 0 {
		return nil
	}
	host, port := splitHostPort(t.Address)
	addr, err := netip.ParseAddr(host)
	named, reached := err != nil, false // a name: who knows where it leads
	addr = addr.Unmap()
	for _, l := range c.SIP.Listen {
		at := l.Addr.Addr()
		switch {
		case l.Network != t.Transport:
		case l.Addr == netip.AddrPortFrom(addr, port):
			return &problem{"is " + l.String() + " of sip.listen, this switch itself", "write where the provider is"}
		case named || at.Is4() == addr.Is4() || at == netip.IPv6Unspecified():
			reached = true
		}
	}
	if reached {
		return nil
	}
	return &problem{fmt.Sprintf("cannot be reached: no %s address of sip.listen can send there", t.Transport),
		"add one, or change the trunk's transport or address"}
}

func (c *Config) unknownTrunk(name string) *problem {
	if name == "" || slices.ContainsFunc(c.Trunks, func(t Trunk) bool { return t.Name == name }) {
		return nil
	}
	return &problem{shown(name) + " is not a trunk", "name one of trunks"}
}

// numbers are those of the extensions, with and without phones.
func (c *Config) numbers() map[string]bool {
	known := make(map[string]bool, len(c.Extensions)+len(c.APIExtensions))
	for _, e := range c.Extensions {
		known[e.Number] = true
	}
	for _, e := range c.APIExtensions {
		known[e.Number] = true
	}
	return known
}

// forwarding is every extension that may send calls on.
func (c *Config) forwarding() []Extension {
	all := slices.Clone(c.Extensions)
	for _, e := range c.APIExtensions {
		all = append(all, Extension{Number: e.Number, Outbound: e.Outbound, Forward: e.Forward, Key: e.Key})
	}
	return all
}

// nowhere says that a number is neither an extension nor one that an outbound route takes.
func (c *Config) nowhere(known map[string]bool, number string) *problem {
	if known[number] || slices.ContainsFunc(c.Routes.Outbound, func(e OutboundRoute) bool {
		return e.Pattern != nil && e.Pattern.MatchString(number)
	}) {
		return nil
	}
	return &problem{shown(number) + " is neither an extension nor matched by an outbound route", "name a number that can be called"}
}

// identifiedTwice says that an earlier trunk has the same address: nobody could tell whose the calls are.
func identifiedTwice(at netip.AddrPort, earlier []Trunk) *problem {
	for _, t := range earlier {
		if at.IsValid() && slices.Contains(t.Identify, at) {
			return &problem{fmt.Sprintf("%s is the trunk %s already", identity(at), t.Name), "give each trunk an address, or address and port, of its own"}
		}
	}
	return nil
}

func identity(at netip.AddrPort) string {
	if at.Port() == 0 {
		return at.Addr().String()
	}
	return at.String()
}

// trunkRows tells what the trunks and routes mean, without their secrets.
func trunkRows(row func(name, value string), c *Config) {
	for _, t := range c.Trunks {
		row("trunk", t.meaning())
	}
	for _, e := range c.Routes.Inbound {
		row("inbound", fmt.Sprintf("%s %s to %s", e.Trunk, e.Pattern, e.To))
	}
	for _, e := range c.Routes.Outbound {
		change := ""
		if e.Strip > 0 {
			change = fmt.Sprintf(", without the first %d", e.Strip)
		}
		if e.Prepend != "" {
			change += ", with " + e.Prepend + " in front"
		}
		row("outbound", fmt.Sprintf("%s to %s%s", e.Pattern, strings.Join(e.Trunks, ", then "), change))
	}
}

func (t Trunk) meaning() string {
	text := fmt.Sprintf("%s at %s://%s", t.Name, t.Transport, t.Address)
	if t.Register {
		text += fmt.Sprintf(", registers as %s for %s", t.Username, t.Expires)
	} else if t.Username != "" {
		text += ", answers challenges as " + t.Username
	}
	var from []string
	for _, at := range t.Identify {
		from = append(from, identity(at))
	}
	if len(from) > 0 {
		text += ", calls from " + strings.Join(from, ", ")
	}
	if t.From != "" {
		text += ", shown " + t.From
	}
	if t.Qualify > 0 {
		text += ", asked every " + t.Qualify.String()
	}
	return text
}
