package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// stage is one state that a call can be in when a command comes, and what each command is answered there.
type stage struct {
	shown string // CallState; empty when the call is gone
	set   func(s *staged)
	codes map[string]int // by command; those not named are refused with 303
}

// staged is a call brought to a stage.
type staged struct {
	*rig
	alice, bob, carol *phone.Phone
	a, b, c           *phone.Call
	id                string
}

func (s *staged) setup() {
	var err error
	s.a, err = s.alice.Dial(s.ctx, "2001")
	s.ok(err)
	s.b, err = s.bob.WaitCall(s.ctx)
	s.ok(err)
	s.ok(s.b.Trying())
	s.pass(100 * time.Millisecond)
	s.id = s.only().CallID
}

func (s *staged) ringing() {
	s.a, s.b = s.ring(s.alice, "2001", s.bob)
	s.id = s.only().CallID
}

func (s *staged) inCall() {
	s.a, s.b = s.talk(s.alice, "2001", s.bob)
	s.id = s.only().CallID
}

var stages = map[string]stage{
	"ringing": {"Ringing", (*staged).ringing, map[string]int{"ForwardCall": 200, "Hangup": 200}},
	"in call": {"InCall", (*staged).inCall, map[string]int{"SendDTMF": 200, "Hold": 200, "BlindTransfer": 200, "Hangup": 200}},
	"held by a phone": {"Hold", func(s *staged) {
		s.inCall()
		s.ok(s.b.Hold(s.ctx, phone.SendOnly))
	}, map[string]int{"Hold": 200, "BlindTransfer": 200, "Hangup": 200}},
	"held by the API": {"Hold", func(s *staged) {
		s.inCall()
		s.must("Hold", "CallId", s.id)
		s.pass(100 * time.Millisecond)
	}, map[string]int{"Hold": 200, "Unhold": 200, "BlindTransfer": 200, "Hangup": 200}},
	"transferring": {"InCall", func(s *staged) {
		s.inCall()
		s.must("BlindTransfer", "CallId", s.id, "TransferorParty", "callee", "Target", "2002")
		s.c = s.rung(s.carol)
		s.pass(100 * time.Millisecond)
	}, map[string]int{"Hangup": 200}},
	"setup": {"Setup", (*staged).setup, map[string]int{"ForwardCall": 200, "Hangup": 200}},
	"ended": {"", func(s *staged) {
		s.inCall()
		s.ok(s.a.Hangup())
		s.ends(s.b)
		s.pass(100 * time.Millisecond)
	}, map[string]int{"ForwardCall": 601, "SendDTMF": 601, "Hold": 601, "Unhold": 601, "BlindTransfer": 601, "Hangup": 601}},
}

// everyCommand is each command with parameters that fit.
var everyCommand = map[string][]string{
	"ForwardCall":   {"Destination", "2002"},
	"SendDTMF":      {"Party", "all", "Keys", "5"},
	"Hold":          nil,
	"Unhold":        nil,
	"BlindTransfer": {"TransferorParty", "caller", "Target", "2002"},
	"Hangup":        nil,
}

// Every command in every state: what is refused leaves the call exactly as it was: the same list, not one message to
// any phone, the same sounds (A1, A6; spec ozeki 3 and 8).
func TestEveryCommandInEveryState(t *testing.T) {
	for name, at := range stages {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				s := &staged{rig: r}
				s.alice, s.bob, s.carol = r.three()
				at.set(s)
				before := r.list()
				if at.shown != "" {
					r.same("CallState", before[0].CallState, at.shown)
				}
				for command, params := range everyCommand {
					want := at.codes[command]
					if want == 0 {
						want = 303
					}
					if want == 200 {
						continue
					}
					got := r.do(command, append(params, "CallId", s.id)...)
					r.same(command+" "+got.Message, got.Code, want)
					text := "Command '" + command + "' cannot be used here"
					if want == 601 {
						text = "Call not found with ID '" + s.id + "'"
					}
					r.same("text", got.Message, text)
				}
				r.quiet(500*time.Millisecond, s.alice, s.bob, s.carol)
				s.unchanged(before)
				if at.shown != "" {
					r.must("Hangup", "CallId", s.id)
				}
				for _, c := range []*phone.Call{s.a, s.b} {
					r.ends(c)
				}
				if s.c != nil {
					r.ended(s.c, 487)
				}
			})
		})
	}
}

