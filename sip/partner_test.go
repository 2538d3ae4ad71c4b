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

var carol = callstate.Party{Number: "2002", Name: "Carol"}

// listens starts the phone 2000, which answers our UPDATEs and re-INVITEs with what answers says, in order; 200 by
// itself when there is no more, nothing at all for 0.
func (r *rig) listens(method string, answers ...string) {
	r.Helper()
	var p *phone.Phone
	n := 0
	p = r.phone("2000", func(c *phone.Config) {
		c.OnRequest = func(m *phone.Message) bool {
			if m.Method != method || m.ToTag() == "" || n >= len(answers) {
				return false
			}
			status, retry, _ := strings.Cut(answers[n], " ")
			n++
			code := 0
			fmt.Sscan(status, &code)
			switch {
			case code == 0:
			case retry != "":
				_ = p.Respond(m, code, "", phone.WithHeader("Retry-After", retry))
			default:
				_ = p.Respond(m, code, "")
			}
			return true
		}
	})
}

func (r *rig) show(s side, who callstate.Party) {
	r.agent.Do(callstate.ShowPartner{Leg: s.leg, Partner: who})
	r.settle()
}

// shown is whom the phone 2000 was told to talk to, in order.
func (r *rig) shown() (out []string) {
	r.Helper()
	for _, m := range r.requests("2000", "UPDATE") {
		out = append(out, m.Get("P-Asserted-Identity"))
	}
	return out
}

// The UPDATE has no body, names the partner, and leaves From and To as they were (RFC 3325, RFC 5876).
func TestShowPartner(t *testing.T) {
	for _, inbound := range []bool{true, false} {
		inRig(t, func(r *rig) {
			s := r.talks("2000", inbound)
			r.show(s, carol)
			r.show(s, callstate.Party{Number: "2003"})
			r.same("shown", r.shown(), []string{`"Carol" <sip:2002@example.com>`, "<sip:2003@example.com>"})
			m := r.requests("2000", "UPDATE")[0]
			from, to := s.Invite.Get("From"), s.Invite.Get("To")
			if inbound {
				from, to = s.Invite.Get("To"), s.Invite.Get("From")
			}
			r.same("From", strings.Split(m.Get("From"), ";tag=")[0], strings.Split(from, ";tag=")[0])
			r.same("To", strings.Split(m.Get("To"), ";tag=")[0], strings.Split(to, ";tag=")[0])
			r.same("body and its type", fmt.Sprint(len(m.Body), m.All("Content-Type")), "0 []")
			r.show(s, callstate.Party{Name: "nobody"})
			r.same("without a number", len(r.shown()), 2)
			r.ok(s.Hangup())
			r.settle()
			r.show(s, carol)
			r.same("after the end", len(r.shown()), 2)
			r.same("reoffers", len(told[callstate.ReofferRefused](r.core)), 0)
		})
	}
}

// Only a phone whose Allow lists UPDATE gets one; what it says last counts.
func TestShowPartner_Allow(t *testing.T) {
	h := phone.WithHeader
	for name, tt := range map[string]struct {
		inbound bool
		allow   phone.Option
		want    int
	}{
		"in, listed":            {true, h("Allow", "INVITE,ACK,update"), 1},
		"in, not listed":        {true, h("Allow", "INVITE, ACK"), 0},
		"in, empty":             {true, h("Allow", ""), 0},
		"out, listed":           {false, h("Allow", "UPDATE"), 1},
		"out, not listed in it": {false, h("Allow", "INVITE, UPDATED"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				var s side
				if tt.inbound {
					s = r.up(r.calls("2000", tt.allow))
				} else {
					s = r.up(r.rings("2000"), tt.allow)
				}
				r.show(s, carol)
				r.same("UPDATEs", len(r.shown()), tt.want)
				if tt.want == 0 {
					r.request(s, "UPDATE", h("Allow", "UPDATE"))
					r.show(s, carol)
					r.same("UPDATEs once it was listed", len(r.shown()), 1)
				}
			})
		})
	}
}

// The answer to an UPDATE counts too.
func TestShowPartner_AllowTakenBack(t *testing.T) {
	inRig(t, func(r *rig) {
		var p *phone.Phone
		p = r.phone("2000", func(c *phone.Config) {
			c.OnRequest = func(m *phone.Message) bool {
				if m.Method == "UPDATE" {
					_ = p.Respond(m, 200, "", phone.WithHeader("Allow", "INVITE"))
				}
				return m.Method == "UPDATE"
			}
		})
		s := r.talks("2000", true)
		r.show(s, carol)
		r.show(s, callstate.Party{Number: "2003"})
		r.same("UPDATEs", len(r.shown()), 1)
	})
}

