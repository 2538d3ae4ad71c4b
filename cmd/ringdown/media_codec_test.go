package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// codecs sets what a phone has.
func codecs(list ...string) func(*phone.Config) {
	return func(c *phone.Config) { c.Codecs = list }
}

// M1, M3, M8: two phones of any pair of codecs hear each other, in one stream each, under the payload numbers that each
// has asked for: relayed when they share one, transcoded when both are G.711.
func TestMedia_M1_M3_Pairs(t *testing.T) {
	for name, row := range map[string]struct {
		a, b     []string
		aPT, bPT int // what each receives under
	}{
		"PCMU":                  {[]string{"PCMU"}, []string{"PCMU"}, 0, 0},
		"PCMA":                  {[]string{"PCMA"}, []string{"PCMA"}, 8, 8},
		"PCMU to PCMA":          {[]string{"PCMU"}, []string{"PCMA"}, 0, 8},
		"PCMA to PCMU":          {[]string{"PCMA"}, []string{"PCMU"}, 8, 0},
		"opus":                  {[]string{"opus@96"}, []string{"opus"}, 96, 96},
		"G722":                  {[]string{"G722"}, []string{"G722", "PCMU"}, 9, 9},
		"first shared":          {[]string{"opus", "G722", "PCMA"}, []string{"PCMA", "G722"}, 9, 9},
		"unknown to the switch": {[]string{"speex/16000@97"}, []string{"speex/16000@97"}, 97, 97},
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob := r.phone("2000", codecs(row.a...)), r.phone("2001", codecs(row.b...))
				a, b := r.talk(alice, "2001", bob)
				r.pass(500 * time.Millisecond)
				r.oneStream(a, b)
				for i, c := range []*phone.Call{a, b} {
					pts := c.Media.Stats().PTs
					r.same("payload numbers received", len(pts), 1)
					r.that(pts[[]int{row.aPT, row.bPT}[i]] > 0, "call %d receives %v, expected only %d", i, pts, []int{row.aPT, row.bPT}[i])
				}
				r.ok(a.Hangup())
				r.ends(b)
			})
		})
	}
}

// M3: the phones gave one codec different numbers, the answerer against the offer: each is sent its own (RFC 3264 §5.1).
func TestMedia_M3_NumbersDiffer(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000", codecs("opus@96")), r.phone("2001", codecs("opus@111"))
		a, err := alice.Dial(r.ctx, "2001")
		r.ok(err)
		b := r.rung(bob)
		own := strings.ReplaceAll(strings.Join(b.Invite.SDP().Lines, "\r\n"), b.Invite.SDP().Addr.Addr().String(), b.Media.Local().Addr().String())
		own = strings.Replace(own, "m=audio "+portText(b.Invite.SDP().Addr.Port()), "m=audio "+portText(b.Media.Local().Port()), 1)
		own = strings.ReplaceAll(strings.ReplaceAll(own, " 96", " 111"), ":96 ", ":111 ")
		r.ok(b.Answer(phone.WithSDP(own + "\r\n")))
		r.ok(a.WaitAnswer(r.ctx))
		toBob, toAlice := record(b), record(a)
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		r.pass(300 * time.Millisecond)
		r.that(len(toBob.all()) > 10 && len(toAlice.all()) > 10, "nothing is relayed")
		for pt, tape := range map[int]*tape{111: toBob, 96: toAlice} {
			for _, p := range tape.all() {
				r.same("payload type", p.PT, pt)
				r.that(bytes.HasPrefix(p.Payload, []byte("tone")), "payload %q", p.Payload)
			}
		}
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// M2: nothing in common and nothing to transcode: the call is refused with 488, on whichever side it shows.
func TestMedia_M2_NothingShared(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000", codecs("opus")), r.phone("2001", codecs("PCMU"))
		a, err := alice.Dial(r.ctx, "2001")
		r.ok(err)
		r.ended(a, 488)
		c, err := bob.Dial(r.ctx, "2000")
		r.ok(err)
		r.ended(c, 488)
	})
}

