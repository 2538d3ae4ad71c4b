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
)

// conversation is a call of 104 with 105, in a state.
func conversation(id callstate.CallID, state callstate.Shown) callstate.Summary {
	s := talk(id, phone("104", true), phone("105", false))
	s.State, s.Started = state, moment(0)
	if state != callstate.ShownRinging {
		s.Answered = moment(0)
	}
	s.Caller, s.Callee, s.CallerDialled, s.CalleeDialled = callstate.Party{Number: "104"}, callstate.Party{Number: "105"}, "105", "105"
	return s
}

// onFirst answers the first CallChanged of Nt3uh with a script.
func onFirst(elements string) func(told) string {
	asked := false
	return func(r told) string {
		if r.name() != "CallChanged" || r.Get("CallId") != "Nt3uh" || asked {
			return ""
		}
		asked = true
		return script(elements)
	}
}

// TestSeedScript is the OzML of the seed on SendDTMF: each element waits for the one before it.
func TestSeedScript(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = onFirst(`<Speak Party="caller">You will get dtmf keys 123.</Speak> <SendDTMF Party="caller" Keys="123"></SendDTMF> ` +
			`<Speak Party="callee">You will get dtmf keys 321.</Speak> <SendDTMF Party="callee" Keys="321"></SendDTMF> <Hangup/>`)
		b.start(conversation(7, callstate.ShownInCall))
		began := time.Now()
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "You will get dtmf keys 123. to caller, 123 to caller, You will get dtmf keys 321. to callee, 321 to callee, End")
		expectTold(t, app, "Nt3uh", "Answered InCall Completed")
		if took := app.all("CallChanged")[2].at.Sub(began); took != 3200*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

