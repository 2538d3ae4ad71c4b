package callstate

import (
	"fmt"
	"time"
)

// CallID names a call inside this process, for ever. The dialects make their own ids and keep the map.
type CallID uint64

// LegID names a leg: the call of its birth and its number there. It stays the same when the leg moves to another call.
type LegID struct {
	Call CallID
	N    uint32
}

// Zero tells whether id names no leg.
func (id LegID) Zero() bool { return id == LegID{} }

func (id LegID) String() string { return fmt.Sprintf("%d/%d", id.Call, id.N) }

// TimerID names one start of a timer; a timer that is started again gets a new id, so a late firing is recognised.
type TimerID struct {
	Call CallID
	N    uint32
}

func (id TimerID) String() string { return fmt.Sprintf("%d#%d", id.Call, id.N) }

// Time is a moment twice: Wall for what people read, Mono (since the exchange started) for durations, which must not
// jump when the clock is set (edge case A18).
type Time struct {
	Wall time.Time
	Mono time.Duration
}

// Input is one event and the moment at which the exchange took it from the call's mailbox.
type Input struct {
	At Time
	Ev Event
}
