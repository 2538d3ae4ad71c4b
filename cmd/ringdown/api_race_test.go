package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// Hangup in each state: the caller of a call that rings gets 480, its target CANCEL with a Reason; parties that talk
// get one BYE each (spec ozeki 8.6). The list is empty at once.
func TestHangup_Ringing(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.ring(alice, "2001", bob)
		r.must("Hangup", "CallId", r.only().CallID)
		r.same("calls", len(r.list()), 0)
		r.ended(a, 480)
		r.ended(b, 487)
		r.same("CANCELs", bob.Received("CANCEL", 0), 1)
		r.that(requests(bob, "CANCEL")[0].Get("Reason") != "", "CANCEL without a Reason")
	})
}

func TestHangup_Talking(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.must("Hangup", "CallId", r.only().CallID)
		r.same("calls", len(r.list()), 0)
		for _, c := range []*phone.Call{a, b} {
			end := r.ended(c, 0)
			r.that(end.Remote && end.Message.Get("Reason") != "", "BYE: %v", end)
		}
		r.pass(time.Second)
		r.same("BYEs", []int{alice.Received("BYE", 0), bob.Received("BYE", 0)}, []int{1, 1})
	})
}

// A2: two clients hang up, and a phone does, around the same moment: every client is told 200 or that the call has
// gone, each phone gets one BYE at most.
func TestHangup_A2_Races(t *testing.T) {
	for _, wait := range []time.Duration{0, 3 * time.Millisecond, 5 * time.Millisecond, 6 * time.Millisecond, 20 * time.Millisecond} {
		t.Run(wait.String(), func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, _ := r.three()
				a, b := r.connect(alice, "2001", bob)
				id := r.only().CallID
				r.ok(a.Hangup())
				r.pass(wait)
				codes := make(chan int, 2)
				for range 2 {
					go func() { codes <- r.do("Hangup", "CallId", id).Code }()
				}
				for range 2 {
					c := <-codes
					r.that(c == 200 || c == 601, "code %d", c)
				}
				r.ends(a, b)
				r.pass(time.Second)
				r.same("BYEs at bob", bob.Received("BYE", 0), 1)
				r.code(601, "Hangup", "CallId", id)
			})
		})
	}
}

// A3: two clients transfer the same call: one transfer is carried out, the other client is refused at once.
func TestRace_A3_TwoTransfers(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		dave := r.phone("2003")
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		codes := make(chan int, 2)
		for _, to := range []string{"2002", "2003"} {
			go func() {
				codes <- r.do("BlindTransfer", "CallId", id, "TransferorParty", "callee", "Target", to).Code
			}()
		}
		r.same("codes", <-codes+<-codes, 200+303)
		r.pass(100 * time.Millisecond)
		r.same("INVITEs", carol.Received("INVITE", 0)+dave.Received("INVITE", 0), 1)
		called := carol
		if dave.Received("INVITE", 0) == 1 {
			called = dave
		}
		c := r.rung(called)
		r.ok(c.Answer())
		r.tones(a, aliceTone, c, carolTone)
		r.ended(b, 0)
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// A6: every command races the hang-up of a phone: it is done or told that the call has gone; the call ends either way.
func TestRace_A6_CommandAgainstHangup(t *testing.T) {
	for _, command := range []string{"SendDTMF", "Hold", "Unhold", "BlindTransfer", "ForwardCall", "Hangup"} {
		for _, wait := range []time.Duration{0, 5 * time.Millisecond, 6 * time.Millisecond} {
			t.Run(command+"/"+wait.String(), func(t *testing.T) {
				scene(t, func(r *rig) {
					alice, bob, carol := r.three()
					a, b := r.talk(alice, "2001", bob)
					id := r.only().CallID
					r.ok(b.Hangup())
					r.pass(wait)
					got := r.do(command, append(everyCommand[command], "CallId", id)...)
					r.that(got.Code == 200 || got.Code == 303 || got.Code == 601, "code %d", got.Code)
					r.that(wait < 6*time.Millisecond || got.Code == 601, "the call had gone, code %d", got.Code)
					r.ends(a, b)
					r.pass(100 * time.Millisecond)
					if carol.Received("INVITE", 0) > 0 {
						r.ended(r.rung(carol), 487)
					}
					r.pass(2 * time.Second)
					r.same("calls", len(r.list()), 0)
				})
			})
		}
	}
}

// A5: a client that goes away while its command runs leaves the command running.
func TestRace_A5_ClientGone(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, _ := r.ring(alice, "2001", bob)
		ctx, gone := context.WithCancel(r.ctx)
		gone()
		q := url.Values{"command": {"ForwardCall"}, "CallId": {r.only().CallID}, "Destination": {"2002"},
			"Username": {demoHTTPUser}, "Password": {string(demoHTTPPassword)}}
		r.api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/api?"+q.Encode(), nil))
		c := r.rung(carol)
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// The seeds' requests, word for word but for the CallId, over real HTTP by GET and by POST, and the answers of the
// seeds byte for byte.
func TestSeedsOverHTTP(t *testing.T) {
	r := loopRig(t, func(c *Config) { c.Ozeki.Listen = DefaultConfig().Ozeki.Listen; c.anyPorts() })
	const ok = `<?xml version="1.0"?> <Response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"> <Code>200</Code> <Message>Command successfully executed</Message> </Response>`
	base := "http://" + r.sw.HTTP.String()
	alice, bob, carol := r.three()
	a, b := r.ring(alice, "2001", bob)
	id := httpList(r, base)[0]
	seed := func(query string) { r.same("answer to "+query, httpGet(r, base+"/api?"+query), ok) }
	seed("command=ForwardCall&CallId=" + id + "&Destination=2002&Username=HTTP_User_1&Password=qwe123")
	c := r.rung(carol)
	r.ended(b, 487)
	r.ok(c.Answer())
	r.ok(a.WaitAnswer(r.ctx))
	r.tones(a, aliceTone, c, carolTone)
	seed("command=SendDTMF&CallId=" + id + "&Party=caller&Keys=01234&Username=HTTP_User_1&Password=qwe123")
	r.heardAt(a, "01234", c)
	form := url.Values{"Command": {"senddtmf"}, "callid": {id}, "party": {"Callee"}, "KEYS": {"#*"},
		"username": {"HTTP_User_1"}, "password": {"qwe123"}}
	res, err := http.PostForm(base+"/api", form)
	r.ok(err)
	r.same("answer to POST", body(r, res), ok)
	r.ok(c.Media.WaitDigits(r.ctx, "#*"))
	r.same("calls", httpList(r, base)[:6], []string{id, "2000", "2000", "2002", "2001", "2002"})
	r.must("Hangup", "CallId", r.only().CallID)
	r.ends(a, c)
	r.settled()
}

func httpGet(r *rig, u string) string {
	r.Helper()
	res, err := http.Get(u)
	r.ok(err)
	return body(r, res)
}

func body(r *rig, res *http.Response) string {
	r.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	r.ok(err)
	r.same("HTTP status", res.StatusCode, 200)
	return string(b)
}

func httpList(r *rig, base string) []string {
	r.Helper()
	return fields(r, []byte(httpGet(r, base+"/api?command=ListActiveCalls&Username=HTTP_User_1&Password=qwe123")))
}
