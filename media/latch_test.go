package media

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

func TestLatch(t *testing.T) {
	addr := map[byte]netip.AddrPort{
		'S': netip.MustParseAddrPort("10.0.0.1:4000"), 'T': netip.MustParseAddrPort("10.0.0.1:4002"), // what SDPs say
		'N': netip.MustParseAddrPort("192.0.2.1:999"), 'M': netip.MustParseAddrPort("192.0.2.1:998"), // behind the NAT
		'X': netip.MustParseAddrPort("203.0.113.66:666"), 'O': netip.MustParseAddrPort("198.51.100.1:20000"), // stranger, ourselves
	}
	type event struct {
		at   time.Duration
		what byte // 's', 't': a negotiation with S, T; else a packet from there
		ok   bool
		to   byte // where to send afterwards
	}
	const s = time.Second
	for name, events := range map[string][]event{
		"the SDP is right": {{0, 's', true, 'S'}, {1, 'S', true, 'S'}, {2, 'X', false, 'S'}, {3, 'S', true, 'S'}},
		"M5: behind a NAT, once": {{0, 's', true, 'S'}, {1, 'N', true, 'N'}, {2, 'X', false, 'N'}, {3, 'N', true, 'N'},
			{6 * s, 'X', false, 'N'}},
		"M5: the SDP's address is preferred if it also sends": {{0, 's', true, 'S'}, {1, 'X', true, 'X'}, {2, 'S', true, 'S'},
			{3, 'X', false, 'S'}, {4, 'S', true, 'S'}},
		"M5: but not after the first packets": {{0, 's', true, 'S'}, {1, 'N', true, 'N'}, {6 * s, 'S', false, 'N'}},
		"the first packet may come late":      {{0, 's', true, 'S'}, {60 * s, 'N', true, 'N'}, {61 * s, 'X', false, 'N'}},
		"M6: a refresh keeps what is latched": {{0, 's', true, 'S'}, {1, 'N', true, 'N'}, {10 * s, 's', true, 'N'},
			{10*s + 1, 'N', true, 'N'}, {10*s + 2, 'X', false, 'N'}},
		"M6: a refresh opens the latch": {{0, 's', true, 'S'}, {1, 'N', true, 'N'}, {10 * s, 's', true, 'N'},
			{10*s + 1, 'M', true, 'M'}, {10*s + 2, 'X', false, 'M'}, {10*s + 3, 'N', false, 'M'}},
		"M4: the phone moves; the old address is heard for a while": {{0, 's', true, 'S'}, {1, 'S', true, 'S'},
			{10 * s, 't', true, 'T'}, {10*s + 1, 'S', true, 'T'}, {10*s + 2, 'T', true, 'T'}, {10*s + 3, 'S', true, 'T'},
			{12 * s, 'S', false, 'T'}},
		"M4: it moved in the SDP only": {{0, 's', true, 'S'}, {1, 'N', true, 'N'}, {10 * s, 't', true, 'T'},
			{10*s + 1, 'N', true, 'T'}, {12 * s, 'N', true, 'N'}},
		"X13: never our own ports": {{0, 's', true, 'S'}, {1, 'O', false, 'S'}, {2, 'N', true, 'N'}},
		"before any negotiation":   {{0, 'N', false, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var l latch
			for i, e := range events {
				ok := true
				if from, isPacket := addr[e.what]; isPacket {
					before := l.remote()
					var moved bool
					ok, moved = l.accept(from, e.at, func(a netip.AddrPort) bool { return a != addr['O'] })
					if moved != (l.remote() != before) {
						t.Fatalf("event %d: moved is %v", i, moved)
					}
				} else {
					l.negotiate(addr[e.what-'a'+'A'], e.at)
				}
				if ok != e.ok || l.remote() != addr[e.to] {
					t.Fatalf("event %d, %c: got %v, sending to %s; want %v, %s", i, e.what, ok, l.remote(), e.ok, addr[e.to])
				}
			}
		})
	}
}

// The window also closes by packets.
func TestLatchCount(t *testing.T) {
	var l latch
	sdp, other := netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("192.0.2.1:999")
	fit := func(netip.AddrPort) bool { return true }
	l.negotiate(sdp, 0)
	for range latchPackets {
		l.accept(other, 0, fit)
	}
	if ok, _ := l.accept(sdp, 0, fit); ok {
		t.Error("still open after the first packets")
	}
}

// Edge cases M5, M7, I8: the phone behind a NAT is found, a stranger is neither heard nor spoken to.
func TestNAT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		private := netip.MustParseAddrPort("10.0.0.7:4000")
		b.join(alice, bob, describe(private, "0"), bob.sdp("0"))
		thief := b.handset(3, "203.0.113.66:4000")
		thief.to = alice.to

		bob.talk(0, 1)
		if n := len(alice.hear()); n != 0 {
			t.Errorf("alice heard %d packets before she was found", n)
		}
		alice.talk(0, 2)
		thief.talk(0, 2)
		bob.talk(0, 1)
		if n := len(bob.hear()); n != 2 {
			t.Errorf("bob heard %d packets, want alice's 2", n)
		}
		if n := len(alice.hear()); n != 1 {
			t.Errorf("alice heard %d packets, want 1", n)
		}
		if n := len(thief.hear()); n != 0 {
			t.Errorf("the stranger heard %d packets", n)
		}
		// Answering the same offer again, in the 200 after a 183, is no new negotiation.
		time.Sleep(10 * time.Second)
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Like: bob.leg})
		thief.talk(0, 1)
		if s, _ := b.LegStats(alice.leg); s.Stranger != 3 {
			t.Errorf("%d packets of strangers, want 3", s.Stranger)
		}
		// Edge case H3: after a hold by 0.0.0.0 she is still where she was.
		hold := strings.Replace(string(describe(private, "0")), "c=IN IP4 10.0.0.7", "c=IN IP4 0.0.0.0", 1)
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: []byte(hold), Like: bob.leg})
		bob.talk(0, 1)
		if n := len(alice.hear()); n != 0 {
			t.Errorf("held: alice heard %d packets", n)
		}
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: describe(private, "0"), Like: bob.leg})
		bob.talk(0, 1)
		if n := len(alice.hear()); n != 1 {
			t.Errorf("resumed: alice heard %d packets, want 1", n)
		}
	})
}

// Edge case X13: an SDP may not point at ourselves, nor at another leg's latch.
func TestOwnPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Ref: 9, Offer: describe(bob.to, "0")})
		f := one[callstate.MediaFailed](b)
		if f.Reason != callstate.BadSDP || f.Ref != 9 || f.Text != "sdp: line 4: "+bob.to.String()+" is a media port of the switch" {
			t.Errorf("%+v", f)
		}
		// What was in force still is.
		bob.talk(0, 1)
		if n := len(alice.hear()); n != 1 {
			t.Errorf("alice heard %d packets, want 1", n)
		}
		b.Do(callstate.CloseMedia{Leg: bob.leg})
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: describe(bob.to, "0")}) // a phone on this host may have it now
		one[callstate.AnswerMade](b)
		other := netip.AddrPortFrom(bob.to.Addr(), 9000) // another program on this host
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: describe(other, "0")})
		one[callstate.AnswerMade](b)
	})
}
