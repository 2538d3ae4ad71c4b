package callstate

import "slices"

// This file records a call. The recording follows whoever are the parties of the main bridge: through a hold, which does
// not change them, a transfer, a threeway and a take-over (edge cases A8, T37), into one file. It belongs to the call: when
// the last of its parties are handed over to another one, it ends with the call that they leave, and the other call
// records them if it is asked to.

// Recording is one Record that goes on.
type Recording struct {
	State string
	Start StartRecord // what begins it
	Ref   uint32
	Of    Side
	Reply uint64 // the request that waits, 0 once it is answered
	Wait  bool
	Legs  []LegID // as last told to media

	With  []LegID // the phones of the conversation
	Asked []LegID // those that were asked for a codec that media can read, since these talk to each other
}

// States of a recording.
const (
	RecordWaits   = "waits"   // phones are asked for another codec; media knows nothing of it yet
	RecordOpening = "opening" // media opens the file
	RecordRuns    = "runs"
	RecordClosing = "closing" // it was ended, and media completes the file
)

// record carries out Record, or refuses it (spec ozeki 8.14).
func (c *Call) record(ref uint64, req Record) {
	no := c.refuseUnanswered()
	switch {
	case !slices.Contains([]Side{Caller, Callee, All}, req.Of):
		no = &Error{Kind: BadRequest, Param: "party", Text: "caller, callee or all"}
	case req.File == "":
		no = &Error{Kind: BadRequest, Param: "file", Text: "empty"}
	case req.Limit < 0 || req.Silence < 0:
		no = &Error{Kind: BadRequest, Param: "limit", Text: "negative"}
	case no != nil:
	case c.Record != nil:
		no = &Error{Kind: InProgress, Text: "the call is being recorded"}
	case req.Of != All && c.side(req.Of) != nil && c.side(req.Of).App:
		no = &Error{Kind: BadRequest, Param: "party", Text: "an application's own side says nothing"}
	}
	if no != nil {
		c.reply(ref, no)
		return
	}
	n := c.newRef()
	c.Record = &Recording{State: RecordWaits, Ref: n, Of: req.Of, Reply: ref, Wait: req.Wait,
		Start: StartRecord{Call: c.ID, Ref: n, File: req.File, Limit: req.Limit, Silence: req.Silence}}
}

// stopRecord ends the recording; its file is complete a little later.
func (c *Call) stopRecord(ref uint64) {
	c.endRecord()
	c.reply(ref, nil)
}

func (c *Call) endRecord() {
	switch r := c.Record; {
	case r == nil || r.State == RecordClosing:
	case r.State == RecordWaits:
		c.recordOver(&Error{Kind: WrongState, Text: "it was ended before it began"})
	default:
		r.State = RecordClosing
		c.do(EndRecord{Call: c.ID, Ref: r.Ref})
	}
}

// followRecord tells media whom to record now, where that has changed. A recording begins once it is known whom media can
// read; when that is none of those who are to be recorded, it is refused: the file would be silence.
func (c *Call) followRecord() {
	r := c.Record
	if r == nil || r.State == RecordClosing {
		return
	}
	var all []*Leg
	var with, legs []LegID
	able := false
	for _, l := range c.conversing() {
		if l.App || !l.Port {
			continue
		}
		all, with = append(all, l), append(with, l.ID)
		if r.Of == All || l == c.side(r.Of) {
			legs = append(legs, l.ID)
			able = able || l.readable()
		}
	}
	if !slices.Equal(with, r.With) {
		r.With, r.Asked = with, nil
	}
	known := c.makeReadable(r, all)
	if r.State == RecordWaits {
		switch {
		case !known:
			return
		case !able && len(legs) > 0:
			c.recordOver(&Error{Kind: Unsupported, Param: "party", Text: "its phone has no codec that can be recorded"})
			return
		}
		r.State = RecordOpening
		c.do(r.Start)
	}
	if !slices.Equal(legs, r.Legs) {
		r.Legs = legs
		c.do(RecordLegs{Call: c.ID, Ref: r.Ref, Legs: slices.Clone(legs)})
	}
}

// makeReadable has the phones of a recorded conversation asked for codecs that media can read (T31), each once and one after
// the other. A phone that has none must not be left alone with a codec that nobody else uses any more: those that were
// moved before it are moved back to it, for that they hear each other comes first. False while an outcome is awaited.
func (c *Call) makeReadable(r *Recording, all []*Leg) (known bool) {
	if !slices.ContainsFunc(all, func(l *Leg) bool { return !l.readable() }) {
		return true
	}
	for _, l := range all {
		if !l.up() || !l.Bound || l.reoffered() {
			return false
		}
	}
	for _, l := range all {
		switch {
		case l.readable():
		case slices.Contains(r.Asked, l.ID):
			return !c.moveBack(all, l)
		default:
			r.Asked = append(r.Asked, l.ID)
			l.Reads, l.Moved = true, LegID{}
			c.reoffer(l)
			return false
		}
	}
	return true
}

// moveBack moves those who cannot be connected to a leg any more to its codec, once. False when there is nobody to move.
func (c *Call) moveBack(all []*Leg, to *Leg) (moves bool) {
	for _, l := range all {
		if l != to && l.Facts.Codec != "" && !connectable(l, to) && l.Moved != to.ID {
			c.moveCodec(l, to)
			moves = true
		}
	}
	return moves
}

// readable tells whether media can record what a leg says; it says nothing as long as it has no codec.
func (l *Leg) readable() bool { return l.Facts.Codec == "" || l.Facts.Mixable }

func (c *Call) recordStarted(ev RecordStarted) {
	r := c.Record
	switch {
	case r == nil || r.Ref != ev.Ref:
	case ev.Fail != "":
		c.recordOver(&Error{Kind: Unsupported, Text: ev.Fail})
	default:
		if r.State == RecordOpening {
			r.State = RecordRuns
		}
		if !r.Wait {
			c.reply(r.Reply, nil)
			r.Reply = 0
		}
	}
}

func (c *Call) recordEnded(ev RecordEnded) {
	if r := c.Record; r == nil || r.Ref != ev.Ref {
		return
	}
	var no *Error
	if ev.Fail != "" {
		no = &Error{Kind: Unsupported, Text: ev.Fail}
	}
	c.recordOver(no)
}

// recordOver forgets the recording and answers whoever waits for it.
func (c *Call) recordOver(no *Error) {
	if r := c.Record; r != nil {
		c.reply(r.Reply, no)
		c.Record = nil
	}
}
