package callstate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// This file writes events and commands down and reads them again without loss: {"kind": its type, "value": its fields}.
// The log of a call's events is its history, and what reproduces it. Strings must be UTF-8; adapters see to that.

// kinds is one closed set: its types by name.
type kinds struct {
	of    string // "event", for errors
	types map[string]reflect.Type
}

func kindsOf[T any](of string, values ...T) kinds {
	k := kinds{of: of, types: make(map[string]reflect.Type, len(values))}
	for _, v := range values {
		t := reflect.TypeOf(v)
		k.types[t.Name()] = t
	}
	return k
}

var (
	eventKinds = kindsOf[Event]("event",
		LegOffered{}, CallPlaced{}, LegProgress{}, LegAnswered{}, LegConfirmed{}, LegEnded{}, LegReoffered{}, ReofferAnswered{},
		ReofferRefused{}, ReferReceived{}, ReferGone{}, DigitReceived{}, DigitsSent{}, Located{}, OfferMade{},
		AnswerMade{}, AnswerTaken{}, MediaFailed{}, Connected{}, ClipEnded{}, RecordStarted{}, RecordEnded{}, MediaSilent{}, LegsWanted{}, LegsHanded{}, LegsRefused{}, TimerFired{},
		Requested{}, Stopping{})
	commandKinds = kindsOf[Command]("command",
		Locate{}, Dial{}, Ring{}, Answer{}, HangUp{}, Reoffer{}, AcceptOffer{}, RefuseOffer{}, AcceptRefer{},
		RefuseRefer{}, ReportTransfer{}, SendInfo{}, ShowPartner{}, OpenMedia{}, MakeOffer{}, MakeAnswer{}, TakeAnswer{}, Connect{},
		SendDigits{}, TakeDigits{}, PlayClip{}, StopClip{}, StartRecord{}, RecordLegs{}, EndRecord{}, CloseMedia{}, StartTimer{}, StopTimer{}, Reply{}, Publish{}, Fetch{}, HandOver{},
		RefuseLegs{}, Finish{})
	requestKinds = kindsOf[Request]("request",
		ForwardCall{}, SendKeys{}, End{}, Hold{}, Unhold{}, BlindTransfer{}, AttendedTransfer{}, MoveLeg{}, Consult{}, Operate{}, EndLeg{},
		HoldLeg{}, UnholdLeg{}, AcceptLeg{}, RefuseLeg{}, Play{}, StopPlay{}, Record{}, StopRecord{}, RouteCall{})
)

// EncodeEvent writes an event down.
func EncodeEvent(ev Event) ([]byte, error) { return eventKinds.encode(ev) }

// DecodeEvent reads what EncodeEvent wrote.
func DecodeEvent(b []byte) (Event, error) { return decode[Event](eventKinds, b) }

// EncodeCommand writes a command down.
func EncodeCommand(cmd Command) ([]byte, error) { return commandKinds.encode(cmd) }

// DecodeCommand reads what EncodeCommand wrote.
func DecodeCommand(b []byte) (Command, error) { return decode[Command](commandKinds, b) }

// envelope is how a member of a closed set is written.
type envelope struct {
	Kind  string          `json:"kind"`
	Value json.RawMessage `json:"value"`
}

func (k kinds) encode(v any) ([]byte, error) {
	t := reflect.TypeOf(v)
	if t == nil || k.types[t.Name()] != t {
		return nil, fmt.Errorf("%T is no %s", v, k.of)
	}
	value, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.of, t.Name(), err)
	}
	return json.Marshal(envelope{Kind: t.Name(), Value: value})
}

func decode[T any](k kinds, b []byte) (T, error) {
	var none T
	var e envelope
	if err := strict(b, &e); err != nil {
		return none, fmt.Errorf("%s: %w", k.of, err)
	}
	t, ok := k.types[e.Kind]
	if !ok {
		return none, fmt.Errorf("unknown %s %q", k.of, e.Kind)
	}
	v := reflect.New(t)
	if err := strict(e.Value, v.Interface()); err != nil {
		return none, fmt.Errorf("%s %s: %w", k.of, e.Kind, err)
	}
	return v.Elem().Interface().(T), nil
}

// strict reads exactly one JSON value; a field that v does not have would be lost, so it is an error.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if rest := bytes.TrimSpace(b[d.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("data after the value: %.20q", rest)
	}
	return nil
}

// requested is how Requested is written: its request in an envelope of its own.
type requested struct {
	ID  CallID
	Ref uint64
	Req json.RawMessage
}

// MarshalJSON writes the request with its kind.
func (e Requested) MarshalJSON() ([]byte, error) {
	req, err := requestKinds.encode(e.Req)
	if err != nil {
		return nil, err
	}
	return json.Marshal(requested{ID: e.ID, Ref: e.Ref, Req: req})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Requested) UnmarshalJSON(b []byte) error {
	var r requested
	if err := strict(b, &r); err != nil {
		return err
	}
	req, err := decode[Request](requestKinds, r.Req)
	if err != nil {
		return err
	}
	*e = Requested{ID: r.ID, Ref: r.Ref, Req: req}
	return nil
}
