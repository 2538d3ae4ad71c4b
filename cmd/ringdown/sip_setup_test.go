package main

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// What a caller is told when the callee's phone refuses, or there is none (S21, S24, S29).
func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name  string
		phone int // the callee's answer
		want  int
	}{
		{"busy", 486, 486}, {"decline", 603, 603}, {"away", 480, 480}, {"6xx", 600, 600},
		{"S29 bad extension", 420, 420}, {"S29 media type", 415, 415}, {"S29 not acceptable", 488, 488}, {"S29 606", 606, 606},
		{"S21 503 is not passed on", 503, 500}, {"401 of a phone", 401, 500}, {"redirect is not followed", 302, 480},
		{"not here", 404, 404}, {"request time-out", 408, 480},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				alice, bob := r.phone("2000"), r.phone("2001")
				a := r.dial(alice, "2001")
				r.ok(r.rings(bob).Reject(row.phone, ""))
				r.refused(a, row.want)
				time.Sleep(time.Second)
				r.received(bob, "INVITE 1", "ACK 1", "CANCEL 0", "BYE 0")
				r.received(alice, "INVITE 100 1", "INVITE 180 1")
			})
		})
	}
}

// Numbers that nobody has, or that are not registered.
func TestNobody(t *testing.T) {
	bubble(t, func(r *rig) {
		alice := r.phone("2000")
		r.refused(r.dial(alice, "7777"), 404)
		r.refused(r.dial(alice, "2001"), 480)
		r.refused(r.dial(alice, "2001", phone.WithURI("sip:%32%30%30%31@example.com")), 480)
		r.refused(r.dial(alice, "2001", phone.WithURI("sip:2001%0d%0aX-Evil:1@example.com")), 404)
		r.refused(r.dial(alice, "2001", phone.WithURI("sip:example.com")), 404)
	})
}

// S24: no answer within the ring time: the callee is told by CANCEL with Reason, the caller gets 480.
func TestS24_RingTimeout(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		start := time.Now()
		a := r.dial(alice, "2001")
		b := r.rings(bob)
		r.refused(a, 480)
		if d := time.Since(start); d < 30*time.Second || d > 31*time.Second {
			r.Errorf("gave up after %v", d)
		}
		end, err := b.WaitEnd(r.ctx)
		r.ok(err)
		if !strings.Contains(end.Reason, "cause=408") {
			r.Errorf("Reason %q", end.Reason)
		}
	})
}

// 100 comes at once and once; a repeated INVITE starts nothing (S23); a merged one is refused (S22).
func TestS22_S23_SameInvite(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		start := time.Now()
		a := r.dial(alice, "2001")
		_, err := a.WaitStatus(r.ctx, 100)
		r.ok(err)
		if d := time.Since(start); d > 100*time.Millisecond {
			r.Errorf("100 after %v", d)
		}
		b := r.rings(bob)
		r.ok(a.WaitRinging(r.ctx))
		text := sent(alice, "INVITE", 2)
		r.ok(alice.Send([]byte(text)))
		r.soon(time.Second, "180 again", func() bool { return alice.Received("INVITE", 180) == 2 })
		branch := phone.Param(strings.Split(text, "\r\n")[1], "branch")
		res, err := alice.Do(r.ctx, strings.ReplaceAll(text, branch, branch+"merged"))
		r.status(res, err, 482)
		r.ok(alice.Send([]byte(strings.ReplaceAll(ackFor(text, res), branch, branch+"merged"))))
		r.received(bob, "INVITE 1")
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.ok(b.Hangup())
		r.ends(a, b)
	})
}

// sent is the n-th request of that method that the phone sent, from 1.
func sent(p *phone.Phone, method string, n int) string {
	for _, e := range p.Transcript() {
		if e.Out && strings.HasPrefix(e.Text, method+" ") {
			if n--; n == 0 {
				return e.Text
			}
		}
	}
	return ""
}

