package callstate

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/looplab/fsm"
)

var rewrite = flag.Bool("rewrite", false, "write states.md and the answers of testdata/*.txt anew")

// described is a table with what its states mean, in the order in which a reader meets them.
type described struct {
	table   *table
	about   string
	starts  []string
	ends    []string
	meaning [][2]string
}

var machines = []described{
	{legTable, "One party's dialog and stream.", []string{LegIsOffered, LegPreparing}, []string{LegOver}, [][2]string{
		{LegIsOffered, "a phone called us; it was told 100 only"},
		{LegPreparing, "we are to call it; media makes the offer, sip has not heard of it"},
		{LegDialling, "our INVITE is out, no 1xx came"},
		{LegRinging, "a 18x came, or was sent to a caller"},
		{LegAnswering, "our 200 to a caller is out, its ACK is not here"},
		{LegUp, "answered and confirmed"},
		{LegEnding, "we hang it up; its port is free, its end is awaited"},
		{LegOver, "gone"},
	}},
	{callTable, "The call as a whole.", []string{CallNew}, []string{CallOver}, [][2]string{
		{CallNew, "it has seen nothing yet"},
		{CallRouting, "an application is asked where it goes; or: where is the number registered, or by which trunk is it reached?"},
		{CallRinging, "the phones of the number are being called, or those of where it was sent on are being located"},
		{CallForwarding, "they are, and a new destination is being located"},
		{CallConnected, "answered"},
		{CallTransferring, "answered, and one party is being replaced"},
		{CallEnding, "every leg was told to end"},
		{CallOver, "no leg is left"},
	}},
	{transferTable, "One party being replaced, blind.", []string{TransferLocating, TransferFetching, TransferRinging}, []string{TransferDone, TransferFailed}, [][2]string{
		{TransferFetching, "the transferor named a dialog of its own (Replaces): its call is asked for it; the old pair still talks"},
		{TransferLocating, "where is the target registered? The old pair still talks"},
		{TransferRinging, "the target rings, the transferee hears ringback; with release at once it starts here"},
		{TransferPausing, "the target failed and the transferor has left: a pause before it is called back"},
		{TransferRecalling, "the transferor is being called back"},
		{TransferDropping, "the target failed; the transferee hears the failure tone and is then released"},
		{TransferDone, "the transferee talks with the target, or with the transferor who came back"},
		{TransferFailed, "the old pair talks again, or it ended"},
	}},
	{attendedTable, "One party being replaced, after the transferor has consulted the target (B has A wait and asks C).", []string{RingingTarget, Asking}, []string{TransferDone, TransferFailed}, [][2]string{
		{Asking, "the transferor has dialled a feature code and dials the target's number; the transferee is held"},
		{RingingTarget, "the target is located and rings, the transferor hears that; the transferee is held"},
		{RingingTransferee, "the target rings, the old pair talks"},
		{UpTarget, "the transferor talks with the target; the transferee is held"},
		{UpTransferee, "the old pair talks; the target is held"},
		{Joining, "the old pair talks, the target rings and joins them when it answers"},
		{Waiting, "the transferor has left before the answer; the transferee hears the target ring"},
		{Failing, "the target failed or left; the transferor hears the failure tone, and then the transferee again"},
		{TransferPausing, "the target failed and the transferor has left: a pause before it is called back"},
		{TransferRecalling, "the transferor is being called back"},
		{TransferDropping, "the transferee left before the answer; the transferor hears the failure tone and is then released"},
		{TransferDone, "a new pair talks, or all three, or the old pair since the transferor came back"},
		{TransferFailed, "the old pair talks again, or it ended"},
	}},
}

