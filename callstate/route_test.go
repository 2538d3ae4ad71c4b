package callstate

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestRoute is the dial plan, row by row: where a number leads, for whom, and who is refused.
func TestRoute(t *testing.T) {
	re := regexp.MustCompile
	d := &Directory{
		Extensions: map[string]Extension{
			"2000":   {Number: "2000", Outbound: true},
			"2001":   {Number: "2001"},
			"600000": {Number: "600000"}, // an extension whose number looks like an outside one
		},
		Inbound: []InboundRoute{
			{Trunk: "provider", Pattern: re("^5503301$"), To: "2000"},
			{Trunk: "provider", Pattern: re("^5503302$"), To: "0777777"},
			{Trunk: "provider", Pattern: re("^5503303$"), To: "nobody"},
			{Trunk: "provider", Pattern: re("^(1[0-9]+|2001|5503301)$"), To: "{number}"},
			{Trunk: "isp", Pattern: re("^00"), To: "1{number}1{number}"},
		},
		Outbound: []OutboundRoute{
			{Pattern: re("^99$"), Trunks: nil}, // leads nowhere
			{Pattern: re("^0[0-9]+$"), Trunks: []string{"isp"}, Strip: 1, Prepend: "+49"},
			{Pattern: re("^[0-9]{6,}$"), Trunks: []string{"provider", "isp"}},
			{Pattern: re("^0777777$"), Trunks: []string{"never"}}, // an earlier one matches
			{Pattern: re("^[*]1$"), Trunks: []string{"isp"}, Strip: 5},
			{Pattern: re("77[0-9]"), Trunks: []string{"isp"}}, // finds its number in the midst of anything
		},
	}
	alice, bob, stranger, nobody := By{Extension: "2000"}, By{Extension: "2001"}, By{Extension: "4711"}, By{}
	provider, isp := By{Trunk: "provider"}, By{Trunk: "isp"}
	both := func(number string) []Hop { return []Hop{{"provider", number}, {"isp", number}} }
	for _, c := range []struct {
		name   string
		number string
		by     By
		want   Route
	}{
		{"an extension", "2001", alice, Route{Number: "2001"}},
		{"an extension needs no right", "2000", bob, Route{Number: "2000"}},
		{"an extension comes before a route", "600000", nobody, Route{Number: "600000"}},
		{"an outside number, trunks in order", "5551234", alice, Route{Number: "5551234", Hops: both("5551234")}},
		{"strip and prepend; the number dialled stays", "0301234", alice, Route{Number: "0301234", Hops: []Hop{{"isp", "+49301234"}}}},
		{"the first route counts", "0777777", alice, Route{Number: "0777777", Hops: []Hop{{"isp", "+49777777"}}}},
		{"nothing left behind what is stripped", "*1", alice, Route{Number: "*1", Refused: NotFound}},
		{"no route", "9999", alice, Route{Number: "9999", Refused: NotFound}},
		{"a route without a trunk", "99", alice, Route{Number: "99", Refused: NotFound}},
		{"empty", "", alice, Route{Refused: NotFound}},
		{"a pattern without an end", "+771-*#a.B_(2)!~", alice, Route{Number: "+771-*#a.B_(2)!~", Hops: []Hop{{"isp", "+771-*#a.B_(2)!~"}}}},
		{"a routing number of the caller's own", "771;rn=0900", alice, Route{Number: "771;rn=0900", Refused: NotFound}},
		{"a password", "771:x", alice, Route{Number: "771:x", Refused: NotFound}},
		{"another host", "771@h", alice, Route{Number: "771@h", Refused: NotFound}},
		{"a header", "771?a=b", alice, Route{Number: "771?a=b", Refused: NotFound}},
		{"a line of its own", "771\r\nX: y", alice, Route{Number: "771\r\nX: y", Refused: NotFound}},
		{"a blank", "771 2", alice, Route{Number: "771 2", Refused: NotFound}},
		{"a letter of more than one byte", "771é", alice, Route{Number: "771é", Refused: NotFound}},
		{"as long as a number can be", strings.Repeat("77", 32), alice, Route{Number: strings.Repeat("77", 32), Hops: both(strings.Repeat("77", 32))}},
		{"longer than that", strings.Repeat("77", 33), alice, Route{Number: strings.Repeat("77", 33), Refused: NotFound}},
		{"no right to call outside", "5551234", bob, Route{Number: "5551234", Refused: Barred}},
		{"nobody's right", "5551234", nobody, Route{Number: "5551234", Refused: Barred}},
		{"a number that is no extension has no right", "5551234", stranger, Route{Number: "5551234", Refused: Barred}},
		{"without a right, what is not there is not there", "9999", bob, Route{Number: "9999", Refused: NotFound}},

		{"from a trunk to an extension", "5503301", provider, Route{Number: "2000"}},
		{"from a trunk to the number called, an extension", "2001", provider, Route{Number: "2001"}},
		{"from a trunk to the number called, outside", "1234567", provider, Route{Number: "1234567", Hops: both("1234567")}},
		{"from a trunk onward to another outside number", "5503302", provider, Route{Number: "0777777", Hops: []Hop{{"isp", "+49777777"}}}},
		{"from a trunk to what is not there", "5503303", provider, Route{Number: "nobody", Refused: NotFound}},
		{"from a trunk, no route matches", "600000", provider, Route{Number: "600000", Refused: NotFound}},
		{"the routes of another trunk do not count", "5503301", isp, Route{Number: "5503301", Refused: NotFound}},
		{"the number as often as it stands there", "0012", isp, Route{Number: "1001210012", Hops: both("1001210012")}},
		{"an extension's number lends a trunk no right", "5551234", By{Extension: "2000", Trunk: "provider"}, Route{Number: "5551234", Refused: NotFound}},
		{"an unknown trunk", "2001", By{Trunk: "ghost"}, Route{Number: "2001", Refused: NotFound}},
	} {
		if got := d.Route(c.number, c.by); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q by %+v leads to %+v, expected %+v", c.name, c.number, c.by, got, c.want)
		}
	}
}

