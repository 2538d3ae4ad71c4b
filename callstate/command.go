package callstate

import "time"

// Command is anything that a call wants done: an intent, not a method. The set is closed.
type Command interface{ command() }

// Signal is a command for sip.
type Signal interface {
	Command
	signal()
}

// MediaCommand is a command for media.
type MediaCommand interface {
	Command
	media()
}

type toSignal struct{}

func (toSignal) command() {}
func (toSignal) signal()  {}

type toMedia struct{}

func (toMedia) command() {}
func (toMedia) media()   {}

type toExchange struct{}

func (toExchange) command() {}

// --- for sip ----------------------------------------------------------------------------------------------------

// Locate asks where a number is registered, or how it is reached by a trunk; answered by Located.
type Locate struct {
	toSignal
	Call   CallID
	Ref    uint32
	Number string
	Trunk  string // empty: an extension. A trunk that is down, or asked for a pause, answers no contact
}

// Dial sends an INVITE to one contact. The leg's events follow; the last is LegEnded.
type Dial struct {
	toSignal
	Leg        LegID
	To         Contact
	Number     string // the number that this contact is of
	From       Party
	SDP        []byte
	Diversions []Diversion // newest first
	ReferredBy string      // RFC 3892
	Replaces   string      // RFC 3891, of a REFER that names a dialog elsewhere (edge case P2)
	Hops       int         // how often the call was sent on already
	Forwards   int         // the lowest Max-Forwards with which anybody came to the call; 0 when none had one
}

// Ring sends a 1xx to a leg that called us: 180, 181, or 183 with SDP.
type Ring struct {
	toSignal
	Leg    LegID
	Status int
	SDP    []byte
}

// Answer sends 200 to a leg that called us. SDP is the answer, or the offer when the INVITE had none.
type Answer struct {
	toSignal
	Leg LegID
	SDP []byte
}

// HangUp ends a leg: CANCEL, BYE or a final status, whichever its dialog needs. LegEnded follows.
type HangUp struct {
	toSignal
	Leg   LegID
	Cause Cause
}

// Reoffer sends a re-INVITE with our offer; answered by ReofferAnswered or ReofferRefused. sip keeps only the newest
// per leg while one is open, and retries glare (RFC 3261 §14.1).
type Reoffer struct {
	toSignal
	Leg LegID
	Ref uint32
	SDP []byte
}

// AcceptOffer answers LegReoffered with 200. SDP is the answer, or our offer when theirs had none.
type AcceptOffer struct {
	toSignal
	Leg LegID
	Ref uint32
	SDP []byte
}

// RefuseOffer answers LegReoffered with a failure; the session stays as it was.
type RefuseOffer struct {
	toSignal
	Leg    LegID
	Ref    uint32
	Status int
}

// AcceptRefer answers ReferReceived with 202 and sends the first NOTIFY (100).
type AcceptRefer struct {
	toSignal
	Leg LegID
	Ref uint32
}

// RefuseRefer answers ReferReceived with a failure.
type RefuseRefer struct {
	toSignal
	Leg    LegID
	Ref    uint32
	Status int
}

// ReportTransfer sends a NOTIFY about a REFER: a 1xx while it goes on, a final status once, with which the
// subscription ends (RFC 3515 §2.4.5).
type ReportTransfer struct {
	toSignal
	Leg    LegID
	Ref    uint32
	Status int
}

// SendInfo sends digits as SIP INFO, one after the other; DigitsSent follows.
type SendInfo struct {
	toSignal
	Leg    LegID
	Ref    uint32
	Digits string
}

// ShowPartner tells a phone whom it talks to now: UPDATE with P-Asserted-Identity (RFC 3325, RFC 5876), where it takes
// one. Nobody waits for it, and nothing depends on it.
type ShowPartner struct {
	toSignal
	Leg     LegID
	Partner Party
}

// --- for media --------------------------------------------------------------------------------------------------

// OpenMedia gives a leg its port. Offer is the phone's, empty when we are to offer. MediaFailed only if it fails.
type OpenMedia struct {
	toMedia
	Leg   LegID
	Offer []byte
}

// MakeOffer asks for an SDP offer; answered by OfferMade. Like names the leg whose codecs come first: the offer lists
// what can be connected to it. Mixable asks for codecs alone that media can make and read itself. Direction is ours, in
// our view.
type MakeOffer struct {
	toMedia
	Leg       LegID
	Ref       uint32
	Like      LegID
	Mixable   bool
	Direction Direction
}

// MakeAnswer asks for the answer to the phone's offer; answered by AnswerMade. Offer is empty for that of OpenMedia.
// Mixable: as in MakeOffer; an offer that has no such codec is answered by MediaFailed with NoCodec.
type MakeAnswer struct {
	toMedia
	Leg       LegID
	Ref       uint32
	Offer     []byte
	Like      LegID
	Mixable   bool
	Direction Direction
}

// TakeAnswer brings the phone's answer to our last offer; answered by AnswerTaken.
type TakeAnswer struct {
	toMedia
	Leg    LegID
	Ref    uint32
	Answer []byte
}

