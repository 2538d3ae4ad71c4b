package callstate

import "time"

// Event is anything that can happen to a call. The set is closed: one struct each, plain values.
type Event interface {
	// Call names the call of birth of what the event is about; the exchange follows moved legs.
	Call() CallID
	event()
}

// legEvent is what all events about one leg have in common.
type legEvent interface {
	Event
	About() LegID
}

// On is embedded in every event that concerns one leg.
type On struct{ Leg LegID }

func (o On) Call() CallID { return o.Leg.Call }

// About is the leg that the event is about.
func (o On) About() LegID { return o.Leg }
func (On) event()         {}

// Party is who is at the other end of a leg.
type Party struct {
	Number string // extension or outside number
	Name   string // display name, may be empty
}

// Contact is one place where a number can be reached: as the registrar knows it, or at a trunk. Opaque to the core.
type Contact struct {
	URI   string // the registered contact, or the number at the trunk
	Flow  string // how its REGISTER really came, or where the trunk is; written and read by sip
	Trunk string // the name of the trunk, empty for a phone of ours
}

// Diversion tells who sent a call on and why (RFC 5806, RFC 7044).
type Diversion struct {
	Number string
	Reason string // "deflection", "no-answer", "user-busy", "unconditional"
}

// --- from sip ---------------------------------------------------------------------------------------------------

// LegOffered opens a call: an authenticated phone, or a trunk, sent an INVITE. SDP is empty when the INVITE had no offer.
// With Replaces it opens none: the leg is to take the place of another in that one's call (RFC 3891), to which the
// exchange brings it.
type LegOffered struct {
	On
	From      Party
	Trunk     string // the trunk that it came from; empty for a phone of ours
	To        string // what was dialled: the user part of the Request-URI
	Replaces  Replaced
	SDP       []byte
	Facts     Facts
	Hops      int    // forwards that the INVITE already went through (Diversion, History-Info)
	Forwards  int    // its Max-Forwards; 0 when it has none
	SIPCallID string // to match a capture
	Memo      []byte
}

// CallPlaced opens a call that an application makes from an API extension (spec ozeki 8.9): the caller is the extension
// itself, which has neither a phone nor a stream, and whoever answers at To is the only one who hears anything.
type CallPlaced struct {
	ID    CallID
	From  string        // the API extension, whose rights count
	Shows Party         // as whom the called phone sees the caller
	To    string        // the number to call
	Ring  time.Duration // how long it may ring; 0: as long as any call
}

func (e CallPlaced) Call() CallID { return e.ID }
func (CallPlaced) event()         {}

// LegProgress is a 1xx other than 100 on a leg that we dialled. Branch tells early dialogs apart (the To-tag).
type LegProgress struct {
	On
	Status int
	Branch string
	SDP    []byte
	Facts  Facts
}

// LegAnswered is the first 2xx on a leg that we dialled. Forked and late ones never leave sip.
type LegAnswered struct {
	On
	Branch string
	SDP    []byte
	Facts  Facts
	Memo   []byte
}

// LegConfirmed is the ACK to our 2xx; SDP is set when our 2xx carried the offer.
type LegConfirmed struct {
	On
	SDP   []byte
	Facts Facts
	Memo  []byte
}

// LegEnded is the last event of a leg: its dialog is over, or its INVITE failed.
type LegEnded struct {
	On
	Cause Cause
	Moved []Redirect // of a 3xx: where the phone sends its caller, the most wanted first
}

// Redirect is one Contact of a 302 (RFC 3261 §8.1.3.4).
type Redirect struct {
	Number string
	Q      int // preference in thousandths, 1000 when none was given
}

// Replaced is a dialog of ours that a phone names by Replaces (RFC 3891). Its zero value: none was named.
type Replaced struct {
	Leg       LegID // zero when Status tells why it cannot be
	EarlyOnly bool  // only while it is not answered
	Status    int   // 481 no such dialog, 603 it has ended, 403 it is not this user's; 0 when Leg is set
}

// Given tells whether a dialog was named.
func (r Replaced) Given() bool { return r != Replaced{} }

// LegReoffered is a re-INVITE or an UPDATE with an offer; SDP is empty for a re-INVITE that asks us to offer.
// It is answered by AcceptOffer or RefuseOffer with the same Ref.
type LegReoffered struct {
	On
	Ref   uint32
	SDP   []byte
	Facts Facts
}

// ReofferAnswered brings the answer to an offer of ours: to Reoffer, or in the ACK to an offer that AcceptOffer carried.
type ReofferAnswered struct {
	On
	Ref   uint32
	SDP   []byte
	Facts Facts
}

// ReofferRefused tells that our offer was refused for good (retries of glare are sip's), or got an unusable answer.
type ReofferRefused struct {
	On
	Ref    uint32
	Status int
}

// ReferReceived is a REFER in the leg's dialog (RFC 3515). It is answered by AcceptRefer or RefuseRefer with the same
// Ref, and then reported on with ReportTransfer.
type ReferReceived struct {
	On
	Ref        uint32
	Target     string // user part of the Refer-To URI
	ReferredBy string // as sent, may be empty
	Replaces   Replaced
	Elsewhere  string // the Replaces of the Refer-To URI when it names no dialog of ours: value to pass on to a trunk
}

// ReferGone tells that nobody listens to the reports on a REFER any more (edge case T20).
type ReferGone struct {
	On
	Ref uint32
}

// DigitReceived is one key press, told once however it came.
type DigitReceived struct {
	On
	Digit    string // one of 0-9 * # A-D
	Duration time.Duration
	Via      DigitWay
	Passed   bool // media already relayed it to whoever hears the leg
}

