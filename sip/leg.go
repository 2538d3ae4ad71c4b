package sip

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// leg is the SIP side of one leg: its INVITE transaction, its dialog, and what is open in it.
//
// Its fields belong to whoever works its queue off; nobody else touches them.
type leg struct {
	a    *Agent
	id   callstate.LegID
	user string // the extension at its other end; of a trunk's leg no number, but what all legs of the trunk share
	line *line  // of a leg at a trunk; nil for a phone

	// The small ones lie together: a call is held with two legs for hours.
	inbound  bool
	phase    phase
	ended    bool        // LegEnded is posted
	hanging  bool        // HangUp came, the dialog is not over yet
	stranded bool        // our BYE found no way; it goes out when the phone shows up again (N8)
	updates  bool        // its last Allow lists UPDATE
	working  bool        // somebody works the queue off; guarded by mu
	gone     atomic.Bool // the dialog is over, or is being ended
	lastRf   uint32

	dialog dialog
	flow   tx.Flow // where the phone really is

	server   *tx.Server // the INVITE that opened it, when it called us, until it is answered for good
	dialling *dialling  // our INVITE, when we called it, until it is answered
	invite   openInvite // 2xx of ours that wait for their ACK

	endedBy callstate.Cause
	acks    [keptACKs]sentACK // the newest first, sent again for every copy of the 2xx

	offer   offers
	refers  []*refer
	info    infoQueue
	partner partner

	peerTag string // its tag, for others who look for the dialog; guarded by Agent.mu

	mu    sync.Mutex
	queue []any
	later []func() // to be done once the queue is worked off; of who works it off
}

// dialling is what a leg that we call needs until it is answered.
type dialling struct {
	client    *tx.Client
	at        time.Time // when our INVITE went out
	heard     bool      // it had some answer
	lastProg  progressSeen
	redirects []callstate.Redirect // of a 3xx (F4)
	patience  *time.Timer          // of a leg at a trunk: timerSilent, until the trunk is heard
}

// phase is how far the dialog has come.
type phase uint8

const (
	phaseInvite    phase = iota // no final answer yet
	phaseAnswered               // our 2xx is out, no ACK yet
	phaseConfirmed              // both sides know that it is answered
	phaseBye                    // our BYE is out
	phaseOver
)

// Inputs of a leg beside callstate's commands.
type (
	requestIn  struct{ tx *tx.Server }
	cancelIn   struct{ tx *tx.Server }
	ackIn      struct{ req *sip.Request }
	responseIn struct{ tx.ClientEvent } // to the INVITE that we dialled with
	reofferIn  struct{ tx.ClientEvent } // to a re-INVITE of ours
	byeIn      struct{ tx.ClientEvent } // to our BYE
	infoIn     struct{ tx.ClientEvent } // to an INFO of ours
	updateIn   struct{ tx.ClientEvent } // to an UPDATE of ours
	notifyIn   struct {                 // to a NOTIFY of ours
		r *refer
		tx.ClientEvent
	}
	timerIn struct {
		what timerKind
		gen  int
	}
)

type timerKind int

const (
	timerResend   timerKind = iota // repeat the 2xx
	timerGlare                     // try the re-INVITE again
	timerPause                     // a comma among the digits
	timerExpired                   // the subscription of a REFER
	timerStranded                  // the phone did not show up again
	timerReported                  // its BYE has waited long enough for the reports on a REFER
	timerPartner                   // try the UPDATE again
	timerSilent                    // a trunk has not answered its INVITE
)

// put queues an input and works the queue off unless somebody does already. Inputs are worked off in order.
func (l *leg) put(in any) {
	l.mu.Lock()
	if l.working {
		l.queue = append(l.queue, in)
		l.mu.Unlock()
		return
	}
	l.working = true
	for { // the usual input meets an idle leg and needs no queue
		l.mu.Unlock()
		l.safely(in)
		l.mu.Lock()
		if len(l.queue) == 0 {
			break
		}
		in, l.queue = l.queue[0], l.queue[1:]
	}
	later := l.later
	l.queue, l.later, l.working = nil, nil, false
	l.mu.Unlock()
	for _, f := range later {
		f()
	}
}

