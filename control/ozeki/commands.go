package ozeki

import (
	"context"
	"slices"
	"strings"
	"time"

	"ringdown/callstate"
)

// command is one row of the API: the same for a URL request and for an element of a script.
type command struct {
	name    string
	aliases []string
	in      scope
	params  []param
	// One of these says what becomes of it: a list is the answer, build makes the request to the call that the first
	// parameter names, join makes it from other calls too, and act does everything itself.
	list  bool
	build func(o *order) callstate.Request
	join  func(a *API, o *order) (callstate.Request, *joinFault)
	act   func(a *API, ctx context.Context, o *order) *reply

	done  func(a *API, o *order, agreed bool) // what else there is to do once the call has replied
	lasts func(v values) time.Duration        // how long it goes on after the reply, which a script waits for
	over  bool                                // a script whose own call it was about is over
}

// aims tells whether a command is about one call, which its first parameter names.
func (c *command) aims() bool { return len(c.params) > 0 && c.params[0].call }

// scope says where a command may be used.
type scope int

const (
	everywhere scope = iota
	urls             // a URL request alone
	scripts          // an element of a script alone
)

// param is one documented parameter of a command.
type param struct {
	name     string
	aliases  []string // other spellings on the public pages (spec ozeki 11)
	optional bool
	given    bool                                        // it must be given, though it may be empty
	check    func(text string) (value string, err error) // what is wrong with it, never the text itself
	core     []string                                    // what callstate.Error.Param calls it

	call  bool   // it names the call, which a script may leave out: its own (spec ozeki 1.2)
	usual string // its value where none is given
	// own is its value in a script of an API extension, whatever was given: the far end is meant (spec ozeki 1.3).
	own string
	url bool // of an application, at an allowed host (edge case X18); relative to the script's own URL in a script
}

// values are the checked parameters of one command, by canonical name.
type values map[string]string

var (
	callID      = param{name: "CallId", check: anything, call: true}
	destination = param{name: "Destination", check: number, core: []string{"destination"}}
	target      = param{name: "Target", check: number, core: []string{"target"}}
	keysToSend  = param{name: "Keys", check: keys, core: []string{"keys"}}
	party       = param{name: "Party", core: []string{"party"}, own: string(callstate.All),
		check: oneOf(callstate.Caller, callstate.Callee, callstate.All)}
	// The table of the vendor's page lacks the s, its examples have it (spec ozeki 8.7).
	transferor = param{name: "TransferorParty", aliases: []string{"TranferorParty"}, optional: true, own: string(callstate.Own),
		core: []string{"party", "transferor"}, check: oneOf(callstate.Caller, callstate.Callee)}
	// The vendor prints TranferredCallId and TransferredCallId (spec ozeki 8.8).
	transferredID = param{name: "TransferredCallId", aliases: []string{"TranferredCallId"}, check: anything, call: true}
	targetID      = param{name: "TargetCallId", check: anything, core: []string{"target"}}
	tieBreaker    = param{name: "TransferorParty", aliases: []string{"TranferorParty"}, optional: true,
		core: []string{"transferor"}, check: oneOf(callstate.Caller, callstate.Callee)}
	finishedURL = param{name: "FinishedUrl", optional: true, check: anything, url: true}
)

// The parameters of Call (spec ozeki 8.9). One page spells the first Dialled.
var (
	dialed       = param{name: "Dialed", aliases: []string{"Dialled"}, check: address, core: []string{"destination", "target"}}
	apiExtension = param{name: "ApiExtension", optional: true, check: address}
	callerID     = param{name: "CallerId", optional: true, check: number}
	displayName  = param{name: "CallerDisplayName", optional: true, check: display}
	connectURL   = param{name: "Url", optional: true, check: anything, url: true}
	responseOzML = param{name: "ResponseOzML", optional: true, check: anything}
	errorURL     = param{name: "ErrorUrl", optional: true, check: anything, url: true}
	ringTime     = param{name: "RingTime", optional: true, check: wholeSeconds}
)

// The parameters of Route (spec ozeki 9.1). A destination is a number or the name of a line, which is made of the same
// characters.
var (
	routeTo      = param{name: "Destination", given: true, check: address, core: []string{"destination"}}
	dialedNumber = param{name: "DialedNumber", optional: true, check: number}
)

// The parameters of Play, Speak, Beep (spec ozeki 8.12, 8.13, 9.4) and Record (8.14). Party of Beep and Record, and all else
// of Beep, are ours.
var (
	anyParty = param{name: "Party", core: []string{"party"}, own: string(callstate.All), usual: string(callstate.All),
		check: oneOf(callstate.Caller, callstate.Callee, callstate.All)}
	audioFile    = param{name: "AudioFile", check: anything, core: []string{"clip"}}
	repeat       = param{name: "Repeat", optional: true, check: yesOrNo}
	playLimit    = param{name: "Timeout", optional: true, check: secondsOrNone}
	speechText   = param{name: "Text", check: anything}
	language     = param{name: "Language", optional: true, check: display}
	voice        = param{name: "Voice", optional: true, check: display}
	frequency    = param{name: "Frequency", optional: true, check: hertz}
	beepLength   = param{name: "Duration", optional: true, check: decimalSeconds}
	recordFormat = param{name: "Format", optional: true, check: format}
	recordLimit  = param{name: "Duration", optional: true, check: secondsOrNone}
	inactivity   = param{name: "Inactivity", optional: true, check: secondsOrNone}
	finishDigits = param{name: "FinishDigits", optional: true, check: digits}
	recordPath   = param{name: "RecordPath", optional: true, check: folder, core: []string{"file"}}
)