// unchanged compares the list, durations apart, and what the parties hear.
func (s *staged) unchanged(before []apiCall) {
	s.Helper()
	after := s.list()
	for _, l := range [][]apiCall{before, after} {
		for i := range l {
			l[i].RingDuration, l[i].TalkDuration = "", ""
		}
	}
	s.same("list", after, before)
	if len(after) == 1 && after[0].CallState == "InCall" && s.c == nil {
		s.hear(s.a, bobTone, s.b, aliceTone)
	}
}

// Every command that is allowed in a state is answered 200 there.
func TestEveryCommandWhereAllowed(t *testing.T) {
	for name, at := range stages {
		for command, code := range at.codes {
			if code != 200 {
				continue
			}
			t.Run(name+"/"+command, func(t *testing.T) {
				scene(t, func(r *rig) {
					s := &staged{rig: r}
					s.alice, s.bob, s.carol = r.three()
					at.set(s)
					r.must(command, append(everyCommand[command], "CallId", s.id)...)
					r.pass(300 * time.Millisecond)
					if command != "Hangup" {
						r.must("Hangup", "CallId", s.id)
					}
					r.ends(s.a)
					if command == "ForwardCall" || command == "BlindTransfer" {
						_ = r.rung(s.carol)
					}
					r.ends(s.b)
				})
			})
		}
	}
}

// Bad parameters, names in any case, unknown commands and ids, wrong or missing credentials: the documented codes and
// texts, and the call goes on untouched (spec ozeki 12).
func TestBadRequestsLeaveTheCallAlone(t *testing.T) {
	scene(t, func(r *rig) {
		s := &staged{rig: r}
		s.alice, s.bob, s.carol = r.three()
		s.inCall()
		before := r.list()
		for _, row := range []struct {
			code    int
			text    string
			command string
			params  []string
		}{
			{302, "Missing or invalid parameter 'Party' for command 'SendDTMF'", "SendDTMF", []string{"CallId", s.id, "Keys", "1", "Party", "nobody"}},
			{302, "Missing or invalid parameter 'Keys' for command 'SendDTMF'", "SendDTMF", []string{"CallId", s.id, "Keys", "", "Party", "all"}},
			{302, "Missing or invalid parameter 'Keys' for command 'SendDTMF'", "SendDTMF", []string{"CallId", s.id, "Keys", "12x", "Party", "all"}},
			{302, "Missing or invalid parameter 'CallId' for command 'Hold'", "Hold", nil},
			{302, "Missing or invalid parameter 'TransferorParty' for command 'BlindTransfer'", "BlindTransfer", []string{"CallId", s.id, "Target", "2002"}},
			{302, "Missing or invalid parameter 'TransferorParty' for command 'BlindTransfer'", "BlindTransfer", []string{"CallId", s.id, "Target", "2002", "TransferorParty", "all"}},
			{302, "Missing or invalid parameter 'Target' for command 'BlindTransfer'", "BlindTransfer", []string{"CallId", s.id, "TransferorParty", "caller"}},
			{302, "Missing or invalid parameter 'Target' for command 'BlindTransfer'", "BlindTransfer", []string{"CallId", s.id, "TransferorParty", "caller", "Target", "9999"}},
			{302, "Missing or invalid parameter 'Target' for command 'BlindTransfer'", "BlindTransfer", []string{"CallId", s.id, "TransferorParty", "caller", "Target", "2009"}},
			{302, "Missing or invalid parameter 'Target' for command 'BlindTransfer'", "BlindTransfer", []string{"CallId", s.id, "TransferorParty", "caller", "Target", "2001"}},
			{301, "Not implemented command: 'Foo'", "Foo", []string{"CallId", s.id}},
			{303, "Command 'UserInput' cannot be used here", "UserInput", []string{"CallId", s.id}},
			{601, "Call not found with ID 'zzzzz'", "Hangup", []string{"CallId", "zzzzz"}},
			{304, "Authentication required", "Hangup", []string{"CallId", s.id, "Username", "", "Password", ""}},
			{305, "Authentication failed, bad username or password", "Hangup", []string{"CallId", s.id, "Password", "wrong"}},
		} {
			got := r.do(row.command, row.params...)
			r.same(row.command, got.Message, row.text)
			r.same(row.command, got.Code, row.code)
		}
		r.quiet(500*time.Millisecond, s.alice, s.bob, s.carol)
		s.unchanged(before)
		r.oneStream(s.a, s.b)
		r.must("hangup", "callid", s.id)
		r.ends(s.a, s.b)
	})
}
