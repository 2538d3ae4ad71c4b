package history

import "time"

// Record is one call that is over.
type Record struct {
	CallID      string // as the dialect names it
	Start       time.Time
	Direction   string // Internal, Inbound, Outbound, External
	Source      string // the caller's number
	Destination string // the number that was called last
	State       string // the result (spec ozeki 4.3)
	Dialed      string // what the caller dialled
	CallerID    string // as it was shown
	Type        string // Audio
	Ring, Talk  time.Duration
}

// Filter selects records: those that match every field that is set, exactly. The case of the letters A to Z counts in
// CallID alone, that of any letter not in General.
type Filter struct {
	CallID, Direction, Source, Destination, State, Dialed, CallerID, Type string

	General string    // occurs in any of the above
	From    time.Time // began then or later
	Oldest  bool      // the oldest first; otherwise the newest
	Page    int       // from 0
	Rows    int       // of a page; 0: 20
}
