package callstate

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestTwentyDecisions: an application that names one dead destination after the other is asked twenty times (spec ozeki
// 9.1); the failure of the last is the caller's.
func TestTwentyDecisions(t *testing.T) {
	d := into(t, "settings decide=3s | invite 1 from 2000 to 2001")
	for try := 1; try <= 20; try++ {
		if i := d.call.Intercept; !i.waits() || i.Question.Try != try {
			t.Fatalf("before decision %d the question is %+v", try, i)
		}
		for _, line := range []string{"request route to 2002", "located 0"} {
			if _, err := d.play(line, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d.call.State != CallEnding || d.call.Cause.Kind != Unavailable || d.call.Intercept != nil {
		t.Errorf("after twenty decisions the call is %s, %+v, %+v", d.call.State, d.call.Cause, d.call.Intercept)
	}
	d.finishOff()
	for _, fault := range d.faults() {
		t.Error(fault)
	}
}

// TestTwentyDecisionsUnknown: the same where the destinations do not even exist, so that every question is put in the
// step of the decision before.
func TestTwentyDecisionsUnknown(t *testing.T) {
	d := into(t, "settings decide=3s | invite 1 from 2000 to 2001"+strings.Repeat(" | request route to 9999", 20))
	if d.call.State != CallEnding || d.call.Cause.Kind != NotFound {
		t.Errorf("after twenty decisions the call is %s, %+v", d.call.State, d.call.Cause)
	}
}

// TestNamed is where a destination leads that an application names.
func TestNamed(t *testing.T) {
	d := &Directory{
		Extensions: map[string]Extension{"2000": {Number: "2000", Outbound: true}, "2001": {Number: "2001"}, "line": {Number: "line"}},
		Trunks:     map[string]bool{"provider": true, "line": true},
		Outbound:   []OutboundRoute{{Pattern: regexp.MustCompile("^0[0-9]+$"), Trunks: []string{"provider"}, Strip: 1}},
	}
	alice, bob := By{Extension: "2000"}, By{Extension: "2001"}
	for _, c := range []struct {
		name                 string
		destination, dialled string
		by                   By
		want                 Route
	}{
		{"an extension", "2001", "777", bob, Route{Number: "2001"}},
		{"an outside number goes by the dial plan", "0301", "777", alice, Route{Number: "0301", Hops: []Hop{{"provider", "301"}}}},
		{"and needs a right", "0301", "777", bob, Route{Number: "0301", Refused: Barred}},
		{"which an inbound route can give", "0301", "777", By{Outside: true}, Route{Number: "0301", Hops: []Hop{{"provider", "301"}}}},
		{"a trunk gets the number as it is", "provider", "0301", alice, Route{Number: "0301", Hops: []Hop{{"provider", "0301"}}}},
		{"one that no outbound route knows as well", "provider", "77", alice, Route{Number: "77", Hops: []Hop{{"provider", "77"}}}},
		{"a trunk needs the right", "provider", "0301", bob, Route{Number: "0301", Refused: Barred}},
		{"nobody has it", "provider", "0301", By{}, Route{Number: "0301", Refused: Barred}},
		{"a trunk gets numbers only", "provider", "0301;rn=1", alice, Route{Number: "0301;rn=1", Refused: NotFound}},
		{"and not none", "provider", "", alice, Route{Refused: NotFound}},
		{"an extension of a trunk's name is an extension", "line", "0301", bob, Route{Number: "line"}},
		{"a trunk that there is not", "ghost", "0301", alice, Route{Number: "ghost", Refused: NotFound}},
	} {
		if got := d.named(c.destination, c.dialled, c.by); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %s with %s leads to %+v, expected %+v", c.name, c.destination, c.dialled, got, c.want)
		}
	}
}

// writeAsked is "try 2 after busy at 2001 (2001)".
func writeAsked(a Asked) string {
	s := fmt.Sprintf("try %d, dialled %s", a.Try, a.Dialled)
	if a.Try > 1 {
		s += fmt.Sprintf(", %s at %s", strings.ReplaceAll(string(a.Failed), " ", "-"), a.Extension)
	}
	return s
}

// writeRoute is "route try=1 to 2002 ring=10s shows=100 dialled=5551234", "route try=1 plan" or "route try=1 reject".
func writeRoute(r RouteCall) string {
	s := fmt.Sprintf("route try=%d", r.Try)
	switch {
	case r.Plan:
		return s + " plan"
	case r.Destination == "":
		return s + " reject"
	}
	s += " to " + r.Destination
	if r.Ring != 0 {
		s += fmt.Sprintf(" ring=%s", r.Ring)
	}
	if r.Shows.Number != "" {
		s += " shows=" + r.Shows.Number
	}
	if r.Dialled != "" {
		s += " dialled=" + r.Dialled
	}
	return s
}

// route reads the answer to the question that is open, or to another one.
func (w *words) route() (r RouteCall) {
	if r.Try = w.number("try"); r.Try == 0 && w.sim.call.Intercept != nil {
		r.Try = w.sim.call.Intercept.Question.Try
	}
	if r.Plan = w.is("plan"); r.Plan || w.is("reject") {
		return r
	}
	r.Destination, r.Shows.Number, r.Dialled = w.after("to"), w.opt("shows"), w.opt("dialled")
	if s := w.opt("ring"); s != "" {
		var err error
		if r.Ring, err = time.ParseDuration(s); err != nil {
			panic(err)
		}
	}
	return r
}
