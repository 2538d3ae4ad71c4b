package phone

import (
	"context"
	"fmt"
	"time"
)

// state of a call, as the phone sees it.
type state int

const (
	calling state = iota // INVITE sent or received
	ringing              // a 180..199 was sent or received
	answered
	ended
)

// End says how a call ended.
type End struct {
	Remote  bool     // the other side ended it
	Status  int      // final response to the INVITE when it was not answered; 0 after BYE or a time-out
	Reason  string   // its phrase, or the Reason header of BYE or CANCEL
	Message *Message // the BYE, CANCEL or final response; nil after a time-out
}

// Call is one dialog started by an INVITE, in either direction, with its media.
type Call struct {
	ID       string // Call-ID
	Incoming bool
	Media    *Media
	Invite   *Message // the first INVITE, sent or received

	p         *Phone
	opts      choice
	hop       peer // where requests in the dialog go
	localTag  string
	remoteTag string
	local     string // From or To header value of this side, with its tag
	remote    string
	localSeq  uint32
	remoteSeq uint32
	target    string // remote target, RFC 3261 §12.1
	routes    []string

	server     *serverTx // of an incoming INVITE
	client     *clientTx // of an outgoing one
	state      state
	end        End
	responses  []*Message // to our INVITEs
	received   []*Message // requests inside the dialog
	notifies   []*Message
	notify     int // status that NOTIFYs are answered with; 0: not at all
	shown      Identity
	cancelled  bool
	reinviting bool
	pracked    string // tag and RSeq of the last reliable provisional

	manualAck bool
	unacked   *Message             // 2xx that waits for Ack
	acks      map[uint32][]byte    // ACKs of 2xx by CSeq, for repeated 2xx
	extras    map[string]*Message  // ACKs of other forks' 2xx, by their tag
	repeats   map[uint32]*repeat2x // own 2xx that wait for their ACK
	lastAck   *Message

	session, version uint64
	lastSDP          string
	direction        string // what this side wants
	zero             bool   // hold by c=0.0.0.0
	offering         string // direction of our offer that is open, or of the last one
	remoteSDP        *SDP
	codecs           []Codec // ours, with the payload numbers in force
	eventPT          int
}

// newCall makes a call and its first RTP socket. p.mu is not held.
func (p *Phone) newCall() (*Call, error) {
	m, err := newMedia(p.cfg.Net, p.cfg.MediaIP, p.cfg.Deaf, p.cfg.Seed)
	if err != nil {
		return nil, err
	}
	return &Call{
		p: p, Media: m, direction: SendRecv, offering: SendRecv, acks: map[uint32][]byte{}, extras: map[string]*Message{},
		repeats: map[uint32]*repeat2x{}, codecs: p.codecs, eventPT: p.cfg.EventPT, notify: 200,
	}, nil
}

// adopt makes the call known by its local tag. p.mu is held.
func (p *Phone) adoptCall(c *Call) {
	p.calls[c.ID+" "+c.localTag] = c
	c.session = uint64(p.rng.Uint32())
	c.Media.seed(p.rng.Uint64())
}

// finish ends the call once. p.mu is held.
func (c *Call) finish(e End) {
	if c.state == ended {
		return
	}
	c.state, c.end = ended, e
	for _, r := range c.repeats {
		c.p.forget(r.timer)
	}
	c.repeats = map[uint32]*repeat2x{}
	delete(c.p.calls, c.ID+" "+c.localTag)
	c.remember()
	// Closing a socket may wait for its reader, which never takes p.mu; still, do it without the lock.
	c.p.spawn(c.Media.close)
	c.p.changed.raise()
}

// keep appends to a list that hostile peers must not grow without bound.
func keep(list []*Message, m *Message) []*Message {
	if len(list) >= 500 {
		return list
	}
	return append(list, m)
}

// waitState waits for a condition, and fails when the call ends before it is met.
func (c *Call) waitState(ctx context.Context, what string, met func() bool) error {
	gone := false
	err := c.p.await(ctx, what, func() bool {
		if met() {
			return true
		}
		gone = c.state == ended
		return gone
	})
	if err == nil && gone {
		return c.endError(what)
	}
	return err
}

