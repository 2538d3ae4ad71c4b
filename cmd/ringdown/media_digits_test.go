package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// event is one telephone-event packet.
func event(seq uint16, ts uint32, code byte, end bool, duration uint16, marker bool) phone.Packet {
	flags := byte(10)
	if end {
		flags |= 0x80
	}
	return phone.Packet{Marker: marker, PT: 101, Seq: seq, Timestamp: ts, SSRC: 9,
		Payload: []byte{code, flags, byte(duration >> 8), byte(duration)}}
}

// D1 to D5: however the packets of a key come, it is one key at the other party: ends lost or repeated, the marker lost,
// the same key twice, durations that jump.
func TestDigits_D1_D5_Passed(t *testing.T) {
	type packets []phone.Packet
	whole := func(seq uint16, ts uint32, code byte) packets {
		p := packets{}
		for i := range uint16(5) {
			p = append(p, event(seq+i, ts, code, false, 160*(i+1), i == 0))
		}
		for i := range uint16(3) {
			p = append(p, event(seq+5+i, ts, code, true, 800, false))
		}
		return p
	}
	join := func(all ...packets) (p packets) {
		for _, x := range all {
			p = append(p, x...)
		}
		return p
	}
	for name, row := range map[string]struct {
		packets packets
		want    string
	}{
		"D1 three ends":            {whole(1, 1000, 5), "5"},
		"D2 all ends lost":         {whole(1, 1000, 5)[:5], "5"},
		"D2 ends lost, next event": {join(whole(1, 1000, 5)[:5], whole(9, 3000, 6)), "56"},
		"D3 marker lost":           {whole(1, 1000, 5)[1:], "5"},
		"D4 same key twice":        {join(whole(1, 1000, 5), whole(9, 2200, 5)), "55"},
		"D5 duration 0": {packets{event(1, 1000, 5, false, 0, true), event(2, 1000, 5, false, 0, false),
			event(3, 1000, 5, true, 0, false)}, "5"},
		"D5 shrinking": {packets{event(1, 1000, 5, false, 900, true), event(2, 1000, 5, false, 100, false),
			event(3, 1000, 5, true, 300, false)}, "5"},
		"D1 only ends": {whole(1, 1000, 5)[5:], "5"},
	} {
		for _, how := range []string{"event", "INFO"} {
			t.Run(name+" to "+how, func(t *testing.T) {
				scene(t, func(r *rig) {
					alice := r.phone("2000")
					bob := r.phone("2001", func(c *phone.Config) { c.NoEvents = how == "INFO" })
					a, b := r.connect(alice, "2001", bob)
					for _, p := range row.packets {
						r.ok(a.Media.Inject(p.Append(nil)))
						r.pass(20 * time.Millisecond)
					}
					r.pass(time.Second)
					r.same("digits", received(bob, b), row.want)
					if how == "event" && !strings.Contains(name, "next event") { // there the gap is the sender's
						r.oneStream(b)
					}
					r.ok(a.Hangup())
					r.ends(b)
				})
			})
		}
	}
}

// received is what a phone got as digits, by event, INFO and tones together.
func received(p *phone.Phone, c *phone.Call) string {
	s := c.Media.DigitString() + c.Media.InbandDigits()
	for _, m := range requests(p, "INFO") {
		_, signal, _ := strings.Cut(string(m.Body), "Signal=")
		s += strings.TrimSpace(strings.SplitN(signal, "\r\n", 2)[0])
	}
	return s
}

// D8, D9: keys by event, INFO relay and bare INFO reach a phone that takes events, INFO, or neither, each once and in
// order, also after a transfer.
func TestDigits_D8_D9_Interworking(t *testing.T) {
	press := map[string]func(r *rig, c *phone.Call, key rune){
		"event": func(r *rig, c *phone.Call, key rune) {
			r.ok(c.Media.SendDigit4733(key, 100))
			r.ok(c.Media.WaitSent(r.ctx))
		},
		"INFO relay": func(r *rig, c *phone.Call, key rune) {
			m, err := c.Info(r.ctx, "application/dtmf-relay", "Signal="+string(key)+"\r\nDuration=160\r\n")
			r.ok(err)
			r.same("answer to INFO", m.Status, 200)
		},
		"INFO bare": func(r *rig, c *phone.Call, key rune) {
			m, err := c.Info(r.ctx, "application/dtmf", string(key))
			r.ok(err)
			r.same("answer to INFO", m.Status, 200)
		},
	}
	for from, send := range press {
		for _, to := range []string{"event", "INFO", "tones"} {
			t.Run(from+" to "+to, func(t *testing.T) {
				scene(t, func(r *rig) {
					alice, carol := r.phone("2000"), r.phone("2002")
					bob := r.phone("2001", func(c *phone.Config) { c.NoEvents = to != "event" })
					a, err := alice.Dial(r.ctx, "2001")
					r.ok(err)
					b := r.rung(bob)
					var opts []phone.Option
					if to == "tones" {
						opts = append(opts, phone.WithHeader("Allow", "INVITE, ACK, CANCEL, BYE, REFER, NOTIFY"))
					}
					r.ok(b.Answer(opts...))
					r.ok(a.WaitAnswer(r.ctx))
					a.Media.SendSilence()
					for _, key := range "19*#A" {
						send(r, a, key)
					}
					r.pass(2 * time.Second)
					r.same("keys", received(bob, b), "19*#A")
					r.same("keys back", received(alice, a), "")
					r.must("BlindTransfer", "CallId", r.only().CallID, "TransferorParty", "callee", "Target", "2002")
					c := r.rung(carol)
					r.ok(c.Answer())
					r.ends(b)
					r.pass(100 * time.Millisecond)
					for _, key := range "80" {
						send(r, a, key)
					}
					r.pass(time.Second)
					r.same("keys at the new party", received(carol, c), "80")
					r.ok(a.Hangup())
					r.ends(c)
				})
			})
		}
	}
}

