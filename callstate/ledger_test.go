package callstate

import (
	"fmt"
	"slices"
)

// ledger keeps account of one call from outside: what was opened, closed, asked and answered. Scripts, the matrix of
// states and events, and the exploration all keep one; each fault is a sentence.
type ledger struct {
	legs     map[LegID]*legAccount
	timers   map[TimerID]string // running
	requests map[uint64]int     // replies due
	offers   map[offerKey]bool  // LegReoffered that has no answer yet
	refers   map[offerKey]string
	ended    int          // NoticeEnded
	shows    []LegSummary // the legs of the last notice
	shown    *Summary     // as last seen, and what was in it then
	shownWas Summary
	finished bool
	hops     int // with which the call came
	faults   []string

	records map[uint32]*recordAccount
	fetches map[uint32]bool // tokens of Fetch that have no answer yet
	apps    map[LegID]bool  // sides of applications, which no command may name
	told    map[LegID]Command
}

// offerKey names what a phone asked: its leg and its own number for it.
type offerKey struct {
	leg LegID
	ref uint32
}

type legAccount struct {
	signal bool // sip knows the leg
	media  string
	hungUp bool
	over   bool // LegEnded came
	hears  []LegID
	plays  Sound
	clip   uint32 // of the PlayClip that plays
}

// What became of a REFER.
const (
	referAsked    = "asked"
	referAccepted = "accepted"
	referDone     = "done"
	referGone     = "gone"
)

func newLedger() *ledger {
	return &ledger{legs: map[LegID]*legAccount{}, timers: map[TimerID]string{}, requests: map[uint64]int{},
		offers: map[offerKey]bool{}, refers: map[offerKey]string{}, fetches: map[uint32]bool{},
		apps: map[LegID]bool{}, told: map[LegID]Command{}, records: map[uint32]*recordAccount{}}
}

// sharing is the ledger of one call among several, which has the legs in common with theirs.
func (a *ledger) sharing() *ledger {
	b := newLedger()
	b.legs, b.offers, b.refers, b.apps, b.told = a.legs, a.offers, a.refers, a.apps, a.told
	return b
}

func (a *ledger) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

func (a *ledger) leg(id LegID) *legAccount {
	l := a.legs[id]
	if l == nil {
		l = &legAccount{}
		a.legs[id] = l
	}
	return l
}

// step books one event and the commands that it led to.
func (a *ledger) step(ev Event, cmds []Command) {
	a.event(ev)
	a.changes(cmds)
	a.answersLetter(ev, cmds)
	a.spares(cmds)
	for _, cmd := range cmds {
		_, late := ev.(LegsHanded) // legs may come to a call that is over: it hangs them up
		if answers := a.command(cmd); a.finished && !answers && !late {
			if _, last := cmd.(Finish); !last {
				a.fault("%T after Finish", cmd)
			}
		}
	}
}

func (a *ledger) event(ev Event) {
	switch ev := ev.(type) {
	case LegOffered:
		a.leg(ev.Leg).signal = true
		a.hops = max(a.hops, ev.Hops)
	case LegEnded:
		l := a.leg(ev.Leg)
		l.over = true
		for k := range a.offers { // sip answers what is open in a dialog that ends (E6, E7)
			if k.leg == ev.Leg {
				delete(a.offers, k)
			}
		}
	case LegReoffered:
		a.offers[offerKey{ev.Leg, ev.Ref}] = true
	case ReferReceived:
		a.refers[offerKey{ev.Leg, ev.Ref}] = referAsked
	case ReferGone:
		if k := (offerKey{ev.Leg, ev.Ref}); a.refers[k] != "" {
			a.refers[k] = referGone
		}
	case LegsHanded:
		a.answersFetch(ev.Token)
		for _, l := range ev.Parcel.Legs {
			if l.App {
				a.apps[l.ID] = true
			} else if x := a.leg(l.ID); !x.signal { // it comes from a call that is in no script
				x.signal = l.State != LegPreparing
				if l.Port {
					x.media = "open"
				}
			}
		}
	case LegsRefused:
		a.answersFetch(ev.Token)
	case ClipEnded:
		if l := a.leg(ev.Leg); l.clip == ev.Ref {
			l.clip = 0
		}
	case RecordStarted:
		if r := a.records[ev.Ref]; r != nil {
			r.started, r.over = true, r.over || ev.Fail != ""
		}
	case RecordEnded:
		if r := a.records[ev.Ref]; r != nil {
			r.over = true
		}
	case Requested:
		a.requests[ev.Ref]++
	case TimerFired:
		delete(a.timers, ev.ID)
	}
}

