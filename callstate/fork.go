package callstate

import (
	"slices"
	"time"
)

// Fork is a search for somebody who answers: its places ring side by side, and the first answer wins (RFC 3261 §16.6,
// §16.7). It begins with one place; those that a forwarding setting or a 302 names join it.
type Fork struct {
	Number  string // what lists show as called: the number dialled, or the first of those that it was sent on to
	For     ForkFor
	Places  []*Place // being tried
	Later   []*Place // wait for their turn, the most wanted first (edge case F4)
	Visited []string // every number that was or will be tried; none is tried twice (F5, F12)
	Legs    []LegID  // those that may still answer, of all places
	Winner  LegID    // set once one has answered
	Best    Cause    // the best failure so far (RFC 3261 §16.7)
	Early   LegID    // whose early media is heard
	Rang    int      // the highest 1xx that was passed on
	Timeout time.Duration
	Until   time.Duration // the moment (Time.Mono) until which it rings; 0 when nothing has been dialled yet
}

// has tells whether a leg is one of those being dialled.
func (f *Fork) has(id LegID) bool { return f != nil && slices.Contains(f.Legs, id) }

// place is that of a number, nil when it is not being tried.
func (f *Fork) place(number string) *Place {
	for _, p := range f.Places {
		if p.Number == number {
			return p
		}
	}
	return nil
}

// alone tells whether a number is all that is being tried, and nobody waits for his turn.
func (f *Fork) alone(number string) bool {
	return len(f.Places) == 1 && len(f.Later) == 0 && f.Places[0].Number == number
}

// locating tells whether it is being looked up where a place can be reached.
func (f *Fork) locating() bool {
	return slices.ContainsFunc(f.Places, func(p *Place) bool { return p.Locate != 0 })
}

// ForkFor is what a number is dialled for.
type ForkFor string

const (
	ForkCallee ForkFor = "callee" // the call's own destination
	ForkTarget ForkFor = "target" // the target of a transfer
	ForkRecall ForkFor = "recall" // the transferor of a failed transfer
)

// startFork begins to search where a route leads.
func (c *Call) startFork(r Route, why ForkFor, ring time.Duration) {
	c.Fork = &Fork{Number: r.Number, For: why, Timeout: ring, Visited: []string{r.Number}}
	c.open(&Place{Number: r.Number, Hops: r.Hops})
	c.search()
}

// located brings contacts: to a forward that waits for its destination, or to a place of the fork.
func (c *Call) located(ev Located) {
	switch {
	case ev.Ref == 0:
	case c.Forward != nil && c.Forward.To.Locate == ev.Ref:
		c.forwardLocated(ev.Contacts)
	case c.Fork != nil:
		if i := slices.IndexFunc(c.Fork.Places, func(p *Place) bool { return p.Locate == ev.Ref }); i >= 0 {
			c.placeLocated(c.Fork.Places[i], ev.Contacts)
		}
	}
}

// forkLocated tells the purpose of the fork that there is somebody to ring.
func (c *Call) forkLocated() {
	switch c.Fork.For {
	case ForkCallee:
		c.become("dialled")
	case ForkTarget:
		c.targetLocated()
	}
}

// search goes on once a place is out. Its phones' redirects and its extension's settings are followed, else its failure
// counts; then come the places that waited for their turn. When none is left, the fork has failed.
func (c *Call) search() {
	f := c.Fork
	for f != nil && f == c.Fork && f.Winner.Zero() {
		if f.For == ForkCallee && c.Forward != nil {
			return // an application is sending the call on: that decides
		}
		i := slices.IndexFunc(f.Places, func(p *Place) bool { return len(p.Moved) > 0 || p.Locate == 0 && len(c.ringing(p)) == 0 })
		switch {
		case i >= 0 && len(f.Places[i].Moved) > 0:
			p := f.Places[i]
			to := p.Moved
			p.Moved = nil
			c.divert(p, "deflection", to)
		case i >= 0:
			p := f.Places[i]
			f.Places = slices.Delete(f.Places, i, i+1)
			c.leave(p)
			if c.Fork == f && f.Number == p.Number && len(f.Places) > 0 {
				c.show(f.Places[0].Number)
			}
		case len(f.Places) > 0:
			return
		case len(f.Later) > 0:
			c.openNext()
		default:
			c.forkFailed(f.Best)
		}
	}
}

