package media

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
)

// keys presses a string of keys as a phone does, 100 ms each in place of audio, with 120 ms between them; the others talk on.
func (v *voice) keys(s string, others ...*voice) {
	v.t.Helper()
	for i := range len(s) {
		code, _ := dtmf.Code(s[i])
		v.digit(code, others...)
		talk(80*time.Millisecond, append(others, v)...)
	}
}

// pressed draws the digits of which the call was told: those that were relayed, in brackets those that were not.
func (b *bed) pressed() string {
	var out []string
	for _, ev := range b.take() {
		if d, ok := ev.(callstate.DigitReceived); ok && d.Passed {
			out = append(out, d.Digit)
		} else if ok {
			out = append(out, "("+d.Digit+")")
		}
	}
	return strings.Join(out, " ")
}

// events draws the digits that a phone heard, each by its duration in packets with its three ends.
func events(l string) string {
	var out []string
	for _, w := range strings.Fields(l) {
		if key, ok := strings.CutSuffix(w, ":160"); ok {
			out = append(out, key[len(key)-1:]) // without the mark of a marker; a flash is only that
		} else if strings.HasSuffix(w, "E") {
			out[len(out)-1] += "'"
		}
	}
	return strings.Join(out, " ")
}

// gated is a call of two or three, the first of whom presses keys, as media carries it in each of its ways.
var gated = []struct {
	name  string
	codes []codec.Kind
}{
	{"relay", []codec.Kind{codec.PCMU, codec.PCMU}},
	{"transcode", []codec.Kind{codec.PCMA, codec.PCMU}},
	{"G722", []codec.Kind{codec.G722, codec.PCMU}},
	{"mix", []codec.Kind{codec.PCMU, codec.PCMA, codec.G722}},
}

// inEach runs a test in each way. The phone that presses has said something before, and says something after.
func inEach(t *testing.T, run func(t *testing.T, b *bed, all []*voice)) {
	for _, g := range gated {
		t.Run(g.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				all := b.parties(g.codes...)
				b.meet(all...)
				talk(200*time.Millisecond, all...)
				b.take()
				run(t, b, all)
			})
		})
	}
}

// hearsKeys checks what the hearers got: these digits, whole and in order, in one stream without a hole.
func hearsKeys(t *testing.T, all []*voice, want string) {
	t.Helper()
	for _, v := range all[1:] {
		got := v.hear()
		continuous(t, got)
		if l := line(got); events(l) != want {
			t.Errorf("leg %d got %q, want %q: %s", v.leg.N, events(l), want, counts(l))
		}
	}
}

// A code is kept, every other digit passes; what follows the star is kept until the call says otherwise. Nobody hears a
// packet of what is kept, and everybody a whole digit of what is not.
func TestAwaitStar(t *testing.T) {
	inEach(t, func(t *testing.T, b *bed, all []*voice) {
		alice := all[0]
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar})
		alice.keys("12", all[1:]...)
		talk(100*time.Millisecond, all...)
		alice.keys("*03", all[1:]...)
		talk(100*time.Millisecond, all...)
		if got, want := b.pressed(), "1 2 (*) (0) (3)"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar, Told: 3})
		alice.keys("#5", all[1:]...)
		talk(200*time.Millisecond, all...)
		if got, want := b.pressed(), "# 5"; got != want {
			t.Errorf("then told %s, want %s", got, want)
		}
		hearsKeys(t, all, "1''' 2''' #''' 5'''")
	})
}

