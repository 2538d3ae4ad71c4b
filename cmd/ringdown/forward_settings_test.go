package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// sends gives extensions forwarding settings, by number.
func sends(settings map[string]Forward) func(*Config) {
	return func(c *Config) {
		for i, e := range c.Extensions {
			if f, ok := settings[e.Number]; ok {
				c.Extensions[i].Forward = f
			}
		}
	}
}

// diverted checks what the phone of a forwarded call is told of its way: the numbers it was for, the last one first, and
// why it was sent on; who calls is still who called (F11).
func (r *rig) diverted(c *phone.Call, caller string, want ...string) {
	r.Helper()
	var got []string
	for _, v := range c.Invite.All("Diversion") {
		number, _, _ := strings.Cut(strings.TrimPrefix(v, "<sip:"), "@")
		got = append(got, number+" "+phone.Param(v, "reason"))
	}
	r.same("Diversion", strings.Join(got, ", "), strings.Join(want, ", "))
	r.that(strings.Contains(c.Invite.Get("From"), "sip:"+caller+"@"), "From: %q", c.Invite.Get("From"))
}

// F11, F12: each setting, alone: the caller is told by 181, keeps its call, and talks to whom it was sent.
func TestForwarding_F11_F12(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name, reason string
		setting      Forward
		bob          func(r *rig, bob *phone.Phone)
	}{
		{"always", "unconditional", Forward{Always: "2002"}, func(r *rig, bob *phone.Phone) { r.quiet(2*time.Second, bob) }},
		{"busy", "user-busy", Forward{Busy: "2002"}, func(r *rig, bob *phone.Phone) { r.ok(r.rings(bob).Reject(486, "Busy Here")) }},
		{"declined", "user-busy", Forward{Busy: "2002"}, func(r *rig, bob *phone.Phone) { r.ok(r.rings(bob).Reject(603, "Decline")) }},
		{"no answer", "no-answer", Forward{NoAnswer: "2002"}, func(r *rig, bob *phone.Phone) { r.ended(r.rung(bob), 487) }},
		{"not registered", "no-answer", Forward{NoAnswer: "2002"}, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, carol := r.phone("2000"), r.phone("2002")
				var bob *phone.Phone
				if x.bob != nil {
					bob = r.phone("2001")
				}
				a := r.dial(alice, "2001")
				if bob != nil {
					x.bob(r, bob)
				}
				c := r.rung(carol)
				_, err := a.WaitStatus(r.ctx, 181)
				r.ok(err)
				r.diverted(c, "2000", "2001 "+x.reason)
				r.same("list", r.only().Source+" "+r.only().Destination, "2000 2002")
				r.ok(c.Answer())
				r.ok(a.WaitAnswer(r.ctx))
				r.tones(a, aliceTone, c, carolTone)
				r.oneStream(a, c)
				r.ok(a.Hangup())
				r.ends(c)
			}, sends(map[string]Forward{"2001": x.setting}))
		})
	}
}

// F5, T14: numbers that send each other's calls on, the caller's own, or one that is visited already, ring nobody twice
// and never for ever: the caller gets the first failure.
func TestForwarding_F5_T14_Loops(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		settings map[string]Forward
		status   int
	}{
		"each other":       {map[string]Forward{"2001": {Always: "2002"}, "2002": {Always: "2001"}}, 482},
		"to the caller":    {map[string]Forward{"2001": {Always: "2000"}}, 482},
		"busy, each other": {map[string]Forward{"2001": {Busy: "2002"}, "2002": {Busy: "2001"}}, 486},
		"too many hops": {map[string]Forward{"2001": {Busy: "2003"}, "2003": {Always: "2004"}, "2004": {Always: "2005"},
			"2005": {Always: "2006"}, "2006": {Always: "2007"}, "2007": {Always: "2002"}}, 482},
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				busy := func(p *phone.Phone) {
					for {
						c, err := p.WaitCall(r.ctx)
						if err != nil || c.Reject(486, "Busy Here") != nil {
							return
						}
					}
				}
				go busy(bob)
				go busy(carol)
				a := r.dial(alice, "2001")
				end, err := a.WaitEnd(r.ctx)
				r.ok(err)
				r.that(end.Status == x.status, "ended with %d, expected %d", end.Status, x.status)
				r.that(bob.Received("INVITE", 0) <= 1 && carol.Received("INVITE", 0) <= 1, "somebody rang twice")
			}, sends(x.settings))
		})
	}
}

// F4, F5: the numbers of a 302 are tried by their q, those of equal q side by side; the caller's own is left out.
func TestRedirect_F4_F5(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		dave, erin := r.phone("2003"), r.phone("2004")
		a := r.dial(alice, "2001")
		r.ok(r.rings(bob).Reject(302, "Moved Temporarily", phone.WithContact(
			"<sip:2002@example.com>;q=0.5, <sip:2003@198.51.100.9>;q=0.9, <sip:2004@example.com>;q=0.9, <sip:2000@example.com>;q=1.0")))
		d, e := r.rung(dave), r.rung(erin)
		r.diverted(d, "2000", "2001 deflection")
		r.quiet(500*time.Millisecond, carol)
		r.ok(d.Reject(486, "Busy Here"))
		r.ok(e.Reject(480, "Temporarily Unavailable"))
		c := r.rung(carol)
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.ok(c.Hangup())
		r.ends(a)
	})
}

// F5: a phone that sends its caller to itself, or to the caller, fails with 482 or as it did; 305 and 380 are failures
// (F7).
func TestRedirect_F5_F7_Nowhere(t *testing.T) {
	t.Parallel()
	for answer, contact := range map[int]string{302: "<sip:2001@example.com>", 305: "<sip:2002@example.com>", 380: "<sip:2002@example.com>"} {
		t.Run(phrase(answer), func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				a := r.dial(alice, "2001")
				r.ok(r.rings(bob).Reject(answer, phrase(answer), phone.WithContact(contact)))
				end, err := a.WaitEnd(r.ctx)
				r.ok(err)
				r.that(end.Status == 480 || end.Status == 482, "ended with %d", end.Status)
				r.quiet(time.Second, carol)
			})
		})
	}
}

func phrase(status int) string {
	return map[int]string{302: "Moved Temporarily", 305: "Use Proxy", 380: "Alternative Service"}[status]
}

// T34, F12: the target of a transfer sends the call on by its own setting, and by 302.
func TestForwarding_T34_TransferTarget(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"setting", "302"} {
		t.Run(way, func(t *testing.T) {
			settings := map[string]Forward{}
			if way == "setting" {
				settings["2002"] = Forward{Busy: "2003"}
			}
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				dave := r.phone("2003")
				a, b := r.talk(alice, "2001", bob)
				m, err := b.Refer(r.ctx, "sip:2002@example.com")
				r.ok(err)
				r.same("answer", m.Status, 202)
				if way == "302" {
					r.ok(r.rings(carol).Reject(302, "Moved Temporarily", phone.WithContact("<sip:2003@example.com>")))
				} else {
					r.ok(r.rings(carol).Reject(486, "Busy Here"))
				}
				d := r.rung(dave)
				r.diverted(d, "2000", map[string]string{"302": "2002 deflection", "setting": "2002 user-busy"}[way])
				r.ringback(a)
				r.ok(d.Answer())
				r.tones(a, aliceTone, d, carolTone)
				r.ok(d.Hangup())
				r.ends(a, b)
			}, sends(settings))
		})
	}
}
