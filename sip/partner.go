package sip

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// partner is whom the phone of a leg is to show as its partner.
//
//	phone              switch
//	  |   re-INVITE      |    an offer of either side is open: the UPDATE waits, and only the newest partner counts
//	  |<-----------------|
//	  |----- 200 ------->|
//	  |<----- ACK -------|
//	  |<---- UPDATE -----|    P-Asserted-Identity: "Carol" <sip:2002@example.com>
//	  |----- 200 ------->|    491, 500: once more after a while. 405, 501, 420: never again on this leg
type partner struct {
	want    *callstate.Party // the newest, until it is sent
	sent    *callstate.Party // what the open UPDATE says; nil when none is open
	again   bool             // it is being told for the second time
	paused  bool             // until the timer of gen
	gen     int
	refused bool // the phone takes no UPDATE, whatever its Allow says
}

// showPartner tells a phone whom it talks to now. One that never listed UPDATE in an Allow gets none.
func (l *leg) showPartner(who callstate.Party) {
	p := &l.partner
	if who.Number == "" || p.refused {
		return
	}
	p.want, p.again = &who, false
	l.sendPartner()
}

// sendPartner sends what waits, when no offer of either side is open or waits before it.
func (l *leg) sendPartner() {
	p, o := &l.partner, &l.offer
	if p.want == nil || p.sent != nil || p.paused || !l.updates || l.phase != phaseConfirmed || l.hanging ||
		o.ours != nil || o.want != nil || o.theirs != nil || l.invite.server != nil {
		return
	}
	p.sent, p.want = p.want, nil
	req := l.newRequest(sip.UPDATE, 0)
	able(req)
	// RFC 5876: UPDATE may carry it. From and To stay as they are: RFC 4916 is not claimed.
	req.Add("P-Asserted-Identity", l.a.identity(*p.sent))
	_, err := l.ask(req, func(ev tx.ClientEvent) { l.put(updateIn{ev}) })
	if err != nil {
		p.sent = nil
		l.a.log.Debug("UPDATE not sent", "leg", l.id.String(), "err", err)
	}
}

// identity writes a party as name-addr (RFC 3325 §9.1).
func (a *Agent) identity(p callstate.Party) string {
	return named(p.Name, a.aor(p.Number))
}

// updateResponse: an answer to an UPDATE of ours, or none.
func (l *leg) updateResponse(ev tx.ClientEvent) {
	p := &l.partner
	if ev.Err == nil && ev.Res.StatusCode < 200 {
		return
	}
	sent := p.sent
	p.sent = nil
	switch {
	case sent == nil || l.phase != phaseConfirmed || l.hanging:
		return
	case errors.Is(ev.Err, tx.ErrTransport): // N8: the phone may come back
	case ev.Err != nil:
		l.lost() // E8
		return
	case ev.Res.StatusCode < 300:
		l.dialog.refresh(ev.Res.Contact())
		l.learnAllow(ev.Res)
	default:
		if l.updateRefused(ev.Res, sent) {
			return
		}
	}
	l.next()
}

// updateRefused tells whether the leg is lost by it (E8).
func (l *leg) updateRefused(res *sip.Response, sent *callstate.Party) (lost bool) {
	p := &l.partner
	switch res.StatusCode {
	case 408, 481:
		l.lost()
		return true
	case 405, 420, 501:
		p.refused, p.want = true, nil
	case 491, 500:
		if p.again {
			break
		}
		if p.want == nil {
			p.want, p.again = sent, true
		}
		p.paused = true
		p.gen++
		l.after(l.pauseAsked(res), timerPartner, p.gen)
	}
	return false
}

// pauseAsked is how long to wait before a refused UPDATE is sent again (RFC 3311 §5.2): as long as a Retry-After of up
// to ten seconds says, else as with re-INVITEs that met.
func (l *leg) pauseAsked(res *sip.Response) time.Duration {
	text, _, _ := strings.Cut(first(res, "Retry-After"), ";")
	text, _, _ = strings.Cut(text, "(")
	if s, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32); err == nil && s <= 10 {
		return time.Duration(s) * time.Second
	}
	return l.glareWait()
}

func (l *leg) partnerAgain(gen int) {
	if gen == l.partner.gen {
		l.partner.paused = false
		l.sendPartner()
	}
}
