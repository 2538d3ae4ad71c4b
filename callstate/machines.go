package callstate

import (
	"context"

	"github.com/looplab/fsm"
)

// States of a leg. A leg that called us starts as LegIsOffered, one that we dial as LegPreparing.
const (
	LegIsOffered = "offered"   // its INVITE is with us, only 100 was sent
	LegPreparing = "preparing" // media makes the offer for our INVITE
	LegDialling  = "dialling"  // our INVITE is out
	LegRinging   = "ringing"   // a 18x was sent or came
	LegAnswering = "answering" // our 2xx is on its way, the ACK is not here
	LegUp        = "up"        // confirmed
	LegEnding    = "ending"    // we hang up; LegEnded is awaited
	LegOver      = "ended"
)

// States of a call.
const (
	CallNew          = "new"
	CallRouting      = "routing"      // where is the number?
	CallRinging      = "ringing"      // its contacts are being called
	CallForwarding   = "forwarding"   // it rings, and a new destination is being located
	CallConnected    = "connected"    // answered
	CallTransferring = "transferring" // answered, and one party is being replaced
	CallEnding       = "ending"       // every leg was told to end
	CallOver         = "ended"
)

// States of a blind transfer, and of one that an earlier call of the transferor prepared. Pausing and Recalling call
// back a transferor who has left.
const (
	TransferFetching  = "fetching"  // the call of the transferor's consultation is asked for it. The old pair still talks
	TransferLocating  = "locating"  // where is the target? The old pair still talks
	TransferRinging   = "ringing"   // the target rings, the transferee hears ringback
	TransferPausing   = "pausing"   // the target failed and the transferor has left: pause before it is called back
	TransferRecalling = "recalling" // the transferor is being called back
	TransferDropping  = "dropping"  // the one who is left hears the failure tone and is then released
	TransferDone      = "done"
	TransferFailed    = "failed"
)

// Asking comes before either kind when a person begins it by a feature code.
const Asking = "asking" // the transferor dials the target's number, the transferee is held

// States of an attended transfer are two facts at once: is the target ringing or up, and whom does the transferor hear?
// It shares Pausing, Recalling, Dropping, Done and Failed with blind ones.
const (
	RingingTarget     = "ringingTarget"     // the transferor hears the target ring, the transferee is held
	RingingTransferee = "ringingTransferee" // the target rings while the old pair talks
	UpTarget          = "upTarget"          // the transferor talks to the target, the transferee is held
	UpTransferee      = "upTransferee"      // the old pair talks, the target is held
	Joining           = "joining"           // the old pair talks, and the target joins them when it answers
	Waiting           = "waiting"           // the transferor has left before the answer, the transferee hears ringback
	Failing           = "failing"           // the transferor hears the failure tone, then the transferee again
)

// table is one machine as data: which event leads from which states to which.
type table struct {
	name  string
	start string
	rows  fsm.Events
	next  map[edge]string
}

// edge is a state and an event that its table allows there.
type edge struct{ state, event string }

func newTable(name, start string, rows ...fsm.EventDesc) *table {
	t := &table{name: name, start: start, rows: rows}
	t.next = t.walk()
	return t
}

// walk asks looplab's machine for every state and every event where it goes. Nothing but the two decides that, since the
// tables have no callbacks, so its answers hold for ever; asking it for each event of each call would make five values
// every time.
func (t *table) walk() map[edge]string {
	next := map[edge]string{}
	m := fsm.NewFSM(t.start, t.rows, nil)
	for _, from := range t.rows {
		for _, state := range from.Src {
			m.SetState(state)
			switch m.Event(context.Background(), from.Name).(type) {
			case nil, fsm.NoTransitionError: // a row may lead to where it began
				next[edge{state, from.Name}] = m.Current()
			}
		}
	}
	return next
}

func row(event, dst string, src ...string) fsm.EventDesc {
	return fsm.EventDesc{Name: event, Src: src, Dst: dst}
}

