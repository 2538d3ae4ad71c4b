package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"ringdown/control/channels"
	"ringdown/control/history"
	"ringdown/control/ozeki"
	"ringdown/control/reports"
	"ringdown/control/yeastar"
	"ringdown/sip"
)

// dialect is an HTTP API of the switch, or what it sends on its own.
type dialect interface{ Close() }

// startHTTP opens the listener of each API that the config names, and begins to report.
func (sw *Switch) startHTTP(cfg *Config) error {
	if cfg.Ozeki.Listen.IsValid() {
		if err := sw.startOzeki(cfg); err != nil {
			return err
		}
	}
	if !cfg.Yeastar.Listen.IsValid() && len(cfg.Reports) == 0 {
		return nil
	}
	names := channels.New(sw.exchange, channels.Random()) // one, so that a call has the same id in both
	sw.apis = append(sw.apis, names)
	if cfg.Yeastar.Listen.IsValid() {
		if err := sw.startYeastar(cfg, names); err != nil {
			return err
		}
	}
	return sw.startReports(cfg, names)
}

func (sw *Switch) startOzeki(cfg *Config) (err error) {
	sw.history, err = history.Open(history.Config{File: cfg.History.File, Keep: cfg.History.Keep, Log: sw.log})
	if err != nil {
		return fmt.Errorf("history.file: %w", err)
	}
	c := sw.ozekiConfig(cfg)
	c.History = sw.history
	if err := c.Validate(); err != nil {
		return err
	}
	api := ozeki.New(c)
	sw.ozeki.Store(api)
	sw.HTTP, err = sw.serve("ozeki.listen", cfg.Ozeki.Listen, api)
	if c.Public == "" {
		api.SetPublic("http://" + sw.HTTP.String())
	}
	return err
}

func (sw *Switch) startYeastar(cfg *Config, names *channels.Names) (err error) {
	c := yeastarConfig(cfg)
	b := &trunkBoard{cfg: cfg.Trunks, agent: sw.agent}
	c.Calls, c.Names, c.Trunks, c.Log = sw.exchange, names, b.list, sw.log
	if err := c.Validate(); err != nil {
		return err
	}
	b.api = yeastar.New(c)
	sw.trunks.Store(b)
	sw.Yeastar, err = sw.serve("yeastar.listen", cfg.Yeastar.Listen, b.api)
	return err
}

func (sw *Switch) startReports(cfg *Config, names *channels.Names) error {
	for i, e := range cfg.Reports {
		c := reports.Config{Label: fmt.Sprintf("reports[%d]", i), URLs: []string{e.URL}, SN: cfg.Yeastar.SN, Names: names,
			ForwardOnly: e.ForwardOnly, Log: sw.log}
		if err := c.Validate(); err != nil {
			return err
		}
		sw.apis = append(sw.apis, reports.New(c))
	}
	return nil
}

// serve takes over an API and serves it on a listener of its own; key is the config's name for it.
func (sw *Switch) serve(key string, at netip.AddrPort, api interface {
	http.Handler
	dialect
}) (netip.AddrPort, error) {
	sw.apis = append(sw.apis, api)
	ln, err := net.Listen("tcp", at.String())
	if err != nil {
		return netip.AddrPort{}, listenFault(key+" "+at.String(), err)
	}
	server := &http.Server{
		Handler: api, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 128 << 10,
		ErrorLog: slog.NewLogLogger(sw.log.Handler(), slog.LevelDebug),
	}
	sw.servers = append(sw.servers, server)
	sw.serving.Go(func() {
		if err := server.Serve(quickListener{ln}); !errors.Is(err, http.ErrServerClosed) {
			sw.log.Error("HTTP listener ended", "address", ln.Addr().String(), "err", err)
		}
	})
	return netip.ParseAddrPort(ln.Addr().String())
}

// closeHTTP refuses new requests, lets those that run end, and closes the APIs.
func (sw *Switch) closeHTTP() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, server := range sw.servers {
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	}
	sw.serving.Wait()
	for _, api := range slices.Backward(sw.apis) {
		api.Close()
	}
}

func (sw *Switch) ozekiConfig(cfg *Config) ozeki.Config {
	c := ozeki.Config{
		Users: make([]ozeki.User, 0, len(cfg.Ozeki.Users)), Calls: sw.exchange, Log: sw.log, Sounds: sw.library,
		Phones: func() []ozeki.Phone { return phones(cfg, sw.agent) },
	}
	if cfg.Media.Folder != "" {
		c.Files = mediaFiles(cfg.Media.Folder)
	}
	for _, u := range cfg.Ozeki.Users {
		c.Users = append(c.Users, ozeki.User{Username: u.Username, Password: string(u.Password)})
	}
	n := cfg.Ozeki.Notify
	c.Notify = ozeki.Notify{CallChanged: n.CallChanged, Routing: n.Routing, Error: n.Error, Timeout: n.Timeout}
	c.Hosts, c.Public = cfg.Ozeki.Hosts, cfg.Ozeki.Public
	for _, e := range cfg.APIExtensions {
		c.Extensions = append(c.Extensions, ozeki.Extension{Number: e.Number, Name: e.Name, URL: e.URL})
	}
	return c
}

// phones are the extensions that have or could have phones, and whether one is registered.
func phones(cfg *Config, agent *sip.Agent) []ozeki.Phone {
	list := make([]ozeki.Phone, len(cfg.Extensions))
	for i, e := range cfg.Extensions {
		list[i] = ozeki.Phone{Number: e.Number, Connected: agent.Registered(e.Number)}
	}
	return list
}

// mediaFiles opens files of the media folder, which need not be there yet; no name leads out of it (edge case X18).
type mediaFiles string

// Open opens one file.
func (m mediaFiles) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(m))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// Without O_NONBLOCK a named pipe would hold us, and the stop of the switch, until somebody writes.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil { // else an *os.File of nil would be a file
		return nil, err
	}
	return f, nil
}

func yeastarConfig(cfg *Config) yeastar.Config {
	y := &cfg.Yeastar
	known := cfg.numbers()
	c := yeastar.Config{
		Extension: func(number string) bool { return known[number] },
		SN:        y.SN, RequireUserAgent: y.RequireUserAgent,
		Tokens: yeastar.Tokens{Access: y.Tokens.Access, Refresh: y.Tokens.Refresh},
		Block:  yeastar.Block{Failures: y.Block.Failures, Time: y.Block.Time, Loopback: y.Block.Loopback},
	}
	for _, a := range y.Applications {
		c.Applications = append(c.Applications, yeastar.Application{ClientID: a.ClientID, ClientSecret: string(a.ClientSecret)})
	}
	for _, w := range y.Webhooks {
		c.Webhooks = append(c.Webhooks, yeastar.Webhook{URL: w.URL, Secret: string(w.Secret), Method: w.Method, Events: w.Events})
	}
	return c
}
