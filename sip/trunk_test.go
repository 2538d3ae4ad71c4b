package sip

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/callstate"
)

func hangUp(leg callstate.LegID) callstate.HangUp {
	return callstate.HangUp{Leg: leg, Cause: callstate.Cause{Kind: callstate.Normal}}
}

// Every fault of the trunks is named by its field, and no secret with it.
func TestTrunkFaults(t *testing.T) {
	good := Trunk{Name: "provider", Address: "sip.example.com", Register: true, Username: "u", Password: "p"}
	for _, tt := range []struct {
		change func(*Trunk)
		want   string // in the error; empty: none
	}{
		{func(*Trunk) {}, ""},
		{func(t *Trunk) { t.Address = "[2001:db8::1]:5070" }, ""},
		{func(t *Trunk) { t.Address = "2001:db8::1" }, ""},
		{func(t *Trunk) { t.Address = "192.0.2.1:5060"; t.From = "5551@sip.example.com" }, ""},
		{func(t *Trunk) { t.Name = "" }, "Name"},
		{func(t *Trunk) { t.Name = "a\nb" }, "Name"},
		{func(t *Trunk) { t.Name = "first" }, `Name: "first" is taken`},
		{func(t *Trunk) { t.Address = "" }, "Address"},
		{func(t *Trunk) { t.Address = "sip.example.com:0" }, "Address"},
		{func(t *Trunk) { t.Address = "sip.example.com:99999" }, "Address"},
		{func(t *Trunk) { t.Address = "sip:sip.example.com" }, "Address"},
		{func(t *Trunk) { t.Address = "a b" }, "Address"},
		{func(t *Trunk) { t.Address = "0.0.0.0" }, "Address"},
		{func(t *Trunk) { t.Transport = "tls" }, "Transport"},
		{func(t *Trunk) { t.Username = "" }, "Username"},
		{func(t *Trunk) { t.Password = "" }, "Password"},
		{func(t *Trunk) { t.Expires = time.Second }, "Expires"},
		{func(t *Trunk) { t.Qualify = time.Millisecond }, "Qualify"},
		{func(t *Trunk) { t.Qualify = -1 }, "Qualify"},
		{func(t *Trunk) { t.From = "1>" }, "From"},
		{func(t *Trunk) { t.From = "1@" }, "From"},
		{func(t *Trunk) { t.Identify = []netip.AddrPort{{}} }, "Identify[0]"},
		{func(t *Trunk) { t.Identify = []netip.AddrPort{at("224.0.0.1")} }, "Identify[0]"},
		{func(t *Trunk) { t.Identify = []netip.AddrPort{at("192.0.2.7")} }, "Identify[0]: 192.0.2.7:0 is the trunk first already"},
		{func(t *Trunk) { t.Identify = []netip.AddrPort{at("::ffff:192.0.2.7")} }, "is the trunk first already"},
		{func(t *Trunk) { t.Identify = []netip.AddrPort{at("192.0.2.7:5061")} }, ""},
	} {
		trunk := good
		tt.change(&trunk)
		trunks := []Trunk{{Name: "first", Address: "192.0.2.7", Identify: []netip.AddrPort{at("192.0.2.7")}}, trunk}
		_, err := New(Config{Exchange: &trap{}, ReadSDP: func([]byte) (callstate.Facts, error) { return callstate.Facts{}, nil }, Trunks: trunks})
		switch text := fmt.Sprint(err); {
		case tt.want == "" && err != nil, tt.want != "" && !strings.Contains(text, "Trunks[1]."+tt.want) && !strings.Contains(text, tt.want):
			t.Errorf("%+v: %v, expected %q", trunk, err, tt.want)
		}
	}
}

// realOffice is an agent on loopback, with UDP and TCP, for what memnet has not.
func realOffice(t *testing.T, trunks ...Trunk) *office {
	t.Helper()
	o := &office{T: t}
	a, err := New(Config{Exchange: o, ReadSDP: func([]byte) (callstate.Facts, error) { return callstate.Facts{}, nil }, Trunks: trunks})
	if err != nil {
		t.Fatal(err)
	}
	o.agent = a
	t.Cleanup(func() { a.Close() })
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.ServeUDP(pc)
	a.ServeTCP(ln)
	o.tcp = ln.Addr().String()
	return o
}

// until waits for something on the real network.
func (o *office) until(what string, met func() bool) {
	o.Helper()
	for deadline := time.Now().Add(5 * time.Second); !met(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.Fatalf("never: %s\n%+v", what, o.agent.Trunks())
		}
	}
}

