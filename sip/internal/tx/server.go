package tx

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// Server is a server transaction: a request that waits for answers. It is the user's handle; what the layer keeps once
// there is nothing more to do is serverLeft.
type Server struct {
	t    *serverTx
	req  *sip.Request
	flow Flow
	tag  string
	ok   []byte // the 2xx to an INVITE, for Resend2xx; guarded by t.mu
}

// Request is the request, with received and rport in its top Via. It stays valid after the end of the transaction.
func (s *Server) Request() *sip.Request { return s.req }

// Flow is where the request came from and where all answers go.
func (s *Server) Flow() Flow { return s.flow }

// Tag is the To-tag of all answers: the request's own, else one made for this transaction.
func (s *Server) Tag() string { return s.tag }

// NewAnswer begins an answer with what RFC 3261 §8.2.6.2 copies from the request. The To-tag is Tag, save in a 100. An
// empty reason stands for the usual one.
func (s *Server) NewAnswer(status int, reason string) *Answer {
	return newAnswer(s.req, status, reason, s.tag)
}

// Respond sends an answer, which is not the caller's any more: any number of provisional ones, then one final. A second
// final answer gives ErrAnswered, an answer too late ErrEnded; nothing is sent then. After ErrTransport the transaction
// has moved on all the same, and retransmissions may still succeed.
//
// A 2xx to INVITE is sent once, and retransmissions of the INVITE are absorbed silently for 64*T1 (RFC 6026 §7.1): its
// retransmission is the user's, with Resend2xx. Other final answers are retransmitted by the layer (Timer G) until the
// ACK or Timer H, and repeated for every retransmission of the request.
func (s *Server) Respond(a *Answer) error { return s.send(a, false) }

// RespondOnce is Respond for a final answer to a request other than INVITE that a copy of the request would get again: a
// challenge. Nothing is kept of the transaction; a copy is a new request.
func (s *Server) RespondOnce(a *Answer) error { return s.send(a, true) }

func (s *Server) send(a *Answer, once bool) error {
	defer a.free()
	if a.status < 100 || a.status > 699 {
		return fmt.Errorf("%w: status %d", ErrMessage, a.status)
	}
	b, err := a.wire()
	if err != nil {
		return err
	}
	return s.t.respond(s, a, b, once)
}

// Resend2xx sends the 2xx to an INVITE again, to the byte. Before a 2xx it gives ErrMessage. It works as long as the
// Server is kept, also after the end of the transaction.
func (s *Server) Resend2xx() error {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	if s.ok == nil {
		return fmt.Errorf("%w: no 2xx was sent", ErrMessage)
	}
	return s.t.send(s.ok)
}

// respond is the user's side of RFC 3261 figures 7 and 8. b is the answer as it is sent.
func (t *serverTx) respond(s *Server, a *Answer, b []byte, once bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.answered:
		return ErrAnswered
	case t.state == terminated:
		return ErrEnded
	case a.status < 200:
		t.state, t.last = proceeding, b
		return t.send(b)
	}
	t.answered = true
	t.handle, t.cancel, t.last = nil, nil, nil
	switch {
	case t.invite && a.status < 300:
		s.ok = b
		t.settle(accepted, class64T1, serverLeft{rest: t.tag}) // Timer L (RFC 6026 §8.7): on every transport
	case t.invite:
		t.state, t.last = completed, b
		if !t.way.reliable {
			t.again = &timer{owner: t}
			t.layer.timers.start(t.again, classT1) // Timer G
		}
		t.layer.timers.start(&t.end, class64T1) // Timer H
	case once || t.way.reliable:
		t.terminate() // Timer J is 0 on reliable transports
	default:
		t.settle(completed, class64T1, t.layer.repeatable(a, t.way.remote)) // Timer J
	}
	return t.send(b)
}

// serverTx is an open server transaction.
type serverTx struct {
	layer     *Layer
	key       key
	way       way
	replyPort uint16 // for a response whose connection is gone
	invite    bool

	state    state // mu guards it and all that follows
	answered bool  // a final response was sent
	ready    bool  // Handler.Request has returned
	cancels  bool  // a CANCEL came
	mu       sync.Mutex
	tag      string       // To-tag
	cancel   *sip.Request // the CANCEL, while it waits for ready
	handle   *Server      // until the final response
	last     []byte       // the response that is repeated
	again    *timer       // Timer G, once it was started
	end      timer        // Timer H; for a non-INVITE without answer 64*T1
}

