package main

import (
	"context"
	"encoding/xml"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/control/history"
	"ringdown/control/ozeki"
	"ringdown/media"
)

// rig is a whole switch and the phones around it, for one test: on a network in memory with virtual time inside a
// synctest bubble, or on loopback.
type rig struct {
	testing.TB
	ctx    context.Context
	cfg    *Config
	sw     *Switch
	api    http.Handler // ozeki
	ozeki  *ozeki.API
	net    *memnet.Network // nil on loopback
	app    *application    // of the config's URLs
	phones []*phone.Phone
	trace  *tracer
}

// switchAt is where the switch of a rig in memory listens.
var switchAt = netip.MustParseAddrPort("192.0.2.1:5060")

// memRig starts a switch on a network in memory. It belongs into a synctest bubble; everything is gone when the test's
// cleanups ran, and the test fails if not.
func memRig(t testing.TB, o memnet.Options, change ...func(*Config)) *rig {
	t.Helper()
	n := memnet.New(o)
	cfg := DefaultConfig()
	cfg.SIP.Listen = []Listener{{"udp", switchAt}}
	cfg.Ozeki.Listen, cfg.Yeastar.Listen = netip.AddrPort{}, netip.AddrPort{} // no real sockets in a bubble; an API is called directly
	for _, f := range change {
		f(cfg)
	}
	r := &rig{TB: t, cfg: cfg, net: n, trace: newTracer(nil)}
	r.start(seams{
		udp:    func(a netip.AddrPort) (net.PacketConn, error) { return n.ListenPacket(a.String()) },
		media:  memMedia{n},
		tracer: r.trace,
	})
	t.Cleanup(func() { n.Close() })
	t.Cleanup(r.close)
	return r
}

// loopRig starts a switch on free ports of loopback.
func loopRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	cfg := DefaultConfig()
	cfg.anyPorts()
	cfg.Ozeki.Listen, cfg.Yeastar.Listen = netip.AddrPort{}, netip.AddrPort{}
	for _, f := range change {
		f(cfg)
	}
	r := &rig{TB: t, cfg: cfg, trace: newTracer(nil)}
	r.start(seams{tracer: r.trace})
	t.Cleanup(r.close)
	return r
}

// memMedia lets the media engine open its sockets on a network in memory.
type memMedia struct{ n *memnet.Network }

func (m memMedia) ListenPacket(at netip.AddrPort) (media.PacketConn, error) {
	return m.n.ListenPacket(at.String())
}

func (r *rig) start(s seams) {
	r.Helper()
	limit := 3 * time.Minute
	if r.net != nil {
		limit = 100 * time.Hour // virtual time costs nothing, and every single wait of a phone has its own limit
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	r.Cleanup(cancel)
	r.ctx = ctx
	log := slog.New(slog.NewTextHandler(r.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	sw, err := startSwitch(r.cfg, log, s)
	if err != nil {
		r.Fatal(err)
	}
	r.sw = sw
	r.Cleanup(r.trace.follow(sw.exchange))
	c := sw.ozekiConfig(r.cfg)
	c.Users = []ozeki.User{{Username: demoHTTPUser, Password: string(demoHTTPPassword)}}
	c.Public = "http://192.0.2.1:9509"
	if c.Notify != (ozeki.Notify{Timeout: c.Notify.Timeout}) || len(c.Extensions) > 0 {
		r.app = newApplication()
		r.Cleanup(r.app.close)
		c.Transport = &http.Transport{DialContext: r.app.dial, DisableKeepAlives: true}
	}
	if r.cfg.History.File != "" {
		sw.history, err = history.Open(history.Config{File: r.cfg.History.File, Keep: r.cfg.History.Keep, Log: log})
		r.ok(err)
		c.History = sw.history
	}
	api := ozeki.New(c)
	sw.ozeki.Store(api)
	r.Cleanup(func() { api.Close() })
	r.api, r.ozeki = api, api
}

func (r *rig) close() {
	for _, p := range r.phones {
		p.Close()
	}
	r.sw.Stop(stopped())
}

// phone starts a phone of that number and registers it.
func (r *rig) phone(number string, change ...func(*phone.Config)) *phone.Phone {
	r.Helper()
	p := r.unregistered(number, change...)
	r.ok(p.Register(r.ctx, 300))
	return p
}

// unregistered starts a phone that has not registered.
func (r *rig) unregistered(number string, change ...func(*phone.Config)) *phone.Phone {
	r.Helper()
	c := phone.Config{Number: number, Password: string(demoPassword), Domain: r.cfg.SIP.Domain,
		Server: r.sw.SIP[0].Addr.String(), Local: "127.0.0.1:0", Codecs: []string{"PCMU", "PCMA"}}
	if r.net != nil {
		c.Net, c.Local = phone.Over(r.net.ListenPacket), "198.51.100."+number[len(number)-1:]+":0"
	}
	for _, f := range change {
		f(&c)
	}
	p, err := phone.New(c)
	r.ok(err)
	r.phones = append(r.phones, p)
	return p
}

// do sends a command to the API and returns the answer; params are name and value in turn.
func (r *rig) do(command string, params ...string) apiReply {
	r.Helper()
	q := url.Values{"command": {command}, "Username": {demoHTTPUser}, "Password": {string(demoHTTPPassword)}}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, httptest.NewRequestWithContext(r.ctx, http.MethodGet, "/api?"+q.Encode(), nil))
	var reply apiReply
	r.ok(xml.Unmarshal(w.Body.Bytes(), &reply))
	return reply
}

// must sends a command that has to succeed.
func (r *rig) must(command string, params ...string) {
	r.Helper()
	if got := r.do(command, params...); got.Code != 200 {
		r.Fatalf("%s %v: %d %s", command, params, got.Code, got.Message)
	}
}

// list returns the calls in progress.
func (r *rig) list() []apiCall { r.Helper(); return r.do("ListActiveCalls").Calls }

// only returns the one call in progress.
func (r *rig) only() apiCall {
	r.Helper()
	calls := r.list()
	if len(calls) != 1 {
		r.Fatalf("%d calls are listed, expected 1: %+v", len(calls), calls)
	}
	return calls[0]
}

// ok fails the test on an error, with the ladder of what was on the wire.
func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%v\n%s", err, r.ladder())
	}
}