// The digits 0-9 and # come out when they came in: the packet that is sent is the one that arrives now.
func TestDigitsAreNotDelayed(t *testing.T) {
	for _, mode := range []callstate.DigitMode{callstate.RelayDigits, callstate.AwaitStar} {
		synctest.Test(t, func(t *testing.T) {
			b, alice, bob := pair(t, nil)
			b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: mode})
			for code := range 10 {
				for i := range 7 {
					p := dtmf.Payload{Event: uint8(code), End: i >= 4, Duration: uint16(160 * min(i+1, 5)), Volume: 7}
					sent := make([]byte, 4)
					p.Write(sent)
					alice.send(101, i == 0, sent, 0)
					if got := bob.hear(); len(got) != 1 || string(got[0].Payload) != string(sent) {
						t.Fatalf("mode %q: %v went in, %v came out", mode, sent, got)
					}
					time.Sleep(20 * time.Millisecond)
				}
				alice.ts += 7 * 160
			}
			if got, want := b.pressed(), "0 1 2 3 4 5 6 7 8 9"; got != want {
				t.Errorf("told %s", got)
			}
		})
	}
}

// A flash is no digit, no part of a code, and passes by where the phone lists it (edge case D15).
func TestFlashPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice, bob := b.handset(1, "192.0.2.1:4000"), b.handset(2, "192.0.2.2:4000")
		b.join(alice, bob, alice.sdp("0 101"), bob.sdp("0 101", "a=fmtp:101 0-16"))
		b.take()
		for _, mode := range []callstate.DigitMode{callstate.AwaitStar, callstate.KeepDigits} {
			b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: mode})
			alice.press(star)
			bob.hear()
			alice.press(16)
			if n := len(bob.hear()); n != 7 {
				t.Errorf("mode %q: bob got %d packets of the flash, want 7", mode, n)
			}
		}
	})
}

// While a number is awaited nothing passes.
func TestKeepDigits(t *testing.T) {
	inEach(t, func(t *testing.T, b *bed, all []*voice) {
		alice := all[0]
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.KeepDigits})
		alice.keys("2001#*", all[1:]...)
		talk(100*time.Millisecond, all...)
		if got, want := b.pressed(), "(2) (0) (0) (1) (#) (*)"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		b.Do(callstate.TakeDigits{Leg: alice.leg, Told: 6})
		alice.keys("7*", all[1:]...)
		talk(200*time.Millisecond, all...)
		if got, want := b.pressed(), "7 *"; got != want {
			t.Errorf("then told %s, want %s", got, want)
		}
		hearsKeys(t, all, "7''' *'''")
	})
}

// hold presses a key long enough for do to come in its middle.
func (v *voice) holds(key byte, do func(), others ...*voice) {
	code, _ := dtmf.Code(key)
	ts := v.ts
	for i := range 9 {
		d := uint16(160 * min(i+1, 7))
		end := byte(0)
		if i >= 6 {
			end = 0x80
		}
		v.ts = ts
		v.send(101, i == 0, []byte{code, end | 10, byte(d >> 8), byte(d)}, 0)
		if i == 3 {
			do()
		}
		talk(20*time.Millisecond, others...)
	}
	v.ts = ts + 9*160
}

// A key that is held over a change goes on as it began, and is told so.
func TestKeyHeldOverTheChange(t *testing.T) {
	for _, c := range []struct {
		name         string
		before, then callstate.TakeDigits
		key          byte
		told, heard  string
		after        string // of a 7 that follows
	}{
		{"it passes", callstate.TakeDigits{}, callstate.TakeDigits{Mode: callstate.KeepDigits}, '5', "5", "5'''", "(7)"},
		{"a star passes", callstate.TakeDigits{}, callstate.TakeDigits{Mode: callstate.AwaitStar}, '*', "*", "*'''", "7"},
		{"it is kept", callstate.TakeDigits{Mode: callstate.KeepDigits}, callstate.TakeDigits{}, '5', "(5)", "", "7"},
		// The call cannot have sent it on yet: what follows is kept as well.
		{"it is kept, and what follows", callstate.TakeDigits{Mode: callstate.KeepDigits}, callstate.TakeDigits{Mode: callstate.AwaitStar}, '5', "(5)", "", "(7)"},
		{"a star is kept", callstate.TakeDigits{Mode: callstate.AwaitStar}, callstate.TakeDigits{}, '*', "(*)", "", "7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inEach(t, func(t *testing.T, b *bed, all []*voice) {
				alice := all[0]
				c.before.Leg, c.then.Leg = alice.leg, alice.leg
				b.Do(c.before)
				alice.holds(c.key, func() { b.Do(c.then) }, all[1:]...)
				talk(200*time.Millisecond, all...)
				if got := b.pressed(); got != c.told {
					t.Errorf("told %s, want %s", got, c.told)
				}
				hearsKeys(t, all, c.heard)
				alice.keys("7", all[1:]...)
				talk(200*time.Millisecond, all...)
				if got := b.pressed(); got != c.after {
					t.Errorf("then told %s, want %s", got, c.after)
				}
			})
		})
	}
}

