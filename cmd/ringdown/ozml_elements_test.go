package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// element is one row of the table: what comes of an element in each situation. A number is the code of a fault, with what
// its text names, the element where nothing else is said; a word is an effect that a phone hears or sees (ozml_effects_test.go).
type element struct {
	xml string
	in  map[situation]string
}

// row is a row with its columns in the order of situations.
func row(xml string, columns string) element {
	e := element{xml, map[situation]string{}}
	for i, cell := range strings.Split(columns, "|") {
		e.in[situations[i]] = strings.TrimSpace(cell)
	}
	return e
}

// everywhere is a row with the same in all columns.
func everywhere(xml, cell string) element {
	return row(xml, strings.Repeat(cell+"|", len(situations)-1)+cell)
}

// The columns: ringing | talking | onHold | transferring | atExtension | phoneHolds | wasPlaced. An element is written as
// one for a call of others: what it says of sides means nothing to an API extension (spec ozeki 1.3).
var elements = []element{
	row(`<ForwardCall Destination="2003"/>`, "forwards|303|303|303|303|303|303"),
	row(`<Forward Destination="2003"/>`, "forwards|303 ForwardCall|303 ForwardCall|303 ForwardCall|303 ForwardCall|303 ForwardCall|303 ForwardCall"),
	row(`<ForwardCall Destination="9876"/>`, "302 Destination|303|303|303|303|303|303"),
	everywhere(`<ForwardCall/>`, "302 Destination"),
	row(`<SendDTMF Party="caller" Keys="1,2"/>`, "303|digits|303|303|digits|303|digits"),
	row(`<SendDTMF Party="nobody" Keys="1"/>`, "302 Party|302 Party|302 Party|302 Party|digit|303|digit"),
	everywhere(`<SendDTMF Party="all" Keys="x"/>`, "302 Keys"),
	row(`<Speak Party="caller">Hello</Speak>`, "303|speech|303|303|speech|unheard|speech"),
	everywhere(`<Speak> </Speak>`, "302 Text"),
	row(`<Play Party="caller">880.wav</Play>`, "303|file|303|303|file|unheard|file"),
	everywhere(`<Play Party="all" AudioFile="missing.wav"/>`, "302 AudioFile"),
	everywhere(`<Play Party="all">../880.wav</Play>`, "302 AudioFile"), // X18
	row(`<Beep Party="caller"/>`, "303|beep|303|303|beep|unheard half|beep"),
	everywhere(`<Beep Frequency="1"/>`, "302 Frequency"),
	everywhere(`<Delay>1.5</Delay>`, "time"),
	everywhere(`<Delay>soon</Delay>`, "302 Time"),
	row(`<Hold/>`, "303|holds|holds|303|holds|holds|holds"),
	row(`<Unhold/>`, "303|303|resumes|303|303|303|303"),
	row(`<Hangup/>`, "ends|ends|ends|ends|ends|ends|ends"),
	row(`<BlindTransfer TransferorParty="callee" Target="2003"/>`, "303|transfers|transfers|303|transfers|transfers|transfers"),
	row(`<BlindTransfer TransferorParty="callee" Target="9876"/>`,
		"303|302 Target|302 Target|303|302 Target|302 Target|302 Target"),
	row(`<BlindTransfer>2003</BlindTransfer>`,
		"302 TransferorParty|302 TransferorParty|302 TransferorParty|302 TransferorParty|transfers|transfers|transfers"),
	everywhere(`<AttendedTransfer TargetCallId="zzzzz"/>`, "601 zzzzz"),
	everywhere(`<AttendedTransfer/>`, "302 TargetCallId"),
	row(`<Reject/>`, "303|303|303|303|rejects|303|303"),
	everywhere(`<Route Destination="2003"/>`, "303"), // spec ozeki 9.1: it answers RoutingInterception alone
	row(`<UserInput Timeout="5"><InitialCommands><Play>880.wav</Play></InitialCommands><Inputs><Input key="5"><Beep/></Input></Inputs></UserInput>`,
		"303|303|303|303|input|no input|input"),
	everywhere(`<GoTo>/more</GoTo>`, "continues"),
	everywhere(`<GoTo>http://192.0.2.66/</GoTo>`, "302 Url"), // X18
	everywhere(`<Var ID="v" Value="1.5"/><Delay>$v</Delay>`, "time"),
	everywhere(`<Var Value="1"/>`, "302 ID"),
	everywhere(`<Array ID="times"><Item>0.5</Item><Item>1</Item></Array><ForEach Source="times"><Delay>$item</Delay></ForEach>`, "time"),
	everywhere(`<Array/>`, "302 ID"),
	everywhere(`<ForEach Source="unknown"><Hangup/></ForEach>`, "302 Source"),
	everywhere(`<Exit/>`, "ends the script"),
	everywhere(`<Call ApiExtension="9990">2004</Call>`, "calls"),
	everywhere(`<Call ApiExtension="9986">2004</Call>`, "401"),
	everywhere(`<Call>20;04</Call>`, "302 Dialed"),
	row(`<Record Format="wav" Duration="2" FinishedUrl="/recorded"/>`, "303|records|records|records|records 2s|records 2s|records 2s"),
	everywhere(`<Record RecordPath="../elsewhere"/>`, "302 RecordPath"), // X18
	everywhere(`<Unheard Of="it"/>`, "301 Unheard"),
	everywhere(`<SendSms Recipient="1">Hello</SendSms>`, "301 SendSMS"),
	everywhere(`<ListActiveCalls/>`, "303"),
	everywhere(`<Input key="1"/>`, "303"),
}

