package main

import (
	"slices"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// routed has the rig's application say where calls go.
func routed(c *Config) { c.Ozeki.Notify.Routing = applicationAt + "/route" }

// Spec ozeki 9.1, hunting: the application sends the call to a phone that is busy, to one that does not answer within its
// time, to a number that there is not, and to one that answers. The number that was dialled is never rung.
func TestRouteHunts(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{
			"RoutingInterception/Calling":  script(`<Route RingTime="10" Destination="2001"/>`),
			"RoutingInterception/Busy":     script(`<Route RingTime="5" Destination="2002" CallerId="777"/>`),
			"RoutingInterception/NoAnswer": script(`<Var ID="next" Value="9876"/>`, `<Route>$next</Route>`),
			"RoutingInterception/NotFound": script(`<Route Destination="2003"/>`),
		})
		alice, bob, carol := r.three()
		dave, erin := r.phone("2003"), r.phone("2004")
		a := r.dial(alice, "2004")
		b := r.rung(bob)
		r.same("whom bob sees", b.Shows().Number, "2000")
		r.ok(a.WaitRinging(r.ctx))
		r.ok(b.Reject(486, "Busy Here"))
		c := r.rung(carol)
		r.same("whom carol sees", c.Shows().Number, "777")
		began := time.Now()
		r.ended(c, 487)
		rang := time.Since(began).Round(time.Second / 10)
		r.that(rang == 5*time.Second, "carol's phone rang for %v", rang)
		d := r.rung(dave)
		r.same("whom dave sees", d.Shows().Number, "2000")
		r.ok(d.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, d, carolTone)
		r.oneStream(a, d)
		call := r.only()
		r.same("what is shown", [3]string{call.Source, call.Destination, call.CallState}, [3]string{"2000", "2003", "InCall"})
		r.ok(d.Hangup())
		r.ends(a)
		r.received(erin, "INVITE 0")
		for _, p := range []*phone.Phone{bob, carol, dave} {
			r.received(p, "INVITE 1")
		}
		var asked [][5]string
		for _, n := range r.app.taken() {
			asked = append(asked, [5]string{n.Get("LastCallState"), n.Get("LastCalledExtension"), n.Get("LastDialedNumber"), n.Get("OriginalDialedNumber"), n.Get("CallerExtension")})
		}
		r.same("what the application was asked", asked, [][5]string{{"Calling", "", "2004", "2004", "2000"}, {"Busy", "2001", "2001", "2004", "2000"},
			{"NoAnswer", "2002", "2002", "2004", "2000"}, {"NotFound", "9876", "9876", "2004", "2000"}})
	}, routed)
}

// A12: the application does not answer. The caller hears that it rings after a second, and its phone is told so; when the
// application's time is over, the number that was dialled rings. An application that is not there costs no time.
func TestRoute_A12_NoAnswer(t *testing.T) {
	scene2(t, "it hangs", func(r *rig) {
		r.app.answers(map[string]string{"RoutingInterception": hangs})
		alice, bob := r.phone("2000"), r.phone("2001")
		began := time.Now()
		a := r.dial(alice, "2001")
		r.ok(a.WaitRinging(r.ctx))
		heard := time.Since(began).Round(time.Second / 10)
		r.that(heard == time.Second, "it rang after %v", heard)
		r.received(bob, "INVITE 0")
		b := r.rung(bob)
		waited := time.Since(began).Round(time.Second / 10)
		r.that(waited == r.cfg.Ozeki.Notify.Timeout, "the phone rang after %v", waited)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, b, bobTone)
		r.ok(a.Hangup())
		r.ends(b)
	}, routed)
	scene2(t, "nobody is there", func(r *rig) {
		r.ok(r.app.Close()) // connections are refused
		alice, bob := r.phone("2000"), r.phone("2001")
		began := time.Now()
		a, b := r.ring(alice, "2001", bob)
		r.that(time.Since(began) < time.Second, "the phone rang after %v", time.Since(began))
		r.ok(b.Reject(486, "Busy Here"))
		r.ended(a, 486)
	}, routed)
	scene2(t, "the caller hangs up meanwhile", func(r *rig) {
		r.app.answers(map[string]string{"RoutingInterception": hangs})
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		r.ok(a.WaitRinging(r.ctx))
		r.ok(a.Cancel())
		r.ended(a, 487)
		r.quiet(10*time.Second, bob)
	}, routed)
}

