package callstate

import "slices"

// This file is what the ledger keeps of clips and recordings.

// recordAccount is one recording.
type recordAccount struct {
	started, asked, over bool // RecordStarted came; EndRecord was given; there will be no RecordEnded, or no more
	legs                 []LegID
}

// recording books a command about a recording.
func (a *ledger) recording(cmd MediaCommand) {
	running := func(ref uint32) *recordAccount {
		r := a.records[ref]
		if r == nil || r.over || r.asked {
			a.fault("%T for recording %d, which is %+v", cmd, ref, r)
			return &recordAccount{}
		}
		return r
	}
	switch cmd := cmd.(type) {
	case StartRecord:
		for ref, r := range a.records {
			if !r.over {
				a.fault("recording %d is begun while %d goes on", cmd.Ref, ref)
			}
		}
		a.records[cmd.Ref] = &recordAccount{}
	case RecordLegs:
		r := running(cmd.Ref)
		if slices.Equal(r.legs, cmd.Legs) {
			a.fault("recording %d is told again to record %v", cmd.Ref, cmd.Legs)
		}
		r.legs = cmd.Legs
		for _, id := range cmd.Legs {
			if a.leg(id).media != "open" {
				a.fault("leg %s is to be recorded, its media is %q", id, a.leg(id).media)
			}
		}
	case EndRecord:
		running(cmd.Ref).asked = true
	}
}

// givesQuietly checks that nothing plays to a leg that is given away, and that it is not recorded any more.
func (a *ledger) givesQuietly(cmd HandOver) {
	for _, l := range cmd.Parcel.Legs {
		if a.leg(l.ID).clip != 0 {
			a.fault("leg %s is given away, and a clip plays there", l.ID)
		}
		for _, r := range a.records {
			if !r.over && !r.asked && slices.Contains(r.legs, l.ID) {
				a.fault("leg %s is given away, and recorded", l.ID)
			}
		}
	}
}

// consistentPlays checks that a clip plays where the call believes it does and nowhere else, and only in a conversation.
func (a *ledger) consistentPlays(c *Call) {
	at := map[LegID]uint32{}
	for _, p := range c.Plays {
		if len(p.At) == 0 || p.Reply == 0 && p.Play.Wait {
			a.fault("a clip plays to nobody, or nobody waits for it: %+v", p)
		}
		for _, h := range p.At {
			if _, twice := at[h.Leg]; twice {
				a.fault("two clips play to leg %s", h.Leg)
			}
			at[h.Leg] = h.Ref
			l := c.leg(h.Leg)
			if !l.live() || l.Bridge == 0 || len(c.talkers(l.Bridge)) < 2 || l.App {
				a.fault("a clip plays to leg %+v", l)
				continue
			}
			if got := a.leg(h.Leg).plays; h.Ref != 0 && in(string(got), string(Ringback), string(BusyTone), string(DialTone)) {
				a.fault("a clip plays to leg %s, which ought to hear %q", h.Leg, got)
			}
			if h.Asked && !l.Asked {
				a.fault("leg %s was asked for a codec for a clip, and may go back on that", h.Leg)
			}
			if h.Ref == 0 && p.Reply == 0 {
				a.fault("a Play is answered, and has not begun: %+v", p)
			}
		}
	}
	for _, l := range c.Legs {
		if got := a.leg(l.ID).clip; got != at[l.ID] {
			a.fault("clip %d plays to leg %s, the call believes %d", got, l.ID, at[l.ID])
		}
		if l.live() && l.Asked && !l.plays() && !c.clipAt(l) && !c.withApp(l) {
			a.fault("leg %s keeps a codec for a sound that it does not hear", l.ID)
		}
	}
}

// consistentRecord checks that those are recorded who are the parties now.
func (a *ledger) consistentRecord(c *Call) {
	r := c.Record
	if r == nil || in(r.State, RecordWaits, RecordClosing) {
		return
	}
	var want []LegID
	for _, l := range c.Legs {
		of := r.Of == All || r.Of == Caller && l.ID == c.Caller || r.Of == Callee && l.ID == c.Callee
		if of && l.live() && l.Bridge == c.Main && !l.App && !c.Fork.has(l.ID) {
			want = append(want, l.ID)
		}
	}
	if got := a.records[r.Ref].legs; !slices.Equal(got, want) {
		a.fault("of %s the legs %v are recorded, and ought to be %v", r.Of, got, want)
	}
}
