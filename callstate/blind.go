package callstate

import "fmt"

// blindTransfer is the application's blind transfer (spec ozeki 8.7).
func (c *Call) blindTransfer(ref uint64, req BlindTransfer) {
	from, stays := c.leg(c.Callee), c.leg(c.Caller)
	if req.Transferor == Caller || req.Transferor == Own && stays.app() {
		from, stays = stays, from
	}
	switch {
	case req.Transferor != Caller && req.Transferor != Callee && req.Transferor != Own:
		c.reply(ref, &Error{Kind: BadRequest, Param: "transferor", Text: "caller, callee or application"})
		return
	case req.Transferor == Own && !from.app():
		c.reply(ref, &Error{Kind: BadRequest, Param: "transferor", Text: "no application takes part"})
		return
	case c.Transfer != nil:
		c.reply(ref, inProgress())
		return
	case c.State != CallConnected || !from.up() || !stays.up() || c.Fork != nil || len(c.talkers(c.Main)) != 2:
		c.reply(ref, &Error{Kind: WrongState, Text: "only a connected call of two can be transferred"})
		return
	}
	no := c.refuseTarget(req.Target, stays, from.by())
	if no == nil {
		no = c.pass(from, req.Target)
	}
	if no != nil {
		c.reply(ref, no)
		return
	}
	c.begin(&Transfer{State: TransferLocating, Release: ReleaseOnAnswer, Bridge: c.Main, Transferor: from.ID,
		Transferee: stays.ID, Target: req.Target, Reply: ref, Wait: req.Wait}, "")
}

// maxPassed is how often applications may send a call on to each other, or one to itself, before anybody hears or presses
// anything: nobody is there who would stop two that do so for ever.
const maxPassed = 20

// pass tells why an application's side cannot send the call on to another application any more; nil when it can.
func (c *Call) pass(from *Leg, number string) *Error {
	r := c.dir.Route(number, from.by())
	switch {
	case !from.app() || r.outside() || !c.dir.Extensions[r.Number].App:
		return nil
	case c.Passed == maxPassed:
		return &Error{Kind: BadTarget, Param: "target",
			Text: fmt.Sprintf("applications have sent the call on to each other %d times, and nobody has heard or pressed anything since", c.Passed)}
	}
	c.Passed++
	return nil
}

// moveLeg is the blind transfer that releases at once (spec yeastar-p 5.3). Whom the leg talked to is released, or, in
// a bridge of three, stays there.
func (c *Call) moveLeg(ref uint64, req MoveLeg) {
	l, others, no := c.talking(req.Leg)
	by := l.by()
	if req.Rights != "" {
		by = By{Extension: req.Rights}
	}
	switch r := c.dir.Route(req.Target, by); {
	case no != nil:
	case c.Transfer != nil:
		no = inProgress()
	case req.Target == "":
		no = &Error{Kind: BadTarget, Param: "target", Text: "empty"}
	case c.unfit(l, r):
		no = refusal("target", Loop) // T13
	case r.Refused == Barred:
		no = refusal("target", Barred)
	}
	c.reply(ref, no)
	if no != nil {
		return
	}
	t := &Transfer{State: TransferRinging, Release: ReleaseAtOnce, Bridge: l.Bridge, Transferee: l.ID, Target: req.Target, Rights: req.Rights}
	c.unhold(l)
	if len(others) == 1 {
		c.hangUp(others[0], Cause{Kind: Transferred})
		l.Calls = true
		if l.Bridge == c.Main {
			c.setAlone(l, req.Target)
		}
	} else {
		was := l.Bridge
		t.Bridge = c.newBridge()
		l.Bridge, l.Calls = t.Bridge, true
		c.chooseRoles(was)
	}
	c.begin(t, NoticeTransferring)
}

// refuseTarget tells why a number cannot be the target for this transferee by those rights; nil when it can. The
// transferor itself can: it is an ordinary number (edge case T12).
func (c *Call) refuseTarget(number string, transferee *Leg, by By) *Error {
	r := c.dir.Route(number, by)
	why := r.Refused
	if c.unfit(transferee, r) {
		why = Loop // T13
	}
	return refusal("target", why)
}

// refusal is why a number cannot be called, as an application is told; nil for no cause.
func refusal(param string, why CauseKind) *Error {
	switch why {
	case "":
		return nil
	case Barred:
		return &Error{Kind: Denied, Param: param, Text: "an outside number, which it may not call"}
	}
	return &Error{Kind: BadTarget, Param: param, Text: string(why)}
}
