package sip

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// refer is one REFER of a phone and the subscription that it implies (RFC 3515 §2.4).
type refer struct {
	ref     uint32
	request *tx.Server // until it is answered
	target  string     // the number that it asks for
	event   string     // value of Event in its NOTIFYs
	quiet   bool       // Refer-Sub: false, no NOTIFY (RFC 4488)
	queue   []int      // statuses still to be told
	busy    bool       // a NOTIFY is under way
	over    bool       // the final one was told, or nobody listens
}

const (
	referLife = 5 * time.Minute // longer than any ring time and recall
	maxRefers = 8               // open ones per dialog
)

// referReceived: a phone asks for a transfer. What is wrong with the request itself is refused here.
func (l *leg) referReceived(s *tx.Server) {
	req := s.Request()
	hs := req.GetHeaders("Refer-To")
	refuse := func(target string, status int, reason string) {
		l.untransferred("transfer refused", target, status, reason)
		l.a.respond(s, status, reason)
	}
	if len(hs) != 1 {
		refuse("", 400, "Exactly one Refer-To") // T15
		return
	}
	target, status, reason := readReferTo(hs[0].Value())
	switch {
	case status != 0:
		refuse(target.number, status, reason)
		return
	case l.phase == phaseBye || l.hanging || l.ended:
		refuse(target.number, 481, "") // T10
		return
	case l.phase != phaseConfirmed && l.phase != phaseAnswered: // it may have overtaken the ACK
		refuse(target.number, 403, "Not answered yet") // T11
		return
	case len(l.refers) >= maxRefers:
		refuse(target.number, 503, "")
		return
	}
	l.lastRf++
	r := &refer{ref: l.lastRf, request: s, target: target.number, event: "refer",
		quiet: unwanted(first(req, "Refer-Sub"))}
	if l.lastRf > 1 { // RFC 3515 §2.4.6: from the second on the id is mandatory
		r.event += ";id=" + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)
	}
	l.refers = append(l.refers, r)
	by := strings.Clone(first(req, "Referred-By"))
	if by == "" {
		by = "<" + l.aor() + ">" // T26
	}
	ev := callstate.ReferReceived{On: l.on(), Ref: r.ref, Target: target.number, ReferredBy: by}
	if target.text != "" {
		if ev.Replaces = l.referred(target.replaces); ev.Replaces.Status == 481 {
			ev.Elsewhere = target.text // P2
		}
	}
	// Once the queue is worked off: then the 202 goes out at once, before whatever else the call does for this, such as
	// ending the consultation.
	l.later = append(l.later, func() {
		if !l.a.cfg.Exchange.Post(ev) {
			l.put(callstate.RefuseRefer{Leg: l.id, Ref: r.ref, Status: 503})
		}
	})
}

// unwanted tells whether a Refer-Sub asks for no subscription (RFC 4488 §4).
func unwanted(referSub string) bool {
	v, _, _ := strings.Cut(referSub, ";")
	return strings.EqualFold(strings.TrimSpace(v), "false")
}

func (l *leg) refer(ref uint32) *refer {
	for _, r := range l.refers {
		if r.ref == ref {
			return r
		}
	}
	return nil
}

// acceptRefer answers 202 and tells at once that it is being tried (T1).
func (l *leg) acceptRefer(cmd callstate.AcceptRefer) {
	r := l.refer(cmd.Ref)
	if r == nil || r.request == nil {
		return
	}
	res := r.request.NewAnswer(202, "")
	res.Add("Contact", l.contact())
	if r.quiet {
		res.Add("Refer-Sub", "false")
	}
	l.a.send(r.request, res)
	r.request = nil
	l.after(referLife, timerExpired, int(r.ref))
	l.tell(r, 100)
}

func (l *leg) refuseRefer(cmd callstate.RefuseRefer) {
	r := l.refer(cmd.Ref)
	if r == nil || r.request == nil {
		return
	}
	l.untransferred("transfer refused", r.target, cmd.Status, "")
	l.a.respond(r.request, cmd.Status, "")
	r.request, r.over = nil, true
	l.forgetRefers()
}

