package media

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/port"
)

func (b *bed) open(n uint32) *callstate.MediaFailed {
	b.Do(callstate.OpenMedia{Leg: legID(n)})
	for _, ev := range b.take() {
		f := ev.(callstate.MediaFailed)
		return &f
	}
	return nil
}

// Edge cases M22, M23: a range that is used up refuses the new leg only; a freed port rests.
func TestPortRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.PortMin, c.PortMax = 20001, 20008 })
		for n := range uint32(3) {
			if f := b.open(n + 1); f != nil {
				t.Fatalf("leg %d: %+v", n+1, f)
			}
		}
		f := b.open(4)
		if f == nil || f.Reason != callstate.NoPorts || f.Leg != legID(4) || f.Ref != 0 || f.Text != "all ports of 20001-20008 are in use" {
			t.Fatalf("%+v", f)
		}
		if s := b.Stats(); s.Legs != 3 || s.PortsUsed != 3 || s.PortsFree != 0 {
			t.Errorf("%+v", s)
		}
		b.Do(callstate.CloseMedia{Leg: legID(2)})
		b.Do(callstate.CloseMedia{Leg: legID(2)}) // again: nothing
		if f := b.open(4); f == nil {
			t.Error("the port was given out before it had rested")
		}
		time.Sleep(port.Rest)
		if f := b.open(4); f != nil {
			t.Errorf("%+v", f)
		}
		if s := b.Stats(); s.Legs != 3 || s.PortsUsed != 3 || s.PortsFree != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A port that another program has is skipped.
func TestPortTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.PortMin, c.PortMax = 20000, 20005 })
		for _, at := range []string{"198.51.100.1:20000", "198.51.100.1:20004"} {
			if _, err := b.net.ListenPacket(at); err != nil {
				t.Fatal(err)
			}
		}
		if f := b.open(1); f != nil {
			t.Fatalf("%+v", f)
		}
		b.Do(callstate.MakeOffer{Leg: legID(1)})
		if body := string(one[callstate.OfferMade](b).SDP); !strings.Contains(body, "m=audio 20002 ") {
			t.Errorf("got\n%s", body)
		}
		if f := b.open(2); f == nil || f.Reason != callstate.NoPorts {
			t.Errorf("%+v", f)
		}
		if s := b.Stats(); s.PortsFree != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// dead is a network that gives no socket.
type dead struct{ Network }

func (dead) ListenPacket(netip.AddrPort) (PacketConn, error) { return nil, errors.New("out of files") }

func TestNoSocket(t *testing.T) {
	for _, ports := range [][2]uint16{{0, 0}, {20000, 20003}} {
		b := newBed(t, func(c *Config) { c.Net, c.PortMin, c.PortMax = dead{}, ports[0], ports[1] })
		if f := b.open(1); f == nil || f.Reason != callstate.NoPorts || !strings.Contains(f.Text, "out of files") {
			t.Errorf("%v: %+v", ports, f)
		}
	}
}

// Commands for a leg that is not there are answered as the contract says, and nothing panics.
func TestNoLeg(t *testing.T) {
	b := newBed(t, nil)
	for _, cmd := range []callstate.MediaCommand{
		callstate.MakeOffer{Leg: legID(1), Ref: 5}, callstate.MakeAnswer{Leg: legID(1), Ref: 5}, callstate.TakeAnswer{Leg: legID(1), Ref: 5},
	} {
		b.Do(cmd)
		if f := one[callstate.MediaFailed](b); f.Reason != callstate.NoStream || f.Ref != 5 {
			t.Errorf("%T: %+v", cmd, f)
		}
	}
	b.Do(callstate.CloseMedia{Leg: legID(1)})
	b.Do(callstate.Connect{Leg: legID(1)})
	if evs := b.take(); len(evs) != 0 {
		t.Errorf("%+v", evs)
	}
}

// After Close nothing is left: no leg, no port, no goroutine (the bubble would wait for one), no event.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, func(c *Config) { c.Silence = time.Second })
		b.Do(callstate.Connect{Leg: bob.leg, Play: callstate.Music})
		b.Do(callstate.SendDigits{Leg: bob.leg, Digits: "123", Way: callstate.ByEvent})
		time.Sleep(30 * time.Millisecond)
		b.Close()
		b.Close()
		s := b.Stats()
		if s.Legs != 0 || s.PortsUsed != 0 || s.PortsFree != 50 || s.Sent == 0 {
			t.Errorf("%+v", s)
		}
		if f := b.open(3); f != nil {
			t.Errorf("%+v", f)
		}
		alice.talk(0, 2)
		time.Sleep(time.Minute)
		if evs := b.take(); len(evs) != 0 {
			t.Errorf("told %+v after Close", evs)
		}
	})
}

func TestConfig(t *testing.T) {
	ok := Config{Post: func(callstate.Event) {}}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
	any4, ip6 := netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("2001:db8::1")
	for want, c := range map[string]Config{
		"Post: missing": {},
		"Advertise: needed where Listen is 0.0.0.0: phones cannot send there": {Listen: any4},
		"Advertise: 224.0.0.1 is a multicast address":                         {Advertise: netip.MustParseAddr("224.0.0.1")},
		"Advertise: 2001:db8::1 and Listen 0.0.0.0 are of different families": {Listen: any4, Advertise: ip6},
		"PortMin, PortMax: give both or none":                                 {PortMin: 1},
		"PortMin, PortMax: 9-10 holds no pair of an even and an odd port":     {PortMin: 9, PortMax: 10},
		"PortMin, PortMax: 65535-65535 holds no pair of an even and an odd port": {
			PortMin: 65535, PortMax: 65535},
		"Silence: -1s is negative": {Silence: -time.Second},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if _, err := New(Config{PortMin: 5, Silence: -1}); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all faults at once: %v", err)
	}
}
