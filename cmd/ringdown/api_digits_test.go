package main

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// heardAt waits for digits at one call and makes sure that the other got none.
func (r *rig) heardAt(here *phone.Call, digits string, notHere *phone.Call) {
	r.Helper()
	r.ok(here.Media.WaitDigits(r.ctx, digits))
	r.same("digits at the other party", notHere.Media.DigitString(), "")
}

// The keys go to the party that is named, to nobody else, while both talk on (spec ozeki 8.2 and vector 8).
func TestSendDTMF_Party(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		r.must("SendDTMF", "CallId", id, "Party", "caller", "Keys", "01234")
		r.heardAt(a, "01234", b)
		r.must("senddtmf", "CallId", id, "Party", "CALLEE", "Keys", "5*#aD")
		r.ok(b.Media.WaitDigits(r.ctx, "5*#AD"))
		r.same("digits at the caller", a.Media.DigitString(), "01234")
		r.must("SendDTMF", "CallId", id, "Party", "All", "Keys", "9")
		r.ok(a.Media.WaitDigits(r.ctx, "012349"))
		r.ok(b.Media.WaitDigits(r.ctx, "5*#AD9"))
		r.hear(a, bobTone, b, aliceTone)
		r.pass(200 * time.Millisecond)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// The exact packets of injected digits (RFC 4733 §2.5.1, D12, D14, M24): the running stream's SSRC and numbers, a
// marker on the first, one timestamp, a growing duration, three ends; 100 ms apart; a comma adds 500 ms. Two clients'
// strings are not interleaved.
func TestSendDTMF_Packets_D12_D14(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		tape := record(b)
		done := make(chan int, 2)
		go func() { done <- r.do("SendDTMF", "CallId", id, "Party", "callee", "Keys", "12,34").Code }()
		go func() { done <- r.do("SendDTMF", "CallId", id, "Party", "callee", "Keys", "7777").Code }()
		r.same("codes", <-done+<-done, 400)
		r.pass(3 * time.Second)
		got := b.Media.DigitString()
		r.that(got == "12347777" || got == "77771234", "digits %q are interleaved or missing", got)
		r.same("digits at the caller", a.Media.DigitString(), "")
		checkEvents(r, b.Media.Digits())
		checkTape(r, tape.all())
		r.hear(a, bobTone, b, aliceTone)
		r.oneStream(a, b)
		r.ok(b.Hangup())
		r.ends(a)
	})
}

// checkEvents checks the packets of each digit and the distance between digits.
func checkEvents(r *rig, digits []phone.Digit) {
	r.Helper()
	for i, d := range digits {
		r.that(d.Marker && d.Ends == 3 && d.Duration == 800, "digit %c: marker %t, %d ends, duration %d", d.Digit, d.Marker, d.Ends, d.Duration)
		r.same("packets", len(d.Packets), 7)
		for j, p := range d.Packets {
			r.same("timestamp", p.Timestamp, d.Timestamp)
			r.same("sequence", p.Seq, d.Packets[0].Seq+uint16(j))
			r.same("duration", int(p.Payload[2])<<8|int(p.Payload[3]), min(160*(j+1), 800))
			r.same("end", p.Payload[1]&0x80 != 0, j >= 4)
		}
		if i > 0 {
			gap := d.At.Sub(digits[i-1].At)
			want := 200 * time.Millisecond
			if digits[i-1].Digit == '2' && d.Digit == '3' {
				want += 500 * time.Millisecond
			}
			r.that(gap == want, "%v between the starts of %c and %c, expected %v", gap, digits[i-1].Digit, d.Digit, want)
		}
	}
}

// checkTape checks that audio and events are one stream: one SSRC, every number once, no step back in time, and no
// audio while an event is sent.
func checkTape(r *rig, packets []taped) {
	r.Helper()
	for i := 1; i < len(packets); i++ {
		p, q := packets[i-1], packets[i]
		r.same("SSRC", q.SSRC, p.SSRC)
		r.same("sequence number", q.Seq, p.Seq+1)
		r.that(int32(q.Timestamp-p.Timestamp) >= 0, "timestamp %d after %d", q.Timestamp, p.Timestamp)
		if q.PT != 101 && p.PT != 101 && !q.Marker {
			r.same("timestamp of audio", q.Timestamp, p.Timestamp+160)
		}
		if q.PT != 101 && p.PT == 101 {
			r.that(p.Payload[1]&0x80 != 0, "audio in the middle of an event")
			// The time line knows no holes: what is heard after the digit lies where the clock puts it.
			elapsed := q.at.Sub(packets[0].at)
			late := elapsed - time.Duration(q.Timestamp-packets[0].Timestamp)*time.Second/8000
			r.that(late > -40*time.Millisecond && late < 40*time.Millisecond, "audio after a digit is %v off the clock", late)
		}
	}
}