// leave gives a place up: its extension sends the call on, or its failure counts.
func (c *Call) leave(p *Place) {
	f := c.Fork
	if p.Diverted {
		return
	}
	reason, to := "no-answer", c.forwards(p).NoAnswer
	switch p.Failed.Kind {
	case Busy, Declined:
		reason, to = "user-busy", c.forwards(p).Busy
	case NoAnswer, Unavailable:
	default:
		to = ""
	}
	if to != "" && c.divert(p, reason, []Redirect{{Number: to}}) == "" {
		return
	}
	if p.Failed.better(f.Best) {
		f.Best = p.Failed
	}
}

// openNext begins with the places that are wanted most of those that wait.
func (c *Call) openNext() {
	f := c.Fork
	q := f.Later[0].Q
	n := slices.IndexFunc(f.Later, func(p *Place) bool { return p.Q != q })
	if n < 0 {
		n = len(f.Later)
	}
	next := f.Later[:n:n]
	f.Later = f.Later[n:]
	c.show(next[0].Number)
	for _, p := range next {
		c.open(p)
	}
}

// ringOn gives what rings now its time: a fair share of what the fork may ring in all, since others wait for their turn.
func (c *Call) ringOn() {
	f := c.Fork
	if f.Timeout <= 0 {
		return
	}
	if f.Until == 0 {
		f.Until = c.now.Mono + f.Timeout
	}
	turns := 1
	for i, p := range f.Later {
		if i == 0 || p.Q != f.Later[i-1].Q {
			turns++
		}
	}
	c.startTimer(timerRing, max(1, (f.Until-c.now.Mono)/time.Duration(turns)))
}

// dial sends the INVITE of a leg whose offer is made.
func (c *Call) dial(l *Leg, sdp []byte) {
	if c.Fork == nil || !legTable.fire(&l.State, "dial") {
		return
	}
	d := Dial{Leg: l.ID, To: l.Contact, Number: l.Party.Number, From: c.showsAs(), SDP: sdp, Hops: c.Hops, Forwards: c.Forwards,
		Diversions: c.Fork.place(l.Party.Number).Diversions}
	l.Shown = d.From
	if c.Fork.For == ForkTarget {
		d.ReferredBy = c.Transfer.ReferredBy // of the REFER in hand, never an inherited one (T26)
		if l.Trunk != "" {
			d.Replaces = c.Transfer.Replaces
		}
	}
	c.do(d)
}

// legProgress: a phone of the fork rings or sends early media.
func (c *Call) legProgress(l *Leg, ev LegProgress) {
	f := c.Fork
	if !f.has(l.ID) || !legTable.fire(&l.State, "progress") {
		return
	}
	if c.rings(l) {
		defer c.noticeRinging(l) // the caller has been told by then
	}
	// One source of early media at a time, and a later 180 without SDP does not tear it down (RFC 3960 §3, S16).
	if len(ev.SDP) > 0 && (f.Early.Zero() || f.Early == l.ID) {
		if f.Early == l.ID && l.earlyOf(ev.Branch) {
			return // RFC 3261 §13.2.1: the first answer of a To-tag binds
		}
		f.Early = l.ID
		c.takeAnswer(l, ForEarly, 0, ev.Branch, ev.SDP)
		l.Facts.Info = ev.Facts.Info
		return
	}
	if f.Early.Zero() {
		c.passProgress(180) // a bare 183 before the 180 would keep the caller from hearing it ring
	}
}

// rings notes that a phone of the fork rings; it tells whether that is the first that rings for the caller.
func (c *Call) rings(l *Leg) (first bool) {
	f := c.Fork
	f.place(l.Party.Number).Rang = true
	if f.For != ForkCallee || c.RingFrom != (Time{}) {
		return false
	}
	c.RingFrom = c.now
	return true
}

func (c *Call) noticeRinging(l *Leg) { c.notice(Notice{Kind: NoticeRinging, Leg: l.ID}) }

// passProgress tells whoever waits for the fork that it rings: a 1xx each once, in rising order.
func (c *Call) passProgress(status int) {
	f := c.Fork
	if status <= f.Rang {
		return
	}
	f.Rang = status
	switch f.For {
	case ForkCallee:
		if caller := c.leg(c.Caller); caller.live() && legTable.fire(&caller.State, "progress") {
			r := Ring{Leg: caller.ID, Status: status}
			if status == 183 {
				r.SDP = caller.LocalSDP // once more: its phone may have gone over to a tone of its own
			}
			c.do(r)
		}
	case ForkTarget:
		c.report(c.Transfer, status)
	}
}