// safely works one input off; a panic ends this leg only.
func (l *leg) safely(in any) {
	defer func() {
		if p := recover(); p != nil {
			l.a.logPanic(p, in)
			if r, ok := in.(requestIn); ok {
				l.a.respond(r.tx, 500, "")
			}
			l.phase = phaseOver
			l.end(callstate.Cause{Kind: callstate.Failed})
			l.dispose()
		}
	}()
	l.handle(in)
}

func (l *leg) handle(in any) {
	switch in := in.(type) {
	case callstate.Signal:
		l.command(in)
	case requestIn:
		l.request(in.tx)
	case cancelIn:
		l.cancelled(in.tx)
	case ackIn:
		l.acked(in.req)
	case strayIn:
		l.strayed(in.res, in.flow)
	case endIn:
		l.sendBYE()
	case movedIn:
		l.moved(in)
	case lineIn:
		l.lineResponse(in)
	case challengedIn:
		l.challenged(in)
	case responseIn:
		l.inviteResponse(in.ClientEvent)
	case reofferIn:
		l.reofferResponse(in.ClientEvent)
	case byeIn:
		l.byeResponse(in.ClientEvent)
	case infoIn:
		l.infoResponse(in.ClientEvent)
	case updateIn:
		l.updateResponse(in.ClientEvent)
	case notifyIn:
		l.notifyResponse(in.r, in.ClientEvent)
	case timerIn:
		l.timer(in)
	}
}

// command carries out one command of the call.
func (l *leg) command(cmd callstate.Signal) {
	switch cmd := cmd.(type) {
	case callstate.Dial:
		l.dial(cmd)
	case callstate.Ring:
		l.ring(cmd)
	case callstate.Answer:
		l.answer(cmd)
	case callstate.HangUp:
		l.hangUp(cmd.Cause)
	case callstate.Reoffer:
		l.offer.want = &cmd
		l.next()
	case callstate.AcceptOffer:
		l.acceptOffer(cmd)
	case callstate.RefuseOffer:
		l.refuseOffer(cmd)
	case callstate.AcceptRefer:
		l.acceptRefer(cmd)
	case callstate.RefuseRefer:
		l.refuseRefer(cmd)
	case callstate.ReportTransfer:
		l.report(cmd)
	case callstate.SendInfo:
		l.sendInfo(cmd)
	case callstate.ShowPartner:
		l.showPartner(cmd.Partner)
	}
}

func (l *leg) timer(in timerIn) {
	switch in.what {
	case timerResend:
		l.resend(in.gen)
	case timerGlare:
		l.glareOver(in.gen)
	case timerPause:
		l.infoNext()
	case timerExpired:
		l.referExpired(in.gen)
	case timerStranded:
		l.byeGivenUp()
	case timerReported:
		l.reported()
	case timerPartner:
		l.partnerAgain(in.gen)
	case timerSilent:
		l.lineSilent(in.gen)
	}
}

// after puts a timer input later. Few timers are stopped: each carries a number that tells whether it still matters.
func (l *leg) after(d time.Duration, what timerKind, gen int) *time.Timer {
	return time.AfterFunc(d, func() { l.put(timerIn{what, gen}) })
}

// post tells the call what happened; nothing after its LegEnded but reports on a REFER.
func (l *leg) post(ev callstate.Event) bool {
	if l.ended {
		return false
	}
	return l.a.cfg.Exchange.Post(ev)
}

// over ends a leg whose dialog is over too.
func (l *leg) over(why callstate.Cause) {
	l.phase = phaseOver
	l.end(why)
	l.settle()
}

// end tells the call that the leg is over, once. Its dialog may still wait for the answer to a BYE.
func (l *leg) end(why callstate.Cause) {
	if l.ended {
		return
	}
	l.gone.Store(true)
	ended := callstate.LegEnded{On: l.on(), Cause: why}
	if l.dialling != nil {
		ended.Moved = l.dialling.redirects
	}
	l.post(ended)
	l.ended = true
	l.server, l.dialling = nil, nil
	if l.line != nil {
		l.line.answered()
	}
	l.refuseOpen()
}

// on names the leg in an event.
func (l *leg) on() callstate.On { return callstate.On{Leg: l.id} }
