package media

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/tone"
)

// beep is the next packet of a key's tone, of which 100 ms are over after so many; silence after them.
func (v *voice) beep(key byte, packet int) []byte {
	pcm := make([]int16, v.kind.Rate()/50)
	if code, ok := dtmf.Code(key); ok && packet < tone.KeySlots {
		wide := tone.WideKey(code)[packet*tone.WideFrame:][:tone.WideFrame]
		for i := range pcm {
			pcm[i] = wide[i*len(wide)/len(pcm)]
		}
	}
	b := make([]byte, 160)
	v.enc.Encode(b, pcm)
	return b
}

// dial has a phone send the tones of keys, 100 ms each and 100 ms apart. lost says which packets do not come.
func (v *voice) dial(keys string, lost func(int) bool) (sent [][]byte) {
	for i := range keys {
		for slot := range 10 {
			b := v.beep(keys[i], slot)
			sent = append(sent, b)
			if lost != nil && lost(10*i+slot) {
				v.seq++
				v.ts += 160
			} else {
				v.send(v.pt, false, b, 160)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	time.Sleep(200 * time.Millisecond)
	return sent
}

// heardKeys are the digits that were told; it checks what is told of each.
func (b *bed) heardKeys() (keys string) {
	b.Helper()
	for _, ev := range b.take() {
		if d, ok := ev.(callstate.DigitReceived); ok {
			keys += d.Digit
			if d.Via != callstate.ByInband || !d.Passed || d.Duration < 70*time.Millisecond || d.Duration > 130*time.Millisecond {
				b.Errorf("%+v", d)
			}
		}
	}
	return keys
}

// toldKeys are the digits alone.
func (b *bed) toldKeys() (keys string) {
	for _, ev := range b.take() {
		if d, ok := ev.(callstate.DigitReceived); ok {
			keys += d.Digit
		}
	}
	return keys
}

const everyKey = "1234567890*#ABCD"

// The keys of a phone without events are told where they are asked for, in each codec, and whoever hears the leg hears
// the tones as they came (edge case D10).
func TestEar(t *testing.T) {
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				all := b.parties(k, k)
				b.meet(all...)
				b.take()
				alice, bob := all[0], all[1]
				listen := func(on bool) { b.Do(callstate.TakeDigits{Leg: alice.leg, Inband: on}) }
				sent := alice.dial("12", nil)
				if got := b.heardKeys(); got != "" {
					t.Errorf("told %q unasked", got)
				}
				listen(true)
				sent = append(sent, alice.dial(everyKey, nil)...)
				if got := b.heardKeys(); got != everyKey {
					t.Errorf("told %q", got)
				}
				listen(true)
				sent = append(sent, alice.dial("55", nil)...)
				if got := b.heardKeys(); got != "55" {
					t.Errorf("told %q", got)
				}
				listen(false)
				sent = append(sent, alice.dial("55", nil)...)
				if got := b.heardKeys(); got != "" {
					t.Errorf("told %q after the end", got)
				}
				got := bob.hear()
				if len(got) != len(sent) {
					t.Fatalf("bob heard %d packets, %d were sent", len(got), len(sent))
				}
				for i := range sent {
					if !bytes.Equal(got[i].Payload, sent[i]) {
						t.Fatalf("packet %d is not as it came", i)
					}
				}
				if l := b.find(alice.leg); l.source != nil || l.ear != nil {
					t.Error("a source is left of the ear")
				}
				time.Sleep(100 * time.Millisecond)
				if n := b.ticking(); n != 0 {
					t.Errorf("%d have ticks still", n)
				}
			})
		})
	}
}

// ticking is how many have ticks.
func (b *bed) ticking() int {
	b.clock.mu.Lock()
	defer b.clock.mu.Unlock()
	return len(b.clock.busy)
}

// A packet that is lost anywhere makes no second key of one, nor none.
func TestEarLoss(t *testing.T) {
	for _, k := range []codec.Kind{codec.PCMU, codec.G722} {
		for gone := range 10 {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				alice := b.parties(k)[0]
				b.Do(callstate.TakeDigits{Leg: alice.leg, Inband: true})
				alice.dial("1", nil)
				b.take()
				alice.dial("558", func(i int) bool { return i%10 == gone })
				if got := b.toldKeys(); got != "558" {
					t.Errorf("%v without packet %d of each: told %q", k, gone, got)
				}
			})
		}
	}
}

// What comes late and out of order is heard in order.
func TestEarDisorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice := b.parties(codec.PCMA)[0]
		b.Do(callstate.TakeDigits{Leg: alice.leg, Inband: true})
		alice.dial("1", nil) // the delay is found
		b.take()
		for i := range everyKey {
			for slot := 0; slot < 10; slot += 2 {
				first, second := alice.beep(everyKey[i], slot), alice.beep(everyKey[i], slot+1)
				alice.seq, alice.ts = alice.seq+1, alice.ts+160
				alice.send(alice.pt, false, second, 160)
				alice.seq, alice.ts = alice.seq-2, alice.ts-320
				alice.send(alice.pt, false, first, 160)
				alice.seq, alice.ts = alice.seq+1, alice.ts+160
				time.Sleep(40 * time.Millisecond)
			}
		}
		time.Sleep(200 * time.Millisecond)
		if got := b.toldKeys(); got != everyKey {
			t.Errorf("told %q", got)
		}
	})
}

