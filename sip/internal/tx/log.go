package tx

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// logsPerSecond bounds what hostile peers can make us write.
const logsPerSecond = 10

// limitedLog writes at most logsPerSecond lines about peers, and says how many were left out. Our own faults are
// always written.
type limitedLog struct {
	*slog.Logger
	mu      sync.Mutex
	second  int64
	written int
	left    int
}

// peer logs that a peer misbehaves.
func (l *limitedLog) peer(text string, flow Flow, args ...any) {
	l.mu.Lock()
	now := time.Now().Unix()
	if now != l.second {
		l.second, l.written = now, 0
	}
	if l.written >= logsPerSecond {
		l.left++
		l.mu.Unlock()
		return
	}
	l.written++
	left := l.left
	l.left = 0
	l.mu.Unlock()
	if left > 0 {
		args = append(args, "left_out", left)
	}
	l.Warn(text, append([]any{"transport", flow.Transport, "peer", flow.Remote}, args...)...)
}

// safely runs a callback of the user and tells whether it came back without a panic.
func (l *Layer) safely(where string, f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			l.log.Error("panic in a callback", "callback", where, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	f()
	return true
}

// clip shortens hostile text for the log.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// counters count what is dropped without a trace anywhere else.
type counters struct {
	malformed, refused, unmatched, overload, lost atomic.Uint64
}

// Stats are counts since New, save Servers and Clients, which are live transactions.
type Stats struct {
	Servers, Clients int
	Malformed        uint64 // messages that could not even be refused
	Refused          uint64 // requests answered by the checks of this package
	Unmatched        uint64 // responses without a transaction
	Overload         uint64 // requests answered 503 because Limits.Transactions were open, or Limits.Settled remembered
	Lost             uint64 // retransmissions and stateless messages that could not be written
}

// Stats returns the counts as they stand.
func (l *Layer) Stats() Stats {
	servers, settledServers := l.servers.counts()
	clients, settledClients := l.clients.counts()
	return Stats{
		Servers: servers + settledServers, Clients: clients + settledClients,
		Malformed: l.counts.malformed.Load(), Refused: l.counts.refused.Load(), Unmatched: l.counts.unmatched.Load(),
		Overload: l.counts.overload.Load(), Lost: l.counts.lost.Load(),
	}
}
