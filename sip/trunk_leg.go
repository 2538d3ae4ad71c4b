package sip

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// line is what a leg at a trunk has beyond that of a phone.
type line struct {
	t      *trunk
	number string // of the party at its other end
	login  login

	invite  *tx.Request // that opens the dialog, until it is answered for good: it may have to go out again
	chain   chain
	attempt int              // which sending of it counts; answers to earlier ones come too late
	heard   bool             // this sending had some answer
	tried   []netip.AddrPort // addresses of the trunk that failed
	minSE   int              // the largest Min-SE that was asked for, in seconds (S28)

	signed  []tx.Header // the credentials of our last INVITE, which its ACK repeats (RFC 3261 §22.1)
	inviteN uint32      // its CSeq
}

// sign puts our credentials into a request of the leg.
func (n *line) sign(req *tx.Request) {
	signed := n.login.sign(req, n.t)
	if req.Method == sip.INVITE {
		n.inviteN, n.signed = req.Seq, signed
	}
}

// answered frees the INVITE, which will not go out again.
func (n *line) answered() {
	if n.invite != nil {
		n.invite.Free()
		n.invite = nil
	}
}

// locateTrunk tells a call how a number is reached by a trunk; no contact: not now (edge cases N16, O15).
func (a *Agent) locateTrunk(cmd callstate.Locate) {
	var out []callstate.Contact
	if t := a.trunk(cmd.Trunk); t != nil {
		if f, ok := t.way(nil); ok {
			out = append(out, callstate.Contact{URI: t.uri(cmd.Number), Flow: textOf(f), Trunk: t.Name})
		}
	}
	a.cfg.Exchange.Post(callstate.Located{ID: cmd.Call, Ref: cmd.Ref, Contacts: out})
}

// dialTrunk sends the INVITE that opens a leg at a trunk.
func (l *leg) dialTrunk(cmd callstate.Dial) error {
	t := l.a.trunk(cmd.To.Trunk)
	if t == nil {
		return errNoTrunk
	}
	l.atTrunk(t, cmd.Number)
	l.dialog = dialog{
		callID: tx.NewTag() + "@" + l.a.host(l.flow), target: cmd.To.URI,
		local: t.from(cmd.From), remote: "<" + cmd.To.URI + ">", // as it goes there: a route may change the number
	}
	l.dialog.localTag = l.a.tags.of(l.dialog.callID)
	req := l.newINVITE(cmd)
	for _, h := range t.identity(cmd.From) {
		req.Add(h.Name, h.Value)
	}
	l.line.invite = req
	l.a.addLeg(l)
	l.dialling = &dialling{at: time.Now()}
	l.sendLine()
	return nil
}

// atTrunk makes l the leg of a number at a trunk. What is the trunk's own, such as which dialogs its REFER may name, is
// told by user, which no extension can have (P12).
func (l *leg) atTrunk(t *trunk, number string) {
	l.user, l.line = "trunk "+t.Name, &line{t: t, number: number}
}

// comesBy makes l the leg of an INVITE that came by a trunk.
func (l *leg) comesBy(t *trunk, s *tx.Server) {
	l.atTrunk(t, caller(s.Request()).Number)
	if f, err := l.a.layer.Source(l.flow); err == nil {
		l.flow = f // over a connection that we opened, our Contact is still the listener
	}
}

// number is that of the leg's other end.
func (l *leg) number() string {
	if l.line != nil {
		return l.line.number
	}
	return l.user
}

// aor is the address of the leg's other end.
func (l *leg) aor() string {
	if l.line != nil {
		return l.line.t.uri(l.line.number)
	}
	return l.a.aor(l.user)
}

// from is the From of a call to the trunk: the caller at our domain, or what the config has it show.
func (t *trunk) from(p callstate.Party) string {
	switch {
	case (p.Number == anonymous || p.Number == "") && t.From == "":
		return `"Anonymous" <sip:anonymous@anonymous.invalid>` // RFC 3323 §4.1.1.3
	case t.From == "":
		return t.a.identity(p)
	case strings.Contains(t.From, "@"):
		user, host, _ := strings.Cut(t.From, "@")
		return named(p.Name, "sip:"+escape(user)+"@"+host)
	}
	return named(p.Name, "sip:"+escape(t.From)+"@"+t.hostPort())
}

