package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"ringdown/bench/phone"
)

// stage is what has happened to a call, as its events tell it.
type stage int

const (
	rings stage = iota
	talks
	leaves
	recorded // event 30012: the last
	stages
)

// probes are calls of our own whose events are waited for.
type probes struct {
	phones  []*phone.Phone // in pairs
	numbers []string       // of the phones

	mu     sync.Mutex
	open   map[string]*probe // by the numbers of both ends
	past   map[string]bool   // call_ids that nothing more may come of
	took   []time.Duration
	calls  int
	faults []error
}

// probe is one call.
type probe struct {
	id    string            // call_id, once an event has told it
	last  stage             // of the newest event; -1 before the first
	sent  [stages]time.Time // just before the message that makes it so
	heard [stages]bool
	done  chan struct{} // closed with its record
}

func newProbes() *probes { return &probes{open: map[string]*probe{}, past: map[string]bool{}} }

// fault is kept for the first few.
func (s *probes) fault(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) < 5 {
		s.faults = append(s.faults, err)
	}
}

// run has each pair make a call every second for so long. A pair that fails makes no more.
func (s *probes) run(ctx context.Context, lasts time.Duration) {
	until := time.Now().Add(lasts)
	var pairs sync.WaitGroup
	for i := 0; i < len(s.phones); i += 2 {
		pairs.Go(func() {
			err := pause(ctx, time.Second*time.Duration(i)/time.Duration(len(s.phones)))
			for beat := time.NewTicker(time.Second); err == nil && time.Now().Before(until); <-beat.C {
				err = s.call(ctx, s.phones[i], s.phones[i+1], s.numbers[i], s.numbers[i+1])
			}
			s.fault(err)
		})
	}
	pairs.Wait()
}

// call makes one call from a to b, and waits for the last of its events.
func (s *probes) call(ctx context.Context, a, b *phone.Phone, from, to string) error {
	p := &probe{last: -1, done: make(chan struct{})}
	s.mu.Lock()
	s.open[from], s.open[to] = p, p
	s.mu.Unlock()
	sending := func(g stage) {
		s.mu.Lock()
		p.sent[g] = time.Now()
		s.mu.Unlock()
	}
	out, err := a.Dial(ctx, to)
	if err != nil {
		return err
	}
	in, err := b.WaitCall(ctx)
	if err != nil {
		return err
	}
	sending(rings)
	if err := errors.Join(in.Ring(), pause(ctx, 50*time.Millisecond)); err != nil {
		return err
	}
	sending(talks)
	if err := errors.Join(in.Answer(), out.WaitAnswer(ctx), pause(ctx, 200*time.Millisecond)); err != nil {
		return err
	}
	sending(leaves)
	if err := out.Hangup(); err != nil {
		return err
	}
	_, err = in.WaitEnd(ctx)
	_, err2 := out.WaitEnd(ctx)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	late := time.NewTimer(2 * time.Second)
	defer late.Stop()
	select {
	case <-p.done:
	case <-late.C:
	case <-ctx.Done():
	}
	return s.settle(p, from, to)
}

// settle ends a call, all of whose events must have come.
func (s *probes) settle(p *probe, from, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, from)
	delete(s.open, to)
	s.past[p.id] = true
	s.calls++
	if p.heard != [stages]bool{true, true, true, true} {
		return fmt.Errorf("of the events of a call (rings, talks, leaves, record) came %v", p.heard)
	}
	return nil
}

// told is what is read of an event.
type told struct {
	Type int    `json:"type"`
	Msg  string `json:"msg"`
}

// toldCall is what is read of its msg.
type toldCall struct {
	ID      string `json:"call_id"`
	From    string `json:"call_from"`
	Members []struct {
		Extension struct {
			Number string `json:"number"`
			Status string `json:"member_status"`
		} `json:"extension"`
	} `json:"members"`
}

// hear takes an event that has just come. Those of other calls, which have no extension in them, are not read.
func (s *probes) hear(text []byte, at time.Time) {
	if !bytes.Contains(text, []byte(`{\"extension\":{`)) && !bytes.Contains(text, []byte(`\"Internal\"`)) {
		return
	}
	var e told
	var c toldCall
	if err := errors.Join(json.Unmarshal(text, &e), json.Unmarshal([]byte(e.Msg), &c)); err != nil {
		s.fault(err)
		return
	}
	number, now := c.From, recorded
	if e.Type == 30011 {
		number, now = c.stage()
	} else if e.Type != 30012 {
		return
	}
	s.fault(s.heard(number, c.ID, now, at))
}

// stage is what event 30011 tells: who has left counts more than who rings, and that more than who talks.
func (c *toldCall) stage() (number string, now stage) {
	number, now = "", talks
	for _, m := range c.Members {
		number = m.Extension.Number
		switch {
		case m.Extension.Status == "BYE":
			now = leaves
		case m.Extension.Status == "RING" && now != leaves:
			now = rings
		}
	}
	return number, now
}

// heard notes that an event of a call has come.
func (s *probes) heard(number, id string, now stage, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.open[number]
	switch {
	case s.past[id]:
		return fmt.Errorf("an event of call %s came after its last", id)
	case p == nil:
		return fmt.Errorf("an event tells of a call of %s that there is not", number)
	case p.id != "" && p.id != id:
		return fmt.Errorf("the events of a call have the ids %s and %s", p.id, id)
	case now < p.last:
		return fmt.Errorf("event %d of call %s came after event %d", now, id, p.last)
	}
	p.id, p.last = id, now
	if p.heard[now] {
		return nil // another member left
	}
	p.heard[now] = true
	if now == recorded {
		close(p.done)
	} else {
		s.took = append(s.took, at.Sub(p.sent[now]))
	}
	return nil
}