// DigitWay is a way to carry a digit.
type DigitWay string

const (
	ByEvent  DigitWay = "event"  // RFC 4733
	ByInfo   DigitWay = "info"   // SIP INFO, application/dtmf-relay
	ByInband DigitWay = "inband" // tones in the audio
)

// DigitsSent tells that the string of one SendDigits is out, or why it is not.
type DigitsSent struct {
	On
	Ref  uint32
	Fail string // empty when all were sent
}

// Located answers Locate: the contacts at which Number can be reached now; none when it is not registered.
type Located struct {
	ID       CallID
	Ref      uint32
	Contacts []Contact
}

func (e Located) Call() CallID { return e.ID }
func (Located) event()         {}

// --- from media -------------------------------------------------------------------------------------------------

// OfferMade answers MakeOffer.
type OfferMade struct {
	On
	Ref uint32
	SDP []byte
}

// AnswerMade answers MakeAnswer. Facts are those of the answer in the phone's view.
type AnswerMade struct {
	On
	Ref   uint32
	SDP   []byte
	Facts Facts
}

// AnswerTaken answers TakeAnswer: the phone's answer was understood and is in force.
type AnswerTaken struct {
	On
	Ref   uint32
	Facts Facts
}

// MediaFailed answers OpenMedia, MakeOffer, MakeAnswer or TakeAnswer (Ref 0 for OpenMedia): it could not be done. What
// was in force before still is.
type MediaFailed struct {
	On
	Ref    uint32
	Reason MediaFailure
	Text   string
}

// MediaFailure tells why media could not do what was asked.
type MediaFailure string

const (
	NoPorts  MediaFailure = "no ports"        // the configured range is used up
	NoCodec  MediaFailure = "no common codec" // nothing that the phone and we, or its partner, share
	BadSDP   MediaFailure = "bad sdp"         // the body cannot be used
	NoStream MediaFailure = "no stream"       // no such leg in media
)

// Connected tells how a Connect was carried out.
type Connected struct {
	On
	How ConnectedHow
}

// ConnectedHow is what media put between two legs.
type ConnectedHow string

const (
	Relayed    ConnectedHow = "relayed"
	Transcoded ConnectedHow = "transcoded"
	Impossible ConnectedHow = "impossible"
)

// ClipEnded answers PlayClip, once: the clip was played, or its time was over, or StopClip or another clip ended it. Fail
// tells why it could not be played; empty otherwise.
type ClipEnded struct {
	On
	Ref  uint32
	Fail string
}

// RecordStarted answers StartRecord: the file is open, or Fail tells why it cannot be; then no RecordEnded follows.
type RecordStarted struct {
	ID   CallID
	Ref  uint32
	Fail string
}

func (e RecordStarted) Call() CallID { return e.ID }
func (RecordStarted) event()         {}

// RecordEnded tells that a recording is over and its file complete: EndRecord asked for it, a limit was reached, or Fail
// tells why it broke off.
type RecordEnded struct {
	ID   CallID
	Ref  uint32
	Long time.Duration // of what was recorded
	Fail string
}

func (e RecordEnded) Call() CallID { return e.ID }
func (RecordEnded) event()         {}

// MediaSilent tells that nothing was received on a leg for calls.silence although its phone should send. It is told
// again after each further such time. It ends the leg, unless somebody holds, or it talks to an application and a clip has
// played to it meanwhile.
type MediaSilent struct{ On }

// --- from the exchange: hand-over ---------------------------------------------------------------------------------

// LegsWanted asks the call that has a leg to give it away together with whoever is at the other end: the call By lets
// them talk to its own party (design 3, hand-over). It is answered in the same step, by HandOver or by RefuseLegs.
type LegsWanted struct {
	On        // the transferor's leg in the call that is asked
	By        CallID
	Token     uint32
	EarlyOnly bool
	Stay      int  // how many of By would talk to them
	Mixable   bool // media can make and read the codecs of all those
}

// LegsHanded brings what Fetch asked for. The legs are the receiver's from now on; their events come after this one.
type LegsHanded struct {
	ID     CallID
	Token  uint32
	Parcel Parcel
}

func (e LegsHanded) Call() CallID { return e.ID }
func (LegsHanded) event()         {}

// LegsRefused answers Fetch: there is no such leg any more, or its call cannot give it away now.
type LegsRefused struct {
	ID     CallID
	Token  uint32
	Status int // for the report on a REFER: 481, 486, 491 ...
}

func (e LegsRefused) Call() CallID { return e.ID }
func (LegsRefused) event()         {}

// Parcel is what one call gives to another: plain values, which the giver has forgotten.
type Parcel struct {
	Transferor LegID // who takes part in both calls; among Legs
	Legs       []Leg
	Fork       *Fork  // the target that still rings, on behalf of the transferor; nil when it is up
	LastRef    uint32 // no ref of these legs is above it
	Hops       int    // how often their call was sent on
	Forwards   int    // the lowest Max-Forwards of their call
}

// --- from the exchange and the outside --------------------------------------------------------------------------

// TimerFired tells that a timer ran out.
type TimerFired struct{ ID TimerID }

func (e TimerFired) Call() CallID { return e.ID.Call }
func (TimerFired) event()         {}

// Requested is an application's wish. It is answered by exactly one Reply with the same Ref.
type Requested struct {
	ID  CallID
	Ref uint64
	Req Request
}

func (e Requested) Call() CallID { return e.ID }
func (Requested) event()         {}

// Stopping asks a call to end because the switch stops.
type Stopping struct{ ID CallID }

func (e Stopping) Call() CallID { return e.ID }
func (Stopping) event()         {}