// The call has not been told yet of a digit that was kept when it has the gate opened: no later one overtakes it.
func TestGateWaitsForTheCall(t *testing.T) {
	inEach(t, func(t *testing.T, b *bed, all []*voice) {
		alice := all[0]
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar})
		alice.keys("*9", all[1:]...)
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar, Told: 1}) // of the star
		alice.keys("8", all[1:]...)
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar, Told: 3})
		alice.keys("7", all[1:]...)
		talk(200*time.Millisecond, all...)
		if got, want := b.pressed(), "(*) (9) (8) 7"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		hearsKeys(t, all, "7'''")
	})
}

// Edge case D2: a kept digit of which every end is lost is told once, and none of it is heard; the next is kept too.
func TestKeptDigitWithoutEnd(t *testing.T) {
	inEach(t, func(t *testing.T, b *bed, all []*voice) {
		alice := all[0]
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar})
		for _, code := range []byte{star, 0} {
			ts := alice.ts
			for i := range 4 {
				alice.ts = ts
				alice.send(101, i == 0, []byte{code, 10, 0, byte(160 * min(i+1, 1))}, 0)
				talk(20*time.Millisecond, all[1:]...)
			}
			alice.ts = ts + 7*160
			talk(60*time.Millisecond, all[1:]...)
		}
		talk(300*time.Millisecond, all...)
		if got, want := b.pressed(), "(*) (0)"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		hearsKeys(t, all, "")
	})
}

// A digit that nobody could be given, since ours are being sent, has the following ones kept until the call has sent it.
func TestDigitThatCannotPassShutsTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, bob := pair(t, nil)
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar})
		b.Do(callstate.SendDigits{Leg: bob.leg, Ref: 1, Digits: "1", Way: callstate.ByEvent})
		time.Sleep(30 * time.Millisecond)
		alice.press(5)
		time.Sleep(300 * time.Millisecond)
		alice.press(6)
		if got, want := b.pressed(), "(5) (6)"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar, Told: 2})
		alice.press(16) // a flash, which bob does not list and the call is not told of
		alice.press(7)
		if got, want := b.pressed(), "7"; got != want {
			t.Errorf("then told %s, want %s", got, want)
		}
		if got, want := events(line(bob.hear())), "1''' 7'''"; got != want {
			t.Errorf("bob got %s, want %s", got, want)
		}
	})
}

// What is sent on in place of a code that was none comes whole and in order, before what is pressed next.
func TestFlushedDigits(t *testing.T) {
	inEach(t, func(t *testing.T, b *bed, all []*voice) {
		alice := all[0]
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar})
		alice.keys("*9", all[1:]...)
		for i, v := range all[1:] {
			b.Do(callstate.SendDigits{Leg: v.leg, Ref: uint32(i), Digits: "*9", Way: callstate.ByEvent})
		}
		alice.keys("9", all[1:]...) // the window is still shut
		for i, v := range all[1:] {
			b.Do(callstate.SendDigits{Leg: v.leg, Ref: uint32(10 + i), Digits: "9", Way: callstate.ByEvent})
		}
		talk(700*time.Millisecond, all...)
		b.Do(callstate.TakeDigits{Leg: alice.leg, Mode: callstate.AwaitStar, Told: 3})
		alice.keys("4", all[1:]...)
		talk(200*time.Millisecond, all...)
		if got, want := b.pressed(), "(*) (9) (9) 4"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		hearsKeys(t, all, "*''' 9''' 9''' 4'''")
	})
}