// ladder draws all calls so far.
func (r *rig) ladder() string {
	var b strings.Builder
	for _, id := range r.trace.known() {
		b.WriteString(r.trace.draw(id))
	}
	return b.String()
}

// connect calls to from from and answers; both sides are confirmed when it returns.
func (r *rig) connect(from *phone.Phone, number string, to *phone.Phone) (caller, callee *phone.Call) {
	r.Helper()
	caller, err := from.Dial(r.ctx, number)
	r.ok(err)
	callee, err = rings(r.ctx, to)
	r.ok(err)
	r.ok(callee.Answer())
	r.ok(caller.WaitAnswer(r.ctx))
	return caller, callee
}

// hear fails unless each of the two hears the other's tone.
func (r *rig) hear(a *phone.Call, aHears int, b *phone.Call, bHears int) {
	r.Helper()
	r.ok(a.Media.WaitTone(r.ctx, aHears))
	r.ok(b.Media.WaitTone(r.ctx, bHears))
}

// ends waits until every given call is over.
func (r *rig) ends(calls ...*phone.Call) {
	r.Helper()
	for _, c := range calls {
		_, err := c.WaitEnd(r.ctx)
		r.ok(err)
	}
}

// settled waits (at most 40 s of the rig's time, longer than 64*T1) until the switch holds nothing of any call: no
// call, leg, dialog, port, clip, recording, session of an application or, where time is virtual, transaction (invariant I1).
func (r *rig) settled() {
	r.Helper()
	every := 10 * time.Millisecond
	if r.net != nil {
		every = 100 * time.Millisecond // hundreds of scenes wait 32 s for their transactions, in no time but this loop's
	}
	var left holding
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(every) {
		if left = r.left(); left == (holding{}) {
			return
		}
	}
	r.Fatalf("the switch still holds %+v\n%s", left, r.ladder())
}

// holding is what a switch holds of calls.
type holding struct {
	calls, moved, legs, dialogs, streams, ports, transactions, recordings, clips int
	apps                                                                         ozeki.Counts
}

// left is what the switch still holds of calls.
func (r *rig) left() holding {
	c, m := r.sw.agent.Counts(), r.sw.engine.Stats()
	x, a, clips := r.sw.exchange.Counts(), r.ozeki.Counts(), r.sw.library.Playing()
	transactions := c.ServerTx + c.ClientTx
	if r.net == nil {
		transactions = 0
	}
	return holding{x.Calls, x.Moved, c.Legs, c.Dialogs, m.Legs, m.PortsUsed, transactions, m.Tapes, clips, a}
}