// named is a name-addr with a display name of ours.
func named(name, uri string) string {
	if name = quoted(name); name == "" {
		return "<" + uri + ">"
	}
	return `"` + name + `" <` + uri + ">"
}

// identity tells a trunk who really calls (RFC 3325 §9.1); of somebody anonymous only that it is to stay so.
func (t *trunk) identity(p callstate.Party) []tx.Header {
	if p.Number == anonymous || p.Number == "" {
		return []tx.Header{header("Privacy", "id")}
	}
	return []tx.Header{header("P-Asserted-Identity", t.a.identity(p))}
}

// sendLine sends the INVITE to the trunk. When it cannot be sent, the next address is tried.
func (l *leg) sendLine() {
	n := l.line
	n.attempt++
	n.heard = false
	client, err := l.a.layer.Request(n.invite, l.flow, l.a.lineResponses(l.dialog, n.attempt, n.t, l.flow.Remote))
	if err != nil {
		l.a.log.Info("trunk cannot be reached", "trunk", n.t.Name, "remote", l.flow.Remote.String(), "err", err)
		if errors.Is(err, tx.ErrTransport) {
			n.t.silent(l.flow.Remote)
		}
		l.nextWay(callstate.Cause{Kind: callstate.Unavailable, Status: 480})
		return
	}
	if l.dialling.client = client; l.phase == phaseInvite && !l.ended {
		l.dialling.patience = l.after(trunkPatience, timerSilent, n.attempt)
	}
}

// lineIn is an answer to one sending of the INVITE to a trunk.
type lineIn struct {
	tx.ClientEvent
	attempt int
}

// lineResponses is responses for a leg at a trunk. What comes too late for the call still shows that the trunk is there.
func (a *Agent) lineResponses(d dialog, attempt int, t *trunk, remote netip.AddrPort) func(tx.ClientEvent) {
	callID, tag := d.callID, d.localTag
	known := false // that it answers
	return func(ev tx.ClientEvent) {
		if ev.Res != nil && !known {
			known = true
			t.heard(remote)
		}
		if l := a.legByDialog(callID, tag); l != nil {
			l.put(lineIn{ev, attempt})
		} else if ev.Res != nil && ev.Res.IsSuccess() {
			a.endStray(ev.Res, ev.Flow)
		}
	}
}

// lineResponse takes an answer of a trunk. What has the INVITE sent again never leaves sip.
func (l *leg) lineResponse(in lineIn) {
	n := l.line
	if in.attempt != n.attempt { // we went on without it
		if in.Res != nil && in.Res.IsSuccess() {
			l.a.endStray(in.Res, in.Flow)
		}
		return
	}
	if in.Err != nil {
		if l.phase == phaseInvite && !n.heard {
			n.t.silent(l.flow.Remote)
			l.nextWay(callstate.Cause{Kind: callstate.Unavailable, Status: 480})
			return
		}
		l.inviteResponse(in.ClientEvent)
		return
	}
	n.heard = true
	if d := l.dialling; d != nil && d.patience != nil {
		d.patience.Stop() // it would hold the leg for longer than most calls last
		d.patience = nil
	}
	if in.Res.IsSuccess() {
		n.answered()
	}
	if in.Res.StatusCode < 300 || l.phase != phaseInvite || l.hanging || !l.resent(in.ClientEvent) {
		l.inviteResponse(in.ClientEvent)
	}
}

// resent: a refusal that has another INVITE follow it, of the same leg: with credentials (S26), with a longer session
// interval (S28), or to the trunk's next address (N14).
func (l *leg) resent(ev tx.ClientEvent) bool {
	n := l.line
	switch status := ev.Res.StatusCode; {
	case status == 401 || status == 407:
		if !n.t.answers(ev, &n.login, n.invite, &n.chain) {
			l.over(refusedLogin(status))
			return true
		}
		l.again(n.invite)
		l.sendLine()
		return true
	case status == 422:
		return l.longerSession(ev.Res)
	case status == 503:
		if d, ok := retryAfter(ev.Res); ok {
			n.t.pause(l.flow.Remote, d)
		}
		c := callstate.CauseOf(503)
		c.Reason = reasonGiven(ev.Res)
		l.nextWay(c)
		return true
	}
	return false
}

