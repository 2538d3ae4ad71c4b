package ozml

import (
	"slices"
	"strings"
)

// kind is who carries an element out.
type kind int

const (
	control kind = iota // Run
	audio               // the Host, and a key of a UserInput may end it
	command             // the Host
	part                // belongs inside another element: 303 elsewhere
	later               // documented and not there yet: 301
	urlOnly             // makes sense as a URL command alone: 303
)

// element is one row of OzML.
type element struct {
	name    string
	aliases []string
	kind    kind
	attrs   []attr
	main    string // the attribute that the text stands for
	does    string // for elements.md, which leaves out a row without it
}

// attr is one documented attribute.
type attr struct {
	name    string
	aliases []string // other spellings on the public pages (spec ozeki 11)
	must    bool
}

// The sides of a call mean nothing in an API extension's script: its far end is meant (spec ozeki 6).
var (
	callID = attr{name: "CallId"}
	party  = attr{name: "Party"}
	// The table of the vendor's page lacks the s (spec ozeki 8.7).
	transferor = attr{name: "TransferorParty", aliases: []string{"TranferorParty"}}
)

// elements is all of OzML (spec ozeki 7 to 10).
var elements = []element{
	{name: "Speak", kind: audio, main: "Text", attrs: []attr{{name: "Text", must: true}, party, {name: "Language"}, {name: "Voice"}, callID},
		does: "reads a text aloud"},
	{name: "Play", kind: audio, main: "AudioFile", attrs: []attr{{name: "AudioFile", must: true}, party, {name: "Repeat"}, {name: "Timeout"}, callID},
		does: "plays a file, with `Repeat` until `Timeout`"},
	{name: "Beep", kind: audio, attrs: []attr{{name: "Frequency"}, {name: "Duration"}, party, callID},
		does: "plays a tone"},
	{name: "Record", kind: command, attrs: []attr{{name: "Format"}, {name: "FinishedUrl"}, {name: "Duration"}, {name: "Inactivity"},
		{name: "FinishDigits"}, {name: "RecordPath"}, party, callID},
		does: "records; in an API extension's script until `Duration`, `Inactivity` or one of `FinishDigits`, else in the background"},
	{name: "SendDTMF", kind: command, attrs: []attr{{name: "Keys", must: true}, party, callID},
		does: "sends keys, and waits for the last"},
	{name: "ForwardCall", aliases: []string{"Forward"}, kind: command, attrs: []attr{{name: "Destination", must: true}, callID},
		does: "sends a ringing call to another number"},
	{name: "BlindTransfer", kind: command, main: "Target", attrs: []attr{{name: "Target", must: true}, transferor, {name: "FinishedUrl"}, callID},
		does: "transfers, and waits for the answer: then the script is over, else it goes on"},
	{name: "AttendedTransfer", kind: command, attrs: []attr{{name: "TargetCallId", must: true},
		{name: "TransferredCallId", aliases: []string{"TranferredCallId"}}, transferor},
		does: "joins two calls"},
	{name: "Hold", kind: command, attrs: []attr{callID}, does: "holds the call"},
	{name: "Unhold", kind: command, attrs: []attr{callID}, does: "takes the call off hold"},
	{name: "Hangup", kind: command, attrs: []attr{callID}, does: "ends the call"},
	{name: "Call", kind: command, main: "Dialed", attrs: []attr{{name: "Dialed", aliases: []string{"Dialled"}, must: true}, {name: "ApiExtension"},
		{name: "CallerId"}, {name: "CallerDisplayName"}, {name: "Url"}, {name: "ResponseOzML"}, {name: "ErrorUrl"}, {name: "FinishedUrl"},
		{name: "RingTime"}},
		does: "begins another call, and does not wait for it"},
	{name: "Route", kind: command, main: "Destination", attrs: []attr{{name: "Destination"}, {name: "RingTime"}, {name: "CallerId"},
		{name: "DialedNumber"}},
		does: "answers RoutingInterception: where the call goes; without a destination it is rejected"},
	{name: "Reject", kind: command, does: "refuses an incoming call; as the first element only"},

	{name: "Delay", kind: control, main: "Time", attrs: []attr{{name: "Time", must: true}},
		does: "waits so many seconds, with decimals"},
	{name: "Var", kind: control, main: "Value", attrs: []attr{{name: "ID", must: true}, {name: "Value"}},
		does: "sets a variable, which `$ID` stands for from then on"},
	{name: "Array", kind: control, attrs: []attr{{name: "ID", must: true}},
		does: "sets a list, of the texts of its `<item>`s"},
	{name: "ForEach", kind: control, attrs: []attr{{name: "Source", must: true}},
		does: "runs its elements once for each item of the array `Source`, as `$item`"},
	{name: "UserInput", kind: control, attrs: []attr{{name: "Repeat"}, {name: "Timeout"}, {name: "BackKey"}, {name: "Digits"}, {name: "MinDigits"},
		{name: "MaxDigits"}, {name: "ForwardToUrl", aliases: []string{"enteredUrl"}}, {name: "ExecuteSQL"}},
		does: "runs its `<InitialCommands>`, collects keys, and runs the `<Input>` that they match or else what `ForwardToUrl` answers; " +
			"API extension only. `ExecuteSQL` is refused"},
	{name: "GoTo", kind: control, main: "Url", attrs: []attr{{name: "Url", must: true}},
		does: "asks a URL for the script that takes the place of the rest of this one; variables stay"},
	{name: "Exit", kind: control, does: "ends the script"},

	{name: "InitialCommands", kind: part, does: "of a UserInput: what runs until the first key"},
	{name: "Inputs", kind: part, does: "of a UserInput: holds the `<Input>`s"},
	{name: "Input", kind: part, attrs: []attr{{name: "Key", must: true}}, does: "of Inputs: what runs when these keys are pressed"},
	{name: "Item", kind: part, main: "Value", attrs: []attr{{name: "Value"}}, does: "of an Array: one text"},
	{name: "Received", kind: part}, // of ReceiveAlarmNotification

	{name: "Request", kind: later},
	{name: "CallSetup", kind: later},
	{name: "SendSMS", kind: later, main: "Message"},
	{name: "SendMsg", kind: later, main: "Text"},
	{name: "WaitForMsg", kind: later},
	{name: "SendEmail", kind: later, main: "Message"},
	{name: "DeleteFile", kind: later},
	{name: "MoveFile", kind: later},
	{name: "SendAlarmNotification", kind: later},
	{name: "ReceiveAlarmNotification", kind: later},
	{name: "SQL", kind: later},

	{name: "ListActiveCalls", kind: urlOnly},
	{name: "ListCallHistory", aliases: []string{"GetCallHistory"}, kind: urlOnly},
	{name: "ListExtensions", kind: urlOnly},
	{name: "ListExtensionTypes", kind: urlOnly},
	{name: "ListAddressbookContacts", aliases: []string{"ListAddressbokkContacts"}, kind: urlOnly},
	{name: "ListAddressbookNames", kind: urlOnly},
	{name: "SendMessage", kind: urlOnly},
	{name: "ReceiveMessage", kind: urlOnly},
}

