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
// Layer.Request serialises req with a Via of its own, with a new branch and rport, and keeps no hold of it. When it
// returns an error, on is never called. Else on may be called before Request returns, in order and never twice at a time:
// every provisional response as it comes, then one final response or error. For 64*T1 after the first 2xx to an INVITE
// there may be more of them, whether retransmitted or from a fork (RFC 6026 §7.2), each of which wants an ACK from the
// user: to a re-INVITE they come to on as well, to an INVITE that opens a dialog to Handler.Response, since the dialogs
// that it opened are the user's to find. The layer acknowledges other final responses itself.
type Client struct {
	layer  *Layer
	key    key
	way    way
	invite bool
	inside bool // a dialog

	state    state // mu guards it and all that follows
	answered bool  // a final response came
	settled  bool  // and the user was told: the table has only what is left
	cancel   cancelState
	calling  bool // somebody calls on
	mu       sync.Mutex
	asking   *asking // until the final response
	wire     []byte  // the request; after a final response other than 2xx the ACK, repeated for every copy of it
	end      timer   // Timers B, F; after a CANCEL 64*T1

	on      func(ClientEvent) // nil for a CANCEL, and when there is nothing more to tell
	waiting []ClientEvent     // for who calls on
}

// clientLeft is what is left of a settled client transaction.
type clientLeft struct {
	c     *Client // if copies are more than absorbed: an ACK is sent again, or they are told to on
	state state   // accepted or completed
}

// asking is what only a transaction without a final response needs.
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
	c := &Client{layer: l, key: clientKey(branch, req.Method), way: p.way(), wire: wire, on: on,
		invite: req.Method == sip.INVITE, inside: req.inside}
	return c.begin(limit)
}

// begin puts the transaction into the table, unless limit are open already, and sends its request.
func (c *Client) begin(limit int) (*Client, error) {
	l := c.layer
	c.state, c.asking = trying, &asking{}
	if c.invite {
		c.state = calling
	}
	c.asking.again.owner, c.end.owner = c, c
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, _, ok := l.clients.add(c.key, c, limit, l.limits.Settled); !ok {
		return nil, ErrOverload
	}
	if err := c.way.send(c.wire, c); err != nil {
		c.terminate()
		return nil, err
	}
	if !c.way.reliable {
		l.timers.start(&c.asking.again, classT1) // Timer A or E
	}
	l.timers.start(&c.end, class64T1) // Timer B or F
	return c, nil
}

// toClient hands a response to its client transaction. It returns false when there is none, or when the response has to
// be treated as one without.
func (l *Layer) toClient(k key, res *sip.Response, flow Flow) bool {
	c, left, isOpen, isSettled := l.clients.find(k)
	switch {
	case isOpen:
		return c.received(res, flow)
	case !isSettled:
		return false
	case left.c != nil:
		return left.c.received(res, flow)
	}
	return left.state != accepted || !res.IsSuccess()
}

// received is a response with our branch (RFC 3261 figures 5 and 6, RFC 6026 figure 5). It returns false when the
// response has to be treated as one without a transaction.
func (c *Client) received(res *sip.Response, flow Flow) bool {
	c.mu.Lock()
	switch final := res.StatusCode >= 200; {
	case c.open() && !final:
		c.provisional()
	case c.open():
		c.final(res)
	case c.state == accepted && res.IsSuccess() && c.on != nil:
	case c.invite && res.IsSuccess():
		// A fork that answers although another one's answer got here first. Its dialog is the user's to acknowledge and, after
		// a refusal, to end.
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

// final enters the state of a final response.
func (c *Client) final(res *sip.Response) {
	invite := c.wire
	c.answered = true
	switch {
	case c.invite && res.IsSuccess():
		c.close(accepted)
	case c.invite:
		c.close(completed)
		c.wire = follow(sip.ACK, invite, res.To().Value(), "")
		c.acknowledge()
	default:
		c.close(completed)
	}
	if c.way.reliable && c.state == completed { // Timers D and K are 0
		c.terminate()
	}
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

// open tells whether something is still due: a final response.
func (c *Client) open() bool { return c.state <= proceeding }

// close enters a state in which nothing is asked for any more.
func (c *Client) close(s state) {
	c.state, c.wire = s, nil
	if c.asking != nil {
		c.layer.timers.stop(&c.asking.again)
		c.asking = nil
	}
	c.layer.timers.stop(&c.end)
}

func (c *Client) terminate() {
	c.close(terminated)
	c.layer.clients.remove(c.key)
}

// settle leaves of a transaction with a final response what copies of that need, once the user has been told of it.
func (c *Client) settle() {
	if c.state != accepted || !c.inside {
		c.on = nil // nothing comes any more
	}
	if c.settled || c.state == terminated {
		return
	}
	c.settled = true
	switch {
	case !c.invite:
		c.layer.clients.settle(c.key, classT4, clientLeft{state: completed}) // Timer K
	case c.state == accepted && !c.inside:
		c.layer.clients.settle(c.key, class64T1, clientLeft{state: accepted}) // Timer M (RFC 6026 §7.2)
	default:
		c.layer.clients.settle(c.key, class64T1, clientLeft{c, c.state}) // Timers D, M
	}
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
		c.terminate()
		c.post(ClientEvent{Err: ErrTimeout})
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
	if !c.open() || c.layer.ctx.Err() != nil { // Close tells nobody
		c.mu.Unlock()
		return
	}
	c.terminate()
	c.post(ClientEvent{Err: fmt.Errorf("%w: %w", ErrTransport, err)})
}

// post calls on with ev, after the events before it and never twice at a time. c.mu is held, and released on return.
func (c *Client) post(ev ClientEvent) {
	defer c.mu.Unlock()
	if c.calling {
		c.waiting = append(c.waiting, ev)
		return
	}
	if c.on != nil {
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
	}
	if !c.open() {
		c.settle()
	}
}
