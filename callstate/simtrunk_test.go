package callstate

// This file is the part of the simulated world that lies outside: trunks, and the wishes of extensions to be called
// elsewhere.

// outsideNumbers are reached by trunks, at least by a route.
var outsideNumbers = []string{"5551234", "0301234", "5559999"}

// furnish gives extensions rights and forwarding settings; many lead back to where they came from.
func (s *sim) furnish() {
	everyone := s.rng.IntN(3) // of three worlds, one has nobody who may call outside
	for _, n := range []string{"2000", "2001", "2002", "2003", "2004", "9990", "9991"} {
		x := s.dir.Extensions[n]
		x.Outbound = everyone > 0 && s.chance(0.5)
		for _, to := range []*string{&x.Forward.Always, &x.Forward.Busy, &x.Forward.NoAnswer} {
			if s.chance(0.3) {
				*to = s.number()
			}
		}
		if s.chance(0.6) {
			x.Forward.Always = ""
		}
		s.dir.Extensions[n] = x
	}
}

// refuses: whoever rings at the other end of a leg is out. A phone may name others, and so may a trunk, in vain.
func (s *sim) refuses(l *simLeg) {
	ev := LegEnded{On: On{l.id}, Cause: CauseOf([]int{486, 603, 404, 480, 408, 500, 503, 600, 302, 401}[s.rng.IntN(10)])}
	if s.trunked && s.chance(0.5) {
		ev.Cause = CauseOf(302)
		for range 1 + s.rng.IntN(4) {
			ev.Moved = append(ev.Moved, Redirect{Number: s.number(), Q: []int{1000, 1000, 500}[s.rng.IntN(3)]})
		}
	} else if s.chance(0.1) {
		ev.Cause = Cause{Kind: Unavailable, Status: 480} // nothing came back at all
	}
	l.post(ev)
	l.phase = simOver
}

// permitted checks that somebody who may call outside stands behind every call to an outside number (T17, F6).
func (s *sim) permitted(cmd Dial) {
	if cmd.To.Trunk == "" {
		return
	}
	c := s.call
	may := func(number string) bool { return s.dir.Extensions[number].Outbound }
	ok := false
	switch t := c.Transfer; {
	case c.Fork.For == ForkRecall:
	case len(cmd.Diversions) > 0:
		ok = may(cmd.Diversions[0].Number)
	case c.Fork.For == ForkCallee && c.Intercept != nil && c.leg(c.Caller).Trunk != "":
		ok = s.mayBeSentOut(may)
	case c.Fork.For == ForkCallee:
		l := c.leg(c.Caller)
		ok = l.Trunk != "" || may(l.Party.Number)
	case !t.Consultation.Zero(): // its call was made before by who has that leg
		l := s.legs[t.Consultation]
		ok = l.trunk != "" || may(l.number)
	case t.Rights != "":
		ok = may(t.Rights)
	case t.Release == ReleaseAtOnce:
		l := c.leg(t.Transferee)
		ok = l.Trunk == "" && may(l.Party.Number)
	default:
		ok = !t.Outside && may(t.TransferorParty.Number)
	}
	if !ok {
		s.book.fault("%s is called by a trunk, and nobody who may stands behind it: %s", cmd.Number, writeCommand(cmd))
	}
}

// noteFork remembers what searches the call came to be in.
func (s *sim) noteFork() {
	c, f := s.call, s.call.Fork
	if f == nil {
		if x, y := c.leg(c.Caller), c.leg(c.Callee); x.up() && y.up() && x.Trunk != "" && y.Trunk != "" {
			s.reached["outside talks to outside"] = true
		}
		return
	}
	rings := 0
	for _, p := range f.Places {
		if len(c.ringing(p)) > 0 {
			rings++
		}
		if p.outside() && len(c.ringing(p)) > 0 {
			s.reached["called by trunk"] = true
		}
		if p.outside() && p.Failed.Kind != "" && len(p.Hops) == 1 && p.Locate != 0 {
			s.reached["next trunk"] = true
		}
		if len(p.Diversions) > 0 && p.Diversions[0].Reason != "deflection" {
			s.reached["sent on by a setting"] = true
			if c.Forward != nil {
				s.reached["setting and application at once"] = true
			}
		}
		if len(p.Diversions) > 0 && f.For == ForkTarget {
			s.reached["target sent on"] = true
		}
	}
	if rings > 1 {
		s.reached["redirects side by side"] = true
	}
	if len(f.Later) > 0 {
		s.reached["redirects one after the other"] = true
	}
}
