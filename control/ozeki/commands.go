package ozeki

import (
	"slices"
	"strings"

	"ringdown/callstate"
)

// command is one row of the API.
type command struct {
	name    string
	aliases []string
	params  []param // the first names the call
	// build makes the request to that call, or else join does, which looks at other calls too. Both nil: the command is
	// answered from the list of calls.
	build func(v values) callstate.Request
	join  func(a *API, call callstate.CallID, v values) (callstate.Request, *joinFault)
}

// param is one documented parameter of a command.
type param struct {
	name     string
	aliases  []string // other spellings on the public pages (spec ozeki 11)
	optional bool
	check    func(text string) (value string, ok bool)
	core     []string // what callstate.Error.Param calls it
}

// values are the checked parameters of one command, by canonical name.
type values map[string]string

var (
	callID      = param{name: "CallId", check: anything}
	destination = param{name: "Destination", check: number, core: []string{"destination"}}
	target      = param{name: "Target", check: number, core: []string{"target"}}
	keysToSend  = param{name: "Keys", check: keys, core: []string{"keys"}}
	party       = param{name: "Party", core: []string{"party"},
		check: oneOf(callstate.Caller, callstate.Callee, callstate.All)}
	// The table of the vendor's page lacks the s, its examples have it (spec ozeki 8.7).
	transferor = param{name: "TransferorParty", aliases: []string{"TranferorParty"},
		core: []string{"party", "transferor"}, check: oneOf(callstate.Caller, callstate.Callee)}
	// The vendor prints TranferredCallId and TransferredCallId (spec ozeki 8.8).
	transferredID = param{name: "TransferredCallId", aliases: []string{"TranferredCallId"}, check: anything}
	targetID      = param{name: "TargetCallId", check: anything, core: []string{"target"}}
	tieBreaker    = param{name: "TransferorParty", aliases: []string{"TranferorParty"}, optional: true,
		core: []string{"transferor"}, check: oneOf(callstate.Caller, callstate.Callee)}
	// Nothing requests the URL yet. To take it in silence would be a promise that is not kept.
	finishedURL = param{name: "FinishedUrl", optional: true, check: nothing}
)

// commands is the whole API (spec ozeki 8.1 to 8.8). Parameters are checked in this order; every command takes Username
// and Password too.
var commands = []command{
	{name: "ListActiveCalls"},
	{name: "ForwardCall", aliases: []string{"Forward"}, params: []param{callID, destination},
		build: func(v values) callstate.Request { return callstate.ForwardCall{Destination: v["Destination"]} }},
	{name: "SendDTMF", params: []param{callID, keysToSend, party},
		build: func(v values) callstate.Request {
			return callstate.SendKeys{To: callstate.Side(v["Party"]), Keys: v["Keys"]}
		}},
	{name: "Hangup", params: []param{callID}, build: func(values) callstate.Request { return callstate.End{} }},
	{name: "Hold", params: []param{callID}, build: func(values) callstate.Request { return callstate.Hold{} }},
	{name: "Unhold", params: []param{callID}, build: func(values) callstate.Request { return callstate.Unhold{} }},
	{name: "BlindTransfer", params: []param{callID, transferor, target, finishedURL},
		build: func(v values) callstate.Request {
			return callstate.BlindTransfer{Transferor: callstate.Side(v["TransferorParty"]), Target: v["Target"]}
		}},
	{name: "AttendedTransfer", params: []param{transferredID, targetID, tieBreaker}, join: (*API).attendedTransfer},
}

// scriptOnly are the elements that make sense in OzML alone: as a URL command they are answered 303 (spec ozeki 9, 10
// and 14). Any other name that has no row above is answered 301, also when it is documented and not there yet.
var scriptOnly = []string{
	"Array", "Beep", "Delay", "DeleteFile", "Exit", "ForEach", "GoTo", "MoveFile", "ReceiveAlarmNotification", "Reject",
	"Route", "SendMsg", "SQL", "UserInput", "Var", "WaitForMsg",
}

// byName finds a command, and inScripts a script element, by lower-case name.
var byName, inScripts = func() (map[string]*command, map[string]bool) {
	rows, scripts := map[string]*command{}, map[string]bool{}
	for i := range commands {
		c := &commands[i]
		rows[strings.ToLower(c.name)] = c
		for _, alias := range c.aliases {
			rows[strings.ToLower(alias)] = c
		}
	}
	for _, name := range scriptOnly {
		scripts[strings.ToLower(name)] = true
	}
	return rows, scripts
}()

// read checks the parameters of c in their order. It returns the values, or the name of the first that is missing or
// invalid.
func (c *command) read(p *params) (v values, fault string) {
	v = make(values, len(c.params))
	for i := range c.params {
		want := &c.params[i]
		text := p.values[strings.ToLower(want.name)]
		if text == "" {
			text = p.first(want.aliases)
		}
		if text == "" {
			if want.optional {
				continue
			}
			return nil, want.name
		}
		value, ok := want.check(text)
		if !ok {
			return nil, want.name
		}
		v[want.name] = value
	}
	return v, ""
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