// fault is the text of a cell that is one; empty for an effect.
func (e element) fault(in situation) string {
	code, what, _ := strings.Cut(e.in[in], " ")
	name := strings.FieldsFunc(e.xml, func(r rune) bool { return strings.ContainsRune("< />", r) })[0]
	switch code {
	case "301":
		return "301 Not implemented command: '" + what + "'"
	case "302":
		return fmt.Sprintf("302 Missing or invalid parameter '%s' for command '%s'", what, name)
	case "303":
		if what == "" {
			what = name
		}
		return "303 Command '" + what + "' cannot be used here"
	case "401":
		return "401 API extension '9986' unavailable, please check configuration or permissions"
	case "601":
		return "601 Call not found with ID '" + what + "'"
	}
	return ""
}

// Every element that can do nothing in a situation, one after the other: the application is told why, in order, the script
// goes on with the next each time, and the call is left alone.
func TestElementsThatCannot_X18(t *testing.T) {
	for _, in := range situations {
		t.Run(string(in), func(t *testing.T) {
			var all []string
			var want []string
			for _, e := range elements {
				if fault := e.fault(in); fault != "" {
					all, want = append(all, e.xml), append(want, fault)
				}
			}
			if in.ofExtension() {
				all, want = slices.Insert(all, 0, `<Delay>0</Delay>`), append(want, `303 Command 'Reject' cannot be used here`)
				all = append(all, `<Reject/>`)
			}
			breath := "<Delay>0.1</Delay>" // no more faults at once than may wait to be told
			onStage(t, in, strings.Join(all, breath)+next, func(s *theatre) {
				s.faulted(append(want, nextFault)...)
				s.that(!slicesHas(s.app.taken(), "/"), "a host was asked that is not allowed") // X18
				s.undisturbed(in)
			})
		})
	}
}

// Every element in every situation in which it does something: a phone hears or sees it, and the script goes on when it is
// done.
func TestElementsThatCan(t *testing.T) {
	for _, in := range situations {
		for _, e := range elements {
			effect := effects[e.in[in]]
			if e.fault(in) != "" {
				continue
			}
			t.Run(string(in)+e.xml, func(t *testing.T) {
				if effect == nil {
					t.Fatalf("%q is no effect", e.in[in])
				}
				onStage(t, in, e.xml+next, func(s *theatre) { effect(s, in) })
			})
		}
	}
}
