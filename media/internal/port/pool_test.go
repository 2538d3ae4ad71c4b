package port

import (
	"testing"
	"time"
)

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		min, max uint16
		want     int
	}{{20000, 20003, 2}, {20001, 20003, 1}, {20001, 20004, 1}, {20000, 20000, 0}, {65530, 65535, 3}, {20001, 20002, 0}} {
		p := New(c.min, c.max)
		if p.Free() != c.want {
			t.Errorf("%d-%d: %d pairs, want %d", c.min, c.max, p.Free(), c.want)
		}
		for range c.want {
			if even, ok := p.Take(0); !ok || even%2 != 0 || even < c.min || uint(even)+1 > uint(c.max) {
				t.Errorf("%d-%d: got %d %v", c.min, c.max, even, ok)
			}
		}
		if _, ok := p.Take(0); ok {
			t.Errorf("%d-%d: one more than there are", c.min, c.max)
		}
	}
}

// Edge case M23: a freed pair goes to the tail and rests.
func TestRest(t *testing.T) {
	p := New(20000, 20005)
	a, _ := p.Take(0)
	b, _ := p.Take(0)
	p.Put(a, time.Second)
	p.Put(b, time.Second)
	if c, ok := p.Take(time.Second); !ok || c == a || c == b {
		t.Fatalf("got %d %v, want the pair that was never used", c, ok)
	}
	if c, ok := p.Take(time.Second + Rest - 1); ok {
		t.Fatalf("%d was handed out before it had rested", c)
	}
	for _, want := range []uint16{a, b} {
		if got, ok := p.Take(time.Second + Rest); !ok || got != want {
			t.Fatalf("got %d %v, want %d", got, ok, want)
		}
	}
}
