package callstate

import "slices"

// This file tells who talks to whom. A bridge is a set of legs that hear each other, named by a number in Leg.Bridge.
// Most calls have one. When one of three is moved away, its new conversation is a bridge of its own beside that of the
// two who stay. A leg in none is being called, waits in a hold, or lingers.

// talkers are the legs of a bridge, the oldest first.
func (c *Call) talkers(n int) (all []*Leg) {
	for _, l := range c.Legs {
		if n != 0 && l.Bridge == n && l.live() {
			all = append(all, l)
		}
	}
	return all
}

// bridge makes bridge n of exactly these legs; those that are gone or zero are left out.
func (c *Call) bridge(n int, members ...LegID) {
	for _, l := range c.Legs {
		switch {
		case l.live() && slices.Contains(members, l.ID):
			l.Bridge = n
		case l.Bridge == n:
			l.Bridge = 0
		}
	}
}

// newBridge is the number of a bridge that has nobody in it.
func (c *Call) newBridge() int {
	n := 1
	for n == c.Main || len(c.talkers(n)) > 0 || c.Transfer != nil && c.Transfer.Bridge == n {
		n++
	}
	return n
}

// elsewhere finds another bridge than n in which somebody talks or waits; 0 when there is none.
func (c *Call) elsewhere(n int) int {
	if t := c.Transfer; t != nil && t.Bridge != n {
		return t.Bridge
	}
	for _, l := range c.Legs {
		if l.live() && l.Bridge != 0 && l.Bridge != n {
			return l.Bridge
		}
	}
	return 0
}

// takeRoles makes these two the parties of the call, when theirs is its main bridge.
func (c *Call) takeRoles(caller, callee *Leg) {
	caller.Calls, callee.Calls = true, false
	if caller.Bridge != c.Main {
		return
	}
	if caller.ID != c.Caller {
		c.Caller, c.CallerParty = caller.ID, caller.Party
		c.CallerDialled = callee.Party.Number
	}
	c.Callee, c.CalleeParty, c.CalleeDialled = callee.ID, callee.Party, callee.Party.Number
}

// pairRoles gives roles to two who are left: who was the calling side stays so, else the older leg calls.
func (c *Call) pairRoles(n int) {
	pair := c.talkers(n)
	if len(pair) != 2 {
		return
	}
	if pair[1].Calls {
		pair[0], pair[1] = pair[1], pair[0]
	}
	if pair[0].ID != c.Caller || pair[1].ID != c.Callee {
		c.takeRoles(pair[0], pair[1])
	}
}

// moveMain makes n the main bridge, since nobody is left in the one that was.
func (c *Call) moveMain(n int) {
	c.Main = n
	t := c.Transfer
	if t == nil || t.Bridge != n {
		c.pairRoles(n)
		return
	}
	c.takeAlone(c.leg(t.Transferee), t.Target)
}

// takeAlone makes a leg that waits the caller of the number for which it waits.
func (c *Call) takeAlone(l *Leg, number string) {
	l.Calls = true
	if l.ID != c.Caller {
		c.Caller, c.CallerParty, c.CallerDialled = l.ID, l.Party, number
	}
	c.Callee, c.CalleeParty, c.CalleeDialled = LegID{}, c.dir.Party(number), number
}