// A phone without telephone-event is sent INFO when it allows that, one after the other (D9).
func TestSendDTMF_ByINFO_D9(t *testing.T) {
	scene(t, func(r *rig) {
		alice := r.phone("2000")
		bob := r.phone("2001", func(c *phone.Config) { c.NoEvents = true })
		a, b := r.talk(alice, "2001", bob)
		r.must("SendDTMF", "CallId", r.only().CallID, "Party", "callee", "Keys", "1,#A")
		_, err := b.WaitRequest(r.ctx, "INFO", 3)
		r.ok(err)
		var got []string
		for _, m := range requests(bob, "INFO") {
			r.same("type", m.Get("Content-Type"), "application/dtmf-relay")
			got = append(got, strings.Fields(string(m.Body))[0])
		}
		r.same("INFOs", strings.Join(got, " "), "Signal=1 Signal=# Signal=A")
		r.same("events", len(b.Media.Digits())+len(a.Media.Digits()), 0)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// A phone with neither gets tones in the audio, both laws (D9, D10): it hears the keys, and its partner again afterwards.
func TestSendDTMF_Inband_D9_D10(t *testing.T) {
	for _, codec := range []string{"PCMU", "PCMA"} {
		t.Run(codec, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice := r.phone("2000")
				bob := r.phone("2001", func(c *phone.Config) { c.NoEvents, c.Codecs = true, []string{codec} })
				a, err := alice.Dial(r.ctx, "2001")
				r.ok(err)
				b := r.rung(bob)
				r.ok(b.Answer(phone.WithHeader("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")))
				r.ok(a.WaitAnswer(r.ctx))
				r.tones(a, aliceTone, b, bobTone)
				tape := record(b)
				r.must("SendDTMF", "CallId", r.only().CallID, "Party", "callee", "Keys", "159D*0#")
				r.ok(b.Media.WaitInband(r.ctx, "159D*0#"))
				r.same("INFOs", bob.Received("INFO", 0), 0)
				r.hear(a, bobTone, b, aliceTone)
				checkTape(r, tape.all())
				r.oneStream(a, b)
				r.ok(a.Hangup())
				r.ends(b)
			})
		})
	}
}

// A phone that refuses INFO gets its digits in the audio from then on.
func TestSendDTMF_INFORefused(t *testing.T) {
	scene(t, func(r *rig) {
		alice := r.phone("2000")
		var bob *phone.Phone
		bob = r.phone("2001", func(c *phone.Config) {
			c.NoEvents = true
			c.OnRequest = func(m *phone.Message) bool {
				if m.Method == "INFO" {
					_ = bob.Respond(m, 415, "")
				}
				return m.Method == "INFO"
			}
		})
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		r.must("SendDTMF", "CallId", id, "Party", "callee", "Keys", "12")
		r.pass(time.Second)
		r.must("SendDTMF", "CallId", id, "Party", "callee", "Keys", "34")
		r.ok(b.Media.WaitInband(r.ctx, "34"))
		r.same("INFOs", bob.Received("INFO", 0), 1)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// Whoever holds, no digits are sent to either party (spec ozeki 8.2, D12); after the hold they are.
func TestSendDTMF_Held_D12(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		refused := func() {
			for _, party := range []string{"caller", "callee", "all"} {
				r.code(303, "SendDTMF", "CallId", id, "Party", party, "Keys", "1")
			}
		}
		for _, c := range []*phone.Call{a, b} {
			for _, how := range []string{phone.SendOnly, phone.Inactive, "0.0.0.0"} {
				r.ok(c.Hold(r.ctx, how))
				refused()
				r.ok(c.Resume(r.ctx))
			}
		}
		r.must("Hold", "CallId", id)
		refused()
		r.must("Unhold", "CallId", id)
		r.pass(time.Second)
		r.same("digits", a.Media.DigitString()+b.Media.DigitString(), "")
		r.must("SendDTMF", "CallId", id, "Party", "all", "Keys", "1")
		r.ok(a.Media.WaitDigits(r.ctx, "1"))
		r.ok(b.Media.WaitDigits(r.ctx, "1"))
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// D13: the call ends in the middle of a digit. Its end is sent all the same, three times.
func TestSendDTMF_EndsInMidDigit_D13(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		_, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		var mu sync.Mutex
		ends := map[uint32]int{} // by timestamp: the BYE is on the wire first, the phone does not listen any more
		r.net.SetTap(func(_, to netip.AddrPort, raw []byte) {
			p, err := phone.ParsePacket(raw)
			if err != nil || p.PT != 101 || to != b.Media.Local() {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if ends[p.Timestamp] += 0; p.Payload[1]&0x80 != 0 {
				ends[p.Timestamp]++
			}
		})
		r.must("SendDTMF", "CallId", id, "Party", "callee", "Keys", strings.Repeat("8", 40))
		r.pass(450 * time.Millisecond)
		r.must("Hangup", "CallId", id)
		r.ends(b)
		r.pass(time.Second)
		mu.Lock()
		defer mu.Unlock()
		r.same("digits", len(ends), 3)
		for _, n := range ends {
			r.same("ends", n, 3)
		}
	})
}
