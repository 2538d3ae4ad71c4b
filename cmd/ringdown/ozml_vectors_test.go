package main

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// post sends a form, with parameters as they are, and returns the HTTP status and the answer.
func (r *rig) post(method string, form url.Values) (int, apiReply) {
	r.Helper()
	q := httptest.NewRequestWithContext(r.ctx, method, "/api?"+form.Encode(), nil)
	if method == http.MethodPost {
		q = httptest.NewRequestWithContext(r.ctx, method, "/api", strings.NewReader(form.Encode()))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, q)
	var reply apiReply
	r.ok(xml.Unmarshal(w.Body.Bytes(), &reply))
	return w.Code, reply
}

// answered fails unless a command is answered with that code and text.
func (r *rig) answered(code int, text, command string, params ...string) {
	r.Helper()
	got := r.do(command, params...)
	r.same(command, [2]any{got.Code, got.Message}, [2]any{code, text})
}

// The test vectors of spec ozeki 12 that are about calls, in the numbers of the vendor's pages.
func TestVectors(t *testing.T) {
	const done = "Command successfully executed"
	forwards := func(send func(r *rig, id string)) func(r *rig) {
		return func(r *rig) {
			a, b := r.ring(r.phone("103"), "105", r.phone("105"))
			free := r.phone("104")
			send(r, r.only().CallID)
			c := r.rung(free)
			r.ended(b, 487)
			r.ok(c.Answer())
			r.ok(a.WaitAnswer(r.ctx))
			r.tones(a, aliceTone, c, carolTone)
			r.ok(a.Hangup())
			r.ends(c)
		}
	}
	keys := func(party, keys, fault string) func(r *rig) {
		return func(r *rig) {
			a, b := r.talk(r.phone("103"), "105", r.phone("105"))
			id := r.only().CallID
			if fault != "" {
				r.answered(302, "Missing or invalid parameter '"+fault+"' for command 'SendDTMF'", "SendDTMF", "CallId", id, "Party", party, "Keys", keys)
			} else {
				r.answered(200, done, "SendDTMF", "CallId", id, "Party", party, "Keys", keys)
				r.ok(a.Media.WaitDigits(r.ctx, keys))
			}
			r.pass(time.Second)
			r.same("the callee's digits", b.Media.DigitString(), "")
			r.hear(a, bobTone, b, aliceTone)
			r.ok(a.Hangup())
			r.ends(b)
		}
	}
	for name, play := range map[string]func(r *rig){
		"1": func(r *rig) {
			a, b := r.talk(r.phone("103"), "105", r.phone("105"))
			call := r.only()
			r.same("the call", [5]string{call.Source, call.Destination, call.CallerDialed, call.CalleeDialed, call.CallState},
				[5]string{"103", "105", "105", "105", "InCall"})
			r.ok(a.Hangup())
			r.ends(b)
		},
		"2": forwards(func(r *rig, id string) { r.answered(200, done, "ForwardCall", "CallId", id, "Destination", "104") }),
		"3": func(r *rig) {
			a, b := r.talk(r.phone("103"), "105", r.phone("105"))
			r.answered(303, "Command 'ForwardCall' cannot be used here", "ForwardCall", "CallId", r.only().CallID, "Destination", "104")
			r.hear(a, bobTone, b, aliceTone)
			r.ok(a.Hangup())
			r.ends(b)
		},
		"4": forwards(func(r *rig, id string) {
			r.answered(302, "Missing or invalid parameter 'Destination' for command 'ForwardCall'", "ForwardCall", "CallId", id)
			r.must("ForwardCall", "CallId", id, "Destination", "104")
		}),
		"5": func(r *rig) {
			r.answered(601, "Call not found with ID 'zzzzz'", "ForwardCall", "CallId", "zzzzz", "Destination", "104")
		},
		"6": func(r *rig) { r.answered(301, "Not implemented command: 'Foo'", "Foo") },
		"7": func(r *rig) {
			for _, x := range []struct {
				form url.Values
				code int
			}{
				{url.Values{"command": {"ListActiveCalls"}}, 304},
				{url.Values{"command": {"ListActiveCalls"}, "Username": {demoHTTPUser}, "Password": {"wrong"}}, 305},
			} {
				status, got := r.post(http.MethodGet, x.form)
				r.same("the answer", [2]int{status, got.Code}, [2]int{200, x.code})
			}
		},
		"8":        keys("caller", "01234", ""),
		"9, Party": keys("nobody", "1", "Party"),
		"9, Keys":  keys("caller", "", "Keys"),
		"10": forwards(func(r *rig, id string) {
			status, got := r.post(http.MethodPost, url.Values{"Command": {"forwardcall"}, "callid": {id}, "destination": {"104"},
				"username": {demoHTTPUser}, "password": {string(demoHTTPPassword)}})
			r.same("the answer", [2]int{status, got.Code}, [2]int{200, 200})
		}),
		"11": func(r *rig) { r.answered(303, "Command 'UserInput' cannot be used here", "UserInput") },
		"12": forwards(func(r *rig, id string) { r.answered(200, done, "Forward", "CallId", id, "Destination", "104") }),
		// 13, 14 and 15 are TestOzMLForwardOfThePage and TestOzMLIncomingCall.
		"16": func(r *rig) {
			r.answered(200, done, "ListActiveCalls")
			r.same("the calls", len(r.list()), 0)
		},
	} {
		scene2(t, name, play, office)
	}
}
