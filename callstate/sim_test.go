package callstate

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"
)

// sim is a world round one call or several: phones behind sip, media, timers and applications, all without a clock or a
// goroutine. What has an order in the real world keeps it (the events of one leg from one side); everything else
// arrives in an order that the seed decides, so that every crossing happens.
type sim struct {
	*simCall // the one that it is about now
	calls    []*simCall
	rng      *rand.Rand
	dir      *Directory
	set      Settings
	now      Time
	log      []Event
	last     []Command // of the last step

	legs    map[LegID]*simLeg
	order   []LegID
	locates []Event          // being looked up
	late    []Event          // timers that fired, requests, Stopping: on their way
	home    map[LegID]CallID // of legs that are not in the call of their birth
	transit map[LegID]bool   // legs that were given and have not come yet
	invited int              // INVITEs with Replaces
	world   *ledger          // whose books of legs the calls share
	acts    int              // what phones and applications may still do by themselves
	joins   bool             // phones join the parties of two calls
	steers  bool             // applications steer the call by its legs
	haste   float64          // how readily they do it while work is under way
	faulty  bool             // media and phones fail now and then
	asked   bool             // an application is asked where calls go
	mixable float64          // how many codecs media can make
	players bool             // applications play and record
	apps    bool             // there are API extensions
	trunked bool             // there are outside numbers, forwarding settings and redirects
	copyAt  int
	request uint64
	keys    map[LegID]bool  // whose phones have pressed keys
	sent    map[Sent]bool   // digits that are out
	reached map[string]bool // what the call came to be in
}

// simCall is one call of the world.
type simCall struct {
	call   *Call
	twin   *Call // a copy of call, made at a random moment
	book   *ledger
	timers []TimerID
	record simRecord
}

func newSim(seed uint64) *sim {
	s := &sim{rng: rand.New(rand.NewPCG(seed, 1)), dir: exampleDirectory(), legs: map[LegID]*simLeg{},
		reached: map[string]bool{}, home: map[LegID]CallID{}, transit: map[LegID]bool{}, world: newLedger(),
		keys: map[LegID]bool{}, sent: map[Sent]bool{}}
	s.mixable = 0.9
	s.set = DefaultSettings()
	if s.rng.IntN(4) == 0 {
		s.set.Transfer.OnFail = "release"
	}
	s.set.Hops = 2
	if s.rng.IntN(4) == 0 {
		s.set.Features = Features{}
	}
	if s.asked = s.rng.IntN(3) == 0; s.asked {
		s.set.Decide = 3 * time.Second
	}
	s.joins = seed%3 == 0
	s.newCall()
	s.acts = 3 + s.rng.IntN(25)
	s.haste = []float64{0, 0.05, 0.2, 0.5}[s.rng.IntN(4)]
	if s.joins {
		s.equip()
		s.acts *= 2
		s.haste /= 2
	} else if s.steers = seed%2 == 0; s.steers {
		s.acts *= 2
		s.haste /= 4
	}
	s.faulty = s.rng.IntN(2) == 0
	if s.trunked = s.rng.IntN(2) == 0; s.trunked {
		s.furnish()
	}
	if s.players = s.rng.IntN(3) == 0; s.players {
		s.acts += s.acts / 4
		s.mixable = []float64{0.9, 0.5}[s.rng.IntN(2)]
	}
	s.apps = s.rng.IntN(2) == 0
	s.copyAt = -1
	if s.rng.IntN(3) == 0 {
		s.copyAt = s.rng.IntN(60)
	}
	s.now.Wall = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return s
}

// registered is how many phones a number has.
var registered = map[string]int{"2000": 1, "2001": 1, "2002": 3, "2003": 2}

func (s *sim) chance(p float64) bool { return s.rng.Float64() < p }

// bad is chance when this world is a faulty one.
func (s *sim) bad(p float64) bool { return s.faulty && s.chance(p) }

// number is one to be dialled.
func (s *sim) number() string {
	if s.apps && s.chance(0.2) {
		return s.app()
	}
	if s.trunked && s.chance(0.25) {
		return outsideNumbers[s.rng.IntN(len(outsideNumbers))]
	}
	return []string{"2000", "2001", "2001", "2002", "2002", "2003", "2003", "2004", "9999"}[s.rng.IntN(9)]
}

