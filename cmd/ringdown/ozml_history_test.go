package main

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/control/history"
)

// kept has the switch keep the history of calls in a file.
func kept(t testing.TB) func(*Config) {
	file := filepath.Join(t.TempDir(), "calls.db")
	return func(c *Config) { c.History.File = file }
}

// past is what ListCallHistory says of a call.
type past struct {
	StartTime, Direction, Source, Destination, State, Dialed, CallerId, Type, CallId string
}

func (p past) String() string {
	return strings.Join([]string{p.Direction, p.Source, p.Destination, p.Dialed, p.State}, " ")
}

// past asks for the history.
func (r *rig) past(filters ...string) (calls []past, total int) {
	r.Helper()
	q := url.Values{"command": {"ListCallHistory"}, "Username": {demoHTTPUser}, "Password": {string(demoHTTPPassword)}}
	for i := 0; i+1 < len(filters); i += 2 {
		q.Set(filters[i], filters[i+1])
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, httptest.NewRequestWithContext(r.ctx, http.MethodGet, "/api?"+q.Encode(), nil))
	var got struct {
		Code         int
		Message      string
		TotalRecords int
		CallHistory  struct{ Call []past }
	}
	r.ok(xml.Unmarshal(w.Body.Bytes(), &got))
	r.that(got.Code == 200, "%d %s", got.Code, got.Message)
	return got.CallHistory.Call, got.TotalRecords
}