// A phone that says nothing of what it takes gets none either.
func TestShowPartner_NoAllow(t *testing.T) {
	inRig(t, func(r *rig) {
		var p *phone.Phone
		p = r.phone("2000", func(c *phone.Config) {
			c.OnRequest = func(m *phone.Message) bool {
				if m.Method == "INVITE" {
					_ = p.Respond(m, 200, "", phone.WithSDP(sdp), phone.WithContact("<"+p.ContactURI()+">"))
				}
				return true
			}
		})
		r.agent.Do(callstate.Locate{Number: "2000"})
		leg := callstate.LegID{Call: 9, N: 2}
		r.agent.Do(callstate.Dial{Leg: leg, Number: "2000", To: last[callstate.Located](r).Contacts[0],
			From: callstate.Party{Number: "2999"}, SDP: []byte(sdp)})
		r.same("answered", last[callstate.LegAnswered](r).Leg, leg)
		r.show(side{leg: leg}, carol)
		r.same("UPDATEs", len(r.shown()), 0)
	})
}

// What the phone answers decides whether it is asked again: never after 405, 501 and 420, once more after 491 and 500,
// and 481, 408 or silence end the leg (E8).
func TestShowPartner_Answers(t *testing.T) {
	const first, second = `"Carol" <sip:2002@example.com>`, "<sip:2003@example.com>"
	for answers, tt := range map[string]struct {
		shown []string // the first is shown, then the second after a minute
		ended bool
	}{
		"":         {[]string{first, second}, false},
		"405":      {[]string{first}, false},
		"501":      {[]string{first}, false},
		"420":      {[]string{first}, false},
		"403":      {[]string{first, second}, false},
		"488":      {[]string{first, second}, false},
		"401":      {[]string{first, second}, false},
		"491":      {[]string{first, first, second}, false},
		"491,491":  {[]string{first, first, second}, false},
		"500 3":    {[]string{first, first, second}, false},
		"500":      {[]string{first, first, second}, false},
		"500 9999": {[]string{first, first, second}, false},
		"491,500":  {[]string{first, first, second}, false},
		"491,405":  {[]string{first, first}, false},
		"481":      {[]string{first}, true},
		"408":      {[]string{first}, true},
		"491,481":  {[]string{first, first}, true},
		"0":        {[]string{first}, true},
	} {
		for _, inbound := range []bool{true, false} {
			t.Run(fmt.Sprint(answers, inbound), func(t *testing.T) {
				inRig(t, func(r *rig) {
					if answers != "" {
						r.listens("UPDATE", strings.Split(answers, ",")...)
					}
					s := r.talks("2000", inbound)
					r.show(s, carol)
					time.Sleep(time.Minute)
					r.show(s, callstate.Party{Number: "2003"})
					time.Sleep(time.Minute)
					r.same("shown", r.shown(), tt.shown)
					ends := told[callstate.LegEnded](r.core)
					r.same("ends", len(ends), map[bool]int{true: 1}[tt.ended])
					r.same("BYEs", len(r.requests("2000", "BYE")), len(ends))
					if tt.ended {
						r.same("cause", ends[0].Cause.Kind, callstate.Lost)
					} else {
						r.same("still up", r.request(s, "OPTIONS").Status, 200)
					}
				})
			})
		}
	}
}

// The newest partner counts: while an UPDATE is open, and while a refused one waits.
func TestShowPartner_Newest(t *testing.T) {
	for _, answers := range []string{"0", "0 then 491", "491", "500 5"} {
		t.Run(answers, func(t *testing.T) {
			inRig(t, func(r *rig) {
				r.listens("UPDATE", answers)
				s := r.talks("2000", false)
				r.agent.Do(callstate.ShowPartner{Leg: s.leg, Partner: carol})
				r.settle()
				r.show(s, callstate.Party{Number: "2003"})
				r.show(s, callstate.Party{Number: "2004"})
				r.same("shown at first", len(r.shown()), 1)
				if strings.HasPrefix(answers, "0") {
					m := r.requests("2000", "UPDATE")[0]
					r.ok(r.phone("2000").Send([]byte(answerTo(m, map[bool]int{true: 491, false: 200}[answers != "0"]))))
				}
				time.Sleep(20 * time.Second)
				r.same("shown", r.shown(), []string{`"Carol" <sip:2002@example.com>`, "<sip:2004@example.com>"})
			})
		})
	}
}

// answerTo writes an answer without anything that is not copied.
func answerTo(m *phone.Message, status int) string {
	return fmt.Sprintf("SIP/2.0 %d X\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n", status,
		m.Get("Via"), m.Get("From"), m.Get("To"), m.Get("Call-ID"), m.Get("CSeq"))
}

