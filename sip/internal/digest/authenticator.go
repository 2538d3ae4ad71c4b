package digest

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config says how requests are challenged. Zero values stand for the defaults.
type Config struct {
	// Realm is the realm of every challenge and of every Secret. Required.
	Realm string
	// Algorithms are offered in this order; default MD5, SHA-256. RFC 8760 §2.3 wants the strongest first, but old
	// phones and sipp 3.6 read only the first challenge.
	Algorithms []Algorithm
	// NonceLife is how long a nonce may be used; default 5 minutes.
	NonceLife time.Duration
	// MaxNonces bounds how many used nonces are remembered, 36 bytes each; default 65536.
	MaxNonces int
}

// Defaults fills what is zero.
func (c Config) Defaults() Config {
	if len(c.Algorithms) == 0 {
		c.Algorithms = []Algorithm{MD5, SHA256}
	}
	if c.NonceLife == 0 {
		c.NonceLife = 5 * time.Minute
	}
	if c.MaxNonces == 0 {
		c.MaxNonces = 1 << 16
	}
	return c
}

// Validate reports every fault of the configuration, by field.
func (c Config) Validate() error {
	var faults []error
	fault := func(field, why string) { faults = append(faults, fmt.Errorf("%s: %s", field, why)) }
	if c.Realm == "" {
		fault("Realm", "required")
	}
	// Phones disagree about escapes in a quoted string, and all of them hash the realm.
	if strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == '\\' }) {
		fault("Realm", "control characters, quotes and backslashes are not allowed")
	}
	for i, a := range c.Algorithms {
		if a != MD5 && a != SHA256 {
			fault("Algorithms", fmt.Sprintf("unknown %q", string(a)))
		}
		if slices.Contains(c.Algorithms[:i], a) {
			fault("Algorithms", fmt.Sprintf("%q named twice", string(a)))
		}
	}
	if c.NonceLife != 0 && c.NonceLife < time.Second {
		fault("NonceLife", "must be at least a second")
	}
	if c.MaxNonces < 0 || c.MaxNonces > 1<<24 {
		fault("MaxNonces", "must be from 0 to 16777216")
	}
	return errors.Join(faults...)
}

// Status is the verdict on the credentials of a request; the package comment says what each asks for.
type Status int

const (
	Missing   Status = iota // none for our realm with an algorithm that we offer
	OK                      // right, and never seen before
	Stale                   // right, but the nonce is expired, foreign or used
	Wrong                   // wrong password or unknown user
	Malformed               // not a legal answer to our challenge
)

func (s Status) String() string {
	names := [...]string{"missing", "ok", "stale", "wrong", "malformed"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Result is what Verify found.
type Result struct {
	Status Status
	// User is the name that the header claims, proven only if Status is OK; empty if Missing or Malformed.
	User string
	// Fault says what does not fit if Malformed, in words of ours alone.
	Fault string
}

// Authenticator challenges and verifies for one realm. Safe for concurrent use.
type Authenticator struct {
	cfg    Config
	life   int64 // milliseconds
	mint   *mint
	used   *usedTable
	decoy  Secret // no known password gives it
	before string // challenge text up to the nonce
}

// New makes an Authenticator with its own random key. It fails only if the configuration is invalid.
func New(c Config) (*Authenticator, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("digest: %w", err)
	}
	c = c.Defaults()
	c.Algorithms = slices.Clone(c.Algorithms)
	return &Authenticator{
		cfg:    c,
		life:   c.NonceLife.Milliseconds(),
		mint:   newMint(c.Realm),
		used:   newUsedTable(c.MaxNonces),
		decoy:  NewSecret(rand.Text(), c.Realm, rand.Text()),
		before: `Digest realm="` + c.Realm + `", nonce="`,
	}, nil
}

// Challenges returns the values for WWW-Authenticate or Proxy-Authenticate headers, one per algorithm in order, with a
// fresh nonce. stale tells the phone to try again without asking its user (RFC 7616 §3.3).
func (a *Authenticator) Challenges(stale bool) []string {
	nonce := a.mint.issue()
	after := `, qop="auth"`
	if stale {
		after += `, stale=true`
	}
	values := make([]string, len(a.cfg.Algorithms))
	for i, alg := range a.cfg.Algorithms {
		values[i] = a.before + nonce + `", algorithm=` + string(alg) + after
	}
	return values
}

// Verify judges the Authorization (or Proxy-Authorization) header values of a request with this method and
// Request-URI. lookup gives the Secret of a user; it is called at most once, and should take the same time for known
// and unknown ones, as Verify does.
func (a *Authenticator) Verify(headers []string, method, uri string, lookup func(user string) (Secret, bool)) Result {
	c, alg, status, fault := a.choose(headers)
	if status != OK {
		return Result{Status: status, Fault: fault}
	}
	nc, fault := c.check(alg)
	if fault == "" && !sameURI(c.uri, uri) {
		fault = "uri is not the Request-URI" // RFC 7616 §3.4.6: another uri is a 400
	}
	if fault != "" {
		return Result{Status: Malformed, Fault: fault}
	}
	secret, known := lookup(c.username)
	if !known || secret == (Secret{}) {
		// An unknown user takes the same way, so that neither answer nor time tells who has an account.
		secret, known = a.decoy, false
	}
	n, ours := a.mint.open(c.nonce)
	age := a.mint.now() - n.issued
	fresh := ours && age >= 0 && age < a.life
	want := secret.response(alg, c, method)
	right := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.response))) == 1
	switch {
	case !right || !known:
		return Result{Status: Wrong, User: c.username}
	// Only a right answer reaches the table, so strangers can neither fill it nor use up another's nonce. And only a
	// right answer is told that its nonce was stale: the phone tries again by itself (RFC 7616 §3.3).
	case !fresh || !a.used.take(n, nc):
		return Result{Status: Stale, User: c.username}
	}
	return Result{Status: OK, User: c.username}
}

// choose finds the credentials for our realm. Those for other realms or schemes belong to other servers on the way
// (RFC 3261 §22.3). An algorithm that we do not offer counts as absent and gets a fresh challenge: the phone may have
// kept it from before a change of our configuration. fault is that of Malformed.
func (a *Authenticator) choose(headers []string) (c credentials, alg Algorithm, status Status, fault string) {
	for _, h := range headers[:min(len(headers), maxHeaders)] {
		if len(h) > maxHeader {
			status, fault = Malformed, "too long"
			continue
		}
		c, err := parseCredentials(h)
		switch {
		case errors.Is(err, errScheme):
			continue
		case err != nil:
			status, fault = Malformed, "not a list of parameters"
			continue
		case c.realm == "":
			status, fault = Malformed, "no realm"
			continue
		case c.realm != a.cfg.Realm:
			continue
		}
		if alg, known := algorithmOf(c.algorithm); known && slices.Contains(a.cfg.Algorithms, alg) {
			return c, alg, OK, ""
		}
	}
	return credentials{}, "", status, fault
}
