package yeastar

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"ringdown/callstate"
)

// by makes a leg one of the trunk peer-to-41; local is the number at our end.
func by(l callstate.LegSummary, local string) callstate.LegSummary {
	l.Trunk, l.Local = "peer-to-41", local
	return l
}

// line is a member that a trunk leads to.
func line(kind, from, to, channel, status string) string {
	return `{"` + kind + `":{"from":"` + from + `","to":"` + to + `","trunk_name":"peer-to-41","channel_id":"` + channel +
		`","member_status":"` + status + `","call_path":""}}`
}

// fromOutside is a call of 5503301, who dialled 5503300 and is led to 2002.
func fromOutside(legs ...callstate.LegSummary) callstate.Summary {
	s := call(legs...)
	s.Caller, s.Callee = callstate.Party{Number: "5503301"}, callstate.Party{Number: "2002"}
	s.CallerDialled, s.CalleeDialled = "5503300", "2002"
	return s
}

const (
	trunkChannel = "PJSIP/trunk-peer-to-41-endpoint-000000ae"
	bobsChannel  = "PJSIP/2002-000000af"
)

// cdr reads the CDRs among events.
func cdrs(t *testing.T, texts []string) (list []recordInfo) {
	t.Helper()
	for _, text := range texts {
		var e event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if e.Type == topicRecord {
			var r recordInfo
			if err := json.Unmarshal([]byte(e.Msg), &r); err != nil {
				t.Fatal(err)
			}
			list = append(list, r)
		}
	}
	return list
}

// TestInbound: a caller by a trunk, in every event byte for byte (spec yeastar-p 6.4), with no presence (6.5).
func TestInbound(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	c := newClient(t, a)
	s := take(a)
	caller := by(leg(1, "5503301", ringing, "in", "calling", "waits"), "2002")
	before := fromOutside(caller, leg(2, "2002", ringing))
	before.Answered = callstate.Time{}
	d.tell(callstate.NoticeRinging, before)
	expectEvents(t, s, presenceEvent("2002", "Ringing"),
		callEvent(line("inbound", "5503301", "2002", trunkChannel, "ALERT"), ext("2002", bobsChannel, "RING")))
	caller.State, caller.Waits = up, false
	talk := fromOutside(caller, leg(2, "2002", up))
	d.tell(callstate.NoticeAnswered, talk)
	members := line("inbound", "5503301", "2002", trunkChannel, "ANSWERED") + "," + ext("2002", bobsChannel, "ANSWER")
	expectEvents(t, s, presenceEvent("2002", "Busy"), callEvent(members))
	const empty = `{"errcode":0,"errmsg":"SUCCESS","data":[]}`
	for query, found := range map[string]bool{
		"": true, "type=inbound": true, "type=Inbound": true, "type=outbound": false, "type=internal": false,
		"extension=2002": true, "extension=5503301": false, "number=5503301": true, "from=5503301": true, "from=2002": false,
	} {
		want := empty
		if found {
			want = `{"errcode":0,"errmsg":"SUCCESS","data":[{"call_id":"1650029138.338","members":[` + members + `]}]}`
		}
		if got := c.get("call/query", query).body; got != want {
			t.Errorf("%s: got %s", query, got)
		}
	}
	c.expect("a trunk's leg may be moved", c.post("call/transfer", `{"type":"blind","channel_id":"`+trunkChannel+`","number":"2008"}`), 0)
	d.tell(callstate.NoticeTransferring, fromOutside(caller, leg(2, "2002", callstate.LegEnding)), func(n *callstate.Notice) {
		n.Leg, n.Parties = bobLeg, talk.Legs
	})
	got := s.taken()
	if got[0] != told(30013, `{"call_id":"1650029138.338","members":[`+members+`]}`) {
		t.Errorf("got %s", got[0])
	}
	d.tell(callstate.NoticeTransferred, fromOutside(caller, leg(3, "2008", up)))
	d.tell(callstate.NoticeEnded, fromOutside(), func(n *callstate.Notice) { n.Cause.Kind = callstate.Normal })
	list := cdrs(t, s.taken())
	if len(list) != 2 {
		t.Fatalf("got %+v", list)
	}
	for i, to := range []string{"2002", "2008"} {
		if r := list[i]; r.CallFrom != "5503301" || r.CallTo != to || r.SrcTrunk != "peer-to-41" || r.DstTrunk != "" || r.Type != "Inbound" ||
			r.DIDNumber != "5503300" || r.Status != "ANSWERED" {
			t.Errorf("CDR %d: %+v", i, r)
		}
	}
}

// TestOutbound: 2005 calls 5503301, who is shown with the number that called.
func TestOutbound(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	s := take(a)
	c := newClient(t, a)
	d.tell(callstate.NoticeAnswered, call(leg(1, "2005", up, "in", "calling"), by(leg(2, "5503301", up), "2005")))
	members := ext("2005", "PJSIP/2005-000000ae", "ANSWERED") + "," +
		line("outbound", "2005", "5503301", "PJSIP/trunk-peer-to-41-endpoint-000000af", "ANSWER")
	expectEvents(t, s, presenceEvent("2005", "Busy"), callEvent(members))
	for query, want := range map[string]string{"type=outbound": members, "type=inbound": "", "number=5503301": members, "extension=2005": members} {
		if got := c.get("call/query", query).body; strings.Contains(got, members) != (want != "") {
			t.Errorf("%s: got %s", query, got)
		}
	}
	d.tell(callstate.NoticeEnded, call())
	if list := cdrs(t, s.taken()); len(list) != 1 || list[0].SrcTrunk != "" || list[0].DstTrunk != "peer-to-41" ||
		list[0].Type != "Outbound" || list[0].CallTo != "5503301" || list[0].DIDNumber != "" {
		t.Errorf("got %+v", list)
	}
}

