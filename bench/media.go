package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"
)

// talk is many calls at one switch, between two ends that describe themselves alike.
type talk interface {
	// add sets one call up, and returns where the switch takes the RTP of the caller, and that of the callee.
	add(ctx context.Context) (caller, callee netip.AddrPort, err error)
	// hangUp ends all calls. It is an error when one had ended by itself.
	hangUp(ctx context.Context) error
	close()
}

// newTalk is the kind of talk that the switch understands. describe describes either end of the next call.
func (t *target) newTalk(ctx context.Context, u users, describe func() string) (talk, error) {
	if t.ng == "" {
		return newPhoneTalk(ctx, t, u, describe)
	}
	ng, err := dialNG(t.ng)
	if err != nil {
		return nil, err
	}
	return &relayTalk{ng: ng, describe: describe}, nil
}

// held is the outcome of the scenarios "media" and "rtpengine".
type held struct {
	what       string // the scenario, when it is not media
	system     string
	calls      int
	stream     streamResult
	window     window
	perCall    int // kB of resident memory that a held call added
	goroutines int
	drain      string        // that the switch says it uses, in milliseconds
	own        time.Duration // CPU of this process in the window, which is the generator's
	drops      int
	ownDrops   int
	faults     []error
}

func (h *held) fault(err error) {
	if err != nil {
		h.faults = append(h.faults, err)
	}
}

// clean says why a run gives no figure, if it does not. Loss is a result, unless it is the generator's own.
func (h *held) clean() error {
	faults := h.faults
	if h.ownDrops > 0 {
		faults = append(slices.Clone(faults), ownBuffers(fmt.Errorf("the generator's own receive buffers dropped %d packets", h.ownDrops)))
	}
	return unclean(fmt.Sprintf("%s against %s with %d calls", cmp.Or(h.what, "media"), h.system, h.calls), faults)
}

// per1000 is what 1000 seconds of one call cost, in seconds of CPU.
func (h *held) per1000() float64 {
	return h.window.switchs.Seconds() / (float64(h.calls) * h.window.seconds()) * 1000
}

// lostAt says who lost the packets that did not come: the receive buffers of the switch's sockets, or the switch behind
// them. The generator's own are no result (clean).
func (h *held) lostAt() string {
	lost := h.stream.sent - h.stream.received
	switch {
	case lost <= 0:
		return "-"
	case h.drops == 0:
		return "switch"
	case h.drops >= lost: // some of them before the window
		return "its sockets"
	}
	return fmt.Sprintf("its sockets %d, switch %d", h.drops, lost-h.drops)
}

// runMedia is the scenario "media": it sets calls up, lets G.711 flow both ways, and hangs up.
func runMedia(ctx context.Context, o options) error {
	t, _, done, err := o.open(ctx, nil)
	if err != nil {
		return err
	}
	return o.reportMedia(o.mediaRound(ctx, t, done), "")
}

// mediaRound loads one switch, and ends it.
func (o options) mediaRound(ctx context.Context, t *target, done func() error) *held {
	h := &held{system: t.name, calls: o.calls, goroutines: -1, drain: t.drain.at(2 * o.calls)}
	h.hold(ctx, o, t)
	if t.own != nil && t.name == "ringdown" && len(h.faults) == 0 {
		var err error
		h.goroutines, _, err = t.dump()
		h.fault(err)
	}
	h.fault(done())
	return h
}

func (h *held) hold(ctx context.Context, o options, t *target) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(o.seconds)*time.Second+2*time.Minute)
	defer cancel()
	g, err := newGenerator(o.slot, h.calls)
	if err != nil {
		h.fault(err)
		return
	}
	defer g.close()
	before, _, err := t.proc.memory()
	h.fault(err)
	calls, err := t.newTalk(ctx, o.users, g.describe)
	if err != nil {
		h.fault(err)
		return
	}
	defer calls.close()
	for range h.calls {
		caller, callee, err := calls.add(ctx)
		if err != nil {
			h.fault(err)
			return
		}
		if g.owns(caller) || g.owns(callee) {
			h.fault(lookAt(refused, "the switch: it does not carry media, it lets the phones send to each other", errors.New("the RTP address of one end was told to the other")))
			return
		}
		g.add(caller)
		g.add(callee)
	}
	h.flow(ctx, o, t, g)
	now, _, err := t.proc.memory()
	h.fault(err)
	h.perCall = (now - before) / h.calls
	h.drops, err = t.drops()
	h.fault(err)
	own, err := process{pids: []int{os.Getpid()}}.udpDrops()
	h.fault(err)
	h.ownDrops = own
	h.fault(calls.hangUp(ctx))
	h.fault(t.awaitNoCalls(ctx))
}

// flow runs the streams: a while to settle, the measured window, and a last while for what is on its way.
func (h *held) flow(ctx context.Context, o options, t *target, g *generator) {
	g.start()
	defer g.stop()
	h.fault(pause(ctx, 3*time.Second))
	t.profiling(o)
	a, err := t.look()
	h.fault(err)
	self := process{pids: []int{os.Getpid()}}
	before, err := self.cpu()
	h.fault(err)
	g.count(true)
	h.fault(pause(ctx, time.Duration(o.seconds)*time.Second))
	g.count(false)
	w, err := t.since(a)
	h.fault(err)
	after, err := self.cpu()
	h.fault(err)
	h.own = after - before
	t.profiling(o)
	h.window = w
	h.fault(pause(ctx, time.Second))
	h.stream = g.result()
	switch s := h.stream; {
	case s.sent == 0 || s.received == 0:
		h.fault(fmt.Errorf("%d packets sent, %d received", s.sent, s.received))
	case float64(s.sent) < 0.98*float64(h.calls)*2*50*float64(o.seconds):
		h.fault(lookAt(busy, "this machine: it is too busy for the generator (top, fewer -calls, more cores)",
			fmt.Errorf("the generator sent %d of %d packets", s.sent, h.calls*2*50*o.seconds)))
	}
}

// reportMedia prints the run and appends its row.
func (o options) reportMedia(h *held, ratio string) error {
	if err := h.clean(); err != nil {
		return err
	}
	if ratio == "" {
		ratio = "-"
	}
	s := h.stream
	p50, p99, most := milliseconds(s.p50), milliseconds(s.p99), milliseconds(s.max)
	if s.behind > tolerable {
		p50, p99, most = "busy", "busy", "busy"
	}
	return o.record(mediaTable, h.system, h.window, []cell{
		{"calls", fmt.Sprint(h.calls)}, {"slot ms", milliseconds(o.slot)}, {"drain ms", h.drain},
		{"seconds", fmt.Sprintf("%.0f", h.window.seconds())},
		{"sent", fmt.Sprint(s.sent)}, {"lost", fmt.Sprint(s.sent - s.received)}, {"lost at", h.lostAt()}, {"late", fmt.Sprint(s.reordered)},
		{"p50 ms", p50}, {"p99 ms", p99}, {"max ms", most},
		{"CPU s / 1000 call-s", fmt.Sprintf("%.2f", h.per1000())}, {"to rtpengine", ratio},
		{"kB / call", fmt.Sprint(h.perCall)}, {"goroutines", orDash(h.goroutines)}, {"drops", fmt.Sprint(h.drops)},
		{"sender late ms", milliseconds(s.behind)}, {"generator cores", fmt.Sprintf("%.2f", h.own.Seconds()/h.window.seconds())},
	})
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000) }

// tolerable is how late the generator may be before the delays say more about the machine than about the switch: who
// starves the one starves the other.
const tolerable = 20 * time.Millisecond
