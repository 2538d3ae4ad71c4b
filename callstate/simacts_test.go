package callstate

// act lets a phone, an application, a timer or the switch do something by itself.
func (s *sim) act() {
	switch n := s.rng.IntN(100); {
	case s.goesOn():
	case s.players && s.chance(0.2):
		s.playerActs()
	case s.record.runs != 0 && s.chance(0.05):
		s.fileEnds()
	case s.appAnswers():
	case s.appActs():
	case s.joins:
		s.joiningAct()
	case s.steers:
		s.steeredAct()
	case n < 70:
		s.phoneActs(s.anyone())
	case n < 93:
		s.applicationActs()
	case n < 99:
		if len(s.timers) > 0 && s.chance(0.4) {
			s.fire()
		}
	default:
		if s.chance(0.1) {
			s.late = append(s.late, Stopping{ID: s.call.ID})
		}
	}
}

// applicationActs: one of the applications asks for something; two requests that are under way at once may arrive in
// either order.
func (s *sim) applicationActs() {
	side := []Side{Caller, Callee}[s.rng.IntN(2)]
	switch n := s.rng.IntN(100); {
	case n < 25:
		s.ask(ForwardCall{Destination: s.number()})
	case n < 40:
		s.ask(Hold{})
	case n < 55:
		s.ask(Unhold{})
	case n < 85:
		s.ask(BlindTransfer{Transferor: side, Target: s.number()})
	case n < 97:
		s.ask(SendKeys{To: []Side{Caller, Callee, All, "nobody"}[s.rng.IntN(4)], Keys: []string{"1", "12,#", "x"}[s.rng.IntN(3)]})
	default:
		s.ask(End{})
	}
}

// steeredAct: an act in a world whose applications steer the call by its legs and whose phones mostly let them.
func (s *sim) steeredAct() {
	var ringing []*simLeg
	for _, id := range s.order {
		if l := s.legs[id]; l.phase == simInviting && !l.inbound {
			ringing = append(ringing, l)
		}
	}
	switch n := s.rng.IntN(100); {
	case n < 40 && len(ringing) > 0:
		if l := ringing[s.rng.IntN(len(ringing))]; s.chance(0.3) {
			s.ringingPhoneActs(l)
		} else if s.chance(0.85) {
			s.answers(l)
		} else {
			s.bye(l)
		}
	case n < 52:
		s.phoneActs(s.anyone())
	case n < 54:
		s.bye(s.anyone())
	case n < 57:
		if len(s.timers) > 0 {
			s.fire()
		}
	case n < 62:
		s.applicationActs()
	default:
		s.steer()
	}
}

// answers: a phone that rings is taken up.
func (s *sim) answers(l *simLeg) {
	l.post(LegAnswered{On: On{l.id}, Branch: "a", SDP: []byte(SendRecv), Facts: s.facts(SendRecv)})
	l.phase = simUp
}

// steer asks for something by leg: mostly what makes sense now. Now and then two clients ask at once.
func (s *sim) steer() {
	for range 1 + s.rng.IntN(4)/3 {
		s.ask(s.wish())
	}
}

func (s *sim) wish() Request {
	leg := s.anyone().id
	for range 4 { // mostly one that is up
		if s.call.leg(leg).up() {
			break
		}
		leg = s.anyone().id
	}
	if t := s.call.Transfer; t.attended() && s.chance(0.75) {
		if s.chance(0.9) {
			leg = t.Transferor
		}
		ops := []Operation{Swap, Swap, Swap, Threeway, Complete, Abort}
		if s.call.elsewhere(s.call.Main) == 0 {
			ops = append(ops, Threeway, Threeway)
		}
		return Operate{Transferor: leg, Do: ops[s.rng.IntN(len(ops))]}
	}
	number := []string{"2000", "2001", "2001", "2002", "2003", "2003", "2004", "9999"}[s.rng.IntN(8)]
	rights := ""
	if s.trunked && s.chance(0.3) {
		number = s.number()
		rights = []string{"", "2000", "2002", "nobody"}[s.rng.IntN(4)]
	}
	switch n := s.rng.IntN(100); {
	case n < 55:
		return Consult{Transferor: leg, Target: number, Rights: rights}
	case n < 72:
		return MoveLeg{Leg: leg, Target: number, Rights: rights}
	case n < 77:
		return Operate{Transferor: leg, Do: []Operation{Abort, Complete, Threeway, Swap, "park"}[s.rng.IntN(5)]}
	case n < 86:
		return HoldLeg{Leg: leg}
	case n < 96:
		return UnholdLeg{Leg: leg}
	}
	return EndLeg{Leg: leg}
}
