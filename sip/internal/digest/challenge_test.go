package digest

import (
	"strings"
	"testing"
)

// What a client answers is what the server side of this package, and the examples of the RFCs, take.
func TestAnswer(t *testing.T) {
	for _, tt := range []struct{ name, challenge, user, password, method, uri, want string }{
		{"RFC 2069 form", `Digest realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`,
			"bob", "zanzibar", "INVITE", "sip:bob@biloxi.com", `response="bf57e4e0d0bffc0fbaedce64d59add5e"`},
		{"escapes in the realm", `Digest realm="a \"b\"", nonce="n"`, "u", "p", "BYE", "sip:x", `realm="a \"b\""`},
		{"opaque and algorithm come back", `digest realm="r",nonce="n",opaque="o",algorithm=md5`, "u", "p", "BYE", "sip:x",
			`algorithm=MD5, opaque="o"`},
	} {
		c, ok := Choose([]string{tt.challenge})
		if got := c.Answer(tt.user, tt.password, tt.method, tt.uri, 1); !ok || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %v %s, expected %s", tt.name, ok, got, tt.want)
		}
	}
}

// Each algorithm, with qop, is verified by the server side; each nc is good once.
func TestAnswerIsVerified(t *testing.T) {
	for _, alg := range []Algorithm{MD5, SHA256} {
		a, err := New(Config{Realm: "example.com", Algorithms: []Algorithm{alg}})
		if err != nil {
			t.Fatal(err)
		}
		lookup := func(user string) (Secret, bool) { return NewSecret(user, "example.com", "secret"), user == "2000" }
		c, ok := Choose(a.Challenges(false))
		if !ok || c.Stale {
			t.Fatalf("%s: %+v", alg, c)
		}
		for nc := uint32(1); nc < 4; nc++ {
			v := c.Answer("2000", "secret", "INVITE", "sip:1@example.com", nc)
			if res := a.Verify([]string{v}, "INVITE", "sip:1@example.com", lookup); res.Status != OK {
				t.Errorf("%s: nc %d: %v for %s", alg, nc, res.Status, v)
			}
		}
		v := c.Answer("2000", "wrong", "INVITE", "sip:1@example.com", 4)
		if res := a.Verify([]string{v}, "INVITE", "sip:1@example.com", lookup); res.Status == OK {
			t.Errorf("%s: the wrong password was taken", alg)
		}
		if c, ok = Choose(a.Challenges(true)); !ok || !c.Stale {
			t.Errorf("%s: %+v is not stale", alg, c)
		}
	}
}

// The first challenge that can be answered counts (RFC 8760 §2.4); one that cannot be answered is never half read.
func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		realm  string // empty: none
	}{
		{"order is preference", []string{`Digest realm="a",nonce="1",algorithm=SHA-256`, `Digest realm="b",nonce="2"`}, "a"},
		{"unknown algorithm is passed over", []string{`Digest realm="a",nonce="1",algorithm=SHA-512-256`, `Digest realm="b",nonce="2"`}, "b"},
		{"-sess is passed over", []string{`Digest realm="a",nonce="1",algorithm=MD5-sess`}, ""},
		{"another scheme is passed over", []string{`Basic realm="a"`, `Digest realm="b",nonce="2",qop="auth,auth-int"`}, "b"},
		{"auth-int alone cannot be answered", []string{`Digest realm="a",nonce="1",qop="auth-int"`}, ""},
		{"no nonce", []string{`Digest realm="a"`}, ""},
		{"broken", []string{`Digest realm="a,nonce="1"`}, ""},
		{"none", nil, ""},
		{"too long", []string{`Digest realm="a",nonce="` + strings.Repeat("1", maxHeader) + `"`}, ""},
	} {
		if c, ok := Choose(tt.values); ok != (tt.realm != "") || ok && c.Realm != tt.realm {
			t.Errorf("%s: %v %+v", tt.name, ok, c)
		}
	}
}

// No text that a peer sends as a challenge makes an answer with a line break, or a panic (edge case X15).
func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="a", nonce="b", qop="auth", opaque="c\"d", algorithm=MD5, stale=TRUE`)
	f.Add(`Digest realm="a` + "\r\n" + `X: y", nonce="b"`)
	f.Fuzz(func(t *testing.T, s string) {
		if c, ok := Choose([]string{s}); ok {
			if v := c.Answer("u", "p", "INVITE", "sip:x", 1); strings.ContainsAny(v, "\r\n") {
				t.Errorf("%q makes %q", s, v)
			}
		}
	})
}
