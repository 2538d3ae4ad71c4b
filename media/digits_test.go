package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/tone"
)

// line draws packets: "a" audio, "5:160" an update of an event, "5:800E" its end, a "*" before those with a marker.
func line(packets []*rtp.Packet) string {
	var out []string
	for _, p := range packets {
		s := ""
		if p.Marker {
			s = "*"
		}
		if e, ok := dtmf.Read(p.Payload); ok && p.PayloadType == 101 {
			s += fmt.Sprintf("%s:%d", dtmf.Key(e.Event), e.Duration)
			if e.End {
				s += "E"
			}
		} else {
			s += "a"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// continuous checks that packets are one stream: numbers without a gap, time that does not go back, one SSRC, and
// the packets of an event on one timestamp.
func continuous(t *testing.T, packets []*rtp.Packet) {
	t.Helper()
	for i, p := range packets[1:] {
		before := packets[i]
		sameEvent := p.PayloadType == 101 && !p.Marker
		switch d := int32(p.Timestamp - before.Timestamp); {
		case p.SSRC != before.SSRC, p.SequenceNumber != before.SequenceNumber+1:
			t.Errorf("packet %d: %+v after %+v", i+1, p.Header, before.Header)
		case sameEvent && d != 0, !sameEvent && d < 160:
			t.Errorf("packet %d: timestamp %d after %d", i+1, p.Timestamp, before.Timestamp)
		}
	}
}

const five = "*5:160 5:320 5:480 5:640 5:800E 5:800E 5:800E"

// RFC 4733 §2.5.1, edge cases D12, M24: whatever else goes out, a digit has the stream for itself, and the stream goes
// on after it.
func TestInjection(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup func(b *bed, alice, bob *handset)
		talk  bool
		want  string
	}{
		{"while a peer talks", func(*bed, *handset, *handset) {}, true,
			"*a a a " + five + " *a a a " + strings.ReplaceAll(five, "5:", "#:") + " *a a a a"},
		{"while music plays", func(b *bed, _, bob *handset) { b.Do(callstate.Connect{Leg: bob.leg, Play: callstate.Music}) }, false,
			"*a a a " + five + " *a a a " + strings.ReplaceAll(five, "5:", "#:") + " *a a a a a"},
		{"while nothing is heard", func(b *bed, _, bob *handset) { b.Do(callstate.Connect{Leg: bob.leg}) }, false,
			five + " " + strings.ReplaceAll(five, "5:", "#:")},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, alice, bob := pair(t, nil)
				c.setup(b, alice, bob)
				time.Sleep(time.Millisecond)
				for slot := range 24 {
					if c.talk {
						alice.send(0, false, make([]byte, 160), 160)
					}
					time.Sleep(5 * time.Millisecond)
					if slot == 2 {
						b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 7, Digits: "5#", Way: callstate.ByEvent})
					}
					time.Sleep(15 * time.Millisecond)
				}
				got := bob.hear()
				if l := line(got); l != c.want {
					t.Errorf("\n got %s\nwant %s", l, c.want)
				}
				continuous(t, got)
				if done := one[callstate.DigitsSent](b); done.Ref != 7 || done.Fail != "" || done.Leg != bob.leg {
					t.Errorf("%+v", done)
				}
				var starts []uint32
				for _, p := range got {
					if p.PayloadType == 101 && p.Marker {
						starts = append(starts, p.Timestamp)
					}
				}
				if len(starts) != 2 || starts[1]-starts[0] != 1600 {
					t.Errorf("the digits start at %v, want 1600 ticks apart", starts)
				}
			})
		})
	}
}

// Edge case D14, and the commas of the contract.
func TestInjectedStrings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, bob := pair(t, nil)
		start := time.Now()
		b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 1, Digits: "1,d", Way: callstate.ByEvent})
		b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 2, Digits: "3", Way: callstate.ByEvent})
		var done []string
		time.Sleep(5 * time.Millisecond) // to look between ticks, not in the moment of one
		for range 200 {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			for _, ev := range b.take() {
				done = append(done, fmt.Sprint(ev.(callstate.DigitsSent).Ref, " ", time.Since(start).Round(20*time.Millisecond)))
			}
		}
		// The strings come in the moment of a tick: they begin with it or with the next one.
		if got := strings.Join(done, ", "); got != "1 820ms, 2 1.02s" && got != "1 840ms, 2 1.04s" {
			t.Errorf("done: %s", got)
		}
		var order []byte
		for _, p := range bob.hear() {
			if p.Marker {
				order = append(order, dtmf.Key(p.Payload[0])[0])
			}
		}
		if string(order) != "1D3" {
			t.Errorf("order %s", order)
		}
	})
}

