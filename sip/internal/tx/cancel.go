package tx

import (
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// cancelState is what became of the wish to cancel an INVITE.
type cancelState uint8

const (
	notCancelled cancelState = iota
	cancelWanted             // held back until the first provisional response
	cancelSent
)

// Cancel asks for the end of an INVITE (RFC 3261 §9.1), with further headers such as Reason. The CANCEL is held back
// until the first provisional response and not sent if a final one comes first; the transaction still ends with a
// final response, be it a 2xx that crossed, or with ErrTimeout 64*T1 after the CANCEL was sent. Asking again does
// nothing. After a final response it gives ErrAnswered, after another end ErrEnded, for other methods ErrMessage.
func (c *Client) Cancel(headers ...Header) error {
	if !c.invite {
		return fmt.Errorf("%w: only INVITE can be cancelled", ErrMessage)
	}
	var more strings.Builder
	for _, h := range headers {
		if !isToken(h.Name) || strings.ContainsAny(h.Value, "\r\n") {
			return fmt.Errorf("%w: header %q", ErrMessage, h.Name)
		}
		more.WriteString(h.Name + ": " + h.Value + "\r\n")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.answered:
		return ErrAnswered
	case c.state == terminated:
		return ErrEnded
	case c.cancel != notCancelled:
		return nil
	}
	c.cancel, c.asking.more = cancelWanted, more.String()
	if c.state == proceeding {
		c.sendCancel()
	}
	return nil
}

// Abandon is Cancel for an INVITE that nobody waits for any more: while nothing was answered, copies of it could only have
// somebody called for nothing. They stop (Timer A); Timer B goes on, and what still comes is treated as after Cancel.
func (c *Client) Abandon(headers ...Header) error {
	err := c.Cancel(headers...)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == calling {
		c.layer.timers.stop(&c.asking.again)
	}
	return nil
}

// sendCancel sends the CANCEL in a transaction of its own, whose outcome matters to nobody: what counts is the final
// response to the INVITE, for which 64*T1 are left now (§9.1).
func (c *Client) sendCancel() {
	c.cancel = cancelSent
	c.layer.timers.start(&c.end, class64T1)
	wire := follow(sip.CANCEL, c.wire, "", c.asking.more)
	c.asking.more = ""
	cancel := &Client{layer: c.layer, key: clientKey(branchOf(wire), sip.CANCEL), way: c.way, wire: wire}
	if _, err := cancel.begin(2 * c.layer.limits.Transactions); err != nil {
		c.layer.counts.lost.Add(1)
		c.layer.log.Debug("CANCEL not sent", "error", err)
	}
}
