package phone

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ringdown/bench/memnet"
)

// line makes a phone that has its outside line at a provider, on a network in memory.
func line(t testing.TB, rules Rules, change func(alice, provider *Config)) (*Phone, *Provider) {
	t.Helper()
	n := memnet.New(memnet.Options{Delay: 5 * time.Millisecond})
	t.Cleanup(func() { n.Close() })
	a := Config{Number: "alice", Password: "secret", Local: "192.0.2.1:5060", Server: "192.0.2.10:5060", Net: Over(n.ListenPacket), Seed: 1}
	b := Config{Local: "192.0.2.10:5060", Server: "192.0.2.1:5060", Net: Over(n.ListenPacket), Seed: 1}
	if change != nil {
		change(&a, &b)
	}
	p, err := NewProvider(b, rules)
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return start(t, a), p
}

func noFaults(t testing.TB, p *Provider) {
	t.Helper()
	if f := p.Faults(); len(f) > 0 {
		t.Errorf("%q\n%s", f, p.Ladder())
	}
}

func TestProviderTakesCallsWithoutRegistration(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, p := line(t, Rules{}, nil)
		out, in := connect(t, alice, p.Phone)
		out.Media.SendTone(440)
		must(t, in.Media.WaitTone(t.Context(), 440))
		must(t, in.Hangup())
		_, err := out.WaitEnd(t.Context())
		must(t, err)
		expect(t, alice, map[string]int{"out INVITE 0": 1, "out REGISTER 0": 0})
	})
}

func TestProviderAsksForCredentials(t *testing.T) {
	for name, row := range map[string]struct {
		rules  Rules
		status int
	}{
		"407":                 {Rules{}, 407},
		"401":                 {Rules{Challenge: 401}, 401},
		"SHA-256":             {Rules{Algorithms: []string{"SHA-256"}}, 407},
		"one it cannot first": {Rules{Algorithms: []string{"SHA-512-256", "MD5"}}, 407},
		"without qop":         {Rules{NoQop: true}, 407},
		"realm":               {Rules{Realm: "the line"}, 407},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				row.rules.Username, row.rules.Password = "alice", "secret"
				alice, p := line(t, row.rules, nil)
				out, in := connect(t, alice, p.Phone)
				noFaults(t, p)
				expect(t, alice, map[string]int{"out INVITE 0": 2, "out ACK 0": 2, "in INVITE 200": 1})
				if alice.Received("INVITE", row.status) != 1 || out.ID != in.ID {
					t.Errorf("%s", alice.Ladder())
				}
				realm := row.rules.Realm
				if realm == "" {
					realm = "192.0.2.1" // of Config.Domain
				}
				for _, e := range alice.Transcript() {
					if e.Out && strings.Contains(e.Text, "uthorization: ") && !strings.Contains(e.Text, `realm="`+realm+`"`) {
						t.Error(e.Text)
					}
				}
			})
		})
	}
}