func (c *Call) endError(what string) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.end.Status >= 300 && c.end.Message != nil && c.end.Message.Status > 0 {
		return &StatusError{c.end.Message}
	}
	return fmt.Errorf("phone %s: the call ended before %s: %d %s", c.p.cfg.Number, what, c.end.Status, c.end.Reason)
}

// WaitRinging waits for a 180, or for more: a call that is answered at once has rung. A final refusal is a *StatusError.
func (c *Call) WaitRinging(ctx context.Context) error {
	return c.waitState(ctx, "180", func() bool { return c.state == answered || c.responseOf(180) != nil })
}

// WaitProgress waits for a provisional response with a session description, and returns it.
func (c *Call) WaitProgress(ctx context.Context) (*Message, error) {
	var found *Message
	err := c.waitState(ctx, "early media", func() bool {
		for _, m := range c.responses {
			if m.Status < 200 && m.SDP() != nil {
				found = m
			}
		}
		return found != nil
	})
	return found, err
}

// WaitStatus waits for a response of that status to any of the call's INVITEs.
func (c *Call) WaitStatus(ctx context.Context, status int) (*Message, error) {
	var found *Message
	err := c.waitState(ctx, fmt.Sprint("status ", status), func() bool {
		found = c.responseOf(status)
		return found != nil
	})
	return found, err
}

// WaitAnswer waits for the 2xx. A refusal is a *StatusError.
func (c *Call) WaitAnswer(ctx context.Context) error {
	return c.waitState(ctx, "the answer", func() bool { return c.state == answered })
}

// WaitAck waits until the 2xx that this side sent, first or last, is acknowledged, and returns the newest ACK.
func (c *Call) WaitAck(ctx context.Context) (*Message, error) {
	var ack *Message
	err := c.waitState(ctx, "ACK", func() bool { ack = c.lastAck; return ack != nil && len(c.repeats) == 0 })
	return ack, err
}

// WaitEnd waits until either side ended the call.
func (c *Call) WaitEnd(ctx context.Context) (End, error) {
	var e End
	err := c.p.await(ctx, "the end of the call", func() bool { e = c.end; return c.state == ended })
	return e, err
}

// WaitRequest waits until n requests of that method have come inside the dialog, and returns the n-th (from 1).
func (c *Call) WaitRequest(ctx context.Context, method string, n int) (*Message, error) {
	var found *Message
	err := c.p.await(ctx, fmt.Sprintf("%s number %d", method, n), func() bool {
		left := n
		for _, m := range c.received {
			if m.Method == method {
				if left--; left == 0 {
					found = m
				}
			}
		}
		return found != nil
	})
	return found, err
}

// WaitNotify waits for the n-th NOTIFY (from 1) of the call's REFER or other subscription.
func (c *Call) WaitNotify(ctx context.Context, n int) (*Message, error) {
	var found *Message
	err := c.p.await(ctx, fmt.Sprint("NOTIFY number ", n), func() bool {
		if len(c.notifies) >= n {
			found = c.notifies[n-1]
		}
		return found != nil
	})
	return found, err
}

// Responses returns what came back to the call's INVITEs and re-INVITEs, in order.
func (c *Call) Responses() []*Message {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return append([]*Message(nil), c.responses...)
}

// Remote returns the peer's newest session description, nil before the first.
func (c *Call) Remote() *SDP {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.remoteSDP
}

// Active says that the call is answered and not ended.
func (c *Call) Active() bool {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.state == answered
}

// Tags returns what a Replaces header needs beside ID (RFC 3891 §6.1 sees them from the recipient's side).
func (c *Call) Tags() (local, remote string) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.localTag, c.remoteTag
}

func (c *Call) responseOf(status int) *Message {
	for _, m := range c.responses {
		if m.Status == status {
			return m
		}
	}
	return nil
}

// repeat2x is a 2xx that is sent until its ACK comes (RFC 3261 §13.3.1.4).
type repeat2x struct {
	tx       *serverTx
	interval time.Duration
	timer    *time.Timer
}