// TestStatesDrawn keeps states.md true; -rewrite draws it anew.
func TestStatesDrawn(t *testing.T) {
	var w strings.Builder
	w.WriteString("# States\n\nDrawn from `machines.go` by `go test ./callstate -run TestStates -rewrite`. What a drawing does not show as an\narrow, that state refuses.\n")
	for _, m := range machines {
		drawing, err := fsm.VisualizeForMermaidWithGraphType(fsm.NewFSM(m.starts[0], m.table.rows, nil), fsm.StateDiagram)
		if err != nil {
			t.Fatal(err)
		}
		for _, start := range m.starts[1:] {
			drawing += fmt.Sprintf("    [*] --> %s\n", start)
		}
		for _, end := range m.ends {
			drawing += fmt.Sprintf("    %s --> [*]\n", end)
		}
		fmt.Fprintf(&w, "\n## %s%s\n\n%s\n\n```mermaid\n%s```\n\n| state | meaning |\n|---|---|\n",
			strings.ToUpper(m.table.name[:1]), m.table.name[1:], m.about, drawing)
		for _, row := range m.meaning {
			fmt.Fprintf(&w, "| %s | %s |\n", row[0], row[1])
		}
	}
	if *rewrite {
		if err := os.WriteFile("states.md", []byte(w.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("states.md"); err != nil || string(got) != w.String() {
		t.Errorf("states.md is stale (%v): go test ./callstate -run TestStates -rewrite", err)
	}
}

// states of a table, every one that a row names.
func (t *table) states() (all []string) {
	for _, r := range t.rows {
		all = append(append(all, r.Src...), r.Dst)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestStatesAreDescribed(t *testing.T) {
	for _, m := range machines {
		var told []string
		for _, row := range m.meaning {
			told = append(told, row[0])
		}
		slices.Sort(told)
		if want := m.table.states(); !slices.Equal(told, want) {
			t.Errorf("%s: meanings are given for %q, the table has %q", m.table.name, told, want)
		}
		if !slices.Contains(m.starts, m.table.start) {
			t.Errorf("%s starts as %q, drawn are %q", m.table.name, m.table.start, m.starts)
		}
	}
}

// TestStatesAreReachedAndLeft: every state is reached from a start, and leads to an end.
func TestStatesAreReachedAndLeft(t *testing.T) {
	for _, m := range machines {
		next, before := map[string][]string{}, map[string][]string{}
		for _, r := range m.table.rows {
			for _, src := range r.Src {
				next[src] = append(next[src], r.Dst)
				before[r.Dst] = append(before[r.Dst], src)
			}
		}
		reached, leads := closure(m.starts, next), closure(m.ends, before)
		for _, s := range m.table.states() {
			if !reached[s] {
				t.Errorf("%s: nothing leads to %q", m.table.name, s)
			}
			if !leads[s] {
				t.Errorf("%s: %q never ends", m.table.name, s)
			}
		}
		for _, end := range m.ends {
			if len(next[end]) > 0 {
				t.Errorf("%s: its end %q goes on to %q", m.table.name, end, next[end])
			}
		}
	}
}

func closure(from []string, edges map[string][]string) map[string]bool {
	seen := map[string]bool{}
	for todo := slices.Clone(from); len(todo) > 0; todo = todo[1:] {
		if s := todo[0]; !seen[s] {
			seen[s] = true
			todo = append(todo, edges[s]...)
		}
	}
	return seen
}

// refused lists, for each event of a table, the states that do not know it. A pair is a row or stands here.
var refused = map[*table]map[string][]string{
	legTable: {
		"dial":      {LegIsOffered, LegDialling, LegRinging, LegAnswering, LegUp, LegEnding, LegOver},
		"progress":  {LegPreparing, LegAnswering, LegUp, LegEnding, LegOver},
		"answered":  {LegIsOffered, LegPreparing, LegAnswering, LegUp, LegEnding, LegOver}, // S4: ending stays ending
		"accept":    {LegPreparing, LegDialling, LegAnswering, LegUp, LegEnding, LegOver},
		"confirmed": {LegIsOffered, LegPreparing, LegDialling, LegRinging, LegUp, LegEnding, LegOver},
		"hang up":   {LegPreparing, LegEnding, LegOver}, // sip has not heard of it; A2: one BYE
		"over":      {LegOver},
	},
	callTable: {
		"asked":           {CallNew, CallForwarding, CallConnected, CallTransferring, CallEnding, CallOver},
		"offered":         {CallRouting, CallRinging, CallForwarding, CallConnected, CallTransferring, CallEnding, CallOver},
		"dialled":         {CallNew, CallRinging, CallForwarding, CallConnected, CallTransferring, CallEnding, CallOver},
		"forward":         {CallNew, CallRouting, CallForwarding, CallConnected, CallTransferring, CallEnding, CallOver},
		"forwarded":       {CallNew, CallRouting, CallRinging, CallConnected, CallTransferring, CallEnding, CallOver},
		"forward refused": {CallNew, CallRouting, CallRinging, CallConnected, CallTransferring, CallEnding, CallOver},
		"answered":        {CallNew, CallRouting, CallConnected, CallTransferring, CallEnding, CallOver},
		"transfer":        {CallNew, CallRouting, CallRinging, CallForwarding, CallTransferring, CallEnding, CallOver},
		"transferred":     {CallNew, CallRouting, CallRinging, CallForwarding, CallConnected, CallEnding, CallOver},
		"transfer failed": {CallNew, CallRouting, CallRinging, CallForwarding, CallConnected, CallEnding, CallOver},
		"end":             {CallEnding, CallOver}, // the first cause stays
		"gone":            {CallNew, CallRouting, CallRinging, CallForwarding, CallConnected, CallTransferring, CallOver},
	},
	transferTable: {
		"fetched":      {TransferLocating, TransferRinging, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"locate":       {TransferLocating, TransferRinging, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"located":      {TransferFetching, TransferRinging, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"answered":     {TransferLocating, TransferPausing, TransferDropping, TransferDone, TransferFailed},
		"refused":      {TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed}, // then the transferor has left
		"failure tone": {TransferFetching, TransferLocating, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"recall later": {TransferPausing, TransferDropping, TransferDone, TransferFailed},
		"recall":       {TransferFetching, TransferLocating, TransferRinging, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"give up":      {TransferDone, TransferFailed},
	},
	attendedTable: {
		"answered":        {Asking, UpTarget, UpTransferee, Failing, TransferPausing, TransferDropping, TransferDone, TransferFailed},
		"target gone":     {Waiting, Failing, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"transferee gone": {Waiting, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed}, // nobody is left
		"abort":           {Waiting, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"complete":        {Asking, Waiting, Failing, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"threeway":        {Asking, Waiting, Failing, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"swap":            {Asking, Waiting, Failing, TransferPausing, TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"tone over": {Asking, RingingTarget, RingingTransferee, UpTarget, UpTransferee, Joining, Waiting, TransferPausing, TransferRecalling,
			TransferDropping, TransferDone, TransferFailed},
		"recall later": {Asking, RingingTarget, RingingTransferee, UpTarget, UpTransferee, Joining, Failing, TransferPausing, TransferDropping,
			TransferDone, TransferFailed},
		"recall": {Asking, RingingTarget, RingingTransferee, UpTarget, UpTransferee, Joining, Waiting, Failing, TransferRecalling,
			TransferDropping, TransferDone, TransferFailed},
		"consult": {RingingTarget, RingingTransferee, UpTarget, UpTransferee, Joining, Waiting, Failing, TransferPausing,
			TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"move": {RingingTarget, RingingTransferee, UpTarget, UpTransferee, Joining, Waiting, Failing, TransferPausing,
			TransferRecalling, TransferDropping, TransferDone, TransferFailed},
		"give up": {TransferDone, TransferFailed},
	},
}

func TestStatesDecideEveryEvent(t *testing.T) {
	for _, m := range machines {
		rows := map[string]string{}
		events := map[string]bool{}
		for _, r := range m.table.rows {
			events[r.Name] = true
			for _, src := range r.Src {
				rows[src+"/"+r.Name] = r.Dst
			}
		}
		for event := range events {
			for _, state := range m.table.states() {
				dst, allowed := rows[state+"/"+event]
				if no := slices.Contains(refused[m.table][event], state); no == allowed {
					t.Errorf("%s: event %q in state %q must be a row of the table or stand in refused", m.table.name, event, state)
				}
				got := state
				if ok := m.table.fire(&got, event); ok != allowed || allowed && got != dst || !allowed && got != state {
					t.Errorf("%s: event %q in state %q: %t, and then %q", m.table.name, event, state, ok, got)
				}
			}
		}
		if len(refused[m.table]) != len(events) {
			t.Errorf("%s: refused lists %d events, the table has %d", m.table.name, len(refused[m.table]), len(events))
		}
	}
}
