package callstate

import "slices"

// This file plays clips to those who talk. A clip belongs to the conversation in which it was asked for: it ends at a leg
// that does not talk any more to anybody with whom it talked when the clip began, so that no ringback and no new partner
// stays unheard behind one that repeats for ever. A hold does not end it: it goes on, and what the hold sounds like is
// heard after it.

// Playing is one Play that goes on.
type Playing struct {
	Reply  uint64 // the request that waits, 0 once it is answered
	Play   Play
	At     []Hearer // those who hear it, or will as soon as they can
	Failed *Error   // why somebody could not hear it
}

// Hearer is one leg at which a clip plays.
type Hearer struct {
	Leg   LegID
	With  []LegID // whom it talked to when the clip was asked for
	Ref   uint32  // of PlayClip; 0 as long as its answer is not in force, or its codec cannot be made by media
	Asked bool    // its phone was asked for another codec
}

// play carries out Play, or refuses it (spec ozeki 8.12).
func (c *Call) play(ref uint64, req Play) {
	var hearers []Hearer
	to, no := c.hearers(req)
	for _, l := range to {
		h := Hearer{Leg: l.ID}
		for _, p := range c.conversing() {
			if p != l {
				h.With = append(h.With, p.ID)
			}
		}
		if no == nil && len(h.With) == 0 {
			no = &Error{Kind: WrongState, Text: "it talks to nobody"}
		}
		hearers = append(hearers, h)
	}
	if no != nil {
		c.reply(ref, no)
		return
	}
	for _, l := range to {
		c.endClip(l)
	}
	c.settlePlays() // A7: whoever waits for what played there is told before this one begins
	c.Plays = append(c.Plays, &Playing{Reply: ref, Play: req, At: hearers})
}

// hearers are the legs that are to hear a clip, or why it is refused.
func (c *Call) hearers(req Play) ([]*Leg, *Error) {
	switch {
	case !slices.Contains([]Side{Caller, Callee, All}, req.To):
		return nil, &Error{Kind: BadRequest, Param: "party", Text: "caller, callee or all"}
	case req.Clip == "":
		return nil, &Error{Kind: BadRequest, Param: "clip", Text: "empty"}
	case req.Limit < 0:
		return nil, &Error{Kind: BadRequest, Param: "limit", Text: "negative"}
	}
	if no := c.refuseUnanswered(); no != nil {
		return nil, no
	}
	var real []*Leg
	held, byPhone := false, false
	for _, l := range c.conversing() {
		held, byPhone = held || l.APIHold, byPhone || l.PhoneHold
		if !l.App {
			real = append(real, l)
		}
	}
	// An application that talks to a phone itself goes on unheard while that one holds.
	if held || byPhone && len(real) == len(c.conversing()) {
		return nil, &Error{Kind: WrongState, Text: "the call is on hold"}
	}
	if req.To == All {
		if len(real) == 0 {
			return nil, &Error{Kind: WrongState, Text: "nobody talks"}
		}
		return real, nil
	}
	switch l := c.side(req.To); {
	case l != nil && l.App:
		return nil, &Error{Kind: BadRequest, Param: "party", Text: "an application's own side hears nothing"}
	case !slices.Contains(real, l):
		return nil, &Error{Kind: WrongState, Text: "it talks to nobody"}
	default:
		return []*Leg{l}, nil
	}
}

// refuseUnanswered is why nothing can be played or recorded before the call has been answered; nil when it has.
func (c *Call) refuseUnanswered() *Error {
	if in(c.State, CallConnected, CallTransferring) && (c.Fork == nil || c.Fork.For != ForkCallee) {
		return nil
	}
	return &Error{Kind: WrongState, Text: "the call is not connected"}
}

// side is the leg of one party of the call, nil when there is none.
func (c *Call) side(s Side) *Leg {
	if s == Caller {
		return c.leg(c.Caller)
	}
	return c.leg(c.Callee)
}

// conversing are those who talk in the main bridge: not who still rings.
func (c *Call) conversing() []*Leg {
	return slices.DeleteFunc(c.talkers(c.Main), func(l *Leg) bool { return c.Fork.has(l.ID) })
}

// stopPlay ends whatever is played.
func (c *Call) stopPlay(ref uint64) {
	for _, l := range c.Legs {
		c.endClip(l)
	}
	c.settlePlays()
	c.reply(ref, nil)
}

