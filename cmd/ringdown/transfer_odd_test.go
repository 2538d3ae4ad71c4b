package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// T15, T16, T17: what is wrong with a REFER is refused and changes nothing; what is only unusual is understood: a bare
// URI, angle brackets, tel:, a foreign host, embedded headers, which are dropped. It is always consumed here.
func TestRefer_T15_T16_T17_Forms(t *testing.T) {
	const referTo = "Refer-To"
	for name, row := range map[string]struct {
		headers []phone.Option
		want    int
	}{
		"bare":                {[]phone.Option{phone.WithHeader(referTo, "sip:2002@example.com")}, 202},
		"bare with parameter": {[]phone.Option{phone.WithHeader(referTo, "sip:2002@example.com;user=phone")}, 202},
		"brackets":            {[]phone.Option{phone.WithHeader(referTo, "<sip:2002@example.com;transport=udp>;x=y")}, 202},
		"display name":        {[]phone.Option{phone.WithHeader(referTo, `"C, a <rol>" <sip:2002@example.com>`)}, 202},
		"short form":          {[]phone.Option{phone.WithHeader("r", "<sip:2002@example.com>")}, 202},
		"escaped":             {[]phone.Option{phone.WithHeader(referTo, "<sip:%32002@example.com>")}, 202},
		"tel":                 {[]phone.Option{phone.WithHeader(referTo, "<tel:2002>")}, 202},
		"tel with context":    {[]phone.Option{phone.WithHeader(referTo, "<tel:2002;phone-context=example.com>")}, 202},
		"foreign host":        {[]phone.Option{phone.WithHeader(referTo, "<sip:2002@192.0.2.99:5099>")}, 202},
		"method INVITE":       {[]phone.Option{phone.WithHeader(referTo, "<sip:2002@example.com;method=INVITE>")}, 202},
		"embedded headers":    {[]phone.Option{phone.WithHeader(referTo, "<sip:2002@example.com?From=sip%3Aevil%40x&Route=%3Csip%3A192.0.2.99%3E&X-A=b>")}, 202},
		"none":                {nil, 400},
		"two":                 {[]phone.Option{phone.WithHeader(referTo, "sip:2002@example.com"), phone.WithHeader(referTo, "sip:2001@example.com")}, 400},
		"two in one line":     {[]phone.Option{phone.WithHeader(referTo, "<sip:2002@example.com>, <sip:2001@example.com>")}, 400},
		"empty":               {[]phone.Option{phone.WithHeader(referTo, "")}, 400},
		"unclosed":            {[]phone.Option{phone.WithHeader(referTo, "<sip:2002@example.com")}, 400},
		"number alone":        {[]phone.Option{phone.WithHeader(referTo, "2002")}, 202},
		"number as host":      {[]phone.Option{phone.WithHeader(referTo, "<sip:2002>")}, 202},
		"no URI":              {[]phone.Option{phone.WithHeader(referTo, "carol")}, 400},
		"no number":           {[]phone.Option{phone.WithHeader(referTo, "<sip:example.com>")}, 400},
		"method BYE":          {[]phone.Option{phone.WithHeader(referTo, "<sip:2002@example.com;method=BYE>")}, 400},
		"mailto":              {[]phone.Option{phone.WithHeader(referTo, "<mailto:2002@example.com>")}, 416},
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				a, b := r.talk(alice, "2001", bob)
				m, err := b.Request(r.ctx, "REFER", row.headers...)
				r.ok(err)
				r.same("answer", m.Status, row.want)
				if row.want == 202 {
					c := r.rung(carol)
					for _, h := range []string{"From", "Route", "X-A"} {
						r.that(!strings.Contains(c.Invite.Get(h), "evil") && !strings.Contains(c.Invite.Get(h), "192.0.2.99") &&
							(h == "From" || c.Invite.Get(h) == ""), "%s at the target: %q", h, c.Invite.Get(h))
					}
					r.ok(c.Reject(486, ""))
				}
				r.pass(300 * time.Millisecond)
				r.same("REFERs at the transferee", alice.Received("REFER", 0), 0)
				if row.want != 202 {
					r.same("INVITEs", carol.Received("INVITE", 0), 0)
					r.same("NOTIFYs", bob.Received("NOTIFY", 0), 0)
				}
				r.hear(a, bobTone, b, aliceTone)
				r.ok(a.Hangup())
				r.ends(b)
			})
		})
	}
}

