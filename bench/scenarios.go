package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// scenario is one word of the command line.
type scenario struct {
	name  string
	what  string // in a few words, for -h
	run   func(ctx context.Context, o options) error
	flags string   // names of those that mean something to it; any other is refused
	usual usual    // where it differs from the rest
	needs []string // programs of Debian
	alone string   // why it starts a switch of its own and takes no -peer; "": it does take one
}

// usual is what a scenario does when the command line does not say. Zero: what the flag says.
type usual struct {
	rate, seconds, calls int
	load                 string
}

// Flags that go together.
const (
	callFlags   = " rate seconds hold"                          // calls at a rate
	numberFlags = " first users password"                       // numbers that register
	lineFlags   = " pairs in out"                               // outside lines
	peerFlags   = " peer pid"                                   // a switch that runs already
	ownFlags    = " binary profile results"                     // a ringdown that is started here
	turnFlags   = " binary results"                             // the same, more than once
	apiFlags    = " api client secret"                          // of a peer
	eitherFlags = callFlags + numberFlags + lineFlags + " load" // calls by users or from trunk to trunk
)

// commands are all scenarios; README.md has a line for each.
var commands = []scenario{
	{name: "calls", what: "sipp: registered users call each other, digest on every call", run: runCalls, needs: []string{"sipp"}, flags: callFlags + numberFlags + peerFlags + ownFlags},
	{name: "trunks", what: "sipp: from one outside line to another, no digest, events told", run: runTrunks, needs: []string{"sipp"}, flags: callFlags + lineFlags + peerFlags + ownFlags},
	{name: "sustained", what: "sipp: one rate for long, hardly a repeat; -load calls or trunks, the default", run: runSustained, needs: []string{"sipp"},
		flags: eitherFlags + peerFlags + ownFlags, usual: usual{rate: 1200, seconds: 60, load: trunkLoad.name}},
	{name: "capacity", what: "sipp: rates that rise by -step until a step is not clean", run: runCapacity, needs: []string{"sipp"},
		flags: eitherFlags + " step" + peerFlags + turnFlags, usual: usual{rate: 400, seconds: 15, load: trunkLoad.name}},
	{name: "delay", what: "what is added to INVITE and 180 from one outside line to another", run: runDelay,
		flags: callFlags + " in out" + peerFlags + ownFlags, usual: usual{rate: 400}},
	{name: "register", what: "sipp: a storm of registrations", run: runStorm, needs: []string{"sipp"}, flags: " rate seconds" + numberFlags + peerFlags + ownFlags},
	{name: "media", what: "G.711 both ways on held calls", run: runMedia, flags: " calls seconds slot" + numberFlags + peerFlags + ownFlags},
	{name: "blind", what: "transfers by REFER, with the gap in the transferee's audio", run: runTransfers(blindByREFER),
		flags: " rate seconds" + numberFlags + peerFlags + ownFlags},
	{name: "attended", what: "the same with a consultation, by REFER with Replaces", run: runTransfers(attendedByREFER),
		flags: " rate seconds" + numberFlags + peerFlags + ownFlags},
	{name: "blind-api", what: "transfers by the P-Series API, with the gap in the transferee's audio", run: runTransfers(blindByAPI),
		flags: " rate seconds" + numberFlags + peerFlags + apiFlags + ownFlags},
	{name: "attended-api", what: "the same with a consultation, begun and completed by the API", run: runTransfers(attendedByAPI),
		flags: " rate seconds" + numberFlags + peerFlags + apiFlags + ownFlags},
	{name: "query", what: "call/query by the P-Series API, over connections that are kept, while -calls are held", run: runQuery, needs: []string{"sipp"},
		flags: " calls seconds" + ownFlags, alone: "it sees by ringdown's own ListActiveCalls that all calls are held before it asks"},
	{name: "list", what: "ListActiveCalls of -calls that are held, while others come and go", run: runList, needs: []string{"sipp"},
		flags: " calls seconds" + ownFlags, usual: usual{calls: 4000}, alone: "no other switch has the command ListActiveCalls that it measures"},
	{name: "events", what: "sipp: calls from trunk to trunk, and how long their events take to a WebSocket", run: runEvents, needs: []string{"sipp"},
		flags: callFlags + " pairs" + ownFlags, usual: usual{rate: 500}, alone: "no other switch tells of its calls by the events 30011 and 30012 that it measures"},
	{name: "scripts", what: "OzML: calls to an API extension, each played to without an end", run: runScripts,
		flags: " calls seconds" + turnFlags, alone: "no other switch runs the OzML that it measures"},
	{name: "kamailio", what: "calls through Kamailio and ringdown (or -peer) in turn, for the ratio", run: runKamailio, needs: []string{"sipp", "kamailio"},
		flags: eitherFlags + peerFlags + turnFlags, usual: usual{load: userLoad.name}},
	{name: "rtpengine", what: "media through rtpengine and ringdown (or -peer) in turn, for the ratio", run: runRtpengine, needs: []string{"rtpengine"},
		flags: " calls seconds slot" + numberFlags + peerFlags + turnFlags},
	{name: "compare", what: "two runs of RESULTS.md side by side: compare A B", run: runCompare, flags: " results", alone: "it only reads what was recorded"},
	{name: "all", what: "the default: the rows that RESULTS.md is about", run: runAll, needs: []string{"sipp", "kamailio", "rtpengine"}, flags: " seconds" + turnFlags, alone: "it compares with the peers that it starts"},
}

// find is a scenario by its name.
func find(name string) (scenario, bool) {
	i := slices.IndexFunc(commands, func(s scenario) bool { return s.name == name })
	if i < 0 {
		return scenario{}, false
	}
	return commands[i], true
}

// paths find the programs that a scenario may need.
var paths = map[string]func() (string, error){"sipp": sippPath, "kamailio": kamailioPath, "rtpengine": rtpenginePath}

// missing says which programs a scenario needs and does not find.
func (s scenario) missing() error {
	var errs []error
	for _, name := range s.needs {
		_, err := paths[name]()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// has says that a flag means something to the scenario.
func (s scenario) has(flag string) bool { return slices.Contains(strings.Fields(s.flags), flag) }

// refuse says why a flag means nothing to the scenario, and which ones do.
func (s scenario) refuse(flag string) error {
	if s.alone != "" && strings.Contains(peerFlags+apiFlags+" in out ", " "+flag+" ") {
		return fmt.Errorf("%s takes no -%s: %s", s.name, flag, s.alone)
	}
	return fmt.Errorf("%s takes no -%s: it has -%s", s.name, flag, strings.Join(strings.Fields(s.flags), ", -"))
}
