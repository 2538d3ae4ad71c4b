package media

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"ringdown/callstate"
	"ringdown/media/internal/sdp"
)

// hosts knows where RTP must not be sent.
type hosts struct {
	loopback bool // we listen there ourselves
	is4, is6 bool // the families that our sockets reach
	own      map[netip.Addr]bool

	mu       *sync.Mutex
	ports    map[uint16]bool // of open legs
	services []uint16        // where the switch itself listens
}

func newHosts(cfg Config) hosts {
	h := hosts{
		loopback: cfg.Listen.IsLoopback(),
		is4:      cfg.Advertise.Is4(), is6: cfg.Advertise.Is6(),
		own: map[netip.Addr]bool{cfg.Listen: true, cfg.Advertise: true},
		mu:  new(sync.Mutex), ports: map[uint16]bool{},
	}
	if cfg.Listen.IsUnspecified() { // then every address of this host is ours
		addrs, _ := net.InterfaceAddrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok {
					h.own[ip.Unmap()] = true
				}
			}
		}
	}
	return h
}

func (h *hosts) add(port uint16)    { h.mu.Lock(); h.ports[port] = true; h.mu.Unlock() }
func (h *hosts) remove(port uint16) { h.mu.Lock(); delete(h.ports, port); h.mu.Unlock() }

func (h *hosts) inUse() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ports)
}

// refuse tells why nothing may be sent to an address; "" when it may (edge case X13).
func (h *hosts) refuse(to netip.AddrPort) string {
	a := to.Addr()
	if text := sdp.Unfit(a); text != "" {
		return text
	}
	switch {
	case to.Port() == 0:
		return "port 0"
	case a.IsLoopback() && !h.loopback:
		return fmt.Sprintf("%s is a loopback address", a)
	case a.Is4() && !h.is4, a.Is6() && !h.is6:
		return fmt.Sprintf("%s is of another address family than the switch's", a)
	}
	if !h.own[a] {
		return ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.services, to.Port()) {
		return fmt.Sprintf("%s is the switch itself", to)
	}
	if h.ports[to.Port()] { // any other port is a phone's on this host: it could not have bound one of ours
		return fmt.Sprintf("%s is a media port of the switch", to)
	}
	return ""
}

// failure is what MediaFailed tells.
type failure struct {
	reason callstate.MediaFailure
	text   string
}

func failed(reason callstate.MediaFailure, format string, args ...any) *failure {
	return &failure{reason, fmt.Sprintf(format, args...)}
}
