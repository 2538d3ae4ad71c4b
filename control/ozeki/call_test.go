package ozeki

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// placedID is the first call that the switchboard places; its CallId is Nt3uh.
const placedID callstate.CallID = 1 << 40

// withID is the answer to Call.
func withID(id string) string {
	return strings.Replace(simple(200, done), "</Message>", "</Message> <CallId>"+id+"</CallId>", 1)
}

// TestCall over the URL: the phone answers, CallConnected brings a script, its end hangs up, CallFinished follows.
func TestCall(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"CallConnected": script("<Speak>Hello</Speak>")})
		began := time.Now()
		got := get(t, a, "command=Call&Dialed=101@localhost&Url=http://app.example/connected%3Fjob%3D1&FinishedURL=http://app.example/done"+
			"&CallerId=3000&CallerDisplayName=John+Smith&RingTime=20"+login)
		if got != withID("Nt3uh") || time.Since(began) != defaultGrace {
			t.Errorf("after %v: %s", time.Since(began), got)
		}
		if want := (callstate.CallPlaced{ID: placedID, From: "9990", Shows: callstate.Party{Number: "3000", Name: "John Smith"}, To: "101", Ring: 20 * time.Second}); b.placed[0] != want {
			t.Errorf("placed %+v", b.placed[0])
		}
		time.Sleep(5 * time.Second)
		b.answer(placedID)
		time.Sleep(time.Minute)
		expectRequests(t, b, placedID, "Hello to all, EndLeg")
		expectTold(t, app, "Nt3uh", "Ringing Answered InCall CallConnected CallFinished Completed")
		connected, finished := app.all("CallConnected")[0], app.all("CallFinished")[0]
		if connected.raw != "NotificationName=CallConnected&CallId=Nt3uh&ApiExtension=9990&CallerId=3000&CallerID=3000&Dialed=101&CallerDisplayName=John+Smith" ||
			connected.path != "/connected?job=1" {
			t.Errorf("%s %s", connected.path, connected.raw)
		}
		if finished.raw != "NotificationName=CallFinished&CallId=Nt3uh&Caller=9990&Callee=101&Duration=0.000&State=CallerHungUp" || finished.path != "/done" {
			t.Errorf("%s %s", finished.path, finished.raw)
		}
		expectErrors(t, app)
	})
}

// TestCallScripts: where the script of a call comes from, and what happens without one (spec ozeki 5.4, 8.9).
func TestCallScripts(t *testing.T) {
	const none = "Missing or invalid parameter 'Url' for command 'Call': no script came from there"
	for name, row := range map[string]struct {
		query, page, requests string
		errors                []string
	}{
		"inline":       {"&ResponseOzML=%3CResponse%3E%3CSpeak%3EHi%3C/Speak%3E%3C/Response%3E&Url=http://app.example/x", "status 500", "Hi to all, EndLeg", nil},
		"neither":      {"", script("<Speak>Mine</Speak>"), "Mine to all, EndLeg", nil},
		"unreachable":  {"&Url=http://app.example/x", "status 404", "EndLeg", []string{"302 " + none}},
		"empty answer": {"&Url=http://app.example/x", "", "EndLeg", []string{"302 " + none}},
		"its ErrorUrl": {"&Url=http://app.example/x&ErrorUrl=http://app.example/mine", "", "EndLeg", []string{"302 " + none}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
				app.page = answers(map[string]string{"CallConnected": row.page})
				if got := get(t, a, "command=Call&Dialed=101"+row.query+login); got != withID("Nt3uh") {
					t.Fatal(got)
				}
				b.answer(placedID)
				time.Sleep(time.Minute)
				expectRequests(t, b, placedID, row.requests)
				expectErrors(t, app, row.errors...)
				want := "/error"
				if strings.Contains(row.query, "mine") {
					want = "/mine"
				}
				if e := app.all("Error"); len(e) > 0 && e[0].path != want {
					t.Errorf("told %s", e[0].path)
				}
			})
		})
	}
}

