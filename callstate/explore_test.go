package callstate

import (
	"flag"
	"runtime"
	"slices"
	"strings"
	"sync"
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
// other, and checks after each what must hold for every call: that nothing of it is left (I1) and each leg and call
// ended once, in order (I5, I6), that every request (I7) and REFER (I10) had its one answer, and that nobody was left
// with silence. In a third of them phones have up to three calls and join the parties of two, in both directions at once,
// while they cancel, answer and hang up (P8, P9, T3, T6, T9): no leg is ever in two calls or in none.
func TestExplore(t *testing.T) {
	if *seedFlag != 0 {
		explore(t, *seedFlag, map[string]int{})
		return
	}
	var failures atomic.Int32
	var mu sync.Mutex
	reached := map[string]int{}
	workers := uint64(runtime.GOMAXPROCS(0))
	t.Run("seeds", func(t *testing.T) {
		for w := range workers {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				mine := map[string]int{}
				for seed := w + 1; seed <= schedules() && failures.Load() < 3; seed += workers {
					if !explore(t, seed, mine) {
						failures.Add(1)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				for what, n := range mine {
					reached[what] += n
				}
			})
		}
	})
	wanted := []string{"an API extension rings: " + string(ForkCallee), "an API extension rings: " + string(ForkTarget), "a call is placed",
		"an application talks", "an application among three", "an application is handed over", "keys are listened for",
		"an application talks to the outside", "an application transfers: " + TransferRinging, "an application transfers: " + TransferFetching,
		"an application is transferred: " + TransferRinging, "an application is transferred: " + TransferRecalling, "an application is transferred: " + UpTarget,
		"mixing", "three talk", "five talk", "transfer in a second bridge", "another main bridge",
		"sent on by a setting", "redirects side by side", "redirects one after the other", "next trunk", "called by trunk",
		"target sent on", "setting and application at once", "outside talks to outside",
		"a digit is told", "a code by events", "a code by INFO", "digits are sent on",
		"by a code: " + Waiting, "by a code: " + UpTarget, "by a code: " + Failing, "by a code: " + TransferDropping,
		"by a code: " + TransferRecalling,
		"handed over, up", "handed over, ringing", "handed over, locating", "handed to a call that had ended",
		"handed to a call that was ending", "three talk across calls", "hand-over refused 481", "hand-over refused 486",
		"asked where it goes", "asked again", "asked the third time", "asked again after early media",
		"decided by plan", "decided for a number", "decided for a trunk", "decided to refuse", "decided too late", "not decided in time", "told that it rings",
		"hand-over refused 488", "hand-over refused 491", "asked in both directions", "taken over", "picked up",
		"a clip ends by itself", "a clip ends with its conversation", "a clip ends since its party has left",
		"a clip ends before a hand-over", "a clip waits for a codec", "a clip plays to who talks to an application", "a clip plays on through a hold",
		"a recording waits for a codec", "a recording follows a transfer", "a recording ends with its call", "a recording ends, its parties handed on",
		"a recording is ended before it has begun", "a call has ended, and its file has not"}
	for _, m := range []*table{transferTable, attendedTable} {
		for _, state := range m.states() {
			if state != TransferDone && state != TransferFailed {
				wanted = append(wanted, m.name+" "+state)
			}
		}
	}
	for _, what := range wanted {
		t.Logf("%6d %s", reached[what], what)
		if reached[what] == 0 && failures.Load() == 0 && schedules() >= 100_000 {
			t.Errorf("no schedule came to: %s", what)
		}
	}
}

func explore(t *testing.T, seed uint64, reached map[string]int) bool {
	s := newSim(seed)
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("seed %d: panic %v\n%s", seed, p, s.script())
			panic(p)
		}
	}()
	s.run()
	for what := range s.reached {
		reached[what]++
	}
	if !s.failed() {
		return true
	}
	t.Errorf("seed %d (go test ./callstate -run TestExplore -seed %d):\n  %s\nto reproduce it, in testdata:\n%s",
		seed, seed, strings.Join(s.faults(), "\n  "), s.script())
	return false
}