// M2 inside a call: a re-INVITE to a codec that cannot be connected is refused, the call before it goes on (R8, I9).
func TestMedia_M2_ReinviteRefused(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000", codecs("PCMU")), r.phone("2001", codecs("PCMU"))
		a, b := r.talk(alice, "2001", bob)
		m, err := b.Reinvite(r.ctx, phone.WithSDP("v=0\r\no=x 9 9 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio "+
			portText(b.Media.Local().Port())+" RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n"))
		r.ok(err)
		r.same("answer", m.Status, 488)
		r.pass(300 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// T31: from an opus call to a phone that has PCMU alone. The one that stays listed PCMU too: it is moved there by
// re-INVITE and hears; one that has opus alone cannot, so the transfer fails and the old pair talks on.
func TestMedia_T31_FromOpusToPCMU(t *testing.T) {
	for name, row := range map[string]struct {
		stays []string
		moved bool
	}{"lists PCMU": {[]string{"opus", "PCMU"}, true}, "opus alone": {[]string{"opus"}, false}} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob := r.phone("2000", codecs(row.stays...)), r.phone("2001", codecs("opus", "PCMU"))
				carol := r.phone("2002", codecs("PCMU"))
				a, b := r.talk(alice, "2001", bob)
				r.same("codec", a.Media.Codec().Name, "opus")
				r.must("BlindTransfer", "CallId", r.only().CallID, "TransferorParty", "callee", "Target", "2002")
				if !row.moved { // carol's phone refuses by itself
					r.pass(time.Second)
					r.same("INVITEs", carol.Received("INVITE", 0), 1)
					r.hear(a, bobTone, b, aliceTone)
					r.ok(a.Hangup())
					r.ends(b)
					return
				}
				c := r.rung(carol)
				r.ok(c.Answer())
				r.tones(a, aliceTone, c, carolTone)
				r.same("codec", a.Media.Codec().Name, "PCMU")
				r.ended(b, 0)
				r.ok(a.Hangup())
				r.ends(c)
			})
		})
	}
}

// M20: an offer with video and more: port 0 for what is not taken, order and count kept.
func TestMedia_M20_Video(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		sdp := func(c *phone.Call) string {
			return "v=0\r\no=x 9 9 IN IP4 198.51.100.0\r\ns=-\r\nc=IN IP4 198.51.100.0\r\nt=0 0\r\n" +
				"m=video 41000 RTP/AVP 34\r\na=rtpmap:34 H263/90000\r\nm=audio 40990 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n" +
				"m=image 41002 udptl t38\r\n"
		}
		a, err := alice.Dial(r.ctx, "2001", phone.WithSDP(sdp(nil)))
		r.ok(err)
		b := r.rung(bob)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		var lines []string
		for _, l := range a.Remote().Lines {
			if kind, rest, _ := strings.Cut(l, " "); strings.HasPrefix(kind, "m=") {
				port, _, _ := strings.Cut(rest, " ")
				lines = append(lines, kind[2:]+map[bool]string{true: " off", false: " on"}[port == "0"])
			}
		}
		r.same("m= lines", lines, []string{"video off", "audio on", "image off"})
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// M17: another packet time passes as it is when the codec is the same, and when the law is changed too.
func TestMedia_M17_PacketTime(t *testing.T) {
	for name, pair := range map[string][2]string{"relayed": {"PCMU", "PCMU"}, "transcoded": {"PCMU", "PCMA"}} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob := r.phone("2000", codecs(pair[0])), r.phone("2001", codecs(pair[1]))
				a, b := r.connect(alice, "2001", bob)
				r.pass(30 * time.Millisecond) // what was played until now has arrived
				tape := record(b)
				payload := make([]byte, 480) // 60 ms
				for i := range 20 {
					p := phone.Packet{PT: 0, Seq: uint16(i), Timestamp: uint32(480 * i), SSRC: 7, Payload: payload}
					r.ok(a.Media.Inject(p.Append(nil)))
					r.pass(60 * time.Millisecond)
				}
				got := tape.all()
				r.same("packets", len(got), 20)
				for i, p := range got {
					r.same("length", len(p.Payload), 480)
					if i > 0 {
						r.same("step", p.Timestamp-got[i-1].Timestamp, 480)
						r.same("sequence", p.Seq-got[i-1].Seq, 1)
					}
				}
				r.ok(a.Hangup())
				r.ends(b)
			})
		})
	}
}

