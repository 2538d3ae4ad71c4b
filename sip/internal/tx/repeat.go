package tx

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// serverLeft is what is left of a settled server transaction. A copy of its request has nearly all of the answer in it,
// which RFC 3261 §8.2.6.2 has copied from there; only the rest is kept.
type serverLeft struct {
	rest   string // completed: what repeatable says. INVITE: the To-tag, for the answer to a CANCEL
	host   uint32 // completed: hash of the address that the request came from
	status uint16 // completed: of the answer
	state  state  // accepted, completed (not INVITE) or confirmed
}

// repeatable keeps of an answer, which has been written to its end, what repeat needs: the reason and all lines that do
// not come from the request, or nothing when they are the usual ones.
func (l *Layer) repeatable(a *Answer, to netip.AddrPort) serverLeft {
	left := serverLeft{status: uint16(a.status), host: hostHash(to.Addr())}
	line, _, _ := bytes.Cut(a.b, crlf)
	reason, own := line[len("SIP/2.0 200 "):], a.b[a.own:]
	if string(reason) != Reason(a.status) || string(own) != l.usual {
		left.rest = string(reason) + "\r\n" + string(own)
	}
	return left
}

// repeat sends the answer to a request again, to the byte, which is made from the copy. It goes where the copy came from,
// which may be another port behind a NAT that has forgotten the first one, but to no other host.
func (l *Layer) repeat(left serverLeft, req *sip.Request, from path) {
	if left.state != completed || left.host != hostHash(from.flow.Remote.Addr()) {
		return // absorbed: RFC 6026 §7.1
	}
	reason, own := "", l.usual
	if left.rest != "" {
		reason, own, _ = strings.Cut(left.rest, "\r\n")
	}
	a := newAnswer(req, int(left.status), reason, repeatableTag(req))
	defer a.free()
	a.b = append(a.b, own...)
	if err := from.send(bytes.Clone(a.b), nil); err != nil {
		l.counts.lost.Add(1)
		l.log.Debug("response not repeated", "error", err)
	}
}

var hostSeed = maphash.MakeSeed()

func hostHash(a netip.Addr) uint32 { return uint32(maphash.Comparable(hostSeed, a)) }