// TestThirdParty is each element in a script that steers a call of others, in states where it is legal and where not.
func TestThirdParty(t *testing.T) {
	const ringing, talking, held = callstate.ShownRinging, callstate.ShownInCall, callstate.ShownHeld
	invalid := func(param, name string) string {
		return "302 Missing or invalid parameter '" + param + "' for command '" + name + "'"
	}
	cannot := func(name string) string { return "303 Command '" + name + "' cannot be used here" }
	for _, row := range []struct {
		state    callstate.Shown
		elements string
		requests string // of Nt3uh, then of SdwQD where there are any
		fault    string
	}{
		{ringing, `<ForwardCall Destination="102"></ForwardCall>`, "ForwardCall", ""},
		{ringing, `<forward destination="102"/>`, "ForwardCall", ""},
		{talking, `<ForwardCall Destination="102"/>`, "", cannot("ForwardCall")},
		{ringing, `<ForwardCall/>`, "", invalid("Destination", "ForwardCall")},
		{ringing, `<ForwardCall Destination="1;2"/>`, "", invalid("Destination", "ForwardCall")},
		{ringing, `<ForwardCall CallId="zzzzz" Destination="102"/>`, "", "601 Call not found with ID 'zzzzz'"},
		{talking, `<SendDTMF Party="all" Keys="1"/>`, "1 to all", ""},
		{held, `<SendDTMF Party="all" Keys="1"/>`, "", cannot("SendDTMF")},
		{talking, `<SendDTMF Keys="1"/>`, "", invalid("Party", "SendDTMF")},
		{talking, `<SendDTMF Party="all" Keys="x"/>`, "", invalid("Keys", "SendDTMF")},
		{talking, `<SendDTMF Party="callee" Keys="1" CallId="SdwQD"/>`, "; 1 to callee", ""},
		{talking, `<Play Party="caller">hello.wav</Play>`, "hello.wav to caller", ""},
		{talking, `<Play>hello.wav</Play>`, "", invalid("Party", "Play")},
		{talking, `<Play Party="all">missing.wav</Play>`, "", invalid("AudioFile", "Play")},
		{talking, `<Play Party="all" Repeat="perhaps">hello.wav</Play>`, "", invalid("Repeat", "Play")},
		{ringing, `<Play Party="all">hello.wav</Play>`, "", cannot("Play")},
		{talking, `<Speak>Hello</Speak>`, "Hello to all", ""},
		{talking, `<Speak Party="nobody">Hello</Speak>`, "", invalid("Party", "Speak")},
		{talking, `<Speak></Speak>`, "", invalid("Text", "Speak")},
		{ringing, `<Speak>Hello</Speak>`, "", cannot("Speak")},
		{talking, `<Beep/>`, "beep 500ms to all", ""},
		{talking, `<Beep Duration="0.1" Frequency="440" Party="callee"/>`, "beep 100ms to callee", ""},
		{talking, `<Beep Frequency="1"/>`, "", invalid("Frequency", "Beep")},
		{talking, `<Hold></Hold>`, "Hold", ""},
		{ringing, `<Hold/>`, "", cannot("Hold")},
		{held, `<Unhold CallId="Nt3uh"/>`, "Unhold", ""},
		{talking, `<Unhold/>`, "", cannot("Unhold")},
		{ringing, `<Hangup/><Beep/>`, "End", ""},
		{talking, `<Hangup CallId="SdwQD"/><Beep/>`, "beep 500ms to all; End", ""},
		{talking, `<BlindTransfer TransferorParty="callee" Target="1001"></BlindTransfer><Beep/>`, "BlindTransfer callee 1001", ""},
		{talking, `<BlindTransfer>1001</BlindTransfer>`, "", invalid("TransferorParty", "BlindTransfer")},
		{ringing, `<BlindTransfer TransferorParty="callee">1001</BlindTransfer>`, "", cannot("BlindTransfer")},
		{talking, `<BlindTransfer TransferorParty="callee" FinishedUrl="http://evil.example/">1001</BlindTransfer>`, "", invalid("FinishedUrl", "BlindTransfer")},
		{talking, `<AttendedTransfer TargetCallId="SdwQD" TransferorParty="caller"></AttendedTransfer>`, "AttendedTransfer", ""},
		{talking, `<AttendedTransfer TargetCallId="yyyyy"/>`, "", "601 Call not found with ID 'yyyyy'"},
		{talking, `<AttendedTransfer/>`, "", invalid("TargetCallId", "AttendedTransfer")},
		{talking, `<Record/>`, "Record", ""},
		{talking, `<Record/><Record/>`, "Record", cannot("Record")},
		{ringing, `<Record/>`, "", cannot("Record")},
		{talking, `<Record RecordPath="../x"/>`, "", invalid("RecordPath", "Record")},
		{talking, `<Record Format="ogg"/>`, "", invalid("Format", "Record")},
		{talking, `<Beep/><Reject/>`, "beep 500ms to all", cannot("Reject")},
		{talking, `<Reject/>`, "", cannot("Reject")},
		{talking, `<UserInput/>`, "", cannot("UserInput")},
		{talking, `<Call>101</Call>`, "", ""},
		{talking, `<Call ApiExtension="9986">101</Call>`, "", "401 API extension '9986' unavailable, please check configuration or permissions"},
		{talking, `<ListActiveCalls/><Beep/>`, "beep 500ms to all", cannot("ListActiveCalls")},
		{talking, `<StopRecord/>`, "", "301 Not implemented command: 'StopRecord'"},
		{talking, `<SendSms Recipient="1">x</SendSms>`, "", "301 Not implemented command: 'SendSMS'"},
		{talking, `<Foo/><Beep/>`, "beep 500ms to all", "301 Not implemented command: 'Foo'"},
		{talking, `<Exit/><Beep/>`, "", ""},
	} {
		t.Run(string(row.state)+row.elements, func(t *testing.T) {
			c := ivr(&studio{})
			c.Files = folderOf(nil)
			inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
				app.page = onFirst(row.elements)
				b.add(conversation(8, callstate.ShownInCall))
				a.ids.name(7)
				a.ids.name(8)
				b.start(conversation(7, row.state))
				time.Sleep(time.Minute)
				synctest.Wait()
				got := b.requestsOf(7)
				if other := b.requestsOf(8); other != "" {
					got += "; " + other
				}
				if got != row.requests {
					t.Errorf("got  %s\nwant %s", got, row.requests)
				}
				if row.fault == "" {
					expectErrors(t, app)
				} else {
					expectErrors(t, app, row.fault)
				}
			})
		})
	}
}

