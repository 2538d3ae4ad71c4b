package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/callstate"
)

// Many random calls at once over a network that loses, repeats and reorders: whatever happens, every request is
// answered, every leg ended, and nothing stays (I1 to I5, I7). A failure names its seed:
// go test -run 'TestLoss/seed 17$'. RINGDOWN_SEEDS=5000 runs so many, however long that takes.
func TestLoss(t *testing.T) {
	seeds, limit := 200, 35*time.Second
	if testing.Short() {
		seeds = 10
	}
	if n, err := strconv.Atoi(os.Getenv("RINGDOWN_SEEDS")); err == nil {
		seeds, limit = n, time.Hour
	}
	start, ran, heard := time.Now(), 0, 0
	defer func() {
		if ran > 5 && heard == 0 { // a few seeds may connect nobody
			t.Error("I8: no audio went to anybody")
		}
	}()
	for seed := range seeds {
		if time.Since(start) > limit {
			t.Logf("%d seeds in %v", seed, limit)
			return
		}
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChaos(t, uint64(seed))
				c.run()
				ran, heard = ran+1, heard+c.heard
			})
		})
	}
}

const (
	lossPhones = 5
	lossFlows  = 24
)

// chaos is one seed: phones that do as they like.
type chaos struct {
	*rig
	seed    uint64
	phones  []*phone.Phone
	callees atomic.Int64 // phones that are still doing something with a call

	mu      sync.Mutex
	rng     *rand.Rand
	created map[callstate.CallID]int // I5
	over    map[callstate.CallID]int
	told    map[netip.AddrPort]bool // where phones have said in an SDP that they want to hear
	heard   int                     // packets of audio to them
	recent  []*phone.Call           // some that may be picked up or taken over
}

func newChaos(t *testing.T, seed uint64) *chaos {
	r := memRig(t, memnet.Options{Seed: seed, Loss: 0.1 + 0.1*float64(seed%2), Dup: 0.05, Reorder: 0.05,
		Delay: 5 * time.Millisecond, Jitter: 10 * time.Millisecond}, func(c *Config) {
		c.Calls.Silence = 20 * time.Second
		c.RingTimeout = 10 * time.Second
		c.Transfer.NoAnswer, c.Transfer.Delay = 5*time.Second, time.Second
		c.Features.DigitTimeout = time.Second
		for i := range c.Extensions {
			c.Extensions[i].Outbound, c.Extensions[i].ConnectedLine, c.Extensions[i].Pickup = i%2 == 0, true, "all"
		}
		c.Extensions[3].Forward = Forward{Busy: "2004", NoAnswer: "2001"}
		c.Extensions[4].Forward = Forward{NoAnswer: providerNumber, Busy: "2003"}
		c.outsideLine(netip.MustParseAddrPort("198.51.100.7:5060"))
		pattern, _ := parsePattern("^555")
		c.Routes.Outbound = []OutboundRoute{{Pattern: pattern, Trunks: []string{outsideTrunk}}}
	})
	c := &chaos{rig: r, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)),
		created: map[callstate.CallID]int{}, over: map[callstate.CallID]int{}, told: map[netip.AddrPort]bool{}}
	r.net.SetTap(c.watch)
	t.Cleanup(r.sw.exchange.Watch(c.notice))
	for i := range lossPhones + 1 {
		number := fmt.Sprint(2000 + i)
		if i == lossPhones {
			number = providerNumber
		}
		c.phones = append(c.phones, r.unregistered(number, func(cfg *phone.Config) {
			cfg.Seed, cfg.Patience, cfg.Transcript, cfg.Deaf = seed+1, 10*time.Minute, 100_000, true
			cfg.OnInvite = func(call *phone.Call) { c.callee(c.phones[i], call) }
			if i == lossPhones {
				cfg.Local, cfg.Password = "198.51.100.7:5060", ""
			}
		}))
	}
	return c
}

// providerNumber is the number of the provider at the other end of the trunk; it is the last of the phones.
const providerNumber = "5550000"

// watch sees every datagram: audio goes nowhere but to where a phone asked for it (I8).
func (c *chaos) watch(from, to netip.AddrPort, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ours := from.Addr() == switchAt.Addr()
	switch {
	case ours && from.Port() >= c.cfg.Media.PortMin && from.Port() <= c.cfg.Media.PortMax:
		if c.heard++; !c.told[to] {
			c.Errorf("I8: audio went to %v", to)
		}
	case !ours:
		if m, err := phone.ParseMessage(data); err == nil && m.SDP() != nil {
			c.told[m.SDP().Addr] = true
		}
	}
}

func (c *chaos) notice(n callstate.Notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch n.Kind {
	case callstate.NoticeCreated:
		c.created[n.Summary.ID]++
	case callstate.NoticeEnded:
		c.over[n.Summary.ID]++
	default:
		if c.over[n.Summary.ID] > 0 {
			c.Errorf("I5: %s after the end of call %d", n.Kind, n.Summary.ID)
		}
	}
}

func (c *chaos) dice(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(n)
}

