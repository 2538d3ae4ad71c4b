package sip

import (
	"iter"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// dialog is what RFC 3261 §12 keeps of one.
type dialog struct {
	callID              string
	localTag, remoteTag string
	local, remote       string // From and To of our requests, without tags
	target              string // remote target: the peer's Contact URI
	routes              []string
	localSeq, remoteSeq uint32
	seen                bool // remoteSeq is set
	merge               mergeID
}

// allow is what we take; the comment of each method's file says how.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, REFER, NOTIFY"

// supported are the extensions that we know: RFC 3891, RFC 4488.
const supported = "replaces, norefersub"

// able says in a message what we take and know. A phone offers its user an attended transfer only where `replaces` is
// listed (P13).
func able(m interface{ Add(name, value string) }) {
	m.Add("Allow", allow)
	m.Add("Supported", supported)
}

// newRequest begins a request inside the dialog (RFC 3261 §12.2.1.1). CSeq rises, save for ACK, which repeats seq.
func (l *leg) newRequest(method sip.RequestMethod, seq uint32) *tx.Request {
	d := &l.dialog
	if l.line != nil {
		l.flow = l.nextHop()
	}
	if method != sip.ACK {
		d.localSeq++
		seq = d.localSeq
	}
	req := tx.NewRequest(method, d.target, seq)
	for _, r := range d.routes {
		req.Add("Route", r)
	}
	req.Add("Max-Forwards", "70")
	req.AddParty("From", d.local, d.localTag)
	req.AddParty("To", d.remote, d.remoteTag)
	req.Add("Call-ID", d.callID)
	switch method {
	case sip.INVITE, sip.UPDATE, sip.NOTIFY, sip.REFER:
		req.Add("Contact", l.contact())
	}
	if method != sip.ACK {
		req.Add("User-Agent", l.a.cfg.Version)
	}
	return req
}

// contact is our Contact in the leg's dialog.
func (l *leg) contact() string {
	if l.line != nil {
		return l.line.t.contact(l.flow)
	}
	return l.a.contact(l.flow)
}

// peerDialog reads the peer's half of the dialog from a 2xx to our INVITE (RFC 3261 §12.1.2).
func (d *dialog) peerDialog(res *sip.Response) {
	d.remoteTag = strings.Clone(tagOf(res.To().Params))
	if c := res.Contact(); c != nil {
		d.target = tx.URI(&c.Address)
	}
	d.routes = routes(res)
	slices.Reverse(d.routes)
}

// routes are the Record-Route values of a message, topmost first.
func routes(m message) []string {
	var out []string
	for h := range each(m, "Record-Route") {
		out = append(out, strings.Clone(h.Value()))
	}
	return out
}

// refresh takes over the target that a re-INVITE, an UPDATE or its 2xx names (RFC 3261 §12.2).
func (d *dialog) refresh(c *sip.ContactHeader) {
	if c != nil && c.Address.Host != "" {
		d.target = tx.URI(&c.Address)
	}
}

// inOrder checks the CSeq of a request inside the dialog and keeps it (RFC 3261 §12.2.2). Gaps are fine.
func (d *dialog) inOrder(seq uint32) bool {
	if d.seen && seq <= d.remoteSeq {
		return false
	}
	d.remoteSeq, d.seen = seq, true
	return true
}

// sentACK is an ACK of ours to a 2xx. What is not kept is written again from the dialog.
type sentACK struct {
	seq    uint32
	branch string
}

// keptACKs is of how many INVITEs of a dialog the 2xx may still be repeated: the last one, and one that it overtook.
const keptACKs = 2

// sendACK acknowledges a 2xx to an INVITE of ours and keeps the ACK for its copies (RFC 3261 §13.2.2.4).
func (l *leg) sendACK(res *sip.Response) {
	ack, err := l.ack(res.CSeq().SeqNo)
	if err != nil {
		l.a.log.Warn("cannot acknowledge", "leg", l.id.String(), "err", err)
		return
	}
	if err := l.a.layer.Send(ack, l.flow); err != nil {
		l.a.log.Debug("ACK not sent", "leg", l.id.String(), "err", err)
	}
}

// ack is the ACK to the INVITE of ours with this CSeq, every time with the same branch.
func (l *leg) ack(seq uint32) ([]byte, error) {
	branch := ""
	for _, a := range l.acks {
		if a.seq == seq {
			branch = a.branch
		}
	}
	if branch == "" {
		branch = tx.NewBranch()
		copy(l.acks[1:], l.acks[:])
		l.acks[0] = sentACK{seq, branch}
	}
	req := l.newRequest(sip.ACK, seq)
	defer req.Free()
	if l.line != nil && l.line.inviteN == seq {
		for _, h := range l.line.signed {
			req.Add(h.Name, h.Value)
		}
	}
	return l.a.layer.Write(req, l.flow, branch)
}

// facts reads the SDP of a message and what its headers say of the phone.
func (l *leg) facts(m message) (callstate.Facts, error) {
	f := callstate.Facts{}
	var err error
	if len(m.Body()) > 0 {
		f, err = l.a.cfg.ReadSDP(m.Body())
	}
	f.Info = allows(m, "INFO")
	l.learnAllow(m)
	return f, err
}

// learnAllow keeps whether the phone takes UPDATE. Without an Allow nothing new is known (RFC 3261 §20.5).
func (l *leg) learnAllow(m message) {
	if has(m, "Allow") {
		l.updates = allows(m, "UPDATE")
	}
}

// allows tells whether a message's Allow lists a method; one without Allow allows it (RFC 3261 §20.5: says nothing).
func allows(m message, method string) bool {
	given := false
	for h := range each(m, "Allow") {
		given = true
		for v := range strings.SplitSeq(h.Value(), ",") {
			if strings.EqualFold(strings.TrimSpace(v), method) {
				return true
			}
		}
	}
	return !given
}

// sdpOf returns the SDP of a message; nil when it has none, an error status when its body is something else.
func sdpOf(m message) (body []byte, status int) {
	if len(m.Body()) == 0 {
		return nil, 0
	}
	ct := first(m, "Content-Type")
	kind, _, _ := strings.Cut(ct, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/sdp") {
		return nil, 415
	}
	if e := first(m, "Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, 415
	}
	return m.Body(), 0
}

// message is a request or a response that was received.
type message interface {
	sip.Message
	Headers() []sip.Header
}

// each are the headers of a name, in order.
func each(m message, name string) iter.Seq[sip.Header] {
	return func(yield func(sip.Header) bool) {
		for _, h := range m.Headers() {
			if n := h.Name(); len(n) == len(name) && strings.EqualFold(n, name) && !yield(h) {
				return
			}
		}
	}
}

// has tells whether a message has a header of that name.
func has(m message, name string) bool {
	for range each(m, name) {
		return true
	}
	return false
}

// count is how many headers of that name a message has.
func count(m message, name string) (n int) {
	for range each(m, name) {
		n++
	}
	return n
}

// first is the value of a header's first occurrence, empty when there is none.
func first(m message, name string) string {
	for h := range each(m, name) {
		return h.Value()
	}
	return ""
}

// sameHost tells whether a request comes from the host of its dialog; others must prove who sent them (edge case X11).
func sameHost(a, b tx.Flow) bool { return a.Remote.Addr().Unmap() == b.Remote.Addr().Unmap() }
