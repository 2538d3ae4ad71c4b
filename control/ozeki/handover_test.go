package ozeki

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// left are the calls that are known, and the sides of API extensions that scripts speak for.
func (m *sessions) left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.list) + len(m.speakers)
}

// goOver moves the API extension of call 7 into call 8, where 106 has it as its partner, in that order or the other.
func (b *switchboard) goOver(noticeFirst bool) {
	side := b.Get(7).Legs[1]
	arrive := func() {
		b.change(8, callstate.NoticeTransferred, func(s *callstate.Summary) {
			s.Callee, s.Legs = side.Party, append(slices.Clone(s.Legs[:1]), side)
		})
	}
	if noticeFirst {
		arrive()
	}
	b.mu.Lock()
	s := *b.calls[7]
	delete(b.calls, 7)
	b.mu.Unlock()
	s.Legs = nil
	b.notify(callstate.Notice{Kind: callstate.NoticeEnded, Summary: &s, Cause: callstate.Cause{Kind: callstate.Transferred}, Moved: []callstate.LegID{side.ID}})
	if !noticeFirst {
		time.Sleep(time.Second)
		arrive()
	}
}

// TestHandOver: a phone that consults a menu hands its caller on to it. The script goes on in the other call, hears its keys,
// is told its CallId, and hangs up there.
func TestHandOver(t *testing.T) {
	for _, noticeFirst := range []bool{true, false} {
		inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
			app.page = answers(map[string]string{
				"IncomingCall": script(`<UserInput timeout="60" ForwardToUrl="/digit"><InitialCommands/></UserInput><Speak>bye</Speak>`),
				"DtmfEntered":  script(`<Speak>thanks</Speak>`),
			})
			b.ring(7, "9990")
			b.start(conversation(8, callstate.ShownInCall))
			time.Sleep(time.Second)
			b.goOver(noticeFirst)
			time.Sleep(10 * time.Second)
			b.notify(callstate.Notice{Kind: callstate.NoticeDigit, Summary: b.Get(8), Leg: leg(8, 1), Digit: "5"})
			time.Sleep(time.Minute)
			expectRequests(t, b, 8, "thanks to all, bye to all, EndLeg")
			if got := app.all("DtmfEntered"); len(got) != 1 || got[0].Get("DtmfDigits") != "5" || got[0].Get("CallId") != "SdwQD" {
				t.Errorf("told %v", got)
			}
			expectTold(t, app, "Nt3uh", "Ringing IncomingCall Answered InCall Transferred")
			expectTold(t, app, "SdwQD", "Answered InCall InCall DtmfEntered Completed")
			expectErrors(t, app)
			if a.sessions.left() != 0 {
				t.Errorf("%d left", a.sessions.left())
			}
		})
	}
}

// TestAdrift: an API extension that has left one call and never comes to another takes its script along.
func TestAdrift(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"IncomingCall": script(`<Delay>3600</Delay><Beep/>`)})
		b.ring(7, "9990")
		synctest.Wait()
		s := *b.Get(7)
		b.notify(callstate.Notice{Kind: callstate.NoticeEnded, Summary: &s, Moved: []callstate.LegID{leg(7, 2)}, Cause: callstate.Cause{Kind: callstate.Transferred}})
		time.Sleep(adrift - time.Millisecond)
		synctest.Wait()
		if a.sessions.left() != 1 {
			t.Error("it ended too soon")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if a.sessions.left() != 0 {
			t.Error("it goes on")
		}
	})
}

// TestOtherCallEnds: the script ends with the call that it has come to.
func TestOtherCallEnds(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"IncomingCall": script(`<Delay>3600</Delay><Beep/>`)})
		b.ring(7, "9990")
		b.start(conversation(8, callstate.ShownInCall))
		synctest.Wait()
		b.goOver(false)
		b.end(8)
		synctest.Wait()
		if a.sessions.left() != 0 {
			t.Error("it goes on")
		}
	})
}

// TestNeverRuns: the script of an API extension that waits behind another one of its call when the call ends is forgotten
// with it (invariant I1).
func TestNeverRuns(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{
			"CallChanged":  script(`<Delay>60</Delay>`),
			"IncomingCall": script(`<Speak>welcome</Speak>`),
		})
		b.ring(7, "9990")
		time.Sleep(time.Second)
		b.end(7)
		time.Sleep(time.Minute)
		expectTold(t, app, "Nt3uh", "Ringing IncomingCall Answered InCall Completed")
		if n := a.sessions.left(); n != 0 {
			t.Errorf("%d left", n)
		}
	})
}
