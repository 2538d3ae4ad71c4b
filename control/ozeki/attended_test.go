package ozeki

import (
	"reflect"
	"testing"

	"ringdown/callstate"
)

// talk is a call in conversation; a leg is its number, with a trunk for an outside party.
func talk(id callstate.CallID, legs ...callstate.LegSummary) callstate.Summary {
	for i := range legs {
		if legs[i].ID == (callstate.LegID{}) {
			legs[i].ID = callstate.LegID{Call: id, N: uint32(i + 1)}
		}
	}
	return callstate.Summary{ID: id, State: callstate.ShownInCall, Legs: legs}
}

func phone(number string, calling bool) callstate.LegSummary {
	return callstate.LegSummary{Party: callstate.Party{Number: number}, State: callstate.LegUp, Calling: calling, Inbound: calling}
}

func outside(number string, calling bool) callstate.LegSummary {
	l := phone(number, calling)
	l.Trunk = "siptrunk"
	return l
}

func in(state string, l callstate.LegSummary) callstate.LegSummary {
	l.State = state
	return l
}

// TestAttendedTransfer: 103 called the transferor 104, who consults 105 (spec ozeki 8.8). Ids: 345fad and HL1bE0.
func TestAttendedTransfer(t *testing.T) {
	leg := func(call callstate.CallID, n uint32) callstate.LegID { return callstate.LegID{Call: call, N: n} }
	first, second := talk(1, phone("103", true), phone("104", false)), talk(2, phone("104", true), phone("105", false))
	handed := phone("104", false)
	handed.ID = leg(9, 4)
	both := talk(2, phone("104", true), phone("103", false))
	invalid := func(param string) string {
		return "Missing or invalid parameter '" + param + "' for command 'AttendedTransfer'"
	}
	const ids = "&TransferredCallId=345fad&TargetCallId=HL1bE0"
	for name, row := range map[string]struct {
		first, second callstate.Summary
		query         string
		err           error
		code          int
		message       string
		want          callstate.Request
	}{
		"plain": {first, second, ids, nil, 200, done, callstate.AttendedTransfer{Transferor: leg(1, 2), Consultation: leg(2, 1)}},
		"the table's spelling": {first, second, "&TranferredCallId=345fad&targetcallid=HL1bE0", nil, 200, done,
			callstate.AttendedTransfer{Transferor: leg(1, 2), Consultation: leg(2, 1)}},
		"the other way round": {first, second, "&TransferredCallId=HL1bE0&TargetCallId=345fad", nil, 200, done,
			callstate.AttendedTransfer{Transferor: leg(2, 1), Consultation: leg(1, 2)}},
		"the side is a tie breaker only": {first, second, ids + "&TransferorParty=caller", nil, 200, done,
			callstate.AttendedTransfer{Transferor: leg(1, 2), Consultation: leg(2, 1)}},
		"outside parties": {talk(1, outside("12345678", true), phone("104", false)), talk(2, phone("104", true), outside("5503301", false)), ids, nil, 200, done,
			callstate.AttendedTransfer{Transferor: leg(1, 2), Consultation: leg(2, 1)}},
		"a leg that was handed over": {talk(1, phone("103", true), handed), second, ids, nil, 200, done,
			callstate.AttendedTransfer{Transferor: leg(9, 4), Consultation: leg(2, 1)}},
		"the target rings": {first, talk(2, in(callstate.LegRinging, phone("104", true)), in(callstate.LegRinging, phone("105", false))), ids, nil, 200, done,
			callstate.AttendedTransfer{Transferor: leg(1, 2), Consultation: leg(2, 1)}},
		"two in common, the caller leaves": {first, both, ids + "&TransferorParty=Caller", nil, 200, done,
			callstate.AttendedTransfer{Transferor: leg(1, 1), Consultation: leg(2, 2)}},
		"two in common, the callee leaves": {first, both, ids + "&TranferorParty=callee", nil, 200, done,
			callstate.AttendedTransfer{Transferor: leg(1, 2), Consultation: leg(2, 1)}},
		"two in common":           {first, both, ids, nil, 302, invalid("TransferorParty"), nil},
		"a side that is none":     {first, second, ids + "&TransferorParty=all", nil, 302, invalid("TransferorParty"), nil},
		"nobody in common":        {first, talk(2, phone("106", true), phone("105", false)), ids, nil, 302, invalid("TargetCallId"), nil},
		"a caller's claim":        {first, talk(2, outside("104", true), phone("105", false)), ids, nil, 302, invalid("TargetCallId"), nil},
		"without numbers":         {talk(1, phone("", true), phone("104", false)), talk(2, phone("", true), phone("105", false)), ids, nil, 302, invalid("TargetCallId"), nil},
		"it has left":             {first, talk(2, in(callstate.LegEnding, phone("104", true)), phone("105", false)), ids, nil, 302, invalid("TargetCallId"), nil},
		"it only rings there":     {first, talk(2, phone("105", true), in(callstate.LegRinging, phone("104", false))), ids, nil, 302, invalid("TargetCallId"), nil},
		"itself":                  {first, second, "&TransferredCallId=345fad&TargetCallId=345fad", nil, 302, invalid("TargetCallId"), nil},
		"no transferred call":     {first, second, "&TransferredCallId=zzzzz&TargetCallId=HL1bE0", nil, 601, "Call not found with ID 'zzzzz'", nil},
		"no target call":          {first, second, "&TransferredCallId=345fad&TargetCallId=yyyyy", nil, 601, "Call not found with ID 'yyyyy'", nil},
		"transferred missing":     {first, second, "&CallId=345fad&TargetCallId=HL1bE0", nil, 302, invalid("TransferredCallId"), nil},
		"target missing":          {first, second, "&TransferredCallId=345fad", nil, 302, invalid("TargetCallId"), nil},
		"the target has ended":    {first, second, ids, &callstate.Error{Kind: callstate.NoSuchLeg, Param: "target"}, 601, "Call not found with ID 'HL1bE0'", nil},
		"transferred has ended":   {first, second, ids, &callstate.Error{Kind: callstate.NoSuchCall}, 601, "Call not found with ID '345fad'", nil},
		"the transferor has left": {first, second, ids, &callstate.Error{Kind: callstate.NoSuchLeg}, 303, "Command 'AttendedTransfer' cannot be used here", nil},
		"another runs":            {first, second, ids, &callstate.Error{Kind: callstate.InProgress}, 303, "Command 'AttendedTransfer' cannot be used here", nil},
		"too many to mix":         {first, second, ids, &callstate.Error{Kind: callstate.Unsupported, Param: "target"}, 303, "Command 'AttendedTransfer' cannot be used here", nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSwitchboard()
			a := newAPI(t, b, Config{}, "345fad", "HL1bE0")
			b.start(row.first)
			b.start(row.second)
			b.refuse = row.err
			expect(t, get(t, a, "command=AttendedTransfer"+row.query+login), row.code, row.message)
			var want []asked
			if row.want != nil {
				call := callstate.CallID(1)
				if name == "the other way round" {
					call = 2
				}
				want = []asked{{call, row.want}}
			}
			if got := b.requests(); !reflect.DeepEqual(got, want) {
				t.Errorf("asked %+v, want %+v", got, want)
			}
		})
	}
}

