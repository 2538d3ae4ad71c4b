package ozeki

import (
	"fmt"
	"slices"
	"testing"

	"ringdown/callstate"
)

// TestEndings is the whole of spec ozeki 4.4: what is told last of a call, and its result.
func TestEndings(t *testing.T) {
	for kind, want := range map[callstate.CauseKind]ending{
		callstate.Normal: {"Completed", "CallerHungUp"}, callstate.Cancelled: {"Cancelled", "Cancelled"},
		callstate.Busy: {"Busy", "Busy"}, callstate.Declined: {"Busy", "Busy"}, callstate.NoAnswer: {"Busy", "NotAnswered"},
		callstate.Unavailable: {"Busy", "NotAnswered"}, callstate.NotFound: {"Error", "NotFound"},
		callstate.Elsewhere: {"Completed", "Aborted"}, callstate.Forwarded: {"Transferred", "Redirected"},
		callstate.Transferred: {"Transferred", "TransferCompleted"}, callstate.Loop: {"Error", "Error"},
		callstate.Forbidden: {"Error", "Error"}, callstate.Barred: {"Error", "Error"}, callstate.NoMedia: {"Error", "Error"},
		callstate.Overload: {"Error", "Error"}, callstate.Lost: {"Error", "Error"}, callstate.Silent: {"Error", "Error"},
		callstate.TooLong: {"Completed", "Aborted"}, callstate.Aborted: {"Completed", "Aborted"},
		callstate.Shutdown: {"Completed", "Aborted"}, callstate.Failed: {"Error", "Error"},
	} {
		if got := endingOf(callstate.Notice{Cause: callstate.Cause{Kind: kind}, By: callstate.Caller}); got != want {
			t.Errorf("%s: got %v, want %v", kind, got, want)
		}
	}
	if got := endingOf(callstate.Notice{Cause: callstate.Cause{Kind: callstate.Normal}, By: callstate.Callee}); got.result != "CalleeHungUp" {
		t.Errorf("got %v", got)
	}
}

// TestView: which states CallChanged tells, and when again (spec ozeki 4.1, 8.1).
func TestView(t *testing.T) {
	const setup, ringing, talking, held = callstate.ShownSetup, callstate.ShownRinging, callstate.ShownInCall, callstate.ShownHeld
	type shows struct {
		state callstate.Shown
		to    string
	}
	for name, row := range map[string]struct {
		shown []shows
		want  string
	}{
		"plain":               {[]shows{{setup, "1"}, {ringing, "1"}, {ringing, "1"}, {talking, "1"}, {talking, "1"}}, "[Ringing 1 Answered 1 InCall 1]"},
		"forwarded":           {[]shows{{ringing, "1"}, {setup, "2"}, {ringing, "2"}, {ringing, "2"}}, "[Ringing 1 Ringing 2]"},
		"held":                {[]shows{{talking, "1"}, {held, "1"}, {held, "1"}, {talking, "1"}}, "[Answered 1 InCall 1 Hold 1 InCall 1]"},
		"held at once":        {[]shows{{held, "1"}, {talking, "1"}}, "[Answered 1 InCall 1 Hold 1 InCall 1]"},
		"transferred":         {[]shows{{talking, "1"}, {talking, "2"}}, "[Answered 1 InCall 1 InCall 2]"},
		"transferred in hold": {[]shows{{talking, "1"}, {held, "1"}, {held, "2"}, {talking, "2"}}, "[Answered 1 InCall 1 Hold 1 InCall 2]"},
		"over":                {[]shows{{ringing, "1"}, {callstate.ShownEnded, "1"}}, "[Ringing 1]"},
	} {
		var v view
		got := []string{}
		for _, s := range row.shown {
			for _, state := range v.step(&callstate.Summary{State: s.state, Callee: callstate.Party{Number: s.to}}) {
				got = append(got, state+" "+s.to)
			}
		}
		if fmt.Sprint(slices.Clip(got)) != row.want {
			t.Errorf("%s: got %v, want %s", name, got, row.want)
		}
	}
}
