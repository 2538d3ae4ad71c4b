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

// reading is how a phone writes a dialog into a Replaces.
type reading int

const (
	asRecipient reading = iota // RFC 3891 §3: to-tag is ours
	asSender                   // P10: as the phone sees it itself
)

// names writes the Replaces of a call.
func names(s side, how reading) string {
	local, remote := s.Tags()
	if how == asSender {
		local, remote = remote, local
	}
	return s.ID + ";to-tag=" + remote + ";from-tag=" + local
}

// referTo writes a Replaces into a Refer-To as phones do.
func toReferTo(replaces string) phone.Option {
	var b strings.Builder
	for _, c := range []byte(replaces) {
		if '0' <= c && c <= '9' || 'a' <= c|32 && c|32 <= 'z' || c == '-' || c == '.' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return phone.WithHeader("Refer-To", "<sip:2002@example.com?Replaces="+b.String()+"&Require=replaces>")
}

// refers sends a REFER that nobody answers yet and returns what the call is told.
func (r *rig) refers(s side, opts ...phone.Option) callstate.ReferReceived {
	r.Helper()
	n := len(told[callstate.ReferReceived](r.core))
	go func() { _, _ = s.Request(r.ctx, "REFER", opts...) }()
	ev := last[callstate.ReferReceived](r)
	r.same("REFERs told", len(told[callstate.ReferReceived](r.core)), n+1)
	return ev
}

// P7, P10, P15: a REFER in either kind of dialog names the other one of the same phone, in either reading, answered or
// still ringing: it is found.
func TestReplaces_P7_P10_P15(t *testing.T) {
	for _, referrer := range []bool{true, false} {
		for _, named := range []bool{true, false} {
			for _, answered := range []bool{true, false} {
				for _, how := range []reading{asRecipient, asSender} {
					for _, early := range []string{"", ";early-only"} {
						t.Run(fmt.Sprint(referrer, named, answered, how, early), func(t *testing.T) {
							inRig(t, func(r *rig) {
								first := r.talks("2000", referrer)
								second := r.rings
								if named {
									second = func(n string) side { return r.calls(n) }
								}
								other := second("2000")
								if answered {
									r.up(other)
								}
								ev := r.refers(first, toReferTo(names(other, how)+early))
								r.same("leg", ev.Leg, first.leg)
								r.same("target", ev.Target, "2002")
								r.same("Replaces", fmt.Sprintf("%+v %q", ev.Replaces, ev.Elsewhere),
									fmt.Sprintf("%+v %q", callstate.Replaced{Leg: other.leg, EarlyOnly: early != ""}, ""))
							})
						})
					}
				}
			}
		}
	}
}

// A phone that answers at once, without having rung, is known by the tag of its 200.
func TestReplaces_NotRung(t *testing.T) {
	inRig(t, func(r *rig) {
		first := r.talks("2000", true)
		r.agent.Do(callstate.Locate{Number: "2000"})
		leg := callstate.LegID{Call: 99, N: 2}
		r.agent.Do(callstate.Dial{Leg: leg, Number: "2000", To: last[callstate.Located](r).Contacts[0],
			From: callstate.Party{Number: "2999"}, SDP: []byte(sdp)})
		c, err := r.phone("2000").WaitCall(r.ctx)
		r.ok(err)
		other := r.up(side{c, leg})
		r.same("Replaces", r.refers(first, toReferTo(names(other, asRecipient))).Replaces, callstate.Replaced{Leg: leg})
	})
}

// P3, P12: what names no dialog of ours may name one elsewhere; the dialog of another extension is out of reach, and
// who tries is logged. Read crossed, another's dialog is not even found (P10).
func TestReplaces_P3_P12(t *testing.T) {
	inRig(t, func(r *rig) {
		first, other := r.talks("2000", true), r.talks("2000", false)
		foreign, placed := r.talks("2001", false), r.talks("2001", true)
		local, remote := other.Tags()
		for _, tt := range []struct {
			replaces string
			status   int
		}{
			{"nobody@example.com;to-tag=a;from-tag=b", 481},
			{other.ID + ";to-tag=" + remote + ";from-tag=x", 481},
			{other.ID + ";to-tag=x;from-tag=" + local, 481},
			{other.ID + ";to-tag=" + remote + ";from-tag=0", 481},
			{other.ID + ";to-tag=x;from-tag=" + remote, 481},
			{other.ID + ";to-tag=0;from-tag=" + local, 481},
			{other.ID + ";to-tag=" + local + ";from-tag=" + local, 481},
			{first.ID + ";to-tag=" + remote + ";from-tag=" + local, 481},
			{names(foreign, asRecipient), 403},
			{names(placed, asRecipient), 403},
			{names(foreign, asSender), 481},
			{names(placed, asSender), 481},
		} {
			warned := strings.Count(r.logged(), "dialog of somebody else")
			ev := r.refers(first, toReferTo(tt.replaces))
			want := callstate.Replaced{Status: tt.status}
			r.same("Replaces "+tt.replaces, ev.Replaces, want)
			elsewhere := ""
			if tt.status == 481 {
				elsewhere = tt.replaces
			}
			r.same("Elsewhere", ev.Elsewhere, elsewhere)
			r.same("warnings", strings.Count(r.logged(), "dialog of somebody else")-warned, map[bool]int{true: 1}[tt.status == 403])
			r.agent.Do(callstate.RefuseRefer{Leg: ev.Leg, Ref: ev.Ref, Status: 603})
			r.settle()
		}
	})
}

// P4: a dialog that has ended, or is just being ended, is told from one that never was, for half a minute at least.
func TestReplaces_P4(t *testing.T) {
	for name, end := range map[string]func(r *rig) side{
		"the phone hangs up": func(r *rig) side {
			s := r.talks("2000", false)
			r.ok(s.Hangup())
			return s
		},
		"the phone hangs up, and is still told of its REFER": func(r *rig) side {
			s := r.talks("2000", false)
			_, _ = r.accept(s)
			r.ok(s.Hangup())
			return s
		},
		"our BYE is answered": func(r *rig) side {
			s := r.talks("2000", true)
			r.agent.Do(callstate.HangUp{Leg: s.leg})
			return s
		},
		"our BYE is under way": func(r *rig) side {
			s := r.talks("2000", true)
			r.net.SetDrop(func(_, _ netip.AddrPort, b []byte) bool { return strings.HasPrefix(string(b), "BYE ") })
			r.agent.Do(callstate.HangUp{Leg: s.leg})
			return s
		},
		"our BYE waits for the ACK": func(r *rig) side {
			s := r.calls("2000", phone.ManualAck())
			r.agent.Do(callstate.Answer{Leg: s.leg, SDP: []byte(sdp)})
			r.settle()
			r.agent.Do(callstate.HangUp{Leg: s.leg})
			return s
		},
		"the phone cancels": func(r *rig) side {
			s := r.calls("2000")
			r.ok(s.Cancel())
			return s
		},
		"we refuse": func(r *rig) side {
			s := r.calls("2000")
			r.agent.Do(callstate.HangUp{Leg: s.leg, Cause: callstate.Cause{Kind: callstate.Busy}})
			return s
		},
		"the phone refuses": func(r *rig) side {
			s := r.rings("2000")
			r.ok(s.Reject(486, ""))
			return s
		},
		"we cancel": func(r *rig) side {
			s := r.rings("2000")
			r.agent.Do(callstate.HangUp{Leg: s.leg})
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				first := r.talks("2000", false)
				gone := end(r)
				r.settle()
				for _, how := range []reading{asRecipient, asSender} {
					r.same("just ended", r.refers(first, toReferTo(names(gone, how))).Replaces, callstate.Replaced{Status: 603})
				}
				r.net.SetDrop(nil)
				time.Sleep(referLife + 100*time.Second) // the last of these ends after referLife
				r.same("long ago", r.refers(first, toReferTo(names(gone, asRecipient))).Replaces, callstate.Replaced{Status: 481})
			})
		})
	}
}

