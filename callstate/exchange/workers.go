package exchange

import "sync"

// maxResting is how many workers may rest. More than that many calls have seldom something to do at the same moment.
const maxResting = 8

// workers are the goroutines on which calls run, one for each that has something to do just now: a call whose adapter
// blocks keeps no other from going on. They rest between two calls instead of ending, since a new goroutine would have
// to grow its stack again, for nearly every event.
type workers struct {
	all sync.WaitGroup

	mu      sync.Mutex
	resting []worker // who came last is taken first: its stack is the one still in the caches
	closed  bool
}

// worker takes what one worker is to run; it has room for one, and only those that rest are given any.
type worker chan *runner

// run has a worker run a call. It does not wait.
func (ws *workers) run(r *runner) {
	ws.mu.Lock()
	n := len(ws.resting) - 1
	if n < 0 {
		ws.mu.Unlock()
		ws.all.Go(func() { ws.work(r) })
		return
	}
	w := ws.resting[n]
	ws.resting = ws.resting[:n]
	ws.mu.Unlock()
	w <- r
}

// work is the goroutine of a worker.
func (ws *workers) work(r *runner) {
	w := make(worker, 1)
	for r != nil {
		r.run()
		if !ws.rest(w) {
			return
		}
		r = <-w
	}
}

// rest has a worker wait for its next call, unless enough do.
func (ws *workers) rest(w worker) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed || len(ws.resting) >= maxResting {
		return false
	}
	ws.resting = append(ws.resting, w)
	return true
}

// dismiss ends those that rest, and each of the others once it is done with its call.
func (ws *workers) dismiss() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.closed = true
	for _, w := range ws.resting {
		close(w)
	}
	ws.resting = nil
}