// TestBusyOutside: a line that is busy at once was never a member; its CDR names the trunk all the same, as a capture of
// a real one does (spec yeastar-p 6.7). So has one that a transfer did not reach.
func TestBusyOutside(t *testing.T) {
	d := newDesk()
	s := take(newAPI(t, d))
	calling := call(leg(1, "2000", callstate.LegIsOffered, "in", "calling"), by(leg(2, "5503301", callstate.LegDialling), "2000"))
	calling.Answered, calling.CallerDialled, calling.CalleeDialled = callstate.Time{}, "05503301", "5503301"
	d.tell(callstate.NoticeChanged, calling)
	calling.Legs = nil
	d.tell(callstate.NoticeEnded, calling, func(n *callstate.Notice) { n.Cause = callstate.Cause{Kind: callstate.Busy, Status: 486} })
	list := cdrs(t, s.taken())
	if len(list) != 1 || list[0].DstTrunk != "peer-to-41" || list[0].Type != "Outbound" || list[0].Status != "BUSY" || list[0].TalkDuration != 0 || list[0].CallTo != "05503301" {
		t.Errorf("got %+v", list)
	}

	talk := call(leg(1, "2000", up, "in", "calling"), leg(2, "2005", up))
	d.tell(callstate.NoticeAnswered, talk)
	consulting := call(append(slices.Clone(talk.Legs), by(leg(3, "5503301", callstate.LegDialling), "2005"))...)
	d.tell(callstate.NoticeChanged, consulting)
	d.tell(callstate.NoticeTransferFailed, talk, func(n *callstate.Notice) {
		n.Leg, n.Target, n.Cause = bobLeg, "5503301", callstate.Cause{Kind: callstate.Busy, Status: 486}
	})
	d.tell(callstate.NoticeEnded, call())
	list = cdrs(t, s.taken())
	if len(list) != 2 || list[1].CallFrom != "2005" || list[1].CallTo != "5503301" || list[1].DstTrunk != "peer-to-41" || list[1].Type != "Outbound" || list[1].Status != "BUSY" {
		t.Errorf("got %+v", list)
	}
}

// TestForward: only an extension's setting has an event, which shows the calling party alone (spec yeastar-p 6.8).
func TestForward(t *testing.T) {
	for _, bySetting := range []bool{true, false} {
		d := newDesk()
		s := take(newAPI(t, d))
		caller := by(leg(1, "5503301", callstate.LegIsOffered, "in", "calling"), "2002")
		setup := fromOutside(caller)
		setup.Answered, setup.RingFrom = callstate.Time{}, callstate.Time{}
		d.tell(callstate.NoticeCreated, setup)
		d.tell(callstate.NoticeForwarded, setup, func(n *callstate.Notice) {
			if bySetting {
				n.Parties = setup.Legs
			}
		})
		want := told(30014, `{"call_id":"1650029138.338","members":[`+line("inbound", "5503301", "2002", trunkChannel, "ALERT")+`]}`)
		if got := s.taken(); slices.Contains(got, want) != bySetting || len(got) > 1 {
			t.Errorf("by a setting %v: got %q", bySetting, got)
		}
	}
}

// TestClaims: what an outside caller calls itself makes no extension busy, nor is it found as one.
func TestClaims(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	s := take(a)
	d.talking()
	second := fromOutside(by(leg(1, "2000", up, "in", "calling"), "2005"))
	second.ID, second.Legs[0].ID.Call = 339, 339
	s.taken()
	d.tell(callstate.NoticeAnswered, second)
	d.tell(callstate.NoticeEnded, call())
	if got := s.taken(); !slices.Contains(got, presenceEvent("2000", "Idle")) || slices.Contains(got, presenceEvent("2000", "Busy")) {
		t.Errorf("got %q", got)
	}
	if got := newClient(t, a).get("call/query", "extension=2000").body; strings.Contains(got, "339") {
		t.Errorf("got %s", got)
	}
	d.tell(callstate.NoticeEnded, second)
	if got := s.taken(); slices.Contains(got, presenceEvent("2000", "Idle")) {
		t.Errorf("got %q", got)
	}
}

// TestPartyThatHasLeft: a transferor may be gone when its transfer is told (edge case T3).
func TestPartyThatHasLeft(t *testing.T) {
	d := newDesk()
	s := take(newAPI(t, d))
	d.talking()
	d.tell(callstate.NoticeLeft, call(leg(1, "2000", up, "in", "calling", "waits")))
	s.taken()
	gone := leg(2, "2005", callstate.LegOver)
	d.tell(callstate.NoticeTransferring, call(leg(1, "2000", up, "in", "calling", "waits")), func(n *callstate.Notice) {
		n.Parties = []callstate.LegSummary{leg(1, "2000", up, "in", "calling"), gone}
	})
	expectEvents(t, s, told(30013, `{"call_id":"1650029138.338","members":[`+ext("2000", alice, "ALERT")+`,`+ext("2005", bob, "BYE")+`]}`))
}
