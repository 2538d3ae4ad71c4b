package callstate

import (
	"context"
	"time"
)

// Request is what the outside may ask of a call. The set is closed.
type Request interface{ request() }

type asked struct{}

func (asked) request() {}

// Side names a party of a call: who called, who was called, or everybody who talks.
type Side string

const (
	Caller Side = "caller"
	Callee Side = "callee"
	All    Side = "all"         // without an application's own side, which hears nothing
	Own    Side = "application" // of a call that an API extension is in: the extension's side
)

// ForwardCall sends a call that still rings on to another number. Replied to once the new target has been located.
type ForwardCall struct {
	asked
	Destination string
}

// SendKeys sends digits to one party or all, while they talk. Keys: 0-9 * # A-D and a comma for a pause of 500 ms.
// Replied to once queued.
type SendKeys struct {
	asked
	To   Side
	Keys string
}

// End hangs up a call in any state.
type End struct{ asked }

// Hold puts all parties on hold; they hear music, never each other. Holding a held call does nothing.
type Hold struct{ asked }

// Unhold takes back Hold and every HoldLeg; it does not undo a hold made by a phone.
type Unhold struct{ asked }

// BlindTransfer connects the other party to Target; Transferor leaves once the target answers. Replied to once the
// target is being dialled, or with Wait once its outcome is known. If it fails, the two go on talking as before.
type BlindTransfer struct {
	asked
	Transferor Side // Caller, Callee or Own
	Target     string
	Wait       bool
}

// AttendedTransfer joins the parties of two calls that a transferor has: Transferor is its leg in the call that is
// asked, Consultation that in the other. The call that is asked survives; both legs of the transferor are released once
// the others talk (spec ozeki 8.8). Replied to when done.
type AttendedTransfer struct {
	asked
	Transferor   LegID
	Consultation LegID
}

// MoveLeg connects one party to another number; its partner leaves at once and does not come back whatever becomes of
// the target (spec yeastar-p 5.3). In a bridge of three only the named leg moves, the others stay. Replied to as soon as
// it is accepted, before the target is located. The moved party hears ringback; if the target fails, a failure tone, and
// is released.
type MoveLeg struct {
	asked
	Leg    LegID
	Target string
	Rights string // the extension whose rights count for an outside number (dial_permission); empty: the member's own
}

// Consult begins an attended transfer: the partner of the transferor is held, and the transferor calls Target on the leg
// that it has (spec yeastar-p 5.4). Replied to as soon as it is accepted, before the target is located.
type Consult struct {
	asked
	Transferor LegID
	Target     string
	Rights     string // as in MoveLeg; empty: the transferor's own
}

// Operate goes on with the attended transfer that Transferor has begun. Replied to when done; what can only be done when
// the target answers (Complete, Threeway) is remembered.
type Operate struct {
	asked
	Transferor LegID
	Do         Operation
}

// Operation is what can be done with a consultation.
type Operation string

const (
	Abort    Operation = "abort"    // the target leaves, the old pair talks
	Complete Operation = "complete" // the transferor leaves, transferee and target talk
	Threeway Operation = "threeway" // all three talk; the transfer is over
	Swap     Operation = "swap"     // the transferor talks to the other of the two
)

// AcceptLeg has an API extension answer the call that rings there (NoticeInvited).
type AcceptLeg struct {
	asked
	Leg LegID
}

// RefuseLeg has an API extension refuse the call that rings there, with a final SIP status (400 to 699).
type RefuseLeg struct {
	asked
	Leg    LegID
	Status int
}

// Play plays a clip to one party or all who talk, in place of what they hear and of what was played to them before.
// Replied to when it begins, or with Wait when it has ended at each of them, whatever ended it; with an error also when
// only one of several could not hear it. Refused with WrongState before the answer, to who talks to nobody, and on hold,
// unless it is the phone that an application talks to which holds. A party that is transferred or handed over, or whose
// partners have left, hears it no longer.
type Play struct {
	asked
	To     Side
	Clip   Clip
	Repeat bool          // until Limit, StopPlay or the end of the call
	Limit  time.Duration // 0: none
	Wait   bool
}

