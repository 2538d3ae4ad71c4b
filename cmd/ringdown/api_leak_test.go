package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/callstate"
)

// leakLines make leakCalls together at the same time; how many those are, race_test.go and norace_test.go say.
const leakLines = 20

// I1 after 9,600 calls, of which more than 5,000 were transferred in all the ways that there are, and others cancelled,
// busy, forwarded, held, and hung up by each side: no call, leg, dialog, transaction, stream or port is left, and no
// goroutine.
func TestNothingIsLeft_I1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond}, func(c *Config) {
			for n := 3000; n < 3000+3*leakLines; n++ {
				c.Extensions = append(c.Extensions, Extension{Number: strconv.Itoa(n), Password: demoPassword})
			}
		})
		lines := make([]*leakLine, leakLines)
		for i := range lines {
			lines[i] = newLeakLine(r, 3000+3*i)
		}
		r.settled()
		synctest.Wait()
		before := len(goroutines())
		var wg sync.WaitGroup
		failed := make([]error, leakLines)
		for i, l := range lines {
			wg.Go(func() {
				for n := range leakCalls / leakLines {
					if failed[i] = l.call(n + i); failed[i] != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		for _, err := range failed {
			r.ok(err)
		}
		r.settled()
		synctest.Wait()
		r.same("calls listed", len(r.list()), 0)
		if left := goroutines(); len(left) > before {
			r.Errorf("%d goroutines, %d before; the youngest:\n%s", len(left), before,
				strings.Join(left[before:], "\n\n"))
		}
	})
}

// goroutines are the stacks of all goroutines but the runtime's own, which runtime.NumGoroutine counts now and then, and
// the exchange's workers that rest: how many those are depends on how many calls had something to do at one moment.
func goroutines() []string {
	for size := 1 << 20; ; size *= 2 {
		if b := make([]byte, size); runtime.Stack(b, true) < size {
			all := strings.Split(strings.TrimRight(string(bytes.TrimRight(b, "\x00")), "\n"), "\n\n")
			return slices.DeleteFunc(all, func(stack string) bool {
				return strings.Contains(stack, "exchange.(*workers).work(") && !strings.Contains(stack, "exchange.(*runner)")
			})
		}
	}
}

// leakLine is a caller, its callee and a third phone. It makes one call after the other.
type leakLine struct {
	*rig
	ctx                   context.Context // of no deadline: the phones have their own patience
	from, to, third       *phone.Phone
	caller, callee, other string      // their numbers
	last                  *phone.Call // at the third phone
}

func newLeakLine(r *rig, number int) *leakLine {
	l := &leakLine{rig: r, ctx: context.Background(), caller: strconv.Itoa(number), callee: strconv.Itoa(number + 1), other: strconv.Itoa(number + 2)}
	start := func(n int) *phone.Phone {
		return r.phone(strconv.Itoa(n), func(c *phone.Config) {
			c.Local = fmt.Sprintf("198.51.100.%d:0", 100+n-3000)
			c.Deaf, c.ReuseNonce, c.Transcript = true, true, 50
		})
	}
	l.from, l.to, l.third = start(number), start(number+1), start(number+2)
	return l
}

// leakKinds are the ways in which a call goes on that rings at the callee. Each leaves the calls ended or ending.
var leakKinds = []struct {
	name string
	do   func(l *leakLine, a, b *phone.Call) error
}{
	{"hung up by the caller", func(l *leakLine, a, b *phone.Call) error { return first(l.up(a, b), bye(a)) }},
	{"hung up by the callee", func(l *leakLine, a, b *phone.Call) error { return first(l.up(a, b), bye(b)) }},
	{"cancelled", func(l *leakLine, a, b *phone.Call) error { return a.Cancel() }},
	{"busy", func(l *leakLine, a, b *phone.Call) error { return b.Reject(486, "") }},
	{"held and ended by an application", func(l *leakLine, a, b *phone.Call) error {
		return first(l.up(a, b), l.command("Hold"), l.command("Hangup"))
	}},
	{"forwarded", func(l *leakLine, a, b *phone.Call) error {
		return first(l.command("ForwardCall", "Destination", l.other)(), l.thirdAnswers, bye(a))
	}},
	{"forwarded and cancelled", func(l *leakLine, a, b *phone.Call) error {
		return first(l.command("ForwardCall", "Destination", l.other)(), l.thirdRings, a.Cancel)
	}},
	{"transferred", func(l *leakLine, a, b *phone.Call) error {
		return first(l.up(a, b), l.command("BlindTransfer", "TransferorParty", "callee", "Target", l.other),
			l.thirdAnswers, l.over(b), bye(a))
	}},
	{"referred", func(l *leakLine, a, b *phone.Call) error {
		refer := func() error { _, err := b.Refer(l.ctx, "sip:"+l.other+"@example.com"); return err }
		return first(l.up(a, b), refer, bye(b), l.thirdAnswers, bye(a))
	}},
	{"transfer refused", func(l *leakLine, a, b *phone.Call) error {
		busy := func() error { return l.last.Reject(486, "") }
		return first(l.up(a, b), l.command("BlindTransfer", "TransferorParty", "caller", "Target", l.other),
			l.thirdRings, busy, bye(b))
	}},
	{"moved", func(l *leakLine, a, b *phone.Call) error {
		return first(l.up(a, b), l.ask(func(s *callstate.Summary) callstate.Request {
			return callstate.MoveLeg{Leg: s.Legs[0].ID, Target: l.other}
		}), l.over(b), l.thirdAnswers, bye(a))
	}},
	{"consulted and completed", func(l *leakLine, a, b *phone.Call) error {
		return first(l.up(a, b), l.consult, l.thirdAnswers, l.operate(callstate.Complete), l.over(b), bye(a))
	}},
	{"consulted, swapped and aborted", func(l *leakLine, a, b *phone.Call) error {
		return first(l.up(a, b), l.consult, l.thirdAnswers, l.operate(callstate.Swap), l.operate(callstate.Abort),
			func() error { return l.over(l.last)() }, bye(a))
	}},
	{"three talked", func(l *leakLine, a, b *phone.Call) error {
		return first(l.up(a, b), l.consult, l.thirdAnswers, l.operate(callstate.Threeway), bye(b), bye(a))
	}},
	{"completed while it rang", func(l *leakLine, a, b *phone.Call) error {
		return first(l.up(a, b), l.consult, l.thirdRings, l.operate(callstate.Complete), l.over(b),
			func() error { return l.last.Answer() }, bye(a))
	}},
	{"consultation refused", func(l *leakLine, a, b *phone.Call) error {
		return first(l.up(a, b), l.consult, l.thirdRings, func() error { return l.last.Reject(486, "") }, bye(b))
	}},
}

// ask puts a request to the call of this line's caller.
func (l *leakLine) ask(about func(*callstate.Summary) callstate.Request) func() error {
	return func() error {
		for _, s := range l.sw.exchange.List() {
			if s.Caller.Number == l.caller {
				return l.sw.exchange.Do(l.ctx, s.ID, about(s))
			}
		}
		return errors.New("the call is not listed")
	}
}

// consult has the callee ask the third phone.
func (l *leakLine) consult() error {
	return l.ask(func(s *callstate.Summary) callstate.Request {
		return callstate.Consult{Transferor: s.Legs[1].ID, Target: l.other}
	})()
}

func (l *leakLine) operate(do callstate.Operation) func() error {
	return l.ask(func(s *callstate.Summary) callstate.Request {
		return callstate.Operate{Transferor: s.Legs[1].ID, Do: do}
	})
}

// first runs steps until one fails.
func first(err error, steps ...func() error) error {
	for _, step := range steps {
		if err != nil {
			return err
		}
		err = step()
	}
	return err
}

// call makes the n-th call, each of another kind in turn.
func (l *leakLine) call(n int) error {
	kind := leakKinds[n%len(leakKinds)]
	a, err := l.from.Dial(l.ctx, l.callee)
	if err != nil {
		return err
	}
	b, err := rings(l.ctx, l.to)
	if err == nil {
		err = a.WaitRinging(l.ctx)
	}
	if err == nil {
		err = kind.do(l, a, b)
	}
	if err == nil {
		err = first(l.over(a)(), l.over(b), l.thirdOver)
	}
	if err != nil {
		return fmt.Errorf("call %d, %s: %w", n, kind.name, err)
	}
	return nil
}

func (l *leakLine) up(a, b *phone.Call) error {
	if err := b.Answer(); err != nil {
		return err
	}
	if err := a.WaitAnswer(l.ctx); err != nil {
		return err
	}
	_, err := b.WaitAck(l.ctx)
	return err
}

func bye(c *phone.Call) func() error { return func() error { return c.Hangup() } }

func (l *leakLine) over(c *phone.Call) func() error {
	return func() error { _, err := c.WaitEnd(l.ctx); return err }
}

func (l *leakLine) thirdRings() (err error) { l.last, err = rings(l.ctx, l.third); return err }

func (l *leakLine) thirdAnswers() error {
	return first(l.thirdRings(), func() error { return l.last.Answer() }, func() error { _, err := l.last.WaitAck(l.ctx); return err })
}

// thirdOver waits for the end of what reached the third phone.
func (l *leakLine) thirdOver() error {
	if l.last == nil {
		return nil
	}
	c := l.last
	l.last = nil
	return l.over(c)()
}

// command sends a command for the call of this line's caller.
func (l *leakLine) command(name string, params ...string) func() error {
	return func() error {
		for _, c := range l.list() {
			if c.Source == l.caller {
				if got := l.do(name, append(params, "CallId", c.CallID)...); got.Code != 200 {
					return fmt.Errorf("%s: %d %s", name, got.Code, got.Message)
				}
				return nil
			}
		}
		return fmt.Errorf("%s: the call is not listed", name)
	}
}
