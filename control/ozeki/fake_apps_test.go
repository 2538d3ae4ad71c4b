package ozeki

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"ringdown/callstate"
)

// What the switchboard does for applications: API extensions ring, answer and leave, audio takes its time.

func leg(call callstate.CallID, n uint32) callstate.LegID { return callstate.LegID{Call: call, N: n} }

// ring begins a call by 103 to an API extension, whose side is the second leg.
func (b *switchboard) ring(id callstate.CallID, extension string) {
	side := callstate.LegSummary{ID: leg(id, 2), Party: callstate.Party{Number: extension}, State: callstate.LegRinging, App: true}
	s := talk(id, in(callstate.LegIsOffered, phone("103", true)), side)
	s.State, s.Started, s.RingFrom = callstate.ShownRinging, b.now, b.now
	s.Caller, s.Callee = callstate.Party{Number: "103", Name: "Alice"}, callstate.Party{Number: extension}
	s.CallerDialled, s.CalleeDialled = extension, extension
	b.start(s)
	b.tell(callstate.NoticeRinging, s)
	b.notify(callstate.Notice{Kind: callstate.NoticeInvited, Summary: &s, Leg: side.ID})
}

// press is a key of the phone.
func (b *switchboard) press(id callstate.CallID, keys string) {
	for _, k := range keys {
		b.notify(callstate.Notice{Kind: callstate.NoticeDigit, Summary: b.Get(id), Leg: leg(id, 1), Digit: string(k)})
	}
}

func (b *switchboard) NewCallID() callstate.CallID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return 1<<40 + callstate.CallID(len(b.placed))
}

// Place rings the number; answer picks it up, finish ends it.
func (b *switchboard) Place(p callstate.CallPlaced) error {
	if b.full {
		return &callstate.Error{Kind: callstate.Overloaded}
	}
	b.mu.Lock()
	b.placed = append(b.placed, p)
	b.mu.Unlock()
	side := callstate.LegSummary{ID: leg(p.ID, 1), Party: callstate.Party{Number: p.From}, State: callstate.LegUp, App: true, Calling: true}
	s := talk(p.ID, side, in(callstate.LegRinging, phone(p.To, false)))
	s.State, s.Started = callstate.ShownSetup, b.now
	s.Caller, s.Shown, s.Callee = callstate.Party{Number: p.From, Name: "Menu"}, p.Shows, callstate.Party{Number: p.To}
	s.CallerDialled, s.CalleeDialled = p.To, p.To
	b.start(s)
	b.change(p.ID, callstate.NoticeRinging, func(s *callstate.Summary) { s.State, s.RingFrom = callstate.ShownRinging, b.now })
	return nil
}

func (b *switchboard) answer(id callstate.CallID) {
	b.change(id, callstate.NoticeAnswered, func(s *callstate.Summary) {
		s.State, s.Answered = callstate.ShownInCall, b.now
		for i := range s.Legs {
			s.Legs[i].State = callstate.LegUp
		}
	})
}

// applyApp is what a call does with what applications ask for; handled is false for any other request.
func (b *switchboard) applyApp(s *callstate.Summary, req callstate.Request) (handled bool, err error) {
	var who callstate.LegID
	wants := callstate.LegUp
	switch r := req.(type) {
	case callstate.AcceptLeg:
		who, wants = r.Leg, callstate.LegRinging
	case callstate.RefuseLeg:
		who, wants = r.Leg, callstate.LegRinging
	case callstate.EndLeg:
		who = r.Leg
	case callstate.Play, callstate.Record:
		if s.Answered == (callstate.Time{}) {
			return true, &callstate.Error{Kind: callstate.WrongState}
		}
		if _, record := r.(callstate.Record); record && b.records[s.ID] != nil {
			return true, &callstate.Error{Kind: callstate.InProgress}
		}
		return true, nil
	case callstate.StopPlay, callstate.StopRecord:
		return true, nil
	default:
		return false, nil
	}
	at := slices.IndexFunc(s.Legs, func(l callstate.LegSummary) bool { return l.ID == who && l.State == wants })
	if at < 0 {
		return true, &callstate.Error{Kind: callstate.NoSuchLeg, Param: "leg"}
	}
	return true, nil
}

// follow is what comes of a request once it is accepted.
func (b *switchboard) follow(ctx context.Context, id callstate.CallID, req callstate.Request) error {
	switch r := req.(type) {
	case callstate.AcceptLeg:
		b.answer(id)
	case callstate.RefuseLeg:
		why := callstate.CauseOf(r.Status)
		why.Remote = false
		b.finish(id, why)
	case callstate.EndLeg:
		b.end(id)
	case callstate.End:
		b.finish(id, callstate.Cause{Kind: callstate.Aborted})
	case callstate.BlindTransfer:
		if r.Transferor == callstate.Own {
			b.change(id, callstate.NoticeTransferred, func(s *callstate.Summary) {
				s.Callee = callstate.Party{Number: r.Target}
				s.Legs = slices.DeleteFunc(s.Legs, func(l callstate.LegSummary) bool { return l.App })
			})
		}
	case callstate.StopPlay:
		b.begin(b.playing, id, false)
	case callstate.StopRecord:
		b.begin(b.records, id, false)
	case callstate.Play:
		long, known := b.clips[r.Clip]
		if !known {
			long = time.Second
		}
		if r.Repeat {
			long = time.Hour
		}
		if r.Limit > 0 {
			long = min(long, r.Limit)
		}
		return b.sustain(ctx, b.begin(b.playing, id, true), r.Wait, long)
	case callstate.Record:
		long := time.Hour
		if r.Limit > 0 {
			long = r.Limit
		}
		return b.sustain(ctx, b.begin(b.records, id, true), r.Wait, long)
	}
	return nil
}

// begin ends what runs in a list, and begins something new.
func (b *switchboard) begin(list map[callstate.CallID]chan struct{}, id callstate.CallID, anew bool) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if list[id] != nil {
		close(list[id])
		delete(list, id)
	}
	if anew {
		list[id] = make(chan struct{})
	}
	return list[id]
}

// sustain waits for what was begun.
func (b *switchboard) sustain(ctx context.Context, ended chan struct{}, wait bool, long time.Duration) error {
	if !wait {
		return nil
	}
	t := time.NewTimer(long)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// studio makes clips that are named for what they are.
type studio struct {
	mu   sync.Mutex
	made []string
	mute bool          // there is no speech
	slow time.Duration // to make one
}

func (u *studio) make(ctx context.Context, text string) (callstate.Clip, error) {
	u.mu.Lock()
	u.made = append(u.made, text)
	u.mu.Unlock()
	select {
	case <-time.After(u.slow):
		return callstate.Clip(text), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (u *studio) File(ctx context.Context, name string) (callstate.Clip, error) {
	if name == "missing.wav" {
		return "", errors.New("no such file")
	}
	return u.make(ctx, name)
}

func (u *studio) Speech(ctx context.Context, s Speech) (callstate.Clip, error) {
	if u.mute {
		return "", errors.New("no engine")
	}
	return u.make(ctx, s.Text)
}

func (u *studio) Beep(hz int, long time.Duration) (callstate.Clip, error) {
	return u.make(context.Background(), "beep "+long.String())
}
