package phone

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
)

// three are alice, bob and carol at 192.0.2.1 to 3, without a switch between them. Each calls another by name.
type three struct {
	*testing.T
	phones map[string]*Phone
}

func trio(t *testing.T, change func(*Config)) *three {
	t.Helper()
	n := memnet.New(memnet.Options{Delay: 10 * time.Millisecond})
	t.Cleanup(func() { n.Close() })
	w := &three{t, map[string]*Phone{}}
	for i, name := range []string{"alice", "bob", "carol"} {
		c := Config{Number: name, Local: fmt.Sprintf("192.0.2.%d:5060", i+1), Net: Over(n.ListenPacket), Seed: 1, FollowContact: true,
			FollowRefer: true, FollowReplaces: true}
		if change != nil {
			change(&c)
		}
		w.phones[name] = start(t, c)
	}
	return w
}

// dial has one call another, without an answer.
func (w *three) dial(from, to string, opts ...Option) (out, in *Call) {
	w.Helper()
	at := w.phones[to].Addr().String()
	out, err := w.phones[from].Dial(w.Context(), "sip:"+to+"@"+at, append(opts, WithServer(at))...)
	must(w, err)
	in, err = w.phones[to].WaitCall(w.Context())
	must(w, err)
	must(w, in.Ring())
	must(w, out.WaitRinging(w.Context()))
	return out, in
}

func (w *three) talk(from, to string) (out, in *Call) {
	w.Helper()
	out, in = w.dial(from, to)
	must(w, in.Answer())
	must(w, out.WaitAnswer(w.Context()))
	_, err := in.WaitAck(w.Context())
	must(w, err)
	return out, in
}

// P15: whoever called whom, the Replaces that alice writes names the dialog as carol knows it.
func TestAttendedTransferInEveryDirection(t *testing.T) {
	for n, bobCalls := range []bool{false, true} {
		for _, carolCalls := range []bool{false, true} {
			t.Run(fmt.Sprint(bobCalls, carolCalls), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					w := trio(t, nil)
					ends := func(other string, calls bool) (mine, theirs *Call) {
						if calls {
							theirs, mine = w.talk(other, "alice")
							return mine, theirs
						}
						return w.talk("alice", other)
					}
					ab, ba := ends("bob", bobCalls)
					ac, ca := ends("carol", carolCalls)
					refer := func(ctx context.Context) (*Message, error) { return ab.ReferReplaces(ctx, ac) }
					if n == 0 {
						refer = func(ctx context.Context) (*Message, error) { return ab.Refer(ctx, ac.ReferTo()) }
					}
					m, err := refer(t.Context())
					must(t, err)
					reports, err := ab.WaitReported(t.Context(), m)
					must(t, err)
					if m.Status != 202 || !slices.Equal(Statuses(reports), []int{100, 200}) {
						t.Fatalf("%d, %v", m.Status, Statuses(reports))
					}
					if e, err := ca.WaitEnd(t.Context()); err != nil || e.Remote {
						t.Fatalf("carol's old call: %+v, %v", e, err)
					}
					if e, err := ac.WaitEnd(t.Context()); err != nil || e.Message.Method != "BYE" {
						t.Fatalf("alice's call with carol: %+v, %v", e, err)
					}
					must(t, ab.Hangup())
					_, err = ba.WaitEnd(t.Context())
					must(t, err)
					bc, err := w.phones["bob"].WaitCall(t.Context())
					must(t, err)
					cb, err := w.phones["carol"].WaitCall(t.Context())
					must(t, err)
					bc.Media.SendTone(440)
					cb.Media.SendTone(1000)
					must(t, cb.Media.WaitTone(t.Context(), 440))
					must(t, bc.Media.WaitTone(t.Context(), 1000))
				})
			})
		}
	}
}

