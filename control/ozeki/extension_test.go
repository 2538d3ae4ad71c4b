package ozeki

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// ivr is a config with an API extension and everything else that scripts need.
func ivr(u *studio) Config {
	return Config{
		Extensions: []Extension{{Number: "9990", Name: "Menu", URL: appURL + "incoming?x=1"}},
		Notify:     Notify{CallChanged: appURL + "changed", Error: appURL + "error"},
		Sounds:     u,
	}
}

// requestsOf are what was asked of a call, in words.
func (b *switchboard) requestsOf(id callstate.CallID) string {
	var list []string
	for _, a := range b.requests() {
		if a.call != id {
			continue
		}
		text := fmt.Sprintf("%T", a.req)[len("callstate."):]
		switch r := a.req.(type) {
		case callstate.Play:
			text = string(r.Clip) + " to " + string(r.To)
		case callstate.RefuseLeg:
			text += fmt.Sprint(" ", r.Status)
		case callstate.BlindTransfer:
			text += " " + string(r.Transferor) + " " + r.Target
		case callstate.SendKeys:
			text = r.Keys + " to " + string(r.To)
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// answers makes the pages of an application: by NotificationName.
func answers(pages map[string]string) func(told) string {
	return func(r told) string { return pages[r.name()] }
}

func expectRequests(t *testing.T, b *switchboard, id callstate.CallID, want string) {
	t.Helper()
	synctest.Wait()
	if got := b.requestsOf(id); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// expectErrors are the codes and messages of the Error notifications.
func expectErrors(t *testing.T, app *application, want ...string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for _, e := range app.all("Error") {
		got = append(got, e.Get("Code")+" "+e.Get("Message"))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("errors\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestIncoming are spec ozeki 12, vectors 14 and 15, and the answers of 5.4 beside them.
func TestIncoming(t *testing.T) {
	const fallback = "Missing or invalid parameter 'Url' for command 'IncomingCall': no script came from there"
	for name, row := range map[string]struct {
		page     string
		requests string
		errors   []string
		after    time.Duration
	}{
		"rejected":                        {script("<Reject></Reject>"), "RefuseLeg 603", nil, 0},
		"rejected, and nothing else runs": {script("<reject/><Speak>no</Speak>"), "RefuseLeg 603", nil, 0},
		"a short script":                  {script("<Delay>1</Delay><Speak>Have a nice day!</Speak>"), "AcceptLeg, Have a nice day! to all, EndLeg", nil, 2 * time.Second},
		"it hangs up itself":              {script("<Hangup/><Speak>no</Speak>"), "AcceptLeg, EndLeg", nil, 0},
		"CallId and Party are ignored":    {script(`<Play Party="nobody" CallId="zzzzz">hello.wav</Play>`), "AcceptLeg, hello.wav to all, EndLeg", nil, time.Second},
		"an empty script":                 {script(""), "AcceptLeg, EndLeg", nil, 0},
		"Reject in the middle":            {script("<Beep/><Reject/>"), "AcceptLeg, beep 500ms to all, EndLeg", []string{"303 Command 'Reject' cannot be used here"}, time.Second},
		"a menu that transfers":           {script("<BlindTransfer>101</BlindTransfer><Speak>sorry</Speak>"), "AcceptLeg, BlindTransfer application 101", nil, 0},
		"no answer":                       {"", "RefuseLeg 480", []string{"302 " + fallback}, 0},
		"a plain text":                    {"OK", "RefuseLeg 480", []string{"300 Error occured during parsing message: 'line 1: "}, 0},
		"a failure":                       {"status 500", "RefuseLeg 480", []string{"302 " + fallback}, 0},
		"a redirection is not followed":   {"status 302", "RefuseLeg 480", []string{"302 " + fallback}, 0},
		"it hangs":                        {"hang", "RefuseLeg 480", []string{"302 " + fallback}, 5 * time.Second},
		"too long":                        {script("<!--" + strings.Repeat("x", 1<<16) + "-->"), "RefuseLeg 480", []string{"302 " + fallback}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
				app.page = answers(map[string]string{"IncomingCall": row.page})
				b.ring(7, "9990")
				began := time.Now()
				time.Sleep(time.Minute)
				expectRequests(t, b, 7, row.requests)
				ask := app.all("IncomingCall")
				if len(ask) != 1 || ask[0].raw != "NotificationName=IncomingCall&CallId=Nt3uh&ApiExtension=9990&CallerId=103&CallerID=103&Dialed=9990&CallerDisplayName=Alice" ||
					ask[0].path != "/incoming?x=1" {
					t.Errorf("asked %v", ask)
				}
				if len(row.errors) == 1 && strings.HasPrefix(row.errors[0], "300") {
					if e := app.all("Error"); len(e) != 1 || !strings.HasPrefix(e[0].Get("Code")+" "+e[0].Get("Message"), row.errors[0]) {
						t.Errorf("errors %v", e)
					}
				} else {
					expectErrors(t, app, row.errors...)
				}
				if strings.HasSuffix(row.requests, "EndLeg") || strings.HasPrefix(row.requests, "Refuse") {
					last := app.all("CallChanged")
					if end := last[len(last)-1]; end.at.Sub(began) != row.after {
						t.Errorf("it ended after %v, want %v", end.at.Sub(began), row.after)
					}
				}
			})
		})
	}
}

// TestMenu walks an IVR: a prompt that a key ends, the answer to digits, a jump, a transfer that ends the script.
func TestMenu(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		b.clips["Press 1, or your PIN"] = 10 * time.Second
		app.page = func(r told) string {
			switch r.name() + r.path {
			case "IncomingCall/incoming?x=1":
				return script(`<UserInput timeout="10" digits="2" ForwardToUrl="pin"><InitialCommands><Speak>Press 1, or your PIN</Speak></InitialCommands>
					<Inputs><Input key="1#"><Speak>one</Speak></Input></Inputs></UserInput><Speak>bye</Speak>`)
			case "DtmfEntered/pin":
				return script(`<SendDTMF Keys="12,"/><GoTo>next/page</GoTo>`)
			case "GoTo/next/page":
				return script(`<Beep/><BlindTransfer>101</BlindTransfer><Speak>sorry</Speak>`)
			}
			return ""
		}
		b.ring(7, "9990")
		time.Sleep(2 * time.Second)
		b.press(7, "42")
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "AcceptLeg, Press 1, or your PIN to all, StopPlay, 12, to all, beep 500ms to all, BlindTransfer application 101")
		digits, jump := app.all("DtmfEntered"), app.all("GoTo")
		if len(digits) != 1 || len(jump) != 1 || digits[0].Get("DtmfDigits") != "42" || digits[0].Get("CallId") != "Nt3uh" ||
			digits[0].Get("ApiExtension") != "9990" || jump[0].at.Sub(digits[0].at) != 900*time.Millisecond {
			t.Fatalf("told %v %v", digits, jump)
		}
		expectErrors(t, app)
		b.end(7)
		expectTold(t, app, "Nt3uh", "Ringing IncomingCall Answered InCall DtmfEntered GoTo InCall Completed")
	})
}

// TestTransferFails: the script goes on where the transfer did not come about (spec ozeki 8.7).
func TestTransferFails(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		b.known = []string{"101"}
		app.page = answers(map[string]string{"IncomingCall": script("<BlindTransfer>102</BlindTransfer><Speak>sorry</Speak><BlindTransfer>101</BlindTransfer>")})
		b.ring(7, "9990")
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "AcceptLeg, sorry to all, BlindTransfer application 101")
		expectErrors(t, app, "302 Missing or invalid parameter 'Target' for command 'BlindTransfer'")
	})
}