// RFC 3891 §3, P11: what is wrong with a Replaces is refused, after the INVITE has shown who sent it; elsewhere than in
// an INVITE that begins a dialog it is always wrong.
func TestReplaces_P11(t *testing.T) {
	const good = "a@b;to-tag=t;from-tag=f"
	h := phone.WithHeader
	for name, tt := range map[string]struct {
		opts   []phone.Option
		status int
	}{
		"two lines":      {[]phone.Option{h("Replaces", good), h("Replaces", good)}, 400},
		"one line":       {[]phone.Option{h("Replaces", good+", "+good)}, 400},
		"Join too":       {[]phone.Option{h("Replaces", good), h("Join", good)}, 400},
		"no tags":        {[]phone.Option{h("Replaces", "a@b")}, 400},
		"nonsense":       {[]phone.Option{h("Replaces", ";;=")}, 400},
		"no such dialog": {[]phone.Option{h("Replaces", good)}, 481},
		"required":       {[]phone.Option{h("Replaces", good), h("Require", "replaces")}, 481},
		"stranger":       {[]phone.Option{h("Replaces", good), h("Replaces", good), phone.WithoutAuth()}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				c, err := r.phone("2001").Dial(r.ctx, "2999", tt.opts...)
				r.ok(err)
				end, err := c.WaitEnd(r.ctx)
				r.ok(err)
				r.same("answer", end.Status, tt.status)
				r.same("offered", len(told[callstate.LegOffered](r.core)), 0)
				r.same("legs", r.agent.Counts().Legs, 0)
			})
		})
	}
	for _, method := range []string{"REFER", "BYE", "UPDATE", "INVITE", "OPTIONS", "INFO"} {
		t.Run(method, func(t *testing.T) {
			inRig(t, func(r *rig) {
				s := r.talks("2000", true)
				m := r.request(s, method, h("Replaces", good), h("Refer-To", "<sip:2001@example.com>"))
				r.same("answer", m.Status, 400)
				r.same("events", len(told[callstate.ReferReceived](r.core))+len(told[callstate.LegReoffered](r.core))+
					len(told[callstate.LegEnded](r.core)), 0)
			})
		})
	}
}

