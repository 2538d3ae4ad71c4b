package callstate

import (
	"slices"
	"time"
)

// Leg is one party's dialog and stream. Direction is a field: a leg that called us and one that we dialled differ in
// how they begin, not in what they are.
type Leg struct {
	ID        LegID
	State     string
	Inbound   bool // it called us
	App       bool // an API extension's own side: an application is there, no phone. It has no dialog and no stream, so no command is ever about it
	Party     Party
	Shows     Party // as whom others see it; zero: as its party
	SIPCallID string
	Contact   Contact // of a leg that we dial
	Trunk     string  // by which it came or is called; empty for a phone of ours
	Local     string  // of a trunk's leg: the number at our end, which it called or by which it is called

	Facts     Facts  // what its phone stated last
	Branch    string // the early dialog whose answer is in force
	Port      bool   // media was opened for it
	Bound     bool   // an offer and an answer are in force
	Offerless bool   // its INVITE had no offer, so our answer carries one
	LocalSDP  []byte // the answer that it was given; a 200 after a 183 repeats it (RFC 3261 §13.2.1)

	Bridge int  // the set of legs that hear each other, 0 when it is in none
	Calls  bool // it is the calling side: of the call, or since a transfer of its target

	PhoneHold bool // its phone holds its partner
	APIHold   bool // an application has it hold its partner

	Keys    string    // the beginning of a code, while the next digit is awaited
	Passing []Sent    // its digits that are on their way to those who hear it, and must not be overtaken
	Gate    DigitMode // as last told to media
	Inband  bool      // likewise: media listens for the tones of keys
	Shut    bool      // media relays no digit of it before it is told so again
	Told    uint32    // how many digits by event media has told of and not relayed

	Keyed   DigitWay // the best way by which its digits have come: what comes by a lesser one is the same press again
	LastKey string   // the digit that came last, and when (Time.Mono)
	KeyedAt time.Duration

	Pending []Op      // media work that is under way, and offers of ours that the phone has not answered, oldest first
	Hears   []LegID   // as last told to media
	Plays   Sound     // as last told to media
	Want    Direction // our direction toward it
	Moved   LegID     // the partner for whose sake it is asked for another codec
	Asked   bool      // its codec was renegotiated for the sound that it hears
	Reads   bool      // it is being asked for a codec in which media can record it
	Listens bool      // a clip has played to it since media told last that it is silent
	Shown   Party     // whom its phone believes to talk to: whom it called or saw calling, and what ShowPartner told since
	Takes   LegID     // it called us to take the place of that one (RFC 3891), which it has not yet
	Picks   bool      // that one rings; once it is answered, it keeps its place
	Memo    []byte
	EndedBy Cause
}

// Op is one piece of media work under way for a leg; its result names Ref.
type Op struct {
	Ref  uint32
	For  OpFor
	SIP  uint32 // the offer at sip that it belongs to
	Note string // the early dialog (branch) of the body, or the direction of an offer
}

// OpFor is what the result of media work is for.
type OpFor string

const (
	ForDial       OpFor = "dial"       // our first offer
	ForEarly      OpFor = "early"      // an answer in a 18x
	ForJoin       OpFor = "join"       // the answer in a 200
	ForRing       OpFor = "ring"       // our answer to be put in a 183
	ForAnswer     OpFor = "answer"     // our answer (or offer) to be put in a 200
	ForConfirm    OpFor = "confirm"    // the answer in the ACK of their first INVITE
	ForReoffer    OpFor = "reoffer"    // our later offer
	ForOffered    OpFor = "offered"    // that offer, at sip: its answer is awaited
	ForReanswer   OpFor = "reanswer"   // our answer to their later offer
	ForCounter    OpFor = "counter"    // our offer in answer to their offerless re-INVITE
	ForCountered  OpFor = "countered"  // that offer, at sip: its answer comes in the ACK
	ForReanswered OpFor = "reanswered" // their answer to our later offer
)

// live tells whether the leg is neither over nor being ended.
func (l *Leg) live() bool { return l != nil && !in(l.State, LegEnding, LegOver) }

// seenAs is as whom others see it.
func (l *Leg) seenAs() Party {
	if l.Shows != (Party{}) {
		return l.Shows
	}
	return l.Party
}

// up tells whether the leg is answered.
func (l *Leg) up() bool { return l != nil && in(l.State, LegUp, LegAnswering) }

// held tells whether it holds: its partner must not hear it, nor it its partner.
func (l *Leg) held() bool { return l.PhoneHold || l.APIHold }

// What OfferMade, AnswerMade and AnswerTaken can be the result of.
var (
	offering  = []OpFor{ForDial, ForAnswer, ForReoffer, ForCounter}
	answering = []OpFor{ForRing, ForAnswer, ForReanswer}
	taking    = []OpFor{ForEarly, ForJoin, ForConfirm, ForReanswered}
	atMedia   = slices.Concat(offering, answering, taking)
)

// op takes the pending work with that ref off the list, if it is for one of those purposes.
func (l *Leg) op(ref uint32, of []OpFor) (Op, bool) {
	for i, o := range l.Pending {
		if o.Ref == ref && slices.Contains(of, o.For) {
			l.Pending = append(l.Pending[:i:i], l.Pending[i+1:]...)
			return o, true
		}
	}
	return Op{}, false
}

// answered takes the offer off the list that sip has an outcome for. Its ref is that of the phone's request for a
// counter-offer, ours otherwise; both are never open at once. sip keeps only the newest of ours, so older ones that
// waited there are settled too.
func (l *Leg) answered(ref uint32) (Op, bool) {
	i := slices.IndexFunc(l.Pending, func(o Op) bool { return o.For == ForCountered && o.SIP == ref })
	if i < 0 {
		i = slices.IndexFunc(l.Pending, func(o Op) bool { return o.For == ForOffered && o.Ref == ref })
	}
	if i < 0 {
		return Op{}, false
	}
	done := l.Pending[i]
	l.Pending = slices.DeleteFunc(slices.Clone(l.Pending), func(o Op) bool {
		return o == done || done.For == ForOffered && o.For == ForOffered && o.Ref < ref
	})
	return done, true
}

// busyWith tells whether work for that purpose is under way.
func (l *Leg) busyWith(f OpFor) bool {
	for _, o := range l.Pending {
		if o.For == f {
			return true
		}
	}
	return false
}

// earlyOf tells whether an answer of that early dialog is in force or being taken.
func (l *Leg) earlyOf(branch string) bool {
	for _, o := range slices.Backward(l.Pending) {
		if o.For == ForEarly {
			return o.Note == branch
		}
	}
	return l.Bound && l.Branch == branch
}

// drop forgets pending work for that purpose; its result will be ignored.
func (l *Leg) drop(f OpFor) {
	kept := l.Pending[:0:0]
	for _, o := range l.Pending {
		if o.For != f {
			kept = append(kept, o)
		}
	}
	l.Pending = kept
}
