package media

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/g711"
)

// Edge case M3: each leg has its own payload numbers, in each direction.
func TestPayloadNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		b.join(alice, bob, alice.sdp("111"), bob.sdp("96", "a=rtpmap:96 opus/48000/2"))
		alice.send(111, true, []byte{1, 2, 3}, 960)
		// Bob answered with 96 what we had offered as 111; he may send either.
		bob.send(96, false, []byte{4, 5}, 960)
		bob.send(111, false, []byte{6}, 960)
		if got := bob.hear(); len(got) != 1 || got[0].PayloadType != 96 || !bytes.Equal(got[0].Payload, []byte{1, 2, 3}) {
			t.Errorf("bob heard %v", got)
		}
		if got := alice.hear(); len(got) != 2 || got[0].PayloadType != 111 || got[1].PayloadType != 111 {
			t.Errorf("alice heard %v", got)
		}
	})
}

// Edge case M1.
func TestTranscode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		b.join(alice, bob, alice.sdp("8"), bob.sdp("0"))
		all, want := make([]byte, 256), make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		alice.send(8, false, all, 256)
		g711.ToU(want, all)
		if got := bob.hear(); len(got) != 1 || got[0].PayloadType != 0 || !bytes.Equal(got[0].Payload, want) {
			t.Errorf("bob heard %v", got)
		}
		bob.send(0, false, all, 256)
		g711.ToA(want, all)
		if got := alice.hear(); len(got) != 1 || got[0].PayloadType != 8 || !bytes.Equal(got[0].Payload, want) {
			t.Errorf("alice heard %v", got)
		}
	})
}

// What a phone may put round its audio does not reach the other leg; what is no audio does not either.
func TestOnlyAudioPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		h := rtp.Header{Version: 2, Padding: true, Extension: true, ExtensionProfile: 0xbede, CSRC: []uint32{7, 8}, SequenceNumber: 1, SSRC: 5}
		if err := h.SetExtension(1, []byte{0xaa}); err != nil {
			t.Fatal(err)
		}
		raw, err := (&rtp.Packet{Header: h, Payload: []byte("audio"), PaddingSize: 7}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		alice.raw(raw)
		got := bob.hear()
		if len(got) != 1 || string(got[0].Payload) != "audio" || got[0].Extension || got[0].Padding || len(got[0].CSRC) > 0 {
			t.Fatalf("bob heard %v", got)
		}
		for name, raw := range map[string][]byte{
			"empty":              {},
			"short":              {0x80, 0, 0},
			"STUN":               append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...),
			"M15: RTCP":          append([]byte{0x80, 200, 0, 6}, make([]byte, 24)...),
			"X17: RTCP BYE":      append([]byte{0x81, 203, 0, 1}, make([]byte, 24)...),
			"M18: comfort noise": append([]byte{0x80, 13}, make([]byte, 11)...),
			"unknown payload":    append([]byte{0x80, 77}, make([]byte, 20)...),
			"no payload":         append([]byte{0x80, 0}, make([]byte, 10)...),
			"too much padding":   append(append([]byte{0xa0, 0}, make([]byte, 20)...), 200),
			"CSRC beyond":        append([]byte{0x8f, 0}, make([]byte, 20)...),
			"longer than RTP":    append([]byte{0x80, 0}, make([]byte, 4000)...),
		} {
			alice.raw(raw)
			if got := bob.hear(); len(got) != 0 {
				t.Errorf("%s: bob heard %v", name, got)
			}
		}
		// All but the one that was too long are counted; RTCP is no sign that the phone speaks, comfort noise is.
		if s, _ := b.LegStats(alice.leg); s.Malformed != 10 || s.Received != 3 {
			t.Errorf("%d malformed and %d received, want 10 and 3", s.Malformed, s.Received)
		}
	})
}