// TestAttendedTransferOfACallThatEnds: its id is known still, its summary is gone.
func TestAttendedTransferOfACallThatEnds(t *testing.T) {
	for _, gone := range []callstate.CallID{1, 2} {
		b := newSwitchboard()
		a := newAPI(t, b, Config{}, "345fad", "HL1bE0")
		b.start(talk(1, phone("103", true), phone("104", false)))
		b.start(talk(2, phone("104", true), phone("105", false)))
		delete(b.calls, gone)
		id := map[callstate.CallID]string{1: "345fad", 2: "HL1bE0"}[gone]
		expect(t, get(t, a, "command=AttendedTransfer&TransferredCallId=345fad&TargetCallId=HL1bE0"+login), 601, "Call not found with ID '"+id+"'")
	}
}

// TestDenied: who may not call outside numbers is told which parameter is at fault.
func TestDenied(t *testing.T) {
	for query, message := range map[string]string{
		"ForwardCall&Destination=5503301":                     "Missing or invalid parameter 'Destination' for command 'ForwardCall'",
		"BlindTransfer&TransferorParty=callee&Target=5503301": "Missing or invalid parameter 'Target' for command 'BlindTransfer'",
	} {
		b := newSwitchboard()
		a := newAPI(t, b, Config{}, "AAAAAA")
		b.start(talk(7, phone("103", true), phone("104", false)))
		b.refuse = &callstate.Error{Kind: callstate.Denied, Param: "target"}
		expect(t, get(t, a, "CallId=AAAAAA&command="+query+login), 302, message)
	}
}
