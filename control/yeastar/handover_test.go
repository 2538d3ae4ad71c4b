package yeastar

import (
	"slices"
	"testing"

	"ringdown/callstate"
)

// born is a leg that another call gave away, or will.
func born(in callstate.CallID, l callstate.LegSummary) callstate.LegSummary {
	l.ID.Call = in
	return l
}

// TestHandOver: 2005 consults 2008 in a second call and joins it with 2000 by REFER with Replaces. 2008 keeps its channel
// in the call that survives, whose commands go to that call, whichever of the two calls speaks first; its last word is
// that it talks.
func TestHandOver(t *testing.T) {
	const carol = "PJSIP/2008-000000b1"
	second := call(born(339, leg(1, "2005", up, "in", "calling")), born(339, leg(2, "2008", up)))
	second.ID = 339
	emptied := second
	emptied.Legs = nil
	joined := call(leg(1, "2000", up, "in", "calling"), leg(2, "2005", callstate.LegEnding), born(339, leg(2, "2008", up)),
		born(339, leg(1, "2005", callstate.LegEnding)))
	gives := func(d *desk) { d.tell(callstate.NoticeEnded, emptied) }
	takes := func(d *desk) {
		d.tell(callstate.NoticeTransferred, joined, func(n *callstate.Notice) {
			n.Parties = []callstate.LegSummary{leg(1, "2000", up, "in", "calling"), leg(2, "2005", up)}
		})
	}
	for name, order := range map[string][]func(*desk){"giver first": {gives, takes}, "receiver first": {takes, gives}} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			a := newAPI(t, d)
			c := newClient(t, a)
			d.talking()
			d.tell(callstate.NoticeAnswered, second)
			s := take(a)
			for _, step := range order {
				step(d)
			}
			events := s.taken()
			transfer := told(30013, `{"call_id":"1650029138.338","members":[`+ext("2000", alice, "ANSWERED")+`,`+ext("2005", bob, "ANSWER")+`]}`)
			after := callEvent(ext("2000", alice, "ANSWERED"), ext("2005", bob, "BYE"), ext("2008", carol, "ANSWER"))
			if i, j := slices.Index(events, transfer), slices.Index(events, after); i < 0 || j < i {
				t.Errorf("told %q", events)
			}
			c.expect("hold", c.post("call/hold", `{"channel_id":"`+carol+`"}`), 0)
			if got := d.requests(); len(got) != 1 || got[0] != (callstate.HoldLeg{Leg: callstate.LegID{Call: 339, N: 2}}) {
				t.Errorf("asked %v", got)
			}
			if got := c.get("call/query", ""); got.body != `{"errcode":0,"errmsg":"SUCCESS","data":[{"call_id":"1650029138.338","members":[`+
				ext("2000", alice, "ANSWERED")+`,`+ext("2008", carol, "ANSWER")+`]}]}` {
				t.Error(got.body)
			}
			last := call()
			s.taken()
			d.tell(callstate.NoticeEnded, last)
			if got := s.taken(); !slices.Contains(got, presenceEvent("2008", "Idle")) || !slices.Contains(got, presenceEvent("2000", "Idle")) ||
				len(a.board.extensions.of)+len(a.board.channels) != 0 {
				t.Errorf("told %q, left %v", got, a.board.extensions.of)
			}
		})
	}
}

// TestHandOverLate: who is about to be shown in its new call has not left either; the transferor has.
func TestHandOverLate(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	d.talking()
	second := call(born(339, leg(1, "2005", up, "in", "calling")), born(339, leg(2, "2008", up)))
	second.ID = 339
	d.tell(callstate.NoticeAnswered, second)
	s := take(a)
	gone := second
	gone.Legs = nil
	d.tell(callstate.NoticeEnded, gone, func(n *callstate.Notice) { n.Moved = []callstate.LegID{{Call: 339, N: 2}} })
	want := told(30011, `{"call_id":"1650029138.339","members":[`+ext("2005", "PJSIP/2005-000000b0", "BYE")+`]}`)
	if got := s.taken(); !slices.Contains(got, want) {
		t.Errorf("told %q", got)
	}
}

// TestHandOverEarly: who is shown in its new call already is not told to have left by the old one.
func TestHandOverEarly(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	d.talking()
	second := call(born(339, leg(1, "2005", up, "in", "calling")), born(339, leg(2, "2008", up)))
	second.ID = 339
	d.tell(callstate.NoticeAnswered, second)
	d.tell(callstate.NoticeTransferred, call(leg(1, "2000", up, "in", "calling"), born(339, leg(2, "2008", up))))
	s := take(a)
	second.Legs = nil
	d.tell(callstate.NoticeEnded, second)
	want := told(30011, `{"call_id":"1650029138.339","members":[`+ext("2005", "PJSIP/2005-000000b0", "BYE")+`]}`)
	if got := s.taken(); !slices.Contains(got, want) {
		t.Errorf("told %q", got)
	}
}
