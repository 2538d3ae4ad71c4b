package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"
	"time"
)

// A nonce is 24 bytes, 32 characters of base64url (short on purpose: a challenge to a forged source should not be
// bigger than the request that caused it):
//
//	0      6            12                        24
//	| issued | random id | HMAC-SHA-256, truncated |
//
// issued counts milliseconds on the monotonic clock from the mint's start, plus one: a step of the wall clock neither
// ages nor revives a nonce, and the time tells a stranger nothing.
const (
	nonceBytes = 24
	nonceSeal  = 12 // where the MAC starts
)

type nonce struct {
	issued int64  // milliseconds since the start of the mint, from 1
	id     uint64 // 48 random bits
}

// mint makes nonces and knows its own. Its key lives as long as the process, so that after a restart every nonce in
// use is stale, which costs each phone one more round trip and no password prompt.
type mint struct {
	macs  sync.Pool // of *mac: a new one costs more than the MAC itself
	realm []byte
	start time.Time
}

func newMint(realm string) *mint {
	m := &mint{realm: []byte(realm), start: time.Now()}
	var key [32]byte
	rand.Read(key[:]) // never fails: crypto/rand ends the process instead
	m.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, key[:])} }
	return m
}

// mac is a MAC with the key in it, and room for what it gives.
type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

// now is the current time in the unit of nonce.issued.
func (m *mint) now() int64 { return time.Since(m.start).Milliseconds() + 1 }

// issue makes a fresh nonce.
func (m *mint) issue() string {
	var b [nonceBytes]byte
	rand.Read(b[4:nonceSeal])
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(m.now()))
	copy(b[:6], t[2:])
	m.seal(&b)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// open tells whether s is a nonce of this mint, of whatever age.
func (m *mint) open(s string) (nonce, bool) {
	var b [nonceBytes]byte
	if len(s) != base64.RawURLEncoding.EncodedLen(nonceBytes) {
		return nonce{}, false
	}
	if n, err := base64.RawURLEncoding.Decode(b[:], []byte(s)); err != nil || n != nonceBytes {
		return nonce{}, false
	}
	sent := b
	m.seal(&b)
	if !hmac.Equal(sent[nonceSeal:], b[nonceSeal:]) {
		return nonce{}, false
	}
	wide := func(b []byte) uint64 {
		var w [8]byte
		copy(w[2:], b)
		return binary.BigEndian.Uint64(w[:])
	}
	return nonce{issued: int64(wide(b[:6])), id: wide(b[6:nonceSeal])}, true
}

func (m *mint) seal(b *[nonceBytes]byte) {
	h := m.macs.Get().(*mac)
	defer m.macs.Put(h)
	h.Reset()
	copy(h.sum[:], b[:nonceSeal]) // what goes through the interface would be allocated
	h.Write(h.sum[:nonceSeal])
	h.Write(m.realm)
	copy(b[nonceSeal:], h.Sum(h.sum[:0]))
}
