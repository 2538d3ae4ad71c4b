package sip

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
	"ringdown/callstate"
)

// reports are the NOTIFYs that a phone got, in short: status, state and id of the subscription.
func (r *rig) reports(number string) (out []string) {
	r.Helper()
	for _, m := range r.requests(number, "NOTIFY") {
		_, status, _ := strings.Cut(string(m.Body), " ")
		status, _, _ = strings.Cut(status, " ")
		state, _, _ := strings.Cut(m.Get("Subscription-State"), ";expires")
		_, id, _ := strings.Cut(m.Get("Event"), ";id=")
		out = append(out, strings.TrimSpace(status+" "+state+" "+id))
	}
	return out
}

const toCarol = "<sip:2002@example.com>"

// accept sends a REFER to carol, has it accepted, and returns the answer that the phone gets.
func (r *rig) accept(s side, opts ...phone.Option) (callstate.ReferReceived, *phone.Message) {
	r.Helper()
	got := make(chan *phone.Message, 1)
	go func() {
		m, _ := s.Refer(r.ctx, toCarol, opts...)
		got <- m
	}()
	ev := last[callstate.ReferReceived](r)
	r.agent.Do(callstate.AcceptRefer{Leg: ev.Leg, Ref: ev.Ref})
	m := <-got
	r.settle()
	return ev, m
}

func (r *rig) report(ev callstate.ReferReceived, statuses ...int) {
	for _, s := range statuses {
		r.agent.Do(callstate.ReportTransfer{Leg: ev.Leg, Ref: ev.Ref, Status: s})
	}
	r.settle()
}

// T1, T3, T8, I10: the reports come in order and end with the final one, also after the phone's BYE; those of a second
// REFER carry the CSeq of theirs.
func TestRefer_T1_T3_T8(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		ev, m := r.accept(s)
		r.same("answer", m.Status, 202)
		r.report(ev, 180, 486, 200) // nothing after the first final one
		second, m := r.accept(s)
		seq, _ := m.CSeq()
		r.ok(s.Hangup())
		r.same("ended", last[callstate.LegEnded](r).Leg, s.leg)
		r.same("legs", r.agent.Counts().Legs, 1) // for the reports alone (RFC 5057 §5.5)
		r.report(second, 183, 200)
		r.same("reports", r.reports("2000"), []string{"100 active", "180 active", "486 terminated;reason=noresource",
			fmt.Sprint("100 active ", seq), fmt.Sprint("183 active ", seq), fmt.Sprint("200 terminated;reason=noresource ", seq)})
		r.same("legs", r.agent.Counts().Legs, 0)
	})
}

// A subscription that nothing ends runs out after five minutes.
func TestRefer_Expires(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		_, _ = r.accept(s)
		time.Sleep(referLife - time.Second)
		r.same("before", r.reports("2000"), []string{"100 active"})
		time.Sleep(2 * time.Second)
		r.same("after", r.reports("2000"), []string{"100 active", "408 terminated;reason=noresource"})
	})
}

// T18: no reports where none are wanted, and the answer says so (RFC 4488 §4).
func TestRefer_T18(t *testing.T) {
	for value, quiet := range map[string]bool{"false": true, " FALSE ;x=y": true, "true": false, "no": false} {
		t.Run(value, func(t *testing.T) {
			inRig(t, func(r *rig) {
				s := r.talks("2000", true)
				ev, m := r.accept(s, phone.WithHeader("Refer-Sub", value),
					phone.WithHeader("Require", "norefersub"))
				r.same("answer", m.Status, 202)
				r.report(ev, 200)
				r.same("Refer-Sub", m.Get("Refer-Sub"), map[bool]string{true: "false"}[quiet])
				r.same("reports", len(r.reports("2000")), map[bool]int{false: 2}[quiet])
			})
		})
	}
}

// T20: a report that is refused, or not answered, ends the subscription, once and without harm to the call.
func TestRefer_T20(t *testing.T) {
	for _, status := range []int{481, 405, 401, 503, 0} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inRig(t, func(r *rig) {
				var p *phone.Phone
				p = r.phone("2000", func(c *phone.Config) {
					c.OnRequest = func(m *phone.Message) bool {
						if m.Method == "NOTIFY" && status != 0 {
							_ = p.Respond(m, status, "")
						}
						return m.Method == "NOTIFY"
					}
				})
				s := r.talks("2000", false)
				ev, m := r.accept(s)
				r.same("answer", m.Status, 202)
				time.Sleep(40 * time.Second)
				r.report(ev, 180, 200)
				r.same("reports", r.reports("2000"), []string{"100 active"})
				r.same("told", fmt.Sprintf("%+v", told[callstate.ReferGone](r.core)), fmt.Sprintf("%+v", []callstate.ReferGone{{On: ev.On, Ref: ev.Ref}}))
				r.same("ended", len(told[callstate.LegEnded](r.core)), 0)
			})
		})
	}
}

// T10: a REFER into a dialog that we are ending.
func TestRefer_T10(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		r.net.SetDrop(func(_, _ netip.AddrPort, b []byte) bool { return strings.HasPrefix(string(b), "BYE ") })
		r.agent.Do(callstate.HangUp{Leg: s.leg})
		r.same("answer", r.request(s, "REFER", phone.WithHeader("Refer-To", toCarol)).Status, 481)
		r.same("told", len(told[callstate.ReferReceived](r.core)), 0)
	})
}

// T11: a REFER before the answer is refused; one that overtakes the ACK to our answer is not.
func TestRefer_T11(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.calls("2000", phone.ManualAck())
		r.same("early", r.request(s, "REFER", phone.WithHeader("Refer-To", toCarol)).Status, 403)
		r.same("told", len(told[callstate.ReferReceived](r.core)), 0)
		r.up(s)
		_, m := r.accept(s)
		r.same("before the ACK", m.Status, 202)
		r.ok(s.Ack(""))
		r.same("confirmed", last[callstate.LegConfirmed](r).Leg, s.leg)
	})
}