// P7: the consultation still rings. Between phones alone this is refused with 481 (RFC 3891 §3: the early dialog was not
// started by carol); what is tested is what alice sends, and that the CANCEL comes after the REFER was accepted.
func TestSemiAttendedTransfer(t *testing.T) {
	for _, cancels := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			w := trio(t, nil)
			ab, _ := w.talk("alice", "bob")
			ac, ca := w.dial("alice", "carol")
			var opts []Option
			if cancels {
				opts = append(opts, ThenCancel(ac))
			}
			_, err := ab.ReferReplaces(t.Context(), ac, opts...)
			must(t, err)
			reports, err := ab.WaitReported(t.Context())
			must(t, err)
			if got := Statuses(reports); !slices.Equal(got, []int{100, 481}) {
				t.Errorf("%v", got)
			}
			local, remote := ca.Tags()
			want := "Replaces: " + ca.ID + ";to-tag=" + local + ";from-tag=" + remote
			log := w.phones["carol"].Transcript()
			if !slices.ContainsFunc(log, func(e Entry) bool { return strings.Contains(e.Text, want) }) {
				t.Errorf("no %q\n%s", want, w.phones["carol"].Ladder())
			}
			if !cancels {
				must(t, ac.Cancel())
			}
			if e, err := ca.WaitEnd(t.Context()); err != nil || e.Status != 487 {
				t.Errorf("%+v, %v", e, err)
			}
			if at := order(w.phones["alice"], "out REFER", "in 202", "out CANCEL"); cancels && at != "" {
				t.Error(at)
			}
		})
	}
}

// order says which of these lines, of requests out and responses in, does not follow the one before.
func order(p *Phone, lines ...string) string {
	for _, e := range p.Transcript() {
		way := "in "
		if e.Out {
			way = "out "
		}
		text, _, _ := strings.Cut(e.Text, "\r\n")
		if len(lines) > 0 && strings.HasPrefix(way+strings.TrimPrefix(text, "SIP/2.0 "), lines[0]) {
			lines = lines[1:]
		}
	}
	if len(lines) > 0 {
		return "missing, or too early: " + strings.Join(lines, ", ") + "\n" + p.Ladder()
	}
	return ""
}

// T3: the BYE goes out with the 202 just read, before its NOTIFYs are answered, and they are taken all the same.
func TestByeRightAfterAccepted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := trio(t, nil)
		ab, ba := w.talk("alice", "bob")
		_, err := ab.Refer(t.Context(), "sip:carol@192.0.2.3", ThenHangup())
		must(t, err)
		if ab.Active() {
			t.Error("the call is up after Refer")
		}
		if _, err := ba.WaitEnd(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if at := order(w.phones["alice"], "out REFER", "in 202", "out BYE", "in NOTIFY"); at != "" {
			t.Error(at)
		}
	})
}

func TestReferHeadersAreChosen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := trio(t, func(c *Config) { c.FollowRefer = false })
		ab, ba := w.talk("alice", "bob")
		for i, row := range []struct {
			opts []Option
			want string
		}{
			{nil, "Refer-To: <sip:x@y>|Referred-By: <sip:alice@192.0.2.1>"},
			{[]Option{WithHeader("Refer-To", `"X" sip:z@y`)}, `Refer-To: "X" sip:z@y|Referred-By: <sip:alice@192.0.2.1>`},
			{[]Option{WithHeader("r", "a"), WithHeader("b", "<sip:d@y>"), WithHeader("Refer-Sub", "false"), WithHeader("Require", "norefersub")},
				"Refer-To: a|Referred-By: <sip:d@y>|Refer-Sub: false|Require: norefersub"},
			{[]Option{WithHeader("Refer-To", "a"), WithHeader("Refer-To", "b"), WithHeader("Referred-By", "")}, "Refer-To: a|Refer-To: b"},
		} {
			_, err := ab.Refer(t.Context(), "sip:x@y", row.opts...)
			must(t, err)
			m, err := ba.WaitRequest(t.Context(), "REFER", i+1)
			must(t, err)
			var got []string
			for _, h := range m.Headers {
				if strings.HasPrefix(h.Name, "Refer") || h.Name == "Require" {
					got = append(got, h.Name+": "+h.Value)
				}
			}
			slices.Sort(got)
			want := strings.Split(row.want, "|")
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// T8: two subscriptions in one dialog are told apart by the id; T20: a NOTIFY may be refused, or not answered.
func TestReportsOfTwoSubscriptions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := trio(t, nil)
		ab, ba := w.talk("alice", "bob")
		first, err := ab.Refer(t.Context(), "sip:carol@192.0.2.3")
		must(t, err)
		cb, err := w.phones["carol"].WaitCall(t.Context())
		must(t, err)
		second, err := ab.Refer(t.Context(), "sip:carol@192.0.2.3")
		must(t, err)
		cb2, err := w.phones["carol"].WaitCall(t.Context())
		must(t, err)
		must(t, cb2.Reject(486, ""))
		b, err := ab.WaitReported(t.Context(), second)
		must(t, err)
		must(t, cb.Answer())
		a, err := ab.WaitReported(t.Context(), first)
		must(t, err)
		if !slices.Equal(Statuses(a), []int{100, 200}) || !slices.Equal(Statuses(b), []int{100, 486}) || len(ab.Reports()) != 4 {
			t.Errorf("%v, %v, %d", Statuses(a), Statuses(b), len(ab.Reports()))
		}
		if r := a[0]; r.State != "active" || r.Expires != 60 || r.Event != "refer" || r.Cause != "" || r.Message.At.IsZero() {
			t.Errorf("%+v", r)
		}
		if r := a[1]; r.State != "terminated" || r.Cause != "noresource" || r.Reason != "OK" || r.Expires != -1 {
			t.Errorf("%+v", r)
		}
		for _, status := range []int{481, 0} {
			ab.AnswerNotify(status)
			ba.p.mu.Lock()
			ba.notifyRefer(99, "active", "")
			ba.p.mu.Unlock()
			time.Sleep(40 * time.Second)
		}
		if alice := w.phones["alice"]; alice.Sent("NOTIFY", 481) != 1 || alice.Sent("NOTIFY", 0) != 0 || alice.Sent("NOTIFY", 200) != 4 || len(ab.Reports()) != 6 ||
			alice.Count(Key{Method: "NOTIFY", Repeat: true}) != 10 {
			t.Errorf("%v", alice.Counts())
		}
	})
}

