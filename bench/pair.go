package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"ringdown/bench/phone"
)

// pair is two providers in one process: calls go from one through the switch to the other, which rings and answers. It
// repeats nothing, so that whatever is lost makes a run that is not clean.
//
//	caller        switch        callee
//	  |--INVITE 1-->|--INVITE 2-->|     from before 1 is sent until the kernel has 2: the first delay
//	  |<---180 4----|<---180 3----|     from before 3 is sent until the kernel has 4: the second
//	  |<----200-----|<----200-----|     after the time ring
//	  |-----BYE---->|-----BYE---->|     after the time hold
type pair struct {
	from, to *net.UDPConn
	sw       netip.AddrPort
	prefix   string // of Call-IDs, so that they are new to a peer that ran before
	hold     time.Duration
	first, n int // the calls whose delays count: first to n-1 of all
	quit     chan struct{}
	running  sync.WaitGroup

	mu             sync.Mutex
	calls          map[string]*pairCall // by the number called, and by Call-ID of the caller
	rings, talks   []due                // in the order of their times
	ended          int
	again          int // messages of the switch that came once more
	invites, rangs delays
	behind         time.Duration // the most that an INVITE left too late
	fault          error         // the first
}

// pairCall is one call.
type pairCall struct {
	dialog
	k                                          int
	invited, rang                              time.Time // when INVITE and 180 were sent
	got, ringing, answered, acked, byed, ended bool
	invite                                     *phone.Message // as the callee had it
}

// due is a call that something is to be done with at a time.
type due struct {
	at time.Time
	c  *pairCall
}

// pairNumbers are the numbers of pair 0. One is used again once its call is over.
const pairNumbers = 10_000

func newPair(t *target, hold time.Duration) (*pair, error) {
	if len(t.lines) != 2 {
		return nil, fmt.Errorf("%s has %d lines, not 2", t.name, len(t.lines))
	}
	p := &pair{hold: hold, calls: map[string]*pairCall{}, quit: make(chan struct{}), prefix: fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())}
	var err error
	if p.sw, err = netip.ParseAddrPort(t.sip); err != nil {
		return nil, err
	}
	if p.from, err = listenStamped(t.lines[0].port); err != nil {
		return nil, err
	}
	if p.to, err = listenStamped(t.lines[1].port); err != nil {
		p.from.Close()
		return nil, err
	}
	p.running.Go(func() { p.receive(p.from, p.atCaller) })
	p.running.Go(func() { p.receive(p.to, p.atCallee) })
	return p, nil
}

func (p *pair) close() {
	close(p.quit)
	p.from.Close()
	p.to.Close()
	p.running.Wait()
}

// run makes calls at a rate, and waits for their ends. The delays of the first 20 % and the last 10 % do not count.
func (p *pair) run(ctx context.Context, rate, calls int) {
	p.mu.Lock()
	p.first, p.n = int(lead*float64(calls)), calls-int(trail*float64(calls))
	p.mu.Unlock()
	defer precise()()
	begin := time.Now()
	lasts := time.Duration(calls) * time.Second / time.Duration(rate)
	for k := 0; ; {
		now := time.Now()
		for k < calls && now.Sub(begin) >= time.Duration(k)*time.Second/time.Duration(rate) {
			p.behind = max(p.behind, now.Sub(begin)-time.Duration(k)*time.Second/time.Duration(rate))
			p.invite(k)
			k++
		}
		p.step(now)
		p.mu.Lock()
		over := p.ended
		done := over == calls || p.fault != nil
		p.mu.Unlock()
		switch {
		case done:
			return
		case ctx.Err() != nil || now.Sub(begin) > lasts+p.hold+10*time.Second:
			p.fail(fmt.Errorf("%d of %d calls were over in time", over, calls))
			return
		}
		nap(500 * time.Microsecond)
	}
}

func (p *pair) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil {
		p.fault = err
	}
}

// invite begins call k.
func (p *pair) invite(k int) {
	number := fmt.Sprint(outsiders.first + k%pairNumbers)
	at := p.from.LocalAddr()
	c := &pairCall{k: k, dialog: dialog{uri: fmt.Sprintf("sip:%s@%s", number, p.sw), via: at.String(),
		from: fmt.Sprintf("<sip:800000@%s>;tag=%d", p.sw, k), to: fmt.Sprintf("<sip:%s@%s>", number, p.sw),
		callID: fmt.Sprintf("%s-%d", p.prefix, k), contact: fmt.Sprintf("sip:800000@%s", at)}}
	text := c.request("INVITE", "1", c.callID, offer)
	p.mu.Lock()
	if old := p.calls[number]; old != nil && !(old.ended && old.byed) && p.fault == nil {
		p.fault = fmt.Errorf("the call of %s before this one is not over", number)
	}
	p.calls[number], p.calls[c.callID] = c, c
	c.invited = time.Now()
	p.mu.Unlock()
	p.from.WriteToUDPAddrPort(text, p.sw)
}

