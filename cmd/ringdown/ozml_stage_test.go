package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// situation is a state of a call in which a script gets to an element.
type situation string

const (
	ringing      situation = "ringing"
	talking      situation = "in call"
	onHold       situation = "on hold"
	transferring situation = "being transferred"
	atExtension  situation = "API extension"
	phoneHolds   situation = "API extension, its phone holds"
	wasPlaced    situation = "placed by Call"
)

// situations are all of them.
var situations = []situation{ringing, talking, onHold, transferring, atExtension, phoneHolds, wasPlaced}

// ofExtension tells whether the script speaks for an API extension.
func (s situation) ofExtension() bool {
	return s == atExtension || s == phoneHolds || s == wasPlaced
}

// theatre is a call on which a script runs: of alice with bob, or of alice with the API extension 9990. Carol is free, or is
// who bob is being replaced by; dave and erin are free. The second call, SecondCall, is there where it is asked for.
type theatre struct {
	*rig
	alice, bob, carol, dave, erin *phone.Phone
	a, b, c                       *phone.Call
	began                         time.Time // when the script got to its element
}

// late is when the element is reached in situations that take a moment to come about.
const late = 3 * time.Second

// theFile is one of the media folder; its tone is heard for a second.
const (
	theFile  = "880.wav"
	fileTone = spoken321
)

// stagehand is the config of a theatre.
func stagehand(t testing.TB) func(*Config) {
	speak := spoken(t)
	return func(c *Config) {
		notify(c)
		speak(c)
		c.Ozeki.Notify.Error = applicationAt + "/error"
	}
}

// onStage brings a call into a situation and has a script reach these elements there.
func onStage(t *testing.T, in situation, elements string, play func(s *theatre)) {
	t.Helper()
	scene(t, func(r *rig) {
		s := &theatre{rig: r, alice: r.phone("2000"), bob: r.phone("2001"), carol: r.phone("2002"), dave: r.phone("2003"), erin: r.phone("2004")}
		now, later := script(elements), script(fmt.Sprintf("<Delay>%d</Delay>", late/time.Second), elements)
		s.began = time.Now()
		switch in {
		case ringing:
			r.app.answersOnce("CallChanged/Ringing", now)
			s.a, s.b = r.ring(s.alice, "2001", s.bob)
			s.began = time.Now()
		case talking:
			r.app.answersOnce("CallChanged/InCall", now)
			s.converse()
		case onHold:
			r.app.answersOnce("CallChanged/Hold", now)
			s.converse()
			s.must("Hold", "CallId", s.only().CallID)
			s.began = time.Now()
		case transferring:
			r.app.answersOnce("CallChanged/InCall", later)
			s.converse()
			s.must("BlindTransfer", "CallId", s.only().CallID, "TransferorParty", "callee", "Target", "2002")
			s.c = r.rung(s.carol)
			s.wait()
		case atExtension:
			r.app.answersOnce("/ivr", now)
			a, err := s.alice.Dial(r.ctx, "9990")
			r.ok(err)
			if s.a = a; !strings.HasPrefix(elements, "<Reject") {
				r.ok(a.WaitAnswer(r.ctx))
				a.Media.SendTone(aliceTone)
			}
		case phoneHolds:
			r.app.answersOnce("/ivr", later)
			s.a = r.reception(s.alice)
			s.a.Media.SendTone(aliceTone)
			r.ok(s.a.Hold(r.ctx, phone.SendOnly))
			s.wait()
		case wasPlaced:
			r.app.answersOnce("/connected", now)
			r.must("Call", "Dialed", "2000", "Url", applicationAt+"/connected")
			s.a = r.rung(s.alice)
			r.ok(s.a.Answer())
			s.began = time.Now()
			s.a.Media.SendTone(aliceTone)
		}
		play(s)
		_ = s.a.Hangup() // it may have ended
	}, stagehand(t))
}

// converse has alice and bob talk.
func (s *theatre) converse() {
	s.Helper()
	s.a, s.b = s.connect(s.alice, "2001", s.bob)
	s.began = time.Now()
	s.a.Media.SendTone(aliceTone)
	s.b.Media.SendTone(bobTone)
}

// wait lets the time pass until the element is reached.
func (s *theatre) wait() {
	s.pass(late - time.Since(s.began))
	s.began = time.Now()
}

// next is an element that nobody knows: the fault of it tells that the script has got there.
const next = "<Next/>"

const nextFault = "301 Not implemented command: 'Next'"

// goesOn waits until the script has gone on to next, and fails unless it did so after some time.
func (s *theatre) goesOn(after time.Duration) {
	s.Helper()
	n := s.told("Error")
	s.same("the fault", n.Get("Code")+" "+n.Get("Message"), nextFault)
	took := n.at.Sub(s.began)
	s.that(took >= after-50*time.Millisecond && took < after+300*time.Millisecond, "the script went on after %v, expected %v", took, after)
}

// faults are the Error notifications so far, as code and message.
func (r *rig) faults() (list []string) {
	for _, n := range r.app.taken() {
		if n.Get("NotificationName") == "Error" {
			list = append(list, n.Get("Code")+" "+n.Get("Message"))
		}
	}
	return list
}

// faulted waits until the application was told of a number of faults, and fails unless they are these.
func (r *rig) faulted(want ...string) {
	r.Helper()
	for range 200 {
		if len(r.faults()) >= len(want) {
			break
		}
		r.pass(50 * time.Millisecond)
	}
	r.pass(50 * time.Millisecond)
	if got := r.faults(); !slices.Equal(got, want) {
		r.Fatalf("the faults are\n%q, expected\n%q\n%s", got, want, r.ladder())
	}
}

// undisturbed fails unless the call is as the situation has it, and can still become what it would have.
func (s *theatre) undisturbed(in situation) {
	s.Helper()
	switch in {
	case ringing:
		s.that(s.a.Active() == false && s.b.Active() == false, "it does not ring any more")
		s.ok(s.b.Answer())
		s.ok(s.a.WaitAnswer(s.ctx))
		s.tones(s.a, aliceTone, s.b, bobTone)
	case talking:
		s.hear(s.a, bobTone, s.b, aliceTone)
	case onHold:
		s.music(s.a, s.b)
		s.must("Unhold", "CallId", s.only().CallID)
		s.hear(s.a, bobTone, s.b, aliceTone)
	case transferring:
		s.ringback(s.a)
		s.ok(s.c.Reject(486, "Busy Here"))
		s.hear(s.a, bobTone, s.b, aliceTone)
	case atExtension, wasPlaced, phoneHolds:
		s.ended(s.a, 0) // the end of the script
	}
	s.same("the calls of others", len(requests(s.dave, "INVITE"))+len(requests(s.erin, "INVITE")), 0)
}

// recordings are the files that the switch has recorded.
func (s *theatre) recordings() []string {
	s.Helper()
	files, err := filepath.Glob(filepath.Join(s.cfg.Media.Folder, "recordings", "*.wav"))
	s.ok(err)
	for _, f := range files {
		info, err := os.Stat(f)
		s.ok(err)
		s.that(info.Size() > 8000, "%s has %d bytes", f, info.Size())
	}
	return files
}