// RFC 3891 §3, one row for each answer.
func TestInviteWithReplaces(t *testing.T) {
	for name, row := range map[string]struct {
		answered bool // alice's call with carol
		value    func(ca *Call) string
		opts     []Option
		want     int
	}{
		"take-over":                     {true, (*Call).Replaces, nil, 200},
		"no such tag (P3)":              {true, func(c *Call) string { return c.Replaces() + "x" }, nil, 481},
		"no such dialog (P3)":           {true, func(c *Call) string { return "x;to-tag=1;from-tag=2" }, nil, 481},
		"early-only, confirmed (P5)":    {true, func(c *Call) string { return c.Replaces() + ";early-only" }, nil, 486},
		"called and not answered (P6)":  {false, (*Call).Replaces, nil, 481},
		"two of them (P11)":             {true, (*Call).Replaces, []Option{WithHeader("Replaces", "a;to-tag=b;from-tag=c")}, 400},
		"together with Join (P11)":      {true, (*Call).Replaces, []Option{WithHeader("Join", "a;to-tag=b;from-tag=c")}, 400},
		"parameters in another order":   {true, func(c *Call) string { l, r := c.Tags(); return c.ID + ";from-tag=" + l + ";to-tag=" + r }, nil, 200},
		"tags the wrong way round (P3)": {true, func(c *Call) string { l, r := c.Tags(); return c.ID + ";to-tag=" + l + ";from-tag=" + r }, nil, 481},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := trio(t, nil)
				ac, ca := w.dial("alice", "carol")
				if row.answered {
					must(t, ca.Answer())
					must(t, ac.WaitAnswer(t.Context()))
				}
				opts := append([]Option{WithReplaces(row.value(ac)), WithServer("192.0.2.3:5060")}, row.opts...)
				bc, err := w.phones["bob"].Dial(t.Context(), "carol", opts...)
				must(t, err)
				_, err = bc.WaitStatus(t.Context(), row.want)
				must(t, err)
				if got := bc.Invite.Get("Require"); got != "replaces" {
					t.Errorf("Require: %q", got)
				}
				time.Sleep(time.Second)
				if ended := !ac.Active() && row.answered; ended != (row.want == 200) {
					t.Errorf("the call that is named has ended: %v", ended)
				}
			})
		})
	}
}

