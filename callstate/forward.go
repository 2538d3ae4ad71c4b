package callstate

import "slices"

// Forward is a wish to send a ringing call on, while its destination is being located. The old target rings on until
// the new one is known to be there; if it is out by then, what its settings say waits for that too.
type Forward struct {
	To    *Place
	Reply uint64
}

// forward sends a call that still rings on to another number (spec ozeki 8.1), by the rights of the number that rings. A
// call that rings there alone already has nowhere to go, and that is no fault: an application that sends every call that
// rings to one number, as the vendor's page does, is told of the ringing there as well.
func (c *Call) forward(ref uint64, req ForwardCall) {
	switch {
	case c.Forward != nil:
		c.reply(ref, &Error{Kind: InProgress, Text: "another forward is being carried out"})
		return
	case c.State != CallRinging:
		c.reply(ref, &Error{Kind: WrongState, Text: "only a call that still rings can be forwarded"})
		return
	}
	r := c.dir.Route(req.Destination, By{Extension: c.Fork.Number}) // an outside number that rings has no rights
	var why string
	switch {
	case r.Refused == Barred:
		c.reply(ref, refusal("destination", Barred))
		return
	case r.Refused != "":
		why = "unknown number"
	case c.leg(c.Caller).at(r):
		why = "the caller itself"
	case c.unfit(c.leg(c.Caller), r):
		why = "an application, and so is the caller"
	case c.Fork.alone(r.Number):
		c.reply(ref, nil)
		return
	case c.Fork.place(r.Number) != nil:
		why = "it rings there already"
	case c.Hops >= c.Settings.Hops:
		why = "the call was forwarded too often"
	}
	if why != "" {
		c.reply(ref, &Error{Kind: BadTarget, Param: "destination", Text: why})
		return
	}
	c.Forward = &Forward{To: &Place{Number: r.Number, Hops: r.Hops}, Reply: ref}
	c.become("forward")
	if to := c.Forward.To; c.forwards(to).Always != "" || c.appAt(to) {
		c.forwardNow() // no phone rings there, so none has to be located
		c.enter(to)
		c.search()
		return
	}
	c.locate(c.Forward.To)
}

// forwardLocated carries the forward out, or gives it up when nobody is registered there and nobody stands in for it.
func (c *Call) forwardLocated(contacts []Contact) {
	to := c.Forward.To
	to.Locate = 0
	switch {
	case len(contacts) > 0:
		c.forwardNow()
		c.dialContacts(to, contacts)
	case len(to.Hops) > 1:
		to.Hops = to.Hops[1:]
		c.locate(to)
	case c.forwards(to).NoAnswer != "":
		to.fail(Cause{Kind: Unavailable})
		c.forwardNow()
		c.search()
	default:
		why := "not registered"
		if to.outside() {
			why = "no trunk can be used"
		}
		c.reply(c.Forward.Reply, &Error{Kind: BadTarget, Param: "destination", Text: why})
		c.Forward = nil
		c.become("forward refused")
		c.search() // the old target may have failed meanwhile
	}
}

// forwardNow gives the old target up for the new one.
func (c *Call) forwardNow() {
	fw, old := c.Forward, c.Fork
	c.Forward = nil
	c.cancelFork(Cause{Kind: Forwarded, Status: 302})
	c.become("forwarded")
	c.reply(fw.Reply, nil)
	c.Hops++
	// A new slice: the old one was given out with Dial.
	c.Diversions = slices.Concat([]Diversion{{Number: c.CalleeDialled, Reason: "deflection"}}, c.Diversions)
	fw.To.Diversions = c.Diversions
	c.RingFrom = c.now
	if caller := c.leg(c.Caller); caller != nil && legTable.fire(&caller.State, "progress") {
		c.do(Ring{Leg: caller.ID, Status: 181})
	}
	c.bridge(c.Main)
	c.Fork = &Fork{For: ForkCallee, Timeout: c.Settings.RingTimeout, Places: []*Place{fw.To},
		Visited: append(old.Visited, fw.To.Number)}
	c.show(fw.To.Number)
	c.notice(Notice{Kind: NoticeForwarded})
}
