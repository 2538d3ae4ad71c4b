package ozeki

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// routes is a config with an application that says where calls go.
var routes = Config{Notify: Notify{Routing: appURL + "route?accountid=7", Error: appURL + "error"}}

// intercepted has a call from 103 to 101 wait for an answer to a question.
func intercepted(b *switchboard, q callstate.Asked, legs ...callstate.LegSummary) {
	s := callstate.Summary{ID: 7, State: callstate.ShownSetup, Started: moment(time.Minute), Caller: callstate.Party{Number: "103", Name: "Ann"},
		Callee: callstate.Party{Number: "101"}, CallerDialled: "101", CalleeDialled: "101", Legs: legs}
	b.mu.Lock()
	known := b.calls[7] != nil
	b.mu.Unlock()
	if !known {
		b.start(s)
	}
	b.mu.Lock()
	b.question = q.Try
	watchers := slices.Collect(maps.Values(b.watchers))
	b.mu.Unlock()
	for _, f := range watchers {
		f(callstate.Notice{Kind: callstate.NoticeRouting, Summary: &s, Route: q})
	}
}

// decide takes the answer to the question that is open. b.mu is held.
func (b *switchboard) decide(r callstate.RouteCall) error {
	if r.Try != b.question {
		return &callstate.Error{Kind: callstate.WrongState}
	}
	b.question = 0
	return nil
}

var firstQuestion = callstate.Asked{Try: 1, Dialled: "101"}

// decisions are the answers that a call got, and whatever else was asked of it.
func (b *switchboard) decisions() (all []string) {
	for _, a := range b.requests() {
		if r, ok := a.req.(callstate.RouteCall); ok {
			all = append(all, fmt.Sprintf("%d %s", a.call, strings.TrimPrefix(fmt.Sprintf("%+v", r), "{asked:{} ")))
		} else {
			all = append(all, fmt.Sprintf("%d %T", a.call, a.req))
		}
	}
	return all
}

func routing(r callstate.RouteCall) string {
	return "7 " + strings.TrimPrefix(fmt.Sprintf("%+v", r), "{asked:{} ")
}

// faultsTold are the Error notifications.
func faultsTold(app *application) (all []string) {
	for _, n := range app.all("Error") {
		all = append(all, n.Get("Code")+" "+n.Get("Message"))
	}
	return all
}