// TestOfTrunk: after which ends of a trunk's leg the next trunk is tried (N14, S21), before and after it rang there.
func TestOfTrunk(t *testing.T) {
	for _, c := range []struct {
		name          string
		why           Cause
		before, after bool
	}{
		{"no answer at all, as sip says", Cause{Kind: Unavailable, Status: 480}, true, false},
		{"408 of the trunk", CauseOf(408), true, false},
		{"500", CauseOf(500), true, false},
		{"502", CauseOf(502), true, false},
		{"503", CauseOf(503), true, true},
		{"599", CauseOf(599), true, false},
		{"our credentials were refused", Cause{Kind: Forbidden, Status: 401, Remote: true}, true, false},
		{"and by a proxy", Cause{Kind: Forbidden, Status: 407, Remote: true}, true, false},
		{"302", CauseOf(302), false, false},
		{"403", CauseOf(403), false, false},
		{"404", CauseOf(404), false, false},
		{"480 of the party", CauseOf(480), false, false},
		{"484", CauseOf(484), false, false},
		{"486", CauseOf(486), false, false},
		{"487", CauseOf(487), false, false},
		{"488", CauseOf(488), false, false},
		{"600", CauseOf(600), false, false},
		{"603", CauseOf(603), false, false},
		{"no ports of ours", Cause{Kind: Overload}, false, false},
		{"an application ended it", Cause{Kind: Aborted}, false, false},
	} {
		if before, after := c.why.ofTrunk(false), c.why.ofTrunk(true); before != c.before || after != c.after {
			t.Errorf("%s: the next trunk is tried: %t, and after it rang %t; expected %t and %t", c.name, before, after, c.before, c.after)
		}
	}
}

// TestCalleeDialled: lists show the number that was dialled for whoever answers (F4), but not for who picks a call up.
func TestCalleeDialled(t *testing.T) {
	for recipe, want := range map[string]string{
		"invite 1 from 2000 to 2001 | located 1": "2001",
		"invite 1 from 2000 to 2001 | located 1 | ends 2 unavailable status=302 moved=2002,2003 | located 1 for 2002 | located 1 for 2003":             "2002",
		"invite 1 from 2000 to 2001 | located 1 | ends 2 unavailable status=302 moved=2002,2003 | located 1 for 2002 | located 1 for 2003 | answers 4": "2003",
		"extension 2001 no-answer=2002 | invite 1 from 2000 to 2001 | located 0":                                                                       "2002",
		"invite 1 from 12345678 to 5503301 trunk=provider":                                                                                             "2001",
		"extension 2001 pickup=x | extension 2002 pickup=x | invite 1 from 2000 to 2001 | located 1 | invite 9 from 2002 to 2001 replaces=2":           "2001",
	} {
		if got := into(t, recipe).call.Summary().CalleeDialled; got != want {
			t.Errorf("%s: CalleeDialled is %s, expected %s", recipe, got, want)
		}
	}
	d := into(t, "extension 2001 pickup=x | extension 2002 pickup=x | invite 1 from 2000 to 2001 | located 1 | invite 9 from 2002 to 2001 replaces=2")
	if d.call.State != CallConnected || d.call.CalleeParty.Number != "2002" {
		t.Errorf("carol has not picked the call up: %s, %+v", d.call.State, d.call.CalleeParty)
	}
}
