package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// frame is every key of a config, with what reads it into c.
func (r *reader) frame(c *Config) []field {
	return []field{
		{name: "sip", sub: []field{
			{name: "domain", read: set(r, &c.SIP.Domain, parseDomain)},
			{name: "digest", read: r.digest(c)},
			{name: "listen", read: r.listeners(c)},
			{name: "advertise", read: set(r, &c.SIP.Advertise, parseAdvertise)},
		}},
		{name: "media", sub: []field{
			{name: "listen", read: set(r, &c.Media.Listen, parseMediaListen)},
			{name: "ports", read: r.ports(c)},
			{name: "music", read: set(r, &c.Media.Music, parseMusic)},
			{name: "folder", read: set(r, &c.Media.Folder, parseFolder)},
		}},
		{name: "calls", sub: []field{
			{name: "max", read: set(r, &c.Calls.Max, parseDuration)},
			{name: "silence", read: set(r, &c.Calls.Silence, parseDuration)},
			{name: "hops", read: set(r, &c.Calls.Hops, count(70))},
		}},
		{name: "extensions", read: r.extensions(c)},
		{name: "ring_timeout", read: set(r, &c.RingTimeout, parsePositiveDuration)},
		{name: "transfer", sub: []field{
			{name: "no_answer", read: set(r, &c.Transfer.NoAnswer, parseDuration)},
			{name: "on_fail", read: set(r, &c.Transfer.OnFail, oneOf("recall", "release"))},
			{name: "retries", read: set(r, &c.Transfer.Retries, count(100))},
			{name: "delay", read: set(r, &c.Transfer.Delay, parseDuration)},
		}},
		{name: "features", sub: r.features(&c.Features)},
		{name: "trunks", read: r.trunks(c)},
		{name: "routes", sub: []field{
			{name: "inbound", read: r.inboundRoutes(c)},
			{name: "outbound", read: r.outboundRoutes(c)},
		}},
		{name: "reports", read: r.reports(c)},
		{name: "ozeki", sub: []field{
			{name: "listen", read: set(r, &c.Ozeki.Listen, parseAddrPort)},
			{name: "users", read: r.users(c)},
			{name: "notify", sub: r.notify(&c.Ozeki.Notify)},
			{name: "speak", read: r.speak(&c.Ozeki)},
			{name: "hosts", read: r.hosts(&c.Ozeki)},
			{name: "public", read: set(r, &c.Ozeki.Public, parsePublic)},
		}},
		{name: "api_extensions", read: r.apiExtensions(c)},
		{name: "history", sub: []field{
			{name: "file", read: set(r, &c.History.File, parseDatabase)},
			{name: "keep", read: set(r, &c.History.Keep, parseKeep)},
		}},
		{name: "yeastar", sub: r.yeastar(&c.Yeastar)},
	}
}

func (r *reader) digest(c *Config) func(ast.Node, string) {
	parse := oneOf("md5", "sha-256")
	return func(n ast.Node, key string) {
		c.SIP.Digest = nil
		r.list("[md5, sha-256]", func(n ast.Node, key string) {
			var algorithm string
			set(r, &algorithm, parse)(n, key)
			switch {
			case algorithm == "":
			case slices.Contains(c.SIP.Digest, algorithm):
				r.fault(r.where(key), key, problem{algorithm + " is listed twice", "list each algorithm once"})
			default:
				c.SIP.Digest = append(c.SIP.Digest, algorithm)
			}
		})(n, key)
		if len(c.SIP.Digest) == 0 && !r.faulty(key) {
			r.fault(r.where(key), key, problem{"is empty", "list md5, sha-256 or both"})
		}
	}
}

func (r *reader) listeners(c *Config) func(ast.Node, string) {
	return r.list("[udp://127.0.0.1:5060, tcp://127.0.0.1:5060]", func(n ast.Node, key string) {
		var l Listener
		set(r, &l, parseListener)(n, key)
		// A bad one keeps its place, so that index and key stay the same; no switch starts with it.
		c.SIP.Listen = append(c.SIP.Listen, l)
	})
}

func (r *reader) ports(c *Config) func(ast.Node, string) {
	return func(n ast.Node, key string) {
		var ports portRange
		set(r, &ports, parsePorts)(n, key)
		if ports != (portRange{}) {
			c.Media.PortMin, c.Media.PortMax = ports.min, ports.max
		}
	}
}

func (r *reader) users(c *Config) func(ast.Node, string) {
	seen := map[string]int{}
	return r.list("[{username: app, password: secret}]", func(n ast.Node, key string) {
		var u User
		r.fields(n, key, []field{
			{name: "username", read: set(r, &u.Username, parseName)},
			{name: "password", read: set(r, &u.Password, parseSecret)},
		})
		if r.require(key, "username", "name the user") {
			if first, twice := seen[u.Username]; twice {
				k := join(key, "username")
				r.fault(r.where(k), k, problem{fmt.Sprintf("%s is already a user on line %d", shown(u.Username), first), "give each user one entry"})
			}
			seen[u.Username] = r.where(key).line
		}
		r.require(key, "password", "give the user a secret")
		c.Ozeki.Users = append(c.Ozeki.Users, u)
	})
}

// require notes the fault of a key that an entry must have, and says whether the entry has a good one.
func (r *reader) require(entry, name, right string) bool {
	full := join(entry, name)
	if !r.has(full) {
		if !r.faultIn(entry, entry) {
			r.fault(r.where(entry), full, problem{"is missing", right})
		}
		return false
	}
	return !r.faultIn(entry, full)
}

// faultIn says whether the entry that is being read has a fault at exactly this key. It looks no further back than
// the entry's own faults: long lists ask it for each entry.
func (r *reader) faultIn(entry, key string) bool {
	for _, f := range slices.Backward(r.faults) {
		if f.Key == key {
			return true
		}
		if !strings.HasPrefix(f.Key, entry) {
			return false
		}
	}
	return false
}

// missing notes the faults of what the file does not say but must.
func (r *reader) missing(c *Config) {
	if r.wrongKind("") {
		return
	}
	if !r.wrongKind("sip") {
		if !r.has("sip.domain") {
			r.fault(r.where("sip"), "sip.domain", problem{"is missing", "name the domain of the phones, as in example.com"})
		}
		if len(c.SIP.Listen) == 0 && !r.faulty("sip.listen") {
			r.fault(r.where("sip.listen"), "sip.listen", problem{"names no listener", "list at least one, as in udp://127.0.0.1:5060"})
		}
	}
	r.missingYeastar(&c.Yeastar)
	r.missingApplications(c)
	if !r.has("ozeki") || r.wrongKind("ozeki") {
		return
	}
	if !r.has("ozeki.listen") {
		r.fault(r.where("ozeki"), "ozeki.listen", problem{"is missing", "write an address and port, as in 127.0.0.1:9509"})
	}
	if len(c.Ozeki.Users) == 0 && !r.faulty("ozeki.users") {
		r.fault(r.where("ozeki.users"), "ozeki.users", problem{"names no user", "list at least one, or leave ozeki out"})
	}
}

// wrongKind says whether a section (or, for "", the file) has a fault of its own: its keys were not all read.
func (r *reader) wrongKind(section string) bool {
	return slices.ContainsFunc(r.faults, func(f Fault) bool { return f.Key == section })
}