// StopPlay ends whatever Play began, at all who hear it. Nothing to stop is no error.
type StopPlay struct{ asked }

// Record records what one party says, or all, added up, into a WAV file, until StopRecord, a limit or the end of the call;
// whoever joins or takes a party's place is recorded as well (edge cases A8, T37). Phones on a codec that media cannot read are
// asked for another one first (T31); when none of those to be recorded has one, or moving them would leave their partner
// unheard, it is refused with Unsupported. One at a time. Replied to once the file
// is open, or with Wait once the recording is over. When its parties are handed over to another call, it ends with its own.
type Record struct {
	asked
	Of      Side
	File    string        // below the media folder, with slashes
	Limit   time.Duration // 0: none
	Silence time.Duration // ends it when nobody has spoken for so long; 0: never
	Wait    bool
}

// StopRecord ends what Record began. Nothing to stop is no error.
type StopRecord struct{ asked }

// RouteCall says where a call goes that waits for it (NoticeRouting). An answer to an older question is refused with
// WrongState. A destination that is unknown, or that the caller may not call, is refused with BadTarget or Denied, and
// counts as one where nobody answered: the call asks again, or ends.
type RouteCall struct {
	asked
	Try         int           // of the NoticeRouting that it answers
	Plan        bool          // no decision: where the dial plan sends it; all below is ignored
	Destination string        // a number, or the name of a trunk; empty: the caller is refused with 603
	Dialled     string        // the number to dial out by the trunk; empty: what the caller dialled
	Ring        time.Duration // how long it may ring there; 0: as long as any call
	Shows       Party         // as whom the caller is seen there; zero: as itself
}

// EndLeg hangs up one party. Of two the other is released as well; of three the other two stay.
type EndLeg struct {
	asked
	Leg LegID
}

// HoldLeg has a party hold its partner, who hears music while the holder hears nothing; in a bridge of three the holder
// is merely out of it. UnholdLeg takes that back (spec yeastar-p 4.4); it does not undo a hold made by a phone.
type HoldLeg struct {
	asked
	Leg LegID
}

// UnholdLeg takes back HoldLeg.
type UnholdLeg struct {
	asked
	Leg LegID
}

// Calls is all that control sees of the switch. Safe for concurrent use.
type Calls interface {
	// Do gives a request to a call and waits for its reply, at most until ctx ends; the request goes on all the same
	// (edge case A5). The error is an *Error or ctx's.
	Do(ctx context.Context, id CallID, req Request) error
	// List returns what every call in progress last showed, in order of start. It disturbs no call.
	List() []*Summary
	// Get returns the summary of one call in progress, nil when there is none.
	Get(id CallID) *Summary
	// NewCallID makes the id of a call that is about to be placed.
	NewCallID() CallID
	// Place begins a call of an API extension; how it fares is told by notices alone. It does not wait. The error is an
	// *Error: the switch takes no more calls.
	Place(CallPlaced) error
	// Now is the moment against which running durations are computed.
	Now() Time
	// Watch registers f for every notice, called in order per call; f must not block. The returned func ends it.
	Watch(f func(Notice)) (stop func())
}

// Summary is what lists show of a call: an immutable value, stored anew after each step that changes it.
type Summary struct {
	ID            CallID
	State         Shown
	Caller        Party
	Shown         Party  // the caller as others see it: an application may have it seen as somebody else (CallPlaced, RouteCall)
	Callee        Party  // who rings or talks now; Number is the destination
	CallerDialled string // what the caller dialled
	CalleeDialled string // what is dialled towards the callee now, after forwards
	Started       Time
	RingFrom      Time // zero until it rings
	Answered      Time // zero until the answer
	Ended         Time // zero until the end
	Legs          []LegSummary
}

// LegSummary is one leg of a Summary.
type LegSummary struct {
	ID        LegID
	Party     Party
	State     string // a leg state of machines.go
	Inbound   bool   // it called us
	App       bool   // an API extension's own side of a call: no phone, no stream
	SIPCallID string
	Trunk     string // by which it came or was called; empty for a phone of ours
	Local     string // of a trunk's leg: the number at our end, which it called or by which it was called

	Calling bool // it is the calling side: of the call, or since a transfer of its target
	Waits   bool // somebody is being called for it, it hears ringback
	Held    bool // it is in a hold: its own phone or an application holds, or a consultation keeps it waiting
}