// What a client does wrong is refused where it must be, and told.
func TestProviderFindsFaults(t *testing.T) {
	rules := Rules{Username: "alice", Password: "secret"}
	t.Run("password", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			alice, p := line(t, rules, nil)
			c, err := alice.Dial(t.Context(), "bob", WithPassword("wrong"))
			must(t, err)
			if _, err := c.WaitEnd(t.Context()); err != nil || alice.Sent("INVITE", 0) != 2 || !slices.Equal(p.Faults(), []string{"INVITE: wrong response"}) {
				t.Errorf("%v %q\n%s", err, p.Faults(), alice.Ladder())
			}
			_, err = alice.Request(t.Context(), "INVITE", "bob", WithUser("eve"))
			must(t, err)
			if f := p.Faults(); f[len(f)-1] != `INVITE: credentials of user "eve"` {
				t.Errorf("%q", f)
			}
		})
	})
	t.Run("order", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			alice, p := line(t, rules, nil)
			text := "INVITE sip:bob@192.0.2.10 SIP/2.0\nVia: SIP/2.0/UDP {local};branch={branch}\nFrom: <sip:a@x>;tag=TAG\n" +
				"To: <sip:bob@x>\nCall-ID: CALL\nCSeq: NUMBER INVITE\nAUTH: x\nContent-Length: 0\n\n"
			send := func(id, tag, number string, auth string) *Message {
				t.Helper()
				r := strings.NewReplacer("TAG", tag, "CALL", id, "NUMBER", number, "AUTH: x", auth)
				m, err := alice.Do(t.Context(), r.Replace(text))
				must(t, err)
				return m
			}
			answer := func(m *Message) string {
				c := findChallenge(m)
				r := &Message{Method: "INVITE", URI: "sip:bob@192.0.2.10"}
				c.authorize(r, "alice", "secret", "cnonce")
				return "Proxy-Authorization: " + r.Get("Proxy-Authorization")
			}
			p.Change(func(r *Rules) { r.Refuse = 486 })
			for _, row := range []struct{ id, tag, number, fault string }{
				{"one", "1", "2", ""},
				{"other", "1", "2", "INVITE: another Call-ID than the request that was asked for credentials"},
				{"one", "2", "2", "INVITE: another From tag than the request that was asked for credentials"},
				{"one", "1", "3", "INVITE: CSeq 3 after 1"},
			} {
				before := len(p.Faults())
				with := answer(send("one", "1", "1", "X-A: b"))
				m := send(row.id, row.tag, row.number, with)
				f := p.Faults()[before:]
				if m.Status != 486 || row.fault == "" && len(f) > 0 || row.fault != "" && !slices.Equal(f, []string{row.fault}) {
					t.Errorf("%v: %d %q", row, m.Status, f)
				}
				if m = send(row.id, row.tag, "9", with); m.Status != 407 || len(p.Faults()) != before+len(f)+1 { // nc again
					t.Errorf("the same nc again: %d, %q", m.Status, p.Faults())
				}
			}
		})
	})
}

func TestProviderNonceGrowsStale(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rules := Rules{Username: "alice", Password: "secret", NonceUses: 2}
		alice, p := line(t, rules, func(a, _ *Config) { a.ReuseNonce = true })
		p.Change(func(r *Rules) { r.Refuse = 486 })
		for range 4 {
			c, err := alice.Dial(t.Context(), "bob")
			must(t, err)
			_, err = c.WaitStatus(t.Context(), 486)
			must(t, err)
		}
		noFaults(t, p)
		// One challenge for the first call, one for the third, whose nonce is worn out.
		expect(t, alice, map[string]int{"out INVITE 0": 6, "in INVITE 407": 2, "in INVITE 486": 4})
		var stale []bool
		for _, e := range alice.Transcript() {
			if strings.HasPrefix(e.Text, "SIP/2.0 407") {
				stale = append(stale, strings.Contains(e.Text, "stale=true"))
			}
		}
		if !slices.Equal(stale, []bool{false, true}) {
			t.Errorf("%v", stale)
		}
	})
}

func TestProviderRefusesAndStaysSilent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, p := line(t, Rules{Refuse: 503, RetryAfter: 20}, nil)
		c, err := alice.Dial(t.Context(), "bob")
		must(t, err)
		m, err := c.WaitStatus(t.Context(), 503)
		must(t, err)
		if m.Get("Retry-After") != "20" {
			t.Error(m)
		}
		p.Change(func(r *Rules) { *r = Rules{Silent: true} })
		began := time.Now()
		c, err = alice.Dial(t.Context(), "bob")
		must(t, err)
		if e, err := c.WaitEnd(t.Context()); err != nil || e.Message != nil || time.Since(began) != 32*time.Second {
			t.Errorf("%+v, %v after %v", e, err, time.Since(began))
		}
		if _, err := alice.Request(t.Context(), "OPTIONS", "bob"); err == nil {
			t.Error("OPTIONS was answered")
		}
		p.Change(func(r *Rules) { *r = Rules{} })
		connect(t, alice, p.Phone)
	})
}

func TestProviderInDialogChallenge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, p := line(t, Rules{Username: "alice", Password: "secret", InDialog: true}, nil)
		out, _ := connect(t, alice, p.Phone)
		must(t, out.Hold(t.Context(), SendOnly))
		must(t, out.Hangup())
		time.Sleep(time.Second)
		noFaults(t, p)
		expect(t, alice, map[string]int{"in INVITE 407": 2, "in INVITE 200": 2, "in BYE 407": 0, "in BYE 200": 1})
	})
}