// One record of each call, with what became of it (spec ozeki 4.3, 4.4, 8.15), as phones make it.
func TestHistory_States(t *testing.T) {
	forwards := func(c *Config) {
		for i := range c.Extensions {
			if c.Extensions[i].Number == "2003" {
				c.Extensions[i].Forward.Busy = "2002"
			}
		}
	}
	for name, x := range map[string]struct {
		play func(r *rig, alice, bob, carol *phone.Phone)
		want string
	}{
		"the caller hangs up": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.talk(alice, "2001", bob)
			r.ok(a.Hangup())
			r.ends(b)
		}, "Internal 2000 2001 2001 CallerHungUp"},
		"the callee hangs up": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.talk(alice, "2001", bob)
			r.ok(b.Hangup())
			r.ends(a)
		}, "Internal 2000 2001 2001 CalleeHungUp"},
		"busy": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.ring(alice, "2001", bob)
			r.ok(b.Reject(486, ""))
			r.ended(a, 486)
		}, "Internal 2000 2001 2001 Busy"},
		"declined": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.ring(alice, "2001", bob)
			r.ok(b.Reject(603, ""))
			r.ended(a, 603)
		}, "Internal 2000 2001 2001 Busy"},
		"an error": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.ring(alice, "2001", bob)
			r.ok(b.Reject(500, ""))
			r.ends(a)
		}, "Internal 2000 2001 2001 Error"},
		"not answered": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.ring(alice, "2001", bob)
			r.ends(a, b)
		}, "Internal 2000 2001 2001 NotAnswered"},
		"nobody is registered": {func(r *rig, alice, _, _ *phone.Phone) {
			r.ended(r.dial(alice, "2005"), 480)
		}, "Internal 2000 2005 2005 NotAnswered"},
		"not found": {func(r *rig, alice, _, _ *phone.Phone) {
			r.ended(r.dial(alice, "4567"), 404)
		}, "Internal 2000 4567 4567 NotFound"},
		"cancelled": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.ring(alice, "2001", bob)
			r.ok(a.Cancel())
			r.ends(a, b)
		}, "Internal 2000 2001 2001 Cancelled"},
		"ended by the API": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.talk(alice, "2001", bob)
			r.must("Hangup", "CallId", r.only().CallID)
			r.ends(a, b)
		}, "Internal 2000 2001 2001 Aborted"},
		"ended by the API while it rings": {func(r *rig, alice, bob, _ *phone.Phone) {
			a, b := r.ring(alice, "2001", bob)
			r.must("Hangup", "CallId", r.only().CallID)
			r.ends(a, b)
		}, "Internal 2000 2001 2001 Aborted"},
		"transferred": {func(r *rig, alice, bob, carol *phone.Phone) {
			a, b := r.talk(alice, "2001", bob)
			r.must("BlindTransfer", "CallId", r.only().CallID, "TransferorParty", "callee", "Target", "2002")
			c := r.rung(carol)
			r.ok(c.Answer())
			r.ends(b)
			r.tones(a, aliceTone, c, carolTone)
			r.ok(a.Hangup())
			r.ends(c)
		}, "Internal 2000 2002 2001 TransferCompleted"},
		"a transfer fails, and both talk on": {func(r *rig, alice, bob, carol *phone.Phone) {
			a, b := r.talk(alice, "2001", bob)
			r.must("BlindTransfer", "CallId", r.only().CallID, "TransferorParty", "callee", "Target", "2002")
			r.ok(r.rung(carol).Reject(486, ""))
			r.hear(a, bobTone, b, aliceTone)
			r.ok(a.Hangup())
			r.ends(b)
		}, "Internal 2000 2001 2001 CallerHungUp"},
		"a transfer fails, and nobody is left": {func(r *rig, alice, bob, carol *phone.Phone) {
			a, b := r.talk(alice, "2001", bob)
			m, err := b.Refer(r.ctx, "sip:2002@example.com", phone.ThenHangup())
			r.status(m, err, 202)
			c := r.rung(carol)
			r.pass(time.Second)
			r.ok(c.Reject(486, ""))
			r.ends(a)
		}, "Internal 2000 2001 2001 TransferFailed"}, // the transferor was called again in the end
		"forwarded by ForwardCall": {func(r *rig, alice, bob, carol *phone.Phone) {
			a, b := r.ring(alice, "2001", bob)
			r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "2002")
			c := r.rung(carol)
			r.ends(b)
			r.ok(c.Answer())
			r.ok(a.WaitAnswer(r.ctx))
			r.ok(c.Hangup())
			r.ends(a)
		}, "Internal 2000 2002 2001 CalleeHungUp"},
		"forwarded when busy": {func(r *rig, alice, _, carol *phone.Phone) {
			dave := r.phone("2003")
			a := r.dial(alice, "2003")
			r.ok(r.rung(dave).Reject(486, ""))
			c := r.rung(carol)
			r.ok(c.Answer())
			r.ok(a.WaitAnswer(r.ctx))
			r.ok(a.Hangup())
			r.ends(c)
		}, "Internal 2000 2002 2003 CallerHungUp"},
		"out": {func(r *rig, alice, _, _ *phone.Phone) {
			gw := r.gateway(providerAt, nil)
			r.pass(time.Second)
			a, b := r.connect(alice, "0044123", gw)
			r.ok(a.Hangup())
			r.ends(b)
		}, "Outbound 2000 0044123 0044123 CallerHungUp"},
		"in": {func(r *rig, alice, _, _ *phone.Phone) {
			gw := r.gateway(providerAt, nil)
			a, b := r.connect(gw, "sip:5503301@192.0.2.1", alice)
			r.ok(b.Hangup())
			r.ends(a)
		}, "Inbound 0044123 2000 5503301 CalleeHungUp"},
		"through": {func(r *rig, _, _, _ *phone.Phone) {
			gw, spare := r.gateway(providerAt, nil), r.gateway(spareAt, nil)
			r.pass(time.Second)
			a, b := r.connect(gw, "sip:9441234@192.0.2.1", spare)
			r.ok(a.Hangup())
			r.ends(b)
		}, "External 0044123 9441234 9441234 CallerHungUp"},
		"out, barred": {func(r *rig, _, bob, _ *phone.Phone) {
			r.ended(r.dial(bob, "0044123"), 403)
		}, "Outbound 2001 0044123 0044123 Error"},
		"of an application": {func(r *rig, _, bob, _ *phone.Phone) {
			r.same("code", r.calls("2001", "CallerId", "3000", "CallerDisplayName", "John Smith", "ResponseOzML", script(`<Delay>1</Delay>`)).Code, 200)
			b := r.rung(bob)
			r.ok(b.Answer())
			r.ended(b, 0)
		}, "Internal 9990 2001 2001 CallerHungUp"},
		"of an application, busy": {func(r *rig, _, bob, _ *phone.Phone) {
			done := make(chan struct{})
			go func() { defer close(done); r.calls("2001") }()
			r.ok(r.rung(bob).Reject(486, ""))
			<-done
		}, "Internal 9990 2001 2001 Busy"},
		"to an application": {func(r *rig, alice, _, _ *phone.Phone) {
			r.app.answers(map[string]string{"/ivr": script(`<Delay>1</Delay>`)})
			r.ended(r.reception(alice), 0)
		}, "Internal 2000 9990 9990 CalleeHungUp"},
		"to an application that rejects": {func(r *rig, alice, _, _ *phone.Phone) {
			r.app.answers(map[string]string{"/ivr": script(`<Reject/>`)})
			r.ended(r.dial(alice, "9990"), 603)
		}, "Internal 2000 9990 9990 Busy"},
		"an application sends it on": {func(r *rig, alice, bob, _ *phone.Phone) {
			r.app.answers(map[string]string{"/ivr": script(`<BlindTransfer>2001</BlindTransfer>`)})
			a := r.reception(alice)
			b := r.rung(bob)
			r.ok(b.Answer())
			r.tones(a, aliceTone, b, bobTone)
			r.ok(b.Hangup())
			r.ends(a)
		}, "Internal 2000 2001 9990 TransferCompleted"},
	} {
		scene2(t, name, func(r *rig) {
			alice, bob, carol := r.three()
			began := time.Now()
			x.play(r, alice, bob, carol)
			r.settled()
			calls, total := r.past()
			r.that(len(calls) == 1 && total == 1, "%d records: %v", total, calls)
			got := calls[0]
			r.same("the record", got, x.want)
			r.same("Type", got.Type, "Audio")
			if name == "of an application" {
				r.same("CallerId", got.CallerId, "John Smith")
			}
			start, err := time.ParseInLocation(time.DateTime, got.StartTime, time.Local)
			r.ok(err)
			r.that(!start.Before(began.Add(-time.Second)) && start.Before(began.Add(10*time.Second)), "StartTime %v, it began at %v", start, began)
		}, callers(t), outsideLines, forwards, kept(t))
	}
}

