package sip

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// progressSeen is the last 1xx that was passed on, to tell repeated ones.
type progressSeen struct {
	status int
	tag    string
	sdp    bool
}

// Do carries out a command of a call. It never blocks.
func (a *Agent) Do(cmd callstate.Signal) {
	switch cmd := cmd.(type) {
	case callstate.Locate:
		a.locate(cmd)
	case callstate.Dial:
		l := &leg{a: a, id: cmd.Leg, user: cmd.Number}
		l.put(cmd)
	default:
		id := legOf(cmd)
		if l := a.legByID(id); l != nil {
			l.put(cmd)
		} else if _, ok := cmd.(callstate.HangUp); ok {
			a.cfg.Exchange.Post(callstate.LegEnded{On: callstate.On{Leg: id}, Cause: callstate.Cause{Kind: callstate.Lost}})
		}
	}
}

func legOf(cmd callstate.Signal) callstate.LegID {
	switch cmd := cmd.(type) {
	case callstate.Ring:
		return cmd.Leg
	case callstate.Answer:
		return cmd.Leg
	case callstate.HangUp:
		return cmd.Leg
	case callstate.Reoffer:
		return cmd.Leg
	case callstate.AcceptOffer:
		return cmd.Leg
	case callstate.RefuseOffer:
		return cmd.Leg
	case callstate.AcceptRefer:
		return cmd.Leg
	case callstate.RefuseRefer:
		return cmd.Leg
	case callstate.ReportTransfer:
		return cmd.Leg
	case callstate.SendInfo:
		return cmd.Leg
	case callstate.ShowPartner:
		return cmd.Leg
	}
	return callstate.LegID{}
}

// dial sends the INVITE that opens a leg.
func (l *leg) dial(cmd callstate.Dial) {
	if cmd.Forwards == 1 {
		l.over(callstate.Cause{Kind: callstate.Loop, Status: 483}) // T14
		return
	}
	var err error
	if l.flow, err = flowOf(cmd.To.Flow); err == nil {
		if cmd.To.Trunk != "" {
			err = l.dialTrunk(cmd)
		} else {
			err = l.sendINVITE(cmd)
		}
	}
	if err != nil {
		l.a.log.Warn("cannot dial", "leg", l.id.String(), "number", cmd.Number, "err", err)
		l.over(callstate.Cause{Kind: callstate.Unavailable, Status: 480})
	}
}

func (l *leg) sendINVITE(cmd callstate.Dial) error {
	a := l.a
	l.dialog = dialog{
		callID: tx.NewTag() + "@" + a.host(l.flow), target: cmd.To.URI,
		local: a.identity(cmd.From), remote: "<" + a.aor(cmd.Number) + ">",
	}
	l.dialog.localTag = a.tags.of(l.dialog.callID)
	req := l.newINVITE(cmd)
	defer req.Free()
	a.addLeg(l)
	l.dialling = &dialling{at: time.Now()}
	var err error
	l.dialling.client, err = a.layer.Request(req, l.flow, a.responses(l.dialog))
	return err
}

// newINVITE builds the INVITE that opens a leg, in the dialog that is set.
func (l *leg) newINVITE(cmd callstate.Dial) *tx.Request {
	a := l.a
	req := l.newRequest(sip.INVITE, 0)
	if cmd.Forwards > 0 { // RFC 7332 §5
		req.Remove("Max-Forwards")
		req.Add("Max-Forwards", strconv.Itoa(cmd.Forwards-1))
	}
	able(req)
	req.Add("Accept", "application/sdp")
	for _, d := range cmd.Diversions {
		req.Add("Diversion", fmt.Sprintf("<%s>;reason=%s;counter=1", a.aor(d.Number), d.Reason))
	}
	for _, v := range a.history(cmd) {
		req.Add("History-Info", v)
	}
	if cmd.ReferredBy != "" {
		req.Add("Referred-By", cmd.ReferredBy)
	}
	if cmd.Replaces != "" {
		req.Add("Replaces", cmd.Replaces) // P2
	}
	req.SetBody("application/sdp", cmd.SDP)
	return req
}

// responses hands on what comes to the INVITE that opens a dialog, up to its first final answer. The leg may be over by
// then; therefore the transaction does not hold it.
func (a *Agent) responses(d dialog) func(tx.ClientEvent) {
	callID, tag := d.callID, d.localTag
	return func(ev tx.ClientEvent) {
		if l := a.legByDialog(callID, tag); l != nil {
			l.put(responseIn{ev})
		} else if ev.Res != nil && ev.Res.IsSuccess() {
			a.endStray(ev.Res, ev.Flow)
		}
	}
}

// history is the way of a forwarded call, oldest first (RFC 7044 §5).
func (a *Agent) history(cmd callstate.Dial) []string {
	if len(cmd.Diversions) == 0 {
		return nil
	}
	var out []string
	index := "1"
	for i := len(cmd.Diversions) - 1; i >= 0; i-- {
		out = append(out, fmt.Sprintf("<%s>;index=%s", a.aor(cmd.Diversions[i].Number), index))
		index += ".1"
	}
	return append(out, fmt.Sprintf("<%s>;index=%s;mp=%s", a.aor(cmd.Number), index, strings.TrimSuffix(index, ".1")))
}

