package sip

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// Timers of RFC 3261 that are the dialog's and not a transaction's.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

// openInvite is a 2xx of ours that waits for its ACK: to the first INVITE, or to a re-INVITE.
type openInvite struct {
	server  *tx.Server
	seq     uint32 // CSeq of the INVITE
	offered bool   // our 2xx carried an offer, so the ACK brings the answer
	ref     uint32 // of LegReoffered; 0 for the first INVITE
	gen     int    // tells the resend timers of different 2xx apart
	next    time.Duration
	since   time.Time
}

// invite begins a leg that calls us.
func (a *Agent) invite(s *tx.Server) {
	req := s.Request()
	m := mergeID{strings.Clone(req.CallID().Value()), strings.Clone(tagOf(req.From().Params)), req.CSeq().SeqNo}
	if a.merged(m) {
		a.respond(s, 482, "") // S22; before its credentials are looked at, which are those of the first
		return
	}
	user, t := "", a.identify(s)
	if t == nil {
		a.unknownCaller(s)
		var ok bool
		if user, ok = a.authenticate(s); !ok {
			return
		}
	}
	sdp, status := sdpOf(req)
	switch {
	case status != 0:
		a.respond(s, status, "")
	case req.Contact() == nil || req.Contact().Address.Host == "":
		a.respond(s, 400, "Missing Contact") // RFC 3261 §8.1.1.8
	case a.draining.Load():
		a.respond(s, 503, "")
	default:
		a.callFrom(s, a.offered(s, user, t, m), sdp)
	}
}

// offered is the leg of an INVITE, from an extension or, if t is not nil, from a trunk.
func (a *Agent) offered(s *tx.Server, user string, t *trunk, m mergeID) *leg {
	req := s.Request()
	l := &leg{a: a, inbound: true, user: user, flow: s.Flow(), server: s}
	if t != nil {
		l.comesBy(t, s)
	}
	l.dialog = dialog{
		callID: m.sipCallID, localTag: s.Tag(), remoteTag: m.fromTag, merge: m,
		local: tx.NameAddr(req.To().DisplayName, &req.To().Address), remote: tx.NameAddr(req.From().DisplayName, &req.From().Address),
		target: tx.URI(&req.Contact().Address), routes: routes(req), remoteSeq: m.cseq, seen: true,
	}
	return l
}

// callFrom begins the call of an INVITE.
func (a *Agent) callFrom(s *tx.Server, l *leg, sdp []byte) {
	req := s.Request()
	instead, status, reason := a.toReplace(req, l.user)
	if status != 0 {
		a.respond(s, status, reason)
		return
	}
	facts, err := l.facts(req)
	if err != nil {
		a.log.Info("call refused", "from", l.number(), "source", s.Flow().Remote.String(), "status", 488, "reason", err.Error())
		a.respond(s, 488, "", warning(err))
		return
	}
	a.respond100(s)
	l.id = callstate.LegID{Call: a.cfg.Exchange.NewCallID(), N: 1}
	a.addLeg(l)
	offer := callstate.LegOffered{
		On: l.on(), From: callstate.Party{Number: l.user, Name: a.names[l.user]}, To: dialled(req.Recipient),
		Replaces: instead, SDP: sdp, Facts: facts, Hops: hops(req), SIPCallID: l.dialog.callID,
		Forwards: forwards(req),
	}
	if l.line != nil {
		offer.From, offer.To, offer.Trunk = caller(req), l.line.t.called(req), l.line.t.Name
	}
	if !a.cfg.Exchange.Post(offer) {
		l.ended, l.phase = true, phaseOver
		l.dispose()
		if instead.Given() {
			a.respond(s, 481, "") // its call has ended meanwhile
			return
		}
		a.respond(s, 503, "")
	}
}

// hops is how often a call was sent on before it came here: by its Diversion values (RFC 5806), or by its History-Info
// entries, of which the first is the number that was dialled (RFC 7044 §5).
func hops(req *sip.Request) int {
	return max(values(req, "Diversion"), values(req, "History-Info")-1)
}

// forwards is the Max-Forwards of a request, 0 when it has none; one that has 0 never comes here (RFC 3261 §16.3).
func forwards(req *sip.Request) int {
	if mf := req.MaxForwards(); mf != nil {
		return int(min(mf.Val(), 255)) // RFC 3261 §20.22: nobody may have more
	}
	return 0
}

// values counts the values of a header in all its lines; commas inside quotes or angle brackets part none.
func values(req *sip.Request, name string) (n int) {
	for h := range each(req, name) {
		n++
		quoted, bracket := false, false
		for _, c := range h.Value() {
			switch {
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '<':
				bracket = true
			case c == '>':
				bracket = false
			case c == ',' && !bracket:
				n++
			}
		}
	}
	return n
}

func (a *Agent) respond100(s *tx.Server) {
	if err := s.Respond(s.NewAnswer(100, "")); err != nil {
		a.log.Debug("100 not sent", "err", err)
	}
}

// dialled is the number that a Request-URI asks for.
func dialled(u sip.Uri) string {
	if u.Scheme == "tel" {
		number, _, _ := strings.Cut(u.Raw(), ";")
		return strings.Clone(number)
	}
	user, _, _ := strings.Cut(u.User, ";") // RFC 3261 §19.1.1: parameters in the user part
	return strings.Clone(unescape(user))
}

