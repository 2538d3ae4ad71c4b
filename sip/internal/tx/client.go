package tx

import "github.com/emiago/sipgo/sip"

// ClientEvent is a response to a client transaction, or its end by an error. Exactly one of Res and Err is set.
type ClientEvent struct {
	Res  *sip.Response
	Flow Flow  // that the response came on
	Err  error // ErrTimeout or ErrTransport; nothing comes after it
}

// Client is a client transaction: a request of ours that waits for responses.
//
// Layer.Request puts a Via with a new branch and rport in the place of every Via that req has, serialises it and keeps
// no hold of it. When it returns an error, on is never called. Else on may be called before Request returns, in order
// and never twice at a time: every provisional response as it comes, then one final response or error. Only an INVITE
// may get more: for 64*T1 after the first 2xx every further 2xx, whether retransmitted or from a fork (RFC 6026 §7.2),
// each of which wants an ACK from the user. The layer acknowledges other final responses itself.
type Client struct{}

// Cancel asks for the end of an INVITE (RFC 3261 §9.1), with further headers such as Reason. The CANCEL is held back until the
// first provisional response and not sent if a final one comes first; the transaction still ends with a
// final response, be it a 2xx that crossed, or with ErrTimeout 64*T1 after the CANCEL was sent. Asking again does nothing.
// After a final response it gives ErrAnswered, after a time-out ErrEnded, for other methods ErrMessage.
func (c *Client) Cancel(headers ...sip.Header) error { return ErrEnded }
