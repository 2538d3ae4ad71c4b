package sip

import (
	"errors"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// hangUp ends the leg as its dialog needs it: a final answer, CANCEL or BYE. LegEnded follows when it is over.
func (l *leg) hangUp(why callstate.Cause) {
	if l.hanging || l.ended || l.phase == phaseBye {
		return
	}
	l.hanging, l.endedBy = true, why
	l.gone.Store(true)
	l.refuseOpen()
	switch {
	case l.phase == phaseInvite && l.inbound:
		l.a.respond(l.server, why.FinalStatus(), "", reasons(why)...)
		l.over(why)
	case l.phase == phaseInvite:
		l.cancel(why)
	case l.phase == phaseAnswered:
		// RFC 3261 §15: no BYE before the ACK; acked or resend goes on.
	case l.reporting():
		l.after(reportWait, timerReported, 0) // P1: the NOTIFY with the outcome first
	default:
		l.sendBYE()
	}
}

// cancel ends an INVITE of ours. A trunk that has not answered gets no more copies of it, a slow one would have somebody
// called for nothing; a phone does, that its CANCEL may go out (S2).
func (l *leg) cancel(why callstate.Cause) {
	switch { // refused: a final answer is on its way through the queue
	case l.dialling == nil || l.dialling.client == nil:
	case l.line != nil:
		_ = l.dialling.client.Abandon(reasons(why)...)
	default:
		_ = l.dialling.client.Cancel(reasons(why)...)
	}
}

// reportWait is how long a BYE waits for the answer to a NOTIFY.
const reportWait = 4 * t1

// reporting tells whether a NOTIFY is under way.
func (l *leg) reporting() bool {
	return slices.ContainsFunc(l.refers, func(r *refer) bool { return r.busy })
}

// reported: the referrer has heard the outcome, or had the time to.
func (l *leg) reported() {
	if l.hanging && l.phase == phaseConfirmed {
		l.sendBYE()
	}
}

// sendBYE ends the dialog. LegEnded is posted when it is answered or given up; nobody waits for that (E4).
func (l *leg) sendBYE() {
	l.phase, l.stranded = phaseBye, false
	req := l.newRequest(sip.BYE, 0)
	for _, h := range reasons(l.endedBy) {
		req.Add(h.Name, h.Value)
	}
	_, err := l.ask(req, func(ev tx.ClientEvent) { l.put(byeIn{ev}) })
	if err != nil {
		l.byeFailed(err)
	}
}

// byeFailed: without a way to the phone the leg is over for its call, but the dialog waits a while for the phone to
// register anew or to send something (N8), so that it does not go on believing in it.
func (l *leg) byeFailed(err error) {
	l.end(l.endedBy)
	if !errors.Is(err, tx.ErrTransport) || !l.flow.Reliable() || l.line != nil {
		l.byeDone()
		return
	}
	l.stranded = true
	l.after(64*t1, timerStranded, 0)
}

func (l *leg) byeGivenUp() {
	if l.stranded {
		l.byeDone()
	}
}

func (l *leg) byeResponse(ev tx.ClientEvent) {
	switch {
	case ev.Err != nil:
		l.byeFailed(ev.Err)
	case ev.Res.StatusCode >= 200:
		l.byeDone() // also with 481 or 408: the leg is gone all the same
	}
}

func (l *leg) byeDone() {
	l.over(l.endedBy)
}

// lost ends a dialog whose peer does not answer any more (E8, S9).
func (l *leg) lost() {
	if l.phase == phaseBye || l.phase == phaseOver {
		return
	}
	if !l.hanging {
		l.endedBy = callstate.Cause{Kind: callstate.Lost, Status: 408}
	}
	l.hanging = true
	l.end(l.endedBy) // the partner does not wait for a BYE that nobody may answer
	l.sendBYE()
}

// bye answers a BYE of the peer.
func (l *leg) bye(s *tx.Server) {
	l.a.respond(s, 200, "")
	why := l.why(callstate.Cause{Kind: callstate.Normal, Remote: true, Reason: reasonGiven(s.Request())})
	if l.phase == phaseInvite && l.inbound {
		l.a.respond(l.server, 487, "") // S12
		why = l.why(callstate.Cause{Kind: callstate.Cancelled, Status: 487, Remote: true})
	}
	l.invite.server = nil // S13: its ACK will not come
	if l.phase == phaseBye {
		l.byeGivenUp() // E1: both hang up; ours is being answered, or found no way
		return
	}
	l.over(why)
}

// refuseOpen answers what the call has not decided yet when the dialog ends (E6, E7).
func (l *leg) refuseOpen() {
	if t := l.offer.theirs; t != nil {
		l.offer.theirs = nil
		l.a.respond(t.server, 487, "")
	}
	for _, r := range l.refers {
		if r.request != nil {
			l.a.respond(r.request, 481, "")
			r.request = nil
			r.over = true
		}
	}
	l.forgetRefers()
}

// reasons are the Reason headers that tell a phone why we end its leg (RFC 3326).
func reasons(c callstate.Cause) []tx.Header {
	text := reasonTexts[c.Kind]
	if c.Reason != "" {
		text = c.Reason // E10: what the other party gave is passed on
	}
	if text == "" {
		return nil
	}
	return []tx.Header{header("Reason", text)}
}

// maxReason is how many bytes of a Reason are passed on. A BYE or a final answer to one party that grew by what another
// sends may not fit into a datagram, and then never arrives.
const maxReason = 512

// reasonGiven is the Reason that a message gives, to be passed on (RFC 3326).
func reasonGiven(m message) string {
	text := first(m, "Reason")
	if len(text) > maxReason {
		return ""
	}
	return strings.Clone(text)
}

// reasonTexts is what the phone of a leg is told of each ending; an ordinary one needs no words.
var reasonTexts = map[callstate.CauseKind]string{
	callstate.Elsewhere:   `SIP;cause=200;text="Call completed elsewhere"`,
	callstate.Forwarded:   `SIP;cause=302;text="Call forwarded"`,
	callstate.NoAnswer:    `SIP;cause=408;text="No answer"`,
	callstate.Cancelled:   `SIP;cause=487;text="Caller gave up"`,
	callstate.Lost:        `SIP;cause=408;text="Peer lost"`,
	callstate.Silent:      `SIP;cause=408;text="No media"`,
	callstate.TooLong:     `SIP;cause=480;text="Maximum call duration"`,
	callstate.Aborted:     `SIP;cause=480;text="Ended by an application"`,
	callstate.Transferred: `SIP;cause=200;text="Call transferred"`,
	callstate.Shutdown:    `SIP;cause=503;text="Switch stops"`,
	callstate.NoMedia:     `SIP;cause=488;text="No common media"`,
}
