package port

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a socket that notes that it was closed.
type fake struct{ times atomic.Int32 }

func (f *fake) Close() error { f.times.Add(1); return nil }
func (f *fake) closed() int  { return int(f.times.Load()) }

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		min, max uint16
		want     int
	}{{20000, 20003, 2}, {20001, 20003, 1}, {20001, 20004, 1}, {20000, 20000, 0}, {65530, 65535, 3}, {20001, 20002, 0}} {
		p := New[*fake](c.min, c.max, 0)
		if p.Free() != c.want {
			t.Errorf("%d-%d: %d pairs, want %d", c.min, c.max, p.Free(), c.want)
		}
		for range c.want {
			if even, _, ok := p.Take(0); !ok || even%2 != 0 || even < c.min || uint(even)+1 > uint(c.max) {
				t.Errorf("%d-%d: got %d %v", c.min, c.max, even, ok)
			}
		}
		if _, _, ok := p.Take(0); ok {
			t.Errorf("%d-%d: one more than there are", c.min, c.max)
		}
	}
}

// Edge case M23: a freed pair goes to the tail and rests, whether a socket is kept with it or not.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[*fake](20000, 20005, 10)
		defer p.Close()
		a, _, _ := p.Take(0)
		b, _, _ := p.Take(0)
		ofB := &fake{}
		p.Put(a, nil, time.Second)
		p.Put(b, ofB, time.Second)
		if c, kept, ok := p.Take(time.Second); !ok || kept != nil || c == a || c == b {
			t.Fatalf("got %d %v, want the pair that was never used", c, ok)
		}
		if c, _, ok := p.Take(time.Second + Rest - 1); ok {
			t.Fatalf("%d was handed out before it had rested", c)
		}
		if got, kept, ok := p.Take(time.Second + Rest); !ok || got != a || kept != nil {
			t.Fatalf("got %d %v %v, want %d", got, kept, ok, a)
		}
		if got, kept, ok := p.Take(time.Second + Rest); !ok || got != b || kept != ofB || ofB.closed() != 0 {
			t.Fatalf("got %d %v %v, want %d and its socket", got, kept, ok, b)
		}
		p.Put(b, nil, time.Second)
		if _, kept, ok := p.Take(time.Minute); !ok || kept != nil {
			t.Errorf("got %v %v, want no socket: it was not given back", kept, ok)
		}
	})
}

// A pair whose socket is kept goes before those that were never used, once it has rested for longer than it must.
func TestWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[*fake](20000, 20099, 10)
		defer p.Close()
		even, _, _ := p.Take(0)
		of := &fake{}
		p.Put(even, of, 0)
		if got, kept, ok := p.Take(Warm - 1); !ok || got == even || kept != nil {
			t.Fatalf("too early: got %d %v %v", got, kept, ok)
		}
		if got, kept, ok := p.Take(Warm); !ok || got != even || kept != of {
			t.Fatalf("got %d %v %v, want %d and its socket", got, kept, ok, even)
		}
	})
}

// One socket too many is closed at once; those that are kept stay, since their turn comes first.
func TestMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[*fake](20000, 20009, 2)
		all := [3]*fake{{}, {}, {}}
		var even [3]uint16
		for i := range all {
			even[i], _, _ = p.Take(0)
		}
		for i, s := range all {
			p.Put(even[i], s, 0)
		}
		if all[0].closed() != 0 || all[1].closed() != 0 || all[2].closed() != 1 {
			t.Errorf("%d %d %d", all[0].closed(), all[1].closed(), all[2].closed())
		}
		if n := p.Shed(); n != 2 || all[0].closed() != 1 || all[1].closed() != 1 || p.Shed() != 0 {
			t.Errorf("shed %d", n)
		}
		a, _, _ := p.Take(Rest)
		late := &fake{}
		p.Close()
		p.Close()
		p.Put(a, late, 0)
		if late.closed() != 1 || p.Free() != 5 {
			t.Errorf("closed %d times, %d free", late.closed(), p.Free())
		}
	})
}

// A socket that nobody has used for a while is closed, however many there are, and one that is used is not.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Duration { return time.Since(start) }
		const n = 3*sweepMost + 7
		p := New[*fake](20000, 20000+2*n-1, n)
		defer p.Close()
		all := map[uint16]*fake{}
		for range n {
			even, _, _ := p.Take(now())
			all[even] = &fake{}
		}
		for even, s := range all {
			p.Put(even, s, now())
		}
		time.Sleep(Idle + time.Second)
		used := map[*fake]bool{}
		for range 10 {
			even, s, ok := p.Take(now())
			if !ok || s == nil || s.closed() != 0 {
				t.Fatalf("got %d %v %v", even, s, ok)
			}
			used[s] = true
			p.Put(even, s, now())
		}
		time.Sleep(Idle)
		for even, s := range all {
			if want := map[bool]int{false: 1}[used[s]]; s.closed() != want {
				t.Errorf("%d was closed %d times, want %d", even, s.closed(), want)
			}
		}
		time.Sleep(2 * Idle)
		for even, s := range all {
			if s.closed() != 1 {
				t.Errorf("%d was closed %d times", even, s.closed())
			}
		}
		if p.Free() != n || p.warm.count != 0 {
			t.Errorf("%d free, %d kept", p.Free(), p.warm.count)
		}
		for range n {
			if even, s, ok := p.Take(now()); !ok || s != nil {
				t.Fatalf("got %d %v %v", even, s, ok)
			}
		}
	})
}

// A pair that has rested is found though one that was given back later stands before it: sockets are closed when
// descriptors run out, and the pairs that had them go on as those without.
func TestShedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[*fake](20000, 20003, 10)
		defer p.Close()
		a, _, _ := p.Take(0)
		b, _, _ := p.Take(0)
		p.Put(b, &fake{}, time.Second)
		p.Put(a, nil, time.Second+Rest) // could not be opened
		p.Shed()
		if got, _, ok := p.Take(time.Second + Rest); !ok || got != b {
			t.Errorf("got %d %v, want %d, which has rested", got, ok, b)
		}
	})
}
