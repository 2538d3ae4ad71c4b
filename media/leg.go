package media

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/mix"
	"ringdown/media/internal/sdp"
)

// leg is one phone's stream: a socket, what was negotiated, and the two directions.
//
// Locks, in the order in which they may be taken: Engine.handing, mu, Engine.wire, in.mu, out.mu, posting. A reader holds
// its leg's in.mu while it takes the out.mu of those who hear it; nobody takes an in.mu while he holds an out.mu. A
// mix.Source has a lock of its own, within which nothing else is taken.
type leg struct {
	e      *Engine
	serial uint32 // names the leg in other legs' timelines
	in     inbound
	out    outbound

	id   callstate.LegID
	port uint16
	even uint16 // what the pool gave

	mu   sync.Mutex // one negotiation at a time
	nego negotiation

	agreed  atomic.Pointer[agreed]
	partner atomic.Pointer[sdp.Partner] // what other legs suit their offers and answers to

	// Under Engine.wire:
	hears  []*leg // whom this leg hears
	heard  []*leg // who hears this leg
	sound  callstate.Sound
	told   callstate.ConnectedHow // the last Connected for this hears
	feed   *route                 // when it hears one
	mix    []*mix.Source          // when it hears several: of those that can be mixed, not nil
	source *mix.Source            // what it is itself in mixes, recordings and its ear; nil while in none
	taped  []*recording           // those that record it
	ear    *ear                   // when keys are to be heard in the audio

	watch int // under clock.mu: place in the heap of silences

	broken atomic.Bool // a panic was logged

	posting sync.Mutex
	mute    bool // closed: nothing about this leg is posted any more
}

func newLeg(e *Engine, id callstate.LegID) *leg {
	l := &leg{e: e, id: id, serial: e.serial.Add(1)}
	l.nego.id = uint64(rand.Uint32()) + 1 // RFC 8866 §5.2: some phones hold it in 32 bits
	return l
}

func (l *leg) bind(conn socket, even uint16) {
	l.port, l.even = localPort(conn), even
	l.out.conn = conn
}

// post tells the call something, unless the leg is closed.
func (l *leg) post(ev callstate.Event) {
	l.posting.Lock()
	defer l.posting.Unlock()
	if !l.mute {
		l.e.cfg.Post(ev)
	}
}

// silence is the end of posting.
func (l *leg) silence() {
	l.posting.Lock()
	defer l.posting.Unlock()
	l.mute = true
}

func (l *leg) on() callstate.On { return callstate.On{Leg: l.id} }

// adopt puts an agreement into force: from now on packets are read and written by it.
func (l *leg) adopt(a *agreed, p sdp.Partner, fresh bool) {
	now := l.e.now()
	l.agreed.Store(a)
	l.partner.Store(&p)
	l.in.mu.Lock()
	l.in.agreed = a
	if fresh {
		if a.remote.IsValid() { // else it is on hold: what was latched is kept for the time after it
			l.in.latch.negotiate(a.remote, now)
		}
		l.in.quietSince = now
	}
	remote := l.in.latch.remote()
	l.in.mu.Unlock()
	l.out.adopt(a, remote)
	l.e.clock.want(l)
	if l.e.cfg.Silence > 0 && sdp.Sends(a.phone) && !a.off() {
		l.e.clock.watch(l, now+l.e.cfg.Silence)
	}
}

// checkSilence reports a phone that should send and does not, and says when to look again.
func (l *leg) checkSilence(now time.Duration) (at time.Duration, again bool) {
	limit := l.e.cfg.Silence
	l.in.mu.Lock()
	if a := l.in.agreed; a.off() || !sdp.Sends(a.phone) {
		l.in.mu.Unlock()
		return 0, false
	}
	silent := now-l.in.quietSince >= limit
	if silent {
		l.in.quietSince = now
	}
	at = l.in.quietSince + limit
	l.in.mu.Unlock()
	if silent {
		l.post(callstate.MediaSilent{On: l.on()})
	}
	return at, true
}

// tick does what is due every 20 ms; it returns false when the leg needs no more ticks.
func (l *leg) tick(slot uint64, due, now time.Duration) (busy bool) {
	defer l.caught("tick")
	busy = l.out.tick(l, slot, due, now)
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	if d, ok := l.in.detector.Expire(now); ok {
		l.tellDigit(d)
	}
	return busy || l.in.detector.Active()
}

// caught lets a panic cost one packet or one tick, not the switch: many legs share a goroutine. It logs the first of a
// leg. Its deferral is taken before any lock, so that those are free again.
func (l *leg) caught(doing string) {
	p := recover()
	if p != nil && !l.broken.Swap(true) {
		l.e.cfg.Log.Error("media: panic", "leg", l.id.String(), "doing", doing, "panic", fmt.Sprint(p),
			"stack", string(debug.Stack()))
	}
}

func (l *leg) counts() Stats {
	l.in.mu.Lock()
	s := l.in.counts
	l.in.mu.Unlock()
	l.out.mu.Lock()
	s.add(l.out.counts)
	refused := l.out.conn.Refused()
	l.out.mu.Unlock()
	s.Sent, s.SendErrors = s.Sent-refused, s.SendErrors+refused
	return s
}
