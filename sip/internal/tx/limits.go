package tx

import "time"

// Limits bound what a peer can cost. Zero values stand for the defaults.
type Limits struct {
	MessageBytes int // of one message; default 65535
	Headers      int // header values in one message; default 256
	Vias         int // Via values in one message; default 70 (RFC 3261 §8.1.1.6: the usual Max-Forwards)
	// Transactions is the number of open server transactions, and as many client transactions; default 50,000. Requests
	// inside a dialog may use a quarter more, so that calls can end when no more can begin.
	Transactions int
	// Settled is the number of server transactions, and as many client transactions, that were answered and only absorb
	// copies, for up to 32 s: it bounds the rate for long, not what goes on at a time. Default 500,000: 15,000 per second,
	// in some 50 MB.
	Settled int

	Connections           int           // stream connections; default 4096
	ConnectionsPerAddress int           // of these, from one IP address; default 256
	Queue                 int           // messages that wait for one slow stream peer before it is dropped; default 256
	DialTimeout           time.Duration // default 5 s
	WriteTimeout          time.Duration // of one write to a stream; default 10 s
	MessageTimeout        time.Duration // for a message to be complete, and for the first one to come; default 30 s
	IdleTimeout           time.Duration // of a stream connection; default 1 h
}

// Defaults fills what is zero.
func (l Limits) Defaults() Limits {
	set(&l.MessageBytes, 65535)
	set(&l.Headers, 256)
	set(&l.Vias, 70)
	set(&l.Transactions, 50_000)
	set(&l.Settled, 500_000)
	set(&l.Connections, 4096)
	set(&l.ConnectionsPerAddress, 256)
	set(&l.Queue, 256)
	set(&l.DialTimeout, 5*time.Second)
	set(&l.WriteTimeout, 10*time.Second)
	set(&l.MessageTimeout, 30*time.Second)
	set(&l.IdleTimeout, time.Hour)
	return l
}

func set[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
