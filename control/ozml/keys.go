package ozml

import (
	"context"
	"sync"
)

// TypeAhead is how many keys wait for a script.
const TypeAhead = 32

// Keys are the keys that were pressed in a call and that no script has used yet, in their order. They belong to the call:
// a key that a script does not want waits for the next. Any goroutine may press; one at a time may wait.
type Keys struct {
	mu      sync.Mutex
	waiting []byte
	more    chan struct{} // holds a token when a key has come since somebody looked
}

// NewKeys has none waiting.
func NewKeys() *Keys { return &Keys{more: make(chan struct{}, 1)} }

// Press puts a key behind those that wait: 0-9 * # A-D (RFC 4733 §3.2), or a-d. False when it is none of them, or when
// TypeAhead keys wait already: then it is lost.
func (k *Keys) Press(key byte) bool {
	key, ok := dtmf(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if !ok || len(k.waiting) >= TypeAhead {
		return false
	}
	k.waiting = append(k.waiting, key)
	k.tell()
	return true
}

// Next is the next key, or the error of ctx, which takes no key.
func (k *Keys) Next(ctx context.Context) (byte, error) {
	for {
		if key, ok := k.take(); ok {
			return key, nil
		}
		select {
		case <-k.more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// take is the key that has waited longest.
func (k *Keys) take() (key byte, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.waiting) == 0 {
		return 0, false
	}
	key = k.waiting[0]
	k.waiting = k.waiting[1:]
	return key, true
}

// Forget loses the keys that wait.
func (k *Keys) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting = nil
}

// unread puts back the key that was taken last.
func (k *Keys) unread(key byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting = append([]byte{key}, k.waiting...)
	k.tell()
}

// pressed tells whether a key waits.
func (k *Keys) pressed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.waiting) > 0
}

func (k *Keys) tell() {
	select {
	case k.more <- struct{}{}:
	default: // told already
	}
}

// dtmf is a key as it is written here.
func dtmf(k byte) (byte, bool) {
	switch {
	case '0' <= k && k <= '9', 'A' <= k && k <= 'D', k == '*', k == '#':
		return k, true
	case 'a' <= k && k <= 'd':
		return k - 'a' + 'A', true
	}
	return 0, false
}