func TestInband(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 1, Digits: "59", Way: callstate.ByInband})
		for range 25 {
			alice.send(0, false, bytes.Repeat([]byte{0x22}, 160), 160)
			time.Sleep(20 * time.Millisecond)
		}
		got := bob.hear()
		continuous(t, got)
		quiet := bytes.Repeat([]byte{0xff}, 800)
		want := append(append(append(append([]byte(nil), tone.Key(5, tone.MuLaw)...), quiet...), tone.Key(9, tone.MuLaw)...), quiet...)
		var sent []byte
		for _, p := range got {
			if p.Payload[0] != 0x22 {
				sent = append(sent, p.Payload...)
			}
		}
		if !bytes.Equal(sent, want) {
			t.Errorf("%d bytes of tones, want 5 and 9 with pauses, %d", len(sent), len(want))
		}
		one[callstate.DigitsSent](b)
	})
}

func TestInjectionRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		try := func(digits string, way callstate.DigitWay, leg callstate.LegID) string {
			b.Do(callstate.SendDigits{Leg: leg, Ref: 5, Digits: digits, Way: way})
			time.Sleep(time.Second)
			synctest.Wait()
			d := one[callstate.DigitsSent](b)
			if d.Ref != 5 || d.Leg != leg {
				t.Errorf("%+v", d)
			}
			return d.Fail
		}
		for _, c := range []struct {
			name   string
			offer  []byte // of bob's
			digits string
			way    callstate.DigitWay
			fail   string
		}{
			{"fine", nil, "5", callstate.ByEvent, ""},
			{"no digit", nil, "5x", callstate.ByEvent, `'X' is not a digit`},
			{"none", nil, "", callstate.ByEvent, "no digits"},
			{"too many", nil, strings.Repeat("1", 257), callstate.ByEvent, "too many digits are waiting"},
			{"by INFO", nil, "5", callstate.ByInfo, "media cannot send digits by info"},
			{"D12: held", bob.sdp("0 101", "a=sendonly"), "5", callstate.ByEvent, "the phone does not listen: sendonly"},
			{"no telephone-event", bob.sdp("0"), "5", callstate.ByEvent, "telephone-event was not negotiated"},
			{"but tones", bob.sdp("0"), "5", callstate.ByInband, ""},
			{"no tones in opus", bob.sdp("111 101"), "5", callstate.ByInband, "tones cannot be made in opus"},
			{"event in opus", bob.sdp("111 101"), "5", callstate.ByEvent, ""},
		} {
			if c.offer != nil {
				b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: c.offer})
				b.take()
			}
			if got := try(c.digits, c.way, bob.leg); got != c.fail {
				t.Errorf("%s: %q, want %q", c.name, got, c.fail)
			}
		}
		if got := try("5", callstate.ByEvent, legID(9)); got != "no stream" {
			t.Errorf("no leg: %q", got)
		}
		// The phone stops listening in the middle: the digit that runs is lost, the rest is given up and told.
		b.Do(callstate.SendDigits{Leg: alice.leg, Ref: 6, Digits: "123", Way: callstate.ByEvent})
		time.Sleep(50 * time.Millisecond)
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0 101", "a=inactive")})
		b.take()
		time.Sleep(time.Second)
		if d := one[callstate.DigitsSent](b); d.Ref != 6 || d.Fail == "" {
			t.Errorf("%+v", d)
		}
	})
}

// Edge case D13: closing in mid-digit sends its end, and tells nothing any more.
func TestCloseInDigit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, bob := pair(t, nil)
		b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 1, Digits: "5", Way: callstate.ByEvent})
		time.Sleep(50 * time.Millisecond)
		b.Do(callstate.CloseMedia{Leg: bob.leg})
		time.Sleep(time.Second)
		got := bob.hear()
		if l, want := line(got), "*5:160 5:320 5:480 5:480E 5:480E 5:480E"; l != want {
			t.Errorf("\n got %s\nwant %s", l, want)
		}
		continuous(t, got)
		if evs := b.take(); len(evs) != 0 {
			t.Errorf("told %+v", evs)
		}
	})
}

// press sends a digit as phones do: updates and three ends, 20 ms apart.
func (h *handset) press(event uint8) {
	ts := h.ts
	for i := range 7 {
		p := make([]byte, 4)
		dtmf.Payload{Event: event, End: i >= 4, Duration: uint16(160 * min(i+1, 5)), Volume: 10}.Write(p)
		h.ts = ts
		h.send(101, i == 0, p, 0)
		time.Sleep(20 * time.Millisecond)
	}
	h.ts = ts + 7*160
}