// command books one command; it tells whether it answers something, which may also come after Finish.
func (a *ledger) command(cmd Command) bool {
	switch cmd := cmd.(type) {
	case Signal:
		return a.signal(cmd)
	case MediaCommand:
		a.media(cmd)
	case StartTimer:
		if _, runs := a.timers[cmd.ID]; runs {
			a.fault("timer %s %s started twice", cmd.Name, cmd.ID)
		}
		a.timers[cmd.ID] = cmd.Name
	case StopTimer:
		if _, runs := a.timers[cmd.ID]; !runs {
			a.fault("timer %s stopped, but it does not run", cmd.ID)
		}
		delete(a.timers, cmd.ID)
	case Reply:
		if a.requests[cmd.Ref]--; a.requests[cmd.Ref] < 0 {
			a.fault("request %d answered twice, or never asked", cmd.Ref)
		}
		return true
	case Publish:
		a.notice(cmd.Notice)
	case HandOver:
		a.givesQuietly(cmd)
		return true
	case RefuseLegs:
		return true
	case Fetch:
		a.fetches[cmd.Token] = true
	case Finish:
		if a.finished {
			a.fault("Finish twice")
		}
		a.finished = true
	}
	return false
}

// answersFetch: each Fetch has one answer. One that was never asked for comes in tests only.
func (a *ledger) answersFetch(token uint32) {
	if !a.fetches[token] && token != 9999 {
		a.fault("fetch %d answered twice, or never asked", token)
	}
	delete(a.fetches, token)
}

// answersLetter checks that who is asked for legs answers in the same step, and that what is given is not lost.
func (a *ledger) answersLetter(ev Event, cmds []Command) {
	answers := 0
	for _, cmd := range cmds {
		switch cmd.(type) {
		case HandOver, RefuseLegs:
			answers++
		}
	}
	if _, asked := ev.(LegsWanted); asked && answers != 1 || !asked && answers != 0 {
		a.fault("%d answers to %T", answers, ev)
	}
}

// changes checks that NoticeChanged comes only for what no other notice of the step has told, at most once.
func (a *ledger) changes(cmds []Command) {
	shows, changed := a.shows, false
	for _, cmd := range cmds {
		p, ok := cmd.(Publish)
		switch {
		case !ok:
			continue
		case changed:
			a.fault("notice %q after the notice of a change in one step", p.Notice.Kind)
		case p.Notice.Kind == NoticeChanged && slices.Equal(p.Notice.Summary.Legs, shows):
			a.fault("a change is told though the list of legs is the same: %v", writeLegs(shows))
		}
		changed = changed || p.Notice.Kind == NoticeChanged
		shows = p.Notice.Summary.Legs
	}
}

func (a *ledger) notice(n Notice) {
	if (n.Kind == NoticeTransferring || n.Kind == NoticeConsulting) && n.Target == "" {
		a.fault("notice %q without a target", n.Kind)
	}
	if len(n.Parties) > 0 && !n.ByPhone {
		a.fault("notice %q has parties, and no phone asked for it", n.Kind)
	}
	a.shows = n.Summary.Legs
	if a.ended > 0 {
		a.fault("notice %q after the notice of the end", n.Kind)
	}
	if n.Kind == NoticeEnded {
		a.ended++
		if n.Cause.Kind == "" {
			a.fault("the call ended without a cause")
		}
	}
	s := n.Summary
	order := []Time{s.Started, s.RingFrom, s.Answered, s.Ended}
	order = slices.DeleteFunc(order, func(t Time) bool { return t == Time{} })
	if !slices.IsSortedFunc(order, func(x, y Time) int { return int(x.Mono - y.Mono) }) {
		a.fault("notice %q: times go backwards: %v", n.Kind, order)
	}
}

// settled checks what must be true once a call is over and everything that was under way has arrived.
func (a *ledger) settled() {
	for id, l := range a.legs {
		if l.media == "open" {
			a.fault("the port of leg %s was never closed", id)
		}
		if l.signal && !l.over {
			a.fault("leg %s never ended", id)
		}
	}
	for id, name := range a.timers {
		a.fault("timer %s %s still runs", name, id)
	}
	for ref, n := range a.requests {
		if n != 0 {
			a.fault("request %d was never answered", ref)
		}
	}
	for k := range a.offers {
		a.fault("offer %d of leg %s was never answered", k.ref, k.leg)
	}
	for k, s := range a.refers {
		if s == referAccepted || s == referAsked && !a.leg(k.leg).over {
			a.fault("REFER %d of leg %s was left %q (I10)", k.ref, k.leg, s)
		}
	}
	for ref, r := range a.records {
		if !r.over {
			a.fault("recording %d is not over: %+v", ref, r)
		}
	}
	for token := range a.fetches {
		a.fault("fetch %d was never answered", token)
	}
	if a.ended != 1 {
		a.fault("%d notices of the end", a.ended)
	}
	if !a.finished {
		a.fault("no Finish")
	}
}
