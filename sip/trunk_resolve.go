package sip

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Resolver looks names of trunks up. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// resolution is when a trunk's name is looked up.
type resolution struct {
	next  time.Time
	fails int
}

const (
	lookupTimeout = 5 * time.Second
	lookupEvery   = time.Minute     // the resolver does not tell how long its answer holds
	lookupAgain   = 5 * time.Second // after a failure, doubling up to lookupEvery
)

// resolve looks the trunk's address up when that is due. When it fails, what was known before stays in force.
func (t *trunk) resolve(ctx context.Context) {
	t.mu.Lock()
	due := !time.Now().Before(t.found.next)
	t.mu.Unlock()
	if !due {
		return
	}
	if addr, err := netip.ParseAddr(t.host); err == nil {
		t.locatedAt([]netip.AddrPort{netip.AddrPortFrom(addr.Unmap(), t.portOr(sipPort))}, nil)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	t.locatedAt(t.lookup(ctx))
}

func (t *trunk) portOr(p uint16) uint16 {
	if t.port != 0 {
		return t.port
	}
	return p
}

// lookup finds the addresses of a name: by SRV when no port is given (RFC 3263 §4.2), else by A and AAAA.
func (t *trunk) lookup(ctx context.Context) (out []netip.AddrPort, err error) {
	if t.port == 0 {
		_, records, err := t.a.cfg.Resolver.LookupSRV(ctx, "sip", strings.ToLower(t.transport), t.host)
		if err == nil { // in order of priority, and shuffled by weight
			for _, r := range records {
				addrs, _ := t.a.cfg.Resolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(r.Target, "."))
				for _, addr := range addrs {
					out = append(out, netip.AddrPortFrom(addr.Unmap(), r.Port))
				}
			}
			if len(out) > 0 {
				return out, nil
			}
		}
	}
	addrs, err := t.a.cfg.Resolver.LookupNetIP(ctx, "ip", t.host)
	for _, addr := range addrs {
		out = append(out, netip.AddrPortFrom(addr.Unmap(), t.portOr(sipPort)))
	}
	return out, err
}

// locatedAt takes the outcome of a look-up over. A target that was known keeps what is known of it; one that no socket
// of ours reaches, as one of the other family, is left out unless there is no other.
func (t *trunk) locatedAt(found []netip.AddrPort, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if len(found) == 0 {
		t.missing = "its address cannot be looked up"
		if err == nil {
			t.missing = "its name has no address"
		}
		t.found.next = now.Add(min(lookupAgain<<min(t.found.fails, 10), lookupEvery))
		t.found.fails++
		t.a.log.Warn("trunk not found", "trunk", t.Name, "host", t.host, "err", err)
		return
	}
	reachable := slices.DeleteFunc(slices.Clone(found), func(at netip.AddrPort) bool {
		_, err := t.flow(at)
		return err != nil
	})
	t.found = resolution{next: now.Add(lookupEvery)}
	if len(reachable) > 0 {
		found = reachable
	} else {
		t.found.next = now // there is no socket yet: look again when woken
	}
	var targets []*target
	for _, at := range found {
		if slices.ContainsFunc(targets, func(g *target) bool { return g.remote == at }) || len(targets) == maxTargets {
			continue
		}
		g := &target{remote: at}
		if i := slices.IndexFunc(t.targets, func(g *target) bool { return g.remote == at }); i >= 0 {
			g = t.targets[i]
		}
		targets = append(targets, g)
	}
	t.targets = targets
}
