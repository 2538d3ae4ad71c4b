package callstate

import "bytes"

// simLeg is one phone, its dialog at sip and its stream at media.
type simLeg struct {
	id                 LegID
	inbound, offerless bool
	phase              string
	number, shown      string    // its user, and whom it shows as its partner
	trunk              string    // of an inbound one: where it came from
	hold               Direction // what the phone wants its stream to be

	toSIP     []Signal
	fromSIP   []Event
	toMedia   []MediaCommand
	fromMedia []Event

	theirs  uint32 // the phone's offer that has no answer yet
	wanted  Direction
	asks    bool     // it asks us to offer
	last    uint32   // its last offer
	ours    *Reoffer // our offer on the wire
	want    *Reoffer // and the one that waits for its turn
	refers  map[uint32]string
	lastRef uint32
	early   string // the tag whose early media was sent

	keys         simKeys
	clip         *PlayClip // what media plays to it
	port, closed bool
	mixable      bool // our last offer had nothing that media cannot make
	dialled      *Dial
	was          []byte
}

const (
	simUnknown  = "unknown"  // sip has not heard of it
	simInviting = "inviting" // the INVITE has no final answer
	simUp       = "up"
	simOver     = "over"
)

func (s *sim) facts(d Direction) Facts {
	f := Facts{Codec: "PCMU", Direction: d, Events: s.chance(0.8), Mixable: s.chance(s.mixable), Info: s.chance(0.3)}
	if !f.Mixable {
		f.Codec = "opus"
	}
	return f
}

// within are the facts of a description that was limited to what media can make itself.
func (f Facts) within(mixable bool) Facts {
	if mixable {
		f.Codec, f.Mixable = "PCMU", true
	}
	return f
}

func (l *simLeg) post(ev Event) {
	if l.phase != simOver {
		l.fromSIP = append(l.fromSIP, ev)
	}
}

func (l *simLeg) end(why Cause) {
	if l.phase != simUnknown {
		l.post(LegEnded{On: On{l.id}, Cause: why})
	}
	l.phase = simOver
}

// bye: the phone gives up, hangs up or refuses.
func (s *sim) bye(l *simLeg) {
	switch {
	case l.phase == simUp:
		l.end(Cause{Kind: Normal, Remote: true})
	case l.phase == simInviting && l.inbound:
		l.end(Cause{Kind: Cancelled, Status: 487, Remote: true})
	case l.phase == simInviting:
		s.refuses(l)
	}
}

// sip carries out one command.
func (s *sim) sip(l *simLeg, cmd Signal) {
	on := On{l.id}
	if l.phase == simOver {
		return
	}
	switch cmd := cmd.(type) {
	case Dial:
		if !bytes.Equal(l.was, mustJSON(cmd)) {
			s.book.fault("a Dial changed after it was given out:\n%s\n%s", l.was, mustJSON(cmd))
		}
		l.phase = simInviting
	case HangUp:
		kind := Normal
		if l.phase == simInviting {
			kind = Cancelled
		}
		l.end(Cause{Kind: kind})
	case Answer:
		if l.phase != simInviting || !l.inbound {
			s.book.fault("leg %s answered when its phase was %q", l.id, l.phase)
			return
		}
		l.phase = simUp
		if s.bad(0.03) {
			l.end(Cause{Kind: Lost}) // no ACK (S9)
			return
		}
		ev := LegConfirmed{On: on}
		if l.offerless && !s.bad(0.1) {
			ev.SDP, ev.Facts = []byte(SendRecv), s.facts(SendRecv)
		}
		l.post(ev)
	case Reoffer:
		l.want = &cmd
		l.sendOurs()
	case AcceptOffer:
		if l.theirs == cmd.Ref {
			s.accepted(l)
		}
	case RefuseOffer:
		if l.theirs == cmd.Ref {
			l.theirs = 0
			l.sendOurs()
		}
	case AcceptRefer:
		l.refers[cmd.Ref] = referAccepted
	case RefuseRefer:
		l.refers[cmd.Ref] = referDone
	case ReportTransfer:
		if cmd.Status >= 200 {
			l.refers[cmd.Ref] = referDone
		}
	case ShowPartner:
		l.shown = cmd.Partner.Number
	case SendInfo:
		s.sent[Sent{l.id, cmd.Ref}] = true
		ev := DigitsSent{On: on, Ref: cmd.Ref}
		if s.bad(0.2) {
			ev.Fail = "469"
		}
		l.post(ev)
	}
}

// accepted: the phone's offer was taken, or it got the offer that it asked for and answers it in its ACK.
func (s *sim) accepted(l *simLeg) {
	ref := l.theirs
	l.theirs = 0
	switch {
	case !l.asks:
		l.hold = l.wanted
	case s.bad(0.1):
		l.post(ReofferRefused{On: On{l.id}, Ref: ref, Status: 400})
	default:
		d := s.answerDirection(l, SendRecv)
		l.post(ReofferAnswered{On: On{l.id}, Ref: ref, SDP: []byte(d), Facts: s.facts(d)})
	}
	l.sendOurs()
}

func (l *simLeg) sendOurs() {
	if l.ours == nil && l.theirs == 0 && l.phase == simUp {
		l.ours, l.want = l.want, nil
	}
}

// answerDirection is what a phone says to an offer of ours.
func (s *sim) answerDirection(l *simLeg, offered Direction) Direction {
	if offered != SendRecv {
		if s.chance(0.3) {
			return Inactive
		}
		return RecvOnly
	}
	if l.hold.Holds() {
		return l.hold
	}
	return SendRecv
}

