package exchange

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"ringdown/callstate"
)

// script is a call whose steps a test writes.
type script struct {
	id    callstate.CallID
	shows callstate.Summary // what Summary returns a copy of
	steps func(s *script, in callstate.Input) []callstate.Command
}

func (s *script) Step(in callstate.Input) []callstate.Command {
	if ev, ok := in.Ev.(callstate.LegOffered); ok && len(s.shows.Legs) == 0 {
		s.shows.Started = in.At
		s.shows.State = callstate.ShownSetup
		s.shows.Caller, s.shows.Callee = ev.From, callstate.Party{Number: ev.To}
		s.shows.Legs = []callstate.LegSummary{{ID: ev.Leg, Inbound: true, SIPCallID: ev.SIPCallID}}
	}
	if s.steps == nil {
		return nil
	}
	return s.steps(s, in)
}

func (s *script) Summary() *callstate.Summary {
	c := s.shows
	c.ID = s.id
	return &c
}

// ended is what a call says last.
func (s *script) ended() []callstate.Command {
	s.shows.State = callstate.ShownEnded
	return []callstate.Command{
		callstate.Publish{Notice: callstate.Notice{Kind: callstate.NoticeEnded, Summary: s.Summary()}},
		callstate.Finish{Call: s.id},
	}
}

// rig is an exchange of scripted calls whose adapters write down what they are told.
type rig struct {
	*Exchange
	t  testing.TB
	on func(callstate.Command) // called by the adapters too, may be nil

	mu   sync.Mutex
	told []callstate.Command
	log  strings.Builder
}

type sigPort struct{ g *rig }
type medPort struct{ g *rig }

func (p sigPort) Do(c callstate.Signal)       { p.g.hear(c) }
func (p medPort) Do(c callstate.MediaCommand) { p.g.hear(c) }

func (g *rig) hear(c callstate.Command) {
	g.mu.Lock()
	g.told = append(g.told, c)
	g.mu.Unlock()
	if g.on != nil {
		g.on(c)
	}
}

// Write takes the log.
func (g *rig) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.Write(b)
}

func (g *rig) logged() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.String()
}

// commands is what the adapters were told, in order.
func (g *rig) commands() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var words []string
	for _, c := range g.told {
		switch c := c.(type) {
		case callstate.HangUp:
			words = append(words, fmt.Sprintf("hangup %v %s", c.Leg, c.Cause.Kind))
		case callstate.CloseMedia:
			words = append(words, fmt.Sprintf("close %v", c.Leg))
		case callstate.EndRecord:
			words = append(words, fmt.Sprintf("end-record %d/%d", c.Call, c.Ref))
		case callstate.Ring:
			words = append(words, fmt.Sprintf("ring %d", c.Status))
		case callstate.Connect:
			words = append(words, fmt.Sprintf("connect %v", c.Leg))
		default:
			words = append(words, typeName(c))
		}
	}
	return strings.Join(words, "; ")
}

func newRig(t testing.TB, cfg Config, steps func(s *script, in callstate.Input) []callstate.Command) *rig {
	g := &rig{t: t}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(g, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	g.Exchange = newWith(cfg, func(id callstate.CallID) stepper { return &script{id: id, steps: steps} })
	g.Bind(sigPort{g}, medPort{g})
	g.closeAtEnd()
	return g
}

// call starts a call.
func (g *rig) call() callstate.CallID {
	g.t.Helper()
	id := g.NewCallID()
	if !g.Post(offer(id)) {
		g.t.Fatal("LegOffered was refused")
	}
	return id
}

// closeAtEnd ends the workers, which would else rest when the bubble ends.
func (g *rig) closeAtEnd() { g.t.Cleanup(func() { g.Close() }) }

// close ends everything, so that a bubble can end.
func (g *rig) close() {
	g.t.Helper()
	if err := g.Close(); err != nil {
		g.t.Error(err)
	}
	g.expectEmpty()
}

// expectEmpty checks that nothing of any call is left.
func (g *rig) expectEmpty() {
	g.t.Helper()
	if c, left := g.Counts(), g.calls.appendAll(nil); c.Calls != 0 || c.Goroutines != 0 || len(left) != 0 {
		g.t.Errorf("expected no call, got %d in the index, %+v", len(left), c)
	}
}

func leg(id callstate.CallID, n uint32) callstate.LegID { return callstate.LegID{Call: id, N: n} }

func offer(id callstate.CallID) callstate.LegOffered {
	return callstate.LegOffered{On: callstate.On{Leg: leg(id, 1)}, From: callstate.Party{Number: "2000"}, To: "2001",
		SIPCallID: "a84b4c76e66710"}
}

func confirmed(id callstate.CallID) callstate.Event {
	return callstate.LegConfirmed{On: callstate.On{Leg: leg(id, 1)}}
}

func reoffered(id callstate.CallID, ref uint32) callstate.Event {
	return callstate.LegReoffered{On: callstate.On{Leg: leg(id, 1)}, Ref: ref}
}

func progress(id callstate.CallID, status int) callstate.Event {
	return callstate.LegProgress{On: callstate.On{Leg: leg(id, 1)}, Status: status}
}