// longerSession obeys 422 (RFC 4028 §7.3), as long as what is asked for grows.
func (l *leg) longerSession(res *sip.Response) bool {
	text, _, _ := strings.Cut(first(res, "Min-SE"), ";")
	seconds, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || seconds <= l.line.minSE || seconds > int(longestExpires/time.Second) {
		return false
	}
	l.line.minSE = seconds
	req := l.line.invite
	req.Remove("Min-SE")
	req.Add("Min-SE", strconv.Itoa(seconds))
	l.again(req)
	l.sendLine()
	return true
}

// nextWay sends the INVITE to the trunk's next address: the same request in a new transaction (RFC 3263 §4.3; N14). With
// none left the leg ends, and the call goes on with the next trunk.
func (l *leg) nextWay(c callstate.Cause) {
	n := l.line
	n.tried = append(n.tried, l.flow.Remote)
	f, ok := n.t.way(n.tried)
	if !ok || l.hanging {
		l.over(l.why(c))
		return
	}
	l.a.log.Info("next address of the trunk", "trunk", n.t.Name, "leg", l.id.String(), "remote", f.Remote.String())
	l.flow = f
	n.invite.Remove("Contact")
	n.invite.Add("Contact", n.t.contact(f))
	n.chain = chain{}
	n.sign(n.invite)
	l.sendLine()
}

// lineSilent: nothing came for trunkPatience, not even a 100. The INVITE is not repeated any more, and cancelled as soon as
// it is answered (RFC 3261 §9.1).
func (l *leg) lineSilent(attempt int) {
	n := l.line
	if n == nil || attempt != n.attempt || n.heard || l.phase != phaseInvite || l.ended {
		return
	}
	l.a.log.Info("trunk does not answer", "trunk", n.t.Name, "remote", l.flow.Remote.String())
	_ = l.dialling.client.Abandon() // refused: an answer is on its way through the queue, and comes too late
	if !l.hanging {                 // else we stopped asking before it had its time
		n.t.silent(l.flow.Remote)
	}
	n.attempt++
	l.nextWay(callstate.Cause{Kind: callstate.Unavailable, Status: 480})
}

// nextHop is where a request inside the dialog with a trunk goes: to its first Route, else to its Contact, also a private
// one (edge case N13; RFC 3261 §12.2.1.1). A host that is a name is not looked up: the trunk is asked where it spoke from.
func (l *leg) nextHop() tx.Flow {
	d := &l.dialog
	if d.remoteTag == "" {
		return l.flow
	}
	text := d.target
	if len(d.routes) > 0 {
		text = strings.Trim(d.routes[0], "<> ")
	}
	var uri sip.Uri
	if sip.ParseUri(text, &uri) != nil {
		return l.flow
	}
	addr, err := netip.ParseAddr(strings.Trim(uri.Host, "[]"))
	if err != nil || addr.IsUnspecified() || addr.IsMulticast() {
		return l.flow
	}
	port := uint16(sipPort)
	if uri.Port > 0 && uri.Port < 1<<16 {
		port = uint16(uri.Port)
	}
	f := tx.Flow{Transport: l.flow.Transport, Remote: netip.AddrPortFrom(addr.Unmap(), port)}
	if f.Remote == l.flow.Remote {
		return l.flow
	}
	if v, ok := uri.UriParams.Get("transport"); ok && strings.EqualFold(v, "tcp") {
		f.Transport = "TCP"
	} else if ok && strings.EqualFold(v, "udp") {
		f.Transport = "UDP"
	}
	if f, err = l.a.layer.Source(f); err != nil {
		return l.flow // no socket leads there
	}
	return f
}

// ofTrunk tells whether a request in the dialog with a trunk comes from it: from one of its addresses, or from where our
// requests to it go. Others are refused; nobody could prove to be a trunk (edge case X11).
func (l *leg) ofTrunk(s *tx.Server) bool {
	from := s.Flow().Remote.Addr().Unmap()
	if l.line.t.known(from) || sameHost(s.Flow(), l.flow) || from == l.nextHop().Remote.Addr() {
		return true
	}
	l.a.log.Warn("request in a trunk's call from elsewhere: add the address to its identify", "trunk", l.line.t.Name,
		"method", string(s.Request().Method), "source", s.Flow().Remote.String())
	l.a.respond(s, 403, "")
	return false
}