// M18, M15: comfort noise that was not offered, RTCP and broken packets end at the switch; the audio around them has no
// gap in its numbers.
func TestMedia_M15_M18_WhatIsNotPassed(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.connect(alice, "2001", bob)
		r.pass(30 * time.Millisecond) // what was played until now has arrived
		tape := record(b)
		audio := make([]byte, 160)
		seq := uint16(65500)
		for i := range 60 {
			p := phone.Packet{PT: 0, Seq: seq, Timestamp: uint32(160 * i), SSRC: 7, Payload: audio}
			if i%10 == 9 {
				p.PT, p.Payload = 13, []byte{40}
			}
			seq++
			r.ok(a.Media.Inject(p.Append(nil)))
			r.ok(a.Media.Inject([]byte{0x80, 200, 0, 1, 0, 0, 0, 7}))                      // RTCP
			r.ok(a.Media.Inject([]byte{0x80, 201, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0})) // RTCP
			r.ok(a.Media.Inject([]byte{0x80, 0}))
			r.ok(a.Media.Inject([]byte("OPTIONS sip:x SIP/2.0\r\n\r\n")))
			r.pass(20 * time.Millisecond)
		}
		r.same("packets", len(tape.all()), 54)
		s := b.Media.Stats()
		r.same("other packets", s.RTCP+s.Bad, 0)
		for i, p := range tape.all() {
			r.same("payload type", p.PT, 0)
			r.same("sequence", p.Seq, tape.all()[0].Seq+uint16(i))
		}
		r.ok(a.Hangup())
		r.ends(b)
	})
}

func portText(port uint16) string { return strconv.Itoa(int(port)) }

// What the switch plays is in a codec that it can make: phones that talk opus are moved by re-INVITE when they are to
// hear music, ringback or a failure tone, and talk on afterwards.
func TestMedia_OpusPhonesHearWhatIsPlayed(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		both := codecs("opus", "PCMU")
		alice, bob, carol := y.phone("2000", both), y.phone("2001", both), y.phone("2002", both)
		a, b := y.talk(alice, "2001", bob)
		y.must("Hold", "CallId", y.only().CallID)
		y.pass(500 * time.Millisecond)
		y.music(a)
		y.music(b)
		y.must("Unhold", "CallId", y.only().CallID)
		y.hear(a, bobTone, b, aliceTone)

		y.does(y.transfer("attended", "2001", `"number":"2002"`))
		c := y.rung(carol)
		y.pass(500 * time.Millisecond)
		y.music(a)
		y.ringback(b)
		y.ok(c.Answer())
		c.Media.SendTone(carolTone)
		y.hear(b, carolTone, c, bobTone)
		y.does(y.transfer("attended", "2001", `"attended_operate":"complete"`))
		y.ends(b)
		y.hear(a, carolTone, c, aliceTone)

		y.does(y.transfer("blind", "2000", `"number":"9999"`))
		y.ends(c)
		y.pass(500 * time.Millisecond)
		y.that(!a.Media.Silent(200*time.Millisecond), "alice hears no failure tone")
		y.ends(a)
	})
}

// A phone that has G.722 alone is offered it last, whatever the caller has, and is transcoded to.
func TestMedia_G722Alone(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000", codecs("PCMU")), r.phone("2001", codecs("G722"))
		a, b := r.connect(alice, "2001", bob)
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		r.pass(500 * time.Millisecond)
		r.oneStream(a, b)
		r.that(a.Media.Stats().PTs[0] > 10 && b.Media.Stats().PTs[9] > 10, "nothing is transcoded")
		r.ok(a.Hangup())
		r.ends(b)
	})
}