// Edge case D7: a phone that presses a key in both ways is told of once.
func TestEarAndEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		alice := b.party(b.handset(1, "192.0.2.1:4000"), codec.PCMU, " 101")
		b.Do(callstate.TakeDigits{Leg: alice.leg, Inband: true})
		alice.dial("1", nil)
		alice.press(5)
		alice.dial("5", nil)
		var told []string
		for _, ev := range b.take() {
			d := ev.(callstate.DigitReceived)
			told = append(told, d.Digit+" "+string(d.Via))
		}
		if got := fmt.Sprint(told); got != "[1 inband 5 event]" {
			t.Errorf("told %s", got)
		}
	})
}

// An ear lives through all that may become of a leg: before it has negotiated, another codec, one that cannot be read,
// on hold, in a mix, and its end.
func TestEarLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		others := b.parties(codec.PCMU, codec.PCMA)
		h := b.handset(3, "192.0.2.3:4000")
		b.Do(callstate.TakeDigits{Leg: h.leg, Inband: true}) // not there: nothing
		b.Do(callstate.OpenMedia{Leg: h.leg, Offer: h.sdp("0")})
		b.Do(callstate.TakeDigits{Leg: h.leg, Inband: true})
		time.Sleep(50 * time.Millisecond)
		v := &voice{handset: h}
		codes := func(k codec.Kind, more ...string) {
			v.kind, v.pt, v.enc = k, payloadTypes[k], codec.NewEncoder(k)
			b.take()
			b.Do(callstate.MakeAnswer{Leg: h.leg, Offer: h.sdp(v.formats(), more...)})
			h.port(one[callstate.AnswerMade](b).SDP)
		}
		presses := func(what, key string) {
			t.Helper()
			b.take()
			v.dial(key, nil)
			if got := b.heardKeys(); got != key {
				t.Errorf("%s: told %q, want %q", what, got, key)
			}
		}
		codes(codec.PCMU)
		presses("negotiated", "1")
		codes(codec.G722)
		presses("another codec", "2")
		b.Do(callstate.MakeAnswer{Leg: h.leg, Offer: h.sdp("111")})
		for range 20 {
			h.send(111, false, []byte{1, 2, 3}, 960)
			time.Sleep(20 * time.Millisecond)
		}
		codes(codec.PCMA)
		presses("after opus", "3")
		codes(codec.PCMA, "a=sendonly")
		presses("on hold", "4")
		codes(codec.PCMA)
		all := append(others, v)
		b.meet(all...)
		presses("in a mix", "5")
		for _, o := range all {
			b.Do(callstate.Connect{Leg: o.leg})
		}
		presses("after the mix", "6")
		b.Do(callstate.CloseMedia{Leg: h.leg})
		time.Sleep(100 * time.Millisecond)
		if n := b.ticking(); n != 0 {
			t.Errorf("%d have ticks after the end", n)
		}
	})
}

// Listening and recording allocate nothing, neither for a packet nor for a frame.
func TestNoAllocationListening(t *testing.T) {
	for _, formats := range [][]string{{"0"}, {"9"}} {
		b, receive, tick := conference(t, formats...)
		l := b.find(legID(0))
		x, r := &ear{leg: l}, newRecording(b.Engine, callstate.StartRecord{})
		x.source = l.mixed(l.agreed.Load().kind)
		r.sources = append(r.sources, x.source)
		slot := uint64(1 << 40)
		if n := testing.AllocsPerRun(500, func() {
			receive()
			tick()
			slot++
			x.tick(slot, b.now(), b.now())
			if r.tick(slot, b.now(), b.now()); slot%25 == 0 {
				r.taken()
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations", formats, n)
		}
		if r.frames < 500 || r.lost != 0 {
			t.Errorf("%v: %d frames recorded, %d lost", formats, r.frames, r.lost)
		}
	}
}

// BenchmarkTape is what 20 ms of a recording of two legs cost the clock, without their decoding.
func BenchmarkTape(b *testing.B) {
	bed, receive, tick := conference(b, "0", "8", "0")
	r := newRecording(bed.Engine, callstate.StartRecord{})
	for n := range uint32(2) {
		l := bed.find(legID(n))
		r.sources = append(r.sources, l.mixed(l.agreed.Load().kind))
	}
	receive()
	tick()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.start = bed.now()
		r.frames = 0
		if r.tick(1<<32+1, bed.now(), bed.now()); i%25 == 0 {
			r.taken()
		}
	}
}