// A digit is told once, and passes with the audio when everyone who hears can take it.
func TestDigitThrough(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer string // bob's formats
		setup  func(b *bed, bob *handset)
		passed bool
		want   string // what bob gets
	}{
		{"passed", "0 101", nil, true, "*a *5:160 5:320 5:480 5:640 5:800E 5:800E 5:800E a"},
		{"bob has another number", "0 96", nil, true, "*a *a a a a a a a a"}, // see below
		{"bob has no telephone-event", "0", nil, false, "*a *a"},
		{"H12: bob is on hold", "0 101", func(b *bed, bob *handset) { b.Do(callstate.Connect{Leg: bob.leg}) }, false, ""},
		{"bob does not listen", "0 101", func(b *bed, bob *handset) {
			b.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("0 101", "a=sendonly")})
		}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
				b.join(alice, bob, alice.sdp("0 101"), bob.sdp(c.answer, "a=rtpmap:96 telephone-event/8000"))
				if c.setup != nil {
					c.setup(b, bob)
				}
				b.take()
				alice.talk(0, 1)
				alice.press(5)
				alice.talk(0, 1)
				got := bob.hear()
				if l := line(got); l != c.want {
					t.Errorf("\n got %s\nwant %s", l, c.want)
				}
				if c.answer == "0 96" && (got[3].PayloadType != 96 || !bytes.Equal(got[3].Payload, []byte{5, 10, 1, 224})) {
					t.Errorf("%v", got[3])
				}
				d := one[callstate.DigitReceived](b)
				if d.Leg != alice.leg || d.Digit != "5" || d.Duration != 100*time.Millisecond || d.Passed != c.passed ||
					d.Via != callstate.ByEvent {
					t.Errorf("%+v", d)
				}
			})
		})
	}
}

// Edge case D2, through the engine: the end of a digit whose end packets are lost comes from the clock.
func TestDigitExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, _ := pair(t, nil)
		for i := range 2 {
			alice.send(101, i == 0, []byte{9, 10, 0, byte(80 * (i + 1))}, 0)
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
		if d := one[callstate.DigitReceived](b); d.Digit != "9" || !d.Passed {
			t.Errorf("%+v", d)
		}
	})
}

// A phone's own digit and one of ours do not mix: ours waits for its end; a digit pressed while ours goes out is left
// to the core.
func TestDigitsMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		go func() {
			time.Sleep(30 * time.Millisecond)
			b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 1, Digits: "1", Way: callstate.ByEvent})
			time.Sleep(200 * time.Millisecond)
			b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 2, Digits: "2", Way: callstate.ByEvent})
		}()
		alice.press(5)
		time.Sleep(200 * time.Millisecond)
		if l, want := line(bob.hear()), five+" "+strings.ReplaceAll(five, "5:", "1:"); l != want {
			t.Errorf("\n got %s\nwant %s", l, want)
		}
		alice.press(6)
		time.Sleep(time.Second)
		var told []string
		for _, ev := range b.take() {
			if d, ok := ev.(callstate.DigitReceived); ok {
				told = append(told, fmt.Sprint(d.Digit, d.Passed))
			}
		}
		if got := strings.Join(told, " "); got != "5true 6false" {
			t.Errorf("told %s", got)
		}
	})
}

// Edge case D11: the units of a duration are those of the clock on each leg. D15: only what the phone lists.
func TestEventConversion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		b.join(alice, bob, alice.sdp("111 101"),
			bob.sdp("111 97", "a=rtpmap:97 telephone-event/48000", "a=fmtp:97 0-11"))
		alice.send(111, false, []byte{1}, 960)
		alice.send(101, true, []byte{5, 10, 0, 160}, 0)
		alice.send(101, false, []byte{5, 0x8a, 0x3f, 0xff}, 0)
		got := bob.hear()
		if len(got) != 3 || got[1].PayloadType != 97 || binary.BigEndian.Uint16(got[1].Payload[2:]) != 960 ||
			binary.BigEndian.Uint16(got[2].Payload[2:]) != 0xffff {
			t.Errorf("%v", got)
		}
		alice.send(101, true, []byte{12, 0x8a, 0, 160}, 0)
		if n := len(bob.hear()); n != 0 {
			t.Error("an event that bob does not list was passed")
		}
	})
}

// A key's tone in a relayed stream of G.722: it is heard, and after it the phone's own voice, without a stumble.
func TestInbandG722(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		all := b.parties(codec.G722, codec.G722)
		alice, bob := all[0], all[1]
		alice.hz = 3025
		b.meet(alice, bob)
		b.take()
		ear := &taped{voice: bob}
		tape(500*time.Millisecond, all[:1], ear)
		b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 1, Digits: "5", Way: callstate.ByInband})
		from := time.Duration(len(ear.packets)) * 20 * time.Millisecond
		tape(1500*time.Millisecond, all[:1], ear)
		one[callstate.DigitsSent](b)
		ear.steady()
		s := bob.decode(ear.packets)
		if tone := s.part(from+40*time.Millisecond, from+100*time.Millisecond); tone.level(770) < 0.1 || tone.level(1336) < 0.1 {
			t.Errorf("no 5 but %.3f %.3f", tone.level(770), tone.level(1336))
		}
		if longest, _ := s.part(from+240*time.Millisecond, time.Hour).disturbed(alice.hz); longest > 20*time.Millisecond {
			t.Errorf("after the tone alice is not clear for %v", longest)
		}
	})
}