// wait lets a random time pass, sometimes none.
func (c *chaos) wait(most time.Duration) {
	if n := c.dice(1 + int(most/time.Millisecond)); c.dice(5) > 0 {
		time.Sleep(time.Duration(n) * time.Millisecond)
	}
}

// number is that of anybody: one is not registered, one is outside.
func (c *chaos) number() string {
	if n := c.dice(lossPhones + 2); n <= lossPhones {
		return fmt.Sprint(2000 + n)
	}
	return providerNumber
}

// remember keeps a call for those who take over others' calls.
func (c *chaos) remember(call *phone.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recent = append(c.recent, call); len(c.recent) > 8 {
		c.recent = c.recent[1:]
	}
}

// any is one of the calls that were remembered, nil when there is none.
func (c *chaos) any() *phone.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.recent) == 0 {
		return nil
	}
	return c.recent[c.rng.IntN(len(c.recent))]
}

func (c *chaos) run() {
	for _, p := range c.phones[:lossPhones] {
		c.ok(p.Register(c.ctx, 3600))
	}
	var flows sync.WaitGroup
	for range lossFlows {
		flows.Go(c.caller)
	}
	flows.Wait()
	var left holding
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		if left = c.left(); left == (holding{}) && c.callees.Load() == 0 {
			break
		}
	}
	time.Sleep(time.Minute) // the phones' own transactions
	if left != (holding{}) {
		c.Errorf("I1: the switch still holds %+v", left)
	}
	c.balanced()
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, n := range c.created {
		if n != 1 || c.over[id] != 1 {
			c.Errorf("I5: call %d began %d and ended %d times", id, n, c.over[id])
		}
	}
	if x := c.sw.exchange.Counts(); x.Panics+x.ByForce > 0 {
		c.Errorf("I5: %+v", x)
	}
	if c.Failed() {
		c.Logf("seed %d\n%s", c.seed, c.ladder())
	}
}

// caller calls somebody and does something with it.
func (c *chaos) caller() {
	c.wait(20 * time.Second)
	p := c.phones[c.dice(len(c.phones))]
	call, err := p.Dial(c.ctx, c.number())
	c.ok(err)
	c.remember(call)
	c.wait(3 * time.Second)
	switch c.dice(9) {
	case 0:
		_ = call.Cancel()
	case 1:
		c.command("ForwardCall", "Destination", c.number())
	case 2:
		_, _ = call.WaitStatus(c.ctx, 180)
		c.command("ForwardCall", "Destination", c.number())
	case 3:
		c.takeOver(p)
	default:
		if call.WaitAnswer(c.ctx) == nil {
			c.wait(2 * time.Second)
			c.talking(p, call)
		}
	}
	c.wait(8 * time.Second)
	_ = call.Hangup()
	if _, err := call.WaitEnd(c.ctx); err != nil {
		c.Errorf("seed %d: %v", c.seed, err)
	}
}

// callee does what a phone may do with a call.
func (c *chaos) callee(p *phone.Phone, call *phone.Call) {
	c.callees.Add(1)
	defer c.callees.Add(-1)
	c.remember(call)
	kind := c.dice(9)
	if kind > 1 {
		c.wait(time.Second)
		_ = call.Ring()
		c.wait(3 * time.Second)
	}
	switch kind {
	case 0:
		_ = call.Reject([]int{486, 480, 603, 500}[c.dice(4)], "")
	case 2: // rings on, until it gives up as every phone does: the switch may never have heard it
		ctx, cancel := context.WithTimeout(c.ctx, 90*time.Second)
		if _, err := call.WaitEnd(ctx); err != nil {
			_ = call.Reject(480, "")
		}
		cancel()
	case 3:
		_ = call.Progress()
		c.wait(2 * time.Second)
		_ = call.Answer()
	case 4:
		_ = call.Reject(302, "Moved Temporarily", phone.WithContact(fmt.Sprintf("<sip:%s@example.com>;q=0.7, <sip:%s@example.com>",
			c.number(), c.number())))
	default:
		_ = call.Answer()
	}
	if call.Active() {
		c.wait(2 * time.Second)
		c.talking(p, call)
		c.wait(8 * time.Second)
		_ = call.Hangup()
	}
	if _, err := call.WaitEnd(c.ctx); err != nil {
		c.Errorf("seed %d: %v", c.seed, err)
	}
}

