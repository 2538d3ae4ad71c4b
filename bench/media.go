package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"ringdown/bench/phone"
)

// held is the outcome of the scenario "media".
type held struct {
	calls      int
	stream     streamResult
	window     window
	perCall    int // kB of resident memory that a held call added
	goroutines int
	drops      int
	ownDrops   int
	faults     []error
}

func (h *held) fault(err error) {
	if err != nil {
		h.faults = append(h.faults, err)
	}
}

// runMedia is the scenario "media": it sets calls up, lets G.711 flow both ways, and hangs up.
func runMedia(ctx context.Context, o options) error {
	t, _, done, err := o.open(ctx)
	if err != nil {
		return err
	}
	h := &held{calls: o.calls, goroutines: -1}
	h.hold(ctx, o, t)
	if t.own != nil && len(h.faults) == 0 {
		h.goroutines, _, err = t.dump()
		h.fault(err)
	}
	h.fault(done())
	return o.reportMedia(h, t.name)
}

func (h *held) hold(ctx context.Context, o options, t *target) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(o.seconds)*time.Second+2*time.Minute)
	defer cancel()
	g, err := newGenerator(o.slot)
	if err != nil {
		h.fault(err)
		return
	}
	defer g.close()
	before, _, err := t.proc.memory()
	h.fault(err)
	calls, err := newTalk(ctx, t, o.users, g)
	if err != nil {
		h.fault(err)
		return
	}
	defer calls.close()
	for range h.calls {
		if err := calls.add(ctx); err != nil {
			h.fault(err)
			return
		}
	}
	h.flow(ctx, o, t, g)
	now, _, err := t.proc.memory()
	h.fault(err)
	h.perCall = (now - before) / h.calls
	h.drops, err = t.proc.udpDrops()
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
	g.count(true)
	h.fault(pause(ctx, time.Duration(o.seconds)*time.Second))
	g.count(false)
	w, err := t.since(a)
	h.fault(err)
	t.profiling(o)
	h.window = w
	h.fault(pause(ctx, time.Second))
	h.stream = g.result()
	switch s := h.stream; {
	case s.sent == 0 || s.received == 0:
		h.fault(fmt.Errorf("%d packets sent, %d received", s.sent, s.received))
	case float64(s.sent) < 0.98*float64(h.calls)*2*50*float64(o.seconds):
		h.fault(fmt.Errorf("the generator sent %d of %d packets: this machine is too busy", s.sent, h.calls*2*50*o.seconds))
	}
}

// reportMedia prints the run and appends its row. Loss is a result, unless it is the generator's own.
func (o options) reportMedia(h *held, system string) error {
	if h.ownDrops > 0 {
		h.fault(fmt.Errorf("the generator's own receive buffers dropped %d packets", h.ownDrops))
	}
	if len(h.faults) > 0 {
		return fmt.Errorf("media against %s with %d calls was NOT CLEAN, no figure:\n%w", system, h.calls, errors.Join(h.faults...))
	}
	seconds := h.window.to.Sub(h.window.from).Seconds()
	s := h.stream
	p50, p99, most := milliseconds(s.p50), milliseconds(s.p99), milliseconds(s.max)
	if s.behind > tolerable {
		p50, p99, most = "busy", "busy", "busy"
	}
	return o.record(mediaTable, []cell{
		{"date", today()}, {"commit", o.commit}, {"machine", machine()}, {"system", system},
		{"calls", fmt.Sprint(h.calls)}, {"slot ms", milliseconds(o.slot)}, {"seconds", fmt.Sprintf("%.0f", seconds)},
		{"sent", fmt.Sprint(s.sent)}, {"lost", fmt.Sprint(s.sent - s.received)}, {"late", fmt.Sprint(s.reordered)},
		{"p50 ms", p50}, {"p99 ms", p99}, {"max ms", most},
		{"CPU s / 1000 call-s", fmt.Sprintf("%.2f", h.window.switchs.Seconds()/(float64(h.calls)*seconds)*1000)},
		{"kB / call", fmt.Sprint(h.perCall)}, {"goroutines", orDash(h.goroutines)}, {"drops", fmt.Sprint(h.drops)},
		{"sender late ms", milliseconds(s.behind)},
		{"other cores", fmt.Sprintf("%.1f", h.window.others())}, {"command", "`" + o.command + "`"},
	})
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000) }

// tolerable is how late the generator may be before the delays say more about the machine than about the switch: who
// starves the one starves the other.
const tolerable = 20 * time.Millisecond

// talk is a caller and a callee with many calls between them.
type talk struct {
	gen     *generator
	caller  *phone.Phone
	callee  *phone.Phone
	number  string
	arrived chan arrival
	calls   []*phone.Call // the caller's
	called  []*phone.Call // the callee's
}

// arrival is what the callee made of one call.
type arrival struct {
	call *phone.Call
	to   netip.AddrPort // where the switch wants its RTP
	err  error
}

func newTalk(ctx context.Context, t *target, u users, g *generator) (*talk, error) {
	k := &talk{gen: g, number: u.number(1), arrived: make(chan arrival, 1)}
	var err error
	if k.caller, err = phone.New(phone.Config{Number: u.number(0), Password: u.password, Server: t.sip, Deaf: true}); err != nil {
		return nil, err
	}
	k.callee, err = phone.New(phone.Config{Number: k.number, Password: u.password, Server: t.sip, Deaf: true, OnInvite: k.answer})
	if err != nil {
		k.caller.Close()
		return nil, err
	}
	for _, p := range []*phone.Phone{k.caller, k.callee} {
		if err := p.Register(ctx, 3600); err != nil {
			k.close()
			return nil, err
		}
	}
	return k, nil
}

func (k *talk) answer(c *phone.Call) {
	a := arrival{call: c}
	if sdp := c.Invite.SDP(); sdp == nil {
		a.err = errors.Join(errors.New("the callee was offered no audio"), c.Reject(488, ""))
	} else {
		a.to = sdp.Addr
		a.err = errors.Join(c.Ring(), c.Answer(phone.WithSDP(k.gen.describe())))
	}
	k.arrived <- a
}

// add sets one call up, and its two streams.
func (k *talk) add(ctx context.Context) error {
	c, err := k.caller.Dial(ctx, k.number, phone.WithSDP(k.gen.describe()))
	if err != nil {
		return err
	}
	if err := c.WaitAnswer(ctx); err != nil {
		return fmt.Errorf("call %d: %w", len(k.calls)+1, err)
	}
	var a arrival
	select {
	case a = <-k.arrived:
	case <-ctx.Done():
		return ctx.Err()
	}
	sdp := c.Remote()
	if a.err != nil || sdp == nil {
		return errors.Join(a.err, errors.New("no session on both sides"))
	}
	k.calls, k.called = append(k.calls, c), append(k.called, a.call)
	k.gen.add(sdp.Addr)
	k.gen.add(a.to)
	return nil
}

func (k *talk) hangUp(ctx context.Context) error {
	for i, c := range k.calls {
		if !c.Active() {
			return fmt.Errorf("call %d of %d had ended by itself", i+1, len(k.calls))
		}
	}
	for i, c := range k.calls {
		if err := c.Hangup(); err != nil {
			return err
		}
		_, err := c.WaitEnd(ctx)
		_, err2 := k.called[i].WaitEnd(ctx)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
	}
	return nil
}

func (k *talk) close() {
	k.caller.Close()
	k.callee.Close()
}
