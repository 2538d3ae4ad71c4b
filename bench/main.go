package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
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
	binary  string   // a ringdown that is built already
	profile string   // file for a CPU profile
	results string   // file for the rows, "" for none
	load    string   // kind of calls for kamailio
	in, out int      // first ports of the outside lines of a peer
	pairs   int      // of outside lines, with a sipp at either end
	step    int      // capacity: calls per second from one step to the next
	command string   // as typed, for the row
	commit  string   // when the run began
	run     int      // number of the rows
	names   []string // compare: the two runs
}

// scenario is one word of the command line.
type scenario struct {
	name string
	what string // in a few words, for -h
	run  func(ctx context.Context, o options) error
}

// usual are rate, seconds and calls where the command line has none, of scenarios that differ from the others.
var usual = map[string]struct{ rate, seconds, calls int }{
	"sustained": {1200, 60, 0}, "capacity": {400, 15, 0}, "delay": {400, 30, 0}, "events": {500, 30, 0}, "list": {200, 30, 4000},
}

// commands are all scenarios; README.md has a line for each.
var commands = []scenario{
	{"calls", "sipp: registered users call each other, digest on every call", runCalls},
	{"trunks", "sipp: from one outside line to another, no digest, events told", runTrunks},
	{"sustained", "sipp: one rate for long, hardly a repeat; -load calls or trunks, the default", runSustained},
	{"capacity", "sipp: rates that rise by -step until a step is not clean", runCapacity},
	{"delay", "what is added to INVITE and 180 from one outside line to another", runDelay},
	{"register", "sipp: a storm of registrations", runStorm},
	{"media", "G.711 both ways on held calls", runMedia},
	{"blind", "transfers by REFER, with the gap in the transferee's audio", runTransfers(blindByREFER)},
	{"attended", "the same with a consultation, by REFER with Replaces", runTransfers(attendedByREFER)},
	{"blind-api", "transfers by the P-Series API, with the gap in the transferee's audio", runTransfers(blindByAPI)},
	{"attended-api", "the same with a consultation, begun and completed by the API", runTransfers(attendedByAPI)},
	{"query", "call/query by the P-Series API, over connections that are kept, while -calls are held", runQuery},
	{"list", "ListActiveCalls of -calls that are held, while others come and go", runList},
	{"events", "sipp: calls from trunk to trunk, and how long their events take to a WebSocket", runEvents},
	{"scripts", "OzML: calls to an API extension, each played to without an end", runScripts},
	{"kamailio", "calls through Kamailio and ringdown in turn, for the ratio", runKamailio},
	{"rtpengine", "media through rtpengine and ringdown in turn, for the ratio", runRtpengine},
	{"compare", "two runs of RESULTS.md side by side: compare A B", runCompare},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run is the whole program: 0 fine, 1 failed or not clean, 2 usage.
func run(ctx context.Context, args []string) int {
	o, name, err := parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	i := slices.IndexFunc(commands, func(s scenario) bool { return s.name == name })
	do := runAll
	switch {
	case i >= 0:
		do = commands[i].run
	case name != "all":
		fmt.Fprintf(os.Stderr, "bench: no scenario %q; -h shows them\n", name)
		return 2
	}
	if err := do(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

// parse reads flags before and behind the name of the scenario.
func parse(args []string) (o options, name string, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), "usage: go run ./bench [scenario] [flags]\n\n")
		for _, s := range commands {
			fmt.Fprintf(f.Output(), "  %-12s %s\n", s.name, s.what)
		}
		fmt.Fprintf(f.Output(), "  %-12s %s\n\n", "all", "the default: the rows that RESULTS.md is about")
		f.PrintDefaults()
	}
	o.users = users{password: "bench-secret"}
	f.IntVar(&o.rate, "rate", 200, "calls, registrations or transfers per second; events: 500 by default")
	f.IntVar(&o.calls, "calls", 200, "media, rtpengine, scripts, query, list: calls held at a time; list: 4000 by default")
	f.IntVar(&o.seconds, "seconds", 30, "how long the load lasts")
	f.DurationVar(&o.hold, "hold", time.Second, "calls: how long each call lasts")
	f.DurationVar(&o.slot, "slot", time.Millisecond, "media: packets of one slot leave back to back; 0: each by itself")
	f.IntVar(&o.users.first, "first", 3000, "first number of the phones")
	f.IntVar(&o.users.count, "users", 600, "how many numbers: a third calls, a third is called")
	f.StringVar(&o.users.password, "password", o.users.password, "password of every number")
	f.StringVar(&o.load, "load", "", "kamailio, sustained, capacity: calls or trunks; kamailio: or delay")
	f.IntVar(&o.pairs, "pairs", 1, "trunks: pairs of outside lines, each with a sipp at either end")
	f.IntVar(&o.step, "step", 200, "capacity: by how much the rate rises")
	f.IntVar(&o.in, "in", 0, "trunks with -peer: the port that calls come from; further pairs have the next ports")
	f.IntVar(&o.out, "out", 0, "trunks with -peer: the port that calls to 70xxxx are sent to; to 71xxxx and so on the next")
	f.StringVar(&o.peer, "peer", "", "host:port (UDP, loopback) of a switch that runs already and knows the numbers")
	f.IntVar(&o.pid, "pid", 0, "process of -peer; its workers count too")
	f.StringVar(&o.api, "api", "", "blind-api, attended-api: URL of the P-Series API of -peer, up to v1.0")
	f.StringVar(&o.client, "client", apiUser, "client id for -api")
	f.StringVar(&o.secret, "secret", apiPassword, "client secret for -api")
	f.StringVar(&o.binary, "binary", "", "a ringdown that is built already")
	f.StringVar(&o.profile, "profile", "", "write a CPU profile of ringdown there; the run gives no figure")
	f.StringVar(&o.results, "results", "bench/RESULTS.md", "where rows are appended; empty: nowhere")
	o.commit = commit()
	o.command = "go run ./bench " + strings.Join(args, " ")
	for len(args) > 0 {
		if name == "" && !strings.HasPrefix(args[0], "-") {
			name, args = args[0], args[1:]
			continue
		}
		if name == "compare" && !strings.HasPrefix(args[0], "-") {
			o.names, args = append(o.names, args[0]), args[1:]
			continue
		}
		if err := f.Parse(args); err != nil {
			return o, "", err
		}
		if name != "" && f.NArg() > 0 || f.NArg() == len(args) {
			return o, "", fmt.Errorf("unexpected %q", f.Arg(0))
		}
		args = f.Args()
	}
	if name == "" {
		name = "all"
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if u, ok := usual[name]; ok {
		if !given["rate"] {
			o.rate = u.rate
		}
		if !given["seconds"] {
			o.seconds = u.seconds
		}
		if !given["calls"] && u.calls > 0 {
			o.calls = u.calls
		}
	}
	o.run = nextRun(o.results)
	return o, name, o.validate()
}

// maxRate bounds every load, per second.
const maxRate = 5000

// validate keeps load bounded, and on this machine.
func (o options) validate() error {
	switch {
	case o.rate < 1 || o.rate > maxRate, o.calls < 1 || o.calls > 4500, o.users.count < 3 || o.users.count > 9000:
		return errors.New("rate 1 to 5000, calls 1 to 4500, users 3 to 9000")
	case o.seconds < 5 || o.seconds > 900, o.hold < 0 || o.hold > time.Minute, o.slot < 0 || o.slot > ptime:
		return errors.New("seconds 5 to 900, hold up to 1m, slot up to 20ms")
	case o.pairs < 1 || o.pairs > 10, o.step < 1:
		return errors.New("pairs 1 to 10, step from 1")
	case o.load != "" && o.load != userLoad.name && o.load != trunkLoad.name && o.load != delayKind:
		return errors.New("-load calls, -load trunks or, of kamailio, -load delay")
	case (o.peer == "") != (o.pid == 0):
		return errors.New("-peer and -pid come together")
	case o.profile != "" && (o.peer != "" || o.binary != ""):
		return errors.New("-profile needs a ringdown that is built here")
	}
	if o.peer == "" {
		return nil
	}
	a, err := netip.ParseAddrPort(o.peer)
	if err != nil || !a.Addr().IsLoopback() {
		return fmt.Errorf("-peer %s: an address and port of loopback, please", o.peer)
	}
	return nil
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
		t = &target{name: fmt.Sprintf("%s (pid %d)", o.peer, o.pid), sip: o.peer, openAPI: o.api, lines: l, proc: processTree(o.pid)}
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
