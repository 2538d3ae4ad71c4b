package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// M1: after a transfer the codecs of the new pair differ: it is transcoded at once, in the stream that was there.
func TestMedia_M1_AfterTransfer(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob := r.phone("2000", codecs("PCMA")), r.phone("2001", codecs("PCMA"))
		carol := r.phone("2002", codecs("PCMU"))
		a, b := r.talk(alice, "2001", bob)
		_, err := b.Refer(r.ctx, "sip:2002@example.com")
		r.ok(err)
		c := r.rung(carol)
		r.ringback(a)
		r.ok(c.Answer())
		r.tones(a, aliceTone, c, carolTone)
		r.same("re-INVITEs at alice", shownHold(alice), "")
		r.oneStream(a, c)
		r.ok(b.Hangup())
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// T31: the target could do opus but answers PCMU alone, while the one that stays talks opus: one of them is moved, not
// both past each other.
func TestMedia_T31_MovedOnce(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three(codecs("opus", "PCMU"))
		a, b := r.talk(alice, "2001", bob)
		r.must("BlindTransfer", "CallId", r.only().CallID, "TransferorParty", "callee", "Target", "2002")
		c := r.rung(carol)
		r.ok(c.Answer(phone.WithSDP("v=0\r\no=2002 1 1 IN IP4 198.51.100.2\r\ns=-\r\nc=IN IP4 198.51.100.2\r\nt=0 0\r\nm=audio " +
			portText(c.Media.Local().Port()) + " RTP/AVP 0\r\n")))
		r.ends(b)
		r.pass(6 * time.Second)
		r.same("alice is offered", a.Remote().Codecs[0].Name, "PCMU")
		r.same("re-INVITEs at carol", shownHold(carol), "")
		c.Media.SendTone(carolTone)
		r.ok(a.Hangup())
		r.ends(c)
	})
}

// M6: a new offer opens the latch again: a phone whose NAT gave it another port is found after its re-INVITE, and not
// before.
func TestMedia_M6_LatchAfterReinvite(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		r.pass(6 * time.Second) // the first window is over
		_, err := a.Media.SendFrom("203.0.113.9:0")
		r.ok(err)
		r.pass(500 * time.Millisecond)
		r.unheard(b, aliceTone) // a stranger, as far as anybody knows
		a.Media.Stop()          // any packet of before, or from the address in the SDP, would settle the latch
		r.pass(50 * time.Millisecond)
		r.ok(a.MoveMedia(r.ctx))
		_, err = a.Media.SendFrom("203.0.113.9:0")
		r.ok(err)
		a.Media.SendTone(aliceTone)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// M19: an offer of T.38 is refused, the audio goes on.
func TestMedia_M19_T38(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		m, err := a.Reinvite(r.ctx, phone.WithSDP("v=0\r\no=x 9 9 IN IP4 198.51.100.0\r\ns=-\r\nc=IN IP4 198.51.100.0\r\nt=0 0\r\nm=image 41002 udptl t38\r\n"))
		r.ok(err)
		r.same("answer", m.Status, 488)
		r.pass(300 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	})
}

// T33: the target of a transfer has two phones: both ring, the first to answer talks, the other is told why it stops.
// A forward stops both phones of the old target (F1, S15).
func TestTransferAndForward_T33_TwoPhones(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, carol := r.three()
		carol2 := r.phone("2002")
		a, b := r.ring(alice, "2002", carol)
		b2 := r.rung(carol2)
		r.must("ForwardCall", "CallId", r.only().CallID, "Destination", "2001")
		r.ended(b, 487)
		r.ended(b2, 487)
		d := r.rung(bob)
		r.ok(d.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, d, bobTone)
		_, err := d.Refer(r.ctx, "sip:2002@example.com")
		r.ok(err)
		c, c2 := r.rung(carol), r.rung(carol2)
		r.ok(c2.Answer())
		r.ended(c, 487)
		r.tones(a, aliceTone, c2, carolTone)
		_, err = d.WaitNotify(r.ctx, 3)
		r.ok(err)
		r.same("NOTIFYs", sipfrags(bob), []string{"100 Trying active", "180 Ringing active", "200 OK terminated"})
		r.ok(c2.Hangup())
		r.ends(a, d)
	})
}

// The same over real sockets: REFER, the call back of music and digits, and a transfer by the API.
func TestTransferOnLoopback(t *testing.T) {
	r := loopRig(t)
	alice, bob, carol := r.three()
	a, b := r.talk(alice, "2001", bob)
	m, err := b.Refer(r.ctx, "sip:2002@example.com")
	r.ok(err)
	r.same("answer", m.Status, 202)
	c := r.rung(carol)
	r.ringback(a)
	r.ok(c.Answer())
	r.tones(a, aliceTone, c, carolTone)
	_, err = b.WaitNotify(r.ctx, 3)
	r.ok(err)
	r.ok(b.Hangup())
	id := r.only().CallID
	r.must("SendDTMF", "CallId", id, "Party", "callee", "Keys", "12#")
	r.heardAt(c, "12#", a)
	r.must("BlindTransfer", "CallId", id, "TransferorParty", "caller", "Target", "2001")
	d := r.rung(bob)
	r.ok(d.Answer())
	r.tones(c, carolTone, d, bobTone)
	r.ended(a, 0)
	r.must("Hangup", "CallId", id)
	r.ends(c, d)
	r.settled()
}
