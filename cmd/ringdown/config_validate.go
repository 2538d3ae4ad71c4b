package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Validate finds every fault that lies in how the values of a config fit together. A Config from LoadConfig has
// passed it. The error is a Faults, whose faults have keys but no places.
func (c *Config) Validate() error { return c.faults(&reader{}).orNil() }

// faults validates; r knows where the keys stand.
func (c *Config) faults(r *reader) Faults {
	var all Faults
	note := func(key string, p *problem) {
		if p != nil {
			all = append(all, r.place(r.where(key), key, *p))
		}
	}
	sockets := c.sockets()
	secrets := c.demoSecrets()
	for i, s := range sockets {
		note(s.key, c.unreachable(s))
		note(s.key, clash(s, sockets[:i]))
		note(s.key, c.insideMedia(s))
		note(s.key, exposed(s.addr.Addr(), secrets))
	}
	note("features.attended", c.Features.unclear())
	c.applicationFaults(note)
	c.routeFaults(note)
	note("yeastar.tokens.refresh", c.Yeastar.Tokens.unfit())
	if l := c.Media.Listen; l.IsValid() {
		media := socket{key: "media.listen", network: "rtp", addr: netip.AddrPortFrom(l, 0)}
		note(media.key, c.unreachable(media))
		note(media.key, exposed(l, secrets))
	}
	return all
}

// socket is one listener of the config, of whatever kind.
type socket struct {
	key, network string // network: udp, tcp, http, rtp
	addr         netip.AddrPort
}

func (s socket) String() string { return s.network + "://" + s.addr.String() }

// sockets lists the listeners that were read without fault.
func (c *Config) sockets() (list []socket) {
	for i, l := range c.SIP.Listen {
		if l.Addr.IsValid() {
			list = append(list, socket{fmt.Sprintf("sip.listen[%d]", i), l.Network, l.Addr})
		}
	}
	if c.Ozeki.Listen.IsValid() {
		list = append(list, socket{"ozeki.listen", "http", c.Ozeki.Listen})
	}
	if c.Yeastar.Listen.IsValid() {
		list = append(list, socket{"yeastar.listen", "http", c.Yeastar.Listen})
	}
	return list
}

// unreachable says that nobody could tell phones where this socket is.
func (c *Config) unreachable(s socket) *problem {
	if s.network == "http" || !s.addr.Addr().IsUnspecified() || c.SIP.Advertise.IsValid() {
		return nil
	}
	return &problem{s.addr.Addr().String() + " is not an address that phones can send to",
		"write the address of one interface, or give sip.advertise"}
}

// clash says which earlier socket, if any, cannot be open at the same time.
func clash(s socket, earlier []socket) *problem {
	const right = "give each listener an address and port of its own"
	for _, e := range earlier {
		if s.addr.Port() == 0 || s.addr.Port() != e.addr.Port() || (s.network == "udp") != (e.network == "udp") {
			continue
		}
		switch a, b := s.addr.Addr(), e.addr.Addr(); {
		case a == b:
			return &problem{fmt.Sprintf("%s is %s again", s, e.key), right}
		case overlap(a, b):
			return &problem{fmt.Sprintf("%s overlaps %s, which is %s", s, e.key, e), right}
		}
	}
	return nil
}

// overlap says that one address stands for every address and so for the other one too. [::] takes IPv4 as well.
func overlap(a, b netip.Addr) bool {
	covers := func(all, one netip.Addr) bool { return all.IsUnspecified() && (all.Is6() || one.Is4()) }
	return covers(a, b) || covers(b, a)
}

// insideMedia says that a call could be given the port of a SIP listener.
func (c *Config) insideMedia(s socket) *problem {
	if s.network != "udp" || s.addr.Port() < c.Media.PortMin || s.addr.Port() > c.Media.PortMax {
		return nil
	}
	if l := c.Media.Listen; l.IsValid() && l != s.addr.Addr() && !overlap(l, s.addr.Addr()) {
		return nil
	}
	return &problem{fmt.Sprintf("port %d lies inside media.ports, %d-%d", s.addr.Port(), c.Media.PortMin, c.Media.PortMax),
		"keep SIP and media apart"}
}

// exposed says that strangers could use the demo's secrets.
func exposed(addr netip.Addr, secrets []string) *problem {
	if addr.IsLoopback() || len(secrets) == 0 {
		return nil
	}
	who := secrets[0]
	if more := len(secrets) - 1; more > 0 {
		who += fmt.Sprintf(" and %d more", more)
	}
	return &problem{fmt.Sprintf("refuses to start: others can reach %s, and everybody knows the demo's secret of %s", addr, who),
		"give it a secret of your own (\"ringdown init -\" prints fresh ones), or listen on 127.0.0.1"}
}

// demoSecrets names everyone who has one of the demo's passwords.
func (c *Config) demoSecrets() (who []string) {
	demo := func(s Secret) bool {
		return slices.ContainsFunc([]Secret{demoPassword, demoHTTPPassword, demoClientSecret}, func(known Secret) bool {
			return strings.EqualFold(string(s), string(known))
		})
	}
	for _, e := range c.Extensions {
		if demo(e.Password) {
			who = append(who, "extension "+e.Number)
		}
	}
	for _, u := range c.Ozeki.Users {
		if demo(u.Password) {
			who = append(who, "HTTP user "+shown(u.Username))
		}
	}
	for _, a := range c.Yeastar.Applications {
		if demo(a.ClientSecret) {
			who = append(who, "application "+shown(a.ClientID))
		}
	}
	return who
}