// D8: what is no key in an INFO is refused by kind, and nothing is passed on.
func TestDigits_D8_BadINFO(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		for _, row := range []struct {
			kind, body string
			want       int
			opts       []phone.Option
		}{
			{"application/dtmf-relay", "Signal=Z\r\n", 400, nil},
			{"application/dtmf", "", 200, nil},
			{"text/plain", "5", 415, nil},
			{"application/dtmf", "5", 469, []phone.Option{phone.WithHeader("Info-Package", "foo")}},
			{"application/dtmf-relay", "Signal=16\r\nDuration=100\r\n", 200, nil}, // flash
		} {
			m, err := a.Info(r.ctx, row.kind, row.body, row.opts...)
			r.ok(err)
			r.same("answer to "+row.kind+" "+row.body, m.Status, row.want)
		}
		r.pass(time.Second)
		r.same("keys", received(bob, b), "")
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// Each leg has its own payload number for telephone-event, and gets events under it (M3).
func TestDigits_M3_PayloadNumbers(t *testing.T) {
	scene(t, func(r *rig) {
		alice := r.phone("2000", func(c *phone.Config) { c.EventPT = 96 })
		bob := r.phone("2001")
		a, b := r.talk(alice, "2001", bob)
		r.ok(a.Media.SendDigit4733('1', 100))
		r.ok(b.Media.WaitDigits(r.ctx, "1"))
		r.ok(b.Media.SendDigit4733('2', 100))
		r.ok(a.Media.WaitDigits(r.ctx, "2"))
		r.must("SendDTMF", "CallId", r.only().CallID, "Party", "all", "Keys", "3")
		r.ok(a.Media.WaitDigits(r.ctx, "23"))
		r.ok(b.Media.WaitDigits(r.ctx, "13"))
		r.that(a.Media.Stats().PTs[96] == a.Media.Stats().Events, "events at alice under %v", a.Media.Stats().PTs)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// D11: opus and G.711 keep time apart: an event of 100 ms at 8 kHz has 800 units, at 48 kHz 4800.
func TestDigits_D11_Clock48(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000", codecs("opus", "PCMU")), r.phone("2001", codecs("opus", "PCMU"))
		a, b := r.talk(alice, "2001", bob)
		r.must("SendDTMF", "CallId", r.only().CallID, "Party", "callee", "Keys", "4")
		r.ok(b.Media.WaitDigits(r.ctx, "4"))
		r.pass(100 * time.Millisecond) // the repeats of its end
		d := b.Media.Digits()[0]
		clock := uint16(8000)
		for _, l := range b.Invite.SDP().Lines {
			if strings.HasPrefix(l, "a=rtpmap:") && strings.HasSuffix(l, "telephone-event/48000") {
				if number, _, _ := strings.Cut(strings.TrimPrefix(l, "a=rtpmap:"), " "); d.Packets[0].PT > 0 && number == portText(uint16(d.Packets[0].PT)) {
					clock = 48000
				}
			}
		}
		r.same("duration", d.Duration, clock/10)
		r.same("ends", d.Ends, 3)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// D7: a phone that tells each press by event and by INFO is understood once for each.
func TestDigits_D7_OnceEach(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.ok(a.Media.SendDigit4733('5', 100))
		r.ok(a.Media.WaitSent(r.ctx))
		_, err := a.Info(r.ctx, "application/dtmf-relay", "Signal=5\r\nDuration=100\r\n") // the same press, told twice
		r.ok(err)
		r.pass(time.Second)
		r.same("keys", received(bob, b), "5")
		r.ok(a.Hangup())
		r.ends(b)
	})
}