// run plays one schedule to its end.
func (s *sim) run() {
	to := "2001"
	if s.chance(0.3) {
		to = s.number()
	}
	first := LegOffered{On: On{LegID{1, 1}}, From: Party{Number: "2000"}, To: to}
	if s.apps && s.chance(0.5) {
		first.To = s.app()
	}
	if s.trunked && s.chance(0.25) {
		first.Trunk, first.From.Number = "provider", []string{"12345678", "2001"}[s.rng.IntN(2)]
		first.To = []string{"5503301", "1234567", "2002", "nowhere"}[s.rng.IntN(4)]
	}
	if s.apps && s.chance(0.3) {
		s.place()
	} else {
		s.invite(first)
	}
	if s.steers || s.joins {
		s.connect()
	}
	for range 600 {
		if !s.turn() {
			break
		}
	}
	s.drain()
	s.quiet()
	for range 12 {
		if !s.pick() {
			break
		}
		s.nudge()
		s.drain()
		s.quiet()
	}
	for s.pick() && !s.failed() {
		s.ask(End{})
		s.drain()
	}
	if s.failed() {
		return
	}
	for _, s.simCall = range s.calls {
		s.book.settled()
		if s.twin != nil && !bytes.Equal(mustJSON(s.call), mustJSON(s.twin)) {
			s.book.fault("the copy ended differently:\n%s\n%s", mustJSON(s.call), mustJSON(s.twin))
		}
	}
}

// pick goes over to any call that is not over; false when there is none.
func (s *sim) pick() bool {
	var open []*simCall
	for _, k := range s.calls {
		if k.call.State != CallOver {
			open = append(open, k)
		}
	}
	if len(open) == 0 {
		return false
	}
	s.simCall = open[s.rng.IntN(len(open))]
	return true
}

// connect lets the first phone that rings answer.
func (s *sim) connect() {
	for range 40 {
		s.drain()
		if s.appAnswers() {
			continue
		}
		for _, id := range s.order {
			if l := s.legs[id]; l.phase == simInviting && !l.inbound {
				s.answers(l)
				break
			}
		}
	}
}

// failed tells whether something is wrong already; the rest of a schedule is then of no use.
func (s *sim) failed() bool {
	return slices.ContainsFunc(s.calls, func(k *simCall) bool { return len(k.book.faults) > 0 })
}

func (s *sim) faults() (all []string) {
	for _, k := range s.calls {
		all = append(all, k.book.faults...)
	}
	return all
}

// turn lets one thing happen: work that is under way goes on, or somebody acts. False when nothing can.
func (s *sim) turn() bool {
	if s.failed() {
		return false
	}
	work := s.work()
	if s.acts > 0 && (len(work) == 0 || s.chance(s.haste)) {
		s.acts--
		s.pick()
		s.act()
		return true
	}
	if len(work) == 0 {
		return false
	}
	s.do(work[s.rng.IntN(len(work))])
	return true
}

// drain lets everything that is under way arrive.
func (s *sim) drain() {
	for range 2000 {
		work := s.work()
		if len(work) == 0 || s.failed() {
			return
		}
		s.do(work[s.rng.IntN(len(work))])
	}
	s.book.fault("the call and its world keep each other busy for ever")
}

// anyone is the phone of any leg; one that does nothing when there is none.
func (s *sim) anyone() *simLeg {
	if len(s.order) == 0 {
		return &simLeg{phase: simUnknown}
	}
	return s.legs[s.order[s.rng.IntN(len(s.order))]]
}

func (s *sim) ask(req Request) {
	s.request++
	s.late = append(s.late, Requested{ID: s.call.ID, Ref: s.request, Req: req})
}

// nudge makes a quiet call go on: a timer fires, a phone hangs up, or an application ends it.
func (s *sim) nudge() {
	n := s.rng.IntN(10)
	switch {
	case n < 6 && len(s.timers) > 0:
		s.fire()
	case n < 9:
		s.bye(s.anyone())
	default:
		s.ask(End{})
	}
}

func (s *sim) fire() {
	i := s.rng.IntN(len(s.timers))
	if s.steers && s.book.timers[s.timers[i]] == timerMax && s.chance(0.95) {
		return // else it would end most calls before anything has become of them
	}
	s.late = append(s.late, TimerFired{ID: s.timers[i]})
	s.timers = slices.Delete(s.timers, i, i+1)
}

func read(b []byte, v any) {
	if err := json.Unmarshal(b, v); err != nil {
		panic(err)
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// copyOf copies a call as a journal would: by its exported fields.
func copyOf(c *Call) *Call {
	d := NewCall(c.ID, c.Settings, c.dir)
	if err := json.Unmarshal(mustJSON(c), d); err != nil {
		panic(err)
	}
	return d
}
