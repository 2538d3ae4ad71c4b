package tx

import (
	"fmt"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// ClientEvent is a response to a client transaction, or its end by an error. Exactly one of Res and Err is set.
type ClientEvent struct {
	Res  *sip.Response
	Flow Flow  // that the response came on
	Err  error // ErrTimeout or ErrTransport; nothing comes after it
}

// Client is a client transaction: a request of ours that waits for responses.
//
// Layer.Request serialises req with a Via of its own, with a new branch and rport, and keeps no hold of it. When it returns an error, on is never called. Else on may be called before Request returns, in order
// and never twice at a time: every provisional response as it comes, then one final response or error. Only an INVITE
// may get more: for 64*T1 after the first 2xx every further 2xx, whether retransmitted or from a fork (RFC 6026 §7.2),
// each of which wants an ACK from the user. The layer acknowledges other final responses itself.
type Client struct {
	layer  *Layer
	key    key
	way    way
	invite bool

	state    state // mu guards it and all that follows
	answered bool  // a final response came
	cancel   cancelState
	calling  bool // somebody calls on
	mu       sync.Mutex
	asking   *asking // until the final response
	wire     []byte  // the request; after a final response other than 2xx the ACK, repeated for every copy of it
	end      timer   // Timers B, D, F, K, M; after a CANCEL 64*T1

	on      func(ClientEvent) // nil for a CANCEL, and when there is nothing more to tell
	waiting []ClientEvent     // for who calls on
}

// asking is what only a transaction without a final response needs; the others wait up to 32 s for copies.
type asking struct {
	more  string // further headers of the CANCEL
	again timer  // Timers A, E
}

// Request sends req on flow in a new client transaction; see Client. ACK goes by Send, CANCEL by Client.Cancel or Client.Abandon.
func (l *Layer) Request(req *Request, flow Flow, on func(ClientEvent)) (*Client, error) {
	if req.Method == sip.ACK || req.Method == sip.CANCEL {
		return nil, fmt.Errorf("%w: %s has no transaction of its own", ErrMessage, req.Method)
	}
	p, err := l.route(flow)
	if err != nil {
		return nil, err
	}
	branch := NewBranch()
	wire, err := req.wire(l, p.flow, branch)
	if err != nil {
		return nil, err
	}
	limit := l.limits.Transactions
	if req.inside {
		limit += limit / 4
	}
	return l.newClient(req.Method, branch, wire, p.way(), limit, on)
}

// newClient makes the transaction and sends its request.
func (l *Layer) newClient(method sip.RequestMethod, branch string, wire []byte, w way, limit int, on func(ClientEvent)) (*Client, error) {
	c := &Client{
		layer: l, key: clientKey(branch, method), way: w, invite: method == sip.INVITE, on: on,
		state: trying, wire: wire, asking: &asking{},
	}
	if c.invite {
		c.state = calling
	}
	c.asking.again.owner, c.end.owner = c, c
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, _, ok := l.clients.add(c.key, c, limit, l.limits.Settled); !ok {
		return nil, ErrOverload
	}
	if err := w.send(wire, c); err != nil {
		c.terminate()
		return nil, err
	}
	if !w.reliable {
		l.timers.start(&c.asking.again, classT1) // Timer A or E
	}
	l.timers.start(&c.end, class64T1) // Timer B or F
	return c, nil
}

// received is a response with our branch (RFC 3261 figures 5 and 6, RFC 6026 figure 5). It returns false when the
// response has to be treated as one without a transaction.
func (c *Client) received(res *sip.Response, flow Flow) bool {
	c.mu.Lock()
	switch final := res.StatusCode >= 200; {
	case c.state <= proceeding && !final:
		c.provisional()
	case c.state <= proceeding && c.invite && res.IsSuccess():
		c.finish(accepted)
		c.layer.timers.start(&c.end, class64T1) // Timer M (RFC 6026 §7.2)
	case c.state <= proceeding && c.invite:
		ack := follow(sip.ACK, c.wire, res.To().Value(), "")
		c.finish(completed)
		c.wire = ack
		c.acknowledge()
		c.endAfter(class64T1) // Timer D
	case c.state <= proceeding:
		c.finish(completed)
		c.endAfter(classT4) // Timer K
	case c.state == accepted && res.IsSuccess():
	case c.state == completed && c.invite && res.IsSuccess():
		// A fork that answers although another one's refusal got here first. Its dialog has to be ended.
		c.mu.Unlock()
		return false
	default:
		if c.state == completed && c.invite && final {
			c.acknowledge()
		}
		c.mu.Unlock()
		return true
	}
	c.post(ClientEvent{Res: res, Flow: flow})
	return true
}

// provisional enters the state proceeding, or stays there.
func (c *Client) provisional() {
	first := c.state != proceeding
	c.state = proceeding
	switch {
	case c.invite && first:
		c.layer.timers.stop(&c.asking.again)
		c.layer.timers.stop(&c.end)
		if c.cancel == cancelWanted {
			c.sendCancel() // RFC 3261 §9.1
		}
	case !c.invite && first && !c.way.reliable:
		c.layer.timers.start(&c.asking.again, classT2) // §17.1.2.2: Timer E fires every T2 now
	}
}

func (c *Client) finish(s state) {
	c.state, c.answered = s, true
	c.layer.clients.settle()
	c.layer.timers.stop(&c.asking.again)
	c.wire, c.asking = nil, nil
}

func (c *Client) endAfter(k class) {
	if c.way.reliable {
		c.terminate()
		return
	}
	c.layer.timers.start(&c.end, k)
}

func (c *Client) terminate() {
	open := c.state <= proceeding
	c.state = terminated
	if c.asking != nil {
		c.layer.timers.stop(&c.asking.again)
	}
	c.wire, c.asking = nil, nil
	c.layer.timers.stop(&c.end)
	c.layer.clients.remove(c.key, open)
}

// acknowledge sends the ACK to a non-2xx.
func (c *Client) acknowledge() { c.resend(c.wire) }

// resend sends a message whose loss the other side's timers make good.
func (c *Client) resend(b []byte) {
	if err := c.way.send(b, nil); err != nil {
		c.layer.counts.lost.Add(1)
		c.layer.log.Debug("message not sent", "error", err)
	}
}

// expire implements the timers.
func (c *Client) expire(t *timer, gen uint32) {
	c.mu.Lock()
	if t.gen != gen {
		c.mu.Unlock()
		return
	}
	if t == &c.end {
		open := c.state <= proceeding
		c.terminate()
		if open {
			c.post(ClientEvent{Err: ErrTimeout})
			return
		}
		c.mu.Unlock()
		return
	}
	longest := classT2 // Timer E
	if c.invite {
		longest = maxInterval // Timer A doubles until Timer B
	}
	c.resend(c.wire)
	c.layer.timers.start(t, min(t.class+1, longest))
	c.mu.Unlock()
}

// lost implements loser: the request could not be written to its connection.
func (c *Client) lost(err error) {
	c.mu.Lock()
	if c.state > proceeding || c.layer.ctx.Err() != nil { // Close tells nobody
		c.mu.Unlock()
		return
	}
	c.terminate()
	c.post(ClientEvent{Err: fmt.Errorf("%w: %w", ErrTransport, err)})
}

// post calls on with ev, after the events before it and never twice at a time. c.mu is held, and released on return.
func (c *Client) post(ev ClientEvent) {
	if c.on == nil {
		c.mu.Unlock()
		return
	}
	if c.calling {
		c.waiting = append(c.waiting, ev)
		c.mu.Unlock()
		return
	}
	c.calling = true
	for {
		c.mu.Unlock()
		c.layer.safely("on", func() { c.on(ev) })
		c.mu.Lock()
		if len(c.waiting) == 0 {
			break
		}
		ev, c.waiting = c.waiting[0], c.waiting[1:]
	}
	c.calling, c.waiting = false, nil
	if c.answered && c.state != accepted {
		c.on = nil // nothing comes any more; what it holds is not kept until the end
	}
	c.mu.Unlock()
}
