package main

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"ringdown/media"
)

// parseDomain reads a host name or an IPv4 address, as a SIP realm and AOR domain.
func parseDomain(s string) (string, *problem) {
	const right = "write a host name, as in example.com"
	if s == "" || len(s) > 253 {
		return "", &problem{"is empty or longer than 253 characters", right}
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", &problem{shown(s) + " is not a domain", right}
		}
		for _, c := range []byte(label) {
			if c != '-' && !isAlphanumeric(c) {
				return "", &problem{shown(s) + " is not a domain", right}
			}
		}
	}
	return strings.ToLower(s), nil
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// parseListener reads udp://ADDRESS:PORT or tcp://ADDRESS:PORT.
func parseListener(s string) (Listener, *problem) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		return Listener{}, &problem{shown(s) + " has no scheme", "write udp://ADDRESS:PORT or tcp://ADDRESS:PORT"}
	}
	if scheme != "udp" && scheme != "tcp" {
		return Listener{}, &problem{"the scheme " + shown(scheme) + " is not known", "write udp://ADDRESS:PORT or tcp://ADDRESS:PORT"}
	}
	addr, wrong := parseAddrPort(rest)
	return Listener{Network: scheme, Addr: addr}, wrong
}

// parseMusic reads the name of a WAV file, and the file.
func parseMusic(s string) (string, *problem) {
	if s == "" {
		return "", nil
	}
	if err := media.CheckMusic(s); err != nil {
		return "", &problem{err.Error(), "name a WAV file of at most 5 minutes: PCM of 16 bit or G.711, mono or stereo"}
	}
	return s, nil
}

// parseAddrPort reads ADDRESS:PORT. No address means every IPv4 address.
func parseAddrPort(s string) (netip.AddrPort, *problem) {
	const right = "write ADDRESS:PORT, as in 127.0.0.1:5060 or \"[::1]:5060\""
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return netip.AddrPort{}, &problem{shown(s) + " is not an address with a port", right}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, &problem{"the port " + shown(port) + " is not a number from 0 to 65535", right}
	}
	addr := netip.IPv4Unspecified()
	if host != "" {
		var wrong *problem
		if addr, wrong = parseAddr(host); wrong != nil {
			return netip.AddrPort{}, wrong
		}
	}
	return netip.AddrPortFrom(addr, uint16(number)), nil
}

// parseAddr reads the address of a socket.
func parseAddr(s string) (netip.Addr, *problem) {
	const right = "write the IP address of an interface, as in 127.0.0.1"
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, &problem{shown(s) + " is not an IP address", right}
	}
	addr = addr.Unmap()
	if addr.Zone() != "" || addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}, &problem{shown(s) + " is not the address of one host", right}
	}
	return addr, nil
}

// parseMediaListen reads an address, or "" for that of the leg's SIP listener.
func parseMediaListen(s string) (netip.Addr, *problem) {
	if s == "" {
		return netip.Addr{}, nil
	}
	return parseAddr(s)
}

// parseAdvertise reads an address that others can send to, or "" for the listener's own.
func parseAdvertise(s string) (netip.Addr, *problem) {
	if s == "" {
		return netip.Addr{}, nil
	}
	addr, wrong := parseAddr(s)
	if wrong == nil && addr.IsUnspecified() {
		return netip.Addr{}, &problem{"nobody can send to " + s, "write the address that phones reach the switch at"}
	}
	return addr, wrong
}

// portRange is a range of RTP ports, both ends inclusive.
type portRange struct{ min, max uint16 }

// parsePorts reads MIN-MAX. RTP uses the even port of a pair (RFC 3550 §11), and a call takes two pairs.
func parsePorts(s string) (portRange, *problem) {
	const right = "write a range that starts on an even port, as in 20000-29999"
	low, high, found := strings.Cut(s, "-")
	if !found {
		return portRange{}, &problem{shown(s) + " is not a range", right}
	}
	first, err := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	if err != nil {
		return portRange{}, &problem{shown(low) + " is not a port", right}
	}
	last, err := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	if err != nil {
		return portRange{}, &problem{shown(high) + " is not a port", right}
	}
	switch {
	case last < first:
		return portRange{}, &problem{fmt.Sprintf("the range is reversed: %d is below %d", last, first), right}
	case first < 1024:
		return portRange{}, &problem{fmt.Sprintf("port %d is below 1024", first), right}
	case first%2 == 1:
		return portRange{}, &problem{fmt.Sprintf("the range starts on the odd port %d", first), right}
	case last-first < 3:
		return portRange{}, &problem{"the range is too small: a call needs 4 ports", right}
	}
	return portRange{uint16(first), uint16(last)}, nil
}

// parseDuration reads 30s, 12h or 1h30m; 0 switches the limit off.
func parseDuration(s string) (time.Duration, *problem) {
	const right = "write a duration with its unit, as in 30s or 12h, or 0 for off"
	d, err := time.ParseDuration(s)
	switch {
	case err == nil && d < 0:
		return 0, &problem{s + " is negative", right}
	case err == nil:
		return d, nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, &problem{shown(s) + " has no unit", right}
	}
	return 0, &problem{shown(s) + " is not a duration", right}
}

// parsePositiveDuration reads a duration that cannot be off.
func parsePositiveDuration(s string) (time.Duration, *problem) {
	const right = "write a duration with its unit, as in 30s"
	d, wrong := parseDuration(s)
	switch {
	case wrong != nil:
		return 0, &problem{wrong.wrong, right}
	case d == 0:
		return 0, &problem{"cannot be switched off", right}
	}
	return d, nil
}

// count reads a whole number from 0 to most.
func count(most int) func(string) (int, *problem) {
	return func(s string) (int, *problem) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > most {
			return 0, &problem{shown(s) + " is not a count", fmt.Sprintf("write a whole number from 0 to %d", most)}
		}
		return n, nil
	}
}

// oneOf reads one of a few words, in any case.
func oneOf(words ...string) func(string) (string, *problem) {
	return func(s string) (string, *problem) {
		for _, w := range words {
			if strings.EqualFold(s, w) {
				return w, nil
			}
		}
		return "", &problem{shown(s) + " is not known", "write " + strings.Join(words, " or ")}
	}
}

// parseSecret reads a password. What is wrong with it is told without it.
func parseSecret(s string) (Secret, *problem) {
	switch {
	case strings.TrimSpace(s) == "":
		return "", &problem{"is empty", "write a secret; \"ringdown init -\" prints fresh ones"}
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", &problem{"contains a control character", "write a secret on one line"}
	}
	return Secret(s), nil
}

// parseName reads a name for people, which may end in a header or a log.
func parseName(s string) (string, *problem) {
	switch {
	case strings.TrimSpace(s) == "":
		return "", &problem{"is empty", "write a name"}
	case len(s) > 128:
		return "", &problem{"is longer than 128 bytes", "write a shorter name"}
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", &problem{"contains a control character", "write a name on one line"}
	}
	return s, nil
}
