package ozeki

import (
	"reflect"
	"strings"
	"testing"

	"ringdown/callstate"
)

// TestVectors are the rows of spec ozeki 12 that this API answers, and the rules of section 8 beside them. The ringing
// call is Nt3uh, the answered one SdwQD.
func TestVectors(t *testing.T) {
	const forward = "command=ForwardCall&CallId=Nt3uh&Destination=104"
	missing := func(param, command string) string {
		return "Missing or invalid parameter '" + param + "' for command '" + command + "'"
	}
	for _, row := range []struct {
		name, query string
		code        int
		message     string
	}{
		{"2 forward", forward + login, 200, done},
		{"3 wrong state", "command=ForwardCall&CallId=SdwQD&Destination=104" + login, 303, "Command 'ForwardCall' cannot be used here"},
		{"4 no destination", "command=ForwardCall&CallId=Nt3uh" + login, 302, missing("Destination", "ForwardCall")},
		{"4 empty destination", "command=ForwardCall&CallId=Nt3uh&Destination=" + login, 302, missing("Destination", "ForwardCall")},
		{"5 unknown call", "command=ForwardCall&CallId=zzzzz&Destination=104" + login, 601, "Call not found with ID 'zzzzz'"},
		{"ids have a case", "command=Hangup&CallId=nT3UH" + login, 601, "Call not found with ID 'nT3UH'"},
		{"6 unknown command", "command=Foo" + login, 301, "Not implemented command: 'Foo'"},
		{"no command", login, 302, missing("command", "")},
		{"7 no user", forward + "&Password=qwe123", 304, "Authentication required"},
		{"7 no password", forward + "&Username=HTTP_User_1", 304, "Authentication required"},
		{"7 wrong password", forward + "&Username=HTTP_User_1&Password=abc123", 305, "Authentication failed, bad username or password"},
		{"7 wrong user", forward + "&Username=http_user_1&Password=qwe123", 305, "Authentication failed, bad username or password"},
		{"the other user", forward + "&Username=admin&Password=abc123", 200, done},
		{"credentials come first", "command=Foo", 304, "Authentication required"},
		{"credentials come before parameters", "command=SendDTMF&Username=x&Password=y", 305, "Authentication failed, bad username or password"},
		{"parameters come before the call", "command=SendDTMF&CallId=zzzzz&Keys=1" + login, 302, missing("Party", "SendDTMF")},
		{"8 keys", "command=SendDTMF&CallId=SdwQD&Party=caller&Keys=01234" + login, 200, done},
		{"keys while ringing", "command=SendDTMF&CallId=Nt3uh&Party=caller&Keys=1" + login, 303, "Command 'SendDTMF' cannot be used here"},
		{"9 party", "command=SendDTMF&CallId=SdwQD&Party=nobody&Keys=1" + login, 302, missing("Party", "SendDTMF")},
		{"9 keys", "command=SendDTMF&CallId=SdwQD&Party=caller&Keys=" + login, 302, missing("Keys", "SendDTMF")},
		{"10 case", "Command=forwardcall&callid=Nt3uh&DESTINATION=104&username=HTTP_User_1&passWord=qwe123", 200, done},
		{"the client's spelling comes back", "command=FORWARD&CallId=Nt3uh" + login, 302, missing("Destination", "FORWARD")},
		{"11 scripts only", "command=UserInput" + login, 303, "Command 'UserInput' cannot be used here"},
		{"12 older name", "command=Forward&CallId=Nt3uh&Destination=104" + login, 200, done},
		{"16 no calls", "command=Hold" + login, 302, missing("CallId", "Hold")},
		{"hold", "command=Hold&CallId=SdwQD" + login, 200, done},
		{"unhold", "command=Unhold&CallId=SdwQD" + login, 303, "Command 'Unhold' cannot be used here"},
		{"hang up", "command=Hangup&CallId=Nt3uh" + login, 200, done},
		{"transfer", "command=BlindTransfer&CallId=SdwQD&TransferorParty=callee&Target=1001" + login, 200, done},
		{"the table's spelling", "command=BlindTransfer&CallId=SdwQD&TranferorParty=Caller&Target=1001" + login, 200, done},
		{"transferor missing", "command=BlindTransfer&CallId=SdwQD&Target=1001" + login, 302, missing("TransferorParty", "BlindTransfer")},
		{"transferor all", "command=BlindTransfer&CallId=SdwQD&TransferorParty=all&Target=1001" + login, 302, missing("TransferorParty", "BlindTransfer")},
		{"target missing", "command=BlindTransfer&CallId=SdwQD&TransferorParty=caller" + login, 302, missing("Target", "BlindTransfer")},
		{"finished", "command=BlindTransfer&CallId=SdwQD&TransferorParty=caller&Target=1&FinishedUrl=http%3a%2f%2fa" + login, 302, missing("FinishedUrl", "BlindTransfer")},
		{"finished, empty", "command=BlindTransfer&CallId=SdwQD&TransferorParty=caller&Target=1001&FinishedURL=" + login, 200, done},
		{"unreachable destination", "command=ForwardCall&CallId=Nt3uh&Destination=999" + login, 302, missing("Destination", "ForwardCall")},
		{"unreachable target", "command=BlindTransfer&CallId=SdwQD&TransferorParty=caller&Target=999" + login, 302, missing("Target", "BlindTransfer")},
		{"unknown parameters do not matter", forward + "&Colour=blue" + login, 200, done},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, send := range []func(*API) string{
				func(a *API) string { return get(t, a, row.query) },
				func(a *API) string { return post(t, a, "", row.query) },
				func(a *API) string { // half here, half there
					cut := strings.LastIndexByte(row.query, '&')
					return post(t, a, row.query[:max(cut, 0)], row.query[cut+1:])
				},
			} {
				b := newSwitchboard()
				b.known = []string{"104", "1001"}
				a := newAPI(t, b, Config{}, "Nt3uh", "SdwQD")
				seedCalls(b)
				expect(t, send(a), row.code, row.message)
				if carried := len(b.requests()) == 1; carried != (row.code == 200) {
					t.Errorf("code %d, requests %v", row.code, b.requests())
				}
			}
		})
	}
}

