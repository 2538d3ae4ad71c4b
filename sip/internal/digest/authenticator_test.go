package digest

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	phone "github.com/icholy/digest"
)

const (
	realm = "example.com"
	uri   = "sip:example.com"
)

var alice = NewSecret("alice", realm, "wonderland")

func lookup(user string) (Secret, bool) { return alice, user == "alice" }

func newAuthenticator(t testing.TB, c Config) *Authenticator {
	t.Helper()
	if c.Realm == "" {
		c.Realm = realm
	}
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// answer is what an independent phone sends to the i-th challenge for a REGISTER.
func answer(t testing.TB, challenge string, edit ...func(*phone.Challenge, *phone.Options)) string {
	t.Helper()
	c, err := phone.ParseChallenge(challenge)
	if err != nil {
		t.Fatalf("challenge %q: %v", challenge, err)
	}
	o := phone.Options{Method: "REGISTER", URI: uri, Username: "alice", Password: "wonderland", Count: 1}
	for _, e := range edit {
		e(c, &o)
	}
	cred, err := phone.Digest(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return cred.String()
}

func count(nc int) func(*phone.Challenge, *phone.Options) {
	return func(_ *phone.Challenge, o *phone.Options) { o.Count = nc }
}

func password(p string) func(*phone.Challenge, *phone.Options) {
	return func(_ *phone.Challenge, o *phone.Options) { o.Password = p }
}

func user(u string) func(*phone.Challenge, *phone.Options) {
	return func(_ *phone.Challenge, o *phone.Options) { o.Username = u }
}

func noQOP(c *phone.Challenge, _ *phone.Options) { c.QOP = nil }

func expect(t testing.TB, a *Authenticator, want Status, headers ...string) Result {
	t.Helper()
	got := a.Verify(headers, "REGISTER", uri, lookup)
	if got.Status != want {
		t.Fatalf("expected %v, got %v, for %q", want, got.Status, headers)
	}
	return got
}

func TestChallenges(t *testing.T) {
	a := newAuthenticator(t, Config{})
	got := a.Challenges(false)
	if len(got) != 2 {
		t.Fatalf("expected 2 challenges, got %q", got)
	}
	for i, alg := range []string{"MD5", "SHA-256"} {
		c, err := phone.ParseChallenge(got[i])
		if err != nil {
			t.Fatal(err)
		}
		if c.Algorithm != alg || c.Realm != realm || c.Stale || !slices.Equal(c.QOP, []string{"auth"}) || len(c.Nonce) != 32 {
			t.Errorf("challenge %d: %q", i, got[i])
		}
		// X16: both together must not make a 401 bigger than the request.
		if len(got[i]) > 120 {
			t.Errorf("challenge %d has %d bytes", i, len(got[i]))
		}
	}
	again := a.Challenges(true)
	c, _ := phone.ParseChallenge(again[0])
	if !c.Stale || strings.Contains(got[0], c.Nonce) {
		t.Errorf("expected stale and a fresh nonce, got %q after %q", again[0], got[0])
	}
	only := newAuthenticator(t, Config{Algorithms: []Algorithm{SHA256}}).Challenges(false)
	if len(only) != 1 || !strings.Contains(only[0], "algorithm=SHA-256") {
		t.Errorf("expected SHA-256 alone, got %q", only)
	}
}

func TestConfigFaults(t *testing.T) {
	_, err := New(Config{Realm: "a\"b", Algorithms: []Algorithm{MD5, MD5, "SHA-1"}, NonceLife: -1, MaxNonces: -1})
	for _, field := range []string{"Realm", "twice", "SHA-1", "NonceLife", "MaxNonces"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("expected a fault with %s, got %v", field, err)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("expected a realm to be required")
	}
}

func TestAnswers(t *testing.T) {
	a := newAuthenticator(t, Config{})
	for i, alg := range []string{"MD5", "SHA-256"} {
		t.Run(alg, func(t *testing.T) {
			if got := expect(t, a, OK, answer(t, a.Challenges(false)[i])); got.User != "alice" {
				t.Errorf("expected alice, got %q", got.User)
			}
			expect(t, a, Wrong, answer(t, a.Challenges(false)[i], password("looking glass")))
			expect(t, a, Wrong, answer(t, a.Challenges(false)[i], user("mallory")))
		})
	}
	t.Run("RFC 2069 with MD5, each nonce once", func(t *testing.T) {
		challenge := a.Challenges(false)[0]
		expect(t, a, OK, answer(t, challenge, noQOP))
		expect(t, a, Stale, answer(t, challenge, noQOP))
		expect(t, a, Stale, answer(t, challenge, count(9)))
		challenge = a.Challenges(false)[0]
		expect(t, a, OK, answer(t, challenge, count(9)))
		expect(t, a, Stale, answer(t, challenge, noQOP))
	})
	t.Run("RFC 2069 with SHA-256 is refused", func(t *testing.T) {
		expect(t, a, Malformed, answer(t, a.Challenges(false)[1], noQOP))
	})
	t.Run("method is hashed", func(t *testing.T) {
		h := answer(t, a.Challenges(false)[0])
		if got := a.Verify([]string{h}, "INVITE", uri, lookup); got.Status != Wrong {
			t.Errorf("expected wrong, got %v", got.Status)
		}
	})
}

// TestUnknownUserX8: known and unknown users give the same verdicts, whatever the nonce, and lookup is asked once.
func TestUnknownUserX8(t *testing.T) {
	a, other := newAuthenticator(t, Config{}), newAuthenticator(t, Config{})
	for name, challenge := range map[string]string{"fresh": a.Challenges(false)[0], "foreign": other.Challenges(false)[0]} {
		for _, u := range []string{"alice", "nobody"} {
			asked := 0
			got := a.Verify([]string{answer(t, challenge, user(u), password("guess"))}, "REGISTER", uri,
				func(user string) (Secret, bool) { asked++; return lookup(user) })
			if got != (Result{Status: Wrong, User: u}) || asked != 1 {
				t.Errorf("%s nonce, %s: expected wrong after one look, got %v after %d", name, u, got, asked)
			}
		}
	}
	// A Secret that was never filled must not be matched by a hash over an empty HA1.
	h := answer(t, a.Challenges(false)[0], user("empty"))
	c, _ := parseCredentials(h)
	c.response = Secret{}.response(MD5, c, "REGISTER")
	h = fmt.Sprintf(`Digest username="empty", realm=%q, nonce=%q, uri=%q, cnonce=%q, qop=auth, nc=%s, response=%q`,
		c.realm, c.nonce, c.uri, c.cnonce, c.nc, c.response)
	got := a.Verify([]string{h}, "REGISTER", uri, func(string) (Secret, bool) { return Secret{}, true })
	if got.Status != Wrong {
		t.Errorf("zero secret: expected wrong, got %v", got.Status)
	}
}

func TestNonceExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthenticator(t, Config{NonceLife: time.Minute})
		challenge := a.Challenges(false)[0]
		expect(t, a, OK, answer(t, challenge, count(1)))
		time.Sleep(time.Minute - time.Millisecond)
		expect(t, a, OK, answer(t, challenge, count(2)))
		time.Sleep(time.Millisecond)
		expect(t, a, Stale, answer(t, challenge, count(3)))
		// RFC 7616 §3.3: stale is for those who know the password.
		expect(t, a, Wrong, answer(t, challenge, count(4), password("guess")))
		expect(t, a, OK, answer(t, a.Challenges(true)[0], count(1)))
	})
}

