package exchange

import (
	"context"
	"fmt"
	"time"

	"ringdown/callstate"
)

// phase is how far the exchange is on its way out; it only grows.
type phase int32

const (
	open     phase = iota
	draining       // takes no new calls
	stopping       // calls were told to end
	closed         // calls are ended by force
)

// forceWait is how long no call may have been gone before the end by force is given up. It asks nobody, so only an
// adapter that blocks takes longer.
const forceWait = time.Second

func (x *Exchange) raise(p phase) {
	for {
		old := x.phase.Load()
		if old >= int32(p) || x.phase.CompareAndSwap(old, int32(p)) {
			break
		}
	}
	// No call was there to be the last one out.
	if x.count.calls.Load() == 0 {
		x.emptyOnce.Do(func() { close(x.empty) })
	}
}

// Stop takes no new calls and lets those in progress end until ctx ends. Then it tells each to end, gives them
// Config.StopWait, and ends the rest by force. It returns nil when no call had to be forced.
func (x *Exchange) Stop(ctx context.Context) error {
	x.raise(draining)
	select {
	case <-x.empty:
		x.rest()
		return nil
	case <-ctx.Done():
	}
	x.raise(stopping)
	for _, r := range x.calls.appendAll(nil) {
		r.post(callstate.Stopping{ID: r.id})
	}
	if x.emptyWithin(x.cfg.StopWait) {
		return nil
	}
	left := x.count.calls.Load()
	if err := x.Close(); err != nil {
		return err
	}
	return fmt.Errorf("exchange: %d calls had to be ended by force", left)
}

// Close ends all calls at once by force; none starts after it. It returns an error when an adapter blocks and keeps a
// call from ending.
func (x *Exchange) Close() error {
	x.raise(closed)
	for _, r := range x.calls.appendAll(nil) {
		r.force(callstate.Cause{Kind: callstate.Shutdown})
	}
	n := x.count.calls.Load()
	for before := n + 1; n < before; {
		if x.emptyWithin(forceWait) {
			return nil
		}
		before, n = n, x.count.calls.Load()
	}
	x.workers.dismiss() // who blocks is not waited for
	x.log.Error("calls do not end", "calls", n)
	return fmt.Errorf("exchange: %d calls do not end: an adapter blocks", n)
}

// emptyWithin waits for the last call to be gone.
func (x *Exchange) emptyWithin(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-x.empty:
		x.rest()
		return true
	case <-t.C:
		return false
	}
}

// rest ends the workers once there is no call any more, and none can start.
func (x *Exchange) rest() {
	x.workers.dismiss()
	x.workers.all.Wait()
}
