package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/control/channels"
	"ringdown/control/reports"
)

// appServer is an application server that takes reports, over connections in memory; gone, it refuses them.
type appServer struct {
	*pipes
	mu     sync.Mutex
	gone   bool
	got    []string // bodies, as often as they came
	status int      // of its answers; 0: it hangs
}

// reports starts to report to a new application server, with the first ids that are given.
func (r *rig) reports(first channels.Start, change func(*appServer)) *appServer {
	r.Helper()
	s := &appServer{pipes: newPipes(), status: 200}
	if change != nil {
		change(s)
	}
	hang := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		s.mu.Lock()
		status := s.status
		s.got = append(s.got, q.Method+" "+q.URL.Path+" "+q.Header.Get("User-Agent")+" "+string(body))
		s.mu.Unlock()
		if status == 0 {
			select {
			case <-hang:
			case <-q.Context().Done():
			}
			return
		}
		w.WriteHeader(status)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(s) })
	names := channels.New(r.sw.exchange, first)
	c := reports.Config{URLs: []string{"http://192.0.2.200:8260/"}, SN: "369451090405", Names: names,
		Log: slog.New(slog.NewTextHandler(r.Output(), nil)), Transport: &http.Transport{DialContext: s.dial, DisableKeepAlives: true}}
	r.ok(c.Validate())
	sending := reports.New(c)
	r.Cleanup(func() {
		sending.Close()
		names.Close()
		close(hang)
		server.Close()
		serving.Wait()
	})
	return s
}

func (s *appServer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	s.mu.Lock()
	gone := s.gone
	s.mu.Unlock()
	if gone {
		return nil, net.ErrClosed
	}
	return s.pipes.dial(ctx, network, addr)
}

// set changes how it answers.
func (s *appServer) set(f func(*appServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// taken are the reports so far, by their bodies.
func (s *appServer) taken() (bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.got {
		bodies = append(bodies, strings.TrimPrefix(g, "POST / WebAPI "))
	}
	return bodies
}

// at runs a scene in which the clock shows a second of the vendor's page when it begins.
func at(t *testing.T, second int64, play func(r *rig), change ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(second, 0)))
		r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond}, change...)
		play(r)
		r.settled()
	})
}

// printed is an example of the vendor's page without the blanks.
func printed(text string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		panic(err)
	}
	return b.String()
}

// transferBy lets a phone transfer its call to 2002, by its key or by a code, and returns the call at 2002.
func transferBy(r *rig, how string, by *phone.Phone, leaves *phone.Call, carol *phone.Phone) (c *phone.Call) {
	r.Helper()
	keys := &codeScene{rig: r, way: "event"}
	switch how {
	case "REFER":
		m, err := leaves.Refer(r.ctx, "sip:2002@example.com")
		r.status(m, err, 202)
		c = r.rung(carol)
		r.ok(c.Answer())
	case "*03":
		keys.press(leaves, "*032002#")
		c = r.rung(carol)
		r.ok(c.Answer())
	case "*3":
		keys.press(leaves, "*32002#")
		c = r.rung(carol)
		r.ok(c.Answer())
		r.tones(leaves, bobTone, c, carolTone)
		r.ok(leaves.Hangup())
	case "REFER with Replaces":
		second, to := r.connect(by, "2002", carol)
		c = to
		m, err := leaves.ReferReplaces(r.ctx, second)
		r.status(m, err, 202)
		r.ends(second)
	}
	return c
}

