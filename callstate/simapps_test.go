package callstate

import "slices"

// This file is the part of the simulated world that is an API extension: applications that are called, answer or refuse
// or do not care, and that call by themselves.

// apps are the API extensions of the world.
var apps = []string{"9990", "9991"}

func (s *sim) app() string { return apps[s.rng.IntN(len(apps))] }

// place has an application call a number, in a call of its own.
func (s *sim) place() {
	ev := CallPlaced{ID: CallID(len(s.calls)), From: s.app(), To: s.number()}
	if len(s.log) > 0 {
		ev.ID++
	}
	if s.chance(0.4) {
		ev.Shows = Party{Number: []string{"777", "2003"}[s.rng.IntN(2)]}
	}
	if s.chance(0.05) {
		ev.From = "2000" // no application
	}
	s.deliver(ev)
}

// sides are the applications' sides of a call, those that ring or the others.
func (s *sim) sides(c *Call, ringing bool) (all []LegID) {
	for _, l := range c.Legs {
		if l.App && (l.State == LegRinging) == ringing {
			all = append(all, l.ID)
		}
	}
	return all
}

// appAnswers lets an application at which a call rings do something about it; false when there is none, or it waits.
func (s *sim) appAnswers() bool {
	if !s.apps || s.chance(0.3) {
		return false
	}
	for _, s.simCall = range s.calls {
		for _, id := range s.sides(s.call, true) {
			switch n := s.rng.IntN(100); {
			case n < 60:
				s.ask(AcceptLeg{Leg: id})
			case n < 75:
				s.ask(RefuseLeg{Leg: id, Status: []int{486, 603, 480, 404, 503, 302}[s.rng.IntN(6)]})
			case n < 80: // twice at once
				s.ask(AcceptLeg{Leg: id})
				s.ask(RefuseLeg{Leg: id, Status: 486})
			case n < 84:
				s.ask(EndLeg{Leg: id})
			}
			return true
		}
	}
	return false
}

// appActs lets an application that talks do something; false when none does.
func (s *sim) appActs() bool {
	if !s.apps || s.chance(0.6) {
		return false
	}
	type side struct {
		of *simCall
		id LegID
	}
	var up []side
	for _, k := range s.calls {
		for _, id := range s.sides(k.call, false) {
			up = append(up, side{k, id})
		}
	}
	if len(up) == 0 {
		return false
	}
	x := up[s.rng.IntN(len(up))]
	s.simCall = x.of
	switch n := s.rng.IntN(100); {
	case n < 35:
		s.ask(BlindTransfer{Transferor: Own, Target: s.number(), Wait: s.chance(0.6)})
	case n < 45:
		s.ask([]Request{Hold{}, Unhold{}, HoldLeg{Leg: x.id}, UnholdLeg{Leg: x.id}}[s.rng.IntN(4)])
	case n < 52:
		s.ask(SendKeys{To: []Side{Caller, Callee, All, Own}[s.rng.IntN(4)], Keys: "12"})
	case n < 58:
		s.ask(EndLeg{Leg: x.id})
	case n < 66:
		s.ask(MoveLeg{Leg: x.id, Target: s.number()})
	case n < 72:
		s.ask(Consult{Transferor: x.id, Target: s.number()})
	case n < 76:
		s.ask([]Request{AcceptLeg{Leg: x.id}, RefuseLeg{Leg: x.id, Status: 486}}[s.rng.IntN(2)]) // it talks already
	case n < 90 && len(up) > 1:
		y := up[s.rng.IntN(len(up))]
		s.ask(AttendedTransfer{Transferor: x.id, Consultation: y.id})
	default:
		return false
	}
	return true
}

// appTalks tells whether a leg talks to an application that does not hold.
func (s *sim) appTalks(x *Leg) bool {
	return slices.ContainsFunc(s.call.talkers(x.Bridge), func(l *Leg) bool { return l.App && !l.held() })
}

// noteApps remembers what became of the applications.
func (s *sim) noteApps() {
	c := s.call
	for _, l := range c.Legs {
		if !l.App {
			continue
		}
		all := c.talkers(l.Bridge)
		switch {
		case l.State == LegRinging && c.Fork != nil:
			s.reached["an API extension rings: "+string(c.Fork.For)] = true
		case l.ID == c.Caller && c.Fork != nil && c.Fork.For == ForkCallee:
			s.reached["a call is placed"] = true
		case len(all) > 1:
			s.reached["an application talks"] = true
			if len(all) > 2 {
				s.reached["an application among three"] = true
			}
			if l.ID.Call != c.ID {
				s.reached["an application is handed over"] = true
			}
			for _, p := range all {
				if p.Inband {
					s.reached["keys are listened for"] = true
				}
				if p.Trunk != "" {
					s.reached["an application talks to the outside"] = true
				}
			}
		}
		if t := c.Transfer; t != nil {
			switch l.ID {
			case t.Transferor:
				s.reached["an application transfers: "+t.State] = true
			case t.Transferee:
				s.reached["an application is transferred: "+t.State] = true
			}
		}
	}
}
