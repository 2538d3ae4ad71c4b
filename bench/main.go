package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	rate    int           // calls or registrations per second
	calls   int           // held at a time, for media and rtpengine
	seconds int           // how long load flows
	hold    time.Duration // how long a call of sipp lasts
	slot    time.Duration // media: packets that fall into one leave together
	users   users
	peer    string // host:port of a switch that runs already
	pid     int    // its process
	api     string // URL of its P-Series API
	client  string // who gets a token there
	secret  string
	binary  string          // a ringdown that is built already
	profile string          // file for a CPU profile
	results string          // file for the rows, "" for none
	load    string          // kind of calls for kamailio
	in, out int             // first ports of the outside lines of a peer
	pairs   int             // of outside lines, with a sipp at either end
	step    int             // capacity: calls per second from one step to the next
	command string          // as typed, for the row
	commit  string          // when the run began
	run     int             // number of the rows
	names   []string        // compare: the two runs
	given   map[string]bool // the flags that were typed
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run is the whole program: 0 fine, 1 failed or not clean, 2 usage.
func run(ctx context.Context, args []string) int {
	o, s, err := parse(args)
	if err == nil {
		err = o.findFiles()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		help(os.Stdout, s)
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	if err = s.missing(); err == nil {
		err = s.run(ctx, o)
	}
	switch {
	case err != nil && ctx.Err() != nil: // whatever is said follows from that
		fmt.Fprintf(os.Stderr, "bench: %s: interrupted, no figure\n", s.name)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
	default:
		return 0
	}
	return 1
}

// open starts the switch under load, or takes the one that is named, and gives it a folder for files.
// A switch that is started here gets the lines, and more parts of a config.
func (o options) open(ctx context.Context, l lines, more ...string) (t *target, dir string, done func() error, err error) {
	dir, err = os.MkdirTemp("", "ringdown-bench")
	if err != nil {
		return nil, "", nil, err
	}
	switch {
	case o.peer != "":
		t, err = o.takePeer(l)
	case o.profile != "":
		if o.profile, err = filepath.Abs(o.profile); err == nil {
			if o.binary, err = buildProfiled(ctx, dir, o.profile); err == nil {
				t, err = startRingdown(ctx, dir, o.binary, o.users, l, more...)
			}
		}
	default:
		t, err = startRingdown(ctx, dir, o.binary, o.users, l, more...)
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, "", nil, err
	}
	return t, dir, func() error { return errors.Join(t.stop(), os.RemoveAll(dir)) }, nil
}

// runAll makes the rows that RESULTS.md is about.
func runAll(ctx context.Context, o options) error {
	var errs []error
	for _, rate := range []int{400, 1000} {
		for _, k := range []callKind{userLoad, trunkLoad} {
			o.rate, o.load = rate, k.name
			errs = append(errs, runKamailio(ctx, o))
		}
	}
	o.rate = 600
	errs = append(errs, runDelay(ctx, o))
	o.rate = 1200
	errs = append(errs, runSustained(ctx, o))
	o.rate = 1000
	errs = append(errs, runStorm(ctx, o))
	o.calls = 50
	errs = append(errs, runMedia(ctx, o))
	for _, calls := range []int{200, 400} {
		o.calls = calls
		errs = append(errs, runRtpengine(ctx, o))
	}
	return errors.Join(errs...)
}