// Shown is the state of a call as the outside sees it.
type Shown string

const (
	ShownSetup   Shown = "setup"
	ShownRinging Shown = "ringing"
	ShownInCall  Shown = "in call"
	ShownHeld    Shown = "held" // by a phone or by the API
	ShownEnded   Shown = "ended"
)

// RingDuration is how long it has rung at now; it stops growing at the answer.
func (s *Summary) RingDuration(now Time) time.Duration {
	if s.RingFrom == (Time{}) {
		return 0
	}
	return until(s.RingFrom, s.Answered, s.Ended, now)
}

// TalkDuration is how long the parties have been connected at now, holds included.
func (s *Summary) TalkDuration(now Time) time.Duration {
	if s.Answered == (Time{}) {
		return 0
	}
	return until(s.Answered, s.Ended, now)
}

// until is the time from start to the first of ends that is set, never negative.
func until(start Time, ends ...Time) time.Duration {
	for _, e := range ends {
		if e != (Time{}) {
			return max(0, e.Mono-start.Mono)
		}
	}
	return 0
}

// Notice is something that happened to a call, for subscribers, logs and the trace.
type Notice struct {
	Kind    NoticeKind
	Summary *Summary
	Leg     LegID // whom it is about, zero for the whole call
	Cause   Cause // of Ended, Left and TransferFailed
	By      Side  // of Ended: who left it, Caller or Callee; empty when it ended otherwise
	Digit   string
	Route   Asked  // of Routing
	Target  string // the number of a transfer, as far as it is known; of Transferring, Consulting, Transferred, TransferFailed
	ByPhone bool   // a phone asked for it, by SIP or by a code, no application; of those, and of Forwarded

	// Moved are legs that this call has given to another, in which they go on; of Left and Ended.
	Moved []LegID

	// Parties tells of a transfer or forward that an extension made itself, by REFER, feature code or forwarding setting:
	// who talked before it took effect, the transferor last; of a forward, its caller alone. It is in the one notice with
	// which the transfer takes effect. Empty when an application asked for it.
	Parties []LegSummary
}

// Asked is what an application must know to say where a call goes (RoutingInterception, spec ozeki 5.2).
type Asked struct {
	Try       int       // which question it is, from 1
	Failed    CauseKind // why nobody answered at the destination before; empty for the first question
	Dialled   string    // the number that was dialled last
	Extension string    // that was called last; empty for the first question
}

// NoticeKind is the closed vocabulary of notices.
type NoticeKind string

const (
	NoticeCreated        NoticeKind = "created"
	NoticeRouting        NoticeKind = "routing" // an application is asked where the call goes; RouteCall answers
	NoticeRinging        NoticeKind = "ringing"
	NoticeInvited        NoticeKind = "invited" // a call rings at an API extension, Leg is its side; AcceptLeg or RefuseLeg answers
	NoticeAnswered       NoticeKind = "answered"
	NoticeHeld           NoticeKind = "held"
	NoticeResumed        NoticeKind = "resumed"
	NoticeForwarded      NoticeKind = "forwarded"       // it is sent on to another number: the call, or the target of its transfer
	NoticeTransferring   NoticeKind = "transferring"    // the target is being called; Leg is the transferor, or who is moved
	NoticeTransferred    NoticeKind = "transferred"     // Leg is the target, who talks now
	NoticeTransferFailed NoticeKind = "transfer failed" // Leg is the transferor, who may have come back, or who is moved
	NoticeDigit          NoticeKind = "digit"
	NoticeConsulting     NoticeKind = "consulting" // an attended transfer has begun; Leg is the transferor
	NoticeAborted        NoticeKind = "aborted"    // it was taken back; the old pair talks
	NoticeJoined         NoticeKind = "joined"     // three talk
	NoticeLeft           NoticeKind = "left"       // a party has left, others of the call go on
	NoticeChanged        NoticeKind = "changed"    // what the list of legs shows is new, and no other notice says so
	NoticeEnded          NoticeKind = "ended"      // the last one, exactly once
)