// quiet checks a call for which nothing is under way any more: it must be over, or wait for something that will come,
// and nobody may be left hearing nothing.
func (s *sim) quiet() {
	for _, s.simCall = range s.calls {
		if !s.failed() {
			s.quietCall()
		}
	}
	s.nobodyLost()
}

func (s *sim) quietCall() {
	c := s.call
	switch c.State {
	case CallRinging:
		s.quietFork()
		if l := c.leg(c.Caller); l.App {
		} else if l.Bound && !c.Fork.Early.Zero() {
			s.hears(l, c.Fork.Early)
		} else if l.Bound {
			s.plays(l, Ringback)
		}
	case CallRouting: // an application has not answered yet
		if !c.Intercept.waits() || c.Fork != nil {
			s.book.fault("the call stays %q, asked %+v, fork %+v", c.State, c.Intercept, c.Fork)
		}
		s.quietTimer(timerDecide)
		s.rings(c.leg(c.Caller))
	case CallConnected:
		s.quietTalk()
	case CallTransferring:
		s.quietTransfer()
	case CallOver:
	default:
		s.book.fault("the call stays %q though nothing is under way", c.State)
	}
	s.quietLegs()
	s.quietKeys()
	s.quietPlays()
	for _, l := range c.Legs {
		if l.App {
			continue
		}
		if p := c.onlyPartner(l); l.State == LegUp && l.Bridge != 0 && l.Trunk == "" && s.dir.Extensions[l.Party.Number].ConnectedLine && p != nil {
			if shown := s.legs[l.ID].shown; shown != p.seenAs().Number && s.legs[l.ID].phase == simUp {
				s.book.fault("leg %s talks to %s, its phone shows %s (T30)", l.ID, p.seenAs().Number, shown)
			}
		}
		if p := s.legs[l.ID]; p.phase == simUp && l.Bound && l.PhoneHold != p.hold.Holds() {
			s.book.fault("leg %s: its phone wants %q, the call believes hold is %t", l.ID, p.hold, l.PhoneHold)
		}
	}
}

// quietLegs: nobody is left ringing or talking whom the call has no use for, nor in silence for ever.
func (s *sim) quietLegs() {
	c := s.call
	for _, l := range c.Legs {
		if c.State != CallConnected && c.State != CallTransferring || c.Fork.has(l.ID) {
			continue
		}
		lingers := l.Bridge == 0 && !c.Transfer.has(l.ID)
		if lingers {
			s.quietTimer(timerLeave)
		}
		if !l.up() || l.held() || lingers || l.App {
			continue
		}
		got := s.book.leg(l.ID)
		switch {
		case len(got.hears) > 0:
		case s.appTalks(l) && got.plays == Silence:
		case c.asks(l) && c.Fork == nil:
			s.quietTimer(timerNumber)
		case got.plays == BusyTone:
			s.quietTimer(timerTone)
		case got.plays == Ringback && c.Fork == nil:
			s.quietTimer(timerRecall)
		case got.plays == Ringback:
			s.quietTimer(timerRing)
		case got.plays == Music: // somebody who is up keeps it waiting, or holds
			if t := c.Transfer; !c.keptWaiting(l) || !c.leg(t.Transferor).up() {
				s.quietHeld(l)
			}
		case c.Transfer != nil && c.Transfer.Release == ReleaseOnAnswer && l.ID == c.Transfer.Transferor,
			c.Transfer != nil && c.Transfer.Release == ReleaseItself && l.ID == c.Transfer.Transferor: // it asked for that
		default:
			s.book.fault("in state %q leg %s is left with %q", c.State, l.ID, got.plays)
		}
	}
}

// quietHeld: a leg hears music because all the others of its bridge hold.
func (s *sim) quietHeld(l *Leg) {
	others := 0
	for _, p := range s.call.talkers(l.Bridge) {
		if p != l {
			others++
			if !p.held() {
				s.book.fault("leg %s hears music, and leg %s does not hold", l.ID, p.ID)
			}
		}
	}
	if others == 0 {
		s.book.fault("leg %s hears music for ever", l.ID)
	}
}

