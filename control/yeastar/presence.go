package yeastar

// The states of an extension (spec yeastar-p 6.5, 30008).
const (
	presenceIdle    = "Idle"
	presenceRinging = "Ringing"
	presenceBusy    = "Busy"
)

// presences counts for each extension in how many calls it rings and in how many it is busy. An extension that is in no
// call has no entry.
type presences struct {
	extension func(number string) bool
	of        map[string]*presence
}

type presence struct {
	ringing, busy int
	shown         string // as last told
}

// presenceInfo is the msg of event 30008.
type presenceInfo struct {
	Extension string `json:"extension"`
	Status    string `json:"status"`
}

// move counts the members of a call that were there out and those that are there in. It returns the extensions that
// now show another state: those that came to ring or be busy, and those that came to be idle.
func (p presences) move(before, now []member) (active, idle []presenceInfo) {
	for _, m := range before {
		p.count(m, -1)
	}
	for _, m := range now {
		p.count(m, 1)
	}
	// Those that are busy or ring now come first; what has been told of an extension is not told again.
	for _, list := range [][]member{now, before} {
		for _, m := range list {
			e := p.of[m.number]
			if e == nil {
				continue
			}
			state := e.state()
			if state != e.shown && state != presenceIdle {
				active = append(active, presenceInfo{m.number, state})
			} else if state == presenceIdle {
				if e.shown != "" {
					idle = append(idle, presenceInfo{m.number, state})
				}
				delete(p.of, m.number)
			}
			e.shown = state
		}
	}
	return active, idle
}

func (p presences) count(m member, by int) {
	if m.trunk != "" || !p.extension(m.number) { // what an outside caller calls itself proves nothing
		return
	}
	e := p.of[m.number]
	if e == nil {
		e = &presence{}
		p.of[m.number] = e
	}
	if m.status == statusRing {
		e.ringing += by
	} else {
		e.busy += by
	}
}

func (e *presence) state() string {
	switch {
	case e.busy > 0:
		return presenceBusy
	case e.ringing > 0:
		return presenceRinging
	}
	return presenceIdle
}
