package sip

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// offers is whose turn it is (RFC 3261 §14, RFC 3264 §4). At most one of ours and theirs is set.
type offers struct {
	theirs *theirOffer        // a re-INVITE or UPDATE that the call has not answered yet
	ours   *callstate.Reoffer // a re-INVITE of ours that is not answered yet
	want   *callstate.Reoffer // the newest that waits for its turn
	gen    int                // of the glare timer; the pause runs while paused
	last   uint32
	tries  uint8 // how often ours met glare
	paused bool
}

// theirOffer is an offer of the peer.
type theirOffer struct {
	ref    uint32
	server *tx.Server
	update bool
	asks   bool // it has no offer and asks us for one
}

// request answers a request inside the dialog.
func (l *leg) request(s *tx.Server) {
	req := s.Request()
	confirmed := l.phase == phaseConfirmed || l.phase == phaseAnswered || l.phase == phaseBye
	switch {
	case (confirmed || l.inbound) && tagOf(req.From().Params) != l.dialog.remoteTag:
		l.a.respond(s, 481, "") // X11: the whole dialog has to match
		return
	case l.phase == phaseOver:
		l.a.respond(s, 481, "")
		return
	case l.line != nil && !l.ofTrunk(s):
		return
	case l.line == nil && !sameHost(s.Flow(), l.flow) && !l.a.proves(s, l.user):
		return
	case (confirmed || l.inbound) && !l.dialog.inOrder(req.CSeq().SeqNo): // several early dialogs count apart
		l.a.respond(s, 500, "CSeq out of order") // R13
		return
	}
	l.learn(s.Flow())
	if l.stranded && req.Method != sip.BYE {
		l.sendBYE()
	}
	switch req.Method {
	case sip.BYE:
		if l.phase == phaseInvite && !l.inbound {
			l.a.respond(s, 481, "") // RFC 3261 §15: the callee has no dialog to end yet
			return
		}
		l.bye(s)
	case sip.INVITE, sip.UPDATE:
		l.theirOffer(s)
	case sip.INFO:
		l.infoReceived(s)
	case sip.REFER:
		l.referReceived(s)
	case sip.OPTIONS:
		l.a.options(s)
	case sip.NOTIFY, sip.SUBSCRIBE:
		l.a.respond(s, 489, "")
	case sip.PRACK:
		l.a.respond(s, 481, "")
	case sip.MESSAGE, sip.PUBLISH, sip.REGISTER:
		l.a.respond(s, 405, "")
	default:
		l.a.respond(s, 501, "")
	}
}

// proves makes a request that comes from another host than its dialog prove who sent it (X11).
func (a *Agent) proves(s *tx.Server, user string) bool {
	who, ok := a.authenticate(s)
	if ok && who != user {
		a.respond(s, 403, "")
	}
	return ok && who == user
}

// theirOffer: a re-INVITE or an UPDATE.
func (l *leg) theirOffer(s *tx.Server) {
	req := s.Request()
	update := req.Method == sip.UPDATE
	sdp, status := sdpOf(req)
	facts, err := l.facts(req)
	switch {
	case l.phase == phaseBye || l.hanging:
		l.a.respond(s, 487, "")
		return
	case !update && l.phase == phaseInvite:
		l.retryAfter(s) // R3: the first INVITE has no final answer yet
		return
	case status != 0:
		l.a.respond(s, status, "")
		return
	case err != nil:
		l.a.respond(s, 488, "", warning(err))
		return
	case update && l.offer.theirs != nil && l.offer.theirs.update:
		l.retryAfter(s) // R4
		return
	case update && len(sdp) == 0:
		l.dialog.refresh(req.Contact())
		l.acceptUpdate(s, nil)
		return
	case l.offer.theirs != nil:
		l.retryAfter(s) // R3, R4
		return
	case l.offer.ours != nil || l.invite.server != nil && l.invite.offered:
		l.a.respond(s, 491, "") // R1, R2, R7: an offer of ours is open
		return
	}
	if !update {
		l.received2xx()
		l.a.respond100(s)
	}
	l.offer.last++
	l.offer.theirs = &theirOffer{ref: l.offer.last, server: s, update: update, asks: len(sdp) == 0}
	if !l.post(callstate.LegReoffered{On: l.on(), Ref: l.offer.last, SDP: sdp, Facts: facts}) {
		l.offer.theirs = nil
		l.a.respond(s, 503, "")
	}
}

func (l *leg) retryAfter(s *tx.Server) {
	l.a.respond(s, 500, "", header("Retry-After", strconv.Itoa(1+rand.IntN(9))))
}

func (l *leg) acceptUpdate(s *tx.Server, sdp []byte) {
	res := s.NewAnswer(200, "")
	res.Add("Contact", l.contact())
	able(res)
	res.SetBody("application/sdp", sdp)
	l.a.send(s, res)
}

