package callstate

import (
	"fmt"
	"slices"
)

// This file is what the world has when it holds several calls: the exchange between them, and phones that join the
// parties of two of their calls.

// equip gives extensions what only some have: a group, and a display that follows.
func (s *sim) equip() {
	for n, x := range s.dir.Extensions {
		x.ConnectedLine = true
		if n == "2001" || n == "2002" {
			x.Pickup = "sales"
		}
		s.dir.Extensions[n] = x
	}
}

// newCall adds a call that has seen nothing yet.
func (s *sim) newCall() {
	id := CallID(len(s.calls) + 1)
	s.simCall = &simCall{call: NewCall(id, s.set, s.dir), book: s.world.sharing()}
	s.calls = append(s.calls, s.simCall)
}

// invite has a phone call a number, or want the place of another leg.
func (s *sim) invite(ev LegOffered) {
	l := &simLeg{id: ev.Leg, inbound: true, phase: simInviting, offerless: s.chance(0.2), trunk: ev.Trunk, number: ev.From.Number, shown: ev.To}
	s.legs[l.id] = l
	s.order = append(s.order, l.id)
	if !l.offerless {
		ev.SDP, ev.Facts = []byte(SendRecv), s.facts(SendRecv)
	}
	if len(s.log) == 0 {
		s.deliver(ev)
	} else {
		l.post(ev)
	}
}

// has is the call that has a leg, or had it last.
func (s *sim) has(leg LegID) CallID {
	if id, ok := s.home[leg]; ok {
		return id
	}
	return leg.Call
}

// onTheWay tells whether an event must wait since its leg was given and has not come.
func (s *sim) onTheWay(ev Event) bool {
	if offered, ok := ev.(LegOffered); ok && offered.Replaces.Given() {
		return s.transit[offered.Replaces.Leg]
	}
	e, ok := ev.(legEvent)
	return ok && s.transit[e.About()]
}

// find goes over to the call that an event is for. False when the exchange would refuse it.
func (s *sim) find(ev Event) bool {
	id := ev.Call()
	if e, ok := ev.(legEvent); ok {
		id = s.has(e.About())
	}
	offered, offers := ev.(LegOffered)
	_, places := ev.(CallPlaced)
	switch {
	case offers && offered.Replaces.Given():
		id = s.has(offered.Replaces.Leg)
		if int(id) > len(s.calls) || s.calls[id-1].call.State == CallOver {
			s.legs[offered.Leg].phase = simOver // sip answers 481
			return false
		}
		s.home[offered.Leg] = id
	case (offers || places) && int(id) > len(s.calls):
		s.newCall()
	case int(id) > len(s.calls): // it was refused
		if wanted, ok := ev.(LegsWanted); ok {
			s.late = append(s.late, LegsRefused{ID: wanted.By, Token: wanted.Token, Status: 481})
		}
		return false
	}
	s.simCall = s.calls[id-1]
	return true
}

// letter does what the exchange does for a hand-over. The question goes behind what sip has posted about the leg, and
// before what it posts from now on; the answer comes at any time, but before anything about the legs.
func (s *sim) letter(cmd Command) {
	switch cmd := cmd.(type) {
	case Fetch:
		ev := LegsWanted{On: On{cmd.Leg}, By: cmd.Call, Token: cmd.Token, EarlyOnly: cmd.EarlyOnly, Stay: cmd.Stay, Mixable: cmd.Mixable}
		l := s.legs[cmd.Leg]
		if l == nil { // an application's side, or none
			l = &simLeg{id: cmd.Leg, phase: simUnknown}
			s.legs[l.id] = l
			s.order = append(s.order, l.id)
		}
		l.fromSIP = append(l.fromSIP, ev)
		for _, k := range s.calls {
			if t := k.call.Transfer; t != nil && t.State == TransferFetching && s.has(t.Consultation) == cmd.Call && k.call.ID == s.has(cmd.Leg) {
				s.reached["asked in both directions"] = true
			}
		}
	case RefuseLegs:
		s.reached[fmt.Sprintf("hand-over refused %d", cmd.Status)] = true
		s.late = append(s.late, LegsRefused{ID: cmd.To, Token: cmd.Token, Status: cmd.Status})
	case HandOver:
		for _, l := range cmd.Parcel.Legs {
			s.home[l.ID], s.transit[l.ID] = cmd.To, true
		}
		ev := LegsHanded{ID: cmd.To, Token: cmd.Token}
		// Written down and read again: nothing of it may be shared with the giver.
		parcel := new(Parcel)
		read(mustJSON(cmd.Parcel), parcel)
		ev.Parcel = *parcel
		s.late = append(s.late, ev)
	}
}

// arrived: what was given is with its call; what waited for it may come.
func (s *sim) arrived(ev LegsHanded) {
	for _, l := range ev.Parcel.Legs {
		delete(s.transit, l.ID)
	}
	to := s.calls[ev.ID-1].call
	switch f := ev.Parcel.Fork; {
	case to.State == CallOver:
		s.reached["handed to a call that had ended"] = true
	case to.State == CallEnding:
		s.reached["handed to a call that was ending"] = true
	case f == nil:
		s.reached["handed over, up"] = true
		if t := to.Transfer; t != nil && t.State == TransferFetching && len(ev.Parcel.Legs)+len(to.stay()) > 3 {
			s.reached["three talk across calls"] = true
		}
	case len(f.Legs) == 0:
		s.reached["handed over, locating"] = true
	default:
		s.reached["handed over, ringing"] = true
	}
}