// An INVITE with Replaces is an ordinary call that names the leg whose place it wants; whose leg that is, is the call's
// matter. To may name anything.
func TestInviteReplaces(t *testing.T) {
	for name, tt := range map[string]struct {
		named   func(r *rig) side
		own, ok bool
	}{
		"another's call that is up":    {func(r *rig) side { return r.talks("2000", true) }, false, true},
		"another's phone that rings":   {func(r *rig) side { return r.rings("2000") }, false, true},
		"another's call to us, early":  {func(r *rig) side { return r.calls("2000") }, false, true},
		"an own call, from that phone": {func(r *rig) side { return r.talks("2001", false) }, true, true},
	} {
		for _, how := range []reading{asRecipient, asSender} {
			t.Run(fmt.Sprint(name, how), func(t *testing.T) {
				inRig(t, func(r *rig) {
					other := tt.named(r)
					n := len(told[callstate.LegOffered](r.core))
					c, err := r.phone("2001").Dial(r.ctx, "sip:%61nything;x@192.0.2.1", phone.WithHeader("Require", "replaces"),
						phone.WithTo("<tel:+1>"), phone.WithHeader("Replaces", names(other, how)+";early-only"))
					r.ok(err)
					if how == asSender && !tt.own {
						end, err := c.WaitEnd(r.ctx) // P10
						r.ok(err)
						r.same("answer", end.Status, 481)
						r.same("offered", len(told[callstate.LegOffered](r.core)), n)
						return
					}
					ev := last[callstate.LegOffered](r)
					r.same("Replaces", ev.Replaces, callstate.Replaced{Leg: other.leg, EarlyOnly: true})
					r.same("from and to", ev.From.Number+" "+ev.To, "2001 anything")
					r.same("SDP", string(ev.SDP), string(c.Invite.Body))
					up := r.up(side{c, ev.Leg})
					r.same("confirmed", last[callstate.LegConfirmed](r).Leg, ev.Leg)
					r.ok(up.Hangup())
					r.same("ended", last[callstate.LegEnded](r).Leg, ev.Leg)
				})
			})
		}
	}
}

