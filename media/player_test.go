package media

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/tone"
)

// heard joins the payloads of packets and checks that they are one stream of 20 ms frames.
func heard(t *testing.T, h *handset, pt uint8) []byte {
	t.Helper()
	var b []byte
	got := h.hear()
	for i, p := range got {
		if p.PayloadType != pt || len(p.Payload) != 160 {
			t.Fatalf("packet %d: %+v with %d bytes", i, p.Header, len(p.Payload))
		}
		if i > 0 && (p.SequenceNumber != got[i-1].SequenceNumber+1 || p.Timestamp != got[i-1].Timestamp+160 || p.Marker) {
			t.Fatalf("packet %d: %+v after %+v", i, p.Header, got[i-1].Header)
		}
		b = append(b, p.Payload...)
	}
	return b
}

func TestSounds(t *testing.T) {
	for _, c := range []struct {
		sound callstate.Sound
		kind  tone.Kind
		pt    uint8
		law   tone.Law
	}{
		{callstate.Ringback, tone.Ringback, 0, tone.MuLaw}, {callstate.Ringback, tone.Ringback, 8, tone.ALaw},
		{callstate.BusyTone, tone.Busy, 0, tone.MuLaw}, {callstate.Music, tone.Music, 8, tone.ALaw},
		{callstate.Silence, tone.Silence, 0, tone.MuLaw},
	} {
		t.Run(string(c.sound), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				alice := b.handset(1, "192.0.2.1:4000")
				b.Do(callstate.OpenMedia{Leg: alice.leg, Offer: alice.sdp(map[uint8]string{0: "0", 8: "8"}[c.pt])})
				b.Do(callstate.MakeAnswer{Leg: alice.leg})
				alice.port(one[callstate.AnswerMade](b).SDP)
				time.Sleep(21 * time.Millisecond) // the clock rests, as in pair
				synctest.Wait()
				b.Do(callstate.Connect{Leg: alice.leg, Play: c.sound})
				loop := tone.Loop(c.kind, c.law)
				time.Sleep(3*time.Second + time.Millisecond)
				got := heard(t, alice, c.pt)
				if len(got) != 151*160 { // the first frame at once
					t.Fatalf("%d frames in 3 s", len(got)/160)
				}
				for i := range got {
					if got[i] != loop[i%len(loop)] {
						t.Fatalf("sample %d is not the loop's", i)
					}
				}
				// The same wish again does not start the tone anew.
				b.Do(callstate.Connect{Leg: alice.leg, Play: c.sound})
				time.Sleep(20 * time.Millisecond)
				if next := heard(t, alice, c.pt); len(next) != 160 || !bytes.Equal(next, append(loop, loop...)[len(got)%len(loop):][:160]) {
					t.Error("the tone did not simply go on")
				}
				b.Do(callstate.Connect{Leg: alice.leg})
				time.Sleep(time.Second)
				if n := len(alice.hear()); n != 0 {
					t.Errorf("%d packets of nothing", n)
				}
			})
		})
	}
}

// Nothing is made in opus; a leg on it hears nothing, and starts to when it moves to G.711.
func TestSoundNeedsCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice := b.handset(1, "192.0.2.1:4000")
		b.Do(callstate.OpenMedia{Leg: alice.leg, Offer: alice.sdp("111")})
		b.Do(callstate.MakeAnswer{Leg: alice.leg})
		b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Music})
		time.Sleep(time.Second)
		if n := len(alice.hear()); n != 0 {
			t.Errorf("%d packets in opus", n)
		}
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0")})
		time.Sleep(time.Second + time.Millisecond)
		if n := len(alice.hear()); n < 50 {
			t.Errorf("%d packets in PCMU, want 51", n)
		}
	})
}

// The clock has nothing to do while nothing plays: no tick, no timer.
func TestIdleClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		alice.talk(0, 1)
		b.Do(callstate.Connect{Leg: bob.leg, Play: callstate.Music})
		time.Sleep(100 * time.Millisecond)
		b.Do(callstate.Connect{Leg: bob.leg})
		b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Music}) // who does not listen
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0", "a=sendonly")})
		time.Sleep(40 * time.Millisecond)
		b.clock.mu.Lock()
		defer b.clock.mu.Unlock()
		if len(b.clock.busy) != 0 {
			t.Errorf("%d legs still get ticks", len(b.clock.busy))
		}
	})
}

// Edge case E9: a phone that should send and does not is told about, again and again.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, func(c *Config) { c.Silence = 10 * time.Second })
		silent := func() (legs []uint32) {
			synctest.Wait()
			for _, ev := range b.take() {
				legs = append(legs, ev.(callstate.MediaSilent).Leg.N)
			}
			return legs
		}
		time.Sleep(5 * time.Second)
		alice.talk(0, 1) // 5.02 s
		time.Sleep(4900 * time.Millisecond)
		if got := silent(); len(got) != 0 {
			t.Errorf("after 9.9 s: %v", got)
		}
		time.Sleep(200 * time.Millisecond)
		if got := silent(); len(got) != 1 || got[0] != 2 {
			t.Errorf("after 10.1 s: %v, want bob", got)
		}
		time.Sleep(5 * time.Second)
		if got := silent(); len(got) != 1 || got[0] != 1 {
			t.Errorf("after 15.1 s: %v, want alice", got)
		}
		time.Sleep(5 * time.Second)
		if got := silent(); len(got) != 1 || got[0] != 2 {
			t.Errorf("after 20.1 s: %v, want bob again", got)
		}
		// A phone that only listens need not send.
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0", "a=recvonly")})
		b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("0", "a=inactive")})
		b.take()
		time.Sleep(time.Minute)
		if got := silent(); len(got) != 0 {
			t.Errorf("held: %v", got)
		}
		b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("0")})
		b.take()
		time.Sleep(10*time.Second + time.Millisecond)
		if got := silent(); len(got) != 1 || got[0] != 2 {
			t.Errorf("resumed: %v, want bob", got)
		}
		b.Do(callstate.CloseMedia{Leg: bob.leg})
		time.Sleep(time.Millisecond)
		if got := silent(); len(got) != 0 {
			t.Errorf("closed: %v", got)
		}
		b.clock.mu.Lock()
		defer b.clock.mu.Unlock()
		if n := len(b.clock.due); n != 0 {
			t.Errorf("%d checks of closed or silent legs are waiting", n)
		}
	})
}
