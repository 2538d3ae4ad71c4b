package main

import (
	"strings"
	"testing"
	"time"
)

// A phone's own transfer has an event of its own, at the moment when it takes effect and before the call's next one; its
// members are the two who talked (spec yeastar-p 6.8).
func TestYeastar_ReferIsReported(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.talk(alice, "2001", bob)
		y.events.forget()
		_, err := b.Refer(y.ctx, "sip:2002@example.com")
		y.ok(err)
		c := y.rung(carol)
		y.pass(50 * time.Millisecond)
		texts := y.events.taken()
		y.same("the first event", said(texts[0]), "30013 2000 ANSWERED, 2001 ANSWER")
		for _, text := range texts[1:] {
			y.that(!strings.HasPrefix(said(text), "30013"), "told twice: %s", text)
		}
		y.ok(c.Answer())
		y.tones(a, aliceTone, c, carolTone)
		y.ok(a.Hangup())
		y.ends(c)
	})
}

// A blind transfer by the other API is no phone's.
func TestYeastar_OzekiTransferIsNotReported(t *testing.T) {
	r := loopRig(t, func(c *Config) {
		d := DefaultConfig()
		c.Ozeki, c.Yeastar = d.Ozeki, d.Yeastar
		c.anyPorts()
	})
	y := r.yeastarApp()
	alice, bob, carol := r.three()
	a, b := r.talk(alice, "2001", bob)
	api := apiClient{base: "http://" + r.sw.HTTP.String() + "/api"}
	only, err := api.only(r.ctx)
	r.ok(err)
	refused := api.do(r.ctx, "BlindTransfer", "CallId", only.CallID, "TransferorParty", "callee", "Target", "2009")
	r.that(refused != nil, "nobody is at 2009")
	r.ok(api.do(r.ctx, "BlindTransfer", "CallId", only.CallID, "TransferorParty", "callee", "Target", "2002"))
	c := r.rung(carol)
	r.ok(c.Answer())
	r.tones(a, aliceTone, c, carolTone)
	r.ended(b, 0)
	_, err = c.Refer(r.ctx, "sip:2001@example.com") // and then a phone's, which is
	r.ok(err)
	back := r.rung(bob)
	r.ok(back.Answer())
	r.tones(a, aliceTone, back, bobTone)
	var transfers []string
	r.arrived(func() bool { return strings.Contains(strings.Join(y.events.taken(), ""), "30013") })
	for _, text := range y.events.taken() {
		if s := said(text); strings.HasPrefix(s, "30013") {
			transfers = append(transfers, s)
		}
	}
	r.same("transfers", transfers, []string{"30013 2000 ANSWERED, 2002 ANSWER"})
	r.ok(a.Hangup())
	r.settled()
}
