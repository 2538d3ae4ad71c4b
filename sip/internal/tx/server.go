package tx

import "github.com/emiago/sipgo/sip"

// Server is a server transaction: a request that waits for answers.
type Server struct{}

// Request is the request, with received and rport in its top Via. It stays valid after the end of the transaction.
func (s *Server) Request() *sip.Request { return nil }

// Flow is where the request came from and where all answers go.
func (s *Server) Flow() Flow { return Flow{} }

// Tag is the To-tag of all answers: the request's own, else one made for this transaction.
func (s *Server) Tag() string { return "" }

// NewResponse builds an answer with the transaction's To-tag; see the function NewResponse.
func (s *Server) NewResponse(status int, reason string) *sip.Response { return nil }

// Respond sends an answer: any number of provisional ones, then one final. The To-tag is set to Tag, save in a 100. A
// second final answer gives ErrAnswered, an answer too late ErrEnded; nothing is sent then. After ErrTransport the
// transaction has moved on all the same, and retransmissions may still succeed. res may be reused afterwards.
//
// A 2xx to INVITE is sent once, and retransmissions of the INVITE are absorbed silently for 64*T1 (RFC 6026 §7.1): its
// retransmission is the user's, with Resend2xx. Other final answers are retransmitted by the layer (Timer G) until the
// ACK or Timer H, and repeated for every retransmission of the request.
func (s *Server) Respond(res *sip.Response) error { return ErrEnded }

// Resend2xx sends the 2xx to an INVITE again, to the byte. Before a 2xx it gives ErrMessage.
func (s *Server) Resend2xx() error { return ErrEnded }