// Connect says what a leg hears from now on: the legs in Hears, or Play when there is none. It holds until the next
// Connect of that leg. Relay, transcoder or mixer is media's choice, told by Connected when Hears is not empty.
type Connect struct {
	toMedia
	Leg   LegID
	Hears []LegID
	Play  Sound
}

// Sound is what media makes itself.
type Sound string

const (
	Nothing  Sound = ""         // no packets
	Silence  Sound = "silence"  // packets of silence
	Ringback Sound = "ringback" // the tone of ringing
	Music    Sound = "music"    // music on hold
	BusyTone Sound = "busy"
	DialTone Sound = "dial" // digits are awaited
)

// TakeDigits says what becomes of the events (RFC 4733) that a leg's phone sends. Those that are not relayed to whoever
// hears the leg are told by DigitReceived with Passed false, and nobody hears them. An event goes on as it began.
//
// Told is how many digits of the leg the call was told of with Passed false and Via ByEvent, all in all. AwaitStar lets
// digits through again only if that is all of them: otherwise one is on its way to the call, which has to send it on
// before any later one is relayed, and then gives TakeDigits again.
//
// Inband has media listen for the tones of keys in the leg's audio as well, which it tells with Via ByInband and Passed
// true: the audio passes as it is (edge case D10). Once the phone has sent an event, only those are told (D7). It is
// wanted where an application listens and the phone has agreed to no events.
type TakeDigits struct {
	toMedia
	Leg    LegID
	Mode   DigitMode
	Told   uint32
	Inband bool
}

// DigitMode is what becomes of a leg's digits.
type DigitMode string

const (
	RelayDigits DigitMode = ""     // they are relayed; as long as nothing else was said
	AwaitStar   DigitMode = "star" // relayed up to a `*`: it and all that follow are kept until the next TakeDigits
	KeepDigits  DigitMode = "keep" // none is relayed
)

// SendDigits puts digits into a leg's outgoing stream, 100 ms each, 100 ms apart, a comma pausing 500 ms, after what is
// queued there already; DigitsSent follows. Way is ByEvent or ByInband.
type SendDigits struct {
	toMedia
	Leg    LegID
	Ref    uint32
	Digits string
	Way    DigitWay
}

// Clip names audio that media has ready to be played: a file, speech or a beep. It is made by media's Library; opaque to the
// core.
type Clip string

// PlayClip plays a clip to a leg, from its beginning, in place of all that it hears: those go on unheard meanwhile. One that
// plays already is ended first (edge case A7). Digits that are sent interrupt it, and it goes on after them. ClipEnded
// follows, once.
type PlayClip struct {
	toMedia
	Leg    LegID
	Ref    uint32
	Clip   Clip
	Repeat bool          // from its beginning again, until StopClip
	Limit  time.Duration // ends it; 0: none
}

// StopClip ends what PlayClip began. Nothing when none plays.
type StopClip struct {
	toMedia
	Leg LegID
}

// StartRecord opens a WAV file and records into it whom RecordLegs names; RecordStarted follows, and then, once,
// RecordEnded.
type StartRecord struct {
	toMedia
	Call    CallID
	Ref     uint32
	File    string        // below the media folder, with slashes
	Limit   time.Duration // ends it; 0: none
	Silence time.Duration // nobody has spoken for so long: ends it; 0: never
}

// RecordLegs says what these legs' phones send is recorded from now on, added up; nobody: silence.
type RecordLegs struct {
	toMedia
	Call CallID
	Ref  uint32
	Legs []LegID
}

// EndRecord ends a recording; RecordEnded follows once its file is complete.
type EndRecord struct {
	toMedia
	Call CallID
	Ref  uint32
}

// CloseMedia frees a leg's port. Nothing about the leg comes from media after it.
type CloseMedia struct {
	toMedia
	Leg LegID
}

// --- for the exchange -------------------------------------------------------------------------------------------

// StartTimer asks for one TimerFired after the given time.
type StartTimer struct {
	toExchange
	ID    TimerID
	Name  string // for the log
	After time.Duration
}

// StopTimer takes a timer back; it may still fire if that crossed.
type StopTimer struct {
	toExchange
	ID TimerID
}

// Reply answers Requested.
type Reply struct {
	toExchange
	Ref uint64
	Err *Error
}

// Publish tells the outside what happened, in order.
type Publish struct {
	toExchange
	Notice Notice
}

// Fetch asks the call that has Leg for it and whoever is at its other end; exactly one LegsHanded or LegsRefused with
// the same Token comes to Call.
type Fetch struct {
	toExchange
	Call      CallID
	Token     uint32
	Leg       LegID
	EarlyOnly bool
	Stay      int  // how many of Call would talk to them
	Mixable   bool // media can make and read the codecs of all those
}

// HandOver answers LegsWanted: the legs of the parcel are To's from now on. If To has ended, they are hung up.
type HandOver struct {
	toExchange
	To     CallID
	Token  uint32
	Parcel Parcel
}

// RefuseLegs answers LegsWanted: nothing is given.
type RefuseLegs struct {
	toExchange
	To     CallID
	Token  uint32
	Status int
}

// Finish is a call's last command: nothing of it is left.
type Finish struct {
	toExchange
	Call CallID
}