// legAnswered: the first phone of a fork to answer wins, the others are told so (S15).
func (c *Call) legAnswered(l *Leg, ev LegAnswered) {
	f := c.Fork
	if !f.has(l.ID) || !legTable.fire(&l.State, "answered") {
		return // it is being hung up; sip ends a dialog that crossed (S4)
	}
	l.Memo = ev.Memo
	c.wins(l)
	switch {
	case l.earlyOf(ev.Branch):
		// RFC 3261 §13.2.1: for one To-tag the first answer binds, the body of the 200 is ignored (S17).
		if !l.busyWith(ForEarly) { // else earlyTaken goes on, since the fork has a winner
			c.joined(l)
		}
	case len(ev.SDP) > 0:
		l.drop(ForEarly)
		c.takeAnswer(l, ForJoin, 0, ev.Branch, ev.SDP)
	default:
		c.lostWinner(l, Cause{Kind: NoMedia})
	}
	l.Facts.Info = ev.Facts.Info
}

// wins: who has answered is the only one left in the fork.
func (c *Call) wins(l *Leg) {
	f := c.Fork
	f.Winner = l.ID
	c.stopTimer(timerRing)
	for _, id := range f.Legs {
		if id != l.ID {
			c.hangUp(c.leg(id), Cause{Kind: Elsewhere, Status: 200})
		}
	}
	f.Legs = []LegID{l.ID}
	f.Places = []*Place{f.place(l.Party.Number)}
	if f.For == ForkCallee {
		c.calleeAnswered(l)
	}
}

// joined: the winner's media is in force.
func (c *Call) joined(l *Leg) {
	f := c.Fork
	if f == nil || f.Winner != l.ID {
		return
	}
	c.Fork = nil
	switch f.For {
	case ForkCallee:
		c.calleeJoined(l)
	case ForkTarget:
		c.targetJoined(l)
	case ForkRecall:
		c.recallJoined(l)
	}
}

// lostWinner: a phone answered but cannot be talked to; the fork has failed since the others were sent away.
func (c *Call) lostWinner(l *Leg, why Cause) {
	c.hangUp(l, why)
	if f := c.Fork; f != nil && f.Winner == l.ID {
		f.Legs = nil
		c.forkFailed(why)
	}
}

// branchEnded: one phone or trunk of the fork is out. A 6xx ends the search for its number (RFC 3261 §16.7, F13); where
// a phone sends the caller, what it names joins those that ring (RFC 3261 §16.7 step 4). A trunk's 302 is not followed:
// nobody's rights stand behind it.
func (c *Call) branchEnded(l *Leg, why Cause, moved []Redirect) {
	f := c.Fork
	p := f.place(l.Party.Number)
	f.forget(l.ID)
	switch {
	case p.outside() && why.ofTrunk(p.Rang):
		c.nextHop(p, why)
	case p.outside():
		p.Hops, p.Failed = p.Hops[:1], why
	default:
		p.fail(why)
		if why.Status >= 600 {
			c.stopRinging(p, Cause{Kind: Elsewhere, Status: why.Status})
		}
		if why.Status < 303 { // F7: 305 and 380 name no other place to call
			p.Moved = append(p.Moved, moved...)
		}
	}
	c.search()
}

// rungOut: what rings has done so long enough. A trunk by which nobody has rung is no better than one that is down.
func (c *Call) rungOut() {
	f := c.Fork
	if f == nil {
		return
	}
	for _, p := range slices.Clone(f.Places) {
		if len(c.ringing(p)) == 0 {
			continue // it is being located, or left already
		}
		c.stopRinging(p, Cause{Kind: NoAnswer})
		if p.outside() && !p.Rang {
			c.nextHop(p, Cause{Kind: NoAnswer})
		} else {
			p.Failed = Cause{Kind: NoAnswer}
		}
	}
	c.search()
}

// cancelFork ends what is being dialled.
func (c *Call) cancelFork(why Cause) {
	f := c.Fork
	if f == nil {
		return
	}
	for _, id := range f.Legs {
		c.hangUp(c.leg(id), why)
	}
	f.Legs = nil
	c.stopTimer(timerRing)
	c.Fork = nil
}

// forkFailed tells the purpose of the fork that nobody answered.
func (c *Call) forkFailed(why Cause) {
	f := c.Fork
	c.stopTimer(timerRing)
	c.Fork = nil
	switch f.For {
	case ForkCallee:
		if !c.askAgain(why) {
			c.endBy(f.Winner, why)
		}
	case ForkTarget:
		c.targetFailed(why)
	case ForkRecall:
		c.recallFailed(why)
	}
}
