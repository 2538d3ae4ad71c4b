package callstate

import (
	"testing"
	"time"
)

// benchDirectory has two extensions, 2000 and 2001.
func benchDirectory() *Directory {
	return &Directory{Extensions: map[string]Extension{
		"2000": {Number: "2000", Name: "Alice"}, "2001": {Number: "2001", Name: "Bob"},
	}}
}

// plainCall are the events of a call that rings, is answered and hung up by its caller, as they come from sip and media.
// They are boxed before the clock runs: that is the adapters' to pay.
func plainCall(id CallID) []Event {
	caller, callee := LegID{id, 1}, LegID{id, 2}
	sdp := []byte("v=0\r\n")
	facts := Facts{Codec: "PCMA/8000", Direction: SendRecv, Mixable: true, Events: true}
	return []Event{
		LegOffered{On: On{caller}, From: Party{Number: "2000", Name: "Alice"}, To: "2001", SDP: sdp, Facts: facts, Forwards: 70, SIPCallID: "a84b4c76e66710"},
		Located{ID: id, Ref: 1, Contacts: []Contact{{URI: "sip:2001@192.0.2.2:5060", Flow: "udp:192.0.2.2:5060"}}},
		OfferMade{On: On{callee}, Ref: 2, SDP: sdp},
		LegProgress{On: On{callee}, Status: 180, Branch: "b"},
		LegAnswered{On: On{callee}, Branch: "b", SDP: sdp, Facts: facts},
		AnswerTaken{On: On{callee}, Ref: 3, Facts: facts},
		AnswerMade{On: On{caller}, Ref: 4, SDP: sdp, Facts: facts},
		Connected{On: On{caller}, How: Relayed},
		Connected{On: On{callee}, How: Relayed},
		LegConfirmed{On: On{caller}},
		LegEnded{On: On{caller}, Cause: Cause{Kind: Normal, Remote: true}},
		LegEnded{On: On{callee}, Cause: Cause{Kind: Normal}},
	}
}

// BenchmarkCall is what one plain call costs in the core: its twelve steps, and what lists show after each.
func BenchmarkCall(b *testing.B) {
	dir, settings, events := benchDirectory(), DefaultSettings(), plainCall(1)
	at := Time{Wall: time.Unix(1_700_000_000, 0), Mono: time.Second}
	b.ReportAllocs()
	for b.Loop() {
		c := NewCall(1, settings, dir)
		for _, ev := range events {
			c.Step(Input{At: at, Ev: ev})
			c.Summary()
		}
		if c.State != CallOver {
			b.Fatal("the call is", c.State)
		}
	}
}

// BenchmarkIdleStep is an event that changes nothing in a call that is answered.
func BenchmarkIdleStep(b *testing.B) {
	c := NewCall(1, DefaultSettings(), benchDirectory())
	for _, ev := range plainCall(1)[:10] {
		c.Step(Input{Ev: ev})
	}
	var ev Event = Connected{On: On{LegID{1, 1}}, How: Relayed}
	b.ReportAllocs()
	for b.Loop() {
		c.Step(Input{Ev: ev})
		c.Summary()
	}
}
