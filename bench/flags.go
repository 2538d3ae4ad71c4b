package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// define has all flags of all scenarios, with what they are when the scenario has nothing of its own.
func (o *options) define() *flag.FlagSet {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(io.Discard) // run tells what is wrong, once
	f.IntVar(&o.rate, "rate", 200, "calls, registrations or transfers per second")
	f.IntVar(&o.calls, "calls", 200, "calls held at a time")
	f.IntVar(&o.seconds, "seconds", 30, "how long the load lasts")
	f.DurationVar(&o.hold, "hold", time.Second, "how long each call lasts")
	f.DurationVar(&o.slot, "slot", time.Millisecond, "packets of one slot leave back to back; 0: each by itself")
	f.IntVar(&o.users.first, "first", 3000, "first number of the phones")
	f.IntVar(&o.users.count, "users", 600, "how many numbers: a third calls, a third is called, a third are third parties")
	f.StringVar(&o.users.password, "password", "bench-secret", "password of every number")
	f.StringVar(&o.load, "load", "", "calls or trunks: by registered users, or from one outside line to another; kamailio has delay too")
	f.IntVar(&o.pairs, "pairs", 1, "pairs of outside lines, each with a sipp at either end")
	f.IntVar(&o.step, "step", 200, "by how much the rate rises")
	f.IntVar(&o.in, "in", 0, "with -peer: the port of 127.0.0.1 that calls come from; further pairs have the next ports")
	f.IntVar(&o.out, "out", 0, "with -peer: the port of 127.0.0.1 that calls to 70xxxx are sent to; to 71xxxx and so on the next")
	f.StringVar(&o.peer, "peer", "", "address:port (UDP, loopback) of a switch that runs already; README.md says what it must know")
	f.IntVar(&o.pid, "pid", 0, "process of -peer; what it forked counts too")
	f.StringVar(&o.api, "api", "", "URL of the P-Series API of -peer, up to v1.0")
	f.StringVar(&o.client, "client", apiUser, "client id for -api")
	f.StringVar(&o.secret, "secret", apiPassword, "client secret for -api")
	f.StringVar(&o.binary, "binary", "", "a ringdown that is built already")
	f.StringVar(&o.profile, "profile", "", "write a CPU profile of ringdown there; the run has no row")
	f.StringVar(&o.results, "results", "bench/RESULTS.md", "the file of the rows; empty: none")
	return f
}

// parse reads flags before and behind the name of the scenario. With flag.ErrHelp comes the scenario to be explained,
// one without a name for all.
func parse(args []string) (o options, s scenario, err error) {
	f := o.define()
	o.command = "go run ./bench " + strings.Join(args, " ")
	for len(args) > 0 {
		switch named := s.name != ""; {
		case strings.HasPrefix(args[0], "-"):
			switch err := f.Parse(args); {
			case errors.Is(err, flag.ErrHelp):
				if !named && f.NArg() > 0 {
					s, _ = find(f.Arg(0))
				}
				return o, s, err
			case err != nil:
				return o, s, fmt.Errorf("%w; %s -h shows the flags", err, strings.TrimSpace("go run ./bench "+s.name))
			case f.NArg() == len(args): // "-" or "--"
				return o, s, fmt.Errorf("unexpected %q", args[0])
			}
			args = f.Args()
			continue
		case !named:
			if s, named = find(args[0]); !named {
				return o, s, fmt.Errorf("no scenario %q; go run ./bench -h shows them", args[0])
			}
		case s.name == "compare":
			o.names = append(o.names, args[0])
		default:
			return o, s, fmt.Errorf("unexpected %q", args[0])
		}
		args = args[1:]
	}
	if s.name == "" {
		s, _ = find("all")
	}
	o.given = map[string]bool{}
	f.Visit(func(g *flag.Flag) {
		o.given[g.Name] = true
		if err == nil && !s.has(g.Name) {
			err = s.refuse(g.Name)
		}
	})
	if err != nil {
		return o, s, err
	}
	for name, value := range s.usual.values() {
		if !o.given[name] {
			f.Set(name, value)
		}
	}
	if err := o.validate(s); err != nil {
		return o, s, err
	}
	o.commit, o.run = commit(), nextRun(o.results)
	return o, s, nil
}

// findFiles sees to it that files that are named are there, before a load that may take minutes.
func (o *options) findFiles() (err error) {
	if o.binary != "" {
		if o.binary, err = filepath.Abs(o.binary); err == nil { // it runs in a directory of its own
			_, err = os.Stat(o.binary)
		}
		if err != nil {
			return fmt.Errorf("-binary: %w", err)
		}
	}
	if o.results != "" && o.profile == "" {
		if _, err := os.Stat(o.results); err != nil {
			return fmt.Errorf("-results: %w (an empty file will do, and -results \"\" writes no row)", err)
		}
	}
	return nil
}

// values are by the names of the flags, as they are typed.
func (u usual) values() map[string]string {
	all := map[string]string{}
	for name, n := range map[string]int{"rate": u.rate, "seconds": u.seconds, "calls": u.calls} {
		if n > 0 {
			all[name] = fmt.Sprint(n)
		}
	}
	if u.load != "" {
		all["load"] = u.load
	}
	return all
}