// P4 and P6: a dialog that has ended is 603; one that carol started and that still rings is cancelled.
func TestReplacesOfEndedAndOfRingingDialogs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := trio(t, nil)
		ac, ca := w.talk("alice", "carol")
		must(t, ca.Hangup())
		_, err := ac.WaitEnd(t.Context())
		must(t, err)
		bc, err := w.phones["bob"].Dial(t.Context(), "carol", WithReplaces(ac.Replaces()), WithServer("192.0.2.3:5060"))
		must(t, err)
		_, err = bc.WaitStatus(t.Context(), 603)
		must(t, err)

		_, ac = w.dial("carol", "alice")
		bc, err = w.phones["bob"].Dial(t.Context(), "carol", WithReplaces(ac.Replaces()+";early-only"), WithServer("192.0.2.3:5060"))
		must(t, err)
		must(t, bc.WaitAnswer(t.Context()))
		if e, err := ac.WaitEnd(t.Context()); err != nil || e.Message.Method != "CANCEL" {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

func TestRedirectWritesItsContacts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := trio(t, nil)
		out, in := w.dial("alice", "bob")
		must(t, in.Redirect("2001;q=0.7", `"X, y" <sip:2002@192.0.2.9;a=b>;q=0.2`, "tel:2003"))
		m, err := out.WaitStatus(t.Context(), 302)
		must(t, err)
		got := strings.Join(m.All("Contact"), "|")
		if got != `<sip:2001@192.0.2.2>;q=0.7|"X, y" <sip:2002@192.0.2.9;a=b>;q=0.2|<tel:2003>` {
			t.Error(got)
		}
		if m.Reason != "Moved Temporarily" {
			t.Error(m.Reason)
		}
	})
}

// RFC 3325: whom each phone displays, and what changes it.
func TestShows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := trio(t, func(c *Config) { c.Display = strings.ToUpper(c.Number) })
		out, in := w.dial("alice", "bob")
		shows := func(c *Call, want string) {
			t.Helper()
			synctest.Wait()
			if got := c.Shows().String(); got != want {
				t.Errorf("%s shows %q, want %q", c.p.cfg.Number, got, want)
			}
		}
		shows(out, "bob")
		shows(in, "ALICE <alice>")
		must(t, in.Progress(WithAsserted(`"Bob's desk" <sip:2001@example.com>, <tel:2001>`)))
		must(t, out.WaitShows(t.Context(), "2001"))
		shows(out, "Bob's desk <2001>")
		must(t, in.Answer())
		must(t, out.WaitAnswer(t.Context()))
		shows(out, "Bob's desk <2001>")
		m, err := in.Update(t.Context(), WithAsserted(`"Carol" <sip:2002@example.com>`))
		must(t, err)
		if m.Status != 200 {
			t.Error(m)
		}
		shows(out, "Carol <2002>")
		_, err = out.Reinvite(t.Context(), WithHeader("Remote-Party-ID", `"Dan \"x\"" <tel:+1-555;phone-context=a>;party=called`))
		must(t, err)
		shows(in, `Dan "x" <+1-555>`)
		out, in = w.dial("alice", "bob", WithAsserted("<sip:5503301@example.com;user=phone>"))
		shows(in, "5503301")
		shows(out, "bob")
		must(t, in.Answer(WithAsserted("<sip:2003@example.com>")))
		must(t, out.WaitShows(t.Context(), "2003"))
	})
}

// What is not in Allow is refused with 405, and not seen.
func TestAllowAndSupported(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := trio(t, func(c *Config) {
			if c.Number == "bob" {
				c.Allow, c.Supported = []string{"INVITE", "ACK", "CANCEL", "BYE"}, []string{}
			}
		})
		out, in := w.talk("alice", "bob")
		ok := out.Responses()[len(out.Responses())-1]
		if ok.Get("Allow") != "INVITE, ACK, CANCEL, BYE" || ok.Get("Supported") != "" {
			t.Errorf("%s", ok)
		}
		if in.Invite.Get("Allow") != allow || in.Invite.Get("Supported") != "replaces" {
			t.Errorf("%s", in.Invite)
		}
		m, err := out.Update(t.Context(), WithAsserted("<sip:2002@example.com>"))
		must(t, err)
		if m.Status != 405 || m.Get("Allow") != "INVITE, ACK, CANCEL, BYE" || in.Shows().Number != "alice" {
			t.Errorf("%s\nbob shows %s", m, in.Shows())
		}
	})
}