// TestOrder: what is told of a call comes in order and never in parallel, however slow the application; that of another
// call does not wait for it.
func TestOrder(t *testing.T) {
	c := ivr(&studio{})
	c.Notify.Timeout = 10 * time.Second
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.delay = 3 * time.Second
		began := time.Now()
		b.start(conversation(7, callstate.ShownRinging))
		b.start(conversation(8, callstate.ShownRinging))
		for _, call := range []callstate.CallID{7, 8} {
			b.answer(call)
			b.change(call, callstate.NoticeHeld, func(s *callstate.Summary) { s.State = callstate.ShownHeld })
			b.change(call, callstate.NoticeResumed, func(s *callstate.Summary) { s.State = callstate.ShownInCall })
			b.end(call)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the calls waited %v", took)
		}
		time.Sleep(time.Minute)
		for _, id := range []string{"Nt3uh", "SdwQD"} {
			expectTold(t, app, id, "Ringing Answered InCall Hold InCall Completed")
			for i, n := range app.of(id, "") {
				if at := n.at.Sub(began); at != time.Duration(i)*3*time.Second {
					t.Errorf("%s: %d came after %v", id, i, at)
				}
			}
		}
		if app.most != 2 {
			t.Errorf("%d at once", app.most)
		}
	})
}

// TestNoInterleaving: scripts of one call run one after the other, and what happens meanwhile is told at once.
func TestNoInterleaving(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(r told) string {
			state := r.Get("CallState")
			return script("<Speak>" + state + " 1</Speak><Delay>1</Delay><Speak>" + state + " 2</Speak>")
		}
		began := time.Now()
		b.start(conversation(7, callstate.ShownInCall)) // Answered, InCall
		synctest.Wait()
		b.change(7, callstate.NoticeHeld, func(s *callstate.Summary) { s.State = callstate.ShownHeld })
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "Answered 1 to all, Answered 2 to all, InCall 1 to all, InCall 2 to all, Hold 1 to all, Hold 2 to all")
		for _, n := range app.all("CallChanged") {
			if n.at != began {
				t.Errorf("%s was told after %v", n, n.at.Sub(began))
			}
		}
	})
}

// TestFull: of a call whose application hangs only so much is kept, the oldest goes, and the last is told all the same.
func TestFull(t *testing.T) {
	var log bytes.Buffer
	c := ivr(&studio{})
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(told) string { return "hang" }
		b.start(conversation(7, callstate.ShownInCall))
		for i := range 2 * maxPosts {
			b.change(7, callstate.NoticeTransferred, func(s *callstate.Summary) { s.Callee.Number = fmt.Sprint(200 + i) })
		}
		b.end(7)
		synctest.Wait()
		app.mu.Lock()
		app.page = nil
		app.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		got := app.all("CallChanged")
		if len(got) > maxPosts+2 || got[len(got)-1].Get("CallState") != "Completed" || got[len(got)-2].Get("Destination") != fmt.Sprint(199+2*maxPosts) {
			t.Errorf("got %d, the last %v", len(got), got[len(got)-2:])
		}
		if a.post.waiting != 0 || a.post.lost != 0 {
			t.Errorf("%d wait, %d lost", a.post.waiting, a.post.lost)
		}
	})
	if text := log.String(); strings.Count(text, "too slow") != 1 || !strings.Contains(text, "lost=") || strings.Contains(text, "/changed") {
		t.Error(text)
	}
}

// TestTooManyScripts: those that find no room are reported.
func TestTooManyScripts(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(told) string { return script("<Delay>100</Delay>") }
		b.start(conversation(7, callstate.ShownInCall))
		for i := range maxScripts {
			b.change(7, callstate.NoticeTransferred, func(s *callstate.Summary) { s.Callee.Number = fmt.Sprint(200 + i) })
			synctest.Wait()
		}
		expectErrors(t, app, "303 Command 'Response' cannot be used here: too many scripts wait for this call")
		b.end(7)
	})
}

// TestLateAnswer is edge case A13: the call has ended when the script comes, or while it runs.
func TestLateAnswer(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.delay = time.Second
		app.page = func(told) string { return script("<Beep/>") }
		b.start(conversation(7, callstate.ShownRinging))
		b.end(7)
		b.start(conversation(8, callstate.ShownRinging))
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "")
		b.answer(8)
		app.mu.Lock()
		app.page = func(told) string { return script("<Speak>a</Speak><Delay>10</Delay><Speak>b</Speak>") }
		app.mu.Unlock()
		time.Sleep(2 * time.Second)
		b.end(8)
		time.Sleep(time.Minute)
		expectRequests(t, b, 8, "a to all")
		expectErrors(t, app, cannotBeep)
	})
}

const cannotBeep = "303 Command 'Beep' cannot be used here"