func TestProviderIsARegistrar(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, p := line(t, Rules{Username: "alice", Password: "secret", MinExpires: 60, Expires: 90}, nil)
		m, err := alice.RegisterRaw(t.Context(), WithExpires(30))
		must(t, err)
		if m.Status != 423 || m.Get("Min-Expires") != "60" || m.Reason != "Interval Too Brief" || len(p.Bindings()) != 0 {
			t.Error(m)
		}
		if m, err = alice.RegisterRaw(t.Context(), WithExpires(300)); err != nil || m.Status != 200 || m.Get("Contact") != "<sip:alice@192.0.2.1:5060>;expires=90" {
			t.Error(m, err)
		}
		must(t, alice.Register(t.Context(), 70))
		must(t, p.WaitRegistered(t.Context(), 2))
		if b := p.Bindings(); len(b) != 1 || b[0].Contact != "sip:alice@192.0.2.1:5060" || b[0].Expires != 70 {
			t.Errorf("%+v", b)
		}
		expect(t, alice, map[string]int{"in REGISTER 401": 3, "in REGISTER 200": 2, "in REGISTER 423": 1})
		time.Sleep(70 * time.Second)
		if b := p.Bindings(); len(b) != 0 {
			t.Errorf("expired: %+v", b)
		}
		must(t, alice.Register(t.Context(), 70))
		must(t, alice.Unregister(t.Context()))
		must(t, p.WaitRegistered(t.Context(), 4))
		if b := p.Bindings(); len(b) != 0 {
			t.Errorf("removed: %+v", b)
		}
		noFaults(t, p)
		p.Change(func(r *Rules) { r.RefuseRegister, r.RetryAfter = 403, 5 })
		if m, err = alice.RegisterRaw(t.Context()); err != nil || m.Status != 403 || m.Get("Retry-After") != "5" {
			t.Error(m, err)
		}
	})
}

// A refresh under another Call-ID, or whose CSeq went back, is told.
func TestProviderChecksRefreshes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, p := line(t, Rules{}, nil)
		must(t, alice.Register(t.Context(), 70))
		_, err := alice.RegisterRaw(t.Context(), WithHeader("CSeq", "1 REGISTER"))
		must(t, err)
		_, err = alice.RegisterRaw(t.Context(), WithHeader("Call-ID", "another"))
		must(t, err)
		want := []string{"a registration was refreshed with CSeq 1 after 1", "a registration was refreshed under another Call-ID"}
		if !slices.Equal(p.Faults(), want) {
			t.Errorf("%q", p.Faults())
		}
	})
}

func TestProviderCallsIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, p := line(t, Rules{}, func(a, _ *Config) { a.Local = "192.0.2.1:5070" })
		must(t, alice.Register(t.Context(), 300))
		out, err := p.CallRegistered(t.Context(), "5503302", "5503301", WithAsserted(`"Eve" <sip:5503303@192.0.2.10>`))
		must(t, err)
		in, err := alice.WaitCall(t.Context())
		must(t, err)
		if in.Invite.URI != "sip:alice@192.0.2.1:5070" || URIOf(in.Invite.Get("To")) != "sip:5503301@192.0.2.1" ||
			URIOf(in.Invite.Get("From")) != "sip:5503302@192.0.2.1" || in.Shows().String() != "Eve <5503303>" || in.Invite.Peer != "192.0.2.10:5060" {
			t.Errorf("%s", in.Invite)
		}
		must(t, in.Answer())
		must(t, out.WaitAnswer(t.Context()))
		must(t, out.Hangup())
		_, err = in.WaitEnd(t.Context())
		must(t, err)
	})
	bubble(t, func(t *testing.T) {
		alice, p := line(t, Rules{}, nil)
		_, err := p.CallIn(t.Context(), `"Anonymous" <sip:anonymous@anonymous.invalid>`, "5503301", WithURI("sip:+5503301@192.0.2.1;user=phone"))
		must(t, err)
		in, err := alice.WaitCall(t.Context())
		must(t, err)
		if in.Invite.URI != "sip:+5503301@192.0.2.1;user=phone" || in.Shows().Name != "Anonymous" || in.Invite.FromTag() == "" ||
			URIOf(in.Invite.Get("To")) != "sip:5503301@192.0.2.1" {
			t.Errorf("%s", in.Invite)
		}
		must(t, in.Answer())
		must(t, in.Hangup()) // finds its dialog by the From tag
		if _, err := p.CallRegistered(t.Context(), "1", "2"); err == nil {
			t.Error("nobody is registered")
		}
	})
}