// step answers and ends the calls whose time has come.
func (p *pair) step(now time.Time) {
	p.mu.Lock()
	rings, talks := ripe(&p.rings, now), ripe(&p.talks, now)
	p.mu.Unlock()
	for _, d := range rings {
		p.to.WriteToUDPAddrPort(answerTo(d.c.invite, 200, "OK", fmt.Sprintf("b%d", d.c.k), p.calleeAt(d.c), offer), p.sw)
	}
	for _, d := range talks {
		p.from.WriteToUDPAddrPort(d.c.request("BYE", "2", d.c.callID+"b", ""), p.sw)
	}
}

// ripe takes what is due from the begin of a queue.
func ripe(queue *[]due, now time.Time) (out []due) {
	n := 0
	for n < len(*queue) && !(*queue)[n].at.After(now) {
		n++
	}
	out, *queue = (*queue)[:n:n], (*queue)[n:]
	return out
}

// calleeAt is the callee's Contact; its user is the number, so that requests in the dialog are found by it.
func (p *pair) calleeAt(c *pairCall) string {
	return "sip:" + calledBy(c.invite) + "@" + p.to.LocalAddr().String()
}

// receive hands on what comes to one end, until that is closed.
func (p *pair) receive(at *net.UDPConn, take func(m *phone.Message, when time.Time)) {
	buffer := make([]byte, 1<<16)
	for {
		n, _, when, err := receiveStamped(at, buffer)
		if err != nil {
			select {
			case <-p.quit:
			default:
				p.fail(err)
			}
			return
		}
		if len(strings.TrimSpace(string(buffer[:n]))) == 0 { // a keep-alive
			continue
		}
		m, err := phone.ParseMessage(buffer[:n])
		if err != nil {
			p.fail(err)
			continue
		}
		m.Body = nil // it is part of the buffer
		take(m, when)
	}
}

// once marks that something came, or counts that it came again.
func (p *pair) once(seen *bool) bool {
	if *seen {
		p.again++
		return false
	}
	*seen = true
	return true
}

// counts says whether the delays of a call count.
func (p *pair) counts(c *pairCall) bool { return c.k >= p.first && c.k < p.n }

// over counts a call whose BYE has come through and was answered.
func (p *pair) over(c *pairCall) {
	if c.byed && c.ended {
		p.ended++
		delete(p.calls, c.callID)
	}
}

// atCallee takes the switch's requests to the callee.
func (p *pair) atCallee(m *phone.Message, when time.Time) {
	if m.Status != 0 {
		return
	}
	p.mu.Lock()
	c := p.calls[calledBy(m)]
	if c == nil {
		p.mu.Unlock()
		p.fail(fmt.Errorf("the callee got %q", m.StartLine()))
		return
	}
	var send []byte
	switch m.Method {
	case "INVITE":
		if !p.once(&c.got) {
			break
		}
		c.invite = m
		if p.counts(c) {
			p.invites.add(when.Sub(c.invited))
		}
		send = answerTo(m, 180, "Ringing", fmt.Sprintf("b%d", c.k), p.calleeAt(c), "")
		p.rings = append(p.rings, due{time.Now().Add(ring), c})
		c.rang = time.Now()
	case "ACK":
		p.once(&c.acked)
	case "BYE":
		if p.once(&c.byed) {
			p.over(c)
		}
		send = answerTo(m, 200, "OK", "", "", "")
	default:
		send = answerTo(m, 200, "OK", "", "", "")
	}
	p.mu.Unlock()
	if send != nil {
		p.to.WriteToUDPAddrPort(send, p.sw)
	}
}

// atCaller takes the switch's responses to the caller.
func (p *pair) atCaller(m *phone.Message, when time.Time) {
	_, method := m.CSeq()
	if m.Status == 0 {
		p.fail(fmt.Errorf("the caller got %q", m.StartLine()))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.calls[m.Get("Call-ID")]
	switch {
	case c == nil:
		p.again++ // of a call that is over
	case m.Status >= 300:
		if p.fault == nil {
			p.fault = fmt.Errorf("%q to the %s of call %d", m.StartLine(), method, c.k)
		}
	case method == "BYE":
		if p.once(&c.ended) {
			p.over(c)
		}
	case m.Status == 180:
		if p.once(&c.ringing) && p.counts(c) {
			p.rangs.add(when.Sub(c.rang))
		}
	case m.Status >= 200:
		if p.once(&c.answered) {
			c.dialog.answered(m)
			p.talks = append(p.talks, due{time.Now().Add(p.hold), c})
		}
		p.from.WriteToUDPAddrPort(c.request("ACK", "1", c.callID+"a", ""), p.sw)
	}
}
