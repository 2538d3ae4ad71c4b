package sip

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/bench/phone"
	"ringdown/sip/internal/tx"
)

// registrar answers REGISTERs one after the other: with a status, or with a status and a header.
type registrar struct {
	mu    sync.Mutex
	plan  []string // "200", "423 Min-Expires: 900", "": no answer; the last one holds for all further ones
	times []time.Time
}

func (r *registrar) answer(p *phone.Phone, m *phone.Message) bool {
	if m.Method != "REGISTER" {
		return takesAll(p, m)
	}
	r.mu.Lock()
	r.times = append(r.times, time.Now())
	step := r.plan[0]
	if len(r.plan) > 1 {
		r.plan = r.plan[1:]
	}
	r.mu.Unlock()
	if step == "" {
		return true
	}
	status, header, _ := strings.Cut(step, " ")
	opts := []phone.Option{phone.WithHeader("Expires", m.Get("Expires"))}
	if status == "200" {
		opts = append(opts, phone.WithContact(m.Get("Contact")))
	}
	if name, value, ok := strings.Cut(header, ": "); ok {
		opts = append(opts, phone.WithHeader(name, value))
	}
	var n int
	for _, c := range status {
		n = 10*n + int(c-'0')
	}
	p.Respond(m, n, "", opts...)
	return true
}

func (r *registrar) next(steps ...string) {
	r.mu.Lock()
	r.plan, r.times = steps, nil
	r.mu.Unlock()
}

// gaps are the times between REGISTERs, in whole seconds.
func (r *registrar) gaps() (out []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 1; i < len(r.times); i++ {
		out = append(out, int(r.times[i].Sub(r.times[i-1]).Round(time.Second)/time.Second))
	}
	return out
}

// statuses are those that OnTrunk was told, in order.
func (o *office) statuses() (out []TrunkStatus) {
	o.settle()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.states {
		out = append(out, s.Status)
	}
	return out
}

// A trunk registers, answers the challenge, obeys 423, registers again in time, and takes it back at the end. All its
// REGISTERs share Call-ID and From-tag, and their CSeq rises (RFC 3261 §10.2). Only while it is registered it is called.
func TestTrunkRegisters(t *testing.T) {
	r := &registrar{plan: []string{`401 WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"`, "423 Min-Expires: 900", "200"}}
	var all []*phone.Message
	withTrunks(t, func(o *office) {
		p := o.peer(providerAt, r.answer)
		o.count(p, "REGISTER", 0) // the first went where nobody was yet
		if cs := o.locate("provider", "1"); len(cs) != 0 {
			t.Errorf("called before it is registered: %+v", cs)
		}
		time.Sleep(time.Second)
		ms := o.count(p, "REGISTER", 3)
		if ms[0].Get("Authorization") != "" || !strings.Contains(ms[1].Get("Authorization"), "nc=00000001") ||
			!strings.Contains(ms[2].Get("Authorization"), "nc=00000002") || ms[1].Get("Expires") != "600" || ms[2].Get("Expires") != "900" ||
			ms[0].URI != "sip:203.0.113.5:5060" || !strings.HasPrefix(ms[0].Get("To"), "<sip:acct@203.0.113.5:5060>") ||
			ms[0].Get("Contact") != "<sip:acct@192.0.2.1:5060>" {
			t.Errorf("%v", ms)
		}
		if got := o.statuses(); !slices.Equal(got, []TrunkStatus{TrunkRegistering, TrunkUp}) {
			t.Errorf("told %v", got)
		}
		if cs := o.locate("provider", "1"); len(cs) != 1 {
			t.Error("not called when it is registered")
		}
		time.Sleep(time.Hour)
		// 85 % of 900 s are 765 s.
		if got := r.gaps(); len(got) != 6 || slices.Min(got[2:]) != 765 || slices.Max(got[2:]) != 765 {
			t.Errorf("gaps %v", got)
		}
		o.agent.Close()
		ms = got(p, "REGISTER")
		if last := ms[len(ms)-1]; last.Get("Expires") != "0" || o.agent.Trunks()[0].Status == "" {
			t.Errorf("not taken back:\n%s", last)
		}
		all = ms
	}, registers())
	for i, m := range all {
		if n, _ := m.CSeq(); m.Get("Call-ID") != all[0].Get("Call-ID") || m.FromTag() != all[0].FromTag() || i > 0 && n <= seqOf(all[i-1]) {
			t.Errorf("REGISTER %d:\n%s", i, m)
		}
	}
}

