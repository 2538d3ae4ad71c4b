package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// ServeOptions are what the command line, not the config, says about a run.
type ServeOptions struct {
	// Drain is closed by the first signal, or when ctx ends: take no new call, let the running ones end.
	Drain <-chan struct{}
	// Log is the program's one logger; it writes to stderr.
	Log *slog.Logger
	// Trace asks for the SIP ladder of each call on stdout.
	Trace bool
	// Keep asks the demo to leave the switch running until a signal.
	Keep bool
}

// server runs the switch (or the demo on top of it) until its work is done. It returns nil after a drain that went
// well, and stops at once when ctx ends.
type server func(ctx context.Context, cfg *Config, o ServeOptions, stdout, stderr io.Writer) error

// serveCommand is "ringdown serve".
type serveCommand struct {
	File     string `arg:"" optional:"" help:"The config; without it, the demo's on loopback." placeholder:"FILE"`
	Config   string `help:"The same as FILE." placeholder:"FILE"`
	Trace    bool   `help:"Print the SIP ladder of each call."`
	LogLevel string `help:"Log what is at least so important: ${enum}." enum:"debug,info,warn,error" default:"info"`
}

// Validate lets the command line name one file, not two.
func (c *serveCommand) Validate() error { return oneFile(c.File, c.Config) }

// oneFile refuses a config that is named twice.
func oneFile(file, config string) error {
	if file != "" && config != "" {
		return errors.New("name one config: FILE or --config FILE")
	}
	return nil
}

// Run carries the command out.
func (c *serveCommand) Run(s *streams) error {
	cfg, err := configOrDemo(c.File + c.Config)
	if err != nil {
		return reportFaults(s.stderr, err)
	}
	if c.File+c.Config == "" {
		printDemoSecrets(s.stdout, cfg)
	}
	return s.serve(runSwitch, cfg, ServeOptions{Trace: c.Trace, Log: newLogger(s.stderr, c.LogLevel)})
}

// demoCommand is "ringdown demo".
type demoCommand struct {
	Keep     bool   `help:"Leave the switch running afterwards, on its documented ports."`
	LogLevel string `help:"Log what is at least so important: ${enum}." enum:"debug,info,warn,error" default:"warn"`
}

// Run carries the command out. Without --keep nobody needs to find the switch, so any free ports do, and the demo
// runs beside a switch that is already there.
func (c *demoCommand) Run(s *streams) error {
	cfg := DefaultConfig()
	if !c.Keep {
		cfg.anyPorts()
	}
	return s.serve(runDemo, cfg, ServeOptions{Keep: c.Keep, Log: newLogger(s.stderr, c.LogLevel)})
}

// serve runs f under the two signals.
func (s *streams) serve(f server, cfg *Config, o ServeOptions) error {
	ctx, drain, release := notifySignals(s.ctx, o.Log)
	defer release()
	o.Drain = drain
	return f(ctx, cfg, o, s.stdout, s.stderr)
}

// configOrDemo reads the config, or returns the demo's when no file is named.
func configOrDemo(file string) (*Config, error) {
	if file == "" {
		cfg := DefaultConfig()
		return cfg, cfg.Validate()
	}
	return LoadConfig(file)
}

// reportFaults prints the faults of a config, one a line.
func reportFaults(w io.Writer, err error) error {
	var faults Faults
	if !errors.As(err, &faults) {
		return err
	}
	fmt.Fprintln(w, faults)
	return errReported
}

// printDemoSecrets tells how to log in to the demo. Its secrets are public: they serve on loopback only.
func printDemoSecrets(w io.Writer, cfg *Config) {
	first, last := cfg.Extensions[0], cfg.Extensions[len(cfg.Extensions)-1]
	fmt.Fprintf(w, "demo: extensions %s to %s, password %s; HTTP user %s, password %s\n",
		first.Number, last.Number, string(demoPassword), cfg.Ozeki.Users[0].Username, string(demoHTTPPassword))
	fmt.Fprintf(w, "demo: Yeastar client id %s, client secret %s\n", demoClientID, string(demoClientSecret))
}

// newLogger makes the program's logger; level is one of the command line's words.
func newLogger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l}))
}
