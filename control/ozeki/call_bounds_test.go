package ozeki

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// TestCallsForEver: an application that answers every CallChanged with another call is stopped after so many.
func TestCallsForEver(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(n told) string {
			if n.Get("CallState") == stateRinging {
				return script(`<Call Dialed="101"/>`)
			}
			return ""
		}
		get(t, a, "command=Call&Dialed=101"+login)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(b.placed); n != 1+maxGenerations {
			t.Errorf("%d calls", n)
		}
		expectErrors(t, app, "303 Command 'Call' cannot be used here: scripts of calls have made calls 10 times over")
	})
}

// TestManyCalls: Call makes no more calls than there may be, and again when one has ended.
func TestManyCalls(t *testing.T) {
	inBubble(t, Config{Extensions: []Extension{{Number: "9990", URL: appURL}}, Grace: -1}, func(t *testing.T, b *switchboard, app *application, a *API) {
		call := func() string { return get(t, a, "command=Call&Dialed=101"+login) }
		for range maxPlaced {
			if got := call(); !strings.Contains(got, "<Code>200</Code>") {
				t.Fatal(got)
			}
		}
		if got := call(); got != simple(303, "Command 'Call' cannot be used here: 1000 calls are on") {
			t.Error(got)
		}
		b.finish(placedID, callstate.Cause{Kind: callstate.Busy})
		synctest.Wait()
		if got := call(); !strings.Contains(got, "<Code>200</Code>") {
			t.Error(got)
		}
		b.finish(placedID+1, callstate.Cause{Kind: callstate.Busy})
		b.full = true // a call that does not come about takes no place
		call()
		if n := a.placed.Load(); n != maxPlaced-1 {
			t.Errorf("%d calls are counted", n)
		}
	})
}