// TestRoutingInterception is spec ozeki 5.2 and 4.2: what the application is told, of the first question and of later ones.
func TestRoutingInterception(t *testing.T) {
	for _, c := range []struct {
		name string
		q    callstate.Asked
		leg  callstate.LegSummary
		want string
	}{
		{"the first question", firstQuestion, callstate.LegSummary{Calling: true},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=101&LastCalledExtension=&LastCallState=Calling&CallerExtension=103"},
		{"of a call from outside, by the number that its inbound route leads to", callstate.Asked{Try: 1, Dialled: "2001"}, callstate.LegSummary{Calling: true, Trunk: "provider"},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=2001&LastCalledExtension=&LastCallState=Calling&CallerExtension="},
		{"busy", callstate.Asked{Try: 2, Failed: callstate.Busy, Dialled: "102", Extension: "102"}, callstate.LegSummary{Calling: true},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=102&LastCalledExtension=102&LastCallState=Busy&CallerExtension=103"},
		{"declined", callstate.Asked{Try: 3, Failed: callstate.Declined, Dialled: "102", Extension: "102"}, callstate.LegSummary{},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=102&LastCalledExtension=102&LastCallState=Busy&CallerExtension=103"},
		{"nobody answered", callstate.Asked{Try: 4, Failed: callstate.NoAnswer, Dialled: "102", Extension: "102"}, callstate.LegSummary{},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=102&LastCalledExtension=102&LastCallState=NoAnswer&CallerExtension=103"},
		{"nobody is registered", callstate.Asked{Try: 5, Failed: callstate.Unavailable, Dialled: "102", Extension: "102"}, callstate.LegSummary{},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=102&LastCalledExtension=102&LastCallState=NoAnswer&CallerExtension=103"},
		{"there is no such number", callstate.Asked{Try: 2, Failed: callstate.NotFound, Dialled: "9", Extension: "9"}, callstate.LegSummary{},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=9&LastCalledExtension=9&LastCallState=NotFound&CallerExtension=103"},
		{"a line that failed", callstate.Asked{Try: 2, Failed: callstate.Failed, Dialled: "234567", Extension: "voipservice1"}, callstate.LegSummary{},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=234567&LastCalledExtension=voipservice1&LastCallState=Error&CallerExtension=103"},
		{"no right to call there", callstate.Asked{Try: 2, Failed: callstate.Barred, Dialled: "234567", Extension: "234567"}, callstate.LegSummary{},
			"CallerID=103&OriginalDialedNumber=101&LastDialedNumber=234567&LastCalledExtension=234567&LastCallState=Error&CallerExtension=103"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, routes, func(t *testing.T, b *switchboard, app *application, a *API) {
				intercepted(b, c.q, c.leg)
				synctest.Wait()
				got := app.all("RoutingInterception")
				if len(got) != 1 || got[0].raw != "NotificationName=RoutingInterception&"+c.want+"&CallId=Nt3uh" || got[0].path != "/route?accountid=7" {
					t.Errorf("got %+v\nwant %s", got, c.want)
				}
			})
		})
	}
}

// TestRoute: what an answer with a Route decides; the first three documents are the vendor's (spec ozeki 9.1).
func TestRoute(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		want         callstate.RouteCall
		faults       []string
	}{
		{"refused", `<?xml version="1.0"?> <Response> <Route Destination=""/> </Response>`, callstate.RouteCall{Ring: usualRing}, nil},
		{"a number", `<?xml version="1.0"?> <Response> <Route RingTime="30" Destination="1000"/> </Response>`,
			callstate.RouteCall{Destination: "1000", Ring: 30 * time.Second}, nil},
		{"a line", `<?xml version="1.0"?> <Response> <Route RingTime="30" Destination="voipservice1" DialedNumber="234567"/> </Response>`,
			callstate.RouteCall{Destination: "voipservice1", Dialled: "234567", Ring: 30 * time.Second}, nil},
		{"as a text, for the usual time", script(`<Route>1000</Route>`), callstate.RouteCall{Destination: "1000", Ring: 90 * time.Second}, nil},
		{"a destination that is misspelt is none, and not a refusal", script(`<Route Destinaton="1000"/>`), callstate.RouteCall{Plan: true},
			[]string{"302 Missing or invalid parameter 'destinaton' for command 'Route'", "302 Missing or invalid parameter 'Destination' for command 'Route'"}},
		{"who is shown", script(`<route destination="1000" callerid="500"/>`),
			callstate.RouteCall{Destination: "1000", Ring: usualRing, Shows: callstate.Party{Number: "500"}}, nil},
		{"what comes before it is run", script(`<Var ID="boss" Value="1000"/> <Route Destination="$boss"/>`),
			callstate.RouteCall{Destination: "1000", Ring: usualRing}, nil},
		{"what needs an answered call is refused", script(`<Hold/> <SendDTMF Keys="1" Party="caller"/> <Route>1000</Route>`),
			callstate.RouteCall{Destination: "1000", Ring: usualRing},
			[]string{"303 Command 'Hold' cannot be used here", "303 Command 'SendDTMF' cannot be used here"}},
		{"the first wins", script(`<Route>1000</Route> <Route>1001</Route>`), callstate.RouteCall{Destination: "1000", Ring: usualRing},
			[]string{"303 Command 'Route' cannot be used here"}},
		{"a wrong one does not count", script(`<Route Destination="10;4"/> <Route RingTime="soon">1000</Route> <Route DialedNumber="a b">1000</Route> <Route>1001</Route>`),
			callstate.RouteCall{Destination: "1001", Ring: usualRing},
			[]string{"302 Missing or invalid parameter 'Destination' for command 'Route'", "302 Missing or invalid parameter 'RingTime' for command 'Route'",
				"302 Missing or invalid parameter 'DialedNumber' for command 'Route'"}},
		{"another document decides", script(`<GoTo>/more</GoTo>`), callstate.RouteCall{Destination: "1002", Ring: usualRing}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, routes, func(t *testing.T, b *switchboard, app *application, a *API) {
				app.page = func(r told) string {
					switch {
					case r.name() == "RoutingInterception":
						return c.answer
					case r.path == "/more":
						return script(`<Route>1002</Route>`)
					}
					return ""
				}
				intercepted(b, firstQuestion)
				time.Sleep(time.Minute)
				synctest.Wait()
				c.want.Try = 1
				if got := b.decisions(); !reflect.DeepEqual(got, []string{routing(c.want)}) {
					t.Errorf("got %q\nwant %q", got, routing(c.want))
				}
				if got := faultsTold(app); !reflect.DeepEqual(got, c.faults) {
					t.Errorf("faults %q\nwant   %q", got, c.faults)
				}
			})
		})
	}
}

// TestRouteMissing is edge case A12 and spec ozeki 5.4: without a usable Route the dial plan decides, once, and at the
// latest when the application's time is over.
func TestRouteMissing(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		after        time.Duration
		faults       []string
	}{
		{"an empty answer", "", 0, nil},
		{"a text", "OK", 0, []string{"300"}},
		{"an empty document", script(""), 0, nil},
		{"a document without it", script(`<Var ID="x" Value="1"/>`), 0, nil},
		{"no XML", "<Response><Route", 0, []string{"300"}},
		{"an error", "status 500", 0, nil},
		{"a redirect, which is not followed", "status 302", 0, nil},
		{"an answer too long", "<Response>" + strings.Repeat(" ", maxAnswer) + "</Response>", 0, nil},
		{"a Route that cannot be read", script(`<Route RingTime="soon">1000</Route>`), 0, []string{"302 Missing or invalid parameter 'RingTime' for command 'Route'"}},
		{"no answer", "hang", 5 * time.Second, nil},
		{"a Route that comes too late", script(`<Delay>6</Delay> <Route>1000</Route>`), 5 * time.Second, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, routes, func(t *testing.T, b *switchboard, app *application, a *API) {
				app.page = func(r told) string {
					if r.name() == "RoutingInterception" {
						return c.answer
					}
					return ""
				}
				intercepted(b, firstQuestion)
				if c.after > 0 {
					time.Sleep(c.after - time.Millisecond)
					synctest.Wait()
					if got := b.decisions(); got != nil {
						t.Errorf("decided already: %q", got)
					}
					time.Sleep(time.Millisecond)
				}
				synctest.Wait()
				if got := b.decisions(); !reflect.DeepEqual(got, []string{routing(callstate.RouteCall{Try: 1, Plan: true})}) {
					t.Errorf("got %q", got)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := b.decisions(); len(got) != 1 {
					t.Errorf("later %q", got)
				}
				got := faultsTold(app)
				if len(c.faults) == 1 && c.faults[0] == "300" && len(got) == 1 && strings.HasPrefix(got[0], "300 ") {
					return
				}
				if !reflect.DeepEqual(got, c.faults) {
					t.Errorf("faults %q\nwant   %q", got, c.faults)
				}
			})
		})
	}
}

// TestRouteHunts: the application is asked again and decides each time, for the question that it was asked.
func TestRouteHunts(t *testing.T) {
	inBubble(t, routes, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(r told) string {
			switch r.Get("LastCallState") {
			case "Calling":
				return script(`<Route RingTime="10">102</Route>`)
			case "Busy":
				return script(`<Route RingTime="20">103</Route>`)
			case "NoAnswer":
				return script(`<Route Destination=""/>`)
			}
			return ""
		}
		for _, q := range []callstate.Asked{firstQuestion, {Try: 2, Failed: callstate.Busy, Dialled: "102", Extension: "102"},
			{Try: 3, Failed: callstate.NoAnswer, Dialled: "103", Extension: "103"}} {
			intercepted(b, q)
			synctest.Wait()
		}
		want := []string{routing(callstate.RouteCall{Try: 1, Destination: "102", Ring: 10 * time.Second}),
			routing(callstate.RouteCall{Try: 2, Destination: "103", Ring: 20 * time.Second}), routing(callstate.RouteCall{Try: 3, Ring: usualRing})}
		if got := b.decisions(); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// TestRouteElsewhere: a Route that answers another notification, or comes as a URL request, decides nothing.
func TestRouteElsewhere(t *testing.T) {
	inBubble(t, Config{Notify: Notify{CallChanged: appURL + "changed", Error: appURL + "error"}}, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(r told) string {
			if r.name() == "CallChanged" {
				return script(`<Route>1000</Route>`)
			}
			return ""
		}
		b.start(callstate.Summary{ID: 7, State: callstate.ShownRinging, Started: moment(time.Minute)})
		synctest.Wait()
		if got := b.decisions(); got != nil {
			t.Errorf("decided %q", got)
		}
		if got := faultsTold(app); !reflect.DeepEqual(got, []string{"303 Command 'Route' cannot be used here"}) {
			t.Errorf("faults %q", got)
		}
		expect(t, get(t, a, "command=Route&CallId=Nt3uh&Destination=1000"+login), 303, "Command 'Route' cannot be used here")
	})
}

// TestRouteLate: a decision for a question that is not open any more, or for a call that has ended, is only noted
// (edge case A13).
func TestRouteLate(t *testing.T) {
	inBubble(t, routes, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(r told) string {
			if r.name() == "RoutingInterception" {
				return script(`<Route>1000</Route>`)
			}
			return ""
		}
		app.delay = 2 * time.Second
		intercepted(b, firstQuestion)
		time.Sleep(time.Second)
		b.mu.Lock()
		b.question = 2 // the call has gone on
		b.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := b.decisions(); got != nil {
			t.Errorf("decided %q", got)
		}
		intercepted(b, callstate.Asked{Try: 3, Failed: callstate.Busy, Dialled: "1"})
		time.Sleep(time.Second)
		b.end(7)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := b.decisions(); got != nil {
			t.Errorf("decided %q after the end", got)
		}
	})
}

// TestRouteNobody: a call that asks although no application is configured goes by the dial plan at once.
func TestRouteNobody(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *switchboard, app *application, a *API) {
		intercepted(b, firstQuestion)
		synctest.Wait()
		if got := b.decisions(); !reflect.DeepEqual(got, []string{routing(callstate.RouteCall{Try: 1, Plan: true})}) {
			t.Errorf("got %q", got)
		}
	})
}

