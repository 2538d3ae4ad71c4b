package callstate

import (
	"reflect"
	"slices"
)

// consistent checks the call's own state after a step.
func (a *ledger) consistent(c *Call) {
	for _, l := range c.Legs {
		if l.App {
			a.apps[l.ID] = true
			if l.State != LegRinging && l.State != LegUp || l.Port || len(l.Pending)+len(l.Hears) > 0 || l.Bound != (l.State == LegUp) {
				a.fault("an application's side is %+v", *l)
			}
		}
		if l.State == LegOver {
			a.fault("leg %s is over and still in the call", l.ID)
		}
		for _, o := range l.Pending {
			if o.Ref > c.LastRef { // it came with the leg, and another ref may come to be the same
				a.fault("leg %s waits for %d, the call has given out %d", l.ID, o.Ref, c.LastRef)
			}
		}
		if !l.live() && (len(l.Pending) > 0 || len(l.Hears) > 0) {
			a.fault("leg %s is being ended and has work pending", l.ID)
		}
		for _, id := range l.Hears {
			if p := c.leg(id); !p.live() || !p.Bound || p.App {
				a.fault("leg %s hears leg %s, which is gone or has no media", l.ID, id)
			}
		}
	}
	if live := c.State != CallEnding && c.State != CallOver; live && !slices.Equal(a.shows, c.Summary().Legs) {
		a.fault("the list shows %s, the notices told %s", writeLegs(c.Summary().Legs), writeLegs(a.shows))
	}
	a.consistentSummary(c)
	a.consistentBridges(c)
	a.consistentPlays(c)
	a.consistentRecord(c)
	if f := c.Fork; f != nil {
		for _, id := range f.Legs {
			if !c.leg(id).live() {
				a.fault("leg %s is in the fork and gone", id)
			}
		}
		a.consistentFork(c)
		if !f.locating() && len(f.Legs) == 0 && c.Forward == nil {
			a.fault("the fork to %s waits for nothing", f.Number)
		}
	}
	a.consistentQuestion(c)
	if (c.Transfer != nil) != (c.State == CallTransferring) {
		a.fault("state %q with transfer %v", c.State, c.Transfer)
	}
	if c.Forward != nil && !in(c.State, CallForwarding) {
		a.fault("state %q with a forward under way", c.State)
	}
	if c.State == CallOver && !a.finished {
		a.fault("the call is over without Finish")
	}
}

// consistentSummary checks that the summary which is kept shows what one made afresh does, and that nobody has changed the
// one before, which lists and watchers still hold.
func (a *ledger) consistentSummary(c *Call) {
	if a.shown != nil && !reflect.DeepEqual(*a.shown, a.shownWas) {
		a.fault("a summary that was given out changed from %+v to %+v", a.shownWas, *a.shown)
	}
	kept, made := c.Summary(), *c
	made.sum = nil
	if fresh := made.Summary(); !reflect.DeepEqual(kept, fresh) {
		a.fault("the call keeps the summary %+v, now it is %+v", *kept, *fresh)
	}
	if a.shown != kept {
		a.shown, a.shownWas = kept, *kept
		a.shownWas.Legs = slices.Clone(kept.Legs)
	}
}

