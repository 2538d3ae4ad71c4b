package sip

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
	"ringdown/callstate"
	"ringdown/sip/internal/digest"
)

// S26: the challenge of a trunk is acknowledged and answered: CSeq + 1, the same Call-ID and From-tag, another branch,
// and the call is told nothing of it. The ACK to the 200 repeats the credentials (RFC 3261 §22.1).
func TestTrunkChallengesINVITE(t *testing.T) {
	for _, tt := range []struct {
		status int
		header string
		alg    digest.Algorithm
	}{{407, "Proxy-Authorization", digest.MD5}, {401, "Authorization", digest.SHA256}} {
		withTrunks(t, func(o *office) {
			server, err := digest.New(digest.Config{Realm: "provider.example", Algorithms: []digest.Algorithm{tt.alg}})
			if err != nil {
				o.Fatal(err)
			}
			secret := digest.NewSecret("acct", "provider.example", "secret")
			p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
				res := server.Verify(m.All(tt.header), m.Method, m.URI, func(u string) (digest.Secret, bool) { return secret, u == "acct" })
				switch {
				case m.Method == "OPTIONS":
					p.Respond(m, 200, "")
				case res.Status != digest.OK:
					challenges(p, m, tt.status, server.Challenges(false)[0])
				case m.Method == "INVITE":
					p.Respond(m, 180, "")
					answers(p, m)
				default:
					p.Respond(m, 200, "")
				}
				return true
			})
			leg := o.dial("provider", "5503301")
			o.expect(leg, "progress 180, answered")
			ms := o.count(p, "INVITE", 2)
			a, b := ms[0], ms[1]
			aSeq, _ := a.CSeq()
			bSeq, _ := b.CSeq()
			if bSeq != aSeq+1 || a.Get("Call-ID") != b.Get("Call-ID") || a.FromTag() != b.FromTag() || a.Branch() == b.Branch() ||
				a.URI != b.URI || string(a.Body) != string(b.Body) || b.ToTag() != "" || len(b.All("CSeq")) != 1 {
				t.Errorf("%d: sent again as\n%s\nafter\n%s", tt.status, b, a)
			}
			if a.Get(tt.header) != "" {
				t.Errorf("credentials before they were asked for:\n%s", a)
			}
			acks := o.count(p, "ACK", 2)
			if acks[0].Branch() != a.Branch() || acks[1].Get(tt.header) != b.Get(tt.header) {
				t.Errorf("ACKs\n%s\n%s", acks[0], acks[1])
			}

			// E3: what follows in the dialog is authorised too, at once.
			o.agent.Do(callstate.Reoffer{Leg: leg, Ref: 7, SDP: []byte(sdpOffer)})
			o.expect(leg, "progress 180, answered, ReofferAnswered")
			o.agent.Do(callstate.HangUp{Leg: leg, Cause: callstate.Cause{Kind: callstate.Normal}})
			o.expect(leg, "progress 180, answered, ReofferAnswered, ended normal 0")
			o.count(p, "INVITE", 3)
			o.count(p, "BYE", 1)
		}, provider())
	}
}

// E3: a BYE, a re-INVITE and an UPDATE that are challenged for the first time are sent again with credentials.
func TestTrunkChallengesInDialog(t *testing.T) {
	withTrunks(t, func(o *office) {
		p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			switch {
			case m.Method == "INVITE" && m.ToTag() == "":
				answers(p, m)
			case !strings.Contains(m.Get("Authorization"), m.Method):
				challenges(p, m, 401, `Digest realm="r", nonce="`+m.Method+`"`) // another nonce for each method
			case m.Method == "INVITE":
				answers(p, m)
			default:
				p.Respond(m, 200, "")
			}
			return true
		})
		leg := o.dial("provider", "5503301")
		o.settle()
		o.agent.Do(callstate.Reoffer{Leg: leg, Ref: 7, SDP: []byte(sdpOffer)})
		o.expect(leg, "answered, ReofferAnswered")
		o.agent.Do(callstate.HangUp{Leg: leg, Cause: callstate.Cause{Kind: callstate.Normal}})
		o.expect(leg, "answered, ReofferAnswered, ended normal 0")
		o.count(p, "INVITE", 3)
		byes := o.count(p, "BYE", 2)
		first, _ := byes[0].CSeq()
		second, _ := byes[1].CSeq()
		if second != first+1 {
			t.Errorf("BYE %d after %d", second, first)
		}
		if acks := got(p, "ACK"); acks[len(acks)-1].Get("Authorization") == "" {
			t.Errorf("the ACK of the re-INVITE lacks its credentials\n%s", acks[len(acks)-1])
		}
	}, provider())
}

