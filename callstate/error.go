package callstate

// Error is why a request cannot be done. The dialects map Kind to their own codes.
type Error struct {
	Kind  ErrorKind
	Param string // which parameter is at fault: "destination", "target", "transferor", "leg", "keys" ...; empty when none is
	Text  string // for people
}

// ErrorKind is the closed vocabulary of refusals.
type ErrorKind string

const (
	NoSuchCall  ErrorKind = "no such call" // never was, or has ended
	NoSuchLeg   ErrorKind = "no such leg"  // the call has no such leg, or it is being hung up
	WrongState  ErrorKind = "wrong state"  // the call is not in a state for this
	BadTarget   ErrorKind = "bad target"   // the destination is unknown, unregistered or refused
	BadRequest  ErrorKind = "bad request"  // a parameter is missing or out of its set
	InProgress  ErrorKind = "in progress"  // another operation of this kind runs on the call
	Overloaded  ErrorKind = "overloaded"   // the call's mailbox is full
	Denied      ErrorKind = "denied"       // whoever asks, or is asked for, may not call that number
	Unsupported ErrorKind = "unsupported"  // the leg cannot do it (for example no way to send digits)
)

func (e *Error) Error() string {
	s := string(e.Kind)
	if e.Param != "" {
		s += " (" + e.Param + ")"
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}