// acceptOffer answers their offer, or their wish for one of ours. Their target counts from now on (R12).
func (l *leg) acceptOffer(cmd callstate.AcceptOffer) {
	t := l.offer.theirs
	if t == nil || t.ref != cmd.Ref {
		return
	}
	l.offer.theirs = nil
	l.dialog.refresh(t.server.Request().Contact())
	if t.update {
		l.acceptUpdate(t.server, cmd.SDP)
	} else {
		l.accept(t.server, cmd.SDP, t.asks, t.ref)
	}
	l.next()
}

func (l *leg) refuseOffer(cmd callstate.RefuseOffer) {
	t := l.offer.theirs
	if t == nil || t.ref != cmd.Ref {
		return
	}
	l.offer.theirs = nil
	if cmd.Status == 491 && t.update && l.inbound {
		l.retryAfter(t.server) // RFC 3311 §5.2: it is their own first offer that has no answer yet
	} else {
		l.a.respond(t.server, cmd.Status, "")
	}
	l.next()
}

// next sends what waited for its turn: an offer of ours first, then whom the phone talks to.
func (l *leg) next() {
	l.sendReoffer()
	l.sendPartner()
}

// sendReoffer sends the newest offer of ours that waits, if it is our turn.
func (l *leg) sendReoffer() {
	o := &l.offer
	if o.want == nil || o.ours != nil || o.theirs != nil || o.paused || l.phase != phaseConfirmed || l.hanging ||
		l.invite.server != nil {
		return
	}
	o.ours, o.want = o.want, nil
	req := l.newRequest(sip.INVITE, 0)
	able(req)
	req.SetBody("application/sdp", o.ours.SDP)
	_, err := l.ask(req, func(ev tx.ClientEvent) { l.put(reofferIn{ev}) })
	if err != nil {
		l.reofferRefused(503)
	}
}

// reofferResponse: an answer to a re-INVITE of ours.
func (l *leg) reofferResponse(ev tx.ClientEvent) {
	o := &l.offer
	switch {
	case ev.Err != nil && o.ours == nil:
	case errors.Is(ev.Err, tx.ErrTransport):
		l.reofferRefused(503) // N8: the phone may come back
	case ev.Err != nil:
		l.offer.ours = nil
		l.lost() // E8
	case ev.Res.StatusCode < 200:
	case ev.Res.StatusCode < 300:
		l.sendACK(ev.Res) // also of a copy, and after our BYE (E5)
		if o.ours == nil || l.phase != phaseConfirmed {
			return
		}
		l.reofferAccepted(ev.Res)
	case o.ours == nil || l.phase != phaseConfirmed:
	case ev.Res.StatusCode == 491:
		l.glare()
	case ev.Res.StatusCode == 481 || ev.Res.StatusCode == 408:
		l.offer.ours = nil
		l.lost()
	default:
		l.reofferRefused(ev.Res.StatusCode)
	}
}

func (l *leg) reofferAccepted(res *sip.Response) {
	ref := l.offer.ours.Ref
	l.offer.ours, l.offer.tries = nil, 0
	l.dialog.refresh(res.Contact())
	sdp, status := sdpOf(res)
	facts, err := l.facts(res)
	if status != 0 || err != nil || len(sdp) == 0 {
		l.post(callstate.ReofferRefused{On: l.on(), Ref: ref, Status: 488})
	} else {
		l.post(callstate.ReofferAnswered{On: l.on(), Ref: ref, SDP: sdp, Facts: facts})
	}
	l.next()
}

func (l *leg) reofferRefused(status int) {
	ref := l.offer.ours.Ref
	l.offer.ours, l.offer.tries = nil, 0
	l.post(callstate.ReofferRefused{On: l.on(), Ref: ref, Status: status})
	l.next()
}

// maxGlare is how often an offer is tried again before the old session is kept (R14).
const maxGlare = 3

// glare: both sides offered at once. We try again after a while that depends on who made the Call-ID (R1).
func (l *leg) glare() {
	o := &l.offer
	if o.tries++; o.tries > maxGlare {
		l.reofferRefused(491)
		return
	}
	if o.want == nil {
		o.want = o.ours
	}
	o.ours, o.paused = nil, true
	o.gen++
	l.after(l.glareWait(), timerGlare, o.gen)
}

// glareWait is how long to wait after a 491; who made the Call-ID waits longer (RFC 3261 §14.1).
func (l *leg) glareWait() time.Duration {
	if l.inbound {
		return time.Duration(rand.IntN(200)) * 10 * time.Millisecond
	}
	return 2100*time.Millisecond + time.Duration(rand.IntN(190))*10*time.Millisecond
}

func (l *leg) glareOver(gen int) {
	if gen == l.offer.gen {
		l.offer.paused = false
		l.next()
	}
}
