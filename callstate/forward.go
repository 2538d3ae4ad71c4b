package callstate

import "slices"

// Forward is a wish to send a ringing call on, while its destination is being located. The old target rings on until
// the new one is known to be there.
type Forward struct {
	Destination string
	Locate      uint32
	Reply       uint64
}

// forward sends a call that still rings on to another number (spec ozeki 8.1).
func (c *Call) forward(ref uint64, req ForwardCall) {
	switch {
	case c.Forward != nil:
		c.reply(ref, &Error{Kind: InProgress, Text: "another forward is being carried out"})
		return
	case c.State != CallRinging:
		c.reply(ref, &Error{Kind: WrongState, Text: "only a call that still rings can be forwarded"})
		return
	}
	r := c.dir.Route(req.Destination)
	var why string
	switch {
	case r.Refused != "":
		why = "unknown number"
	case r.Number == c.CallerParty.Number:
		why = "the caller itself"
	case r.Number == c.Fork.Number:
		why = "it rings there already"
	case c.Hops >= c.Settings.Hops:
		why = "the call was forwarded too often"
	}
	if why != "" {
		c.reply(ref, &Error{Kind: BadTarget, Param: "destination", Text: why})
		return
	}
	c.Forward = &Forward{Destination: r.Number, Locate: c.newRef(), Reply: ref}
	c.become("forward")
	c.do(Locate{Call: c.ID, Ref: c.Forward.Locate, Number: r.Number})
}

// forwardLocated carries the forward out, or gives it up when nobody is registered there.
func (c *Call) forwardLocated(contacts []Contact) {
	f, old := c.Forward, c.Fork
	c.Forward = nil
	if len(contacts) == 0 {
		c.reply(f.Reply, &Error{Kind: BadTarget, Param: "destination", Text: "not registered"})
		c.become("forward refused")
		if len(old.Legs) == 0 {
			c.forkFailed(old.Best) // the old target has failed meanwhile
		}
		return
	}
	was := c.CalleeDialled
	c.cancelFork(Cause{Kind: Forwarded, Status: 302})
	c.become("forwarded")
	c.reply(f.Reply, nil)
	c.Hops++
	// A new slice: the old one was given out with Dial.
	c.Diversions = slices.Concat([]Diversion{{Number: was, Reason: "deflection"}}, c.Diversions)
	c.CalleeDialled, c.CalleeParty, c.RingFrom = f.Destination, c.dir.Party(f.Destination), c.now
	if caller := c.leg(c.Caller); caller != nil && legTable.fire(&caller.State, "progress") {
		c.do(Ring{Leg: caller.ID, Status: 181})
	}
	c.bridge(c.Main)
	c.Fork = &Fork{Number: f.Destination, For: ForkCallee, Timeout: c.Settings.RingTimeout}
	c.notice(Notice{Kind: NoticeForwarded})
	c.dialContacts(contacts)
}