// quietFork: what is being dialled must have a phone that may answer, and a limit.
func (s *sim) quietFork() {
	c := s.call
	if f := c.Fork; f == nil || len(f.Legs) == 0 || !f.Winner.Zero() || f.locating() {
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
	if c.Fork != nil {
		s.book.fault("connected, and %+v is being dialled", c.Fork)
	}
	for _, l := range c.Legs {
		if l.Bridge != 0 {
			s.quietTalker(l)
		}
	}
}

// quietTalker checks what one leg of a bridge hears of the others.
func (s *sim) quietTalker(x *Leg) {
	c := s.call
	if !x.up() || !x.Bound {
		s.book.fault("connected, but %+v", x)
		return
	}
	if x.App {
		return
	}
	var heard []LegID
	for _, y := range c.talkers(x.Bridge) {
		if y != x && !y.held() && !y.App {
			heard = append(heard, y.ID)
		}
	}
	switch {
	case x.held(): // by its own phone, then it does not listen; or by an application
		if x.APIHold && !x.PhoneHold && s.book.leg(x.ID).plays != Music {
			s.plays(x, Silence)
		}
	case len(heard) == 0 && s.appTalks(x):
		s.plays(x, Silence)
		s.playable(x)
	case len(heard) == 0:
		s.plays(x, Music)
	default:
		s.hears(x, heard...)
	}
}

func (s *sim) quietTransfer() {
	c := s.call
	t := c.Transfer
	a, b, x := c.leg(t.Transferee), c.leg(t.Transferor), c.leg(t.Joined)
	for _, l := range c.Legs {
		if l.Bridge != 0 && l.Bridge != t.Bridge {
			s.quietTalker(l)
		}
	}
	switch t.State {
	case TransferPausing:
		s.quietTimer(timerRecall)
	case Asking:
		s.quietTimer(timerNumber)
	case Failing, TransferDropping:
		s.quietTimer(timerTone)
	case UpTarget, UpTransferee:
		if t.Mixing {
			s.book.fault("nothing is under way, and threeway waits")
		}
	default:
		s.quietFork()
	}
	switch t.State {
	case TransferRinging, TransferRecalling, TransferPausing, Waiting:
		s.waits(a)
	case TransferDropping:
		if t.attended() {
			a = b
		}
		s.listens(a, BusyTone)
	case Asking:
		want := Silence
		if t.Target == "" {
			want = DialTone
		}
		s.listens(b, want)
		s.listens(a, Music)
	case RingingTarget:
		s.waits(b)
		s.listens(a, Music)
	case Failing:
		s.listens(b, BusyTone)
		s.listens(a, Music)
	case RingingTransferee, Joining:
		s.quietTalker(a)
		s.quietTalker(b)
	case UpTarget:
		s.quietTalker(b)
		s.quietTalker(x)
		s.listens(a, Music)
	case UpTransferee:
		s.quietTalker(a)
		s.quietTalker(b)
		s.listens(x, Music)
	}
}

// listens is plays, unless the leg's own phone does not listen.
func (s *sim) listens(l *Leg, want Sound) {
	if l.PhoneHold {
		want = Silence
	}
	s.plays(l, want)
}

// waits checks what a leg hears for which somebody is being called.
func (s *sim) waits(l *Leg) {
	switch f := s.call.Fork; {
	case l.PhoneHold:
	case f != nil && !f.Early.Zero():
		s.hears(l, f.Early)
	default:
		s.plays(l, Ringback)
	}
}

func (s *sim) hears(x *Leg, want ...LegID) {
	if x.App {
		return
	}
	if got := s.book.leg(x.ID); !slices.Equal(got.hears, want) {
		s.book.fault("in state %q leg %s must hear %v, media was told %v %q", s.call.State, x.ID, want, got.hears, got.plays)
	}
}

// playable: who talks to an application was asked for a codec that media can make, if it had none.
func (s *sim) playable(x *Leg) {
	if !x.Facts.Mixable && x.Facts.Codec != "" && !x.Asked {
		s.book.fault("leg %s talks to an application in %s", x.ID, x.Facts.Codec)
	}
}

func (s *sim) plays(x *Leg, want Sound) {
	if x.App {
		return
	}
	if l := s.book.leg(x.ID); len(l.hears) > 0 || l.plays != want {
		s.book.fault("in state %q leg %s must hear %q, media was told %v %q", s.call.State, x.ID, want, l.hears, l.plays)
	}
}
