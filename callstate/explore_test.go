package callstate

import (
	"flag"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

var (
	seedFlag      = flag.Uint64("seed", 0, "explore this one schedule only")
	schedulesFlag = flag.Uint64("schedules", 0, "explore so many schedules")
)

// schedules is how many random schedules are explored.
func schedules() uint64 {
	switch {
	case *schedulesFlag != 0:
		return *schedulesFlag
	case testing.Short():
		return 4_000
	case raceDetector:
		return 8_000
	}
	return 100_000
}

// TestExplore plays random schedules of everything that phones, media, timers and applications can do, crossing each
// other, and checks after each what must hold for every call.
func TestExplore(t *testing.T) {
	if *seedFlag != 0 {
		explore(t, *seedFlag)
		return
	}
	var failures atomic.Int32
	workers := uint64(runtime.GOMAXPROCS(0))
	t.Run("seeds", func(t *testing.T) {
		for w := range workers {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for seed := w + 1; seed <= schedules() && failures.Load() < 3; seed += workers {
					if !explore(t, seed) {
						failures.Add(1)
					}
				}
			})
		}
	})
}

func explore(t *testing.T, seed uint64) bool {
	s := newSim(seed)
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("seed %d: panic %v\n%s", seed, p, s.script())
			panic(p)
		}
	}()
	s.run()
	if !s.failed() {
		return true
	}
	t.Errorf("seed %d (go test ./callstate -run TestExplore -seed %d):\n  %s\nto reproduce it, in testdata:\n%s",
		seed, seed, strings.Join(s.book.faults, "\n  "), s.script())
	return false
}

// quiet checks a call for which nothing is under way any more: it must be over, or wait for something that will come,
// and nobody may be left hearing nothing.
func (s *sim) quiet() {
	if s.failed() {
		return
	}
	c := s.call
	switch c.State {
	case CallRinging:
		s.quietFork()
		if l := c.leg(c.Caller); l.Bound && !c.Fork.Early.Zero() {
			s.hears(l, c.leg(c.Fork.Early))
		} else if l.Bound {
			s.plays(l, Ringback)
		}
	case CallConnected:
		s.quietTalk()
	case CallTransferring:
		s.quietTransfer()
	case CallOver:
	default:
		s.book.fault("the call stays %q though nothing is under way", c.State)
	}
	s.quietLegs()
	for _, l := range c.Legs {
		if p := s.legs[l.ID]; p.phase == simUp && l.Bound && l.PhoneHold != p.hold.Holds() {
			s.book.fault("leg %s: its phone wants %q, the call believes hold is %t", l.ID, p.hold, l.PhoneHold)
		}
	}
}

// quietLegs: nobody is left ringing or talking whom the call has no use for.
func (s *sim) quietLegs() {
	c := s.call
	for _, l := range c.Legs {
		t := c.Transfer
		switch {
		case l.ID == c.Caller, l.ID == c.Callee, c.Fork.has(l.ID), t != nil && (l.ID == t.Transferor || l.ID == t.Transferee):
		default: // a transferor who lingers
			s.quietTimer(timerLeave)
		}
	}
	for _, t := range c.Timers {
		if t.Name == timerRing && c.Fork == nil {
			s.book.fault("timer ring runs though nobody is dialled")
		}
	}
}

// quietFork: what is being dialled must have a phone that may answer, and a limit.
func (s *sim) quietFork() {
	c := s.call
	if f := c.Fork; f == nil || len(f.Legs) == 0 || !f.Winner.Zero() || f.Locate != 0 {
		s.book.fault("in state %q nobody rings: %+v", c.State, f)
	}
	s.quietTimer(timerRing)
}

func (s *sim) quietTimer(name string) {
	for _, t := range s.call.Timers {
		if t.Name == name {
			return
		}
	}
	s.book.fault("in state %q timer %s does not run", s.call.State, name)
}

func (s *sim) quietTalk() {
	c := s.call
	x, y := c.leg(c.Caller), c.leg(c.Callee)
	if !x.up() || !y.up() || !x.Bound || !y.Bound || c.Fork != nil {
		s.book.fault("connected, but %+v and %+v, fork %+v", x, y, c.Fork)
		return
	}
	s.talks(x, y)
	s.talks(y, x)
}

// talks checks what x hears of y, its partner.
func (s *sim) talks(x, y *Leg) {
	switch {
	case x.held() && !x.APIHold: // its phone does not listen
	case x.held() || y.held():
		s.plays(x, Music)
	default:
		s.hears(x, y)
	}
}

func (s *sim) quietTransfer() {
	c := s.call
	t := c.Transfer
	if t.State == TransferPausing {
		s.quietTimer(timerRecall)
	} else {
		s.quietFork()
	}
	l := c.leg(t.Transferee)
	switch {
	case l.held():
	case c.Fork != nil && !c.Fork.Early.Zero():
		s.hears(l, c.leg(c.Fork.Early))
	default:
		s.plays(l, Ringback)
	}
}

func (s *sim) hears(x, y *Leg) {
	if got := s.book.leg(x.ID).hears; len(got) != 1 || got[0] != y.ID {
		s.book.fault("in state %q leg %s must hear leg %s, media was told %v %q", s.call.State, x.ID, y.ID, got, s.book.leg(x.ID).plays)
	}
}

func (s *sim) plays(x *Leg, want Sound) {
	if l := s.book.leg(x.ID); len(l.hears) > 0 || l.plays != want {
		s.book.fault("in state %q leg %s must hear %q, media was told %v %q", s.call.State, x.ID, want, l.hears, l.plays)
	}
}