// answerOurs: the phone answers our re-INVITE.
func (s *sim) answerOurs(l *simLeg) {
	o := l.ours
	l.ours = nil
	switch {
	case s.bad(0.05):
		l.end(Cause{Kind: Lost, Status: 481})
	case s.bad(0.2):
		l.post(ReofferRefused{On: On{l.id}, Ref: o.Ref, Status: 488})
	default:
		d := s.answerDirection(l, Direction(bytes.TrimPrefix(o.SDP, []byte("offer-"))))
		l.post(ReofferAnswered{On: On{l.id}, Ref: o.Ref, SDP: []byte(d), Facts: s.facts(d)})
	}
	l.sendOurs()
}

// media carries out one command.
func (s *sim) media(l *simLeg, cmd MediaCommand) {
	on := On{l.id}
	if l.closed {
		s.book.fault("%T for leg %s after its media was closed", cmd, l.id)
		return
	}
	post := func(ev Event) { l.fromMedia = append(l.fromMedia, ev) }
	fail := func(ref uint32, p float64, why MediaFailure) bool {
		switch {
		case ref != 0 && !l.port:
			why = NoStream
		case !s.bad(p):
			return false
		}
		post(MediaFailed{On: on, Ref: ref, Reason: why})
		return true
	}
	switch cmd := cmd.(type) {
	case OpenMedia:
		l.port = !fail(0, 0.02, NoPorts)
	case MakeOffer:
		if !fail(cmd.Ref, 0.02, NoCodec) {
			l.mixable = cmd.Mixable
			post(OfferMade{On: on, Ref: cmd.Ref, SDP: []byte("offer-" + cmd.Direction)})
		}
	case MakeAnswer:
		if !fail(cmd.Ref, 0.05, NoCodec) {
			d := Direction(cmd.Offer)
			if d == "" {
				d = SendRecv
			}
			post(AnswerMade{On: on, Ref: cmd.Ref, SDP: []byte("answer"), Facts: s.facts(d).within(cmd.Mixable)})
		}
	case TakeAnswer:
		if !fail(cmd.Ref, 0.05, BadSDP) {
			post(AnswerTaken{On: on, Ref: cmd.Ref, Facts: s.facts(Direction(cmd.Answer)).within(l.mixable)})
		}
	case Connect:
		if len(cmd.Hears) > 0 {
			how := []ConnectedHow{Relayed, Relayed, Relayed, Transcoded, Impossible}[s.rng.IntN(5)]
			post(Connected{On: on, How: how})
		}
	case TakeDigits:
		l.keys.takes(cmd)
	case SendDigits:
		s.sent[Sent{l.id, cmd.Ref}] = true
		post(DigitsSent{On: on, Ref: cmd.Ref})
	case PlayClip, StopClip:
		s.playing(l, cmd)
	case CloseMedia:
		l.closed, l.clip = true, nil
	}
}

func (s *sim) phoneActs(l *simLeg) {
	switch {
	case l.phase == simUp:
		s.talkingPhoneActs(l)
	case l.phase == simInviting && l.inbound:
		if s.chance(0.1) {
			s.bye(l)
		}
	case l.phase == simInviting:
		s.ringingPhoneActs(l)
	}
	if l.port && !l.closed {
		switch s.rng.IntN(30) {
		case 0:
			l.fromMedia = append(l.fromMedia, MediaSilent{On: On{l.id}})
		case 1, 2, 3:
			s.keysAct(l)
		}
	}
}

func (s *sim) ringingPhoneActs(l *simLeg) {
	tag := []string{"a", "a", "a", "b"}[s.rng.IntN(4)]
	on := On{l.id}
	switch n := s.rng.IntN(100); {
	case n < 25:
		l.post(LegProgress{On: on, Status: 180, Branch: tag})
	case n < 45:
		l.post(LegProgress{On: on, Status: 183, Branch: tag, SDP: []byte(SendRecv), Facts: s.facts(SendRecv)})
	case n < 50:
		l.post(LegProgress{On: on, Status: []int{181, 182, 183, 199}[s.rng.IntN(4)], Branch: tag})
	case n < 82:
		ev := LegAnswered{On: on, Branch: tag, SDP: []byte(SendRecv), Facts: s.facts(SendRecv)}
		if s.bad(0.05) {
			ev.SDP = nil
		}
		l.post(ev)
		l.phase = simUp
	case n < 95:
		s.bye(l)
	}
}

func (s *sim) talkingPhoneActs(l *simLeg) {
	on := On{l.id}
	switch n := s.rng.IntN(100); {
	case n < 10:
		s.bye(l)
	case n < 50 && l.theirs == 0 && l.ours == nil:
		l.last++
		l.theirs, l.asks = l.last, s.chance(0.25)
		l.wanted = []Direction{SendOnly, SendRecv, SendRecv, Inactive}[s.rng.IntN(4)]
		ev := LegReoffered{On: on, Ref: l.last}
		if !l.asks {
			ev.SDP, ev.Facts = []byte(l.wanted), s.facts(l.wanted)
		}
		l.post(ev)
	case n < 80:
		if l.refers == nil {
			l.refers = map[uint32]string{}
		}
		l.lastRef++
		ev := ReferReceived{On: on, Ref: l.lastRef, Target: s.number()}
		switch {
		case s.chance(0.1):
			ev.Replaces.Status = 481
		case s.joins && s.chance(0.7):
			ev.Replaces = s.another(l)
		}
		l.refers[l.lastRef] = referAsked
		l.post(ev)
	case n < 85:
		for ref := uint32(1); ref <= l.lastRef; ref++ {
			if l.refers[ref] == referAccepted {
				l.refers[ref] = referGone
				l.post(ReferGone{On: on, Ref: ref})
			}
		}
	case n < 90:
		s.keysAct(l)
	}
}