// A phone that has not answered at all has no tag yet; it is named by 0 (RFC 3891 §6.1), until it has one.
func TestInviteReplaces_NoTag(t *testing.T) {
	inRig(t, func(r *rig) {
		var p *phone.Phone
		p = r.phone("2000", func(c *phone.Config) { c.OnRequest = func(m *phone.Message) bool { return m.Method == "INVITE" } })
		r.agent.Do(callstate.Locate{Number: "2000"})
		leg := callstate.LegID{Call: 99, N: 2}
		r.agent.Do(callstate.Dial{Leg: leg, Number: "2000", To: last[callstate.Located](r).Contacts[0],
			From: callstate.Party{Number: "2999"}, SDP: []byte(sdp)})
		r.settle()
		m := r.requests("2000", "INVITE")[0]
		replaces := phone.WithHeader("Replaces", m.Get("Call-ID")+";to-tag="+m.FromTag()+";from-tag=0")
		_, err := r.phone("2001").Dial(r.ctx, "2999", replaces)
		r.ok(err)
		r.same("Replaces", last[callstate.LegOffered](r).Replaces, callstate.Replaced{Leg: leg})
		r.ok(p.Send([]byte(strings.Replace(answerTo(m, 180), "\r\nCall-ID", ";tag=x\r\nCall-ID", 1))))
		_ = last[callstate.LegProgress](r)
		c, err := r.phone("2001").Dial(r.ctx, "2999", replaces)
		r.ok(err)
		end, err := c.WaitEnd(r.ctx)
		r.ok(err)
		r.same("with a tag", end.Status, 481)
	})
}

// P4, and a call that is over before the INVITE could be handed to it.
func TestInviteReplaces_Gone(t *testing.T) {
	inRig(t, func(r *rig) {
		gone := r.talks("2000", true)
		replaces := phone.WithHeader("Replaces", names(gone, asRecipient))
		status := func() int {
			c, err := r.phone("2001").Dial(r.ctx, "2999", replaces)
			r.ok(err)
			end, err := c.WaitEnd(r.ctx)
			r.ok(err)
			return end.Status
		}
		r.core.mu.Lock()
		r.core.full = true
		r.core.mu.Unlock()
		r.same("nobody takes it", status(), 481)
		r.core.mu.Lock()
		r.core.full = false
		r.core.mu.Unlock()
		r.ok(gone.Hangup())
		r.settle()
		r.same("ended", status(), 603)
		r.same("legs", r.agent.Counts().Legs, 0)
	})
}

// P13: whoever asks is told that Replaces is known.
func TestSupported_P13(t *testing.T) {
	inRig(t, func(r *rig) {
		has := func(what string, m *phone.Message) {
			r.Helper()
			listed := false
			for _, v := range m.List("Supported") {
				listed = listed || v == "replaces"
			}
			if !listed {
				r.Errorf("%s: Supported: %q", what, m.All("Supported"))
			}
		}
		in := r.talks("2000", true)
		for _, m := range in.Responses() {
			if m.Status != 100 && m.Status != 401 {
				has(fmt.Sprint(m.Status), m)
			}
		}
		out := r.talks("2001", false)
		has("INVITE", out.Invite)
		m, err := r.phone("2000").Request(r.ctx, "OPTIONS", "sip:192.0.2.1")
		r.ok(err)
		has("OPTIONS", m)
		has("OPTIONS in dialog", r.request(in, "OPTIONS"))
		has("UPDATE", r.request(in, "UPDATE"))
		r.agent.Do(callstate.Reoffer{Leg: out.leg, Ref: 1, SDP: []byte(sdp)})
		m, err = out.WaitRequest(r.ctx, "INVITE", 1)
		r.ok(err)
		has("re-INVITE", m)
		r.settle()
		go func() {
			r.settle()
			ev := last[callstate.LegReoffered](r)
			r.agent.Do(callstate.AcceptOffer{Leg: ev.Leg, Ref: ev.Ref, SDP: []byte(sdp)})
		}()
		m, err = out.Reinvite(r.ctx)
		r.ok(err)
		r.same("answer", m.Status, 200)
		has("200 to a re-INVITE", m)
		r.agent.Do(callstate.ShowPartner{Leg: in.leg, Partner: callstate.Party{Number: "2001"}})
		m, err = in.WaitRequest(r.ctx, "UPDATE", 1)
		r.ok(err)
		has("UPDATE of ours", m)
	})
}

// What is required beyond that is refused by name.
func TestRequire_420(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		m := r.request(s, "REFER", phone.WithHeader("Refer-To", "<sip:2002@example.com>"),
			phone.WithHeader("Require", "replaces, tdialog, norefersub, x"))
		r.same("answer", fmt.Sprint(m.Status, m.All("Unsupported")), "420 [tdialog, x]")
		r.same("REFERs", len(told[callstate.ReferReceived](r.core)), 0)
	})
}
