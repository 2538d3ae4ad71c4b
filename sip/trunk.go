package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Trunk is an outside line: an IP peer that is known by its address, or a registration at a provider.
type Trunk struct {
	Name      string           // in events and logs; unique
	Address   string           // HOST or HOST:PORT where calls are sent; a name is looked up, by SRV when it has no port
	Transport string           // "udp" (also when empty) or "tcp"
	Identify  []netip.AddrPort // where its calls come from, port 0: any; none: from where Address leads to
	Username  string           // of its challenges and its registration; empty: challenges stay unanswered
	Password  string
	Register  bool          // register there, and call by it only while that is in force
	Expires   time.Duration // of the registration that is asked for; zero: 10 min
	From      string        // NUMBER or NUMBER@HOST that it is shown as the caller; empty: the number of whoever calls
	Qualify   time.Duration // between two OPTIONS that tell whether it is there (edge case N16); zero: none
}

// TrunkStatus says whether a trunk can be called by now.
type TrunkStatus string

const (
	TrunkUp           TrunkStatus = "up"           // as far as we know
	TrunkUnresolved   TrunkStatus = "unresolved"   // no address of it is known, or there is no socket to reach it from
	TrunkRegistering  TrunkStatus = "registering"  // the first REGISTER is not answered yet
	TrunkUnregistered TrunkStatus = "unregistered" // it refuses our REGISTER, or does not answer it
	TrunkDown         TrunkStatus = "down"         // it does not answer
	TrunkPaused       TrunkStatus = "paused"       // it asked to be left out for a while by Retry-After (edge case O15)
)

// TrunkState is what is known of a trunk at a moment.
type TrunkState struct {
	Name    string
	Status  TrunkStatus
	Address netip.AddrPort // the one that calls go to; zero: none
	Since   time.Time      // when Status became what it is
	Reason  string         // why it is not up, or why that is not sure, in words
	Refused bool           // it does not accept our account
	Unheard bool           // it is up as far as we know, but has never answered an OPTIONS: some peers drop them
}

const (
	sipPort         = 5060
	defaultExpires  = 10 * time.Minute
	leastExpires    = 30 * time.Second
	longestExpires  = 24 * time.Hour
	trunkNameLength = 64
	maxTargets      = 8 // addresses of one trunk
)

// validate names every fault of the trunks by its place.
func validateTrunks(trunks []Trunk) error {
	var faults []error
	names := map[string]bool{}
	identified := map[netip.AddrPort]string{}
	for i, t := range trunks {
		note := func(field, text string) {
			faults = append(faults, fmt.Errorf("sip: Trunks[%d].%s: %s", i, field, text))
		}
		switch {
		case t.Name == "" || len(t.Name) > trunkNameLength || strings.ContainsFunc(t.Name, unprintable):
			note("Name", fmt.Sprintf("1 to %d printable characters are needed", trunkNameLength))
		case names[t.Name]:
			note("Name", strconv.Quote(t.Name)+" is taken by another trunk")
		}
		names[t.Name] = true
		t.faults(note)
		for j, at := range t.Identify {
			at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
			field := fmt.Sprintf("Identify[%d]", j)
			switch {
			case !at.Addr().IsValid() || at.Addr().IsUnspecified() || at.Addr().IsMulticast():
				note(field, "not the address of one host")
			case identified[at] != "":
				note(field, fmt.Sprintf("%s is the trunk %s already", at, identified[at]))
			default:
				identified[at] = t.Name
			}
		}
	}
	return errors.Join(faults...)
}

// faults tells what is wrong with one trunk apart from the others.
func (t *Trunk) faults(note func(field, text string)) {
	if _, _, err := splitAddress(t.Address); err != nil {
		note("Address", err.Error())
	}
	if !slices.Contains([]string{"", "udp", "tcp"}, t.Transport) {
		note("Transport", strconv.Quote(t.Transport)+" is neither udp nor tcp")
	}
	if t.Username == "" && (t.Register || t.Password != "") {
		note("Username", "is missing")
	}
	if t.Register && t.Password == "" {
		note("Password", "a registration needs one")
	}
	if t.Expires != 0 && (t.Expires < leastExpires || t.Expires > longestExpires) {
		note("Expires", fmt.Sprintf("%s is not between %s and %s", t.Expires, leastExpires, longestExpires))
	}
	if t.Qualify != 0 && t.Qualify < time.Second {
		note("Qualify", t.Qualify.String()+" is shorter than 1s")
	}
	if user, host, at := strings.Cut(t.From, "@"); at && (user == "" || host == "") ||
		strings.ContainsFunc(t.From, func(r rune) bool { return unprintable(r) || strings.ContainsRune(` <>"`, r) }) {
		note("From", strconv.Quote(t.From)+" is neither NUMBER nor NUMBER@HOST")
	}
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f }

// splitAddress reads HOST or HOST:PORT; port 0 when none was given. An IPv6 address with a port stands in brackets.
func splitAddress(s string) (host string, port uint16, err error) {
	host = s
	if _, e := netip.ParseAddr(strings.Trim(s, "[]")); e == nil {
		host = strings.Trim(s, "[]")
	} else if strings.Contains(s, ":") {
		var text string
		if host, text, err = net.SplitHostPort(s); err != nil {
			return "", 0, fmt.Errorf("%q is neither HOST nor HOST:PORT", s)
		}
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("%q is not a port from 1 to 65535", text)
		}
		port = uint16(n)
	}
	if addr, e := netip.ParseAddr(host); e == nil && (addr.IsUnspecified() || addr.IsMulticast()) {
		return "", 0, fmt.Errorf("%s is not the address of one host", host)
	}
	if host == "" || strings.ContainsFunc(host, func(r rune) bool {
		return unprintable(r) || strings.ContainsRune(` <>"@/\;?,[]%`, r)
	}) {
		return "", 0, fmt.Errorf("%q is neither HOST nor HOST:PORT", s)
	}
	return host, port, nil
}
