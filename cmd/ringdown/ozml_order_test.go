package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// heard lists the tones that a call hears, one after the other, as long as they last.
func (r *rig) heard(c *phone.Call, long time.Duration, tones ...int) (list []int) {
	for end := time.Now().Add(long); time.Now().Before(end); r.pass(40 * time.Millisecond) {
		for _, hz := range tones {
			if c.Media.Hears(hz, 60*time.Millisecond) && (len(list) == 0 || list[len(list)-1] != hz) {
				list = append(list, hz)
			}
		}
	}
	return list
}

// Two scripts of one call never interleave: the application answers Ringing, Answered and InCall, and what it says is heard
// in that order, each to its end, none twice.
func TestScriptsOfOneCallInOrder(t *testing.T) {
	folder := sounds(t, 1, menuTone, salesTone, sorryTone)
	scene(t, func(r *rig) {
		r.app.answersOnce("CallChanged/Ringing", script(`<Delay>3</Delay>`, `<Play Party="caller">540.wav</Play>`))
		r.app.answersOnce("CallChanged/Answered", script(`<Play Party="caller">820.wav</Play>`, `<Play Party="caller">820.wav</Play>`))
		r.app.answersOnce("CallChanged/InCall", script(`<Play Party="caller">1150.wav</Play>`))
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		began := time.Now()
		r.ok(a.Media.WaitTone(r.ctx, menuTone))
		r.that(time.Since(began) > 2900*time.Millisecond, "the second script began before the first was over")
		r.same("what alice hears", r.heard(a, 5*time.Second, menuTone, salesTone, sorryTone), []int{menuTone, salesTone, sorryTone})
		r.faulted()
		r.oneStream(a)
		r.ok(b.Hangup())
		r.ends(a)
	}, stagehand(t), func(c *Config) { c.Media.Folder = folder })
}

// A10: what is told of one call comes in order and never in parallel, however slow the application; and no call waits for
// it, nor for one that is dead.
func TestSlowApplication_A10(t *testing.T) {
	for name, slow := range map[string]time.Duration{"slow": 2 * time.Second, "dead": time.Hour} {
		scene2(t, name, func(r *rig) {
			var mu sync.Mutex
			under := map[string]int{}
			most := 0
			r.app.before(func(n notification) {
				mu.Lock()
				under[n.Get("CallId")]++
				most = max(most, under[n.Get("CallId")])
				mu.Unlock()
				r.pass(min(slow, 6*time.Second)) // longer than the switch waits
				mu.Lock()
				under[n.Get("CallId")]--
				mu.Unlock()
			})
			alice, bob := r.phone("2000"), r.phone("2001")
			began := time.Now()
			a, b := r.talk(alice, "2001", bob)
			r.must("Hold", "CallId", r.only().CallID)
			r.must("Unhold", "CallId", r.only().CallID)
			r.hear(a, bobTone, b, aliceTone)
			r.ok(a.Hangup())
			r.ends(b)
			r.that(time.Since(began) < 2*time.Second, "the call took %v", time.Since(began))
			r.told("CallChanged/Completed")
			r.pass(time.Minute)
			var states []string
			for _, n := range r.app.names() {
				if s := strings.TrimPrefix(n, "CallChanged/"); len(states) == 0 || states[len(states)-1] != s { // the last is sent again
					states = append(states, s)
				}
			}
			r.same("what the application was told", states, []string{"Ringing", "Answered", "InCall", "Hold", "InCall", "Completed"})
			mu.Lock()
			defer mu.Unlock()
			r.that(slow > 5*time.Second || most == 1, "%d notifications of one call at once", most)
		}, stagehand(t))
	}
}

