package callstate

import "slices"

// Place is one number of a fork: an extension, all of whose contacts ring at once, or an outside number, whose trunks
// are tried one after the other. While something rings there it has legs in the fork, which carry its number.
type Place struct {
	Number     string
	Hops       []Hop       // of an outside number: the trunk that is being tried, and those after it
	Q          int         // of a redirect: those of one Q ring side by side
	Diversions []Diversion // who sent the call here, newest first
	Locate     uint32      // the Locate that is awaited, 0 when there is none
	Rang       bool        // a 18x came from there
	Moved      []Redirect  // where one of its phones sends the caller; not followed yet
	Diverted   bool        // its extension has sent the caller on, so that its own failure does not count
	Failed     Cause       // why nobody has answered there so far
}

// outside tells whether the place is reached by a trunk.
func (p *Place) outside() bool { return len(p.Hops) > 0 }

// appAt tells whether an application answers at a place.
func (c *Call) appAt(p *Place) bool { return !p.outside() && c.dir.Extensions[p.Number].App }

// fail notes why a phone of the place, or all of it, is out; the best of several counts (RFC 3261 §16.7 step 6).
func (p *Place) fail(why Cause) {
	if why.better(p.Failed) {
		p.Failed = why
	}
}

// maxContacts bounds how many phones ring for one fork (edge case F9).
const maxContacts = 10

// open has a place join the fork.
func (c *Call) open(p *Place) {
	c.Fork.Places = append(c.Fork.Places, p)
	c.enter(p)
}

// enter begins with a place: an extension that sends all its calls on is not rung at all.
func (c *Call) enter(p *Place) {
	if to := c.forwards(p).Always; to != "" {
		if refused := c.divert(p, "unconditional", []Redirect{{Number: to}}); refused != "" {
			p.Failed = Cause{Kind: refused}
		}
		return
	}
	c.locate(p)
}

// locate asks where the place can be reached: its extension's contacts, or the trunk whose turn it is. An API extension
// is reached at once.
func (c *Call) locate(p *Place) {
	if c.appAt(p) {
		c.invite(p)
		return
	}
	p.Locate = c.newRef()
	l := Locate{Call: c.ID, Ref: p.Locate, Number: p.Number}
	if p.outside() {
		l.Number, l.Trunk = p.Hops[0].Number, p.Hops[0].Trunk
	}
	c.do(l)
}

// placeLocated dials the place, or goes on when nobody is registered there or the trunk is down.
func (c *Call) placeLocated(p *Place, contacts []Contact) {
	p.Locate = 0
	switch {
	case len(contacts) > 0:
		c.forkLocated()
		c.dialContacts(p, contacts)
	case p.outside():
		c.nextHop(p, Cause{Kind: Unavailable})
	default:
		p.fail(Cause{Kind: Unavailable})
	}
	c.search()
}

// dialContacts opens a leg to each contact; Dial follows when its offer is made.
func (c *Call) dialContacts(p *Place, contacts []Contact) {
	f := c.Fork
	bound := maxContacts - len(f.Legs)
	party := c.dir.Party(p.Number)
	if p.outside() {
		bound, party = min(bound, 1), Party{Number: p.Number}
	}
	if bound <= 0 {
		p.fail(Cause{Kind: Loop, Status: 440}) // RFC 5393 §5
		return
	}
	var legs []*Leg
	for _, ct := range contacts[:min(bound, len(contacts))] {
		l := c.newLeg(LegPreparing, party)
		l.Contact = ct
		if p.outside() {
			l.Trunk, l.Local = p.Hops[0].Trunk, c.showsAs().Number
			l.Contact.Trunk = l.Trunk
		}
		f.Legs = append(f.Legs, l.ID)
		legs = append(legs, l)
	}
	for _, l := range legs {
		c.openMedia(l, nil)
		c.makeOffer(l, ForDial)
	}
	c.ringOn()
}

// nextHop goes on to the next trunk since this one has failed; after the last one the place is out.
func (c *Call) nextHop(p *Place, why Cause) {
	p.fail(why)
	if len(p.Hops) > 1 {
		p.Hops = p.Hops[1:]
		c.Fork.Until = 0 // nobody has rung yet
		c.locate(p)
	}
}

// ofTrunk tells whether a failure is the trunk's and not the called party's, so that another trunk may do better
// (RFC 3263 §4.3, edge case N14): it did not answer, wants credentials that we do not have, or says 503. Before anybody
// rang there, so are 408 and any 5xx; once it has rung, they tell about the party.
func (c Cause) ofTrunk(rang bool) bool {
	switch {
	case c.Status == 503:
		return true
	case rang:
		return false
	case c.Status == 401, c.Status == 407, c.Status == 408, c.Status >= 500 && c.Status < 600:
		return true
	}
	return !c.Remote && (c.Kind == Unavailable || c.Kind == NoAnswer || c.Kind == Lost)
}

// ringing are the legs of the fork that call a place.
func (c *Call) ringing(p *Place) (all []*Leg) {
	for _, id := range c.Fork.Legs {
		if l := c.leg(id); l != nil && l.Party.Number == p.Number {
			all = append(all, l)
		}
	}
	return all
}

// stopRinging gives up the phones of a place.
func (c *Call) stopRinging(p *Place, why Cause) {
	f := c.Fork
	for _, l := range c.ringing(p) {
		c.hangUp(l, why)
		f.forget(l.ID)
	}
}

// forget takes a leg out of the fork.
func (f *Fork) forget(id LegID) {
	f.Legs = slices.DeleteFunc(f.Legs, func(x LegID) bool { return x == id })
	if f.Early == id {
		f.Early = LegID{}
	}
}
