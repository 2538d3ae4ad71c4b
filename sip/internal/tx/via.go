package tx

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// parseVia reads one Via value (RFC 3261 §20.42), with white space wherever §25.1 allows it, into h. It returns false if
// it cannot be read.
func parseVia(s string, h *sip.ViaHeader, r *room) bool {
	name, rest, _ := strings.Cut(s, "/")
	version, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return false
	}
	rest = strings.TrimLeft(rest, " \t")
	end := strings.IndexAny(rest, " \t")
	if end < 0 {
		return false
	}
	h.ProtocolName, h.ProtocolVersion, h.Transport = strings.Trim(name, " \t"), strings.Trim(version, " \t"), rest[:end]
	if !isToken(h.ProtocolName) || !isToken(h.ProtocolVersion) || !isToken(h.Transport) {
		return false
	}
	rest = strings.TrimLeft(rest[end:], " \t")
	sentBy := rest
	if at := strings.IndexByte(rest, ';'); at >= 0 {
		sentBy, rest = rest[:at], rest[at:]
	} else {
		rest = ""
	}
	if !viaSentBy(h, strings.TrimRight(sentBy, " \t")) {
		return false
	}
	h.Params, ok = parseParams(rest, r)
	return ok
}

// viaSentBy reads host and port. sipgo keeps an IPv6 host without its brackets.
func viaSentBy(h *sip.ViaHeader, s string) bool {
	host, port := s, ""
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, port, ok = strings.Cut(inner, "]")
		addr, err := netip.ParseAddr(host)
		if !ok || err != nil || !addr.Is6() {
			return false
		}
		port = strings.TrimLeft(port, " \t")
		if port != "" && port[0] != ':' {
			return false
		}
		port = strings.TrimPrefix(port, ":")
		if port == "" && strings.HasSuffix(s, ":") {
			return false
		}
	} else if at := strings.IndexByte(s, ':'); at >= 0 {
		host, port = strings.TrimRight(s[:at], " \t"), s[at+1:]
		if port == "" {
			return false
		}
	}
	h.Host = host
	if port != "" {
		n, err := strconv.ParseUint(strings.Trim(port, " \t"), 10, 16)
		if err != nil || n == 0 {
			return false
		}
		h.Port = int(n)
	}
	return host != "" && !strings.ContainsAny(host, " \t\"<>@")
}

// noteSource writes into the top Via where the request really came from: received when sent-by says something else
// (RFC 3261 §18.2.1), rport and received when rport was asked for (RFC 3581 §4). What the peer wrote there is replaced.
func noteSource(via *sip.ViaHeader, source netip.AddrPort) {
	addr := source.Addr().WithZone("")
	asked := false
	for i := 0; i < len(via.Params); {
		switch kv := &via.Params[i]; {
		case strings.EqualFold(kv.K, "received"):
			via.Params = append(via.Params[:i], via.Params[i+1:]...)
			continue
		case strings.EqualFold(kv.K, "rport"):
			asked = true
			kv.V = strconv.Itoa(int(source.Port()))
		}
		i++
	}
	host, err := netip.ParseAddr(via.Host)
	if asked || err != nil || host.Unmap() != addr {
		via.Params = append(via.Params, sip.HeaderKV{K: "received", V: addr.String()})
	}
}

// replyAddress is where a response goes when the connection that the request came on is closed: received, or the
// source, with the port of sent-by (RFC 3261 §18.2.2).
func replyAddress(via *sip.ViaHeader, source netip.AddrPort) netip.AddrPort {
	if via == nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(source.Addr(), uint16(viaPort(via)))
}

// branchOf finds the branch in a request that has a Via of appendVia.
func branchOf(wire []byte) string {
	_, rest, _ := bytes.Cut(wire, []byte(";branch="))
	branch, _, _ := bytes.Cut(rest, []byte(";"))
	return string(branch)
}

// appendVia appends the Via line of a request of ours. rport is always asked for (RFC 3581 §3).
func (l *Layer) appendVia(b []byte, flow Flow, branch string) []byte {
	b = append(b, "Via: SIP/2.0/"...)
	b = append(b, flow.Transport...)
	b = append(b, ' ')
	host, port := "", 0
	if l.cfg.SentBy != nil {
		host, port = l.cfg.SentBy(flow)
	}
	if host != "" {
		b = appendHost(b, host)
	} else {
		local := l.sentBy(flow)
		port = int(local.Port())
		if local.Addr().Is4() {
			b = local.Addr().AppendTo(b)
		} else {
			b = append(local.Addr().WithZone("").AppendTo(append(b, '[')), ']')
		}
	}
	if port > 0 {
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(port), 10)
	}
	b = append(b, ";branch="...)
	b = append(b, branch...)
	return append(b, ";rport\r\n"...)
}