// TestCallFails: at once it is the answer, later it is an Error notification.
func TestCallFails(t *testing.T) {
	for kind, result := range map[callstate.CauseKind]string{callstate.Busy: "Busy", callstate.NoAnswer: "NotAnswered", callstate.NotFound: "NotFound", callstate.Failed: "Error"} {
		inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
			query := "command=Call&Dialed=101&ErrorUrl=http://app.example/mine&FinishedUrl=http://app.example/done" + login
			text := "Call connect to '101' failed with result state '" + result + "'"
			answer := make(chan string)
			go func() { answer <- get(t, a, query) }()
			time.Sleep(200 * time.Millisecond)
			b.finish(placedID, callstate.Cause{Kind: kind})
			expect(t, <-answer, 402, text)
			expectErrors(t, app)

			if got := get(t, a, query); got != withID("SdwQD") {
				t.Error(got)
			}
			b.finish(placedID+1, callstate.Cause{Kind: kind})
			expectErrors(t, app, "402 "+text)
			if e := app.all("Error")[0]; e.path != "/mine" || e.Get("CallId") != "SdwQD" {
				t.Errorf("told %s %s", e.path, e.raw)
			}
			if f := app.all("CallFinished"); len(f) != 0 {
				t.Errorf("told %v", f)
			}
		})
	}
}

// TestCallRefused are the requests that place no call.
func TestCallRefused(t *testing.T) {
	invalid := func(param string) string { return "Missing or invalid parameter '" + param + "' for command 'Call'" }
	two := ivr(&studio{})
	two.Extensions = append(two.Extensions, Extension{Number: "9991"})
	mute := ivr(&studio{})
	mute.Extensions[0].URL = ""
	nobody := Config{}
	for _, row := range []struct {
		c       Config
		query   string
		code    int
		message string
	}{
		{two, "", 302, invalid("Dialed")},
		{mute, "&Dialed=101", 302, invalid("Url")},
		{mute, "&Dialed=101&Url=&ResponseOzML=", 302, invalid("Url")},
		{two, "&Dialed=1;2", 302, invalid("Dialed")},
		{two, "&Dialed=101@evil", 302, invalid("Dialed")},
		{two, "&Dialled=101", 302, invalid("ApiExtension")},
		{two, "&Dialed=101&ApiExtension=9986", 401, "API extension '9986' unavailable, please check configuration or permissions"},
		{nobody, "&Dialed=101", 401, "API extension '' unavailable, please check configuration or permissions"},
		{two, "&Dialed=101&ApiExtension=9991&CallerId=1%0d%0a2", 302, invalid("CallerId")},
		{two, "&Dialed=101&ApiExtension=9991&CallerDisplayName=Eve%0d%0aX:+y", 302, invalid("CallerDisplayName")},
		{two, "&Dialed=101&ApiExtension=9991&RingTime=0", 302, invalid("RingTime")},
		{two, "&Dialed=101&ApiExtension=9991&RingTime=soon", 302, invalid("RingTime")},
		{two, "&Dialed=101&ApiExtension=9991&Url=http://evil.example/", 302, invalid("Url")},
		{two, "&Dialed=101&ApiExtension=9991&Url=/connected", 302, invalid("Url")},
		{two, "&Dialed=101&ApiExtension=9991&ErrorUrl=file:///etc/passwd", 302, invalid("ErrorUrl")},
		{two, "&Dialed=101&ApiExtension=9991&FinishedUrl=http://app.example:81/", 302, invalid("FinishedUrl")},
		{two, "&Dialed=101&ApiExtension=9991&ResponseOzML=%3CResponse%3E", 300, "Error occured during parsing message: 'line 1: "},
	} {
		b := newSwitchboard()
		a := newAPI(t, b, row.c)
		got := get(t, a, "command=Call"+row.query+login)
		if v := parse(t, got); v.Code != row.code || !strings.HasPrefix(v.Message, row.message) || row.code != 300 && v.Message != row.message {
			t.Errorf("%s: got %s", row.query, got)
		}
		if len(b.placed) != 0 {
			t.Errorf("%s: placed %v", row.query, b.placed)
		}
	}
	b := newSwitchboard()
	b.full = true
	a := newAPI(t, b, ivr(&studio{}))
	expect(t, get(t, a, "command=Call&Dialed=101"+login), 303, "Command 'Call' cannot be used here: the call is overloaded, try again")
	if len(a.sessions.list) != 0 {
		t.Errorf("left %v", a.sessions.list)
	}
}

// TestCallInScript does not block, and is made by the API extension of the script.
func TestCallInScript(t *testing.T) {
	c := ivr(&studio{})
	c.Extensions = append(c.Extensions, Extension{Number: "9991"})
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{
			"IncomingCall":  script(`<Call Url="second">2310</Call><Speak>It rings</Speak>`),
			"CallConnected": script(`<Speak>Hello</Speak>`),
		})
		b.ring(7, "9990")
		synctest.Wait()
		if len(b.placed) != 1 || b.placed[0].From != "9990" || b.placed[0].To != "2310" || b.placed[0].Ring != usualRing ||
			b.placed[0].Shows != (callstate.Party{Number: "9990", Name: "Menu"}) {
			t.Fatalf("placed %+v", b.placed)
		}
		b.answer(placedID)
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "AcceptLeg, It rings to all, EndLeg")
		expectRequests(t, b, placedID, "Hello to all, EndLeg")
		if got := app.all("CallConnected"); len(got) != 1 || got[0].path != "/second" {
			t.Errorf("asked %v", got)
		}
		expectErrors(t, app)
	})
}

