package ozeki

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// TestCloseTells: what is to be told is told, scripts end, and for an API extension is hung up; nothing of it outlives Close.
func TestCloseTells(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"IncomingCall": script("<Delay>3600</Delay><Beep/>")})
		app.delay = 10 * time.Millisecond
		b.ring(7, "9990")
		b.start(conversation(8, callstate.ShownRinging))
		time.Sleep(time.Second)
		b.answer(8)
		b.end(8)
		began := time.Now()
		a.Close()
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		expectTold(t, app, "SdwQD", "Ringing Answered InCall Completed")
		expectRequests(t, b, 7, "AcceptLeg, EndLeg")
	})
}

// TestCloseIsBounded: applications that hang, all of them, hold the stop up for a moment only.
func TestCloseIsBounded(t *testing.T) {
	c := ivr(&studio{})
	c.Notify.Timeout = time.Hour
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(told) string { return "hang" }
		for id := range 20 {
			b.start(conversation(callstate.CallID(10+id), callstate.ShownInCall))
		}
		b.ring(7, "9990")
		synctest.Wait()
		began := time.Now()
		a.Close()
		if took := time.Since(began); took != lastWords {
			t.Errorf("it took %v", took)
		}
	})
}

// TestHosts apart: an application that hangs, and is asked for as many calls as may be asked at once, does not hold up
// another one.
func TestHostsApart(t *testing.T) {
	var log bytes.Buffer
	c := ivr(&studio{})
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	c.Notify.CallChanged = "http://dead.example/changed"
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		began := time.Now()
		app.page = func(r told) string {
			switch r.name() {
			case "CallChanged":
				return "hang"
			case "CallConnected":
				return script("<Beep/>")
			}
			return ""
		}
		for id := range 2 * postsAt {
			b.start(conversation(callstate.CallID(100+id), callstate.ShownRinging))
		}
		synctest.Wait()
		if n := len(app.all("CallChanged")); n != postsAt {
			t.Errorf("%d at once", n)
		}
		call := b.NewCallID()
		s := a.sessions.of(call)
		s.tell(&notification{name: "Error", url: appURL + "error", form: errorForm(s.id, ozml.Fault{Code: 303})})
		synctest.Wait()
		if n := len(app.all("Error")); n != 1 || time.Since(began) != 0 {
			t.Errorf("%d told after %v", n, time.Since(began))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		a.post.mu.Lock()
		defer a.post.mu.Unlock()
		if len(a.post.slots) != 0 || a.post.waiting != 0 {
			t.Errorf("left %v", a.post.slots)
		}
	})
	if text := log.String(); strings.Count(text, "did not take") != 1 || !strings.Contains(text, "receiver=dead.example") {
		t.Error(text)
	}
}

// TestComesBack: that an application answers again is logged, once.
func TestComesBack(t *testing.T) {
	var log bytes.Buffer
	c := ivr(&studio{})
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(told) string { return "status 500" }
		b.start(conversation(7, callstate.ShownInCall))
		synctest.Wait()
		app.mu.Lock()
		app.page = nil
		app.mu.Unlock()
		b.end(7)
		synctest.Wait()
	})
	if text := log.String(); strings.Count(text, "did not take") != 1 || strings.Count(text, "takes notifications again") != 1 {
		t.Error(text)
	}
}

// A host that answers in one place and not in another is told of once a minute, not in turns.
func TestHealthOfAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPostman(Config{})
		lines := 0
		for range 300 {
			for _, answers := range []bool{false, true} {
				if p.turned("app.example", answers) {
					lines++
				}
			}
			time.Sleep(time.Second)
		}
		if lines != 2*5 {
			t.Errorf("%d lines in five minutes", lines)
		}
	})
}

// TestOverallBound: the notifications of all calls together are bounded; those that somebody waits for find room.
func TestOverallBound(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(told) string { return "hang" }
		for id := range maxWaiting + 100 {
			b.start(conversation(callstate.CallID(100+id), callstate.ShownRinging))
		}
		if a.post.waiting != maxWaiting || a.post.lost != 100 {
			t.Errorf("%d wait, %d lost", a.post.waiting, a.post.lost)
		}
		b.end(100)
		if a.post.waiting != maxWaiting+1 {
			t.Errorf("%d wait", a.post.waiting)
		}
		synctest.Wait()
		if got := fmt.Sprint(len(app.told)); got != fmt.Sprint(postsAt) {
			t.Errorf("%s at once", got)
		}
	})
}

// TestAnswersNobodyWaitsFor: a call ends while its script asks for more, at the moment when the answer comes: perhaps
// nobody is there for it any more, which is for the race detector to see (edge case A13).
func TestAnswersNobodyWaitsFor(t *testing.T) {
	for range 10 { // who comes first is not always the same
		inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
			app.delay = time.Second
			app.page = answers(map[string]string{"IncomingCall": script(`<GoTo>/more</GoTo>`), "GoTo": script(`<Speak>late</Speak>`)})
			b.ring(7, "9990")
			for range 50 {
				if synctest.Wait(); len(app.all("GoTo")) > 0 {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Until(app.all("GoTo")[0].at.Add(app.delay)))
			b.end(7)
			time.Sleep(time.Minute)
			if all := app.of("Nt3uh", "CallChanged"); len(all) == 0 || all[len(all)-1].String() != stateCompleted {
				t.Errorf("told %v", all)
			}
			if n := a.sessions.left(); n != 0 {
				t.Errorf("%d left", n)
			}
		})
	}
}