// report tells the referrer how the transfer stands.
func (l *leg) report(cmd callstate.ReportTransfer) {
	if r := l.refer(cmd.Ref); r != nil {
		if cmd.Status >= 300 && !r.over {
			l.untransferred("transfer failed", r.target, cmd.Status, "")
		}
		l.tell(r, cmd.Status)
	}
}

// untransferred logs a transfer that a phone asked for and did not get. reason is one of ours.
func (l *leg) untransferred(what, target string, status int, reason string) {
	l.a.log.Info(what, "number", l.number(), "target", clip(target), "status", status, "reason", cmp.Or(reason, reasonOf(status)),
		"leg", l.id.String())
}

// tell queues a status for the referrer; NOTIFYs go out one after the other. The final one ends the subscription.
func (l *leg) tell(r *refer, status int) {
	if r.over {
		return
	}
	r.over = status >= 200
	if !r.quiet {
		r.queue = append(r.queue, status)
		if !r.busy {
			l.notify(r)
		}
	}
	l.forgetRefers()
}

func (l *leg) notify(r *refer) {
	status := r.queue[0]
	r.queue = r.queue[1:]
	req := l.newRequest(sip.NOTIFY, 0)
	req.Add("Event", r.event)
	state := "active;expires=" + strconv.Itoa(int(referLife/time.Second))
	if status >= 200 {
		state = "terminated;reason=noresource" // RFC 3515 §2.4.7
	}
	req.Add("Subscription-State", state)
	req.SetBody("message/sipfrag;version=2.0", fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", status, reasonOf(status)))
	r.busy = true
	_, err := l.ask(req, func(ev tx.ClientEvent) { l.put(notifyIn{r, ev}) })
	if err != nil {
		l.unheard(r)
	}
}

// notifyResponse: a NOTIFY was answered. A refusal or silence ends the subscription and nothing else (T20).
func (l *leg) notifyResponse(r *refer, ev tx.ClientEvent) {
	switch {
	case ev.Err != nil || ev.Res.StatusCode >= 300:
		l.unheard(r)
	case ev.Res.StatusCode < 200:
	case len(r.queue) > 0:
		l.notify(r)
	default:
		r.busy = false
		l.told()
	}
}

// told: a subscription has nothing to tell at present. A BYE may wait for that.
func (l *leg) told() {
	l.forgetRefers()
	if !l.reporting() {
		l.reported()
	}
}

// unheard: nobody listens to this subscription any more.
func (l *leg) unheard(r *refer) {
	was := r.over
	r.busy, r.over, r.queue = false, true, nil
	if !was {
		l.post(callstate.ReferGone{On: l.on(), Ref: r.ref})
	}
	l.told()
}

// referExpired ends a subscription that nothing ended.
func (l *leg) referExpired(ref int) {
	if r := l.refer(uint32(ref)); r != nil && !r.over {
		l.tell(r, 408)
	}
}

// forgetRefers drops the subscriptions that are over; a leg that lived on for them alone goes.
func (l *leg) forgetRefers() {
	kept := l.refers[:0]
	for _, r := range l.refers {
		if !r.over || r.busy || r.request != nil {
			kept = append(kept, r)
		}
	}
	clear(l.refers[len(kept):])
	l.refers = kept
	l.settle()
}

// reasonOf is the usual phrase of a status.
func reasonOf(status int) string {
	if s, ok := phrases[status]; ok {
		return s
	}
	switch {
	case status < 200:
		return "Progress"
	case status < 300:
		return "OK"
	}
	return "Failed"
}

var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress", 200: "OK",
	400: "Bad Request", 403: "Forbidden", 404: "Not Found", 408: "Request Timeout", 410: "Gone",
	415: "Unsupported Media Type", 420: "Bad Extension", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
	486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending",
	500: "Server Internal Error", 503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline",
	604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}