// TestRoutedNowhere: a Route whose destination is none is told at once, with its line and the reason; so is the last answer that an
// application may give, when nobody is reached by it.
func TestRoutedNowhere(t *testing.T) {
	const wrong = "302 Missing or invalid parameter 'Destination' for command 'Route' "
	const last = callstate.MaxDecisions
	for name, row := range map[string]struct {
		try     int
		refused *callstate.Error
		ended   callstate.CauseKind // when it ends then
		want    []string
	}{
		"no such number": {1, &callstate.Error{Kind: callstate.BadTarget, Param: "destination", Text: "unknown number"}, "",
			[]string{wrong + "bad target (destination): unknown number"}},
		"barred":                           {19, &callstate.Error{Kind: callstate.Denied, Param: "destination"}, "", []string{wrong + "denied (destination)"}},
		"busy":                             {19, nil, callstate.Busy, nil},
		"no such number at the limit":      {last, nil, callstate.NotFound, []string{wrong + "Destination: the result is NotFound, and after 20 answers the call is given up"}},
		"busy at the limit":                {last, nil, callstate.Busy, []string{wrong + "Destination: the result is Busy, and after 20 answers the call is given up"}},
		"the caller gives up at the limit": {last, nil, callstate.Cancelled, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, routes, func(t *testing.T, b *switchboard, app *application, a *API) {
				app.page = answers(map[string]string{"RoutingInterception": script("<Var ID='a'/>\n<Route>1000</Route>")})
				if row.refused != nil {
					b.refuse = row.refused
				}
				intercepted(b, callstate.Asked{Try: row.try, Dialled: "101"}, callstate.LegSummary{Calling: true})
				synctest.Wait()
				if row.ended != "" {
					b.finish(7, callstate.Cause{Kind: row.ended})
					synctest.Wait()
				}
				var got []string
				for _, e := range app.all("Error") {
					got = append(got, e.Get("Code")+" "+e.Get("Message")+" "+e.Get("Reason"))
					if e.Get("Element") != "Route" || e.Get("Line") != "2" {
						t.Errorf("told %s", e.raw)
					}
				}
				if !slices.Equal(got, row.want) {
					t.Errorf("told %q, want %q", got, row.want)
				}
			})
		})
	}
}
