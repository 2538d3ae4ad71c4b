package main

import (
	"strings"
	"testing"
	"time"
)

// errorsTold are the Error notifications: code, element, line and reason.
func (r *rig) errorsTold() (all []string) {
	for _, n := range r.app.taken() {
		if n.Get("NotificationName") == "Error" {
			all = append(all, strings.Join([]string{n.Get("Code"), n.Get("Element"), n.Get("Line"), n.Get("Reason")}, " "))
		}
	}
	return all
}

// A Hangup in the script of an API extension is that party's: so the history has it. The script of a Call without a URL
// comes from its API extension's.
func TestOwnHangup(t *testing.T) {
	scene2(t, "who was called", func(r *rig) {
		r.app.answers(map[string]string{"IncomingCall": script(`<Delay>1</Delay>`, `<Hangup/>`)})
		r.ended(r.reception(r.phone("2000")), 0)
		r.pass(time.Second)
		calls, _ := r.past()
		r.same("the history", calls[0].String(), "Internal 2000 9990 9990 CalleeHungUp")
	}, ivr, kept(t))
	scene2(t, "who called", func(r *rig) {
		r.app.answers(map[string]string{"CallConnected": script(`<Delay>1</Delay>`, `<Hangup/>`)})
		bob := r.phone("2001")
		r.must("Call", "Dialed", "2001", "ApiExtension", "9990", "CallerId", "5550", "CallerDisplayName", "Tom Smith")
		b := r.rung(bob)
		r.ok(b.Answer())
		r.ended(b, 0)
		r.pass(time.Second)
		calls, _ := r.past()
		r.same("the history", calls[0].String()+" "+calls[0].CallerId, "Internal 9990 2001 2001 CallerHungUp Tom Smith")
		n := r.told("CallConnected")
		r.same("who connects", n.path+" "+n.Get("CallerId")+" "+n.Get("CallerDisplayName"), "/ivr 5550 Tom Smith")
	}, ivr, kept(t))
}

// The script of an API extension has its caller transferred, and is told of the end of that call.
func TestOwnTransferFinished(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"IncomingCall": script(`<BlindTransfer FinishedUrl="/finished">2001</BlindTransfer>`)})
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.reception(alice)
		b := r.rung(bob)
		r.ok(b.Answer())
		r.pass(2 * time.Second)
		r.ok(a.Hangup())
		r.ends(b)
		n := r.told("TransferFinished")
		r.same("what is told", [4]string{n.path, n.Get("Caller"), n.Get("Callee"), n.Get("State")}, [4]string{"/finished", "2000", "2001", "CallerHungUp"})
	}, ivr)
}

// An application that routes a call to where there is nobody is told so each time, and that it was the last.
func TestRouteNowhere(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"RoutingInterception": script("\n" + `<Route Destination="7777"/>`)})
		r.ended(r.dial(r.phone("2000"), "2001"), 404)
		r.pass(time.Second)
		all := r.errorsTold()
		r.that(len(all) >= 20 && len(all) <= 21, "told %d times", len(all))
		r.same("at first", all[0], "302 Route 2 bad target (destination): not found")
		r.same("at last", all[len(all)-1], "302 Route 2 Destination: the result is NotFound, and after 20 answers the call is given up")
	}, routed, func(c *Config) { c.Ozeki.Notify.Error = applicationAt + "/error" })
}

// An application is told why a transfer has failed: who was to be called.
func TestTransferReasons(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"IncomingCall": script("<BlindTransfer>7777</BlindTransfer>\n", "<BlindTransfer>2001</BlindTransfer>\n", `<GoTo>http://elsewhere.example/</GoTo>`)})
		r.ended(r.reception(r.phone("2000")), 0)
		r.pass(time.Second)
		r.same("errors", strings.Join(r.errorsTold(), "; "), "302 BlindTransfer 1 bad target (target): not found; "+
			"302 BlindTransfer 2 bad target (target): not registered; 302 GoTo 3 Url: its host is not in ozeki.hosts")
	}, ivr, func(c *Config) { c.Ozeki.Notify.Error = applicationAt + "/error" })
}