// got is the n-th message that the phone received whose start line begins so and whose CSeq is of that method.
func got(p *phone.Phone, start, method string, n int) string {
	for _, e := range p.Transcript() {
		if m, err := phone.ParseMessage([]byte(e.Text)); err == nil && !e.Out && strings.HasPrefix(e.Text, start) {
			if _, is := m.CSeq(); is == method {
				if n--; n == 0 {
					return e.Text
				}
			}
		}
	}
	return ""
}

// ackFor is the ACK to a refusal of an INVITE (RFC 3261 §17.1.1.3).
func ackFor(invite string, res *phone.Message) string {
	m, _ := phone.ParseMessage([]byte(invite))
	ack := &phone.Message{Method: "ACK", URI: m.URI}
	ack.Add("Via", m.Get("Via"))
	ack.Add("From", m.Get("From"))
	ack.Add("To", res.Get("To"))
	ack.Add("Call-ID", m.Get("Call-ID"))
	ack.Add("CSeq", strings.Replace(m.Get("CSeq"), "INVITE", "ACK", 1))
	return ack.String()
}

// S25: a challenged caller that neither acknowledges nor tries again costs a transaction for Timer H, nothing else.
func TestS25_ChallengeUnanswered(t *testing.T) {
	oddBubble(t, func(r *rig) {
		alice := r.unregistered("2000")
		res, err := alice.Do(r.ctx, strings.Replace(inviteText, "{more}", "", 1))
		r.status(res, err, 401)
		if left := r.sw.agent.Counts(); left.Legs != 0 || left.Dialogs != 0 {
			r.Errorf("%+v", left)
		}
		time.Sleep(40 * time.Second)
		again := phone.Key{Method: "INVITE", Status: 401}
		if n := alice.Count(again); n < 8 || n > 12 { // Timer G: 0.5, 1, 2, 4, 4 ... s
			r.Errorf("401 was sent %d times", n)
		}
	})
}

const inviteText = `INVITE sip:2001@{domain} SIP/2.0
Via: SIP/2.0/UDP {local};branch={branch};rport
Max-Forwards: 70
From: <sip:{number}@{domain}>;tag={tag}
To: <sip:2001@{domain}>
Call-ID: {callid}
CSeq: 7 INVITE
Contact: <sip:{number}@{local}>
{more}Content-Length: 0

`

// Require and Proxy-Require name nothing that we know; the answer lists it.
func TestUnsupportedExtensions(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		for _, tag := range []string{"100rel", "timer", "nothing"} {
			res := r.refused(r.dial(alice, "2001", phone.WithHeader("Require", tag)), 420)
			if res.Get("Unsupported") != tag {
				r.Errorf("Unsupported: %q for %s", res.Get("Unsupported"), tag)
			}
		}
		res := r.refused(r.dial(alice, "2001", phone.WithHeader("Proxy-Require", "a, b")), 420)
		if res.Get("Unsupported") != "a, b" {
			r.Errorf("Unsupported: %q", res.Get("Unsupported"))
		}
		a, b := r.connect(alice, "2001", bob)
		for _, m := range []string{b.Invite.String(), got(alice, "SIP/2.0 200", "INVITE", 1)} {
			if strings.Contains(m, "100rel") || !strings.Contains(m, "replaces") || strings.Contains(m, "timer") {
				r.Errorf("advertised must be replaces (P13), not 100rel nor timer:\n%s", m)
			}
		}
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// Early media is heard before the answer, and stays when another contact only rings (S16).
func TestS16_EarlyMedia(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob, desk := r.phone("2000"), r.phone("2001"), r.phone("2001")
		a := r.dial(alice, "2001")
		b, err := bob.WaitCall(r.ctx)
		r.ok(err)
		d, err := desk.WaitCall(r.ctx)
		r.ok(err)
		r.ok(d.Ring())
		r.ok(a.WaitRinging(r.ctx))
		r.ok(b.Progress())
		_, err = a.WaitProgress(r.ctx)
		r.ok(err)
		b.Media.SendTone(bobTone)
		r.ok(a.Media.WaitTone(r.ctx, bobTone))
		r.ok(d.Ring())
		r.ok(b.Ring())
		time.Sleep(time.Second)
		r.ok(a.Media.WaitTone(r.ctx, bobTone))
		r.ok(d.Answer()) // the answer decides
		r.ok(a.WaitAnswer(r.ctx))
		d.Media.SendTone(carolTone)
		a.Media.SendTone(aliceTone)
		r.hear(a, carolTone, d, aliceTone)
		r.received(bob, "CANCEL 1")
		r.ok(d.Hangup())
		r.ends(a, b, d)
	})
}