func TestNonceOfAnotherProcessIsStale(t *testing.T) {
	a, before := newAuthenticator(t, Config{}), newAuthenticator(t, Config{})
	expect(t, a, Stale, answer(t, before.Challenges(false)[0]))
}

func TestNonceCount(t *testing.T) {
	type try struct {
		nc   int
		want Status
	}
	for name, tries := range map[string][]try{
		"RFC 7616 3.4.5 rising":         {{1, OK}, {2, OK}, {3, OK}, {10, OK}},
		"replay":                        {{1, OK}, {1, Stale}, {2, OK}, {2, Stale}, {1, Stale}},
		"always 1":                      {{1, OK}, {1, Stale}, {1, Stale}},
		"overtaking on UDP":             {{3, OK}, {1, OK}, {2, OK}, {1, Stale}, {2, Stale}, {3, Stale}, {4, OK}},
		"edge of the window":            {{100, OK}, {37, OK}, {36, Stale}, {37, Stale}},
		"jump empties the window":       {{1, OK}, {65, OK}, {1, Stale}, {2, OK}, {64, OK}, {64, Stale}},
		"far jump":                      {{1, OK}, {1 << 20, OK}, {1, Stale}, {1<<20 - 1, OK}},
		"jump of exactly the window":    {{5, OK}, {69, OK}, {5, Stale}, {6, OK}, {69, Stale}},
		"last count":                    {{0xffffffff, OK}, {0xffffffff, Stale}, {0xfffffffe, OK}, {1, Stale}},
		"starts late, first was lost":   {{7, OK}, {8, OK}},
		"a wrong password uses nothing": {{-1, Wrong}, {1, OK}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuthenticator(t, Config{})
			challenge := a.Challenges(false)[0]
			for _, try := range tries {
				if try.nc < 0 {
					expect(t, a, try.want, answer(t, challenge, password("guess")))
					continue
				}
				expect(t, a, try.want, answer(t, challenge, count(try.nc)))
			}
		})
	}
}