// talking is what may be done with an answered call, from either end. That it fails is no fault: the other side acts too.
func (c *chaos) talking(p *phone.Phone, call *phone.Call) {
	switch c.dice(28) {
	case 0, 1:
		if call.Hold(c.ctx, []string{phone.SendOnly, phone.Inactive, "0.0.0.0"}[c.dice(3)]) == nil && c.dice(2) > 0 {
			_ = call.Resume(c.ctx)
		}
	case 2, 3:
		_, _ = call.Refer(c.ctx, "sip:"+c.number()+"@example.com")
	case 4:
		c.command("BlindTransfer", "TransferorParty", []string{"caller", "callee"}[c.dice(2)], "Target", c.number())
	case 5:
		c.command("Hold")
		c.wait(time.Second)
		c.command("Unhold")
	case 6:
		c.command("Hangup")
	case 7:
		_, _ = call.Reinvite(c.ctx, phone.WithoutSDP())
	case 8:
		_, _ = call.Update(c.ctx, phone.WithDirection(phone.SendRecv))
	case 9:
		_, _ = call.Info(c.ctx, "application/dtmf", "5")
	case 10, 11, 12:
		c.ask(func(l callstate.LegID) callstate.Request { return callstate.Consult{Transferor: l, Target: c.number()} })
		for range c.dice(4) {
			c.wait(2 * time.Second)
			c.ask(func(l callstate.LegID) callstate.Request {
				do := []callstate.Operation{callstate.Abort, callstate.Complete, callstate.Threeway, callstate.Swap, callstate.Swap}
				return callstate.Operate{Transferor: l, Do: do[c.dice(len(do))]}
			})
		}
	case 13:
		c.ask(func(l callstate.LegID) callstate.Request { return callstate.MoveLeg{Leg: l, Target: c.number()} })
	case 14:
		c.ask(func(l callstate.LegID) callstate.Request { return callstate.HoldLeg{Leg: l} })
		c.wait(time.Second)
		c.ask(func(l callstate.LegID) callstate.Request { return callstate.UnholdLeg{Leg: l} })
	case 15:
		c.ask(func(l callstate.LegID) callstate.Request { return callstate.EndLeg{Leg: l} })
	case 16, 17, 18, 19, 20:
		c.secondLine(p, call)
	case 21, 22:
		for _, key := range []string{"*03", "*3", "*0", "*99"}[c.dice(4)] + c.number() + []string{"", "#", "*"}[c.dice(3)] {
			_ = call.Media.SendDigit4733(key, 60)
		}
		c.wait(8 * time.Second)
	case 23:
		c.takeOver(p)
	case 24:
		c.ask(func(l callstate.LegID) callstate.Request {
			other := c.leg()
			return callstate.AttendedTransfer{Transferor: l, Consultation: other}
		})
	}
}

// secondLine is an attended transfer: a second call of the same phone, while which rings or talks the one is handed to
// the other, in either dialog; then the phone may cancel, hang up, or wait.
func (c *chaos) secondLine(p *phone.Phone, first *phone.Call) {
	second, err := p.Dial(c.ctx, c.number())
	if err != nil {
		return
	}
	defer func() { _, _ = second.WaitEnd(c.ctx) }()
	defer func() { _ = second.Hangup() }()
	if c.dice(3) > 0 {
		_ = second.WaitAnswer(c.ctx)
	}
	c.wait(2 * time.Second)
	in, of := first, second
	if c.dice(3) == 0 {
		in, of = second, first
	}
	_, _ = in.ReferReplaces(c.ctx, of)
	switch c.dice(4) {
	case 0:
		_ = second.Hangup()
	case 1:
		_ = first.Hangup()
	case 2:
		c.wait(5 * time.Second)
	}
}

// takeOver is an INVITE with Replaces for anybody's call.
func (c *chaos) takeOver(p *phone.Phone) {
	of := c.any()
	if of == nil {
		return
	}
	call, err := p.Dial(c.ctx, "2000", phone.WithHeader("Replaces", of.Replaces()+[]string{"", ";early-only"}[c.dice(2)]))
	if err != nil {
		return
	}
	if call.WaitAnswer(c.ctx) == nil {
		c.wait(4 * time.Second)
	}
	_ = call.Hangup()
	_, _ = call.WaitEnd(c.ctx)
}

// leg is any leg of any call there is.
func (c *chaos) leg() callstate.LegID {
	calls := c.sw.exchange.List()
	if len(calls) == 0 {
		return callstate.LegID{}
	}
	s := calls[c.dice(len(calls))]
	if len(s.Legs) == 0 {
		return callstate.LegID{}
	}
	return s.Legs[c.dice(len(s.Legs))].ID
}

// ask puts a request to any leg of any call there is; that it is answered at all is I7.
func (c *chaos) ask(about func(callstate.LegID) callstate.Request) {
	calls := c.sw.exchange.List()
	if len(calls) == 0 {
		return
	}
	s := calls[c.dice(len(calls))]
	if len(s.Legs) == 0 {
		return
	}
	req := about(s.Legs[c.dice(len(s.Legs))].ID)
	var refused *callstate.Error
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	if err := c.sw.exchange.Do(ctx, s.ID, req); err != nil && !errors.As(err, &refused) {
		c.Errorf("I7: %#v was not answered: %v", req, err)
	}
}

// command sends a command about any call there is; that it is answered at all is I7.
func (c *chaos) command(name string, params ...string) {
	calls := c.list()
	if len(calls) == 0 {
		return
	}
	if got := c.do(name, append([]string{"CallId", calls[c.dice(len(calls))].CallID}, params...)...); got.Code == 0 {
		c.Errorf("I7: %s was not answered", name)
	}
}
