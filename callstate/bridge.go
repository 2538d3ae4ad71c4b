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
	if caller.Bridge == c.Main {
		c.setParties(caller, callee)
	}
}

// setCaller makes a leg the caller.
func (c *Call) setCaller(l *Leg) {
	c.Caller, c.CallerParty, c.CallerShown = l.ID, l.Party, l.seenAs()
}

func (c *Call) setParties(caller, callee *Leg) {
	if caller.ID != c.Caller {
		c.setCaller(caller)
		c.CallerDialled = callee.Party.Number
	}
	c.Callee, c.CalleeParty, c.CalleeDialled = callee.ID, callee.Party, callee.Party.Number
}

// setAlone makes a leg for which a number is being called the caller; nobody is the callee yet.
func (c *Call) setAlone(l *Leg, number string) {
	if l.ID != c.Caller {
		c.setCaller(l)
		c.CallerDialled = number
	}
	c.Callee, c.CalleeParty, c.CalleeDialled = LegID{}, c.dir.Party(number), number
}

// chooseRoles gives roles in a bridge that has lost somebody, or that has just become the main one. Of three, the two
// oldest are the parties, unless the third is the calling side.
func (c *Call) chooseRoles(n int) {
	all := c.talkers(n)
	if len(all) < 2 {
		return
	}
	if x, y := c.leg(c.Caller), c.leg(c.Callee); n == c.Main && slices.Contains(all, x) && slices.Contains(all, y) {
		return
	}
	caller, callee := inOrder(all[0], all[1])
	if len(all) > 2 && all[2].Calls {
		caller, callee = all[2], all[0]
	}
	c.takeRoles(caller, callee)
}

// inOrder puts the calling side first; when neither is, the older leg.
func inOrder(x, y *Leg) (caller, callee *Leg) {
	if y.Calls && !x.Calls {
		return y, x
	}
	return x, y
}

// moveMain makes n the main bridge, since nobody is left in the one that was.
func (c *Call) moveMain(n int) {
	c.Main = n
	t := c.Transfer
	if t == nil || t.Bridge != n {
		c.chooseRoles(n)
		return
	}
	switch a, b := c.leg(t.Transferee), c.leg(t.Transferor); {
	case !a.live():
		c.setAlone(b, t.Target)
	case !b.live():
		c.setAlone(a, t.Target)
	default:
		c.setParties(inOrder(a, b))
	}
}