func seqOf(m *phone.Message) uint32 { n, _ := m.CSeq(); return n }

// refreshAfter leaves 30 s where they are to be had.
func TestRefreshAfter(t *testing.T) {
	for granted, want := range map[time.Duration]time.Duration{
		3600 * time.Second: 3060 * time.Second, 120 * time.Second: 90 * time.Second, 60 * time.Second: 30 * time.Second,
		40 * time.Second: 20 * time.Second, 2 * time.Second: time.Second,
	} {
		if got := refreshAfter(granted); got != want {
			t.Errorf("%s: %s, expected %s", granted, got, want)
		}
	}
}

// N15: a registration that is refused, or challenged without end, is tried again with growing gaps, also one that stays
// without an answer; the trunk is not called meanwhile, and its state says why.
func TestTrunkRegistrationRefused(t *testing.T) {
	for _, tt := range []struct {
		name, step string
		most       int // REGISTERs in the first hour
		reason     string
	}{
		{"403", "403", 20, accountRefused},
		{"401 without end", `401 WWW-Authenticate: Digest realm="r", nonce="n"`, 40, "the account is refused"},
		{"401 with ever new nonces", `401 WWW-Authenticate: Digest realm="r", nonce="n", stale=true`, 60, "the account is refused"},
		{"503 with Retry-After", "503 Retry-After: 240", 20, "refused with 503"},
		{"no answer", "", 30, "no answer"},
		{"423 that asks for nothing longer", "423 Min-Expires: 1", 20, "refused with 423"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &registrar{plan: []string{tt.step}}
			withTrunks(t, func(o *office) {
				o.peer(providerAt, r.answer)
				time.Sleep(time.Hour)
				s := o.agent.Trunks()[0]
				if gaps := r.gaps(); len(gaps) > tt.most || len(gaps) < 4 || slices.Max(gaps) < 200 {
					t.Errorf("gaps %v", gaps)
				}
				if s.Status != TrunkUnregistered || s.Reason != tt.reason || len(o.locate("provider", "1")) != 0 {
					t.Errorf("%+v", s)
				}
				r.next("200")
				time.Sleep(11 * time.Minute)
				if s := o.agent.Trunks()[0]; s.Status != TrunkUp {
					t.Errorf("never tried again: %+v", s)
				}
				// What is in force stays so while its refresh fails, until it runs out.
				r.next("503")
				for len(r.gaps()) == 0 {
					time.Sleep(time.Second)
				}
				if s := o.agent.Trunks()[0]; s.Status != TrunkUp {
					t.Errorf("a refresh failed, but it is still in force: %+v", s)
				}
				time.Sleep(10 * time.Minute)
				if s := o.agent.Trunks()[0]; s.Status != TrunkUnregistered {
					t.Errorf("it has run out: %+v", s)
				}
			}, registers())
		})
	}
}

// Close takes back what may be registered, and waits for a dead registrar 2 s at most.
func TestTrunkUnregisterBounded(t *testing.T) {
	r := &registrar{plan: []string{"200", ""}}
	withTrunks(t, func(o *office) {
		p := o.peer(providerAt, r.answer)
		time.Sleep(time.Second)
		began := time.Now()
		o.agent.Close()
		if d := time.Since(began); d != unregisterLimit {
			t.Errorf("Close took %s", d)
		}
		if ms := got(p, "REGISTER"); len(ms) != 2 || ms[1].Get("Expires") != "0" {
			t.Errorf("%v", ms)
		}
	}, registers())
	// A challenge to it is answered.
	r = &registrar{plan: []string{"200", `407 Proxy-Authenticate: Digest realm="r", nonce="n"`, "200"}}
	withTrunks(t, func(o *office) {
		p := o.peer(providerAt, r.answer)
		time.Sleep(time.Second)
		o.agent.Close()
		if ms := got(p, "REGISTER"); len(ms) != 3 || ms[2].Get("Expires") != "0" || ms[2].Get("Proxy-Authorization") == "" {
			t.Errorf("%v", ms)
		}
	}, registers())
}