// Spec ozeki 8.15: filters, pages and the order, over real calls; the durations are in the file.
func TestHistory_Filters(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.db")
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		var ids []string
		for i := range 3 {
			a, b := r.ring(alice, "2001", bob)
			r.pass(2 * time.Second)
			r.ok(b.Answer())
			r.ok(a.WaitAnswer(r.ctx))
			r.pass(time.Duration(i+1) * time.Second)
			ids = append(ids, r.only().CallID)
			r.ok(a.Hangup())
			r.ends(b)
		}
		later := time.Now()
		c, b := r.ring(carol, "2001", bob)
		r.ok(b.Reject(486, ""))
		r.ends(c)
		r.pass(time.Second)

		all, total := r.past()
		r.same("records", total, 4)
		r.same("the newest is first", all[0], "Internal 2002 2001 2001 Busy")
		for i, id := range ids {
			r.same("CallId", all[3-i].CallId, id)
		}
		for _, x := range []struct {
			filter []string
			want   int
		}{
			{[]string{"State", "CallerHangUp"}, 3}, {[]string{"State", "CallerHungUp"}, 3}, {[]string{"State", "Busy"}, 1}, {[]string{"State", "CalleeHungUp"}, 0},
			{[]string{"Source", "2002"}, 1}, {[]string{"Destination", "2001"}, 4}, {[]string{"Source", "2000", "Destination", "2002"}, 0},
			{[]string{"CallId", ids[1]}, 1}, {[]string{"CallId", ids[1], "State", "Busy"}, 0}, {[]string{"Direction", "internal"}, 4}, {[]string{"Direction", "Inbound"}, 0},
			{[]string{"Dialed", "2001"}, 4}, {[]string{"CallerId", "2000"}, 3}, {[]string{"Type", "Audio"}, 4}, {[]string{"Type", "Video"}, 0},
			{[]string{"From", later.Format(time.DateTime)}, 1}, {[]string{"From", "2099-01-01 00:00:00"}, 0}, {[]string{"General", "200"}, 4}, {[]string{"General", "Busy"}, 1},
			{[]string{"CallId", "", "State", "", "From", "", "PageNumber", ""}, 4}, {[]string{"Source", "' OR 1=1 --"}, 0}, {[]string{"Source", "200%"}, 0},
		} {
			calls, total := r.past(x.filter...)
			r.same(strings.Join(x.filter, " "), [2]int{len(calls), total}, [2]int{x.want, x.want})
		}
		page, total := r.past("RowsPerPage", "3", "PageNumber", "1")
		r.same("the second page of three", [3]any{len(page), total, page[0].CallId}, [3]any{1, 4, ids[0]})
		for _, bad := range [][2]string{{"PageNumber", "-1"}, {"RowsPerPage", "0"}, {"RowsPerPage", "x"}, {"From", "yesterday"}, {"Direction", "Up"}} {
			r.code(302, "ListCallHistory", bad[0], bad[1])
		}
		records, _, err := r.sw.history.Find(context.Background(), history.Filter{Oldest: true})
		r.ok(err)
		for i, rec := range records[:3] {
			talk := time.Duration(i+1) * time.Second
			r.that((rec.Ring-2*time.Second).Abs() < 100*time.Millisecond && (rec.Talk-talk).Abs() < 100*time.Millisecond, "call %d rang %v, talked %v", i, rec.Ring, rec.Talk)
		}
	}, func(c *Config) { c.History.File = file })
}

