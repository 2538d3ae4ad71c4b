package exchange

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ringdown/callstate"
)

// Signaller carries out what a call wants of its dialogs. Do never blocks; it may Post.
type Signaller interface{ Do(callstate.Signal) }

// Media carries out what a call wants of its streams. Do never blocks; it may Post.
type Media interface{ Do(callstate.MediaCommand) }

// Config is what an exchange is made of. Zero values of Log, MaxCalls and StopWait mean their defaults.
type Config struct {
	Settings  callstate.Settings
	Directory *callstate.Directory
	Signaller Signaller     // may be given by Bind
	Media     Media         // may be given by Bind
	Log       *slog.Logger  // default: none
	MaxCalls  int           // how many calls may be in progress; default 100,000
	StopWait  time.Duration // how long calls that were told of the stop may take to end; default 5s
}

const (
	defaultMaxCalls = 100_000
	defaultStopWait = 5 * time.Second
)

// stepper is what the exchange needs of a call: *callstate.Call, or a scripted one in tests.
type stepper interface {
	Step(callstate.Input) []callstate.Command
	Summary() *callstate.Summary
}

// Exchange runs all calls. Safe for concurrent use.
type Exchange struct {
	cfg     Config
	log     *slog.Logger
	newCall func(callstate.CallID) stepper
	started time.Time // with its monotonic reading

	calls    index
	moved    moved
	watchers watchers
	workers  workers
	ids      atomic.Uint64 // the last CallID
	refs     atomic.Uint64 // the last Ref of a Requested

	phase     atomic.Int32
	empty     chan struct{} // closed when the exchange drains and has no call
	emptyOnce sync.Once

	count struct {
		calls, goroutines                          atomic.Int64
		started, refused, dropped, panics, byForce atomic.Uint64
	}
}

var _ callstate.Calls = (*Exchange)(nil)

// New makes an exchange without calls.
func New(cfg Config) *Exchange {
	return newWith(cfg, func(id callstate.CallID) stepper {
		return callstate.NewCall(id, cfg.Settings, cfg.Directory)
	})
}

func newWith(cfg Config, newCall func(callstate.CallID) stepper) *Exchange {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxCalls <= 0 {
		cfg.MaxCalls = defaultMaxCalls
	}
	if cfg.StopWait <= 0 {
		cfg.StopWait = defaultStopWait
	}
	x := &Exchange{cfg: cfg, log: cfg.Log, newCall: newCall, started: time.Now(), empty: make(chan struct{})}
	x.calls.init()
	x.moved.home = make(map[callstate.LegID]callstate.CallID)
	x.ids.Store(firstID(x.started))
	return x
}

// Bind gives the exchange its adapters, which need it themselves to be made. Call it before the first Post; until
// both are there, no call starts.
func (x *Exchange) Bind(s Signaller, m Media) { x.cfg.Signaller, x.cfg.Media = s, m }

// NewCallID makes an id that no call of this process had or will have, nor one of an earlier process unless the clock
// was set back.
func (x *Exchange) NewCallID() callstate.CallID { return callstate.CallID(x.ids.Add(1)) }

// firstID is the id before the first: the milliseconds since 2000 above 12 bits of count. The count may run over into
// the time: a process would have to make four million calls per second to meet the ids of the next one. All ids fit
// in 53 bits, so that they survive JSON.
func firstID(start time.Time) uint64 {
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return uint64(max(0, start.Sub(epoch).Milliseconds())) << 12
}

// Now is the moment: by the wall clock for people, by the monotonic clock since the start for durations.
func (x *Exchange) Now() callstate.Time {
	now := time.Now()
	return callstate.Time{Wall: now.Round(0), Mono: now.Sub(x.started)}
}

