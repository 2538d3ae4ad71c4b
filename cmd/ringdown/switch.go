package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ringdown/callstate"
	"ringdown/callstate/exchange"
	"ringdown/control/history"
	"ringdown/control/ozeki"
	"ringdown/media"
	"ringdown/sip"
)

// Switch is a running switch: the four parts, wired together.
type Switch struct {
	exchange *exchange.Exchange
	agent    *sip.Agent
	engine   *media.Engine
	library  *media.Library
	history  *history.Store            // of the Ozeki API
	ozeki    atomic.Pointer[ozeki.API] // set once it is there
	apis     []dialect
	servers  []*http.Server
	serving  sync.WaitGroup // of servers
	log      *slog.Logger
	trunks   atomic.Pointer[trunkBoard] // set once the API that shows them is there

	SIP     []Listener     // the real addresses, in the order of the config
	HTTP    netip.AddrPort // of the Ozeki API; invalid when it is off
	Yeastar netip.AddrPort // of the Yeastar API; invalid when it is off
}

// seams are the places where tests put a network in memory, and the demo its ladder.
type seams struct {
	udp    func(netip.AddrPort) (net.PacketConn, error) // nil: real sockets
	media  media.Network                                // nil: real sockets
	tracer sip.Tracer                                   // may be nil
}

// startSwitch opens every socket and starts to serve. Nothing is left behind when it fails.
func startSwitch(cfg *Config, log *slog.Logger, s seams) (sw *Switch, err error) {
	sw = &Switch{log: log}
	defer func() {
		if err != nil {
			sw.close()
			sw = nil
		}
	}()
	sw.exchange = exchange.New(exchange.Config{Settings: settings(cfg), Directory: directory(cfg), Log: log})
	if err := sw.startMedia(cfg, s); err != nil {
		return sw, err
	}
	if err := sw.startSIP(cfg, s); err != nil {
		return sw, err
	}
	return sw, sw.startHTTP(cfg)
}

func (sw *Switch) startMedia(cfg *Config, s seams) (err error) {
	listen := cfg.Media.Listen
	if !listen.IsValid() {
		listen = cfg.SIP.Listen[0].Addr.Addr()
	}
	if s := cfg.Ozeki.Speak; cfg.Ozeki.Listen.IsValid() && len(s) > 0 {
		if _, err := exec.LookPath(s[0]); err != nil {
			sw.log.Info("nothing can be spoken until the command of ozeki.speak is installed", "command", s[0])
		}
	}
	sw.library = media.NewLibrary(media.LibraryConfig{Folder: cfg.Media.Folder, Speak: cfg.Ozeki.Speak, Log: sw.log})
	sw.engine, err = media.New(media.Config{
		Folder: cfg.Media.Folder, Library: sw.library, Recorded: sw.recorded,
		Listen: listen, Advertise: cfg.SIP.Advertise, PortMin: cfg.Media.PortMin, PortMax: cfg.Media.PortMax,
		Silence: cfg.Calls.Silence, Music: cfg.Media.Music, Net: s.media, Log: sw.log,
		Post: func(ev callstate.Event) { sw.exchange.Post(ev) },
	})
	return err
}

// recorded tells the API that asked for a recording that its file is complete.
func (sw *Switch) recorded(file string, long time.Duration, fail string) {
	if api := sw.ozeki.Load(); api != nil {
		api.Recorded(file, long, fail)
	}
}

func (sw *Switch) startSIP(cfg *Config, s seams) (err error) {
	users := make([]sip.User, 0, len(cfg.Extensions))
	for _, e := range cfg.Extensions {
		users = append(users, sip.User{Number: e.Number, Name: e.Name, Password: string(e.Password)})
	}
	sw.agent, err = sip.New(sip.Config{
		Domain: cfg.SIP.Domain, Digest: cfg.SIP.Digest, Advertise: cfg.SIP.Advertise, Users: users,
		Trunks: trunks(cfg), OnTrunk: sw.trunkChanged, ReadSDP: media.ReadSDP, Exchange: sw.exchange, Log: sw.log, Trace: s.tracer,
	})
	if err != nil {
		return err
	}
	sw.exchange.Bind(sw.agent, sw.engine) // before the first request can come
	for _, l := range cfg.SIP.Listen {
		addr, err := sw.listen(l, s)
		if err != nil {
			return listenFault("sip.listen "+l.String(), err)
		}
		sw.SIP = append(sw.SIP, Listener{l.Network, addr})
	}
	return nil
}