// T15: one Refer-To, no more, no less; and nobody but the phone of the dialog sends one.
func TestRefer_T15(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		h := phone.WithHeader
		for name, opts := range map[string][]phone.Option{
			"none": nil, "two": {h("Refer-To", toCarol), h("Refer-To", toCarol)}, "two in a line": {h("Refer-To", toCarol+","+toCarol)},
			"two Replaces": {h("Refer-To", "<sip:2002@example.com?Replaces=a%3Bto-tag=t%3Bfrom-tag=f&Replaces=a%3Bto-tag=t%3Bfrom-tag=f>")},
			"injection":    {h("Refer-To", "<sip:2002@example.com?Replaces=a%3Bto-tag=t%3Bfrom-tag=f%0D%0ARoute:%20x>")},
			"in the name":  {h("Refer-To", "<sip:2002%0D%0A@example.com>")},
		} {
			r.same(name, r.request(s, "REFER", opts...).Status, 400)
		}
		r.same("told", len(told[callstate.ReferReceived](r.core)), 0)
		other := r.phone("2001")
		m, err := other.Do(r.ctx, strings.Join([]string{"REFER sip:x@{server} SIP/2.0", "Via: SIP/2.0/UDP {local};branch={branch};rport",
			"From: <sip:2000@example.com>;tag=" + s.Invite.FromTag(), "To: <sip:2999@example.com>;tag=" + remoteTag(s),
			"Call-ID: " + s.ID, "CSeq: 900 REFER", "Max-Forwards: 70", "Contact: <sip:2001@{local}>", "Refer-To: " + toCarol,
			"Content-Length: 0", "", ""}, "\n"))
		r.ok(err)
		r.same("a stranger's", m.Status, 401) // X11
		r.same("told", len(told[callstate.ReferReceived](r.core)), 0)
	})
}

func remoteTag(s side) string { _, tag := s.Tags(); return tag }

// T19: out of a dialog nobody places calls, by Target-Dialog neither; strangers are asked who they are first.
func TestRefer_T19(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		local, remote := s.Tags()
		opts := []phone.Option{phone.WithHeader("Refer-To", toCarol),
			phone.WithHeader("Target-Dialog", s.ID+";local-tag="+local+";remote-tag="+remote)}
		for _, n := range []int{1, 2} {
			m, err := r.phone("2000").Request(r.ctx, "REFER", "sip:2000@example.com", opts[:n]...)
			r.ok(err)
			r.same("a user", m.Status, 403)
			m, err = r.phone("2000").Request(r.ctx, "REFER", "sip:2000@example.com", append(opts[:n:n], phone.WithoutAuth())...)
			r.ok(err)
			r.same("a stranger", m.Status, 401)
		}
		r.same("told", len(told[callstate.ReferReceived](r.core)), 0)
	})
}

// T26: Referred-By is that of the REFER, in either form of its name, or the phone's own number.
func TestRefer_T26(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		for _, tt := range []struct{ name, value, want string }{
			{"Referred-By", `"A" <sip:a@example.net>;cid="x"`, `"A" <sip:a@example.net>;cid="x"`},
			{"b", "<sip:a@example.net>", "<sip:a@example.net>"},
			{"X-None", "x", "<sip:2000@example.com>"},
		} {
			ev := r.refers(s, phone.WithHeader("Refer-To", toCarol), phone.WithHeader(tt.name, tt.value))
			r.same("Referred-By", ev.ReferredBy, tt.want)
		}
	})
}

// T27: a REFER that follows the phone's hold is answered at once, whichever side's re-INVITE is open.
func TestRefer_T27(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		go func() { _, _ = s.Reinvite(r.ctx, phone.WithDirection("sendonly")) }()
		held := last[callstate.LegReoffered](r)
		ev, m := r.accept(s)
		r.same("answer", m.Status, 202)
		r.agent.Do(callstate.AcceptOffer{Leg: held.Leg, Ref: held.Ref, SDP: []byte(sdp)})
		r.report(ev, 200)
		r.same("reports", r.reports("2000"), []string{"100 active", "200 terminated;reason=noresource"})
	})
	inRig(t, func(r *rig) {
		var p *phone.Phone
		p = r.phone("2000", func(c *phone.Config) {
			c.OnRequest = func(m *phone.Message) bool { return m.Method == "INVITE" && m.ToTag() != "" }
		})
		_ = p
		s := r.talks("2000", true)
		r.agent.Do(callstate.Reoffer{Leg: s.leg, Ref: 7, SDP: []byte(sdp)})
		r.settle()
		_, m := r.accept(s)
		r.same("answer while ours is open", m.Status, 202)
	})
}

// A call that takes no more refuses a REFER with 503, and one that has ended with 481: no REFER is left without answer.
func TestRefer_NotTaken(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		r.core.mu.Lock()
		r.core.full = true
		r.core.mu.Unlock()
		r.same("full", r.request(s, "REFER", phone.WithHeader("Refer-To", toCarol)).Status, 503)
		r.core.mu.Lock()
		r.core.full = false
		r.core.mu.Unlock()
		got := make(chan int, 1)
		go func() {
			m, _ := s.Request(r.ctx, "REFER", phone.WithHeader("Refer-To", toCarol))
			got <- m.Status
		}()
		_ = last[callstate.ReferReceived](r)
		r.agent.Do(callstate.HangUp{Leg: s.leg})
		r.same("E7", <-got, 481)
	})
}