// endClip ends what plays to a leg.
func (c *Call) endClip(l *Leg) {
	for _, p := range c.Plays {
		p.At = slices.DeleteFunc(p.At, func(h Hearer) bool {
			if h.Leg == l.ID {
				c.noMore(p, h)
			}
			return h.Leg == l.ID
		})
	}
}

// noMore has a leg hear a clip no more, which has not ended by itself.
func (c *Call) noMore(p *Playing, h Hearer) {
	switch {
	case h.Ref == 0:
		p.Failed = &Error{Kind: WrongState, Text: "it was ended before it began"}
	case c.leg(h.Leg).live(): // else its stream is closed
		c.do(StopClip{Leg: h.Leg})
	}
}

// playOn begins what was asked for at those who can hear it now, and ends what belongs to a conversation that is over.
func (c *Call) playOn() {
	for _, p := range c.Plays {
		var still []Hearer
		for _, h := range p.At {
			if c.hearsOn(p, &h) {
				still = append(still, h)
			}
		}
		p.At = still
	}
	c.settlePlays()
	for _, l := range c.Legs {
		if l.Asked && !c.playable(l) {
			l.Asked = false
			c.rejoin(l)
		}
	}
}

// hearsOn tells whether a leg hears a clip from now on, or may yet: its phone has been asked for a codec in which media
// can play it (T31), or its answer is not in force.
func (c *Call) hearsOn(p *Playing, h *Hearer) bool {
	l := c.leg(h.Leg)
	switch {
	case !l.live() || !c.talksOn(l, h.With):
		c.noMore(p, *h)
		return false
	case h.Ref != 0, !l.up() || !l.Bound:
	case l.Facts.Mixable:
		h.Ref, l.Listens, c.Passed = c.newRef(), true, 0
		c.do(PlayClip{Leg: l.ID, Ref: h.Ref, Clip: p.Play.Clip, Repeat: p.Play.Repeat, Limit: p.Play.Limit})
	case l.reoffered():
		h.Asked = h.Asked || l.Asked
	case !h.Asked:
		h.Asked, l.Asked = true, true
		c.reoffer(l)
	default:
		p.Failed = &Error{Kind: Unsupported, Param: "party", Text: "its phone has no codec that can be played"}
		return false
	}
	return true
}

// talksOn tells whether a leg talks to one of those still.
func (c *Call) talksOn(l *Leg, with []LegID) bool {
	return l.Bridge != 0 && slices.ContainsFunc(with, func(id LegID) bool {
		p := c.leg(id)
		return p.live() && p.Bridge == l.Bridge
	})
}

// clipAt tells whether a clip plays to a leg, or is about to.
func (c *Call) clipAt(l *Leg) bool {
	return slices.ContainsFunc(c.Plays, func(p *Playing) bool {
		return slices.ContainsFunc(p.At, func(h Hearer) bool { return h.Leg == l.ID })
	})
}

// clipEnded: a clip has ended by itself, or could not be played. One that the call has ended is known here no more.
func (c *Call) clipEnded(l *Leg, ev ClipEnded) {
	for _, p := range c.Plays {
		p.At = slices.DeleteFunc(p.At, func(h Hearer) bool {
			mine := h.Leg == l.ID && h.Ref == ev.Ref && ev.Ref != 0
			if mine && ev.Fail != "" {
				p.Failed = &Error{Kind: Unsupported, Text: ev.Fail}
			}
			return mine
		})
	}
}

// settlePlays answers whoever waits for a clip that has begun or ended, and forgets those that have ended.
func (c *Call) settlePlays() {
	c.Plays = slices.DeleteFunc(c.Plays, func(p *Playing) bool {
		begun := !slices.ContainsFunc(p.At, func(h Hearer) bool { return h.Ref == 0 })
		if len(p.At) == 0 || begun && !p.Play.Wait {
			c.reply(p.Reply, p.Failed)
			p.Reply = 0
		}
		return len(p.At) == 0
	})
}

// takesOver has l take the place of who, in the conversations of those to whom something plays.
func (c *Call) takesOver(who, l *Leg) {
	for _, p := range c.Plays {
		for _, h := range p.At {
			for i, id := range h.With {
				if id == who.ID {
					h.With[i] = l.ID
				}
			}
		}
	}
}

// abandonPlays answers whoever waits for a clip when the call ends; media ends it with the stream.
func (c *Call) abandonPlays() {
	for _, p := range c.Plays {
		c.reply(p.Reply, &Error{Kind: NoSuchCall})
	}
	c.Plays = nil
}