// S27: a nonce that was too old is replaced once; credentials that are refused end the call as forbidden, without a loop
// and whatever the nonce.
func TestTrunkRefusesCredentials(t *testing.T) {
	for _, tt := range []struct {
		name      string
		challenge func(n int) string // of the n-th INVITE; empty: 200
		invites   int
		told      string
	}{
		{"stale once", func(n int) string {
			return []string{`Digest realm="r", nonce="1"`, `Digest realm="r", nonce="2", stale=true`, ""}[n]
		}, 3, "answered"},
		{"stale again and again", func(n int) string { return `Digest realm="r", nonce="` + string(rune('a'+n)) + `", stale=true` }, 3, "ended forbidden 401"},
		{"refused", func(n int) string { return `Digest realm="r", nonce="` + string(rune('a'+n)) + `"` }, 2, "ended forbidden 401"},
		{"ever new realms", func(n int) string { return `Digest realm="` + string(rune('a'+n)) + `", nonce="n"` }, 4, "ended forbidden 401"},
		{"nothing that we could answer", func(int) string { return `Basic realm="r"` }, 1, "ended forbidden 401"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withTrunks(t, func(o *office) {
				n := 0
				p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
					if m.Method != "INVITE" {
						return takesAll(p, m)
					}
					if c := tt.challenge(n); c != "" {
						challenges(p, m, 401, c)
					} else {
						answers(p, m)
					}
					n++
					return true
				})
				leg := o.dial("provider", "5503301")
				o.expect(leg, tt.told)
				o.count(p, "INVITE", tt.invites)
				o.count(p, "ACK", tt.invites)
				o.agent.Do(callstate.HangUp{Leg: leg})
			}, provider())
		})
	}
}

// X9, E3: only the trunk itself gets an answer to a challenge. One that its Contact leads to at another host gets none,
// nor does a phone, nor a trunk without credentials of ours.
func TestStrangerChallenges(t *testing.T) {
	withTrunks(t, func(o *office) {
		thief := o.peer("198.51.100.66:5060", func(p *phone.Phone, m *phone.Message) bool {
			challenges(p, m, 401, `Digest realm="r", nonce="n"`)
			return true
		})
		o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			answers(p, m, phone.WithContact("<sip:gw@198.51.100.66>"))
			return true
		})
		leg := o.dial("provider", "5503301")
		o.expect(leg, "answered")
		o.agent.Do(callstate.HangUp{Leg: leg, Cause: callstate.Cause{Kind: callstate.Normal}})
		o.expect(leg, "answered, ended normal 0")
		if m := o.count(thief, "BYE", 1)[0]; m.Get("Authorization") != "" {
			t.Errorf("credentials for a stranger\n%s", m)
		}
	}, provider())

	open := provider()
	open.Username, open.Password = "", ""
	withTrunks(t, func(o *office) {
		p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			challenges(p, m, 407, `Digest realm="r", nonce="n"`)
			return true
		})
		o.expect(o.dial("provider", "5503301"), "ended forbidden 407")
		o.count(p, "INVITE", 1)
	}, open)

	withTrunks(t, func(o *office) {
		p := o.peer("198.51.100.9:5060", func(p *phone.Phone, m *phone.Message) bool {
			challenges(p, m, 401, `Digest realm="r", nonce="n"`)
			return true
		})
		leg := callstate.LegID{Call: 9, N: 2}
		o.agent.Do(callstate.Dial{Leg: leg, Number: "2000", From: callstate.Party{Number: "2001"}, To: callstate.Contact{URI: "sip:2000@198.51.100.9",
			Flow: "UDP " + switchAt + " 198.51.100.9:5060"}})
		o.expect(leg, "ended failed 401")
		o.count(p, "INVITE", 1)
	}, provider())
}

// CANCEL goes to the newest INVITE. One between the challenge and our answer to it ends the leg.
func TestCancelChallenged(t *testing.T) {
	withTrunks(t, func(o *office) {
		p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			switch {
			case m.Method == "INVITE" && m.Get("Authorization") == "":
				challenges(p, m, 401, `Digest realm="r", nonce="n"`)
			case m.Method == "INVITE":
				p.Respond(m, 180, "")
			case m.Method == "CANCEL":
				return false
			default:
				p.Respond(m, 200, "")
			}
			return true
		})
		leg := o.dial("provider", "5503301")
		o.expect(leg, "progress 180")
		o.agent.Do(callstate.HangUp{Leg: leg, Cause: callstate.Cause{Kind: callstate.Cancelled}})
		o.settle()
		cancel, invites := o.count(p, "CANCEL", 1)[0], o.count(p, "INVITE", 2)
		if a, _ := cancel.CSeq(); cancel.Branch() != invites[1].Branch() || a != 2 {
			t.Errorf("CANCEL\n%s\nof\n%s", cancel, invites[1])
		}
		for _, e := range p.Transcript() {
			if m, _ := phone.ParseMessage([]byte(e.Text)); m != nil && m.Method == "INVITE" && m.Get("Authorization") != "" {
				p.Respond(m, 487, "")
			}
		}
	}, provider())

	withTrunks(t, func(o *office) {
		hold := make(chan *phone.Message, 4)
		p := o.peer(providerAt, func(p *phone.Phone, m *phone.Message) bool {
			if m.Method != "INVITE" {
				return takesAll(p, m)
			}
			p.Respond(m, 100, "")
			hold <- m
			return true
		})
		leg := o.dial("provider", "5503301")
		m := <-hold
		time.Sleep(50 * time.Millisecond)
		challenges(p, m, 401, `Digest realm="r", nonce="n"`)
		o.agent.Do(callstate.HangUp{Leg: leg, Cause: callstate.Cause{Kind: callstate.Cancelled}})
		o.expect(leg, "ended cancelled 0")
		o.count(p, "INVITE", 1)
	}, provider())
}