// N16: a trunk that answers OPTIONS, whatever it says, is there; after three that it did not answer it gets no calls until
// it answers again. Running calls are left alone.
func TestTrunkQualify(t *testing.T) {
	trunk := provider()
	trunk.Qualify = 30 * time.Second
	withTrunks(t, func(o *office) {
		var mu sync.Mutex
		deaf := false
		p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case m.Method == "OPTIONS" && deaf:
			case m.Method == "OPTIONS":
				p.Respond(m, 405, "")
			default:
				return takesAll(p, m)
			}
			return true
		})
		set := func(v bool) { mu.Lock(); deaf = v; mu.Unlock() }
		time.Sleep(61 * time.Second) // the first one found nobody
		before := len(got(p, "OPTIONS"))
		time.Sleep(10 * time.Minute)
		if n := len(got(p, "OPTIONS")) - before; n != 20 {
			t.Errorf("%d OPTIONS in 10 minutes", n)
		}
		running := o.dial("provider", "1")
		answered := len(got(p, "OPTIONS"))
		set(true)
		for len(got(p, "OPTIONS")) == answered {
			time.Sleep(time.Second)
		}
		time.Sleep(6 * time.Second)
		if cs := o.locate("provider", "1"); len(cs) != 1 {
			t.Error("down after one")
		}
		time.Sleep(20 * time.Second)
		if s := o.agent.Trunks()[0]; s.Status != TrunkDown || len(o.locate("provider", "1")) != 0 {
			t.Errorf("%+v", s)
		}
		o.expect(running, "answered")
		set(false)
		time.Sleep(11 * time.Second)
		if s := o.agent.Trunks()[0]; s.Status != TrunkUp || len(o.locate("provider", "1")) != 1 {
			t.Errorf("%+v", s)
		}
		if got := o.statuses(); !slices.Equal(got, []TrunkStatus{TrunkUp, TrunkDown, TrunkUp}) {
			t.Errorf("told %v", got)
		}
		o.agent.Do(hangUp(running))
		o.count(p, "BYE", 1)
	}, trunk)

}

// N16: a trunk that never answered an OPTIONS is judged by its calls alone, whatever else it answers. That this says little is
// told once, after three; its first answer takes it back.
func TestTrunkNeverAnsweredOPTIONS(t *testing.T) {
	for _, trunk := range []Trunk{provider(), registers()} {
		trunk.Qualify = 30 * time.Second
		withTrunks(t, func(o *office) {
			var answering atomic.Bool
			o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
				return m.Method == "OPTIONS" && !answering.Load() || takesAll(p, m)
			})
			time.Sleep(20 * time.Second)
			if s := o.agent.Trunks()[0]; s.Status != TrunkUp || s.Reason != "" || s.Unheard {
				t.Errorf("after two: %+v", s)
			}
			for range 2 { // an answered call changes nothing
				time.Sleep(10 * time.Minute)
				if s := o.agent.Trunks()[0]; s.Status != TrunkUp || s.Reason != neverAnswered || !s.Unheard {
					t.Errorf("%+v", s)
				}
				leg := o.dial("provider", "1")
				o.expect(leg, "answered")
				o.agent.Do(hangUp(leg))
			}
			answering.Store(true)
			time.Sleep(31 * time.Second)
			var told []string
			o.mu.Lock()
			for _, s := range o.states {
				if s.Status == TrunkUp {
					told = append(told, s.Reason)
				}
			}
			o.mu.Unlock()
			if want := []string{"", neverAnswered, ""}; !slices.Equal(told, want) {
				t.Errorf("told %q, expected %q", told, want)
			}
		}, trunk)
	}
}