func (o *office) has(leg callstate.LegID, kind string) func() bool {
	return func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, ev := range o.events {
			if e, ok := ev.(interface{ About() callstate.LegID }); ok && e.About() == leg && fmt.Sprintf("%T", ev) == "callstate."+kind {
				return true
			}
		}
		return false
	}
}

// Over TCP a trunk registers, is called with credentials, and is hung up; our Contact is where it can connect to.
func TestTrunkTCP(t *testing.T) {
	var p *phone.Phone
	ready := make(chan struct{})
	p, err := phone.New(phone.Config{Number: "provider", Transport: "tcp", OnRequest: func(m *phone.Message) bool {
		<-ready
		switch {
		case m.Get("Authorization") == "":
			challenges(p, m, 401, `Digest realm="r", nonce="n", qop="auth"`)
		case m.Method == "INVITE":
			p.Respond(m, 200, "", phone.WithContact("<sip:gw@"+p.Addr().String()+";transport=tcp>"), phone.WithSDP(sdpOffer))
		default:
			p.Respond(m, 200, "")
		}
		return true
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	close(ready)
	trunk := Trunk{Name: "provider", Address: p.Addr().String(), Transport: "tcp", Register: true, Username: "acct", Password: "secret"}
	o := realOffice(t, trunk)
	o.until("registered", func() bool { return o.agent.Trunks()[0].Status == TrunkUp })
	leg := o.dial("provider", "5503301")
	o.until("answered", o.has(leg, "LegAnswered"))
	o.agent.Do(hangUp(leg))
	o.until("ended", o.has(leg, "LegEnded"))
	for _, m := range append(got(p, "REGISTER"), got(p, "INVITE")...) {
		if c, want := m.Get("Contact"), "<sip:acct@"+o.tcp+";transport=tcp>"; c != want {
			t.Errorf("Contact %s, expected %s", c, want)
		}
	}
	if ms := got(p, "INVITE"); len(ms) != 2 || !strings.HasSuffix(ms[1].URI, ";transport=tcp") {
		t.Errorf("%v", ms)
	}
}

// A trunk that refuses the connection fails the leg at once, so that the next trunk is taken without a pause.
func TestTrunkRefusesConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	o := realOffice(t, Trunk{Name: "provider", Address: ln.Addr().String(), Transport: "tcp"})
	o.until("up", func() bool { return o.agent.Trunks()[0].Status == TrunkUp })
	began := time.Now()
	leg := o.dial("provider", "1")
	o.until("ended", o.has(leg, "LegEnded"))
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("ended after %s", d)
	}
	if cs := o.locate("provider", "1"); len(cs) != 0 {
		t.Errorf("dialled on: %+v", cs)
	}
}

// Sockets open one after the other. An address of a trunk that was looked up before there was one for it counts as soon as
// there is, and the trunk registers then, not after a pause for failures.
func TestTrunkAwaitsItsSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &zone{hosts: map[string]string{"provider.example": "2001:db8::5 203.0.113.5"}}
		trunk := registers()
		trunk.Address = "provider.example"
		o := &office{T: t, net: memnet.New(memnet.Options{Delay: 5 * time.Millisecond})}
		a, err := New(Config{Exchange: o, ReadSDP: func([]byte) (callstate.Facts, error) { return callstate.Facts{}, nil }, Domain: "example.com",
			Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Resolver: dns, Trunks: []Trunk{trunk}})
		if err != nil {
			t.Fatal(err)
		}
		o.agent = a
		serve := func(at string) {
			pc, err := o.net.ListenPacket(at)
			if err == nil {
				err = a.ServeUDP(pc)
			}
			if err != nil {
				t.Fatal(err)
			}
			o.settle()
		}
		six := o.peer("[2001:db8::5]:5060", (&registrar{plan: []string{"503"}}).answer)
		four := o.peer(providerAt, (&registrar{plan: []string{"200"}}).answer)
		o.settle()
		serve("[2001:db8::1]:5060")
		if len(got(six, "REGISTER")) == 0 || len(got(four, "REGISTER")) != 0 {
			t.Errorf("with the first socket: %v and %v", got(six, "REGISTER"), got(four, "REGISTER"))
		}
		serve(switchAt)
		if n := len(a.trunks[0].targets); n != 2 {
			t.Errorf("%d addresses, expected 2", n)
		}
		a.Close()
		for _, p := range o.phones {
			p.Close()
		}
		o.net.Close()
	})
}
