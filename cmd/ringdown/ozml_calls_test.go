package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// callers has two API extensions: 9990, which may call outside numbers, and 9991; both speak of what becomes of their calls.
func callers(t testing.TB) func(*Config) {
	play := clips(t, 1)
	return func(c *Config) {
		play(c)
		c.APIExtensions = []APIExtension{{Number: "9990", Name: "Reception", URL: applicationAt + "/ivr", Outbound: true},
			{Number: "9991", Name: "Sales", URL: applicationAt + "/sales"}}
	}
}

// calls has 9990 call a number, with the script of /connected.
func (r *rig) calls(number string, more ...string) apiReply {
	r.Helper()
	return r.do("Call", append([]string{"Dialed", number, "ApiExtension", "9990", "Url", applicationAt + "/connected",
		"ErrorUrl", applicationAt + "/failed", "FinishedUrl", applicationAt + "/finished"}, more...)...)
}

// shown is what ListActiveCalls says of the one call.
func (r *rig) shown() string {
	r.Helper()
	c := r.only()
	return strings.Join([]string{c.Source, c.Destination, c.CallerDialed, c.CalleeDialed, c.CallState}, " ")
}

// Spec ozeki 8.9: a call of an API extension as it is shown from its begin to its end.
func TestCall_Stages(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/connected": script(`<Play Repeat="true">540.wav</Play>`)})
		bob := r.phone("2001")
		reply := make(chan apiReply, 1)
		go func() { reply <- r.calls("2001") }()
		b, err := bob.WaitCall(r.ctx)
		r.ok(err)
		r.same("before it rings", r.shown(), "9990 2001 2001 2001 Setup")
		r.same("code", (<-reply).Code, 200)
		r.ok(b.Ring())
		r.pass(2100 * time.Millisecond)
		r.same("while it rings", r.shown(), "9990 2001 2001 2001 Ringing")
		r.same("durations", r.only().RingDuration[:2]+r.only().TalkDuration, "2.0.000")
		r.ok(b.Answer())
		r.ok(b.Media.WaitTone(r.ctx, clipTone))
		r.pass(time.Second)
		r.same("answered", r.shown(), "9990 2001 2001 2001 InCall")
		r.same("durations", r.only().RingDuration[:2]+r.only().TalkDuration[:2], "2.1.")
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		r.same("held by the phone", r.shown(), "9990 2001 2001 2001 Hold")
		r.ok(b.Resume(r.ctx))
		r.ok(b.Media.WaitTone(r.ctx, clipTone))
		r.must("Hangup", "CallId", r.only().CallID)
		r.same("calls after the end", len(r.list()), 0)
		r.ended(b, 0)
		n := r.told("CallFinished")
		r.same("the end", [3]string{n.Get("Caller"), n.Get("Callee"), n.Get("State")}, [3]string{"9990", "2001", "Aborted"})
	}, callers(t))
}

// Who is called sees the number and the name that the application gave, or those of its extension; a trunk is asserted the same.
func TestCall_Shows(t *testing.T) {
	for name, x := range map[string]struct {
		more  []string
		shows string
	}{
		"nothing given":    {nil, `"Reception" <sip:9990@example.com>`},
		"a number":         {[]string{"CallerId", "3000"}, `"Reception" <sip:3000@example.com>`},
		"both (A16)":       {[]string{"CallerId", "3000", "CallerDisplayName", `J. "X" <Smith>; ä`}, `"J. \"X\" <Smith>; ä" <sip:3000@example.com>`},
		"@localhost is ok": {[]string{"ApiExtension", "9990@localhost"}, `"Reception" <sip:9990@example.com>`},
	} {
		scene2(t, name, func(r *rig) {
			bob, gw := r.phone("2001"), r.gateway(providerAt, nil)
			for _, bad := range [][]string{{"CallerId", "30\r\n00"}, {"CallerDisplayName", "x\r\nVia: y"}, {"Dialed", "2001;x@y"}} {
				r.code(302, "Call", append([]string{"Dialed", "2001", "ApiExtension", "9990"}, bad...)...)
			}
			r.same("code", r.calls("2001", x.more...).Code, 200)
			from, _, _ := strings.Cut(r.rung(bob).Invite.Get("From"), ";tag=")
			r.same("what bob sees", from, x.shows)
			r.must("Hangup", "CallId", r.only().CallID)
			r.same("code", r.calls("0044123", x.more...).Code, 200)
			invite := r.rung(gw).Invite
			from, _, _ = strings.Cut(invite.Get("From"), ";tag=")
			r.same("what the provider is told", from, x.shows)
			r.same("what is asserted to it", invite.Get("P-Asserted-Identity"), x.shows)
			r.must("Hangup", "CallId", r.only().CallID)
		}, callers(t), outsideLines)
	}
}

