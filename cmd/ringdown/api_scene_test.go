package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"net/netip"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
)

// The switch's own tones, in Hz.
const (
	ringTone  = 440
	ringTone2 = 480
)

// scene runs a test in virtual time on a network in memory, and has the switch empty at its end (invariant I1).
func scene(t *testing.T, play func(r *rig), change ...func(*Config)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond}, change...)
		play(r)
		r.settled()
	})
}

// pass lets virtual time go by; it belongs into a bubble.
func (r *rig) pass(d time.Duration) { time.Sleep(d) }

// three are the phones of most tests: 2000, 2001 and 2002.
func (r *rig) three(change ...func(*phone.Config)) (alice, bob, carol *phone.Phone) {
	r.Helper()
	return r.phone("2000", change...), r.phone("2001", change...), r.phone("2002", change...)
}

// ring calls number and lets it ring; the caller knows when it returns.
func (r *rig) ring(from *phone.Phone, number string, to *phone.Phone) (caller, callee *phone.Call) {
	r.Helper()
	caller, err := from.Dial(r.ctx, number)
	r.ok(err)
	callee = r.rung(to)
	r.ok(caller.WaitRinging(r.ctx))
	return caller, callee
}

// rung waits until a phone is called and lets it ring.
func (r *rig) rung(p *phone.Phone) *phone.Call {
	r.Helper()
	c, err := rings(r.ctx, p)
	r.ok(err)
	return c
}

// talk connects two phones, has both send their tones and hear each other.
func (r *rig) talk(from *phone.Phone, number string, to *phone.Phone) (a, b *phone.Call) {
	r.Helper()
	a, b = r.connect(from, number, to)
	r.tones(a, aliceTone, b, bobTone)
	return a, b
}

// tones has two calls send a tone each, and hear each other.
func (r *rig) tones(a *phone.Call, aSends int, b *phone.Call, bSends int) {
	r.Helper()
	a.Media.SendTone(aSends)
	b.Media.SendTone(bSends)
	r.hear(a, bSends, b, aSends)
}

// code fails unless the command is answered with that code.
func (r *rig) code(want int, command string, params ...string) {
	r.Helper()
	if got := r.do(command, params...); got.Code != want {
		r.Fatalf("%s %v: %d %q, expected %d\n%s", command, params, got.Code, got.Message, want, r.ladder())
	}
}

// same fails unless got is what was expected.
func (r *rig) same(what string, got, want any) {
	r.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.Fatalf("%s is %v, expected %v\n%s", what, got, want, r.ladder())
	}
}

// that fails with the ladder unless it is true.
func (r *rig) that(ok bool, format string, args ...any) {
	r.Helper()
	if !ok {
		r.Fatalf(format+"\n%s", append(args, r.ladder())...)
	}
}

// ended waits for the end of a call and checks with what status, 0 after a BYE.
func (r *rig) ended(c *phone.Call, status int) phone.End {
	r.Helper()
	end, err := c.WaitEnd(r.ctx)
	r.ok(err)
	if end.Status != status {
		r.Fatalf("the call ended with %d %s, expected %d\n%s", end.Status, end.Reason, status, r.ladder())
	}
	return end
}

// music fails unless a call hears music now: sound, which is none of the tones of the phones or of ringing.
func (r *rig) music(calls ...*phone.Call) {
	r.Helper()
	for _, c := range calls {
		r.that(!c.Media.Silent(200*time.Millisecond), "silence instead of music")
		for _, hz := range []int{aliceTone, bobTone, carolTone, ringTone2} {
			r.that(!c.Media.Hears(hz, 200*time.Millisecond), "%d Hz instead of music", hz)
		}
	}
}

// unheard fails if a tone is in what a call hears now.
func (r *rig) unheard(c *phone.Call, tones ...int) {
	r.Helper()
	for _, hz := range tones {
		r.that(!c.Media.Hears(hz, 200*time.Millisecond), "%d Hz is heard", hz)
	}
}

// ringback waits until a call hears the switch's ringing tone, and nothing else.
func (r *rig) ringback(c *phone.Call) {
	r.Helper()
	r.ok(c.Media.WaitTone(r.ctx, ringTone))
	r.that(c.Media.Hears(ringTone2, 100*time.Millisecond), "440 Hz without 480 Hz")
}

// oneStream fails unless all that the calls received was one stream each without a gap, a repeat or a step back
// (edge cases M8, M24), on a network that loses nothing.
func (r *rig) oneStream(calls ...*phone.Call) {
	r.Helper()
	for i, c := range calls {
		s := c.Media.Stats()
		if len(s.SSRCs) != 1 || s.Lost+s.Duplicates+s.Late+s.Backward+s.Bad != 0 || len(s.Sources) != 1 {
			r.Fatalf("call %d received no single clean stream: %+v", i, s)
		}
	}
}

// tape is what a call received, packet by packet.
type tape struct {
	mu      sync.Mutex
	packets []taped
}

type taped struct {
	phone.Packet
	at   time.Time
	from netip.AddrPort
}

// record starts a tape.
func record(c *phone.Call) *tape {
	t := &tape{}
	c.Media.SetTap(func(raw []byte, from netip.AddrPort) {
		p, err := phone.ParsePacket(bytes.Clone(raw))
		if err != nil {
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.packets = append(t.packets, taped{p, time.Now(), from})
	})
	return t
}

func (t *tape) all() []taped {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.packets)
}

// requests returns the requests of a method that a phone received, oldest first.
func requests(p *phone.Phone, method string) []*phone.Message {
	return messages(p, false, func(m *phone.Message) bool { return m.Method == method })
}

// messages returns what a phone sent or received, retransmissions left out.
func messages(p *phone.Phone, out bool, want func(*phone.Message) bool) []*phone.Message {
	var found []*phone.Message
	for _, e := range p.Transcript() {
		if e.Out != out || e.Repeat {
			continue
		}
		if m, err := phone.ParseMessage([]byte(e.Text)); err == nil && want(m) {
			found = append(found, m)
		}
	}
	return found
}

// statuses lists the responses that a call got to its INVITEs, without 100 and challenges.
func statuses(c *phone.Call) []int {
	var list []int
	for _, m := range c.Responses() {
		if m.Status > 100 && m.Status != 401 && m.Status != 407 {
			list = append(list, m.Status)
		}
	}
	return list
}

// sipfrags lists the first lines of the reports of a REFER, each with its state.
func sipfrags(p *phone.Phone) []string {
	var list []string
	for _, m := range requests(p, "NOTIFY") {
		line, _, _ := strings.Cut(string(m.Body), "\r\n")
		state, _, _ := strings.Cut(m.Get("Subscription-State"), ";")
		list = append(list, strings.TrimPrefix(line, "SIP/2.0 ")+" "+state)
	}
	return list
}

// quiet fails if any of the phones gets or sends a message during d.
func (r *rig) quiet(d time.Duration, phones ...*phone.Phone) {
	r.Helper()
	before := make([]int, len(phones))
	for i, p := range phones {
		before[i] = len(p.Transcript())
	}
	r.pass(d)
	for i, p := range phones {
		if n := len(p.Transcript()); n != before[i] {
			r.Fatalf("%d more messages at a phone that should be left alone\n%s", n-before[i], p.Ladder())
		}
	}
}