// TestTakenOver: a URL command moves the caller away from an API extension, whose side need not be named; its script is over
// and hangs up nobody.
func TestTakenOver(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"IncomingCall": script("<Delay>3600</Delay><Beep/>")})
		b.ring(7, "9990")
		time.Sleep(time.Second)
		expect(t, get(t, a, "command=BlindTransfer&CallId=Nt3uh&Target=101"+login), 200, done)
		synctest.Wait()
		if n := a.sessions.left(); n != 1 { // the call itself
			t.Errorf("the script goes on")
		}
		time.Sleep(2 * time.Hour)
		expectRequests(t, b, 7, "AcceptLeg, BlindTransfer application 101")
		expect(t, get(t, a, "command=BlindTransfer&CallId=Nt3uh&Target=102"+login), 302, "Missing or invalid parameter 'TransferorParty' for command 'BlindTransfer'")
		expectErrors(t, app)
	})
}

// TestTakenOverBefore: the same while its script still waits behind another one of the call: it never runs.
func TestTakenOverBefore(t *testing.T) {
	inBubble(t, ivr(&studio{}), func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(r told) string {
			switch {
			case r.name() == "IncomingCall":
				return script("<Beep/>")
			case r.Get("CallState") == "Ringing":
				return script("<Delay>10</Delay>")
			}
			return ""
		}
		b.ring(7, "9990")
		time.Sleep(time.Second)
		expect(t, get(t, a, "command=BlindTransfer&CallId=Nt3uh&Target=101"+login), 200, done)
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "AcceptLeg, BlindTransfer application 101")
		b.end(7)
		if s := a.sessions.of(7); s != nil || a.sessions.left() != 0 {
			t.Error("a call that has ended is known")
		}
	})
}
