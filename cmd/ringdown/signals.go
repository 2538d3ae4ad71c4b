package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// notifySignals listens to SIGTERM and SIGINT as watchSignals does. Once the switch is told to stop, the signals get
// their usual meaning back, so that a third one ends a process that hangs.
func notifySignals(parent context.Context, log *slog.Logger) (ctx context.Context, drain <-chan struct{}, release func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	ctx, drain, release = watchSignals(parent, signals, log)
	context.AfterFunc(ctx, func() { signal.Stop(signals) })
	return ctx, drain, release
}

// watchSignals gives the two ends of a run: the first signal closes drain, the second ends ctx. Whatever ends ctx
// (parent, the second signal, release) closes drain too. release stops the watching and waits for its goroutine.
func watchSignals(parent context.Context, signals <-chan os.Signal, log *slog.Logger) (ctx context.Context, drain <-chan struct{}, release func()) {
	ctx, stop := context.WithCancel(parent)
	draining, startDrain := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer startDrain()
		select {
		case s := <-signals:
			log.Info("draining: no new calls; a second signal stops at once", "signal", s.String())
			startDrain()
		case <-ctx.Done():
			return
		}
		select {
		case s := <-signals:
			log.Warn("stopping at once", "signal", s.String())
			stop()
		case <-ctx.Done():
		}
	})
	return ctx, draining.Done(), func() {
		stop()
		watching.Wait()
	}
}
