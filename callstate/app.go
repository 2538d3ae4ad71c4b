package callstate

import (
	"cmp"
	"slices"
)

// This file is an API extension's own side of a call (spec ozeki 6, Leg.App). An application is there and no phone, so
// such a leg has neither a dialog nor a stream: no command is ever about it, and it is gone the moment it is hung up.
// It talks like any other: in a bridge, in a transfer, in a hand-over.

// app tells whether it is an application's side.
func (l *Leg) app() bool { return l != nil && l.App }

// newApp adds an application's side of the call. It is as good as a phone whose codecs can be mixed.
func (c *Call) newApp(state string, p Party) *Leg {
	l := c.newLeg(state, p)
	l.App, l.Facts = true, Facts{Direction: SendRecv, Mixable: true}
	return l
}

// callPlaced: an application calls a number from its extension, by that one's rights (spec ozeki 8.9).
func (c *Call) callPlaced(ev CallPlaced) {
	if !c.become("offered") {
		return // there is a call already; it has nothing to do with this one
	}
	l := c.newApp(LegUp, c.dir.Party(ev.From))
	l.Inbound, l.Calls, l.Bound, l.Shows = true, true, true, ev.Shows
	r := c.dir.Route(ev.To, By{Extension: ev.From})
	c.setCaller(l)
	c.CallerDialled, c.CalleeDialled, c.CalleeParty = ev.To, r.Number, c.dir.Party(r.Number)
	c.Started = c.now
	c.notice(Notice{Kind: NoticeCreated})
	switch {
	case !c.dir.Extensions[ev.From].App:
		c.endAll(Cause{Kind: Forbidden})
	case r.Refused != "":
		c.endAll(Cause{Kind: r.Refused})
	case c.unfit(l, r):
		c.endAll(Cause{Kind: Loop})
	default:
		c.startFork(r, ForkCallee, cmp.Or(ev.Ring, c.Settings.RingTimeout))
	}
}

// invite has a call ring at an API extension. Its application is asked by a notice; AcceptLeg or RefuseLeg answers.
func (c *Call) invite(p *Place) {
	f := c.Fork
	switch t := c.Transfer; {
	case c.leg(c.waiting()).app(), t != nil && c.leg(t.Transferee).app():
		p.fail(Cause{Kind: Loop, Status: 482}) // two applications would talk, and nobody would hear it
		return
	case len(f.Legs) >= maxContacts:
		p.fail(Cause{Kind: Loop, Status: 440}) // RFC 5393 §5
		return
	}
	c.forkLocated()
	l := c.newApp(LegRinging, c.dir.Party(p.Number))
	f.Legs = append(f.Legs, l.ID)
	c.ringOn()
	first := c.rings(l)
	if f.Early.Zero() {
		c.passProgress(180)
	}
	if first {
		c.noticeRinging(l)
	}
	c.notice(Notice{Kind: NoticeInvited, Leg: l.ID})
}

// invited finds the leg of an API extension that rings, or tells why it cannot be answered.
func (c *Call) invited(id LegID) (*Leg, *Error) {
	switch l := c.leg(id); {
	case !l.app():
		return nil, noSuchLeg()
	case !c.Fork.has(id) || l.State != LegRinging:
		return nil, &Error{Kind: WrongState, Param: "leg", Text: "it does not ring"}
	default:
		return l, nil
	}
}

// acceptLeg: the application answers.
func (c *Call) acceptLeg(ref uint64, req AcceptLeg) {
	l, no := c.invited(req.Leg)
	c.reply(ref, no)
	if no == nil && legTable.fire(&l.State, "answered") {
		l.Bound = true
		c.wins(l)
		c.joined(l)
	}
}

// refuseLeg: the application refuses.
func (c *Call) refuseLeg(ref uint64, req RefuseLeg) {
	l, no := c.invited(req.Leg)
	if no == nil && (req.Status < 400 || req.Status > 699) {
		no = &Error{Kind: BadRequest, Param: "status", Text: "400 to 699"}
	}
	c.reply(ref, no)
	if no == nil {
		c.remove(l)
		c.branchEnded(l, CauseOf(req.Status), nil)
	}
}

// own is the application's side of two who talk; nil when there is none.
func (c *Call) own() *Leg {
	for _, id := range []LegID{c.Caller, c.Callee} {
		if l := c.leg(id); l.app() {
			return l
		}
	}
	return nil
}

// unfit tells whether a leg cannot be connected to where a route leads: that is the leg's own party (T13), or both are
// applications, which would not hear each other.
func (c *Call) unfit(l *Leg, r Route) bool {
	return l.at(r) || l.app() && !r.outside() && c.dir.Extensions[r.Number].App
}

// releaseApps ends a conversation in which applications are left alone.
func (c *Call) releaseApps() {
	for {
		i := slices.IndexFunc(c.Legs, func(l *Leg) bool {
			if !l.App {
				return false // the usual leg costs nothing here: this runs with every event
			}
			all := c.talkers(l.Bridge)
			return len(all) > 1 && !slices.ContainsFunc(all, func(p *Leg) bool { return !p.App })
		})
		if i < 0 {
			return
		}
		c.drop(c.Legs[i], Cause{Kind: Normal})
	}
}

// withApp tells whether a leg talks to an application, or will: media must be able to make and read its codec.
func (c *Call) withApp(l *Leg) bool {
	if c.Fork.has(l.ID) || c.Fork.has(l.Takes) {
		return c.leg(c.waiting()).app()
	}
	n := c.bridgeOf(l)
	for _, p := range c.Legs {
		if p.App && p != l && n != 0 && p.Bridge == n && p.live() {
			return true
		}
	}
	return false
}
