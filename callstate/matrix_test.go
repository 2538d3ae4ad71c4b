package callstate

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// situations drive a call into every state of it, of its legs and of its transfer. Lines are those of the scripts;
// "by hand" leaves the media work of the following lines undone.
var situations = []struct{ name, recipe string }{
	{"new", ""},
	{"routing", "invite 1 from 2000 to 2001"},
	{"preparing", "invite 1 from 2000 to 2001 | by hand | located 1"},
	{"dialling", "invite 1 from 2000 to 2001 | located 2"},
	{"ringing", "invite 1 from 2000 to 2001 | located 2 | progress 2 180"},
	{"early media", "invite 1 from 2000 to 2001 | located 2 | progress 2 183 sdp"},
	{"forwarding", "invite 1 from 2000 to 2001 | located 1 | progress 2 180 | request forward to 2002"},
	{"forwarding, nobody rings", "invite 1 from 2000 to 2001 | located 1 | progress 2 180 | request forward to 2002 | ends 2 busy status=486"},
	{"answered, media under way", "invite 1 from 2000 to 2001 | located 2 | by hand | answers 2"},
	{"answering", "invite 1 from 2000 to 2001 | located 1 | answers 2"},
	{"answering, our offer", "invite 1 from 2000 to 2001 no-offer | located 1 | answers 2"},
	{"connected", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1"},
	{"held by a phone", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | reoffers 2 sendonly"},
	{"held by an application", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request hold"},
	{"reoffers under way", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | by hand | request hold | reoffers 1 sendonly | reoffers 2 no-offer"},
	{"counter-offer out", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | reoffers 2 no-offer | request hold"},
	{"locating the target", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request transfer callee to 2002"},
	{"fetching a consultation", talkingTwo + " | by letter | refers 2 to 2002 replaces=y1"},
	{"fetching a consultation, transferor gone", talkingTwo + " | by letter | refers 2 to 2002 replaces=y1 | ends 2 normal"},
	{"fetching a consultation, for an application", talkingTwo + " | by letter | request attended 2 to y1"},
	{"target of a consultation rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | invite y1 from 2001 to 2002 | y: located 2 | progress y2 180 | refers 2 to 2002 replaces=y1"},
	{"somebody takes over", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | by hand | invite y1 from 2001 to 2000 replaces=2"},
	{"somebody picks up", "invite 1 from 2000 to 2001 | located 2 | progress 2 180 | by hand | invite y1 from 2001 to 2000 replaces=2"},
	{"target dialled", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request transfer callee to 2002 | located 2"},
	{"target rings, by REFER", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | progress 3 180"},
	{"target answered, media under way", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | by hand | answers 3"},
	{"transferor gone", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | progress 3 180 | ends 2 normal"},
	{"waiting to recall", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | ends 2 normal | ends 3 busy status=486"},
	{"recalling", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | ends 2 normal | ends 3 busy status=486 | timer recall | located 1"},
	{"transferor lingers", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | answers 3"},
	{"moved, locating", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request move 1 to 2002"},
	{"moved, target rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request move 1 to 2002 | located 1 | progress 3 180"},
	{"moved, target failed", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request move 1 to 2002 | located 0"},
	{"held by one party", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request hold-leg 2"},
	{"consulting, locating", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002"},
	{"consulting, target rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 2 | progress 3 180"},
	{"consulting, early media", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 2 | progress 3 183 sdp"},
	{"consulting, target answered, media under way", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | by hand | answers 3"},
	{"swapped while it rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request swap 2"},
	{"consulting, target up", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3"},
	{"swapped back, target held", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request swap 2"},
	{"threeway asked while it rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request threeway 2"},
	{"threeway, a leg changes its codec", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | by hand | reoffers 1 | answer-made 1 codec=opus unmixable | request threeway 2"},
	{"completed while it rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request complete 2"},
	{"completed early, pause", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request complete 2 | ends 3 busy status=486"},
	{"completed early, recalling", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request complete 2 | ends 3 busy status=486 | timer recall | located 1"},
	{"consulting, failure tone", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 0"},
	{"consulting, transferee left", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | ends 1 normal"},
	{"three talk", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2"},
	{"one of three is moved", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2 | request move 3 to 2003 | located 1 | progress 4 180"},
	{"two bridges", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2 | request move 3 to 2003 | located 1 | answers 4"},
	{"two bridges, consulting in the second", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2 | request move 3 to 2003 | located 1 | answers 4 | request consult 3 to 2004 | located 1 | answers 5"},
	{"a clip plays, at one", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request play caller a.wav wait"},
	{"a clip plays, at both, for ever", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request play all a.wav repeat"},
	{"a clip waits for a codec", "invite 1 from 2000 to 2001 | located 1 | answers 2 codec=opus unmixable sdp=opus | confirms 1 | by hand | request play all a.wav"},
	{"a clip plays while a target is being located", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request play all a.wav wait | request transfer callee to 2002"},
	{"a clip plays to three", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2 | request play all a.wav wait"},
	{"a clip plays to who talks to an API extension", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request play all a.wav wait"},
	{"a clip waits until an API extension's caller can hear it", "invite 1 from 2000 to 9990 | by hand | request accept 2 | request play caller a.wav"},
	{"who talks to an API extension is recorded", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request record all a.wav wait | record-started"},
	{"a recording begins", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav"},
	{"a recording runs, awaited", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record callee a.wav wait | record-started"},
	{"a recording is being ended", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav wait | record-started | request stop-record"},
	{"a recording was ended before it began", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav | request stop-record"},
	{"recorded while consulting", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav | record-started | request consult 2 to 2002 | located 1 | answers 3"},
	{"ending, a recording is not complete", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav | record-started | ends 1 normal | ends 2 normal"},
	{"trunk being looked up", "extension 2000 outbound | invite 1 from 2000 to 5551234"},
	{"trunk being tried", "extension 2000 outbound | invite 1 from 2000 to 5551234 | located 1"},
	{"second trunk rings", "extension 2000 outbound | invite 1 from 2000 to 5551234 | located 1 | ends 2 failed status=503 | located 1 | progress 3 180"},
	{"sent on by a setting, locating", "extension 2001 busy=2002 | invite 1 from 2000 to 2001 | located 1 | ends 2 busy status=486"},
	{"sent on by a setting, old phone not gone", "extension 2001 no-answer=2002 | invite 1 from 2000 to 2001 | located 1 | progress 2 180 | timer ring | located 1 | progress 3 180"},
	{"forwarding, nobody rings, a setting waits", "extension 2001 busy=2003 | invite 1 from 2000 to 2001 | located 1 | progress 2 180 | request forward to 2002 | ends 2 busy status=486"},
	{"302, two numbers ring and one waits", "extension 2002 busy=2000 no-answer=5551234 | invite 1 from 2000 to 2001 | located 1 | ends 2 unavailable status=302 moved=2002,2003,2004:500 | located 1 for 2002 | located 1 for 2003 | progress 3 180"},
	{"302, the other phone rings on", "invite 1 from 2000 to 2001 | located 2 | progress 3 180 | ends 2 unavailable status=302 moved=2002"},
	{"from a trunk, connected", "extension 2001 outbound | invite 1 from 12345678 to 5503301 trunk=provider | located 1 | answers 2 | confirms 1"},
	{"from trunk to trunk", "invite 1 from 12345678 to 1234567 trunk=provider | located 1 | answers 2 | confirms 1"},
	{"outside target rings, by REFER", "extension 2001 outbound | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 5551234 | located 1 | progress 3 180"},
	{"target sent on, transferor gone", "extension 2002 busy=2003 | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | ends 2 normal | ends 3 busy status=486"},
	{"outside transferor gone", "invite 1 from 12345678 to 5503301 trunk=provider | located 1 | answers 2 | confirms 1 | refers 1 to 2002 | located 1 | ends 1 normal"},
	{"a code begins", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *"},
	{"what was no code is sent on", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *9"},
	{"asking, blind", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *03"},
	{"asking, attended", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *32"},
	{"asking, a number is there", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *32002"},
	{"asking, blind, locating", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *032002#"},
	{"moved by a code", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *032002# | located 1"},
	{"consulting by a code", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *32002# | located 1"},
	{"asked where it goes", "settings decide=3s | invite 1 from 2000 to 2001"},
	{"asked for long, of a trunk", "settings decide=3s | invite 1 from 12345678 to 5503301 trunk=provider | timer comfort"},
	{"an application has decided", "settings decide=3s | invite 1 from 2000 to 2001 | request route to 2002 | located 1 | progress 2 180"},
	{"asked again, early media is over", "settings decide=3s | invite 1 from 2000 to 2001 | request route to 2002 | located 1 | progress 2 183 sdp | ends 2 busy status=486"},
	{"asked again, our answer for a 183 is being made", "settings decide=3s | invite 1 from 2000 to 2001 | request route to 2002 | located 1 | by hand | progress 2 183 sdp | answer-taken 2 | ends 2 busy status=486"},
	{"an API extension rings", "invite 1 from 2000 to 9990"},
	{"an API extension talks", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1"},
	{"an API extension talks, answering", "invite 1 from 2000 to 9990 no-offer | request accept 2"},
	{"an API extension talks, media under way", "invite 1 from 2000 to 9990 | by hand | request accept 2"},
	{"an API extension talks, held", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request hold"},
	{"placed, locating", "placed from 9990 to 2001"},
	{"placed, ringing", "placed from 9990 to 2001 | located 2 | progress 2 180"},
	{"placed, early media", "placed from 9990 to 2001 | located 2 | progress 2 183 sdp"},
	{"placed, answered, media under way", "placed from 9990 to 2001 | located 1 | by hand | answers 2"},
	{"placed, up", "placed from 9990 to 2001 | located 1 | answers 2"},
	{"placed, to the outside", "extension 9990 outbound | placed from 9990 to 5551234 | located 1 | answers 2"},
	{"an application's transfer, locating", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request transfer application to 2002 wait"},
	{"an application's transfer, ringing", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request transfer application to 2002 wait | located 1 | progress 3 180"},
	{"an application's transfer, it has left", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request transfer application to 2002 | located 1 | progress 3 180 | request end-leg 2"},
	{"an API extension is the target", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 9990"},
	{"an API extension is moved away", "placed from 9990 to 2001 | located 1 | answers 2 | refers 2 to 2002 | located 1 | progress 3 180"},
	{"an API extension is consulted", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 9990 | request accept 3"},
	{"an API extension among three", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 9990 | request accept 3 | request threeway 2"},
	{"ending", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request end"},
	{"over", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request end | ends 1 normal | ends 2 normal"},
}

// talkingTwo are two calls of 2001: with 2000, and with 2002.
const talkingTwo = "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | invite y1 from 2001 to 2002 | y: located 1 | answers y2 | confirms y1"

// into plays a recipe.
func into(t *testing.T, recipe string) *desk {
	t.Helper()
	d := newDesk(exampleDirectory())
	byHand := false
	for line := range strings.SplitSeq(recipe, "|") {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case line == "by hand":
			byHand = true
		case line == "codes":
			d.set("settings codes=on")
		case strings.HasPrefix(line, "settings "):
			d.set(line)
		case strings.HasPrefix(line, "extension "):
			d.configure(line)
		case line == "by letter":
			d.slow = true
		default:
			if _, err := d.play(line, byHand); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

// everyEvent is every kind of event that could come now: about each leg, about one that is not there, and for each kind
// of work with the number that is awaited and with one that is not.
func (d *desk) everyEvent() (all []Event) {
	facts := Facts{Codec: "PCMU", Direction: SendRecv, Events: true, Mixable: true}
	sdp := []byte(SendRecv)
	all = append(all, LegOffered{On: On{LegID{d.id, 99}}, From: Party{Number: "2003"}, To: "2001", SDP: sdp, Facts: facts},
		Located{ID: d.id, Ref: d.locate.Ref}, Located{ID: d.id, Ref: d.locate.Ref, Contacts: []Contact{{URI: "phone1"}}},
		Located{ID: d.id, Ref: 9999, Contacts: []Contact{{URI: "phone1"}}}, TimerFired{ID: TimerID{d.id, 9999}}, Stopping{ID: d.id},
		CallPlaced{ID: d.id, From: "9990", To: "2001"}, CallPlaced{ID: d.id, From: "9990", To: "9991"}, CallPlaced{ID: d.id, From: "2000", To: "2001"}, RecordStarted{ID: d.id, Ref: 9999}, RecordEnded{ID: d.id, Ref: 9999},
		LegsHanded{ID: d.id, Token: 9999, Parcel: d.parcel(true, LegUp)}, LegsRefused{ID: d.id, Token: 9999, Status: 481})
	if t := d.call.Transfer; t != nil && t.State == TransferFetching {
		all = append(all, LegsRefused{ID: d.id, Token: t.Token, Status: 481}, LegsRefused{ID: d.id, Token: t.Token, Status: 491},
			LegsHanded{ID: d.id, Token: t.Token, Parcel: d.parcel(true, LegUp)}, LegsHanded{ID: d.id, Token: t.Token, Parcel: d.parcel(true, LegRinging)},
			LegsHanded{ID: d.id, Token: t.Token, Parcel: d.parcel(true, LegPreparing)}, LegsHanded{ID: d.id, Token: t.Token, Parcel: d.parcel(false, "")})
	}
	if r := d.call.Record; r != nil {
		all = append(all, RecordStarted{ID: d.id, Ref: r.Ref}, RecordStarted{ID: d.id, Ref: r.Ref, Fail: "disk full"},
			RecordEnded{ID: d.id, Ref: r.Ref}, RecordEnded{ID: d.id, Ref: r.Ref, Long: time.Second, Fail: "disk full"})
	}
	for _, p := range d.call.Plays {
		for _, h := range p.At {
			if h.Ref != 0 {
				all = append(all, ClipEnded{On: On{h.Leg}, Ref: h.Ref}, ClipEnded{On: On{h.Leg}, Ref: h.Ref, Fail: "no such clip"})
			}
		}
	}
	for _, timer := range d.call.Timers {
		all = append(all, TimerFired{ID: timer.ID})
	}
	for i, req := range []Request{End{}, Hold{}, Unhold{}, ForwardCall{Destination: "2003"}, ForwardCall{Destination: "9999"},
		SendKeys{To: All, Keys: "1"}, SendKeys{To: Caller, Keys: "x"}, BlindTransfer{Transferor: Callee, Target: "2003"},
		BlindTransfer{Transferor: Caller, Target: "9999"}, Play{To: Caller, Clip: "a.wav"}, Play{To: Callee, Clip: "a.wav", Wait: true},
		Play{To: All, Clip: "a.wav", Repeat: true}, Play{To: Own, Clip: "a.wav"}, StopPlay{}, Record{Of: All, File: "a.wav"},
		Record{Of: Callee, File: "a.wav", Wait: true}, Record{Of: Own, File: "a.wav"}, StopRecord{},
		BlindTransfer{Transferor: Own, Target: "2003"}, BlindTransfer{Transferor: Callee, Target: "9991", Wait: true}, SendKeys{To: Own, Keys: "1"}} {
		all = append(all, Requested{ID: d.id, Ref: uint64(500 + i), Req: req})
	}
	legs := []LegID{{d.id, 98}} // it is not there
	for _, l := range d.call.Legs {
		legs = append(legs, l.ID)
	}
	for _, id := range legs {
		for i, req := range []Request{AcceptLeg{Leg: id}, RefuseLeg{Leg: id, Status: 486}, RefuseLeg{Leg: id, Status: 200}} {
			all = append(all, Requested{ID: d.id, Ref: uint64(670 + i), Req: req})
		}
		on := On{id}
		if d.call.leg(id).app() { // sip and media know of no such leg
			all = append(all, LegEnded{On: on, Cause: CauseOf(486)}, DigitReceived{On: on, Digit: "5", Via: ByEvent}, MediaSilent{On: on},
				LegsWanted{On: on, By: 7, Token: 7, Stay: 1, Mixable: true}, LegsWanted{On: on, By: 7, Token: 7, Stay: 2, EarlyOnly: true})
			all = append(all, d.wishes(id)...)
			continue
		}
		all = append(all, LegProgress{On: on, Status: 180, Branch: "a"}, LegProgress{On: on, Status: 183, Branch: "b", SDP: sdp, Facts: facts},
			LegAnswered{On: on, Branch: "a", SDP: sdp, Facts: facts}, LegAnswered{On: on, Branch: "b", SDP: sdp, Facts: facts}, LegAnswered{On: on, Branch: "c"},
			LegConfirmed{On: on}, LegConfirmed{On: on, SDP: sdp, Facts: facts}, LegEnded{On: on, Cause: CauseOf(486)}, LegEnded{On: on, Cause: CauseOf(603)},
			LegReoffered{On: on, Ref: 700, SDP: []byte(SendOnly), Facts: Facts{Codec: "PCMU", Direction: SendOnly}}, LegReoffered{On: on, Ref: 700},
			ReofferAnswered{On: on, Ref: d.reoffers[id], SDP: sdp, Facts: facts}, ReofferAnswered{On: on, Ref: 9999, SDP: sdp, Facts: facts},
			ReofferRefused{On: on, Ref: d.reoffers[id], Status: 488}, ReofferRefused{On: on, Ref: 9999, Status: 488},
			ReferReceived{On: on, Ref: 700, Target: "2003"}, ReferReceived{On: on, Ref: 700, Target: "9999"}, ReferReceived{On: on, Ref: 700, Target: "2003", Replaces: Replaced{Status: 481}},
			ReferReceived{On: on, Ref: 700, Target: "2003", Replaces: Replaced{Leg: LegID{7, 1}}}, ReferReceived{On: on, Ref: 700, Target: "2003", Replaces: Replaced{Leg: id}},
			LegOffered{On: On{LegID{7, 1}}, From: Party{Number: "2001"}, To: "2001", SDP: sdp, Facts: facts, Replaces: Replaced{Leg: id}},
			LegOffered{On: On{LegID{7, 1}}, From: Party{Number: "2003"}, To: "2001", Facts: facts, Replaces: Replaced{Leg: id, EarlyOnly: true}},
			ReferGone{On: on, Ref: uint32(d.refers[id])}, ReferGone{On: on, Ref: 9999},
			DigitReceived{On: on, Digit: "5", Via: ByEvent}, DigitReceived{On: on, Digit: "?", Via: ByEvent}, DigitsSent{On: on, Ref: 9999, Fail: "no"},
			Connected{On: on, How: Relayed}, Connected{On: on, How: Impossible}, ClipEnded{On: on, Ref: 9999}, MediaSilent{On: on}, LegsWanted{On: on, By: 7, Token: 7, Stay: 1, Mixable: true}, LegsWanted{On: on, By: 7, Token: 7, Stay: 2, EarlyOnly: true}, MediaFailed{On: on, Reason: NoPorts})
		if d.call.Settings.Features.Blind != "" {
			for _, key := range []string{"*", "0", "3", "#"} {
				all = append(all, DigitReceived{On: on, Digit: key, Via: ByEvent}, DigitReceived{On: on, Digit: key, Via: ByInfo},
					DigitReceived{On: on, Digit: key, Via: ByEvent, Passed: true})
			}
		}
		all = append(all, d.wishes(id)...)
		refs := append([]uint32{9999}, d.pending[id]...)
		for _, ref := range refs {
			all = append(all, OfferMade{On: on, Ref: ref, SDP: []byte("offer")}, AnswerMade{On: on, Ref: ref, SDP: []byte("answer"), Facts: facts},
				AnswerTaken{On: on, Ref: ref, Facts: facts}, MediaFailed{On: on, Ref: ref, Reason: NoCodec})
		}
	}
	for _, id := range legs {
		if d.call.leg(id).app() {
			continue
		}
		all = append(all, LegEnded{On: On{id}, Cause: CauseOf(503)}, LegEnded{On: On{id}, Cause: CauseOf(302),
			Moved: []Redirect{{Number: "2003", Q: 1000}, {Number: "5551234", Q: 1000}, {Number: "2004", Q: 500}}})
		for i, req := range []Request{MoveLeg{Leg: id, Target: "5551234"}, Consult{Transferor: id, Target: "5551234"},
			MoveLeg{Leg: id, Target: "5551234", Rights: "2001"}} {
			all = append(all, Requested{ID: d.id, Ref: uint64(650 + i), Req: req})
		}
		all = append(all, ReferReceived{On: On{id}, Ref: 700, Target: "5551234"})
	}
	all = append(all, Requested{ID: d.id, Ref: 660, Req: ForwardCall{Destination: "5551234"}}, Requested{ID: d.id, Ref: 670, Req: RouteCall{Try: 1, Destination: "2003"}})
	if d.call.Settings.Decide > 0 {
		for i, req := range []Request{RouteCall{Try: 1, Plan: true}, RouteCall{Try: 1}, RouteCall{Try: 1, Destination: "9999"}, RouteCall{Try: 1, Destination: "isp"},
			RouteCall{Try: 2, Plan: true}, RouteCall{Try: 2}, RouteCall{Try: 2, Destination: "2003"}, RouteCall{}} {
			all = append(all, Requested{ID: d.id, Ref: uint64(671 + i), Req: req})
		}
	}
	return all
}

// wishes are what applications can ask of a leg.
func (d *desk) wishes(id LegID) (all []Event) {
	for i, req := range []Request{MoveLeg{Leg: id, Target: "2004"}, MoveLeg{Leg: id, Target: "9999"}, MoveLeg{Leg: id},
		Consult{Transferor: id, Target: "2004"}, Consult{Transferor: id, Target: "9999"}, Consult{Transferor: id},
		Operate{Transferor: id, Do: Abort}, Operate{Transferor: id, Do: Complete}, Operate{Transferor: id, Do: Threeway},
		Operate{Transferor: id, Do: Swap}, Operate{Transferor: id, Do: "park"}, AttendedTransfer{Transferor: id, Consultation: LegID{7, 1}}, EndLeg{Leg: id}, HoldLeg{Leg: id}, UnholdLeg{Leg: id}} {
		all = append(all, Requested{ID: d.id, Ref: uint64(600 + i), Req: req})
	}
	return all
}

// parcel is a consultation of 2001 with 2002 as another call gives it: both up, or the second in another state, or not
// there yet.
func (d *desk) parcel(two bool, state string) Parcel {
	leg := func(n uint32, state, number string) Leg {
		return Leg{ID: LegID{7, n}, State: state, Party: Party{Number: number}, Port: true, Bound: state == LegUp, Want: SendRecv,
			Facts: Facts{Codec: "PCMU", Direction: SendRecv, Events: true, Mixable: true}}
	}
	p := Parcel{Transferor: LegID{7, 1}, LastRef: 77}
	switch first := leg(1, LegRinging, "2001"); {
	case state == LegUp:
		p.Legs = []Leg{leg(1, LegUp, "2001"), leg(2, LegUp, "2002")}
	case two:
		first.Inbound = true
		p.Legs, p.Fork = []Leg{first, leg(2, state, "2002")}, &Fork{Number: "2002", For: ForkTarget, Visited: []string{"2002"}, Legs: []LegID{{7, 2}}, Places: []*Place{{Number: "2002"}}}
	default:
		first.Inbound = true
		p.Legs, p.Fork = []Leg{first}, &Fork{Number: "2002", For: ForkTarget, Visited: []string{"2002"}, Places: []*Place{{Number: "2002", Locate: 5}}}
	}
	return p
}

// TestEveryEventInEveryState gives every kind of event to a call in every state. testdata/matrix.md is what was decided:
// a pair that is not there fails; -rewrite adds it, to be read and judged.
func TestEveryEventInEveryState(t *testing.T) {
	var out strings.Builder
	out.WriteString("# Every event in every state\n\nWritten by `go test ./callstate -run TestEveryEvent -rewrite`; a change here is a change of what a call decides.\n" +
		"What \"changes nothing\" leaves the call as it was and does nothing; nor does any event about a leg, a timer or a piece of\n" +
		"work that the call does not know, but for a 481 to what wants an answer.\n")
	seen := map[string]bool{}
	for _, s := range situations {
		d := into(t, s.recipe)
		fmt.Fprintf(&out, "\n## %s: %s\n\n", s.name, d.stands())
		var nothing []string
		for i, ev := range d.everyEvent() {
			seen[reflect.TypeOf(ev).Name()] = true
			answer := oneMore(t, s.name, s.recipe, i)
			switch about := writeEvent(ev); {
			case stray(ev):
				if answer != "" && !strings.Contains(answer, " 481") {
					t.Errorf("%s: %s is about nothing in the call, but led to %s", s.name, about, answer)
				}
			case answer == "":
				nothing = append(nothing, about)
			default:
				fmt.Fprintf(&out, "* %s\n  * %s\n", writeEvent(ev), answer)
			}
		}
		fmt.Fprintf(&out, "\nchanges nothing: %s\n", strings.Join(nothing, ", "))
	}
	for kind := range eventKinds.types {
		if !seen[kind] {
			t.Errorf("no %s is ever given", kind)
		}
	}
	if *rewrite {
		if err := os.WriteFile("testdata/matrix.md", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/matrix.md")
	if err != nil || string(want) != out.String() {
		t.Errorf("the decisions differ from testdata/matrix.md (%v); first difference:\n%s", err, firstDifference(string(want), out.String()))
	}
}

// stray tells whether an event is about nothing that the call knows.
func stray(ev Event) bool {
	if l, ok := ev.(legEvent); ok && l.About().N == 98 {
		return true
	}
	if _, handed := ev.(LegsHanded); handed {
		return false // there are legs with it
	}
	return strings.Contains(writeEvent(ev), "=9999") // a number that nobody awaits
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\nexpected %s\ngot      %s", i+1, w[i], g[i])
		}
	}
	return "one is longer"
}

// stands tells which states the call, its legs and its transfer are in.
func (d *desk) stands() string {
	s := d.call.State
	if t := d.call.Transfer; t != nil {
		s += ", " + t.table().name + " " + t.State
	}
	for _, l := range d.call.Legs {
		s += fmt.Sprintf(", leg %d %s", l.ID.N, l.State)
	}
	return s
}

// oneMore gives the i-th event to a fresh call in that situation, tells what it led to, and then brings the call to its
// end to see that nothing stays open.
func oneMore(t *testing.T, name, recipe string, i int) string {
	t.Helper()
	d := into(t, recipe)
	ev := d.everyEvent()[i]
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: %s: panic: %v", name, writeEvent(ev), p)
		}
	}()
	before := mustJSON(d.call)
	var answer []string
	for _, cmd := range d.step(ev) {
		answer = append(answer, d.write(cmd))
	}
	if len(answer) == 0 && !bytes.Equal(before, mustJSON(d.call)) {
		answer = append(answer, "(noted)")
	}
	d.finishOff()
	for _, fault := range d.faults() {
		t.Errorf("%s: %s: %s", name, writeEvent(ev), fault)
	}
	return strings.Join(answer, "; ")
}

// finishOff lets letters and media come, ends the calls and every leg.
func (d *desk) finishOff() {
	for len(d.letters) > 0 {
		if ev, asks := d.letters[0].(LegsWanted); asks && !d.account.fetches[ev.Token] {
			d.letters = d.letters[1:] // the answer came from the test
		} else {
			d.deliver()
		}
	}
	for token := range d.account.fetches {
		d.step(LegsRefused{ID: d.id, Token: token, Status: 481})
	}
	d.work = slices.DeleteFunc(d.work, func(cmd MediaCommand) bool {
		id, _ := about(cmd)
		return d.account.leg(id).media != "open"
	})
	for results := d.media(); len(results) > 0; results = d.media() {
		for _, ev := range results {
			d.house.step(ev)
		}
	}
	for _, d := range d.desks {
		d.step(Requested{ID: d.id, Ref: d.nextRequest() + 1000, Req: End{}})
	}
	for id, l := range d.account.legs {
		if l.signal && !l.over {
			d.house.step(LegEnded{On: On{id}, Cause: Cause{Kind: Normal}})
		}
	}
	for _, d := range d.desks {
		d.finishRecords()
	}
	if d.call.State == CallNew {
		d.step(Stopping{ID: d.id})
	}
	d.settled()
}

// finishRecords completes the files of the recordings that go on.
func (d *desk) finishRecords() {
	for ref, r := range d.account.records {
		if !r.over && !r.started {
			d.step(RecordStarted{ID: d.id, Ref: ref})
		}
		if !r.over {
			d.step(RecordEnded{ID: d.id, Ref: ref})
		}
	}
}

func TestSituationsCoverEveryState(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range situations {
		d := into(t, s.recipe)
		seen["call/"+d.call.State] = true
		for _, l := range d.call.Legs {
			seen["leg/"+l.State] = true
		}
		if x := d.call.Transfer; x != nil {
			seen[x.table().name+"/"+x.State] = true
		}
	}
	for _, m := range machines {
		for _, state := range m.table.states() {
			gone := m.table == legTable && state == LegOver || m.table.name != "call" && m.table.name != "leg" && slices.Contains(m.ends, state)
			if !gone && !seen[m.table.name+"/"+state] {
				t.Errorf("no situation has a %s in state %q", m.table.name, state)
			}
		}
	}
}