// aor is the public address of a number of ours.
func (a *Agent) aor(number string) string {
	return "sip:" + escape(number) + "@" + a.cfg.Domain
}

// escape writes a number as the user part of a URI (RFC 3261 §25.1).
func escape(s string) string {
	const free = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.!~*'()&=+$,;?/"
	if !strings.ContainsFunc(s, func(c rune) bool { return c >= utf8.RuneSelf || strings.IndexByte(free, byte(c)) < 0 }) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(free, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

func (a *Agent) host(f tx.Flow) string {
	if a.cfg.Advertise.IsValid() {
		return a.advertise
	}
	return f.Local.Addr().Unmap().String()
}

// inviteResponse: an answer to the INVITE that we dialled with, or its end.
func (l *leg) inviteResponse(ev tx.ClientEvent) {
	switch {
	case ev.Err != nil:
		l.unreachable(ev.Err)
	case ev.Res.StatusCode < 200:
		if l.dialling != nil {
			l.dialling.heard = true
		}
		l.progress(ev)
	case ev.Res.StatusCode < 300:
		l.answered(ev)
	default:
		l.failed(ev.Res)
	}
}

// unreachable: no answer at all. A contact that does not answer is not dialled again until it registers anew (F8), also
// when the caller or the ring time gave up before our transaction did. One that only left a CANCEL without its final
// answer was there.
func (l *leg) unreachable(err error) {
	if l.phase != phaseInvite {
		return
	}
	l.a.log.Info("no answer from a contact", "number", l.number(), "remote", l.flow.Remote.String(), "err", err)
	if l.line == nil && l.dialling != nil && !l.dialling.heard {
		l.a.bindings.Remove(l.user, l.a.keyOf(l.user, l.flow.Remote, l.dialling.at))
	}
	l.over(l.why(callstate.Cause{Kind: callstate.Unavailable, Status: 480}))
}

// keyOf finds the binding of a number that came from an address and has not been refreshed since.
func (a *Agent) keyOf(number string, source netip.AddrPort, since time.Time) string {
	for _, b := range a.bindings.Lookup(number, time.Now()) {
		if b.Source == source && !b.Updated.After(since) {
			return b.Key
		}
	}
	return ""
}

// why is the cause of a leg's end: ours if we hang it up already, else the given one.
func (l *leg) why(c callstate.Cause) callstate.Cause {
	if l.hanging {
		return l.endedBy
	}
	return c
}

// progress passes a 1xx on; copies of the last one are dropped.
func (l *leg) progress(ev tx.ClientEvent) {
	res := ev.Res
	if l.phase != phaseInvite || l.dialling == nil || l.hanging || res.StatusCode == 100 {
		return
	}
	l.learn(ev.Flow)
	sdp, status := sdpOf(res)
	if status != 0 {
		sdp = nil
	}
	facts, err := l.facts(res)
	if err != nil {
		sdp = nil
	}
	seen := progressSeen{res.StatusCode, tagOf(res.To().Params), len(sdp) > 0}
	if seen == l.dialling.lastProg {
		return
	}
	seen.tag = strings.Clone(seen.tag)
	if seen.tag != l.dialling.lastProg.tag {
		l.meet(seen.tag)
	}
	l.dialling.lastProg = seen
	l.post(callstate.LegProgress{On: l.on(), Status: res.StatusCode, Branch: seen.tag, SDP: sdp, Facts: facts})
}

// answered: a 2xx. The first opens the dialog; a copy gets the same ACK again (S8), another fork ACK and BYE (S14).
func (l *leg) answered(ev tx.ClientEvent) {
	res := ev.Res
	if l.phase != phaseInvite {
		l.strayed(res, ev.Flow)
		return
	}
	l.learn(ev.Flow)
	l.dialog.peerDialog(res)
	l.meet(l.dialog.remoteTag)
	l.phase, l.dialling = phaseConfirmed, nil
	l.sendACK(res)
	if l.hanging { // S4: our CANCEL crossed it
		l.sendBYE()
		return
	}
	sdp, status := sdpOf(res)
	facts, err := l.facts(res)
	if status != 0 || err != nil {
		sdp = nil
	}
	if len(sdp) == 0 {
		l.a.log.Info("answer without usable audio", "leg", l.id.String(), "number", l.number(), "reason", reason(err))
	}
	l.post(callstate.LegAnswered{On: l.on(), Branch: l.dialog.remoteTag, SDP: sdp, Facts: facts})
	l.sendPartner()
}

// reason is what a body lacks, in words.
func reason(err error) string {
	if err == nil {
		return "no SDP in it"
	}
	return err.Error()
}

// failed: a final answer that is no 2xx; the transaction layer has acknowledged it.
func (l *leg) failed(res *sip.Response) {
	if l.phase != phaseInvite {
		return
	}
	c := callstate.CauseOf(res.StatusCode)
	c.Reason = reasonGiven(res)
	if !l.hanging && l.line == nil && l.dialling != nil {
		l.dialling.redirects = redirects(res)
	}
	l.over(l.why(c))
}

// learn keeps where a message came from: there the phone is, whatever its Contact says (N13). A trunk is where its
// Contact says.
func (l *leg) learn(seen tx.Flow) {
	if seen.Remote.IsValid() && l.line == nil {
		l.flow = seen
	}
}