// listen opens one SIP socket and hands it to the agent. With port 0, TCP tries the port that UDP was given first, so
// that one address serves both.
func (sw *Switch) listen(l Listener, s seams) (netip.AddrPort, error) {
	if l.Network == "tcp" {
		ln, err := net.Listen("tcp", sw.samePort(l.Addr).String())
		if err != nil && l.Addr.Port() == 0 {
			ln, err = net.Listen("tcp", l.Addr.String())
		}
		if err != nil {
			return netip.AddrPort{}, err
		}
		if err := sw.agent.ServeTCP(quickListener{ln}); err != nil {
			return netip.AddrPort{}, err
		}
		return netip.ParseAddrPort(ln.Addr().String())
	}
	open := s.udp
	if open == nil {
		open = func(a netip.AddrPort) (net.PacketConn, error) {
			return net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
		}
	}
	pc, err := open(l.Addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if err := sw.agent.ServeUDP(pc); err != nil {
		return netip.AddrPort{}, err
	}
	addr, err := netip.ParseAddrPort(pc.LocalAddr().String())
	sw.engine.Spare(addr.Port())
	return addr, err
}

func (sw *Switch) samePort(a netip.AddrPort) netip.AddrPort {
	if a.Port() != 0 {
		return a
	}
	for _, other := range sw.SIP {
		if other.Addr.Addr() == a.Addr() {
			return other.Addr
		}
	}
	return a
}

// Stop takes no new call and lets the running ones end; when ctx ends it hangs them up. Then everything is closed.
func (sw *Switch) Stop(ctx context.Context) {
	sw.agent.Drain()
	sw.exchange.Stop(ctx)
	sw.close()
}

// close ends what is there, and waits for it. The APIs come after the calls: they tell of each call's end, and keep it.
func (sw *Switch) close() {
	if sw.exchange != nil {
		sw.exchange.Close()
	}
	if sw.agent != nil {
		sw.agent.Close()
	}
	if sw.engine != nil {
		sw.engine.Close()
	}
	sw.closeHTTP()
	if sw.library != nil {
		sw.library.Close()
	}
	if sw.history != nil {
		if err := sw.history.Close(); err != nil {
			sw.log.Error("history: not all is written", "err", err)
		}
	}
}

// Ready is the line that tells where the switch listens.
func (sw *Switch) Ready() string {
	var b strings.Builder
	b.WriteString("ready: sip")
	for _, l := range sw.SIP {
		b.WriteString(" " + l.String())
	}
	if sw.Yeastar.IsValid() {
		b.WriteString(", yeastar http://" + sw.Yeastar.String() + "/openapi/v1.0")
	}
	if sw.HTTP.IsValid() {
		b.WriteString(", http http://" + sw.HTTP.String() + "/api")
	}
	return b.String()
}

// decideGrace is how much longer a call waits for its route than the application may take to name it: who asks it gives
// up first, and says so.
const decideGrace = time.Second

func settings(cfg *Config) callstate.Settings {
	decide := time.Duration(0)
	if cfg.Ozeki.Notify.Routing != "" {
		decide = cfg.Ozeki.Notify.Timeout + decideGrace
	}
	return callstate.Settings{
		Decide:      decide,
		RingTimeout: cfg.RingTimeout, MaxCall: cfg.Calls.Max, Hops: cfg.Calls.Hops,
		Transfer: callstate.TransferSettings{NoAnswer: cfg.Transfer.NoAnswer, OnFail: cfg.Transfer.OnFail,
			Retries: cfg.Transfer.Retries, Delay: cfg.Transfer.Delay},
		Features: callstate.Features(cfg.Features),
	}
}

func trunks(cfg *Config) (list []sip.Trunk) {
	for _, t := range cfg.Trunks {
		list = append(list, sip.Trunk{Name: t.Name, Address: t.Address, Transport: t.Transport, Identify: t.Identify,
			Username: t.Username, Password: string(t.Password), Register: t.Register, Expires: t.Expires, From: t.From,
			Qualify: t.Qualify})
	}
	return list
}

func directory(cfg *Config) *callstate.Directory {
	d := &callstate.Directory{Extensions: make(map[string]callstate.Extension, len(cfg.Extensions)), Trunks: make(map[string]bool, len(cfg.Trunks))}
	for _, e := range cfg.Extensions {
		d.Extensions[e.Number] = callstate.Extension{Number: e.Number, Name: e.Name, Outbound: e.Outbound,
			ConnectedLine: e.ConnectedLine, Pickup: e.Pickup, Forward: callstate.Forwards(e.Forward)}
	}
	for _, e := range cfg.APIExtensions {
		d.Extensions[e.Number] = callstate.Extension{Number: e.Number, Name: e.Name, App: true, Outbound: e.Outbound,
			Forward: callstate.Forwards(e.Forward)}
	}
	for _, t := range cfg.Trunks {
		d.Trunks[t.Name] = true
	}
	for _, r := range cfg.Routes.Inbound {
		d.Inbound = append(d.Inbound, callstate.InboundRoute(r))
	}
	for _, r := range cfg.Routes.Outbound {
		d.Outbound = append(d.Outbound, callstate.OutboundRoute(r))
	}
	return d
}

// runSwitch runs the switch until it has drained, or until ctx ends.
func runSwitch(ctx context.Context, cfg *Config, o ServeOptions, stdout, stderr io.Writer) error {
	var s seams
	var t *tracer
	if o.Trace {
		t = newTracer(stdout)
		s.tracer = t
	}
	sw, err := startSwitch(cfg, o.Log, s)
	if err != nil {
		return err
	}
	if t != nil {
		defer t.follow(sw.exchange)()
	}
	defer followLoad(o.Log)()
	fmt.Fprintln(stdout, sw.Ready())
	select {
	case <-o.Drain:
	case <-ctx.Done():
	}
	sw.Stop(ctx)
	return nil
}
