package history

import (
	"errors"
	"time"
)

// run is the writer.
func (s *Store) run() {
	defer close(s.done)
	defer s.disconnect()
	idle := time.NewTimer(0)
	defer idle.Stop()
	for {
		idle.Reset(s.nap())
		select {
		case <-s.wake:
			if reply, open := s.gather(); !open {
				s.last()
				return
			} else {
				s.drain()
				done(reply)
			}
		case reply := <-s.flushes:
			s.drain()
			done(reply)
		case <-idle.C:
			s.care()
		case <-s.ctx.Done():
			s.last()
			return
		}
	}
}

func done(reply chan struct{}) {
	if reply != nil {
		close(reply)
	}
}

// nap is how long the writer may rest when nothing comes.
func (s *Store) nap() time.Duration {
	if s.ill {
		return max(0, time.Until(s.again))
	}
	return max(0, time.Until(s.prune))
}

// gather waits for a batch to fill. Who wants to read what is queued (reply) cuts it short, and so does Close.
func (s *Store) gather() (reply chan struct{}, open bool) {
	timer := time.NewTimer(batchTime)
	defer timer.Stop()
	for {
		s.mu.Lock()
		n := len(s.queue)
		s.mu.Unlock()
		if n >= batchSize {
			return nil, true
		}
		select {
		case <-s.wake:
		case <-timer.C:
			return nil, true
		case reply = <-s.flushes:
			return reply, true
		case <-s.ctx.Done():
			return nil, false
		}
	}
}

// drain writes all that is queued now.
func (s *Store) drain() {
	for batch := s.take(); len(batch) > 0; batch = s.take() {
		if !s.write(batch) {
			return // they are back in the queue
		}
	}
}

// take takes a batch off the queue.
func (s *Store) take() []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.queue), batchSize)
	batch := s.queue[:n:n]
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
	s.inHand = n > 0
	return batch
}

// putBack returns a batch to the head of the queue; it counts as lost what has no room.
func (s *Store) putBack(batch []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := max(0, maxQueue-len(s.queue))
	if over := len(batch) - room; over > 0 {
		s.lost += over
		s.gone += over
		batch = batch[over:]
	}
	s.queue, s.inHand = append(batch[:len(batch):len(batch)], s.queue...), false
}

// write puts a batch into the database or else the spill file. False: both refused, and it is queued again.
func (s *Store) write(batch []entry) bool {
	if s.recovered() {
		err := s.commit(batch)
		if err == nil {
			s.tellLost()
			return true
		}
		s.sicken(err)
	}
	if s.spill == nil {
		s.mu.Lock()
		s.lost += len(batch)
		s.gone += len(batch)
		s.mu.Unlock()
		s.tellLost()
		return true
	}
	err := s.spill.append(batch)
	if err != nil {
		s.putBack(batch)
		if !s.stuck {
			s.log.Error("call history: the spill file cannot be written either, records wait in memory", "file", s.spill.file, "err", err)
		}
	}
	s.stuck = err != nil
	s.tellLost()
	return !s.stuck
}

// recovered tells whether the database can be tried: it is well, or its time has come and all that was spilled is in it.
func (s *Store) recovered() bool {
	if s.spill != nil && !s.hurry.IsZero() && time.Now().After(s.hurry) {
		return false
	}
	if err := s.watchFile(); err != nil {
		s.sicken(err)
		s.disconnect()
		s.again = time.Now() // a new file can be made at once
	}
	if !s.ill {
		return true
	}
	if time.Now().Before(s.again) {
		return false
	}
	if s.db == nil {
		if err := s.connect(); err != nil {
			s.sicken(err)
			return false
		}
	}
	return s.replay()
}

// replay takes the spill file into the database. False: the database refuses.
func (s *Store) replay() bool {
	if s.spill == nil {
		s.ill = false
		return true
	}
	n, err := s.spill.replay(s.commit, func(line int, fault error) {
		s.log.Error("call history: a damaged line of the spill file is skipped", "file", s.spill.file, "line", line, "err", fault)
	})
	if errors.Is(err, errSpill) { // the database is well, and what it holds already will not be there twice
		s.log.Error("call history: the spill file cannot be read", "file", s.spill.file, "err", err)
	} else if err != nil {
		s.sicken(err)
		return false
	}
	if s.ill || n > 0 {
		s.log.Info("call history: the database is written again", "file", s.file, "spilled", n)
	}
	s.ill = false
	return true
}

// sicken notes that the database refused, and tells it once.
func (s *Store) sicken(err error) {
	s.again = time.Now().Add(s.retry)
	if s.ill {
		return
	}
	s.ill = true
	if s.spill != nil {
		s.log.Error("call history: the database cannot be written, records go to the spill file", "file", s.file, "spill", s.spill.file, "err", err)
	} else {
		s.log.Error("call history: records are lost", "err", err)
	}
}

// tellLost says how many records were lost since it was last said.
func (s *Store) tellLost() {
	s.mu.Lock()
	n := s.lost
	s.lost = 0
	s.mu.Unlock()
	if n > 0 {
		s.log.Error("call history: records were lost", "file", s.file, "records", n)
	}
}

// care does what is due without a record: it tries a database that refused, and deletes what is too old, in steps
// between which records are written.
func (s *Store) care() {
	well := s.recovered()
	s.drain() // also what neither database nor spill took before
	if !well || s.ill || time.Now().Before(s.prune) {
		return
	}
	more, err := s.deleteOld()
	if err != nil {
		s.sicken(err)
		return
	}
	if !more {
		s.prune = time.Now().Add(pruneTime)
	}
}

// last writes the queue before the end: what the database refuses, or is too slow for, is spilled.
func (s *Store) last() {
	s.hurry = time.Now().Add(closeTime / 2)
	s.drain()
	s.mu.Lock()
	left := len(s.queue)
	s.lost += left
	s.gone += left
	s.mu.Unlock()
	s.tellLost()
}