// S17: for one To-tag the first answer binds; the 200 that says otherwise changes nothing.
func TestS17_AnswerDiffersFromEarly(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		b, err := bob.WaitCall(r.ctx)
		r.ok(err)
		r.ok(b.Progress())
		_, err = a.WaitProgress(r.ctx)
		r.ok(err)
		sdp := string(mustParse(r, sentStatus(bob, 183)).Body)
		port := b.Media.Local().Port()
		r.ok(b.Answer(phone.WithSDP(strings.ReplaceAll(sdp, itoa(port), "9"))))
		r.ok(a.WaitAnswer(r.ctx))
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// S17: an answer with another To-tag is a new one and decides.
func TestS17_AnswerFromAnotherFork(t *testing.T) {
	oddBubble(t, func(r *rig) { // the phone takes part in one of the two dialogs only
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001")
		b, err := bob.WaitCall(r.ctx)
		r.ok(err)
		r.ok(b.Progress())
		_, err = a.WaitProgress(r.ctx)
		r.ok(err)
		r.ok(b.Answer(phone.WithHeader("To", b.Invite.Get("To")+";tag=fork2"), phone.WithoutRepeat()))
		r.ok(a.WaitAnswer(r.ctx))
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.soon(time.Second, "BYE", func() bool { return strings.Contains(got(bob, "BYE", "BYE", 1), "tag=fork2") })
		time.Sleep(64 * time.Second) // the phone's own idea of the call has to end too
	})
}

// S14: two 2xx from forks behind one contact: the first wins, the other is acknowledged and hung up, the call lives.
func TestS14_ForkDownstream(t *testing.T) {
	oddBubble(t, func(r *rig) { // the second fork is not a phone
		alice, bob := r.phone("2000"), r.phone("2001")
		a, b := r.connect(alice, "2001", bob)
		tag, _ := b.Tags()
		second := strings.ReplaceAll(sentStatus(bob, 200), tag, "fork2")
		for range 3 {
			r.ok(bob.Send([]byte(second)))
		}
		time.Sleep(time.Second)
		acks, byes := 0, 0
		for _, e := range bob.Transcript() {
			if !e.Out && strings.Contains(e.Text, "tag=fork2") {
				acks += strings.Count(e.Text, "ACK sip:")
				byes += strings.Count(e.Text, "BYE sip:")
			}
		}
		if acks != 3 || byes != 1 {
			r.Errorf("%d ACK and %d BYE for the second fork\n%s", acks, byes, bob.Ladder())
		}
		r.ok(b.Hold(r.ctx, phone.SendOnly)) // the dialog that won is still known
		r.ok(b.Resume(r.ctx))
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(b.Hangup())
		r.ends(a, b)
	})
}

// Several contacts ring at once; the first to answer wins and the others are told so (S15).
func TestS15_ParallelContacts(t *testing.T) {
	bubble(t, func(r *rig) {
		alice := r.phone("2000")
		var desks []*phone.Phone
		var calls []*phone.Call
		for range 3 {
			desks = append(desks, r.phone("2001"))
		}
		a := r.dial(alice, "2001")
		for _, d := range desks {
			calls = append(calls, r.rings(d))
		}
		r.ok(calls[0].Answer()) // in the same instant, so that one answer crosses our CANCEL
		r.ok(calls[1].Answer())
		r.ok(a.WaitAnswer(r.ctx))
		end, err := calls[2].WaitEnd(r.ctx)
		r.ok(err)
		if end.Reason != `SIP;cause=200;text="Call completed elsewhere"` {
			r.Errorf("Reason %q", end.Reason)
		}
		time.Sleep(time.Second)
		if calls[0].Active() == calls[1].Active() {
			r.Fatalf("two winners, or none\n%s", r.ladder())
		}
		winner, loser := calls[0], desks[1]
		if calls[1].Active() {
			winner, loser = calls[1], desks[0]
		}
		r.received(loser, "ACK 1", "BYE 1")
		a.Media.SendTone(aliceTone)
		winner.Media.SendTone(bobTone)
		r.hear(a, bobTone, winner, aliceTone)
		r.ok(winner.Hangup())
		r.ends(a, calls[0], calls[1])
	})
}

// S21: the best refusal of several contacts; a 6xx ends the search.
func TestS21_BestRefusal(t *testing.T) {
	for _, row := range []struct {
		name        string
		first, last int
		want        int
		cancelled   bool
	}{
		{"busy before away", 480, 486, 486, false}, {"4xx before 5xx", 500, 404, 404, false},
		{"6xx at once", 603, 0, 603, true}, {"415 helps", 404, 415, 415, false}, {"503 hides", 503, 503, 500, false},
	} {
		t.Run("S21 "+row.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				alice, bob, desk := r.phone("2000"), r.phone("2001"), r.phone("2001")
				a := r.dial(alice, "2001")
				b, d := r.rings(bob), r.rings(desk)
				r.ok(b.Reject(row.first, ""))
				if row.cancelled {
					r.ends(d)
					r.received(desk, "CANCEL 1")
				} else {
					time.Sleep(time.Second)
					r.received(alice, "INVITE 486 0", "INVITE 480 0", "INVITE 500 0", "INVITE 404 0")
					r.ok(d.Reject(row.last, ""))
				}
				r.refused(a, row.want)
			})
		})
	}
}

