package main

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// M8, M9: the sender's SSRC changes, its numbers jump, start again or come twice: the receiver sees one stream that
// goes on by one, and never back in time.
func TestMedia_M8_M9_SenderRestarts(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.connect(alice, "2001", bob)
		tape := record(b)
		audio := make([]byte, 160)
		send := func(ssrc uint32, seq uint16, ts uint32) {
			p := phone.Packet{PT: 0, Seq: seq, Timestamp: ts, SSRC: ssrc, Payload: audio}
			r.ok(a.Media.Inject(p.Append(nil)))
			r.pass(20 * time.Millisecond)
		}
		for _, start := range []struct {
			ssrc uint32
			seq  uint16
			ts   uint32
		}{{1, 65530, 0xffffff00}, {2, 100, 5}, {2, 40000, 700000}, {1, 7, 1 << 31}} {
			for i := range 12 {
				send(start.ssrc, start.seq+uint16(i), start.ts+uint32(160*i))
			}
		}
		got := tape.all()
		r.that(len(got) >= 4*12-2, "%d of 48 packets", len(got)) // one is lost at a jump (RFC 3550 A.1)
		checkTape(r, got)
		r.oneStream(b)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// M24, M8: one SSRC, every number once and time that never runs back, through early media, forward with ringing, answer,
// digits, hold with music, a transfer with ringing, and the new party.
func TestMedia_M24_WholeLife(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		a, err := alice.Dial(r.ctx, "2001")
		r.ok(err)
		tape := record(a)
		b, err := bob.WaitCall(r.ctx)
		r.ok(err)
		r.ok(b.Progress())
		b.Media.SendTone(bobTone)
		r.ok(a.Media.WaitTone(r.ctx, bobTone))
		id := r.only().CallID
		r.must("ForwardCall", "CallId", id, "Destination", "2002")
		c := r.rung(carol)
		r.ringback(a)
		r.ok(c.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, c, carolTone)
		r.must("SendDTMF", "CallId", id, "Party", "caller", "Keys", "12#")
		r.ok(a.Media.WaitDigits(r.ctx, "12#"))
		r.ok(c.Media.SendDigit4733('7', 120))
		r.ok(a.Media.WaitDigits(r.ctx, "12#7"))
		r.must("Hold", "CallId", id)
		r.pass(400 * time.Millisecond)
		r.music(a)
		r.must("Unhold", "CallId", id)
		r.pass(200 * time.Millisecond)
		r.must("BlindTransfer", "CallId", id, "TransferorParty", "callee", "Target", "2001")
		b = r.rung(bob)
		r.ringback(a)
		r.ok(b.Answer())
		r.tones(a, aliceTone, b, bobTone)
		r.must("SendDTMF", "CallId", id, "Party", "caller", "Keys", "9")
		r.ok(a.Media.WaitDigits(r.ctx, "12#79"))
		r.hear(a, bobTone, b, aliceTone)
		packets := tape.all()
		for i := 1; i < len(packets); i++ {
			p, q := packets[i-1], packets[i]
			r.same("SSRC", q.SSRC, p.SSRC)
			r.same("sequence number", q.Seq, p.Seq+1)
			r.that(int32(q.Timestamp-p.Timestamp) >= 0, "timestamp %d after %d", q.Timestamp, p.Timestamp)
		}
		first, last := packets[0], packets[len(packets)-1]
		drift := last.at.Sub(first.at) - time.Duration(last.Timestamp-first.Timestamp)*time.Second/8000
		r.that(drift.Abs() < 100*time.Millisecond, "the stream is %v off the clock", drift)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b, c)
	})
}

// I8, M16: the switch sends no RTP before it may, none to anyone but the call's phones, and none after the BYE; what a
// callee sends before its answer reaches nobody.
func TestMedia_I8_M16_OnlyWhereAllowed(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		var mu sync.Mutex
		sent := map[netip.AddrPort]int{}
		r.net.SetTap(func(from, to netip.AddrPort, raw []byte) {
			if from.Addr() == switchAt.Addr() && from.Port() != switchAt.Port() {
				mu.Lock()
				defer mu.Unlock()
				sent[to]++
			}
		})
		count := func() (n int) {
			mu.Lock()
			defer mu.Unlock()
			for _, k := range sent {
				n += k
			}
			return n
		}
		a, err := alice.Dial(r.ctx, "2001")
		r.ok(err)
		b := r.rung(bob)
		early, err := r.net.ListenPacket(b.Media.Local().Addr().String() + ":0")
		r.ok(err)
		for i := range 20 {
			p := phone.Packet{Seq: uint16(i), Timestamp: uint32(160 * i), SSRC: 3, Payload: make([]byte, 160)}
			_, err := early.WriteToUDPAddrPort(p.Append(nil), b.Invite.SDP().Addr)
			r.ok(err)
			r.pass(20 * time.Millisecond)
		}
		r.same("RTP before any answer", count(), 0)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, b, bobTone)
		r.must("Hold", "CallId", r.only().CallID)
		r.pass(time.Second)
		r.must("Hangup", "CallId", r.only().CallID)
		r.ends(a, b)
		mu.Lock()
		for to := range sent {
			r.that(to == a.Media.Local() || to == b.Media.Local(), "RTP to %s", to)
		}
		mu.Unlock()
		before := count()
		r.pass(2 * time.Second)
		r.same("RTP after the end", count()-before, 0)
	})
}