// Both examples of the vendor's page, byte for byte but for the blanks, as one scene each: the page's numbers, trunk, ids
// and second; one report for each way in which an extension transfers, and none for anything else of the call.
func TestReports_TheVendorsExamples(t *testing.T) {
	for _, how := range []string{"REFER", "*03", "*3", "REFER with Replaces"} {
		t.Run("internal "+how, func(t *testing.T) {
			at(t, 1571981310, func(r *rig) {
				app := r.reports(channels.Start{Call: 105, Channel: 0x25}, nil)
				alice, bob, carol := r.phone("2000"), r.phone("1020"), r.phone("2002")
				r.pass(time.Until(time.Unix(1571981311, 0)))
				a, b := r.talk(alice, "1020", bob)
				c := transferBy(r, how, bob, b, carol)
				r.tones(a, aliceTone, c, carolTone)
				r.ok(a.Hangup())
				r.ends(b, c)
				r.pass(time.Second)
				r.same("reports", app.taken(), []string{printed(`{ "event": "Tranfer", "callid": "1571981311.105", "members": [ { "ext": { "number": "2000", "channelid": "PJSIP/2000-00000025" } }, { "ext": { "number": "1020", "channelid": "PJSIP/1020-00000026" } } ], "sn": "369451090405" }`)})
			}, vendorsPage)
		})
		t.Run("inbound "+how, func(t *testing.T) {
			at(t, 1571981646, func(r *rig) {
				app := r.reports(channels.Start{Call: 117, Channel: 0x2b}, nil)
				gw, bob, carol := r.gateway(providerAt, nil), r.phone("1020"), r.phone("2002")
				r.pass(time.Until(time.Unix(1571981647, 0)))
				a := r.dial(gw, "sip:5503301@192.0.2.1", phone.WithFrom("<sip:12345678@provider.example>"))
				b := r.rung(bob)
				r.ok(b.Answer())
				r.ok(a.WaitAnswer(r.ctx))
				r.tones(a, aliceTone, b, bobTone)
				c := transferBy(r, how, bob, b, carol)
				r.tones(a, aliceTone, c, carolTone)
				r.ok(a.Hangup())
				r.ends(b, c)
				r.pass(time.Second)
				r.same("reports", app.taken(), []string{printed(`{ "event": "Tranfer", "callid": "1571981647.117", "members": [ { "inbound": { "from": "12345678", "to": "1020", "trunkname": "siptrunk", "channelid": "PJSIP/trunk-siptrunk-endpoint-0000002b" } }, { "ext": { "number": "1020", "channelid": "PJSIP/1020-0000002c" } } ], "sn": "369451090405" }`)})
			}, vendorsPage)
		})
	}
}

// vendorsPage has the extension and the trunk of the page; 1020 may call outside.
func vendorsPage(c *Config) {
	c.Extensions = append(c.Extensions, Extension{Number: "1020", Password: demoPassword, Name: "Tom", Outbound: true})
	c.Trunks = []Trunk{{Name: "siptrunk", Address: providerAt, Transport: "udp", Identify: ownAddress(providerAt)}}
	c.Routes.Inbound = []InboundRoute{{Trunk: "siptrunk", Pattern: regexp.MustCompile("^5503301$"), To: "1020"}}
	c.Routes.Outbound = []OutboundRoute{{Pattern: regexp.MustCompile("^[05][0-9]+$"), Trunks: []string{"siptrunk"}}}
}

// What an application does by either API is not reported, whoever it moves; a phone's transfer right after it is.
func TestReports_NotOfApplications(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		app := y.reports(channels.Start{Call: 1, Channel: 1}, nil)
		alice, bob, carol := y.three()
		dave := y.phone("2003")
		a, b := y.talk(alice, "2001", bob)
		y.must("BlindTransfer", "CallId", y.only().CallID, "TransferorParty", "callee", "Target", "2002")
		c := y.rung(carol)
		y.ok(c.Answer())
		y.tones(a, aliceTone, c, carolTone)
		y.ends(b)
		y.does(y.transfer("blind", "2002", `"number":"2003"`))
		y.ended(a, 0)
		d := y.rung(dave)
		y.ok(d.Answer())
		y.tones(c, carolTone, d, bobTone)
		y.does(y.transfer("attended", "2003", `"number":"2001"`))
		b = y.rung(bob)
		y.ok(b.Answer())
		y.tones(d, 1500, b, bobTone)
		y.does(y.transfer("attended", "2003", `"attended_operate":"complete"`))
		y.ended(d, 0)
		y.hear(c, bobTone, b, carolTone)
		y.pass(5 * time.Second)
		y.same("reports", app.taken(), []string{})
		_, err := b.Refer(y.ctx, "sip:2003@example.com")
		y.ok(err)
		d = y.rung(dave)
		y.ok(d.Answer())
		y.tones(c, carolTone, d, 1500)
		y.pass(time.Second)
		y.same("reports", len(app.taken()), 1)
		y.that(strings.Contains(app.taken()[0], `"members":[{"ext":{"number":"2002"`), "%s", app.taken()[0])
		y.ok(c.Hangup())
		y.ends(b, d)
		a, b = y.ring(alice, "2001", bob)
		y.must("ForwardCall", "CallId", y.only().CallID, "Destination", "2002")
		y.ended(b, 487)
		c = y.rung(carol)
		y.ok(a.Cancel())
		y.ends(a, c)
		y.pass(time.Second)
		y.same("reports", len(app.taken()), 1)
	})
}

