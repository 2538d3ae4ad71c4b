package media

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowTick counts its ticks; one of them takes long, as on a machine that has something else to do.
type slowTick struct {
	mu    sync.Mutex
	n     int
	slow  int           // which
	takes time.Duration // that one
}

func (s *slowTick) tick(uint64, time.Duration, time.Duration) bool {
	s.mu.Lock()
	s.n++
	takes := time.Duration(0)
	if s.n == s.slow {
		takes = s.takes
	}
	s.mu.Unlock()
	time.Sleep(takes)
	return true
}

// A clock that was held up for a moment makes up for it at once, so that no listener misses a frame; what it was held up
// longer for is left out, for nobody wants a burst.
func TestClockHeldUp(t *testing.T) {
	for takes, want := range map[time.Duration][2]int{
		0: {50, 51}, 30 * ms: {50, 51}, 70 * ms: {50, 51}, 500 * ms: {28, 31},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			c := newClock(func() time.Duration { return time.Since(start) }, &readers{})
			s := &slowTick{slow: 10, takes: takes}
			c.want(s)
			time.Sleep(time.Second + 5*ms)
			c.close()
			if s.n < want[0] || s.n > want[1] {
				t.Errorf("held up for %s: %d ticks in a second, expected %v", takes, s.n, want)
			}
		})
	}
}
