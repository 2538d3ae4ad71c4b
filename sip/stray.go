package sip

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// A stray is a dialog that a 2xx opened and nobody wants: another fork's answer (S14), or one that came when its INVITE
// was given up (S30). It is acknowledged, because the phone would repeat its 2xx, and hung up (RFC 3261 §13.2.2.4).

// strayID is a whole dialog: forks share Call-ID and local tag.
type strayID struct{ sipCallID, localTag, remoteTag string }

// strayIn is a 2xx to an INVITE of this leg whose transaction is over.
type strayIn struct {
	res  *sip.Response
	flow tx.Flow
}

// endIn hangs a stray up.
type endIn struct{}

func (l *leg) stray() strayID { return strayID{l.dialog.callID, l.dialog.localTag, l.dialog.remoteTag} }

// strayed takes a 2xx other than the first: a copy gets the same ACK again (S8), a fork its own end.
func (l *leg) strayed(res *sip.Response, flow tx.Flow) {
	if tagOf(res.To().Params) == l.dialog.remoteTag && l.dialog.remoteTag != "" {
		l.sendACK(res)
		return
	}
	l.a.endStray(res, flow)
}

// endStray acknowledges and ends a dialog that nobody wants; a copy of its 2xx gets the ACK only.
func (a *Agent) endStray(res *sip.Response, flow tx.Flow) {
	id := strayID{strings.Clone(res.CallID().Value()), strings.Clone(tagOf(res.From().Params)),
		strings.Clone(tagOf(res.To().Params))}
	if !a.tags.made(id.localTag, id.sipCallID) || id.remoteTag == "" || res.Contact() == nil {
		return // X16: never an answer to an INVITE of ours; whoever is shown as its source gets nothing
	}
	l := &leg{a: a, flow: flow, phase: phaseConfirmed, ended: true,
		endedBy: callstate.Cause{Kind: callstate.Elsewhere, Status: 200}}
	l.dialog = dialog{callID: id.sipCallID, localTag: id.localTag, localSeq: res.CSeq().SeqNo,
		local:  tx.NameAddr(res.From().DisplayName, &res.From().Address),
		remote: tx.NameAddr(res.To().DisplayName, &res.To().Address)}
	l.dialog.peerDialog(res)
	if t := a.trunkAt(flow.Remote); t != nil {
		l.atTrunk(t, "") // E3: it may challenge the BYE
	}
	a.mu.Lock()
	known := a.strays[id]
	if known == nil {
		a.strays[id] = l
	}
	a.mu.Unlock()
	if known != nil {
		known.put(strayIn{res, flow})
		return
	}
	l.put(strayIn{res, flow})
	l.put(endIn{})
}

// tagMint makes the tags of INVITEs that we send, so that an answer proves that it is to one of them without our keeping
// it: 64 bits of a MAC over the Call-ID (RFC 3261 §19.3 asks for 32 random ones).
type tagMint struct{ macs *sync.Pool } // of hash.Hash with the key in them

func newTagMint() (m tagMint) {
	var key [32]byte
	rand.Read(key[:]) // never fails
	return tagMint{&sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }}}
}

func (m *tagMint) of(sipCallID string) string {
	h := m.macs.Get().(hash.Hash)
	defer m.macs.Put(h)
	h.Reset()
	h.Write([]byte(sipCallID))
	var sum [sha256.Size]byte
	return hex.EncodeToString(h.Sum(sum[:0])[:8])
}

func (m *tagMint) made(tag, sipCallID string) bool {
	return hmac.Equal([]byte(tag), []byte(m.of(sipCallID)))
}