// An UPDATE never meets an offer of either side: it waits until that is settled, and for our answer to be acknowledged.
func TestShowPartner_Waits(t *testing.T) {
	two := func(r *rig, s side) {
		r.Helper()
		r.show(s, callstate.Party{Number: "2003"})
		r.show(s, carol)
		r.same("shown while an offer is open", len(r.shown()), 0)
	}
	once := func(r *rig) {
		r.Helper()
		time.Sleep(10 * time.Second)
		r.same("shown", r.shown(), []string{`"Carol" <sip:2002@example.com>`})
	}
	for _, status := range []int{200, 488, 491} {
		t.Run(fmt.Sprint("our re-INVITE ", status), func(t *testing.T) {
			inRig(t, func(r *rig) {
				r.listens("INVITE", "0")
				s := r.talks("2000", true)
				r.agent.Do(callstate.Reoffer{Leg: s.leg, Ref: 7, SDP: []byte(sdp)})
				r.settle()
				two(r, s)
				m := r.requests("2000", "INVITE")[0]
				r.ok(r.phone("2000").Send([]byte(answerTo(m, status))))
				if status == 491 { // another one follows, within two seconds
					r.settle()
					if len(r.requests("2000", "INVITE")) == 1 {
						r.show(s, carol)
						shown := len(r.shown())
						if len(r.requests("2000", "INVITE")) == 1 { // it may follow in the moment in which we look
							r.same("shown while an offer is to come", shown, 0)
						}
					}
				}
				once(r)
			})
		})
	}
	t.Run("their re-INVITE", func(t *testing.T) {
		inRig(t, func(r *rig) {
			s := r.talks("2000", true)
			go func() { _, _ = s.Reinvite(r.ctx) }()
			ev := last[callstate.LegReoffered](r)
			two(r, s)
			r.agent.Do(callstate.AcceptOffer{Leg: ev.Leg, Ref: ev.Ref, SDP: []byte(sdp)})
			once(r)
		})
	})
	t.Run("the ACK of their re-INVITE", func(t *testing.T) {
		inRig(t, func(r *rig) {
			s := r.talks("2000", true)
			r.net.SetDrop(func(_, _ netip.AddrPort, b []byte) bool { return strings.HasPrefix(string(b), "ACK ") })
			go func() { _, _ = s.Reinvite(r.ctx) }()
			ev := last[callstate.LegReoffered](r)
			r.agent.Do(callstate.AcceptOffer{Leg: ev.Leg, Ref: ev.Ref, SDP: []byte(sdp)})
			two(r, s)
			r.net.SetDrop(nil)
			once(r)
		})
	})
	t.Run("their UPDATE", func(t *testing.T) {
		inRig(t, func(r *rig) {
			s := r.talks("2000", false)
			go func() { _, _ = s.Update(r.ctx, phone.WithSDP(sdp)) }()
			ev := last[callstate.LegReoffered](r)
			two(r, s)
			r.agent.Do(callstate.RefuseOffer{Leg: ev.Leg, Ref: ev.Ref, Status: 488})
			once(r)
		})
	})
	t.Run("the ACK", func(t *testing.T) {
		inRig(t, func(r *rig) {
			s := r.calls("2000", phone.ManualAck())
			two(r, s)
			r.up(s)
			two(r, s)
			r.ok(s.Ack(""))
			once(r)
		})
	})
	t.Run("the answer", func(t *testing.T) {
		inRig(t, func(r *rig) {
			s := r.rings("2000")
			two(r, s)
			r.up(s)
			once(r)
		})
	})
}

// X15: what stands in a name cannot leave its quotes, and no control character comes out of it.
func TestShowPartner_X15(t *testing.T) {
	for name, want := range map[string]string{
		`Q" <sip:evil@x>, "`:           `"Q\" <sip:evil@x>, \"" <sip:2002@example.com>`,
		`back\`:                        `"back\\" <sip:2002@example.com>`,
		"a\r\nVia: SIP/2.0/UDP x\r\n":  `"aVia: SIP/2.0/UDP x" <sip:2002@example.com>`,
		"nul\x00tab\tbell\x07del\x7f.": `"nultabbelldel." <sip:2002@example.com>`,
		"Jörg\xff":                     `"Jörg" <sip:2002@example.com>`,
		"\r\n":                         `<sip:2002@example.com>`,
	} {
		inRig(t, func(r *rig) {
			s := r.talks("2000", true)
			r.show(s, callstate.Party{Number: "2002", Name: name})
			r.same("shown", r.shown(), []string{want})
		})
	}
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		r.show(s, callstate.Party{Number: "2>\r\nX: \"@;\xff"})
		r.same("shown", r.shown(), []string{"<sip:2%3E%0D%0AX%3A%20%22%40;%FF@example.com>"})
	})
}
