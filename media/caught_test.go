package media

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

// A fault of ours in one leg costs its packets, and nothing else: the goroutine that reads and the locks go on.
func TestPanicCostsAPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b, alice, bob := pair(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		l := b.find(alice.leg)
		l.in.mu.Lock()
		routes := l.in.routes
		l.in.routes = []*route{nil} // as a fault of ours might leave it
		l.in.mu.Unlock()
		alice.talk(0, 2)
		bob.hear()
		l.in.mu.Lock()
		l.in.routes = routes
		l.in.mu.Unlock()
		alice.talk(0, 3)
		if n := len(bob.hear()); n != 3 {
			t.Errorf("bob heard %d packets after it, want 3", n)
		}
		if n := strings.Count(log.String(), "media: panic"); n != 1 {
			t.Errorf("%d log lines:\n%s", n, log.String())
		}
	})
}