// A trunk that was silent to an INVITE is down for the pause of 10 s, also when it answers OPTIONS; a late answer to the
// INVITE ends it. One that answers no OPTIONS either stays down until it does, without being up in between.
func TestTrunkSilentIsDown(t *testing.T) {
	trunk := provider()
	trunk.Qualify = 30 * time.Second
	for _, tt := range []struct {
		name  string
		dead  time.Duration // after the INVITE was given up no OPTIONS is answered for so long
		late  time.Duration // after that the INVITE is answered; 0: never
		down  time.Duration // how long it is seen as down
		first bool          // it answered OPTIONS before
	}{
		{"answers OPTIONS", 0, 0, silentPause, true},
		{"answers the INVITE late", 0, 2 * time.Second, 2 * time.Second, true},
		{"dead", 25 * time.Second, 0, 30 * time.Second, true},
		{"dead for less than the pause", 7 * time.Second, 0, silentPause, true},
		{"drops OPTIONS", time.Hour, 0, silentPause, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withTrunks(t, func(o *office) {
				var deaf atomic.Bool
				var invite atomic.Pointer[phone.Message]
				deaf.Store(!tt.first)
				p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
					if m.Method == "INVITE" {
						invite.Store(m)
					}
					return m.Method == "INVITE" || m.Method == "OPTIONS" && deaf.Load() || takesAll(p, m)
				})
				time.Sleep(65 * time.Second)
				leg := o.dial("provider", "1")
				time.Sleep(trunkPatience - time.Millisecond)
				deaf.Store(tt.dead > 0)
				o.mu.Lock()
				o.states = nil
				o.mu.Unlock()
				time.Sleep(time.Millisecond)
				began := time.Now()
				o.expect(leg, "ended unavailable 480")
				if tt.late > 0 {
					time.Sleep(tt.late - time.Since(began))
					p.Respond(invite.Load(), 486, "")
				}
				if tt.dead < time.Hour {
					time.Sleep(tt.dead - time.Since(began))
					deaf.Store(false)
				}
				time.Sleep(time.Minute)
				o.mu.Lock()
				defer o.mu.Unlock()
				if len(o.states) != 2 || o.states[0].Status != TrunkDown || o.states[1].Status != TrunkUp {
					t.Fatalf("told %+v", o.states)
				}
				if d := o.states[1].Since.Sub(began); d.Round(100*time.Millisecond) != tt.down {
					t.Errorf("down for %s, expected %s", d, tt.down)
				}
			}, trunk)
		})
	}
}

// What a registrar grants is read of our own Contact, among those of the account's other phones.
func TestTrunkGranted(t *testing.T) {
	a := &Agent{}
	trunk := a.newTrunk(registers())
	trunk.reg.round.to = tx.Flow{Transport: "UDP", Local: at(switchAt), Remote: at(providerAt)}
	for _, tt := range []struct {
		expires  string
		contacts [][2]string // host:port of acct's Contact, expires
		want     time.Duration
	}{
		{"", nil, 10 * time.Minute},
		{"120", nil, 2 * time.Minute},
		{"120", [][2]string{{"192.0.2.1", "60"}}, time.Minute},
		{"", [][2]string{{"198.51.100.4:5060", "60"}, {"192.0.2.1:5060", "90"}, {"192.0.2.1:5061", "70"}}, 90 * time.Second},
		{"", [][2]string{{"203.0.113.99:1024", "60"}}, time.Minute}, // as it is seen behind a NAT
		{"0", nil, time.Second},
		{"99999999", nil, 24 * time.Hour},
		{"soon", nil, 10 * time.Minute},
	} {
		res := sip.NewResponse(200, "OK")
		if tt.expires != "" {
			res.AppendHeader(sip.NewHeader("Expires", tt.expires))
		}
		for _, c := range tt.contacts {
			var u sip.Uri
			sip.ParseUri("sip:acct@"+c[0], &u)
			res.AppendHeader(&sip.ContactHeader{Address: u, Params: sip.HeaderParams{{K: "expires", V: c[1]}}})
		}
		if got := trunk.granted(res); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
