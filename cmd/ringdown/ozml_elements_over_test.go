package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// everything is a script of all elements of the table.
func everything() string {
	var all []string
	for _, e := range elements {
		if !strings.HasPrefix(e.xml, "<Exit") && !strings.HasPrefix(e.xml, "<Hangup") {
			all = append(all, e.xml)
		}
	}
	return strings.Join(all, " ")
}

// undone fails if anything of everything was done: a fault was told, a script asked for, a phone called, a file made.
func (s *theatre) undone() {
	s.Helper()
	s.quiet(time.Minute, s.dave, s.erin)
	s.faulted()
	_, asked := s.app.find("GoTo")
	s.that(!asked, "the script has run")
	s.same("the calls of others", len(requests(s.dave, "INVITE"))+len(requests(s.erin, "INVITE")), 0)
	s.same("how many files there are", len(s.recordings()), 0)
}

// A13: the answer to the notification that tells the end of a call is ignored, every element of it.
func TestElementsAfterTheEnd_A13(t *testing.T) {
	onStage(t, talking, "", func(s *theatre) {
		s.app.answers(map[string]string{"CallChanged/Completed": script(`<Call>2004</Call>`, next, everything())})
		s.ok(s.a.Hangup())
		s.ends(s.b)
		s.told("CallChanged/Completed")
		s.undone()
	})
}

// Spec ozeki 7.3: when the API extension has left for the target of its transfer, nothing more of its script runs.
func TestElementsAfterTheExtensionHasLeft(t *testing.T) {
	for _, in := range []situation{atExtension, wasPlaced} {
		t.Run(string(in), func(t *testing.T) {
			onStage(t, in, `<BlindTransfer>2002</BlindTransfer>`+everything(), func(s *theatre) {
				c := s.rung(s.carol)
				s.ok(c.Answer())
				s.tones(s.a, aliceTone, c, carolTone)
				s.undone()
				s.hear(s.a, carolTone, c, aliceTone)
				s.oneStream(s.a, c)
				s.ok(c.Hangup())
				s.ended(s.a, 0)
			})
		})
	}
}

// AttendedTransfer in a script: whoever takes part in both calls leaves them, and the others talk. That may be a phone, in a
// script about a call of others, or the API extension itself.
func TestElementAttendedTransfer(t *testing.T) {
	scene2(t, "of a phone", func(r *rig) {
		alice, bob, carol := r.three()
		a1, b := r.talk(alice, "2001", bob)
		first := r.only().CallID
		r.ok(a1.Hold(r.ctx, phone.SendOnly))
		r.app.answersOnce("CallChanged/InCall", script(`<Delay>2</Delay>`, fmt.Sprintf(`<AttendedTransfer TargetCallId="%s" TransferorParty="caller"></AttendedTransfer>`, first), next))
		a2, c := r.talk(alice, "2002", carol)
		r.ended(a1, 0)
		r.ended(a2, 0)
		b.Media.SendTone(bobTone)
		c.Media.SendTone(carolTone)
		r.hear(b, carolTone, c, bobTone)
		r.faulted(nextFault)
		r.oneStream(b, c)
		r.ok(b.Hangup())
		r.ends(c)
	}, stagehand(t))
	scene2(t, "of the API extension", func(r *rig) {
		r.app.answers(map[string]string{"/ivr": script(`<Play Repeat="true">880.wav</Play>`),
			"/connected": script(`<Delay>2</Delay>`, `<GoTo>/join</GoTo>`)})
		alice, bob, _ := r.three()
		a := r.reception(alice)
		r.app.answers(map[string]string{"/join": script(fmt.Sprintf(`<AttendedTransfer TargetCallId="%s"/>`, r.only().CallID), next)})
		r.must("Call", "Dialed", "2001", "Url", applicationAt+"/connected")
		b := r.rung(bob)
		r.ok(b.Answer())
		r.ok(a.Media.WaitTone(r.ctx, fileTone)) // as long as it waits
		r.tones(a, aliceTone, b, bobTone)
		r.that(!slices.Contains(r.faults(), nextFault), "the script went on without its extension")
		r.oneStream(a, b)
		r.ok(b.Hangup())
		r.ends(a)
	}, stagehand(t))
	scene2(t, "nobody takes part in both", func(r *rig) {
		alice, bob, carol := r.three()
		dave := r.phone("2003")
		a, b := r.talk(alice, "2001", bob)
		first := r.only().CallID
		r.app.answersOnce("CallChanged/InCall", script(fmt.Sprintf(`<AttendedTransfer TargetCallId="%s"/>`, first), next))
		c, d := r.talk(carol, "2003", dave)
		r.faulted("302 Missing or invalid parameter 'TargetCallId' for command 'AttendedTransfer'", nextFault)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ok(c.Hangup())
		r.ends(b, d)
	}, stagehand(t))
}