// unescape undoes %XX (RFC 3261 §25.1); what is not an escape stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(hexDigit(s[i+1])<<4 | hexDigit(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'f' }

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 32 - 'a' + 10
}

// quoted escapes a display name of ours for a name-addr.
func quoted(name string) string {
	if !strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		return name
	}
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1 // RFC 3261 §25.1: no control character can be quoted (X15)
		}
		return c
	}, strings.ToValidUTF8(name, ""))
	return inQuotes.Replace(name)
}

var inQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// warning says in a 4xx what is wrong with a body (RFC 3261 §20.43).
func warning(err error) tx.Header {
	return header("Warning", `399 ringdown "`+quoted(err.Error())+`"`)
}

// ring sends a 1xx to a leg that called us.
func (l *leg) ring(cmd callstate.Ring) {
	if l.phase != phaseInvite || !l.inbound {
		return
	}
	res := l.server.NewAnswer(cmd.Status, "")
	res.Add("Contact", l.contact())
	able(res)
	res.SetBody("application/sdp", cmd.SDP)
	l.a.send(l.server, res)
}

// answer sends the 200 to a leg that called us.
func (l *leg) answer(cmd callstate.Answer) {
	if l.phase != phaseInvite || !l.inbound {
		return
	}
	l.accept(l.server, cmd.SDP, len(l.server.Request().Body()) == 0, 0)
	l.phase, l.server = phaseAnswered, nil
}

// accept sends a 200 to an INVITE of theirs and repeats it until the ACK (RFC 3261 §13.3.1.4, on every transport).
func (l *leg) accept(s *tx.Server, sdp []byte, offered bool, ref uint32) {
	res := s.NewAnswer(200, "")
	res.Add("Contact", l.contact())
	able(res)
	res.SetBody("application/sdp", sdp)
	l.a.send(s, res) // a failure is made good by resend
	l.invite = openInvite{server: s, seq: s.Request().CSeq().SeqNo, offered: offered, ref: ref,
		gen: l.invite.gen + 1, next: t1, since: time.Now()}
	l.after(t1, timerResend, l.invite.gen)
}

// resend repeats a 2xx that was not acknowledged, in growing steps; after 64*T1 the dialog is ended (S9).
func (l *leg) resend(gen int) {
	o := &l.invite
	if o.server == nil || o.gen != gen {
		return
	}
	if time.Since(o.since) >= 64*t1 {
		o.server = nil
		l.lost()
		return
	}
	if err := o.server.Resend2xx(); err != nil {
		l.a.log.Debug("200 not repeated", "leg", l.id.String(), "err", err)
	}
	o.next = min(2*o.next, t2)
	l.after(min(o.next, 64*t1-time.Since(o.since)), timerResend, gen)
}

// acked: the ACK to a 2xx of ours. It is known by its CSeq, whatever its branch.
func (l *leg) acked(req *sip.Request) {
	o := l.invite
	if o.server == nil || req.CSeq().SeqNo != o.seq || tagOf(req.From().Params) != l.dialog.remoteTag {
		return
	}
	l.invite.server = nil
	sdp, status := sdpOf(req)
	facts, err := l.facts(req)
	if status != 0 || err != nil {
		sdp = nil
	}
	if l.phase == phaseAnswered {
		l.phase = phaseConfirmed
	}
	switch {
	case l.hanging && l.phase == phaseConfirmed:
		l.sendBYE() // it waited for this (RFC 3261 §15)
		return
	case o.ref == 0 && l.phase == phaseConfirmed:
		l.post(callstate.LegConfirmed{On: l.on(), SDP: bodyIf(o.offered, sdp), Facts: facts})
	case o.offered && len(sdp) == 0:
		l.post(callstate.ReofferRefused{On: l.on(), Ref: o.ref, Status: 400})
	case o.offered:
		l.post(callstate.ReofferAnswered{On: l.on(), Ref: o.ref, SDP: sdp, Facts: facts})
	}
	l.next()
}

// received2xx: a new INVITE in the dialog shows that the peer has our 2xx to the last one, though its ACK was lost or
// overtaken (RFC 3261 §14.1, R7).
func (l *leg) received2xx() {
	o := l.invite
	if o.server == nil {
		return
	}
	l.invite.server = nil
	if l.phase == phaseAnswered {
		l.phase = phaseConfirmed
		l.post(callstate.LegConfirmed{On: l.on()})
	}
}

func bodyIf(wanted bool, sdp []byte) []byte {
	if wanted {
		return sdp
	}
	return nil
}

// cancelled: a CANCEL for an INVITE without a final answer.
func (l *leg) cancelled(invite *tx.Server) {
	if invite == l.server {
		if l.phase != phaseInvite {
			return // S5: the 200 crossed it
		}
		l.a.respond(invite, 487, "")
		l.over(callstate.Cause{Kind: callstate.Cancelled, Status: 487, Remote: true})
		return
	}
	if l.offer.theirs != nil && l.offer.theirs.server == invite {
		l.offer.theirs = nil // the call's answer to it comes too late
		l.a.respond(invite, 487, "")
		l.next()
	}
}