// TestReplayUnderOverload: with a table far too small, whatever is forgotten turns stale, never new.
func TestReplayUnderOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthenticator(t, Config{MaxNonces: 8})
		var sent []string
		for range 100 {
			time.Sleep(time.Millisecond)
			h := answer(t, a.Challenges(false)[0])
			expect(t, a, OK, h) // the newest is always let in
			sent = append(sent, h)
		}
		for _, h := range sent {
			expect(t, a, Stale, h)
		}
	})
}

func TestURI(t *testing.T) {
	for _, c := range []struct {
		hashed, request string
		same            bool
	}{
		{"sip:example.com", "sip:example.com", true},
		{"sip:example.com", "sip:example.com:5060", true},
		{"sip:example.com", "sips:EXAMPLE.com;transport=tls", true},
		{"sip:bob@example.com;user=phone", "sip:bob@example.com", true},
		{"sip:%62ob@example.com", "sip:bob@example.com", true},
		{"sip:bob@[2001:db8::1]:5060", "sip:bob@[2001:db8::1];lr", true},
		{"sip:1;x=@example.com", "sip:1;x=@example.com?Subject=x", true},
		{"tel:+15550100", "tel:+15550100", true},
		{"sip:bob@example.com", "sip:Bob@example.com", false},
		{"sip:bob@example.com", "sip:carol@example.com", false},
		{"sip:bob@example.com", "sip:bob@example.org", false},
		{"sip:example.com", "sip:bob@example.com", true}, // as sipp hashes it
		{"sip:example.org", "sip:bob@example.com", false},
		{"tel:+15550100", "tel:+15550101", false},
		{"sip:[2001:db8::1", "sip:[2001:db8::1]", false},
		{"sip:", "sips:", false},
		{"", "sip:example.com", false},
	} {
		if got := sameURI(c.hashed, c.request); got != c.same {
			t.Errorf("%q for %q: expected %v, got %v", c.hashed, c.request, c.same, got)
		}
	}
	a := newAuthenticator(t, Config{})
	h := answer(t, a.Challenges(false)[0])
	if got := a.Verify([]string{h}, "REGISTER", "sip:example.com:5070", lookup); got.Status != OK {
		t.Errorf("expected ok with a port added on the way, got %v", got.Status)
	}
	if got := a.Verify([]string{h}, "REGISTER", "sip:example.org", lookup); got.Status != Malformed {
		t.Errorf("RFC 7616 3.4.6: expected malformed for another uri, got %v", got.Status)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "secret", alice)
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x", alice, alice, alice, alice, alice, struct{ S Secret }{alice})
	for _, hidden := range []string{alice.md5, alice.sha256, fmt.Sprintf("%x", alice.md5)} {
		if strings.Contains(b.String(), hidden) {
			t.Errorf("the secret shows in %q", b.String())
		}
	}
}

// TestConcurrentUse: of many goroutines that bring the same credentials exactly one wins each count.
func TestConcurrentUse(t *testing.T) {
	a := newAuthenticator(t, Config{MaxNonces: 64})
	challenge := a.Challenges(false)[0]
	var headers []string
	for nc := 1; nc <= 20; nc++ {
		headers = append(headers, answer(t, challenge, count(nc)))
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		wins = map[string]int{}
	)
	for range 8 {
		wg.Go(func() {
			for _, h := range headers {
				a.Challenges(true)
				if a.Verify([]string{h}, "REGISTER", uri, lookup).Status == OK {
					mu.Lock()
					wins[h]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i, h := range headers {
		if wins[h] != 1 {
			t.Errorf("nc %d: expected one winner, got %d", i+1, wins[h])
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for i, alg := range []Algorithm{MD5, SHA256} {
		b.Run(string(alg), func(b *testing.B) {
			a := newAuthenticator(b, Config{})
			h := []string{answer(b, a.Challenges(false)[i])}
			b.ReportAllocs()
			for b.Loop() {
				a.Verify(h, "REGISTER", uri, lookup)
			}
		})
	}
}

func BenchmarkChallenges(b *testing.B) {
	a := newAuthenticator(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		a.Challenges(false)
	}
}