// byName finds a row by lower-case name or alias.
var byName = func() map[string]*element {
	rows := map[string]*element{}
	for i := range elements {
		e := &elements[i]
		for _, name := range append([]string{e.name}, e.aliases...) {
			rows[lower(name)] = e
		}
	}
	return rows
}()

// Commands are the canonical names of the elements that the Host carries out.
func Commands() (names []string) {
	for _, e := range elements {
		if e.kind == audio || e.kind == command {
			names = append(names, e.name)
		}
	}
	return names
}

// Attributes are the documented ones of an element, in their canonical spelling.
func Attributes(name string) (names []string) {
	if e := byName[lower(name)]; e != nil {
		for _, a := range e.attrs {
			names = append(names, a.name)
		}
	}
	return names
}

// params are the attributes and the text of el by the lower-case of their canonical names; an attribute wins over the text
// (spec ozeki 7.1), and the canonical spelling over an alias. One that e does not know is left as it is.
func (e *element) params(el *Element) map[string]string {
	p := make(map[string]string, len(el.Attrs)+1)
	for name, value := range el.Attrs {
		p[name] = value
	}
	for _, a := range e.attrs {
		name := lower(a.name)
		for _, alias := range a.aliases {
			if value, there := p[lower(alias)]; there {
				delete(p, lower(alias))
				if p[name] == "" {
					p[name] = value
				}
			}
		}
	}
	if main := lower(e.main); main != "" && strings.TrimSpace(p[main]) == "" && el.Text != "" {
		p[main] = el.Text
	}
	return p
}

// has tells whether there is an attribute of that lower-case name.
func (e *element) has(name string) bool {
	return slices.ContainsFunc(e.attrs, func(a attr) bool {
		return lower(a.name) == name || slices.ContainsFunc(a.aliases, func(alias string) bool { return lower(alias) == name })
	})
}

// canonical is how the attribute of that lower-case name is spelled.
func (e *element) canonical(key string) string {
	for _, a := range e.attrs {
		if lower(a.name) == key {
			return a.name
		}
	}
	return clip(key)
}