func newServerTx(l *Layer, key key, req *sip.Request, from path) *serverTx {
	t := &serverTx{
		layer: l, key: key, way: from.way(), replyPort: uint16(viaPort(req.Via())),
		invite: req.Method == sip.INVITE, state: trying,
	}
	t.end.owner = t
	if tag, ok := param(req.To().Params, "tag"); ok && t.invite {
		t.tag = strings.Clone(tag) // it is kept longer than the request
	} else if t.invite {
		t.tag = NewTag()
	} else {
		t.tag = repeatableTag(req)
	}
	t.handle = &Server{t: t, req: req, flow: from.flow, tag: t.tag}
	if t.invite {
		t.state = proceeding
	}
	return t
}

// begin starts the life of t, which is in the table now.
func (t *serverTx) begin() *Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.invite && t.state == trying {
		// RFC 4320 §4.2: after 64*T1 the client has given up, and an answer would only do harm.
		t.layer.timers.start(&t.end, class64T1)
	}
	return t.handle
}

// open tells whether something is still due: an answer, or the ACK to one that is repeated until it comes.
func (t *serverTx) open() bool { return t.state <= proceeding || t.state == completed && t.invite }

// settle enters a state in which there is nothing more to do but to absorb copies, for as long as c lasts.
func (t *serverTx) settle(s state, c class, left serverLeft) {
	t.close(s)
	left.state = s
	t.layer.servers.settle(t.key, c, left)
}

func (t *serverTx) terminate() {
	t.close(terminated)
	t.layer.servers.remove(t.key)
}

func (t *serverTx) close(s state) {
	t.state, t.last = s, nil
	t.handle, t.cancel = nil, nil
	t.stopAgain()
	t.layer.timers.stop(&t.end)
}

func (t *serverTx) stopAgain() {
	if t.again != nil {
		t.layer.timers.stop(t.again)
		t.again = nil
	}
}

// toTag is the To-tag of the answers.
func (t *serverTx) toTag() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tag
}

// repeated is a retransmission of the request.
func (t *serverTx) repeated() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != nil { // RFC 3261 §17.2.1, §17.2.2
		t.resend()
	}
}

// ack is an ACK with the branch of t. It returns false if the ACK is the user's.
func (t *serverTx) ack() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.state {
	case completed:
		if t.way.reliable {
			t.terminate()
		} else {
			t.settle(confirmed, classT4, serverLeft{rest: t.tag}) // Timer I
		}
		return true
	case confirmed:
		return true
	}
	return false // accepted: a peer that gives the ACK to a 2xx the branch of the INVITE
}

// cancelled is a CANCEL that has been answered.
func (t *serverTx) cancelled(req *sip.Request) {
	t.mu.Lock()
	if t.state != proceeding || t.cancels {
		t.mu.Unlock()
		return
	}
	t.cancels = true
	if !t.ready {
		t.cancel = req
		t.mu.Unlock()
		return
	}
	handle := t.handle
	t.mu.Unlock()
	t.layer.safely("Cancelled", func() { t.layer.cfg.Handler.Cancelled(handle, req) })
}

// handed notes that Handler.Request has returned. A CANCEL that overtook it on another connection comes now.
func (t *serverTx) handed() {
	t.mu.Lock()
	t.ready = true
	handle, req := t.handle, t.cancel
	t.cancel = nil
	t.mu.Unlock()
	if req != nil {
		t.layer.safely("Cancelled", func() { t.layer.cfg.Handler.Cancelled(handle, req) })
	}
}

// expire implements the timers.
func (t *serverTx) expire(tm *timer, gen uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tm.gen != gen {
		return
	}
	if tm == &t.end {
		if !t.answered {
			t.layer.log.Warn("request never answered", "peer", t.way.remote)
		}
		t.terminate()
		return
	}
	t.resend()
	t.layer.timers.start(tm, min(tm.class+1, classT2))
}

// send sends b to where the request came from. t.mu is held, so that answers leave in the order of their making.
func (t *serverTx) send(b []byte) error {
	err := t.way.send(b, nil)
	if err == nil || !t.way.reliable {
		return err
	}
	// RFC 3261 §18.2.2: the connection is gone; open one to received and the port of sent-by.
	p, err := t.layer.route(Flow{Transport: "TCP", Remote: netip.AddrPortFrom(t.way.remote.Addr(), t.replyPort)})
	if err != nil {
		return err
	}
	return p.send(b, nil)
}

func (t *serverTx) resend() {
	if err := t.send(t.last); err != nil {
		t.layer.counts.lost.Add(1)
		t.layer.log.Debug("response not repeated", "error", err)
	}
}
