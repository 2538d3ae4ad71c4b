package callstate

import "time"

// This file is what the world has for applications that play and record: what media does with clips and recordings, in
// an order that only keeps what one leg or one recording has.

// simRecord is one call's recording, as media has it.
type simRecord struct {
	to   []MediaCommand
	from []Event
	runs uint32 // its ref
}

// playerActs: an application plays or records something, or ends that.
func (s *sim) playerActs() {
	side := []Side{Caller, Callee, All, All, Own, "nobody"}[s.rng.IntN(6)]
	limit := []time.Duration{0, 0, time.Minute}[s.rng.IntN(3)]
	switch n := s.rng.IntN(100); {
	case n < 50:
		s.ask(Play{To: side, Clip: "a.wav", Repeat: s.chance(0.4), Limit: limit, Wait: s.chance(0.5)})
	case n < 60:
		s.ask(StopPlay{})
	case n < 88:
		s.ask(Record{Of: side, File: "a.wav", Limit: limit, Wait: s.chance(0.3)})
	default:
		s.ask(StopRecord{})
	}
}

// playing carries out what is about a clip. One that is stopped has ended all the same.
func (s *sim) playing(l *simLeg, cmd MediaCommand) {
	switch cmd := cmd.(type) {
	case PlayClip:
		if !l.port || s.bad(0.1) {
			l.fromMedia = append(l.fromMedia, ClipEnded{On: On{l.id}, Ref: cmd.Ref, Fail: "it cannot be played"})
			return
		}
		s.endClip(l)
		l.clip = &cmd
	case StopClip:
		s.endClip(l)
	}
}

func (s *sim) endClip(l *simLeg) {
	if l.clip != nil {
		l.fromMedia = append(l.fromMedia, ClipEnded{On: On{l.id}, Ref: l.clip.Ref})
		l.clip = nil
	}
}

// ends tells whether the clip of a leg comes to its end by itself.
func (l *simLeg) ends() bool {
	return l.clip != nil && (!l.clip.Repeat || l.clip.Limit > 0)
}

// recording carries out what is about a call's recording.
func (s *sim) recording(k *simCall) {
	r := &k.record
	cmd := r.to[0]
	r.to = r.to[1:]
	switch cmd := cmd.(type) {
	case StartRecord:
		ev := RecordStarted{ID: cmd.Call, Ref: cmd.Ref}
		if s.bad(0.2) {
			ev.Fail = "no such folder"
		} else {
			r.runs = cmd.Ref
		}
		r.from = append(r.from, ev)
	case EndRecord:
		s.endRecord(k, cmd.Ref, "")
	}
}

// endRecord: a recording is complete, unless it was already.
func (s *sim) endRecord(k *simCall, ref uint32, fail string) {
	if r := &k.record; ref != 0 && r.runs == ref {
		r.runs = 0
		r.from = append(r.from, RecordEnded{ID: k.call.ID, Ref: ref, Long: time.Minute, Fail: fail})
	}
}

// fileEnds: a recording reaches its limit, or the disk is full.
func (s *sim) fileEnds() {
	fail := ""
	if s.bad(0.3) {
		fail = "disk full"
	}
	s.endRecord(s.simCall, s.record.runs, fail)
}

// notePlays remembers what clips and recordings came to.
func (s *sim) notePlays(ev Event) {
	c := s.call
	_, ended := ev.(ClipEnded)
	_, lost := ev.(LegEnded)
	_, wanted := ev.(LegsWanted)
	_, offered := ev.(LegReoffered)
	for _, p := range c.Plays {
		for _, h := range p.At {
			if h.Asked && h.Ref == 0 {
				s.reached["a clip waits for a codec"] = true
			}
			if h.Ref != 0 && c.withApp(c.leg(h.Leg)) {
				s.reached["a clip plays to who talks to an application"] = true
			}
			if l := c.leg(h.Leg); h.Ref != 0 && offered && l.held() {
				s.reached["a clip plays on through a hold"] = true
			}
		}
	}
	stops, ends := 0, false
	for _, cmd := range s.last {
		switch cmd.(type) {
		case StopClip:
			stops++
		case EndRecord:
			ends = true
		case RecordLegs:
			if c.Transfer != nil {
				s.reached["a recording follows a transfer"] = true
			}
		}
	}
	_, asked := ev.(Requested)
	for what, is := range map[string]bool{
		"a clip ends by itself":                    ended && stops == 0,
		"a clip ends with its conversation":        stops > 0 && !asked,
		"a clip ends since its party has left":     lost && len(c.Plays) > 0,
		"a clip ends before a hand-over":           stops > 0 && wanted,
		"a recording ends with its call":           ends && c.State == CallEnding,
		"a recording ends, its parties handed on":  ends && wanted,
		"a recording waits for a codec":            c.Record != nil && c.Record.State == RecordWaits,
		"a call has ended, and its file has not":   c.State == CallEnding && len(c.Legs) == 0 && c.Record != nil,
		"a recording is ended before it has begun": c.Record != nil && c.Record.State == RecordClosing && s.record.runs == 0,
	} {
		if is {
			s.reached[what] = true
		}
	}
}

// quietPlays: nothing is under way, so every clip plays that was asked for, and only what repeats for ever goes on.
func (s *sim) quietPlays() {
	c := s.call
	at := map[LegID]uint32{}
	for _, p := range c.Plays {
		for _, h := range p.At {
			at[h.Leg] = h.Ref
			if h.Ref == 0 {
				s.book.fault("nothing is under way, and leg %s has waited in vain for %+v", h.Leg, *p)
			}
			if !p.Play.Repeat || p.Play.Limit > 0 {
				s.book.fault("leg %s hears a clip for ever that ends: %+v", h.Leg, *p)
			}
		}
	}
	for _, l := range c.Legs {
		if l.App {
			continue
		}
		x := s.legs[l.ID]
		if plays := x.clip != nil; plays != (at[l.ID] != 0) || plays && x.clip.Ref != at[l.ID] {
			s.book.fault("media plays %+v to leg %s, the call believes %d", x.clip, l.ID, at[l.ID])
		}
	}
	if r := c.Record; r != nil && (r.State != RecordRuns || r.Ref != s.record.runs) || r == nil && s.record.runs != 0 {
		s.book.fault("media records %d, the call believes %+v", s.record.runs, r)
	}
}

// playWork is what media can do next about clips and recordings.
func (s *sim) playWork(jobs []job) []job {
	for _, id := range s.order {
		if l := s.legs[id]; l.ends() {
			jobs = append(jobs, job{what: jobClipEnds, leg: l})
		}
	}
	for _, k := range s.calls {
		if len(k.record.to) > 0 {
			jobs = append(jobs, job{what: jobRecord, call: k})
		}
		if len(k.record.from) > 0 {
			jobs = append(jobs, job{what: jobRecorded, call: k})
		}
	}
	return jobs
}

func (s *sim) doPlay(j job) {
	switch j.what {
	case jobClipEnds:
		s.endClip(j.leg)
	case jobRecord:
		s.recording(j.call)
	case jobRecorded:
		ev := j.call.record.from[0]
		j.call.record.from = j.call.record.from[1:]
		s.deliver(ev)
	}
}