// onceEach: no leg is in two calls.
func (s *sim) onceEach() {
	if len(s.calls) < 2 {
		return
	}
	in := map[LegID]bool{}
	for _, k := range s.calls {
		for _, l := range k.call.Legs {
			if in[l.ID] || s.transit[l.ID] {
				s.book.fault("leg %s is in two calls, or in one and on its way", l.ID)
			}
			in[l.ID] = true
		}
	}
}

// nobodyLost: when nothing is under way, every leg is in a call.
func (s *sim) nobodyLost() {
	for id, l := range s.world.legs {
		in := func(k *simCall) bool { return k.call.leg(id) != nil }
		if (l.signal && !l.over || l.media == "open") && !slices.ContainsFunc(s.calls, in) {
			s.book.fault("leg %s is in no call", id)
		}
	}
}

// another is a dialog that the user of a phone names: mostly one of its own in another call.
func (s *sim) another(l *simLeg) (r Replaced) {
	var own []LegID
	for _, id := range s.order {
		x := s.legs[id]
		if x != l && x.phase != simOver && x.phase != simUnknown && (x.number == l.number || s.chance(0.05)) {
			own = append(own, id)
		}
	}
	if len(own) == 0 {
		return Replaced{Status: []int{481, 603, 403}[s.rng.IntN(3)]}
	}
	return Replaced{Leg: own[s.rng.IntN(len(own))], EarlyOnly: s.chance(0.1)}
}

// joiningAct: an act in a world whose phones have several calls.
func (s *sim) joiningAct() {
	var up, ringing []*simLeg
	for _, id := range s.order {
		switch l := s.legs[id]; {
		case l.phase == simUp:
			up = append(up, l)
		case l.phase == simInviting && !l.inbound:
			ringing = append(ringing, l)
		}
	}
	any := func(of []*simLeg) *simLeg { return of[s.rng.IntN(len(of))] }
	switch n := s.rng.IntN(100); {
	case n < 22 && len(ringing) > 0:
		if l := any(ringing); s.chance(0.4) {
			s.ringingPhoneActs(l)
		} else if s.chance(0.85) {
			s.answers(l)
		} else {
			s.bye(l)
		}
	case n < 37 && len(up) > 0 && len(s.order) < 12:
		s.callAgain(any(up))
	case n < 70 && len(up) > 0:
		s.refersReplaces(any(up))
	case n < 76 && len(up)+len(ringing) > 0 && len(s.order) < 14:
		s.takesPlace(any(slices.Concat(up, ringing)))
	case n < 84:
		s.phoneActs(s.anyone())
	case n < 87:
		s.bye(s.anyone())
	case n < 89:
		if len(s.timers) > 0 {
			s.fire()
		}
	case n < 91:
		s.applicationActs()
	case n < 94 && len(up) > 1:
		if r := s.another(up[0]); !r.Leg.Zero() {
			s.ask(AttendedTransfer{Transferor: up[0].id, Consultation: r.Leg})
		}
	default:
		s.steer()
	}
}

// callAgain: a phone that talks calls somebody else, or is called, so that it has two calls.
func (s *sim) callAgain(l *simLeg) {
	if len(s.calls) >= 3 || slices.ContainsFunc(s.order, func(id LegID) bool { return id.Call == CallID(len(s.calls)+1) }) {
		return
	}
	from, to := l.number, s.number()
	if s.chance(0.4) {
		from, to = to, from
	}
	if s.apps && s.chance(0.3) {
		s.place()
	} else if from != to && s.dir.Knows(from) && !s.dir.Extensions[from].App {
		s.invite(LegOffered{On: On{LegID{CallID(len(s.calls) + 1), 1}}, From: Party{Number: from}, To: to})
	}
}

// refersReplaces: a phone joins the parties of two of its calls, and may do more before it hears of it.
func (s *sim) refersReplaces(l *simLeg) {
	if l.refers == nil {
		l.refers = map[uint32]string{}
	}
	r := s.another(l)
	l.lastRef++
	l.refers[l.lastRef] = referAsked
	l.post(ReferReceived{On: On{l.id}, Ref: l.lastRef, Target: s.number(), Replaces: r})
	switch n := s.rng.IntN(20); {
	case n == 0:
		s.bye(l)
	case n < 4 && !r.Leg.Zero():
		s.bye(s.legs[r.Leg])
	case n < 6 && !r.Leg.Zero() && s.legs[r.Leg].phase == simUp: // in the other direction too
		s.refersBack(s.legs[r.Leg], l)
	}
}

func (s *sim) refersBack(l, to *simLeg) {
	if l.refers == nil {
		l.refers = map[uint32]string{}
	}
	l.lastRef++
	l.refers[l.lastRef] = referAsked
	l.post(ReferReceived{On: On{l.id}, Ref: l.lastRef, Target: to.number, Replaces: Replaced{Leg: to.id}})
}

// takesPlace: another phone wants to have what l talks or rings for.
func (s *sim) takesPlace(l *simLeg) {
	s.invited++
	from := l.number
	if s.chance(0.3) {
		from = s.number()
	}
	if s.dir.Knows(from) && !s.dir.Extensions[from].App {
		s.invite(LegOffered{On: On{LegID{CallID(100 + s.invited), 1}}, From: Party{Number: from}, To: "2000",
			Replaces: Replaced{Leg: l.id, EarlyOnly: s.chance(0.2)}})
	}
}
