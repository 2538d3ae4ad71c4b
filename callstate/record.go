package callstate

import "slices"

// This file records a call. The recording follows whoever are the parties of the main bridge: through a hold, which does
// not change them, a transfer, a threeway and a take-over (edge cases A8, T37), into one file. It belongs to the call: when
// the last of its parties are handed over to another one, it ends with the call that they leave, and the other call
// records them if it is asked to.

// Recording is one Record that goes on.
type Recording struct {
	State string
	Ref   uint32
	Of    Side
	Reply uint64 // the request that waits, 0 once it is answered
	Wait  bool
	Legs  []LegID // as last told to media
}

// States of a recording.
const (
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
	c.Record = &Recording{State: RecordOpening, Ref: c.newRef(), Of: req.Of, Reply: ref, Wait: req.Wait}
	c.do(StartRecord{Call: c.ID, Ref: c.Record.Ref, File: req.File, Limit: req.Limit, Silence: req.Silence})
}

// stopRecord ends the recording; its file is complete a little later.
func (c *Call) stopRecord(ref uint64) {
	c.endRecord()
	c.reply(ref, nil)
}

func (c *Call) endRecord() {
	if r := c.Record; r != nil && r.State != RecordClosing {
		r.State = RecordClosing
		c.do(EndRecord{Call: c.ID, Ref: r.Ref})
	}
}

// followRecord tells media whom to record now, where that has changed.
func (c *Call) followRecord() {
	r := c.Record
	if r == nil || r.State == RecordClosing {
		return
	}
	var legs []LegID
	for _, l := range c.conversing() {
		if !l.App && l.Port && (r.Of == All || l == c.side(r.Of)) {
			legs = append(legs, l.ID)
		}
	}
	if !slices.Equal(legs, r.Legs) {
		r.Legs = legs
		c.do(RecordLegs{Call: c.ID, Ref: r.Ref, Legs: slices.Clone(legs)})
	}
}

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
