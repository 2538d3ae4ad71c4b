package ozeki

import (
	"cmp"
	"sync"
	"time"

	"ringdown/control/ozml"
)

const (
	faultsQuiet = time.Minute // at least, between two lines about the same fault
	maxFaults   = 256         // kinds of faults that are told apart
)

// faultLog bounds what the log says of a script that fails with each call of a busy switch: one line a minute for each kind
// of fault, with how many there were since the last. Applications are told of each one.
type faultLog struct {
	mu   sync.Mutex
	list map[faultKind]*faultCount
	lost int // counted in kinds that are forgotten
}

// faultKind is what a line of the log is about; the zero kind are all others when there are too many.
type faultKind struct {
	receiver, element, reason string
	code                      int
}

type faultCount struct {
	told time.Time
	more int // since
}

// due tells whether a fault is to be logged now, and how many of its kind were not since the last that was.
func (l *faultLog) due(receiver string, f ozml.Fault, now time.Time) (due bool, more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kind := faultKind{receiver, f.Element, cmp.Or(f.Reason, f.Message), f.Code}
	n := l.list[kind]
	if n == nil && len(l.list) >= maxFaults {
		l.forget(now)
		if len(l.list) >= maxFaults {
			kind = faultKind{}
			n = l.list[kind]
		}
	}
	switch {
	case n == nil:
		l.list[kind] = &faultCount{told: now}
		return true, 0
	case now.Sub(n.told) < faultsQuiet:
		n.more++
		return false, 0
	}
	more, n.told, n.more = n.more, now, 0
	return true, more
}

// forget drops the kinds of which the log is free to tell again. l.mu is held.
func (l *faultLog) forget(now time.Time) {
	for kind, n := range l.list {
		if now.Sub(n.told) >= faultsQuiet {
			l.lost += n.more
			delete(l.list, kind)
		}
	}
}

// untold are the faults that no line has counted.
func (l *faultLog) untold() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = l.lost
	for _, c := range l.list {
		n += c.more
	}
	return n
}

// faultOf is a refusal as a fault of an element or a command of that name; empty: of none.
func faultOf(r *reply, element string) ozml.Fault {
	return ozml.Fault{Code: r.code, Message: r.message, Reason: r.reason, State: r.state, Element: element}
}