// commands is the whole API (spec ozeki 8). Parameters are checked in this order; every URL request takes Username and
// Password too.
var commands = []command{
	{name: "ListActiveCalls", in: urls, list: true},
	{name: "ForwardCall", aliases: []string{"Forward"}, params: []param{callID, destination},
		build: func(o *order) callstate.Request { return callstate.ForwardCall{Destination: o.v["Destination"]} }},
	{name: "SendDTMF", params: []param{callID, keysToSend, party}, lasts: lengthOfKeys,
		build: func(o *order) callstate.Request {
			return callstate.SendKeys{To: callstate.Side(o.v["Party"]), Keys: o.v["Keys"]}
		}},
	{name: "Hangup", params: []param{callID}, over: true, build: hangup},
	{name: "Hold", params: []param{callID}, build: func(*order) callstate.Request { return callstate.Hold{} }},
	{name: "Unhold", params: []param{callID}, build: func(*order) callstate.Request { return callstate.Unhold{} }},
	{name: "BlindTransfer", params: []param{callID, transferor, target, finishedURL}, join: (*API).blindTransfer,
		done: (*API).transferAgreed, over: true},
	{name: "AttendedTransfer", params: []param{transferredID, targetID, tieBreaker}, join: (*API).attendedTransfer},
	{name: "Call", params: []param{dialed, apiExtension, callerID, displayName, connectURL, responseOzML, errorURL, finishedURL, ringTime},
		act: (*API).placeCall},
	{name: "Play", params: []param{callID, audioFile, party, repeat, playLimit}, act: (*API).playFile},
	{name: "Speak", params: []param{callID, speechText, anyParty, language, voice}, act: (*API).speak},
	{name: "Beep", in: scripts, params: []param{callID, anyParty, frequency, beepLength}, act: (*API).beep},
	{name: "Route", in: scripts, params: []param{callID, routeTo, ringTime, callerID, dialedNumber}, act: (*API).route},
	{name: "Record", params: []param{callID, recordFormat, finishedURL, recordLimit, inactivity, finishDigits, recordPath, anyParty},
		act: (*API).recordCall},
	// The vendor has no command for this. It is ours, so that a recording of a call of others can be ended before the call.
	{name: "StopRecord", in: urls, params: []param{callID}, build: func(*order) callstate.Request { return callstate.StopRecord{} }},
	{name: "ListCallHistory", in: urls, params: historyFilters, act: (*API).listHistory},
	{name: "GetCallHistory", in: urls, params: historyFilters, act: (*API).getHistory},
	{name: "ListExtensions", in: urls, params: []param{extensionType}, act: (*API).listExtensions},
	{name: "ListExtensionTypes", in: urls, act: (*API).listExtensionTypes},
}

// scriptOnly are the other elements that make sense in OzML alone: as a URL command they are answered 303 (spec ozeki 9, 10
// and 14). Any other name that has no row above is answered 301, also when it is documented and not there yet.
var scriptOnly = []string{
	"Array", "Delay", "DeleteFile", "Exit", "ForEach", "GoTo", "MoveFile", "ReceiveAlarmNotification", "Reject",
	"SendMsg", "SQL", "UserInput", "Var", "WaitForMsg",
}

// hangup ends a call from outside; the script of an API extension hangs up as that party of the call.
func hangup(o *order) callstate.Request {
	if o.own() {
		return callstate.EndLeg{Leg: o.script.side.leg}
	}
	return callstate.End{}
}

// byName finds a command, and inScripts a script element, by lower-case name.
var (
	byName    = map[string]*command{}
	inScripts = map[string]bool{}
)

func init() {
	for i := range commands {
		c := &commands[i]
		byName[strings.ToLower(c.name)] = c
		for _, alias := range c.aliases {
			byName[strings.ToLower(alias)] = c
		}
	}
	for _, name := range scriptOnly {
		inScripts[strings.ToLower(name)] = true
	}
}

// place is where a command was given, as far as that decides what its parameters are.
type place struct {
	script bool // as an element
	own    bool // of a script that speaks for an API extension
	url    func(text string) (string, error)
}

// read checks the parameters of c, which were sent by lower-case name, in their order. It returns the values, or what is
// wrong with the first that is missing or invalid.
func (c *command) read(sent map[string]string, at place) (v values, fault *paramFault) {
	v = make(values, len(c.params))
	for i := range c.params {
		want := &c.params[i]
		text := first(sent, want.name, want.aliases)
		switch {
		case at.own && want.own != "":
			v[want.name] = want.own
			continue
		case text == "" && want.usual != "":
			v[want.name] = want.usual
			continue
		case at.own && want.call, text == "" && (want.optional || want.call && at.script):
			continue
		case text == "" && want.given && has(sent, want):
			v[want.name] = ""
			continue
		case text == "":
			return nil, &paramFault{want.name, "is missing"}
		}
		value, err := want.check(text)
		if err == nil && want.url {
			value, err = at.url(text)
		}
		if err != nil {
			return nil, &paramFault{want.name, err.Error()}
		}
		v[want.name] = value
	}
	return v, nil
}

// has tells whether a parameter was sent, if only empty.
func has(sent map[string]string, p *param) bool {
	for name := range sent {
		if strings.EqualFold(name, p.name) || slices.ContainsFunc(p.aliases, func(a string) bool { return strings.EqualFold(name, a) }) {
			return true
		}
	}
	return false
}

// paramFault is a parameter and what is wrong with it.
type paramFault struct{ name, why string }

func (f *paramFault) reply(sent string) *reply {
	r := invalidParameter(f.name, sent)
	r.reason = f.name + ": " + f.why
	return r
}

// documented is the name of the parameter that the core calls by one of names; empty when c has none.
func (c *command) documented(names ...string) string {
	for _, want := range c.params {
		for _, n := range names {
			if slices.Contains(want.core, n) {
				return want.name
			}
		}
	}
	return ""
}