// T18: Refer-Sub: false. No NOTIFY at all, the answer says so, the transfer is carried out.
func TestRefer_T18_NoSubscription(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Refer(r.ctx, "sip:2002@example.com", phone.WithHeader("Refer-Sub", "false"))
		r.ok(err)
		r.same("answer", m.Status, 202)
		r.same("Refer-Sub", m.Get("Refer-Sub"), "false")
		c := r.rung(carol)
		r.ok(c.Answer())
		r.tones(a, aliceTone, c, carolTone)
		r.ok(b.Hangup())
		r.pass(time.Second)
		r.same("NOTIFYs", bob.Received("NOTIFY", 0), 0)
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// T20: the NOTIFY is refused, or nobody answers it: no more are sent, the transfer goes on.
func TestRefer_T20_NotifyRefused(t *testing.T) {
	for _, status := range []int{481, 405, 0} {
		t.Run(map[int]string{481: "481", 405: "405", 0: "silence"}[status], func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, carol := r.phone("2000"), r.phone("2002")
				var bob *phone.Phone
				bob = r.phone("2001", func(c *phone.Config) {
					c.OnRequest = func(m *phone.Message) bool {
						if m.Method == "NOTIFY" && status != 0 {
							_ = bob.Respond(m, status, "")
						}
						return m.Method == "NOTIFY"
					}
				})
				a, b := r.talk(alice, "2001", bob)
				_, err := b.Refer(r.ctx, "sip:2002@example.com")
				r.ok(err)
				c := r.rung(carol)
				r.pass(time.Second)
				r.ok(c.Answer())
				r.tones(a, aliceTone, c, carolTone)
				r.pass(5 * time.Second)
				r.same("NOTIFYs", bob.Received("NOTIFY", 0), 1)
				r.ends(b)
				r.oneStream(a, c)
				r.ok(a.Hangup())
				r.ends(c)
			}, func(c *Config) { c.Calls.Silence = 0 })
		})
	}
}

// T27: the transferor holds, and the REFER follows before its hold is answered. 202 at once; the transfer works.
func TestRefer_T27_HoldNotAnsweredYet(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		held := make(chan error, 1)
		go func() { held <- b.Hold(r.ctx, phone.SendOnly) }()
		m, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.ok(err)
		r.same("answer", m.Status, 202)
		r.ok(<-held)
		c := r.rung(carol)
		r.ringback(a)
		r.ok(c.Answer())
		r.tones(a, aliceTone, c, carolTone)
		r.ok(b.Hangup())
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// T28: the usual way of phones: the transferor holds, refers and leaves. The new pair talks, the music stops.
func TestRefer_T28_TransfereeOnHold(t *testing.T) {
	for _, how := range []string{phone.SendOnly, phone.Inactive, "0.0.0.0"} {
		t.Run(how, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				a, b := r.talk(alice, "2001", bob)
				r.ok(b.Hold(r.ctx, how))
				r.pass(300 * time.Millisecond)
				r.music(a)
				_, err := b.Refer(r.ctx, "sip:2002@example.com")
				r.ok(err)
				r.ok(b.Hangup())
				c := r.rung(carol)
				r.ringback(a)
				r.ok(c.Answer())
				r.tones(a, aliceTone, c, carolTone)
				r.same("state", r.only().CallState, "InCall")
				r.oneStream(a, c)
				r.ok(a.Hangup())
				r.ends(c)
			})
		})
	}
}

// T5 after a hold: the target is busy; the transferor resumes, both talk again.
func TestRefer_T5_AfterHold(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.ok(b.Hold(r.ctx, phone.SendOnly))
		_, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.ok(err)
		r.ok(r.rung(carol).Reject(486, ""))
		_, err = b.WaitNotify(r.ctx, 3)
		r.ok(err)
		r.pass(300 * time.Millisecond)
		r.music(a)
		r.ok(b.Resume(r.ctx))
		r.pass(300 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.oneStream(a, b)
		r.ok(b.Hangup())
		r.ends(a)
	})
}

// T29: the transferee itself holds when the target answers: the target hears music until the transferee resumes.
func TestRefer_T29_TransfereeHolds(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.ok(a.Hold(r.ctx, phone.SendOnly))
		_, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.ok(err)
		c := r.rung(carol)
		r.ok(c.Answer())
		_, err = c.WaitAck(r.ctx)
		r.ok(err)
		c.Media.SendTone(carolTone)
		r.pass(500 * time.Millisecond)
		r.music(c)
		r.unheard(c, aliceTone)
		r.same("state", r.only().CallState, "Hold")
		r.ok(a.Resume(r.ctx))
		r.pass(300 * time.Millisecond)
		r.hear(a, carolTone, c, aliceTone)
		r.same("state", r.only().CallState, "InCall")
		r.ok(b.Hangup())
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// T32: early media of the target is what the transferee hears, instead of the switch's ringing.
func TestRefer_T32_EarlyMedia(t *testing.T) {
	refers(t, "sip:2002@example.com", func(x *referred) {
		c, err := x.carol.WaitCall(x.ctx)
		x.ok(err)
		x.ok(c.Progress())
		c.Media.SendTone(carolTone)
		x.ok(x.stays.Media.WaitTone(x.ctx, carolTone))
		x.pass(300 * time.Millisecond)
		x.unheard(x.stays, ringTone, x.leaveTone)
		x.ok(c.Answer())
		x.tones(x.stays, x.stayTone, c, carolTone)
		x.oneStream(x.stays, c)
		x.reported("100 Trying active", "183 Session Progress active", "200 OK terminated")
		x.ok(c.Hangup())
		x.ends(x.stays)
	})
}

// T14 as far as there is something that loops: a call that came with its hops used up is refused with 482.
func TestRefer_T14_HopsUsedUp(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		var opts []phone.Option
		for range 6 {
			opts = append(opts, phone.WithHeader("Diversion", "<sip:2005@example.com>;reason=unconditional"))
		}
		a, err := alice.Dial(r.ctx, "2001", opts...)
		r.ok(err)
		r.ended(a, 482)
		r.same("INVITEs", bob.Received("INVITE", 0), 0)
	})
}
