package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
)

// Algorithm is the token of a hash algorithm as it is written in a challenge.
type Algorithm string

// The algorithms that can be offered. The "-sess" forms are not: their HA1 depends on the nonce, and no phone asks.
const (
	MD5    Algorithm = "MD5"
	SHA256 Algorithm = "SHA-256"
)

// algorithmOf reads the token of an Authorization header. An absent one means MD5 (RFC 7616 §3.3); tokens are
// case-insensitive (RFC 3261 §7.3.1).
func algorithmOf(token string) (a Algorithm, known bool) {
	switch {
	case token == "", strings.EqualFold(token, string(MD5)):
		return MD5, true
	case strings.EqualFold(token, string(SHA256)):
		return SHA256, true
	}
	return "", false
}

// hexLen is the length of a hash in hexadecimal characters.
func (a Algorithm) hexLen() int {
	if a == SHA256 {
		return 2 * sha256.Size
	}
	return 2 * md5.Size
}

// sum is H(part ":" part ...) in lower-case hexadecimal (RFC 7616 §3.4.1).
func (a Algorithm) sum(parts ...string) string {
	var room [256]byte
	text := room[:0]
	for i, part := range parts {
		if i > 0 {
			text = append(text, ':')
		}
		text = append(text, part...)
	}
	if a == SHA256 {
		h := sha256.Sum256(text)
		return hex.EncodeToString(h[:])
	}
	h := md5.Sum(text)
	return hex.EncodeToString(h[:])
}

// Secret is what is kept of a password: its HA1 for every algorithm. It is worth as much as the password within its
// realm, so it prints as a placeholder. The zero Secret matches nothing.
type Secret struct {
	md5, sha256 string // HA1 in hexadecimal
}

// NewSecret computes the Secret of a user in a realm.
func NewSecret(user, realm, password string) Secret {
	return Secret{md5: MD5.sum(user, realm, password), sha256: SHA256.sum(user, realm, password)}
}

// String hides the secret from logs and errors.
func (Secret) String() string { return "[secret]" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "[secret]" }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

func (s Secret) ha1(a Algorithm) string {
	if a == SHA256 {
		return s.sha256
	}
	return s.md5
}

// response is the answer that the holder of the secret gives (RFC 7616 §3.4.1; without qop RFC 2069 §2.1.2). It hashes
// nc and uri as they were sent.
func (s Secret) response(a Algorithm, c credentials, method string) string {
	ha2 := a.sum(method, c.uri)
	if c.qop == "" {
		return a.sum(s.ha1(a), c.nonce, ha2)
	}
	return a.sum(s.ha1(a), c.nonce, c.nc, c.cnonce, "auth", ha2)
}