// M5, M6, M7: a phone behind a NAT is found by where its first packets come from; a stranger who sends later is never
// relayed, gets nothing, and moves nothing.
func TestMedia_M5_M7_Latch(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.connect(alice, "2001", bob)
		nat, err := a.Media.SendFrom("203.0.113.9:0")
		r.ok(err)
		r.tones(a, aliceTone, b, bobTone)
		sources := a.Media.Stats().Sources
		r.same("sources", len(sources), 1)
		tape := record(b)
		stranger, err := r.net.ListenPacket("203.0.113.66:0")
		r.ok(err)
		var got int
		var mu sync.Mutex
		r.net.SetTap(func(from, to netip.AddrPort, _ []byte) {
			if to.Addr().String() == "203.0.113.66" {
				mu.Lock()
				defer mu.Unlock()
				got++
			}
		})
		for i := range 120 {
			if i == 20 {
				r.pass(6 * time.Second) // from here on the window of the latch is over
			}
			p := phone.Packet{Seq: uint16(i), Timestamp: uint32(160 * i), SSRC: 666, Payload: make([]byte, 33)}
			for _, to := range []netip.AddrPort{a.Remote().Addr, b.Remote().Addr, {}} {
				if to.IsValid() {
					_, err = stranger.WriteToUDPAddrPort(p.Append(nil), to)
					r.ok(err)
				}
			}
			r.pass(5 * time.Millisecond)
		}
		r.same("packets to the stranger", got, 0)
		r.that(!slices.ContainsFunc(tape.all(), func(p taped) bool { return len(p.Payload) == 33 }), "a stranger's packet was relayed")
		r.hear(a, bobTone, b, aliceTone)
		r.oneStream(a, b)
		r.that(nat.IsValid(), "no address")
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// M4: a phone moves its audio by re-INVITE: it is sent there, heard from there, and its partner notices nothing.
func TestMedia_M4_Moves(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		old := a.Media.Local()
		r.ok(a.MoveMedia(r.ctx))
		r.that(a.Media.Local() != old, "it has not moved")
		var stale int
		var mu sync.Mutex
		r.pass(100 * time.Millisecond)
		r.net.SetTap(func(_, to netip.AddrPort, _ []byte) {
			if to == old {
				mu.Lock()
				defer mu.Unlock()
				stale++
			}
		})
		r.pass(500 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		mu.Lock()
		r.same("packets to the old address", stale, 0)
		mu.Unlock()
		r.same("re-INVITEs at the partner", len(requests(bob, "INVITE")), 1)
		r.oneStream(a)
		st := b.Media.Stats() // what is sent from the new address before its offer has come is a stranger's
		r.that(len(st.SSRCs) == 1 && st.Lost <= 1 && st.Backward+st.Duplicates == 0, "the partner received %+v", st)
		r.ok(b.Hangup())
		r.ends(a)
	})
}

// M22: the ports are used up: a further call gets 503 with Retry-After, whichever leg finds none, and the call that
// talks is untouched. M23: freed ports rest before they are used again.
func TestMedia_M22_M23_Ports(t *testing.T) {
	for name, last := range map[string]uint16{"none for the caller": 20003, "none for the callee": 20005} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				alice, bob, carol := r.three()
				dave := r.phone("2003")
				a, b := r.talk(alice, "2001", bob)
				refused := func() {
					c, err := carol.Dial(r.ctx, "2003")
					r.ok(err)
					end := r.ended(c, 503)
					r.that(end.Message.Get("Retry-After") != "", "503 without Retry-After")
				}
				refused()
				r.pass(600 * time.Millisecond)
				refused()
				r.same("INVITEs", dave.Received("INVITE", 0), 0)
				r.hear(a, bobTone, b, aliceTone)
				r.oneStream(a, b)
				r.ok(a.Hangup())
				r.ends(b)
				r.pass(100 * time.Millisecond)
				refused() // its ports rest
				r.pass(time.Second)
				c, d := r.talk(carol, "2003", dave)
				r.ok(c.Hangup())
				r.ends(d)
			}, func(c *Config) { c.Media.PortMin, c.Media.PortMax = 20000, last })
		})
	}
}