// Post gives an event to its call; LegOffered with a call that is not known starts it. It never blocks.
//
// It returns false when the event is a new request that the call does not take, which is then to be answered with
// 503: its mailbox is full, the call is over, or, for LegOffered, the exchange takes no more calls. Any other event
// is always taken, or dropped and counted when its call is over.
//
// Commands for the leg of a LegOffered may come before Post returns. Requested is posted by Do only. A request that
// was taken may find its call ending before it is looked at; it is then answered by nobody but its adapter, when that
// hears HangUp or CloseMedia of its leg.
//
// A LegOffered with Replaces starts no call: it goes to the one that has the leg whose place it wants, and false tells
// that there is none any more.
func (x *Exchange) Post(ev callstate.Event) bool {
	if offered, ok := ev.(callstate.LegOffered); ok && offered.Replaces.Given() {
		return x.join(ev, offered)
	}
	if r, took := x.deliver(ev); r != nil {
		return took
	}
	if offered, ok := ev.(callstate.LegOffered); ok {
		return x.start(ev, offers(offered))
	}
	return x.drop(ev)
}

// drop is the one place where an event for a call that is gone ends.
func (x *Exchange) drop(ev callstate.Event) bool {
	x.count.dropped.Add(1)
	return !isRequest(ev)
}

// isRequest tells whether ev asks for something new, and may therefore be refused. All else is about what goes on
// already.
func isRequest(ev callstate.Event) bool {
	switch ev := ev.(type) {
	case callstate.LegOffered, callstate.LegReoffered, callstate.ReferReceived, callstate.Requested:
		return true
	case callstate.DigitReceived:
		return ev.Via == callstate.ByInfo
	}
	return false
}

// Place begins a call of an API extension.
func (x *Exchange) Place(ev callstate.CallPlaced) error {
	if x.calls.get(ev.ID) != nil || !x.start(ev, placed(ev)) {
		return &callstate.Error{Kind: callstate.Overloaded, Text: "the switch takes no more calls"}
	}
	return nil
}

// start begins a call with its first event; shown is what lists show of it until its first step.
func (x *Exchange) start(ev callstate.Event, shown callstate.Summary) bool {
	if !x.reserve() {
		x.count.refused.Add(1)
		return false
	}
	r, isNew := x.calls.add(newRunner(x, ev, shown))
	if !isNew { // two offers of the same call met here; the second is an event like any other
		x.release()
		return r.post(ev)
	}
	x.count.started.Add(1)
	r.begin()
	// Stop and Close raise the phase before they walk the index; a call that they missed sees it here.
	switch phase(x.phase.Load()) {
	case stopping:
		r.post(callstate.Stopping{ID: r.id})
	case closed:
		r.force(callstate.Cause{Kind: callstate.Shutdown})
	}
	return true
}

// reserve takes a place for one call.
func (x *Exchange) reserve() bool {
	if x.cfg.Signaller == nil || x.cfg.Media == nil {
		return false
	}
	// The count goes up before the phase is read: either Stop sees this call, or this call sees Stop.
	if n := x.count.calls.Add(1); n > int64(x.cfg.MaxCalls) || phase(x.phase.Load()) != open {
		x.release()
		return false
	}
	return true
}

// release gives the place of one call back.
func (x *Exchange) release() {
	if x.count.calls.Add(-1) == 0 && phase(x.phase.Load()) != open {
		x.emptyOnce.Do(func() { close(x.empty) })
	}
}

// Counts are figures about an exchange.
type Counts struct {
	Calls      int    // in progress, or being refused just now
	Goroutines int    // of calls that have something to do just now
	Started    uint64 // calls
	Refused    uint64 // new requests
	Dropped    uint64 // events of calls that were over
	Panics     uint64 // in calls, adapters and watchers
	ByForce    uint64 // calls that did not end by themselves
	Moved      int    // legs that are in another call than that of their birth
}

// Counts returns the figures of now; each is exact, together they may be a moment apart.
func (x *Exchange) Counts() Counts {
	c := &x.count
	x.moved.mu.RLock()
	moved := len(x.moved.home)
	x.moved.mu.RUnlock()
	return Counts{
		Moved: moved,
		Calls: int(c.calls.Load()), Goroutines: int(c.goroutines.Load()), Started: c.started.Load(),
		Refused: c.refused.Load(), Dropped: c.dropped.Load(), Panics: c.panics.Load(), ByForce: c.byForce.Load(),
	}
}