// What is in the file outlives the switch; calls that a stop ends are in it, too.
func TestHistory_Restart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.db")
	keep := func(c *Config) { c.History.File = file }
	t.Run("stop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond}, keep)
			alice, bob, carol := r.three()
			r.talk(alice, "2001", bob)
			r.ring(carol, "2003", r.phone("2003"))
			r.sw.Stop(stopped())
			r.ozeki.Close()
			r.ok(r.sw.history.Close())
		})
	})
	scene2(t, "start", func(r *rig) {
		calls, total := r.past()
		r.same("records", total, 2)
		for _, c := range calls {
			r.same("State", c.State, "Aborted")
		}
	}, keep)
}

// Spec ozeki 8.16, 8.17: phones are connected while they are registered, API extensions always; by number, and by type.
func TestListExtensions(t *testing.T) {
	scene(t, func(r *rig) {
		list := func(filters ...string) string {
			r.Helper()
			q := url.Values{"command": {"ListExtensions"}, "Username": {demoHTTPUser}, "Password": {string(demoHTTPPassword)}}
			for i := 0; i+1 < len(filters); i += 2 {
				q.Set(filters[i], filters[i+1])
			}
			w := httptest.NewRecorder()
			r.api.ServeHTTP(w, httptest.NewRequestWithContext(r.ctx, http.MethodGet, "/api?"+q.Encode(), nil))
			var got struct {
				Code       int
				Extensions struct {
					ExtensionSummary []struct{ Id, PhoneNumber, Type, State string }
				}
			}
			r.ok(xml.Unmarshal(w.Body.Bytes(), &got))
			r.same("code", got.Code, 200)
			var all []string
			for _, e := range got.Extensions.ExtensionSummary {
				r.same("Id", e.Id, e.PhoneNumber+"@localhost")
				all = append(all, e.PhoneNumber+" "+e.Type+" "+e.State)
			}
			return strings.Join(all, ", ")
		}
		r.same("nobody is registered", list(), "101 Phone Disconnected, 103 Phone Disconnected, 9990 API extension Connected")
		p := r.phone("103")
		r.same("one is registered", list("Type", "phone"), "101 Phone Disconnected, 103 Phone Connected")
		r.same("API extensions", list("Type", "API extension"), "9990 API extension Connected")
		r.same("no such type", list("Type", "Echo test"), "")
		r.ok(p.Register(r.ctx, 0))
		r.same("it has left", list("Type", "Phone"), "101 Phone Disconnected, 103 Phone Disconnected")
		r.phone("101")
		r.pass(400 * time.Second)
		r.same("its registration has run out", list("Type", "Phone"), "101 Phone Disconnected, 103 Phone Disconnected")
	}, notify, func(c *Config) {
		c.Extensions = []Extension{{Number: "103", Password: demoPassword}, {Number: "101", Password: demoPassword}}
	})
}
