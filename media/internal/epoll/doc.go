// Package epoll reads many UDP sockets with few goroutines, where the system has epoll.
//
// The runtime's own poller wakes one goroutine per packet, and a reader asks the kernel twice for each: once for the
// packet, once to learn that there is no other. Here the sockets are unknown to the runtime. They belong to shards; a
// shard's goroutine takes one packet from each socket that has one, asks again until none has, and then may let packets
// gather for a while (the drain interval), so that one wake-up serves many.
//
//	socket ---+
//	socket ---+--> ready (epoll) ---+
//	socket ---+                     +--> bell (epoll) --> runtime poller --> the shard's goroutine
//	            timer (timerfd) ----+
//
// The bell is what lets the goroutine park as any other does, without a thread and a P stuck in a system call. While
// the shard waits for the drain interval to pass, its line from the sockets is cut: a packet that arrives rings nobody.
//
// With batches (io_uring) one system call takes a packet from each of many ready sockets, and sends those that were
// written since the last: what a call costs by itself is a third of what a packet costs, and more where the machine is
// virtual. Who else writes meanwhile, the clock, finds its packet sent with them, in order.
//
//	ready: 100 sockets --> 64 receives --> legs --> 64 sends, 36 receives --> legs --> 36 sends
//	                      \_________/             \____________________/             \______/
//
// A socket may leave its poller for another, or for a reader of another kind, while it is used (Leave, Adopt): its second
// descriptor reads on where the first has stopped.
//
// System calls are made raw: none of them blocks, so the scheduler need not be told.
package epoll

import (
	"errors"
	"net/netip"
	"time"
)

// ErrUnsupported is what New fails with on other systems.
var ErrUnsupported = errors.New("epoll: not on this system")

// Config is how a Poller works.
type Config struct {
	Shards int // goroutines; at least 1
	// Drain is how long packets gather when a shard has so many open sockets; 0 is not at all. It is asked often.
	Drain func(sockets int) time.Duration
	// Batch has one system call take and send many packets (io_uring).
	Batch bool
	// Longest is the longest datagram in bytes; a longer one is dropped.
	Longest int
}

// Receive takes the datagrams of one socket, one after the other. b is its own until it returns.
type Receive func(b []byte, from netip.AddrPort)