// Edge cases M8, M24: to the phone it is one stream, whoever feeds it.
func TestOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		carol := b.handset(3, "192.0.2.3:4000")
		b.Do(callstate.OpenMedia{Leg: carol.leg, Offer: carol.sdp("8 101")})
		b.Do(callstate.MakeAnswer{Leg: carol.leg, Like: bob.leg})
		carol.port(one[callstate.AnswerMade](b).SDP)

		alice.talk(0, 3)
		alice.ssrc, alice.seq, alice.ts = 99, 7, 0 // the phone moves to another device
		alice.talk(0, 2)
		b.Do(callstate.Connect{Leg: bob.leg, Play: callstate.Music})
		time.Sleep(95 * time.Millisecond)
		b.Do(callstate.Connect{Leg: bob.leg, Hears: []callstate.LegID{carol.leg}})
		if c := one[callstate.Connected](b); c.How != callstate.Transcoded {
			t.Errorf("%+v", c)
		}
		carol.talk(8, 2)
		alice.talk(0, 1) // nobody hears her any more
		b.Do(callstate.Connect{Leg: bob.leg})
		time.Sleep(time.Second)
		b.Do(callstate.Connect{Leg: bob.leg, Hears: []callstate.LegID{alice.leg}})
		alice.talk(0, 2)

		var markers []int
		got := bob.hear()
		for i, p := range got {
			if p.SSRC != got[0].SSRC || p.PayloadType != 0 || p.SequenceNumber != got[0].SequenceNumber+uint16(i) {
				t.Errorf("packet %d: %+v", i, p.Header)
			}
			if i > 0 && int32(p.Timestamp-got[i-1].Timestamp) < 160 {
				t.Errorf("packet %d: timestamp %d after %d", i, p.Timestamp, got[i-1].Timestamp)
			}
			if p.Marker {
				markers = append(markers, i)
			}
		}
		if len(got) != 3+2+5+2+2 {
			t.Errorf("%d packets, want 14", len(got))
		}
		if want := []int{0, 3, 5, 10, 12}; !equal(markers, want) {
			t.Errorf("markers at %v, want %v", markers, want)
		}
		if gap := got[12].Timestamp - got[11].Timestamp; gap < 8000 {
			t.Errorf("a second of nothing is %d ticks", gap)
		}
	})
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Edge cases R11, M6: a refresh disturbs nothing.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		alice.talk(0, 1)
		alice.send(0, true, make([]byte, 160), 160) // a talkspurt of her own
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0 101"), Like: bob.leg})
		b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("0 101"), Like: alice.leg})
		alice.talk(0, 2)
		got := bob.hear()
		for i, p := range got {
			if p.SequenceNumber != got[0].SequenceNumber+uint16(i) || p.Timestamp != got[0].Timestamp+uint32(160*i) || p.Marker != (i < 2) {
				t.Errorf("packet %d: %+v", i, p.Header)
			}
		}
		if len(got) != 4 {
			t.Errorf("%d packets, want 4", len(got))
		}
	})
}

// Edge cases H1-H4: RTP goes only to a phone that wants it and has an address.
func TestDirection(t *testing.T) {
	for _, c := range []struct {
		name  string
		offer func(h *handset) []byte
		hears bool
	}{
		{"sendrecv", func(h *handset) []byte { return h.sdp("0") }, true},
		{"recvonly", func(h *handset) []byte { return h.sdp("0", "a=recvonly") }, true},
		{"H1: sendonly", func(h *handset) []byte { return h.sdp("0", "a=sendonly") }, false},
		{"H2: inactive", func(h *handset) []byte { return h.sdp("0", "a=inactive") }, false},
		{"H3: 0.0.0.0", func(h *handset) []byte {
			return bytes.Replace(h.sdp("0"), []byte("c=IN IP4 192.0.2.2"), []byte("c=IN IP4 0.0.0.0"), 1)
		}, false},
		{"H4: port 0", func(h *handset) []byte {
			return bytes.Replace(h.sdp("0"), []byte("m=audio 4000"), []byte("m=audio 0"), 1)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, alice, bob := pair(t, nil)
				b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: c.offer(bob), Like: alice.leg})
				alice.talk(0, 3)
				if got := len(bob.hear()); (got > 0) != c.hears {
					t.Errorf("relay: bob heard %d packets", got)
				}
				b.Do(callstate.Connect{Leg: bob.leg, Play: callstate.Music})
				time.Sleep(100 * time.Millisecond)
				if got := len(bob.hear()); (got > 0) != c.hears {
					t.Errorf("music: bob heard %d packets", got)
				}
				// And back: everything is as it was, without another Connect.
				b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("0"), Like: alice.leg})
				time.Sleep(100 * time.Millisecond)
				if len(bob.hear()) == 0 {
					t.Error("bob hears nothing after he resumed")
				}
			})
		})
	}
}

// A wish that cannot be met leaves silence, and says so; it is met when a negotiation makes it possible.
func TestConnectOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		b.Do(callstate.OpenMedia{Leg: alice.leg, Offer: alice.sdp("0 101")})
		b.Do(callstate.OpenMedia{Leg: bob.leg, Offer: bob.sdp("111 0")})
		b.Do(callstate.MakeAnswer{Leg: alice.leg})
		alice.port(one[callstate.AnswerMade](b).SDP)
		b.Do(callstate.Connect{Leg: alice.leg, Hears: []callstate.LegID{bob.leg}})
		if evs := b.take(); len(evs) != 0 {
			t.Errorf("told %+v before bob has a codec", evs)
		}
		how := func(answer []byte) callstate.ConnectedHow {
			t.Helper()
			b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: answer})
			evs := b.take()
			bob.port(evs[0].(callstate.AnswerMade).SDP)
			if len(evs) != 2 {
				t.Fatalf("got %+v, want AnswerMade and Connected", evs)
			}
			return evs[1].(callstate.Connected).How
		}
		if got := how(bob.sdp("111 101")); got != callstate.Impossible {
			t.Errorf("opus: %s", got)
		}
		bob.send(111, false, []byte{1}, 960)
		bob.press(5)
		if n := len(alice.hear()); n != 0 {
			t.Errorf("alice heard %d packets of opus", n)
		}
		if d := one[callstate.DigitReceived](b); d.Passed {
			t.Errorf("%+v", d)
		}
		if got := how(bob.sdp("8")); got != callstate.Transcoded {
			t.Errorf("PCMA: %s", got)
		}
		if got := how(bob.sdp("0")); got != callstate.Relayed {
			t.Errorf("PCMU: %s", got)
		}
		bob.send(0, false, make([]byte, 160), 160)
		if n := len(alice.hear()); n != 1 {
			t.Errorf("alice heard %d packets, want 1", n)
		}
		for _, hears := range [][]callstate.LegID{{alice.leg}, {legID(9)}, {bob.leg, legID(9)}} {
			b.Do(callstate.Connect{Leg: alice.leg, Hears: hears})
			if c := one[callstate.Connected](b); c.How != callstate.Impossible {
				t.Errorf("hearing %v: %+v", hears, c)
			}
			bob.talk(0, 1)
			if n := len(alice.hear()); n != 0 {
				t.Errorf("hearing %v: %d packets", hears, n)
			}
		}
		b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Music})
		b.Do(callstate.Connect{Leg: legID(9), Play: callstate.Music})
		if evs := b.take(); len(evs) != 0 {
			t.Errorf("Connect without Hears told %+v", evs)
		}
	})
}

