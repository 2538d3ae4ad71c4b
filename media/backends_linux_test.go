package media

import (
	"syscall"
	"testing"
)

// An engine that gets no descriptors for epoll does without.
func TestNoEpoll(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var b *bed
	func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Max: limit.Max}); err != nil {
			t.Skip(err)
		}
		defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		b = backend{way: "portable", choose: func(*Config) {}}.bed(t, nil)
		if f := b.open(1); f == nil {
			t.Error("a leg was opened without a descriptor")
		}
	}()
	alice, bob := b.phones("0", "0")
	relay(t, alice, bob)
}
