package tx

import (
	"crypto/rand"
	"hash/maphash"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// key is what a transaction is found by: the hash of what tells it from others, 128 bits by seeds that nobody knows, so
// that two of them never have the same.
type key [2]uint64

var keySeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func keyOf(text []byte) key {
	return key{maphash.Bytes(keySeeds[0], text), maphash.Bytes(keySeeds[1], text)}
}

// serverText appends what makes the key of the server transaction that req belongs to (RFC 3261 §17.2.3). ACK and CANCEL get that
// of their INVITE. The transport is part of it: the same request by UDP and TCP makes two transactions.
func serverText(b []byte, req *sip.Request, transport string) []byte {
	method := req.Method
	if method == sip.ACK || method == sip.CANCEL {
		method = sip.INVITE
	}
	via := req.Via()
	branch, _ := param(via.Params, "branch")
	b = append(b, transport...)
	b = append(b, ' ')
	b = append(b, method...)
	b = append(b, ' ')
	b = appendSentBy(b, via)
	b = append(b, ' ')
	b = append(b, branch...)
	if isCookie(branch) {
		return b
	}
	// RFC 2543 peers: Request-URI, From-tag, Call-ID and CSeq as well. The To-tag is left out, since an ACK carries the
	// one of the answer; a re-INVITE differs by its CSeq.
	from, _ := param(req.From().Params, "tag")
	b = append(b, ' ')
	b = append(b, req.Recipient.String()...)
	b = append(b, ' ')
	b = append(b, from...)
	b = append(b, ' ')
	b = append(b, string(*req.CallID())...)
	b = append(b, ' ')
	return strconv.AppendUint(b, uint64(req.CSeq().SeqNo), 10)
}

// isCookie tells whether a branch identifies a transaction on its own. The bare cookie of RFC 4475 §3.2.1 does not.
func isCookie(branch string) bool {
	const cookie = sip.RFC3261BranchMagicCookie
	return len(branch) > len(cookie) && strings.EqualFold(branch[:len(cookie)], cookie)
}

// appendSentBy appends host and port of a Via in comparable form: case-insensitive, the default port written out.
func appendSentBy(b []byte, via *sip.ViaHeader) []byte {
	for i := range len(via.Host) {
		c := via.Host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	b = append(b, ':')
	return strconv.AppendUint(b, uint64(viaPort(via)), 10)
}

func viaPort(via *sip.ViaHeader) int {
	switch {
	case via.Port > 0:
		return via.Port
	case strings.EqualFold(via.Transport, "TLS"), strings.EqualFold(via.Transport, "WSS"):
		return 5061
	}
	return 5060
}

// serverKey is the key of the server transaction that req belongs to.
func serverKey(req *sip.Request, transport string) key {
	var room [256]byte
	return keyOf(serverText(room[:0], req, transport))
}

// clientKey is the key of the client transaction that a response belongs to: branch and CSeq method (RFC 3261 §17.1.3).
func clientKey(branch string, method sip.RequestMethod) key {
	var room [96]byte
	b := append(room[:0], method...)
	b = append(b, ' ')
	return keyOf(append(b, branch...))
}

// param finds a parameter; names are case-insensitive (RFC 3261 §7.3.1).
func param(params sip.HeaderParams, name string) (string, bool) {
	for _, kv := range params {
		if kv.K == name || strings.EqualFold(kv.K, name) {
			return kv.V, true
		}
	}
	return "", false
}

// NewTag makes a tag of 100 random bits (RFC 3261 §19.3).
func NewTag() string { return rand.Text()[:20] }

// NewBranch makes a branch of 100 random bits after the magic cookie (RFC 3261 §8.1.1.7).
func NewBranch() string { return sip.RFC3261BranchMagicCookie + rand.Text()[:20] }

// statelessMark begins the tags that statelessTag makes, and none of NewTag.
const statelessMark = "s"

var tagSeed = maphash.MakeSeed()

// repeatableTag is the To-tag of the answers to a request other than INVITE: the same for every copy of it, so that it need
// not be kept.
func repeatableTag(req *sip.Request) string {
	if tag, ok := param(req.To().Params, "tag"); ok {
		return tag
	}
	return statelessTag(req)
}

// statelessTag is the To-tag of answers that leave no state: the same for every copy of a request (RFC 3261 §8.2.7),
// unknown to others.
func statelessTag(req *sip.Request) string {
	var h maphash.Hash
	h.SetSeed(tagSeed)
	for _, name := range [...]string{"Call-ID", "From"} {
		if header := req.GetHeader(name); header != nil {
			var room [256]byte
			h.Write(appendHeader(room[:0], header))
		}
		h.WriteByte(0)
	}
	if cseq := req.CSeq(); cseq != nil {
		h.WriteString(strconv.FormatUint(uint64(cseq.SeqNo), 10))
	}
	return statelessMark + strconv.FormatUint(h.Sum64(), 36)
}
