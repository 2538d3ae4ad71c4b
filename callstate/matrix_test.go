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
	all = append(all, Requested{ID: d.id, Ref: 660, Req: ForwardCall{Destination: "5551234"}},
		Requested{ID: d.id, Ref: 661, Req: ForwardCall{Destination: "2001"}}, Requested{ID: d.id, Ref: 670, Req: RouteCall{Try: 1, Destination: "2003"}})
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
	d := intoAgain(t, recipe)
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
	d.refuseFetches()
	d.work = slices.DeleteFunc(d.work, func(cmd MediaCommand) bool {
		id, _ := about(cmd)
		return d.account.leg(id).media != "open"
	})
	for results := d.media(); len(results) > 0; results = d.media() {
		for _, ev := range results {
			d.house.step(ev)
		}
	}
	d.refuseFetches() // of what waited for the caller's answer
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

// refuseFetches has no other call give anything.
func (d *desk) refuseFetches() {
	for token := range d.account.fetches {
		d.step(LegsRefused{ID: d.id, Token: token, Status: 481})
	}
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