// TestRequests proves what each row of the table asks of the call.
func TestRequests(t *testing.T) {
	for query, want := range map[string]callstate.Request{
		"ForwardCall&Destination=%2b36-1.554":           callstate.ForwardCall{Destination: "+36-1.554"},
		"Forward&Destination=*03%23":                    callstate.ForwardCall{Destination: "*03#"},
		"SendDTMF&Party=CALLEE&Keys=0123456789*%23ABCD": callstate.SendKeys{To: callstate.Callee, Keys: "0123456789*#ABCD"},
		"SendDTMF&Party=All&Keys=abcd,p1":               callstate.SendKeys{To: callstate.All, Keys: "ABCD,,1"},
		"Hangup":                                        callstate.End{},
		"Hold":                                          callstate.Hold{},
		"Unhold":                                        callstate.Unhold{},
		"ForwardCall&Destination=5503301":               callstate.ForwardCall{Destination: "5503301"},
		"BlindTransfer&TransferorParty=callee&Target=%2B3615503301": callstate.BlindTransfer{Transferor: callstate.Callee, Target: "+3615503301"},
		"BlindTransfer&TransferorParty=callee&Target=100":           callstate.BlindTransfer{Transferor: callstate.Callee, Target: "100"},
		"BlindTransfer&tranferorparty=Caller&target=100":            callstate.BlindTransfer{Transferor: callstate.Caller, Target: "100"},
	} {
		b := newSwitchboard()
		a := newAPI(t, b, Config{}, "AAAAAA")
		state := callstate.ShownInCall
		switch want.(type) {
		case callstate.ForwardCall:
			state = callstate.ShownRinging
		case callstate.Unhold:
			state = callstate.ShownHeld
		}
		b.start(callstate.Summary{ID: 7, State: state})
		expect(t, get(t, a, "CallId=AAAAAA&command="+query+login), 200, done)
		if got := b.requests(); !reflect.DeepEqual(got, []asked{{7, want}}) {
			t.Errorf("%s: got %#v, want %#v", query, got, want)
		}
	}
}

