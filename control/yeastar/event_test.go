package yeastar

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringdown/callstate"
)

// take makes a subscriber of all events whose queue a test reads.
func take(a *API) *subscriber {
	s := &subscriber{queue: make(chan []byte, 1000), full: func() { panic("full") }, all: true}
	a.hub.join(s)
	return s
}

// taken empties the queue.
func (s *subscriber) taken() (texts []string) {
	for {
		select {
		case text := <-s.queue:
			texts = append(texts, string(text))
		default:
			return texts
		}
	}
}

func expectEvents(t *testing.T, s *subscriber, want ...string) {
	t.Helper()
	if got := s.taken(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const (
	ringing  = callstate.LegRinging
	envelope = `{"type":%d,"sn":"3631A2124XXX","msg":"%s"}`
)

// told is an event as it must be on the wire: msg is JSON in a JSON string.
func told(topic int, msg string) string {
	return fmt.Sprintf(envelope, topic, strings.ReplaceAll(msg, `"`, `\"`))
}

func ext(number, channel, status string) string {
	return `{"extension":{"number":"` + number + `","channel_id":"` + channel + `","member_status":"` + status + `","call_path":""}}`
}

func callEvent(members ...string) string {
	return told(30011, `{"call_id":"1650029138.338","members":[`+strings.Join(members, ",")+`]}`)
}

func presenceEvent(number, status string) string {
	return told(30008, `{"extension":"`+number+`","status":"`+status+`"}`)
}

// TestEventsOfACall: each event byte for byte (spec yeastar-p 6.3, 6.4, 6.7), in the order of the matrix of 4.
func TestEventsOfACall(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	s := take(a)
	before := call(leg(1, "2000", callstate.LegIsOffered, "in", "calling"))
	before.Answered, before.RingFrom = callstate.Time{}, callstate.Time{}
	d.tell(callstate.NoticeCreated, before)
	expectEvents(t, s, presenceEvent("2000", "Busy"))
	before.Legs = append(before.Legs, leg(2, "2005", callstate.LegDialling))
	d.tell(callstate.NoticeChanged, before)
	expectEvents(t, s)
	before.Legs[0].State, before.Legs[1].State = ringing, ringing
	d.tell(callstate.NoticeRinging, before)
	expectEvents(t, s, presenceEvent("2005", "Ringing"), callEvent(ext("2000", alice, "ALERT"), ext("2005", bob, "RING")))
	d.talking()
	expectEvents(t, s, presenceEvent("2005", "Busy"), callEvent(ext("2000", alice, "ANSWERED"), ext("2005", bob, "ANSWER")))
	d.talking()
	d.tell(callstate.NoticeDigit, call())
	expectEvents(t, s) // nothing has changed
	d.tell(callstate.NoticeHeld, call(leg(1, "2000", up, "in", "calling", "held"), leg(2, "2005", up)))
	expectEvents(t, s, callEvent(ext("2000", alice, "HOLD"), ext("2005", bob, "ANSWER")))
	d.tell(callstate.NoticeEnded, call(leg(1, "2000", callstate.LegEnding), leg(2, "2005", callstate.LegOver)))
	expectEvents(t, s, callEvent(ext("2000", alice, "BYE"), ext("2005", bob, "BYE")), presenceEvent("2000", "Idle"),
		presenceEvent("2005", "Idle"), told(30012, `{"call_id":"1650029138.338","time_start":"`+
			epoch.Local().Format(time.DateTime)+`","call_from":"2000","call_to":"2005","call_duration":3600,"talk_duration":0,`+
			`"src_trunk_name":"","dst_trunk_name":"","pin_code":"","status":"ANSWERED","type":"Internal","recording":"",`+
			`"did_number":"","agent_ring_time":0}`))
}

// TestEventsOfABlindTransfer: who has left is shown once.
func TestEventsOfABlindTransfer(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	d.talking()
	s := take(a)
	const carol = "PJSIP/2008-000000b0"
	d.tell(callstate.NoticeTransferring, call(leg(1, "2000", up, "in", "calling", "waits"), leg(2, "2005", callstate.LegEnding)),
		func(n *callstate.Notice) { n.Leg = aliceLeg })
	expectEvents(t, s, callEvent(ext("2000", alice, "ALERT"), ext("2005", bob, "BYE")), presenceEvent("2005", "Idle"))
	d.tell(callstate.NoticeChanged, call(leg(1, "2000", up, "in", "calling", "waits"), leg(3, "2008", ringing)))
	expectEvents(t, s, presenceEvent("2008", "Ringing"), callEvent(ext("2000", alice, "ALERT"), ext("2008", carol, "RING")))
	d.tell(callstate.NoticeChanged, call(leg(1, "2000", up, "in", "calling", "waits"), leg(3, "2008", up)))
	expectEvents(t, s) // its answer is being read
	d.tell(callstate.NoticeTransferred, call(leg(1, "2000", up, "in", "calling"), leg(3, "2008", up)))
	expectEvents(t, s, presenceEvent("2008", "Busy"), callEvent(ext("2000", alice, "ANSWERED"), ext("2008", carol, "ANSWER")))
	c := newClient(t, a)
	c.expect("who left", c.post("call/hangup", `{"channel_id":"`+bob+`"}`), 70130)
	c.expect("who stays", c.post("call/hangup", `{"channel_id":"`+alice+`"}`), 0)
}

// TestTransferByPhone: only a phone's own transfer has an event of its own (spec yeastar-p 6.8).
func TestTransferByPhone(t *testing.T) {
	waiting := call(leg(1, "2000", up, "in", "calling", "waits"), leg(2, "2005", up))
	for _, byPhone := range []bool{false, true} {
		d := newDesk()
		s := take(newAPI(t, d))
		d.talking()
		d.tell(callstate.NoticeTransferring, waiting, func(n *callstate.Notice) {
			n.Leg = bobLeg
			if byPhone {
				n.Parties = waiting.Legs
			}
		})
		want := told(30013, `{"call_id":"1650029138.338","members":[`+ext("2000", alice, "ANSWERED")+`,`+ext("2005", bob, "ANSWER")+`]}`)
		if got := slices.Contains(s.taken(), want); got != byPhone {
			t.Errorf("asked by a phone %v: told %v", byPhone, got)
		}
	}
}

// TestReasons: the vendor's texts, misspellings included, and no event where nothing failed.
func TestReasons(t *testing.T) {
	for cause, reason := range map[callstate.Cause]string{
		{Kind: callstate.Busy, Status: 486}: "486 Busy here", {Kind: callstate.Busy, Status: 600}: "486 Busy here",
		{Kind: callstate.Declined}: "User Busy", {Kind: callstate.NotFound, Status: 404}: "404 NOT found",
		{Kind: callstate.NotFound, Status: 410}: "410 Gone", {Kind: callstate.NotFound, Status: 484}: "484 Address incomplete",
		{Kind: callstate.NoAnswer}: "408 Request Time", {Kind: callstate.Unavailable}: "480 Temporatily Unavailable",
		{Kind: callstate.Forbidden}: "NO Dial Permission", {Kind: callstate.Overload}: "Circuit/channel congestion",
		{Kind: callstate.NoMedia}: "Line Unreachable", {Kind: callstate.Barred}: "NO Outbound Restrictin",
		{Kind: callstate.Normal}: "", {Kind: callstate.Cancelled}: "", {Kind: callstate.Aborted}: "", {Kind: callstate.Shutdown}: "",
	} {
		for _, kind := range []callstate.NoticeKind{callstate.NoticeEnded, callstate.NoticeTransferFailed} {
			d := newDesk()
			s := take(newAPI(t, d))
			with := func(n *callstate.Notice) { n.Cause = cause }
			if kind == callstate.NoticeTransferFailed {
				d.talking()
				d.tell(kind, call(leg(1, "2000", up, "in", "calling"), leg(2, "2005", up)), with)
				d.tell(callstate.NoticeEnded, call(), with) // not told twice
			} else {
				unanswered := call()
				unanswered.Answered = callstate.Time{}
				d.tell(kind, unanswered, with)
			}
			got := ""
			for _, text := range s.taken() {
				var e event
				var msg failedMsg
				if json.Unmarshal([]byte(text), &e); e.Type == topicFailed {
					json.Unmarshal([]byte(e.Msg), &msg)
					got += msg.Reason
				}
			}
			if got != reason {
				t.Errorf("%s, %+v: got %q, want %q", kind, cause, got, reason)
			}
		}
	}
}

// TestPresence: an extension in several calls is idle when the last of them ends, and busy rather than ringing.
func TestPresence(t *testing.T) {
	d := newDesk()
	s := take(newAPI(t, d))
	other := func(state string) callstate.Summary {
		c := call(callstate.LegSummary{ID: callstate.LegID{Call: 339, N: 1}, Party: callstate.Party{Number: "2005"}, State: state})
		c.ID = 339
		return c
	}
	presence := func() string {
		var list []string
		for _, text := range s.taken() {
			var e event
			var msg presenceInfo
			if json.Unmarshal([]byte(text), &e); e.Type == topicExtension {
				json.Unmarshal([]byte(e.Msg), &msg)
				list = append(list, msg.Extension+" "+msg.Status)
			}
		}
		return strings.Join(list, ", ")
	}
	for i, step := range []struct {
		kind callstate.NoticeKind
		s    callstate.Summary
		want string
	}{
		{callstate.NoticeRinging, other(ringing), "2005 Ringing"},
		{callstate.NoticeAnswered, call(leg(1, "2000", up, "in"), leg(2, "2005", up)), "2000 Busy, 2005 Busy"},
		{callstate.NoticeChanged, call(leg(1, "2000", up, "in"), leg(2, "2005", up)), ""},
		{callstate.NoticeEnded, call(), "2005 Ringing, 2000 Idle"},
		{callstate.NoticeAnswered, other(up), "2005 Busy"},
		{callstate.NoticeEnded, other(callstate.LegOver), "2005 Idle"},
	} {
		d.tell(step.kind, step.s)
		if got := presence(); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
}

// TestNothingIsLeft: ended calls leave no call, channel, extension or record behind, whatever was seen of them.
func TestNothingIsLeft(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 200 {
				id := callstate.CallID(1000*n + i + 1)
				l := func(n uint32, state string, traits ...string) callstate.LegSummary {
					l := leg(n, fmt.Sprint(2000+n), state, traits...)
					l.ID.Call = id
					return l
				}
				c := call(l(1, ringing, "in"), l(2, ringing), l(3, callstate.LegDialling))
				c.ID = id
				d.tell(callstate.NoticeRinging, c)
				c.Legs = []callstate.LegSummary{l(1, up, "in", "calling"), l(3, up)}
				d.tell(callstate.NoticeAnswered, c)
				if at, ok := a.board.find("nothing"); ok {
					t.Error(at)
				}
				a.board.views()
				d.tell(callstate.NoticeEnded, c)
			}
		})
	}
	wg.Wait()
	b := a.board
	if len(b.calls)+len(b.channels)+len(b.extensions.of) != 0 {
		t.Errorf("left %d calls, %d channels, %d extensions", len(b.calls), len(b.channels), len(b.extensions.of))
	}
}

// TestStrangersHaveNoPresence: a number that is no extension has none (spec yeastar-p 6.5).
func TestStrangersHaveNoPresence(t *testing.T) {
	d := newDesk()
	s := take(newAPI(t, d))
	d.tell(callstate.NoticeAnswered, call(leg(1, "5503301", up, "in", "calling"), leg(2, "", up)))
	d.tell(callstate.NoticeEnded, call())
	for _, text := range s.taken() {
		if strings.Contains(text, "30008") {
			t.Errorf("got %s", text)
		}
	}
}

// TestHarmless: what a phone calls itself cannot break a client that reads msg by text replacement.
func TestHarmless(t *testing.T) {
	d := newDesk()
	s := take(newAPI(t, d))
	d.tell(callstate.NoticeAnswered, call(leg(1, "a\"b\\c<&>\r\n\u2028é", up, "in", "calling"), leg(2, "2005", up)))
	for _, text := range s.taken() {
		naive := strings.NewReplacer(`\`, ``, `"{`, `{`, `}"`, `}`).Replace(text)
		if !json.Valid([]byte(naive)) || strings.Contains(text, `\\`) {
			t.Errorf("got %s", text)
		}
	}
}