// A forwarding setting is reported, by both names; the events of the other API are 30014 for it, and 30013 for a phone's
// transfer, before anything else of the call.
func TestReports_ForwardingSettings_F11(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		app := y.reports(channels.Start{Call: 1, Channel: 1}, nil)
		alice, bob, carol := y.three()
		a := y.dial(alice, "2001")
		y.ok(y.rings(bob).Reject(486, "Busy Here"))
		c := y.rung(carol)
		y.ok(c.Answer())
		y.ok(a.WaitAnswer(y.ctx))
		y.tones(a, aliceTone, c, carolTone)
		y.pass(time.Second)
		var events []string
		for _, text := range y.events.taken() {
			if s := said(text); strings.HasPrefix(s, "30013") || strings.HasPrefix(s, "30014") {
				events = append(events, s)
			}
		}
		y.same("events", events, []string{"30014 2000 ALERT"})
		var told []string
		for _, body := range app.taken() {
			var v struct {
				Event   string
				Members []struct{ Ext struct{ Number string } }
			}
			y.ok(json.Unmarshal([]byte(body), &v))
			told = append(told, fmt.Sprint(v.Event, v.Members))
		}
		y.same("reports", told, []string{"Forward[{{2000}}]", "Tranfer[{{2000}}]"})
		y.ok(a.Hangup())
		y.ends(c)
	}, sends(map[string]Forward{"2001": {Busy: "2002"}}))
}

// A10: an application server that hangs, answers 500, or is gone: the calls notice nothing. Every transfer takes as long
// as without one, every stream is whole; when the server is well again it gets what it missed, in order for each call.
func TestReports_A10_BadServers(t *testing.T) {
	took := map[string]time.Duration{}
	for _, row := range []struct {
		name string
		ill  func(*appServer)
	}{
		{"is well", func(*appServer) {}},
		{"hangs", func(s *appServer) { s.status = 0 }},
		{"answers 500", func(s *appServer) { s.status = 500 }},
		{"is gone", func(s *appServer) { s.gone = true }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond, Seed: 1})
				app := r.reports(channels.Start{Call: 1, Channel: 1}, row.ill)
				alice, bob, carol := r.three()
				began := time.Now()
				a, with := r.talk(alice, "2001", bob)
				next := []*phone.Phone{carol, bob}
				for i := range 6 { // bob and carol send alice to and fro
					m, err := with.Refer(r.ctx, "sip:200"+fmt.Sprint(2-i%2)+"@example.com")
					r.status(m, err, 202)
					c := r.rung(next[i%2])
					r.ok(c.Answer())
					r.tones(a, aliceTone, c, 600+20*i)
					r.ends(with)
					with = c
				}
				took[row.name] = time.Since(began)
				r.oneStream(a, with)
				r.ok(a.Hangup())
				r.ends(with)
				r.settled()
				app.set(func(s *appServer) { s.gone, s.status, s.got = false, 200, nil })
				r.pass(3 * time.Minute)
				want := []string{"2001", "2002", "2001", "2002", "2001", "2002"}
				if row.name == "is well" {
					want = nil
				}
				var got []string
				for _, body := range app.taken() {
					for _, n := range []string{"2001", "2002"} {
						if strings.Contains(body, `"number":"`+n+`"`) {
							got = append(got, n)
						}
					}
				}
				r.same("reports that it missed", got, want)
			})
		})
	}
	for name, d := range took {
		if more := d - took["is well"]; more.Abs() > 100*time.Millisecond { // phones look every now and then only
			t.Errorf("with a server that %s the transfers took %v, otherwise %v", name, d, took["is well"])
		}
	}
}