// TestEveryName walks the list of spec ozeki 0.3: what is there answers, what is for scripts is 303, the rest is 301.
func TestEveryName(t *testing.T) {
	a := newAPI(t, newSwitchboard(), Config{History: openHistory(t)})
	names := `AttendedTransfer BlindTransfer Call ForwardCall ListCallHistory Hangup Hold ListActiveCalls ListExtensions
		ListExtensionTypes Play Record Request SendDTMF Speak Unhold ReceiveMessage SendEmail SendMessage SendSMS Array
		Beep Delay DeleteFile ForEach GoTo MoveFile Reject Route SendAlarmNotification SendMsg UserInput Var WaitForMsg
		CallSetup Exit ListAddressbokkContacts ListAddressbookNames ReceiveAlarmNotification
		Forward GetCallHistory AddConfig GetConfig ModifyConfig RemoveConfig SQL SendSms ListAddressbookContacts`
	for name := range strings.FieldsSeq(names) {
		got := get(t, a, "command="+name+login)
		switch {
		case name == "ListActiveCalls", byName[strings.ToLower(name)] != nil && !byName[strings.ToLower(name)].aims() &&
			byName[strings.ToLower(name)].in == urls:
			if !strings.Contains(got, "<Code>200</Code>") {
				t.Errorf("%s: %s", name, got)
			}
		case byName[strings.ToLower(name)] != nil && byName[strings.ToLower(name)].in != scripts:
			id := byName[strings.ToLower(name)].params[0].name
			expect(t, got, 302, "Missing or invalid parameter '"+id+"' for command '"+name+"'")
		case byName[strings.ToLower(name)] != nil, inScripts[strings.ToLower(name)]:
			expect(t, got, 303, "Command '"+name+"' cannot be used here")
		default:
			expect(t, got, 301, "Not implemented command: '"+name+"'")
		}
	}
}

// TestNumbers is edge case A16: nothing odd gets as far as the call.
func TestNumbers(t *testing.T) {
	for _, bad := range []string{
		"10%0d%0aVia:x", "10%0a", "10%00", "10%7f", "10;4", "10%3b4", "10%3f4", "10%404", "1+04", "+104", "104+", "1%2c2",
		"%3csip:1%3e", "sip:104", "1%252f", "%c3%bc", "%e2%80%ae104", strings.Repeat("1", 65), "1%22", "1%5c", "1%2f2",
	} {
		b := newSwitchboard()
		a := newAPI(t, b, Config{}, "Nt3uh", "SdwQD")
		seedCalls(b)
		expect(t, get(t, a, "command=ForwardCall&CallId=Nt3uh&Destination="+bad+login), 302,
			"Missing or invalid parameter 'Destination' for command 'ForwardCall'")
		expect(t, get(t, a, "command=BlindTransfer&CallId=SdwQD&TransferorParty=caller&Target="+bad+login), 302,
			"Missing or invalid parameter 'Target' for command 'BlindTransfer'")
		if got := b.requests(); got != nil {
			t.Errorf("%s got through: %v", bad, got)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, bad := range []string{"e", "1 2", "1\n", "１", "w", "+", strings.Repeat("1", maxKeys+1)} {
		if got, err := keys(bad); err == nil {
			t.Errorf("%q became %q", bad, got)
		}
	}
	if got, err := keys(strings.Repeat("p", maxKeys)); err != nil || got != strings.Repeat(",", maxKeys) {
		t.Errorf("got %q, %v", got, err)
	}
}