// Spec ozeki 8.9 and 4.3: what becomes of a call that is not answered: at once in the reply, later at the ErrorUrl.
func TestCall_Fails(t *testing.T) {
	for name, x := range map[string]struct {
		number string
		more   []string
		do     func(r *rig, b *phone.Call) // when bob's phone rings
		result string
		late   bool
	}{
		"busy at once":         {"2001", nil, func(r *rig, b *phone.Call) { r.ok(b.Reject(486, "")) }, "Busy", false},
		"declined later":       {"2001", nil, func(r *rig, b *phone.Call) { r.pass(time.Second); r.ok(b.Reject(603, "")) }, "Busy", true},
		"an error":             {"2001", nil, func(r *rig, b *phone.Call) { r.ok(b.Reject(500, "")) }, "Error", false},
		"not picked up":        {"2001", []string{"RingTime", "3"}, func(r *rig, b *phone.Call) { r.ended(b, 487) }, "NotAnswered", true},
		"nobody has it":        {"4567", nil, nil, "NotFound", false},
		"nobody is registered": {"2005", nil, nil, "NotAnswered", false},
		"hung up by the API": {"2001", nil, func(r *rig, b *phone.Call) {
			r.pass(time.Second)
			r.must("Hangup", "CallId", r.only().CallID)
			r.ended(b, 487)
		}, "Aborted", true},
		"the extension has no right": {"0044123", []string{"ApiExtension", "9991"}, nil, "Error", false},
		"no gateway":                 {"0044123", nil, nil, "NotAnswered", true},
	} {
		scene2(t, name, func(r *rig) {
			bob := r.phone("2001")
			reply := make(chan apiReply, 1)
			params := append([]string{}, x.more...)
			go func() { reply <- r.calls(x.number, params...) }()
			if x.do != nil {
				x.do(r, r.rung(bob))
			}
			got := <-reply
			want := fmt.Sprintf("Call connect to '%s' failed with result state '%s'", x.number, x.result)
			if !x.late {
				r.same("the reply", fmt.Sprint(got.Code, " ", got.Message), "402 "+want)
				r.pass(time.Second)
				r.same("notifications", r.app.names(), []string{})
				return
			}
			r.same("the reply", got.Code, 200)
			n := r.told("Error")
			r.same("the error", [3]string{n.path, n.Get("Code"), n.Get("Message")}, [3]string{"/failed", "402", want})
			r.pass(time.Second)
			r.same("notifications", r.app.names(), []string{"Error"})
		}, callers(t), outsideLines)
	}
}

// A number that forwards is followed, and shown as what it became.
func TestCall_Forwarded(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/connected": script(`<Play>540.wav</Play>`)})
		bob, carol := r.phone("2001"), r.phone("2002")
		r.same("code", r.calls("2001").Code, 200)
		c := r.rung(carol)
		r.pass(50 * time.Millisecond)
		r.same("what is shown", r.shown(), "9990 2002 2001 2002 Ringing")
		r.ok(c.Answer())
		r.ok(c.Media.WaitTone(r.ctx, clipTone))
		r.ended(c, 0)
		r.received(bob, "INVITE 0")
		n := r.told("CallFinished")
		r.same("the end", [4]string{n.path, n.Get("Caller"), n.Get("Callee"), n.Get("State")}, [4]string{"/finished", "9990", "2002", "CallerHungUp"})
	}, callers(t), func(c *Config) {
		for i := range c.Extensions {
			if c.Extensions[i].Number == "2001" {
				c.Extensions[i].Forward.Always = "2002"
			}
		}
	})
}

// An outside number, over a trunk: it hears the script, its keys are taken, and it is hung up.
func TestCall_Outside(t *testing.T) {
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/connected": script(`<UserInput Timeout="5"><InitialCommands><Play>540.wav</Play></InitialCommands>
			<Inputs><Input key="7"><Play>820.wav</Play><Hangup/></Input></Inputs></UserInput>`)})
		gw := r.gateway(providerAt, nil)
		r.pass(time.Second) // until it is known to answer
		r.same("the reply", r.calls("0044123").Message, "Command successfully executed")
		g := r.rung(gw)
		r.ok(g.Answer())
		g.Media.SendTone(bobTone)
		r.ok(g.Media.WaitTone(r.ctx, clipTone))
		r.ok(g.Media.SendDigit4733('7', 100))
		r.ok(g.Media.WaitTone(r.ctx, nextTone))
		r.ended(g, 0)
		r.oneStream(g)
		r.told("CallFinished")
	}, callers(t), outsideLines)
}

// ResponseOzML stands in the place of Url, whose application is not asked; one that is no document is refused (300), and
// nobody is called.
func TestCall_ResponseOzML(t *testing.T) {
	scene(t, func(r *rig) {
		bob := r.phone("2001")
		r.same("code", r.calls("2001", "ResponseOzML", `<Response><Play>540.wav</Play>`).Code, 300)
		r.same("code", r.calls("2001", "ResponseOzML", script(`<Play>540.wav</Play>`, `<Play>820.wav</Play>`)).Code, 200)
		b := r.rung(bob)
		r.ok(b.Answer())
		r.ok(b.Media.WaitTone(r.ctx, clipTone))
		r.ok(b.Media.WaitTone(r.ctx, nextTone))
		r.ended(b, 0)
		r.told("CallFinished")
		r.same("notifications", r.app.names(), []string{"CallFinished"})
		r.received(bob, "INVITE 1")
	}, callers(t))
}