// help prints the flags of a scenario with their defaults, or all scenarios.
func help(w io.Writer, s scenario) {
	if s.name == "" {
		fmt.Fprint(w, "usage: go run ./bench [scenario] [flags]\n\n")
		for _, s := range commands {
			fmt.Fprintf(w, "  %-12s  %s\n", s.name, s.what)
		}
		fmt.Fprint(w, "\ngo run ./bench SCENARIO -h shows its flags; bench/README.md says what is measured, and how.\n")
		return
	}
	runs := ""
	if s.name == "compare" {
		runs = " RUN RUN"
	}
	fmt.Fprintf(w, "usage: go run ./bench %s%s [flags]\n\n%s\n\n", s.name, runs, s.what)
	own := flag.NewFlagSet(s.name, flag.ContinueOnError)
	own.SetOutput(w)
	new(options).define().VisitAll(func(g *flag.Flag) {
		if !s.has(g.Name) {
			return
		}
		own.Var(g.Value, g.Name, g.Usage)
		if value, ok := s.usual.values()[g.Name]; ok {
			own.Lookup(g.Name).DefValue = value
		}
	})
	own.PrintDefaults()
	if s.alone != "" {
		fmt.Fprintf(w, "\nThere is no -peer: %s.\n", s.alone)
	}
}

const (
	maxRate = 5000 // of every load, per second
	maxOpen = 4500 // calls of one sipp at a time, which it bounds itself at 5000
)

// validate keeps load bounded, and on this machine.
func (o options) validate(s scenario) error {
	for _, b := range []struct {
		flag         string
		is, from, to int
	}{
		{"rate", o.rate, 1, maxRate}, {"calls", o.calls, 1, maxOpen}, {"seconds", o.seconds, 5, 900}, {"pairs", o.pairs, 1, 10},
		{"step", o.step, 1, maxRate}, {"users", o.users.count, 3, 9000}, {"first", o.users.first, 100, 900_000},
	} {
		if s.has(b.flag) && (b.is < b.from || b.is > b.to) {
			return fmt.Errorf("-%s %d: from %d to %d, please", b.flag, b.is, b.from, b.to)
		}
	}
	switch {
	case o.hold < 0 || o.hold > time.Minute:
		return fmt.Errorf("-hold %v: up to 1m, please", o.hold)
	case o.slot < 0 || o.slot > ptime:
		return fmt.Errorf("-slot %v: up to %v, please", o.slot, ptime)
	case o.load != "" && o.load != userLoad.name && o.load != trunkLoad.name && (o.load != delayKind || s.name != "kamailio"):
		return fmt.Errorf("-load %s: it is calls or trunks", o.load)
	case o.profile != "" && (o.peer != "" || o.binary != ""):
		return errors.New("-profile needs a ringdown that is built here: no -peer, no -binary")
	case s.name == "compare" && len(o.names) != 2:
		return errors.New("compare wants two runs: numbers of RESULTS.md, or commits")
	}
	if s.has("hold") {
		if err := o.fits(); err != nil {
			return err
		}
	}
	if s.has("peer") {
		return o.validatePeer(s)
	}
	return nil
}

// fits says why so many calls do not fit one sipp.
func (o options) fits() error {
	if n := float64(o.rate) * (o.hold + ring).Seconds() / float64(o.pairs); n > maxOpen {
		return fmt.Errorf("-rate %d by -hold %v are %.0f calls at a time, and one sipp holds %d: a shorter -hold, or more -pairs of trunks", o.rate, o.hold, n, maxOpen)
	}
	return nil
}

// byLines says that the load comes and goes by outside lines.
func (o options) byLines(s scenario) bool {
	return s.has("in") && o.load != userLoad.name
}

// validatePeer says what is missing for a switch that runs already, or what is only for one.
func (o options) validatePeer(s scenario) error {
	if !o.byLines(s) && (o.given["in"] || o.given["out"] || o.given["pairs"]) {
		return fmt.Errorf("-in, -out and -pairs are about -load %s", trunkLoad.name)
	}
	if o.load == delayKind && o.given["pairs"] {
		return fmt.Errorf("-load %s has one pair of lines", delayKind)
	}
	if o.peer == "" {
		for _, name := range strings.Fields("pid in out api client secret") {
			if o.given[name] {
				return fmt.Errorf("-%s is about a switch that runs already: -peer is missing", name)
			}
		}
		return nil
	}
	a, err := netip.ParseAddrPort(o.peer)
	switch {
	case err != nil || !a.Addr().IsLoopback() || !a.Addr().Is4():
		return fmt.Errorf("-peer %s: an address and port of loopback, please, as 127.0.0.1:5060: load stays on this machine", o.peer)
	case o.pid <= 0:
		return errors.New("-peer needs -pid, the process whose CPU and memory count")
	case o.binary != "":
		return errors.New("-binary is a ringdown to start, -peer one that runs already")
	case o.byLines(s) && (o.in == 0 || o.out == 0):
		return fmt.Errorf("%s against -peer needs -in and -out, the ports of the two providers that the peer knows", s.name)
	case s.has("api") && o.api == "":
		return fmt.Errorf("%s against -peer needs -api, the URL of its P-Series API, and -client and -secret", s.name)
	}
	if o.byLines(s) {
		for _, port := range []int{o.in, o.out} {
			if port < 1024 || port+o.pairs > 65536 {
				return fmt.Errorf("-in %d -out %d: ports from 1024 to 65535, please", o.in, o.out)
			}
		}
		if o.in < o.out+o.pairs && o.out < o.in+o.pairs {
			return fmt.Errorf("-in %d -out %d: %d ports from each on overlap", o.in, o.out, o.pairs)
		}
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/stat", o.pid)); err != nil {
		return fmt.Errorf("-pid %d: there is no such process", o.pid)
	}
	return nil
}