var legTable = newTable("leg", LegPreparing,
	row("dial", LegDialling, LegPreparing),
	row("progress", LegRinging, LegDialling, LegRinging, LegIsOffered),
	row("answered", LegUp, LegDialling, LegRinging),
	row("accept", LegAnswering, LegIsOffered, LegRinging),
	row("confirmed", LegUp, LegAnswering),
	row("hang up", LegEnding, LegIsOffered, LegDialling, LegRinging, LegAnswering, LegUp),
	row("over", LegOver, LegIsOffered, LegPreparing, LegDialling, LegRinging, LegAnswering, LegUp, LegEnding),
)

var callTable = newTable("call", CallNew,
	row("offered", CallRouting, CallNew),
	row("dialled", CallRinging, CallRouting),
	row("asked", CallRouting, CallRouting, CallRinging),
	row("forward", CallForwarding, CallRinging),
	row("forwarded", CallRinging, CallForwarding),
	row("forward refused", CallRinging, CallForwarding),
	row("answered", CallConnected, CallRinging, CallForwarding),
	row("transfer", CallTransferring, CallConnected),
	row("transferred", CallConnected, CallTransferring),
	row("transfer failed", CallConnected, CallTransferring),
	row("end", CallEnding, CallNew, CallRouting, CallRinging, CallForwarding, CallConnected, CallTransferring),
	row("gone", CallOver, CallEnding),
)

var transferTable = newTable("transfer", TransferLocating,
	row("locate", TransferLocating, TransferFetching),
	row("fetched", TransferRinging, TransferFetching),
	row("located", TransferRinging, TransferLocating),
	row("answered", TransferDone, TransferFetching, TransferRinging, TransferRecalling),
	row("refused", TransferFailed, TransferFetching, TransferLocating, TransferRinging),
	row("failure tone", TransferDropping, TransferRinging),
	row("recall later", TransferPausing, TransferFetching, TransferLocating, TransferRinging, TransferRecalling),
	row("recall", TransferRecalling, TransferPausing),
	row("give up", TransferFailed, TransferFetching, TransferLocating, TransferRinging, TransferPausing, TransferRecalling, TransferDropping),
)

var attendedTable = newTable("attended transfer", RingingTarget,
	row("answered", UpTarget, RingingTarget),
	row("answered", UpTransferee, RingingTransferee, Joining),
	row("answered", TransferDone, Waiting, TransferRecalling),
	row("consult", RingingTarget, Asking),
	row("move", Waiting, Asking),
	row("target gone", Failing, Asking, RingingTarget, UpTarget),
	row("target gone", TransferFailed, RingingTransferee, UpTransferee, Joining),
	row("transferee gone", TransferDropping, Asking, RingingTarget, RingingTransferee, Joining, Failing),
	row("transferee gone", TransferDone, UpTarget, UpTransferee),
	row("abort", TransferFailed, Asking, RingingTarget, RingingTransferee, UpTarget, UpTransferee, Joining, Failing),
	row("complete", Waiting, RingingTarget, RingingTransferee, Joining),
	row("complete", TransferDone, UpTarget, UpTransferee),
	row("threeway", Joining, RingingTarget, RingingTransferee, Joining),
	row("threeway", TransferDone, UpTarget, UpTransferee),
	row("swap", RingingTransferee, RingingTarget),
	row("swap", RingingTarget, RingingTransferee, Joining),
	row("swap", UpTransferee, UpTarget),
	row("swap", UpTarget, UpTransferee),
	row("tone over", TransferFailed, Failing),
	row("recall later", TransferPausing, Waiting, TransferRecalling),
	row("recall", TransferRecalling, TransferPausing),
	row("give up", TransferFailed, Asking, RingingTarget, RingingTransferee, UpTarget, UpTransferee, Joining, Waiting, Failing,
		TransferPausing, TransferRecalling, TransferDropping),
)

// fire moves state by event and tells whether the table allows it; a state that it does not allow stays as it is.
func (t *table) fire(state *string, event string) bool {
	next, ok := t.next[edge{*state, event}]
	if ok {
		*state = next
	}
	return ok
}

// in tells whether state is one of states.
func in(state string, states ...string) bool {
	for _, s := range states {
		if s == state {
			return true
		}
	}
	return false
}