// Two legs may hear one: each gets its own copy.
func TestTwoHearers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		carol := b.handset(3, "192.0.2.3:4000")
		b.Do(callstate.OpenMedia{Leg: carol.leg, Offer: carol.sdp("8")})
		b.Do(callstate.MakeAnswer{Leg: carol.leg, Like: alice.leg})
		carol.port(one[callstate.AnswerMade](b).SDP)
		b.Do(callstate.Connect{Leg: carol.leg, Hears: []callstate.LegID{alice.leg}})
		speech := bytes.Repeat([]byte{0x12}, 160)
		want := make([]byte, 160)
		g711.ToA(want, speech)
		for range 2 {
			alice.send(0, false, speech, 160)
			if got := bob.hear(); len(got) != 1 || !bytes.Equal(got[0].Payload, speech) {
				t.Errorf("bob heard %v", got)
			}
			if got := carol.hear(); len(got) != 1 || !bytes.Equal(got[0].Payload, want) {
				t.Errorf("carol heard %v", got)
			}
			b.Do(callstate.Connect{Leg: bob.leg, Hears: []callstate.LegID{alice.leg}}) // now he is the second
		}
		b.Do(callstate.CloseMedia{Leg: alice.leg})
		for _, ev := range b.take() {
			if _, ok := ev.(callstate.Connected); !ok {
				t.Errorf("told %+v", ev)
			}
		}
	})
}

// Another clock rate needs another SSRC (RFC 7160); everything else keeps it.
func TestClockRateChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		alice.talk(0, 1)
		first := bob.hear()[0].SSRC
		b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("8"), Like: alice.leg})
		alice.talk(0, 1)
		if got := bob.hear()[0]; got.SSRC != first || got.PayloadType != 8 {
			t.Errorf("PCMA: %+v", got.Header)
		}
		b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("111")})
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("111"), Like: bob.leg})
		alice.send(111, false, []byte{1}, 960)
		if got := bob.hear()[0]; got.SSRC == first || got.PayloadType != 111 {
			t.Errorf("opus: %+v", got.Header)
		}
	})
}

// A packet that was under way while its hearer turned to something else is late.
func TestStaleRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		l := b.find(alice.leg)
		l.in.mu.Lock()
		old := l.in.routes[0]
		l.in.mu.Unlock()
		b.Do(callstate.Connect{Leg: bob.leg})
		old.to.out.relay(old, &head{ssrc: 1}, make([]byte, 172), b.now())
		old.to.out.relayEvent(old, &head{ssrc: 1}, make([]byte, 16), dtmf.Payload{}, 8000, b.now())
		if n := len(bob.hear()); n != 0 {
			t.Errorf("bob heard %d packets", n)
		}
	})
}

// After CloseMedia nothing is told about a leg, whatever its reader still holds.
func TestNothingAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, _ := pair(t, nil)
		l := b.find(alice.leg)
		b.Do(callstate.CloseMedia{Leg: alice.leg})
		l.receive([]byte{0x80, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5, 0x8a, 3, 0x20}, netip.MustParseAddrPort("192.0.2.1:4000"))
		time.Sleep(time.Second)
		if evs := b.take(); len(evs) != 0 {
			t.Errorf("told %+v", evs)
		}
	})
}

// A phone may send any of the codecs that it agreed to, not only the first: G.722 to a partner on G.711 is transcoded.
func TestOtherAgreedCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		b.join(alice, bob, alice.sdp("0 9 101"), bob.sdp("0 9 101"))
		bob.talk(0, 2)
		bob.talk(9, 2)
		bob.talk(0, 2)
		if got := alice.hear(); len(got) != 6 {
			t.Errorf("alice heard %d packets, want 6", len(got))
		}
	})
}
