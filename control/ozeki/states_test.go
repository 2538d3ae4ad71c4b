package ozeki

import (
	"fmt"
	"slices"
	"testing"

	"ringdown/callstate"
)

// TestEndings is the whole of spec ozeki 4.4: what is told last of a call. TestResults has what became of it.
func TestEndings(t *testing.T) {
	for kind, want := range map[callstate.CauseKind]string{
		callstate.Normal: "Completed", callstate.Cancelled: "Cancelled", callstate.Busy: "Busy", callstate.Declined: "Busy",
		callstate.NoAnswer: "Busy", callstate.Unavailable: "Busy", callstate.NotFound: "Error", callstate.Elsewhere: "Completed",
		callstate.Forwarded: "Transferred", callstate.Transferred: "Transferred", callstate.Loop: "Error", callstate.Forbidden: "Error",
		callstate.Barred: "Error", callstate.NoMedia: "Error", callstate.Overload: "Error", callstate.Lost: "Error",
		callstate.Silent: "Error", callstate.TooLong: "Completed", callstate.Aborted: "Completed", callstate.Shutdown: "Completed",
		callstate.Failed: "Error", "tomorrow": "Error",
	} {
		if got := endingOf(callstate.Cause{Kind: kind}).last(true); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
	if got := endingOf(callstate.Cause{Kind: callstate.Normal}).last(false); got != "Cancelled" {
		t.Errorf("a caller leaves before the answer: got %s", got)
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
