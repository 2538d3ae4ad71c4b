package access

import "sync"

// Gate counts requests in and out. The zero Gate is open. Safe for concurrent use.
type Gate struct {
	mu      sync.Mutex
	shut    bool
	running sync.WaitGroup
}

// Enter counts a request in, unless the gate is shut. Leave must follow a true.
func (g *Gate) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.running.Add(1)
	return true
}

// Leave counts a request out.
func (g *Gate) Leave() { g.running.Done() }

// Shut lets nobody in any more. It tells whether this call was the first.
func (g *Gate) Shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := !g.shut
	g.shut = true
	return first
}

// Wait returns when everybody has left; Shut comes first.
func (g *Gate) Wait() { g.running.Wait() }