// A script that runs in circles is ended by its limits, and the call is released as at any end of a script.
func TestScriptLimits(t *testing.T) {
	for name, x := range map[string]struct{ elements, fault string }{
		"documents": {`<GoTo>/ivr</GoTo>`, "303 Command 'GoTo' cannot be used here: the script is ended, it has gone on to 50 documents without any audio or input"},
		"elements": {`<Array ID="a">` + strings.Repeat("<Item>1</Item>", 40) + `</Array><ForEach Source="a"><ForEach Source="a"><Delay>0</Delay></ForEach></ForEach>`,
			"303 Command 'ForEach' cannot be used here: the script is ended, it has run 1000 elements"},
	} {
		scene2(t, name, func(r *rig) {
			r.app.answers(map[string]string{"/ivr": script(x.elements)})
			a := r.reception(r.phone("2000"))
			r.ended(a, 0)
			r.faulted(x.fault)
		}, stagehand(t))
	}
}

// A7: a Play by URL takes the place of what a script plays, which goes on with its next element at once; both end in one
// stream.
func TestPlayReplaces_A7(t *testing.T) {
	onStage(t, atExtension, `<Play Repeat="true">880.wav</Play><SendDTMF Keys="5"/><Delay>2</Delay>`, func(s *theatre) {
		s.ok(s.a.Media.WaitTone(s.ctx, fileTone))
		s.must("Speak", "CallId", s.only().CallID, "Text", "Hello", "Party", "all")
		s.ok(s.a.Media.WaitDigits(s.ctx, "5"))
		s.ok(s.a.Media.WaitTone(s.ctx, spokenTone))
		s.unheard(s.a, fileTone)
		s.ended(s.a, 0)
		s.oneStream(s.a)
		s.faulted()
	})
}

// D7: a phone that sends each key as an event, as INFO and as a tone at once has pressed it once.
func TestInputByThreeWays_D7(t *testing.T) {
	onStage(t, atExtension, `<UserInput Digits="4" Timeout="20" ForwardToUrl="/entered"/>`, func(s *theatre) {
		s.a.Media.SendSilence()
		for _, key := range "1234" {
			s.ok(s.a.Media.SendDigit4733(key, 100))
			_, err := s.a.SendDigitInfo(s.ctx, key, 100, phone.DTMFRelay)
			s.ok(err)
			s.pass(1200 * time.Millisecond)
		}
		s.same("the keys", s.told("DtmfEntered").Get("DtmfDigits"), "1234")
		s.ended(s.a, 0)
	})
}

// What a phone hears of an API extension is one stream on one timeline, through silence, prompt, beep, keys, music and
// transfer: M8, M24.
func TestExtensionTimeline(t *testing.T) {
	onStage(t, atExtension, `<Delay>2</Delay><Play>880.wav</Play><Delay>0.5</Delay><Beep/><SendDTMF Keys="12"/><Hold/><Delay>2</Delay><Unhold/><Speak>Hello</Speak><BlindTransfer>2002</BlindTransfer>`,
		func(s *theatre) {
			tape := record(s.a)
			s.ok(s.a.Media.WaitSilence(s.ctx))
			s.ok(s.a.Media.WaitTone(s.ctx, fileTone))
			s.ok(s.a.Media.WaitTone(s.ctx, bobTone)) // the beep
			s.ok(s.a.Media.WaitDigits(s.ctx, "12"))
			s.pass(time.Second)
			s.music(s.a)
			s.ok(s.a.Media.WaitTone(s.ctx, spokenTone))
			c := s.rung(s.carol)
			s.ringback(s.a)
			s.ok(c.Answer())
			s.tones(s.a, aliceTone, c, carolTone)
			s.ok(c.Hangup())
			s.ended(s.a, 0)
			s.oneStream(s.a)
			all := tape.all()
			s.that(len(all) > 350, "%d packets", len(all))
			for i, p := range all[1:] {
				last := all[i]
				steps := p.Timestamp - last.Timestamp
				s.that(p.SSRC == all[0].SSRC && p.Seq == last.Seq+1 && int32(steps) >= 0 && p.at.Sub(last.at) <= 60*time.Millisecond,
					"packet %d is %d samples and %v after the one before", i+1, steps, p.at.Sub(last.at))
			}
			first, last := all[0], all[len(all)-1]
			drift := last.at.Sub(first.at) - time.Duration(last.Timestamp-first.Timestamp)*time.Second/8000
			s.that(drift.Abs() <= 100*time.Millisecond, "the time stamps and the clock are %v apart at the end", drift)
		})
}