// An INVITE without an offer: our 200 offers, the ACK answers.
func TestOfferlessInvite(t *testing.T) {
	bubble(t, func(r *rig) {
		alice, bob := r.phone("2000"), r.phone("2001")
		a := r.dial(alice, "2001", phone.WithoutSDP())
		b := r.rings(bob)
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		a.Media.SendTone(aliceTone)
		b.Media.SendTone(bobTone)
		r.hear(a, bobTone, b, aliceTone)
		r.ok(a.Hangup())
		r.ends(a, b)
	})
}

// S11: the ACK has to bring the answer; without one, or with rubbish, both legs end.
func TestS11_NoAnswerInAck(t *testing.T) {
	for _, row := range []struct{ name, sdp string }{
		{"S11 none", ""}, {"S11 rubbish", "hello"}, {"S11 other codec", strings.ReplaceAll(plainSDP, "RTP/AVP 0", "RTP/AVP 18")},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				alice, bob := r.phone("2000"), r.phone("2001")
				a := r.dial(alice, "2001", phone.WithoutSDP(), phone.ManualAck())
				b := r.rings(bob)
				r.ok(b.Answer())
				r.ok(a.WaitAnswer(r.ctx))
				ack := ackFor(sent(alice, "INVITE", 2), mustParse(r, got(alice, "SIP/2.0 200", "INVITE", 1)))
				if row.sdp != "" {
					ack = strings.Replace(ack, "Content-Length: 0\r\n\r\n", "Content-Type: application/sdp\r\nContent-Length: "+
						itoa(len(row.sdp))+"\r\n\r\n"+row.sdp, 1)
				}
				r.ok(alice.Send([]byte(strings.Replace(ack, "branch=", "branch=z9hG4bKack", 1))))
				r.ends(a, b)
				r.received(alice, "BYE 1")
				r.received(bob, "BYE 1")
			})
		})
	}
}

// plainSDP offers one stream of PCMU.
const plainSDP = "v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
