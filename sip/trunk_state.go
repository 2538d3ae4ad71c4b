package sip

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"ringdown/sip/internal/tx"
)

// trunk is a Trunk at work. One goroutine keeps it (trunk_keep.go); legs look at it and tell what they met.
type trunk struct {
	Trunk
	a         *Agent
	host      string // of Address
	port      uint16 // of Address, 0 when it names none
	transport string // "UDP" or "TCP"
	wake      chan struct{}

	mu       sync.Mutex
	targets  []*target // where Address leads to, the most wanted first
	missing  string    // why there are none
	found    resolution
	reg      registration
	told     TrunkState // what OnTrunk was told last
	everTold bool
}

// target is one address of a trunk (RFC 3263 §4.3; edge case N14).
type target struct {
	remote netip.AddrPort
	out    time.Time   // it gets no calls before that time
	why    TrunkStatus // TrunkPaused: it said so; TrunkDown: it did not answer an INVITE
	ping   ping
}

const (
	noSocket      = "no socket that reaches it"
	neverAnswered = "it has never answered an OPTIONS"
)

// How a trunk that fails is treated.
const (
	trunkPatience = 4 * time.Second  // for any answer to an INVITE, 100 included: Timer B takes 32 s, too long to call by the next
	silentPause   = 10 * time.Second // a target that did not answer an INVITE gets none for so long, or until it answers one
	longestPause  = 5 * time.Minute  // of Retry-After
)

func (a *Agent) newTrunk(c Trunk) *trunk {
	t := &trunk{Trunk: c, a: a, transport: "UDP", wake: make(chan struct{}, 1)}
	t.host, t.port, _ = splitAddress(c.Address)
	if c.Transport == "tcp" {
		t.transport = "TCP"
	}
	if t.Expires == 0 {
		t.Expires = defaultExpires
	}
	t.reg.callID, t.reg.tag, t.reg.asked = tx.NewTag()+tx.NewTag(), tx.NewTag(), t.Expires
	t.told = TrunkState{Name: c.Name, Status: TrunkUnresolved, Since: time.Now()}
	return t
}

// startTrunks makes the trunks and a goroutine for each. They wait for a socket.
func (a *Agent) startTrunks(ctx context.Context) {
	for _, c := range a.cfg.Trunks {
		t := a.newTrunk(c)
		a.trunks = append(a.trunks, t)
	}
	for _, t := range a.trunks {
		a.lines.Go(func() { t.keep(ctx) })
	}
}

