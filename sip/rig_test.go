package sip

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/callstate"
)

// core plays the calls for a test: it keeps what it is told and does nothing by itself.
type core struct {
	mu     sync.Mutex
	ids    callstate.CallID
	events []callstate.Event
	full   bool // it refuses events
}

func (x *core) NewCallID() callstate.CallID {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ids++
	return x.ids
}

func (x *core) Post(ev callstate.Event) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.full {
		x.events = append(x.events, ev)
	}
	return !x.full
}

// told returns the events of one type so far, in order.
func told[E callstate.Event](x *core) (out []E) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, ev := range x.events {
		if e, ok := ev.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// last returns the newest event of a type, which must have come.
func last[E callstate.Event](r *rig) (e E) {
	r.Helper()
	r.settle()
	all := told[E](r.core)
	if len(all) == 0 {
		r.Fatalf("no %T came\n%s", e, r.wire())
	}
	return all[len(all)-1]
}

// rig is an agent on a network in memory, its core, and phones of the extensions 2000 to 2004.
type rig struct {
	testing.TB
	ctx    context.Context
	agent  *Agent
	core   *core
	net    *memnet.Network
	phones map[string]*phone.Phone
	log    *bytes.Buffer // written in the bubble, one at a time
	logMu  sync.Mutex
}

func (r *rig) Write(b []byte) (int, error) {
	r.logMu.Lock()
	defer r.logMu.Unlock()
	r.Output().Write(b)
	return r.log.Write(b)
}

func (r *rig) logged() string {
	r.logMu.Lock()
	defer r.logMu.Unlock()
	return r.log.String()
}

// inRig runs a test in virtual time.
func inRig(t *testing.T, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{TB: t, ctx: t.Context(), core: &core{}, net: memnet.New(memnet.Options{}), phones: map[string]*phone.Phone{},
			log: &bytes.Buffer{}}
		var users []User
		for i := range 5 {
			users = append(users, User{Number: fmt.Sprint(2000 + i), Password: "secret"})
		}
		var err error
		r.agent, err = New(Config{Exchange: r.core, ReadSDP: func([]byte) (callstate.Facts, error) { return callstate.Facts{}, nil },
			Users: users, Log: slog.New(slog.NewTextHandler(r, nil))})
		r.ok(err)
		pc, err := r.net.ListenPacket("192.0.2.1:5060")
		r.ok(err)
		r.ok(r.agent.ServeUDP(pc))
		defer r.net.Close()
		defer r.agent.Close()
		defer func() {
			for _, p := range r.phones {
				p.Close()
			}
		}()
		test(r)
	})
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%v\n%s", err, r.wire())
	}
}

func (r *rig) same(what string, got, want any) {
	r.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.Fatalf("%s: %v, expected %v\n%s", what, got, want, r.wire())
	}
}

// wire is what went over the wire, by phone.
func (r *rig) wire() string {
	var b strings.Builder
	for _, p := range r.phones {
		b.WriteString(p.Ladder())
	}
	return b.String()
}

// settle lets everything that is under way arrive; the network has no delay.
func (r *rig) settle() {
	time.Sleep(50 * time.Millisecond)
	synctest.Wait()
}

// phone starts the phone of a number, once, and registers it.
func (r *rig) phone(number string, change ...func(*phone.Config)) *phone.Phone {
	r.Helper()
	if p := r.phones[number]; p != nil {
		return p
	}
	c := phone.Config{Number: number, Password: "secret", Domain: "example.com", Server: "192.0.2.1:5060",
		Local: "198.51.100." + number[3:] + ":0", Net: phone.Over(r.net.ListenPacket), Patience: 10 * time.Minute}
	for _, f := range change {
		f(&c)
	}
	p, err := phone.New(c)
	r.ok(err)
	r.phones[number] = p
	r.ok(p.Register(r.ctx, 3600))
	return p
}

// side is one call of a phone and the leg that it is.
type side struct {
	*phone.Call
	leg callstate.LegID
}

// calls has a phone call us. It rings.
func (r *rig) calls(number string, opts ...phone.Option) side {
	r.Helper()
	c, err := r.phone(number).Dial(r.ctx, "2999", opts...)
	r.ok(err)
	s := side{c, last[callstate.LegOffered](r).Leg}
	r.agent.Do(callstate.Ring{Leg: s.leg, Status: 180})
	r.settle()
	return s
}

// rings dials a phone. It rings.
func (r *rig) rings(number string) side {
	r.Helper()
	p := r.phone(number)
	r.agent.Do(callstate.Locate{Number: number})
	at := last[callstate.Located](r).Contacts[0]
	leg := callstate.LegID{Call: r.core.NewCallID(), N: 2}
	r.agent.Do(callstate.Dial{Leg: leg, Number: number, To: at, From: callstate.Party{Number: "2999"}, SDP: []byte(sdp)})
	c, err := p.WaitCall(r.ctx)
	r.ok(err)
	r.ok(c.Ring())
	r.settle()
	return side{c, leg}
}

// up answers a call.
func (r *rig) up(s side, opts ...phone.Option) side {
	r.Helper()
	if s.Incoming {
		r.ok(s.Answer(opts...))
	} else {
		r.agent.Do(callstate.Answer{Leg: s.leg, SDP: []byte(sdp)})
		r.ok(s.WaitAnswer(r.ctx))
	}
	r.settle()
	return s
}

// talks brings up a call in either direction.
func (r *rig) talks(number string, inbound bool) side {
	r.Helper()
	if inbound {
		return r.up(r.calls(number))
	}
	return r.up(r.rings(number))
}

// request sends a request in the dialog and returns its final answer.
func (r *rig) request(s side, method string, opts ...phone.Option) *phone.Message {
	r.Helper()
	m, err := s.Request(r.ctx, method, opts...)
	r.ok(err)
	return m
}

// requests are those of a method that a phone has received, without copies.
func (r *rig) requests(number, method string) (out []*phone.Message) {
	r.Helper()
	for _, e := range r.phone(number).Transcript() {
		if !e.Out && !e.Repeat && strings.HasPrefix(e.Text, method+" ") {
			m, err := phone.ParseMessage([]byte(e.Text))
			r.ok(err)
			out = append(out, m)
		}
	}
	return out
}

// sdp is an offer or answer that every phone takes.
const sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
