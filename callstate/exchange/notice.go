package exchange

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"ringdown/callstate"
)

// watchers is who hears the notices: a list that is replaced, never changed, so that a call reads it without a lock.
type watchers struct {
	mu   sync.Mutex // of those who change it
	list atomic.Pointer[[]*watcher]
}

type watcher struct {
	f       func(callstate.Notice)
	stopped atomic.Bool
}

// Watch registers f for every notice. It is called on the call's goroutine, in order per call and at once for
// different calls; it must not block, nor call Do. A panic in it is logged and goes no further. After stop no new call
// of f begins; one that has begun may still run.
func (x *Exchange) Watch(f func(callstate.Notice)) (stop func()) {
	w := &watcher{f: f}
	x.watchers.change(func(list []*watcher) []*watcher { return append(list, w) })
	return func() {
		w.stopped.Store(true)
		x.watchers.change(func(list []*watcher) []*watcher {
			return slices.DeleteFunc(list, func(o *watcher) bool { return o == w })
		})
	}
}

// change replaces the list by what edit makes of a copy.
func (ws *watchers) change(edit func([]*watcher) []*watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	list := edit(slices.Clone(ws.get()))
	ws.list.Store(&list)
}

func (ws *watchers) get() []*watcher {
	if p := ws.list.Load(); p != nil {
		return *p
	}
	return nil
}

// publish logs a notice and gives it to every watcher. Nothing follows NoticeEnded.
func (r *runner) publish(n callstate.Notice) {
	if r.ended {
		r.x.log.Error("notice after the end", "call", uint64(r.id), "event", string(n.Kind))
		return
	}
	r.ended = n.Kind == callstate.NoticeEnded
	r.logNotice(n)
	for _, w := range r.x.watchers.get() {
		if !w.stopped.Load() {
			r.guarded("watcher", func() { w.f(n) })
		}
	}
}

// logNotice writes one line per change of a call. Which key was pressed stays out: it may be part of a PIN.
func (r *runner) logNotice(n callstate.Notice) {
	level := slog.LevelInfo
	switch n.Kind {
	case callstate.NoticeDigit, callstate.NoticeChanged: // many, and what matters for people has its own
		level = slog.LevelDebug
	}
	from, s := r.lastShown, n.Summary
	if s == nil {
		s = r.shown.Load()
	}
	if level == slog.LevelInfo {
		r.lastShown = s.State // a line says from where the line before it left off
	}
	if !r.x.log.Enabled(context.Background(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 14)
	attrs = append(attrs, slog.Uint64("call", uint64(r.id)), slog.String("event", string(n.Kind)),
		slog.String("from", string(from)), slog.String("to", string(s.State)),
		slog.String("caller", clip(s.Caller.Number)), slog.String("callee", clip(s.Callee.Number)))
	if !n.Leg.Zero() {
		attrs = append(attrs, slog.String("leg", n.Leg.String()))
	}
	attrs = append(attrs, more(n, s)...)
	if n.Cause.Kind != "" {
		attrs = append(attrs, slog.String("cause", string(n.Cause.Kind)), slog.Int("status", status(n, s)))
	}
	if id := sipCallID(s, n.Leg); id != "" {
		attrs = append(attrs, slog.String("sip_call_id", id))
	}
	r.x.log.LogAttrs(context.Background(), level, "call changed", attrs...)
}

// more is what some changes have to say beyond the others: what was dialled and by which trunk it came, where a transfer
// leads, and who asked for it.
func more(n callstate.Notice, s *callstate.Summary) (attrs []slog.Attr) {
	by := "application"
	if n.ByPhone {
		by = "phone"
	}
	switch n.Kind {
	case callstate.NoticeCreated:
		attrs = append(attrs, slog.String("dialled", clip(s.CallerDialled)))
		if t := trunk(s, n.Leg); t != "" {
			attrs = append(attrs, slog.String("trunk", t))
		}
	case callstate.NoticeForwarded:
		attrs = append(attrs, slog.String("by", by))
	case callstate.NoticeTransferring, callstate.NoticeConsulting, callstate.NoticeTransferred, callstate.NoticeTransferFailed:
		if n.Target != "" {
			attrs = append(attrs, slog.String("target", clip(n.Target)))
		}
		attrs = append(attrs, slog.String("by", by))
	}
	return attrs
}

// status is what the notice says, or, for a call that ended before any answer and no phone said why, what the caller was
// told.
func status(n callstate.Notice, s *callstate.Summary) int {
	if n.Cause.Status == 0 && n.Kind == callstate.NoticeEnded && s.Answered == (callstate.Time{}) {
		return n.Cause.FinalStatus()
	}
	return n.Cause.Status
}

// trunk is that of a leg, or of the first, the caller's, when the notice is about the whole call; empty for none.
func trunk(s *callstate.Summary, leg callstate.LegID) string {
	for _, l := range s.Legs {
		if leg.Zero() || l.ID == leg {
			return l.Trunk
		}
	}
	return ""
}

// clip bounds what somebody else may write into the log.
func clip(number string) string {
	if len(number) > 64 {
		return number[:64] + "..."
	}
	return number
}

// sipCallID is that of a leg, or of the first when the notice is about the whole call.
func sipCallID(s *callstate.Summary, leg callstate.LegID) string {
	for _, l := range s.Legs {
		if leg.Zero() || l.ID == leg {
			return l.SIPCallID
		}
	}
	return ""
}
