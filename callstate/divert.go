package callstate

import (
	"cmp"
	"slices"
)

// This file sends a caller on by the wish of an extension that is being dialled: its forwarding settings, and the 302 of
// its phone. Both go by that extension's rights, whoever calls (edge case F6).

// forwards are the settings that apply at a place. A transferor is called back itself, and not whom it forwards to.
func (c *Call) forwards(p *Place) Forwards {
	if p.outside() || c.Fork.For == ForkRecall {
		return Forwards{}
	}
	return c.dir.Extensions[p.Number].Forward
}

// divert sends the caller on from a place to where its extension wishes: never to somebody who takes part, nor to where
// the search has been (F5), and only so often in a call (T14). The numbers that are wanted most join those that ring, the
// others wait for their turn (F4). Where none can be followed, it tells why.
func (c *Call) divert(from *Place, reason string, to []Redirect) (refused CauseKind) {
	f := c.Fork
	var places []*Place
	to = slices.SortedStableFunc(slices.Values(to), func(x, y Redirect) int { return cmp.Compare(y.Q, x.Q) })
	for _, x := range to[:min(len(to), maxContacts)] {
		r := c.dir.Route(x.Number, By{Extension: from.Number})
		switch {
		case f.For == ForkRecall:
			r.Refused = Unavailable
		case c.Hops >= c.Settings.Hops, slices.Contains(f.Visited, r.Number), c.takesPart(r):
			r.Refused = Loop
		case r.Refused == NotFound:
			r.Refused = Unavailable // what was dialled is there, only its wish is not
		}
		if r.Refused != "" {
			refused = cmp.Or(refused, r.Refused)
			continue
		}
		f.Visited = append(f.Visited, r.Number)
		places = append(places, &Place{Number: r.Number, Hops: r.Hops, Q: x.Q,
			Diversions: slices.Concat([]Diversion{{Number: from.Number, Reason: reason}}, from.Diversions)})
	}
	if len(places) == 0 {
		return cmp.Or(refused, Unavailable)
	}
	from.Diverted = true
	c.Hops++
	if reason != "deflection" {
		f.Until = 0 // F4 bounds the time of redirects; a setting starts anew, at most so often as there are hops
	}
	c.sentOn(places[0])
	now := 1
	for now < len(places) && places[now].Q == places[0].Q {
		now++
	}
	f.Later = slices.SortedStableFunc(slices.Values(append(f.Later, places[now:]...)), func(x, y *Place) int { return cmp.Compare(y.Q, x.Q) })
	for _, p := range places[:now] {
		c.open(p)
	}
	return ""
}

// takesPart tells whether a route leads to whom the fork is for, or to whom its target would talk to.
func (c *Call) takesPart(r Route) bool {
	return c.unfit(c.leg(c.waiting()), r) || c.Transfer != nil && c.unfit(c.leg(c.Transfer.Transferee), r)
}

// sentOn tells the caller, the referrer and the lists that the call goes on to another number.
func (c *Call) sentOn(to *Place) {
	f := c.Fork
	f.Rang = 0 // whoever waits is told anew that it rings
	c.show(to.Number)
	waiting := c.leg(c.waiting())
	switch f.For {
	case ForkCallee:
		c.Diversions = to.Diversions
		if c.RingFrom != (Time{}) {
			c.RingFrom = c.now
		}
		if waiting != nil && legTable.fire(&waiting.State, "progress") {
			c.do(Ring{Leg: waiting.ID, Status: 181})
		}
	case ForkTarget:
		c.report(c.Transfer, 181)
	}
	n := Notice{Kind: NoticeForwarded, ByPhone: true}
	if waiting != nil {
		n.Parties = []LegSummary{c.legSummary(waiting)}
	}
	c.notice(n)
}

// show has lists tell that a number is what is being called now.
func (c *Call) show(number string) {
	c.Fork.Number = number
	if c.Fork.For == ForkCallee || c.Callee.Zero() {
		c.CalleeDialled, c.CalleeParty = number, c.dir.Party(number)
	}
}