// consistentBridges checks who talks to whom.
func (a *ledger) consistentBridges(c *Call) {
	t := c.Transfer
	in := map[int]int{}
	for _, l := range c.Legs {
		if l.Bridge != 0 {
			in[l.Bridge]++
		}
		switch {
		case l.Bridge != 0 && !l.live():
			a.fault("leg %s is in bridge %d and gone", l.ID, l.Bridge)
		case l.Bridge == 0 && len(l.Hears) > 0:
			a.fault("leg %s is in no bridge and hears %v", l.ID, l.Hears)
		}
		for _, id := range l.Hears {
			if p := c.leg(id); p != nil && p.Bridge != l.Bridge || id == l.ID || p.held() {
				a.fault("leg %s hears leg %s, which is in another bridge, holds or is itself", l.ID, id)
			}
		}
	}
	for n := range in {
		if all := c.talkers(n); len(all) > 1 && !slices.ContainsFunc(all, func(l *Leg) bool { return !l.App }) {
			a.fault("applications are alone in bridge %d", n)
		}
	}
	for n, legs := range in {
		if legs < 2 && (t == nil || t.Bridge != n) && (c.Fork == nil || c.Fork.For != ForkCallee) {
			a.fault("one leg alone is in bridge %d", n)
		}
		if legs > 3 {
			a.fault("%d legs are in bridge %d", legs, n)
		}
	}
	if x, y := c.leg(c.Caller), c.leg(c.Callee); c.State == CallConnected && c.Fork == nil {
		if x == nil || y == nil || x.Bridge != c.Main || y.Bridge != c.Main || x == y || x.Party != c.CallerParty || y.Party != c.CalleeParty {
			a.fault("caller %+v and callee %+v are not the parties of the main bridge %d", x, y, c.Main)
		}
	}
	if x := c.leg(c.Caller); x != nil && x.seenAs() != c.CallerShown {
		a.fault("the caller is seen as %+v, the list shows %+v", x.seenAs(), c.CallerShown)
	}
	for _, l := range c.Legs {
		if (l.Keys != "") != c.runs(l.codeTimer()) || l.Keys != "" && (!c.mayDial(l) || l.Gate != AwaitStar) {
			a.fault("leg %s waits for the rest of %q, gate %q, timers %v", l.ID, l.Keys, l.Gate, c.Timers)
		}
		if keeps := l.Gate == KeepDigits; c.asks(l) != keeps && len(l.Passing) == 0 || c.asks(l) && !keeps {
			a.fault("leg %s in transfer %+v has gate %q", l.ID, t, l.Gate)
		}
	}
	if asks := t != nil && t.State == Asking && c.Fork == nil; asks != c.runs(timerNumber) {
		a.fault("transfer %+v, timers %v", t, c.Timers)
	}
	for _, timer := range c.Timers {
		tone, recall := t != nil && (t.State == Failing || t.State == TransferDropping), t != nil && t.State == TransferPausing
		if timer.Name == timerTone && !tone || timer.Name == timerRecall && !recall || timer.Name == timerRing && c.Fork == nil {
			a.fault("timer %s runs in state %q, transfer %+v", timer.Name, c.State, t)
		}
	}
	if t == nil {
		return
	}
	for _, id := range []LegID{t.Transferor, t.Transferee, t.Joined} {
		if t.has(id) && !id.Zero() && !c.leg(id).live() && (id != t.Transferor || t.Release == ReleaseOnAnswer || t.attended()) {
			a.fault("leg %s is a party of the transfer, %q, and gone", id, t.State)
		}
	}
	if up := t.State == UpTarget || t.State == UpTransferee; up == t.Joined.Zero() && t.attended() || t.Mixing && !up {
		a.fault("transfer %+v", t)
	}
}

// consistentFork checks the search for somebody who answers.
func (a *ledger) consistentFork(c *Call) {
	f := c.Fork
	if c.Hops > max(c.Settings.Hops, a.hops) {
		a.fault("the call was sent on %d times", c.Hops)
	}
	if len(f.Legs) > maxContacts {
		a.fault("%d phones ring", len(f.Legs))
	}
	for _, id := range f.Legs {
		if l := c.leg(id); l != nil && f.place(l.Party.Number) == nil {
			a.fault("leg %s rings, and no place of the fork is %s", id, l.Party.Number)
		}
	}
	seen := map[string]bool{}
	for _, p := range slices.Concat(f.Places, f.Later) {
		legs := c.ringing(p)
		switch {
		case seen[p.Number] || !slices.Contains(f.Visited, p.Number):
			a.fault("%s is tried twice, or not known to be", p.Number)
		case p.outside() && len(legs) > 1:
			a.fault("two trunks are tried at once for %s", p.Number)
		case p.Locate != 0 && len(legs) > 0:
			a.fault("%s rings, and is being located", p.Number)
		}
		seen[p.Number] = true
		for _, l := range legs {
			if l.Trunk != l.Contact.Trunk || p.outside() != (l.Trunk != "") || p.outside() && l.Trunk != p.Hops[0].Trunk {
				a.fault("leg %s is dialled by trunk %q, at %+v", l.ID, l.Trunk, p)
			}
		}
	}
}
