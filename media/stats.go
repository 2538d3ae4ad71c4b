package media

import "ringdown/callstate"

// Stats counts what the engine, or one leg, has done.
type Stats struct {
	Legs      int // open
	PortsUsed int // of open legs
	PortsFree int // left in the range; 0 when the system chooses
	Tapes     int // recordings whose file is not complete

	Received   uint64 // packets of the legs' own phones
	Sent       uint64
	Stranger   uint64 // dropped: not from the leg's phone (edge case M7)
	Malformed  uint64 // dropped: no RTP, RTCP, or a payload type that was not agreed
	Unheard    uint64 // dropped: nobody hears it, or may hear it now
	Suppressed uint64 // dropped: a digit, a clip or the end of what was heard before was being sent in its place
	Misplaced  uint64 // dropped: its sequence number fits nowhere
	SendErrors uint64
}

func (s *Stats) add(o Stats) {
	s.Received += o.Received
	s.Sent += o.Sent
	s.Stranger += o.Stranger
	s.Malformed += o.Malformed
	s.Unheard += o.Unheard
	s.Suppressed += o.Suppressed
	s.Misplaced += o.Misplaced
	s.SendErrors += o.SendErrors
}

// Stats returns the engine's sums since it started.
func (e *Engine) Stats() Stats {
	e.wire.Lock()
	s := e.gone
	s.Legs, s.Tapes = len(e.legs), len(e.tapes)
	legs := make([]*leg, 0, len(e.legs))
	for _, l := range e.legs {
		legs = append(legs, l)
	}
	e.wire.Unlock()
	for _, l := range legs {
		s.add(l.counts())
	}
	s.PortsUsed = e.hosts.inUse()
	if e.pool != nil {
		s.PortsFree = e.pool.Free()
	}
	return s
}

// LegStats returns the counts of one open leg.
func (e *Engine) LegStats(id callstate.LegID) (Stats, bool) {
	l := e.find(id)
	if l == nil {
		return Stats{}, false
	}
	s := l.counts()
	s.Legs, s.PortsUsed = 1, 1
	return s, true
}