// TestTransferFinished is told when a call ends whose transfer came about, and not when it failed.
func TestTransferFinished(t *testing.T) {
	for _, kind := range []callstate.NoticeKind{callstate.NoticeTransferred, callstate.NoticeTransferFailed} {
		inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
			b.start(conversation(7, callstate.ShownInCall))
			expect(t, get(t, a, "command=BlindTransfer&CallId=Nt3uh&TransferorParty=callee&Target=106&FinishedUrl=http://app.example/done"+login), 200, done)
			b.change(7, kind, func(s *callstate.Summary) { s.Callee.Number = "106" })
			b.finish(7, callstate.Cause{Kind: callstate.Normal})
			synctest.Wait()
			got := fmt.Sprint(len(app.all("TransferFinished")))
			if kind == callstate.NoticeTransferred && got == "1" {
				got = app.all("TransferFinished")[0].raw
			}
			want := map[callstate.NoticeKind]string{callstate.NoticeTransferFailed: "0",
				callstate.NoticeTransferred: "NotificationName=TransferFinished&CallId=Nt3uh&Caller=104&Callee=106&Duration=3600.000&State=CallerHungUp"}[kind]
			if got != want {
				t.Errorf("%s: got %s", kind, got)
			}
		})
	}
}

// TestOwnTransferFinished: the script of an API extension has transferred its caller, and is told of the end of that call.
func TestOwnTransferFinished(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"IncomingCall": script(`<BlindTransfer FinishedUrl="done">106</BlindTransfer>`)})
		b.ring(7, "9990")
		time.Sleep(time.Minute)
		if got := app.all("TransferFinished"); len(got) != 0 {
			t.Errorf("told early: %v", got)
		}
		b.end(7)
		synctest.Wait()
		if got := app.all("TransferFinished"); len(got) != 1 || got[0].path != "/done" ||
			got[0].raw != "NotificationName=TransferFinished&CallId=Nt3uh&Caller=103&Callee=106&Duration=0.000&State=CallerHungUp" {
			t.Errorf("told %v", got)
		}
		expectErrors(t, app)
	})
}

// TestPlacedIdentity: lists, states and the history show who calls as the phone does that Call rings; an application that
// looks numbers up is told the number that the phone shows.
func TestPlacedIdentity(t *testing.T) {
	c := ivr(&studio{})
	past := &scribbler{}
	c.History = past
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		get(t, a, "command=Call&Dialed=101&CallerId=5550&CallerDisplayName=Tom+Smith"+login)
		if list := get(t, a, "command=ListActiveCalls"+login); !strings.Contains(list, "<Source>9990</Source> <CallerId>Tom Smith</CallerId>") {
			t.Error(list)
		}
		b.answer(placedID)
		time.Sleep(time.Minute)
		for _, n := range app.all("CallChanged") {
			if n.Get("Source") != "9990" || n.Get("CallerId") != "Tom Smith" || n.Get("CallerID") != "Tom Smith" {
				t.Errorf("told %s", n.raw)
			}
		}
		if n := app.all("CallConnected"); len(n) != 1 || n[0].Get("CallerId") != "5550" || n[0].Get("CallerDisplayName") != "Tom Smith" {
			t.Errorf("told %v", n)
		}
		past.mu.Lock()
		defer past.mu.Unlock()
		if len(past.list) != 1 || past.list[0].Source != "9990" || past.list[0].CallerID != "Tom Smith" {
			t.Errorf("kept %+v", past.list)
		}
	})
}

// TestRefusedTransfer: a transfer that was refused has no end to be told of, when another comes about later.
func TestRefusedTransfer(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		b.known = []string{"101"}
		b.start(conversation(7, callstate.ShownInCall))
		expect(t, get(t, a, "command=BlindTransfer&CallId=Nt3uh&TransferorParty=callee&Target=106&FinishedUrl=http://app.example/done"+login), 302,
			"Missing or invalid parameter 'Target' for command 'BlindTransfer'")
		b.change(7, callstate.NoticeTransferred, func(s *callstate.Summary) { s.Callee.Number = "107" })
		b.end(7)
		synctest.Wait()
		if got := app.all("TransferFinished"); len(got) != 0 {
			t.Errorf("told %v", got)
		}
	})
}