// Spec ozeki 9.1 and 5.4: no destination refuses the caller; no Route leaves the call to the dial plan; and the application
// is asked twenty times at most.
func TestRouteDecides(t *testing.T) {
	for name, x := range map[string]struct {
		answer string
		status int
		asked  []string
	}{
		"refused":   {script(`<Route Destination=""/>`), 603, []string{"Calling"}},
		"no Route":  {script(), 480, []string{"Calling"}},
		"no script": {"OK", 480, []string{"Calling"}},
	} {
		scene2(t, name, func(r *rig) {
			r.app.answers(map[string]string{"RoutingInterception": x.answer})
			a := r.dial(r.phone("2000"), "2001") // where nobody is registered
			r.ended(a, x.status)
			r.that(!slices.Contains(statuses(a), 180), "it rang: %v", statuses(a))
			var asked []string
			for _, n := range r.app.taken() {
				asked = append(asked, n.Get("LastCallState"))
			}
			r.same("what the application was asked", asked, x.asked)
		}, routed)
	}
	scene2(t, "twenty times", func(r *rig) {
		r.app.answers(map[string]string{"RoutingInterception": script(`<Route>2001</Route>`)})
		a := r.dial(r.phone("2000"), "2004")
		r.ended(a, 480)
		r.same("how often the application was asked", len(r.app.taken()), 20)
	}, routed)
}

// A destination may be the name of a trunk (spec ozeki 9.1). T17: whoever may not call out is not called out for, by no
// name; what comes from a trunk is asked about by the number that its route makes of it.
func TestRouteTrunks_T17(t *testing.T) {
	scene2(t, "a line by its name", func(r *rig) {
		r.app.answers(map[string]string{"RoutingInterception": script(`<Route RingTime="30" Destination="spare" DialedNumber="234567" CallerId="777"/>`)})
		gw, spare, alice := r.gateway(providerAt, nil), r.gateway(spareAt, nil), r.phone("2000")
		a, b := r.connect(alice, "2004", spare)
		r.tones(a, aliceTone, b, bobTone)
		r.same("where the INVITE goes", b.Invite.URI, "sip:234567@"+spareAt)
		r.same("who calls", b.Shows().Number, "777")
		r.received(gw, "INVITE 0")
		r.ok(b.Hangup())
		r.ends(a)
	}, routed, outsideLines)
	scene2(t, "no right", func(r *rig) {
		r.app.answers(map[string]string{
			"RoutingInterception/Calling": script(`<Route Destination="provider" DialedNumber="0044123"/>`),
			"RoutingInterception/Error":   script(`<Route Destination=""/>`),
		})
		gw, bob := r.gateway(providerAt, nil), r.phone("2001")
		r.ended(r.dial(bob, "2004"), 603)
		r.same("what the application was asked", r.app.names(), []string{"RoutingInterception/Calling", "RoutingInterception/Error"})
		r.received(gw, "INVITE 0")
	}, routed, outsideLines)
	scene2(t, "from outside", func(r *rig) {
		r.app.answers(map[string]string{"RoutingInterception": script(`<Route>2002</Route>`)})
		gw, alice, carol := r.gateway(providerAt, nil), r.phone("2000"), r.phone("2002")
		a, c := r.connect(gw, "sip:5503301@192.0.2.1", carol)
		r.tones(a, aliceTone, c, carolTone)
		n := r.told("RoutingInterception/Calling")
		r.same("what the application was told", [4]string{n.Get("CallerID"), n.Get("CallerExtension"), n.Get("OriginalDialedNumber"), n.Get("LastDialedNumber")},
			[4]string{"0044123", "", "5503301", "2000"})
		r.ok(a.Hangup())
		r.ends(c)
		r.received(alice, "INVITE 0")
	}, routed, outsideLines)
}