// trunk finds a trunk by name, nil when there is none.
func (a *Agent) trunk(name string) *trunk {
	for _, t := range a.trunks {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// trunkAt finds the trunk that is called at an address, nil when none is.
func (a *Agent) trunkAt(remote netip.AddrPort) *trunk {
	for _, t := range a.trunks {
		t.mu.Lock()
		found := slices.ContainsFunc(t.targets, func(g *target) bool { return g.remote == remote })
		t.mu.Unlock()
		if found {
			return t
		}
	}
	return nil
}

// Trunks tells how every trunk is now, in the order of the config.
func (a *Agent) Trunks() []TrunkState {
	out := make([]TrunkState, 0, len(a.trunks))
	for _, t := range a.trunks {
		out = append(out, t.State())
	}
	return out
}

// State tells how the trunk is now.
func (t *trunk) State() TrunkState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state(time.Now())
}

// state is State with t.mu held. Since is that of the last change that was told.
func (t *trunk) state(now time.Time) TrunkState {
	s := TrunkState{Name: t.Name, Since: t.told.Since}
	s.Status, s.Reason = t.status(now)
	s.Refused = s.Reason == accountRefused
	if first := t.pick(now, nil); first != nil {
		s.Address = first.remote
		if s.Status == TrunkUp && first.ping.never() {
			s.Reason, s.Unheard = neverAnswered, true
		}
	} else if len(t.targets) > 0 {
		s.Address = t.targets[0].remote
	}
	if s.Status != t.told.Status {
		s.Since = now
	}
	return s
}

func (t *trunk) status(now time.Time) (TrunkStatus, string) {
	if len(t.targets) == 0 {
		return TrunkUnresolved, t.missing
	}
	if _, err := t.flow(t.targets[0].remote); err != nil {
		return TrunkUnresolved, noSocket
	}
	if t.Register && !now.Before(t.reg.until) {
		if t.reg.reason == "" {
			return TrunkRegistering, ""
		}
		return TrunkUnregistered, t.reg.reason
	}
	if t.pick(now, nil) != nil {
		return TrunkUp, ""
	}
	for _, g := range t.targets {
		if g.why == TrunkPaused && now.Before(g.out) {
			return TrunkPaused, "it asked for a pause"
		}
	}
	return TrunkDown, "it does not answer"
}

// takesCalls tells whether the target is to get calls at that time.
func (g *target) takesCalls(now time.Time) bool { return !g.ping.down && !now.Before(g.out) }

// pick is the most wanted target that takes calls and was not tried yet; nil: none. t.mu is held.
func (t *trunk) pick(now time.Time, tried []netip.AddrPort) *target {
next:
	for _, g := range t.targets {
		for _, other := range tried {
			if other == g.remote {
				continue next
			}
		}
		if g.takesCalls(now) {
			return g
		}
	}
	return nil
}

// way is the flow of the next call, past the targets that were tried; false when the trunk is not to be called now.
func (t *trunk) way(tried []netip.AddrPort) (tx.Flow, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.Register && !now.Before(t.reg.until) {
		return tx.Flow{}, false
	}
	g := t.pick(now, tried)
	if g == nil {
		return tx.Flow{}, false
	}
	f, err := t.flow(g.remote)
	return f, err == nil
}

// flow is how a target is reached, with our own end filled in.
func (t *trunk) flow(remote netip.AddrPort) (tx.Flow, error) {
	return t.a.layer.Source(tx.Flow{Transport: t.transport, Remote: remote})
}

// known tells whether an address is one of the trunk's: of its targets, or one that its calls come from.
func (t *trunk) known(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, at := range t.Identify {
		if at.Addr().Unmap() == addr {
			return true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range t.targets {
		if g.remote.Addr() == addr {
			return true
		}
	}
	return false
}

// about changes what is known of a target, and wakes the keeper to tell it.
func (t *trunk) about(remote netip.AddrPort, change func(*target)) {
	t.mu.Lock()
	for _, g := range t.targets {
		if g.remote == remote {
			change(g)
		}
	}
	t.mu.Unlock()
	t.poke()
}

// heard: the target answered an INVITE or a REGISTER, so it is there.
func (t *trunk) heard(remote netip.AddrPort) {
	t.about(remote, func(g *target) {
		g.ping.alive()
		if g.why == TrunkDown {
			g.out = time.Time{}
		}
	})
}

// silent: the target did not answer an INVITE or a REGISTER, or cannot be reached. It gets no call for a while, or until it
// answers late: an answer to an OPTIONS is not enough, else the next call would wait for it as long. One is asked now, whether
// it will be there after the pause.
func (t *trunk) silent(remote netip.AddrPort) {
	t.about(remote, func(g *target) {
		now := time.Now()
		if now.Before(g.out) && g.why == TrunkPaused {
			return
		}
		g.out, g.why = now.Add(silentPause), TrunkDown
		g.ping.doubt()
		g.ping.next = now
	})
}

// pause: the target answered 503 with Retry-After (RFC 3261 §21.5.4; edge case O15). A 503 without one counts as a 500
// does, for that call alone.
func (t *trunk) pause(remote netip.AddrPort, d time.Duration) {
	t.about(remote, func(g *target) {
		g.out, g.why = time.Now().Add(min(d, longestPause)), TrunkPaused
	})
}

// poke has the keeper look what is due.
func (t *trunk) poke() {
	select {
	case t.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// wakeTrunks: there is a socket more. Addresses that were left out for want of one count again.
func (a *Agent) wakeTrunks() {
	for _, t := range a.trunks {
		t.mu.Lock()
		if t.found.fails == 0 {
			t.found.next = time.Time{}
		}
		t.mu.Unlock()
		t.poke()
	}
}
