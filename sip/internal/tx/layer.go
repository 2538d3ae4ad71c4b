package tx

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"
)

// The errors of this package. They come wrapped: use errors.Is.
var (
	ErrTimeout   = errors.New("tx: no answer in time")                     // Timers B and F, and no final answer after CANCEL
	ErrTransport = errors.New("tx: the message could not be sent")         // no socket, no connection, or a write failed
	ErrAnswered  = errors.New("tx: a final response was sent or received") // too late for this
	ErrEnded     = errors.New("tx: the transaction has ended")             // nobody waits for an answer any more
	ErrOverload  = errors.New("tx: too many live transactions")            // Limits.Transactions
	ErrClosed    = errors.New("tx: the layer is closed")
	ErrMessage   = errors.New("tx: the message cannot be sent as it is") // wrong method or status, line breaks in a header
)

// Flow is the pair of addresses that a message came from or goes to. It is comparable. Local may be left zero in a
// flow to send on: the layer then picks a socket of the right family.
type Flow struct {
	Transport     string // "UDP" or "TCP"
	Local, Remote netip.AddrPort
}

// Reliable tells whether the transport delivers or fails, so that the layer does not retransmit on it.
func (f Flow) Reliable() bool { return f.Transport != "UDP" }

// Handler is the user of the layer. See the package comment for the goroutines that call it.
type Handler interface {
	// Request is a new request other than ACK and CANCEL. Its retransmissions never come here.
	Request(tx *Server)
	// Cancelled tells that an INVITE without a final response was cancelled. The CANCEL has been answered; the user
	// still has to answer the INVITE, with 487. It comes once per INVITE and always after its Request returned.
	Cancelled(invite *Server, cancel *sip.Request)
	// Ack is an ACK to a 2xx, or to nothing that the layer knows. ACKs to non-2xx answers end in the layer.
	Ack(req *sip.Request, flow Flow)
	// Response is a response that belongs to no client transaction: a 2xx to an INVITE that comes late, or from a fork
	// after its transaction ended, has to be acknowledged and hung up; everything else can be ignored.
	Response(res *sip.Response, flow Flow)
}

// TraceRecord is one message as it is on the wire, or a keep-alive. Data is only valid during the call.
type TraceRecord struct {
	Time time.Time
	Out  bool
	Flow Flow
	Data []byte
}

// Config configures a Layer. Only Handler is required.
type Config struct {
	Handler Handler
	Log     *slog.Logger // nil: no log
	// Trace sees every message sent and received. It must not block and must not call the layer.
	Trace func(TraceRecord)
	// SentBy returns the host (no brackets) and port that our Via shows on a flow. Nil, or an empty host: the address
	// that the flow is sent from, on streams that of the listener.
	SentBy func(Flow) (host string, port int)
	// Server is the value of the Server header of answers that the layer makes itself. Empty: none.
	Server string
	Limits Limits
}

// Layer is the transaction layer. New makes it, Serve* feed it, Close ends it.
type Layer struct{}

// New makes a Layer without sockets.
func New(cfg Config) *Layer { return &Layer{} }

// ServeUDP reads pc until Close or a lasting error of pc. It returns nil after Close.
func (l *Layer) ServeUDP(pc net.PacketConn) error { return ErrClosed }

// ServeTCP accepts from ln until Close or a lasting error of ln. It returns nil after Close.
func (l *Layer) ServeTCP(ln net.Listener) error { return ErrClosed }

// Close closes all sockets and listeners that were served, ends all transactions without telling anybody, and waits for
// every goroutine of the layer. It must not be called from a callback.
func (l *Layer) Close() error { return nil }

// Live returns the number of server and client transactions.
func (l *Layer) Live() (server, client int) { return 0, 0 }

// Request sends req on flow in a new client transaction. See Client.
func (l *Layer) Request(req *sip.Request, flow Flow, on func(ClientEvent)) (*Client, error) { return nil, ErrClosed }

// Send sends one message outside all transactions: an ACK to a 2xx, a repeated 2xx, an answer to nothing. A request
// without Via gets one with a new branch, which stays in msg, so that sending msg again repeats it to the byte.
func (l *Layer) Send(msg sip.Message, flow Flow) error { return ErrClosed }

// NewResponse builds an answer to req: Via, From, To, Call-ID and CSeq as RFC 3261 §8.2.6.2 asks for, Record-Route in
// 101 to 299 (§12.1.1), Timestamp in 100. tag becomes the To-tag when req has none, save in 100. An empty reason stands for the usual one.
func NewResponse(req *sip.Request, status int, reason, tag string) *sip.Response { return nil }

// NewTag makes a tag of 100 random bits (RFC 3261 §19.3).
func NewTag() string { return "" }

// NewBranch makes a branch of 100 random bits after the magic cookie.
func NewBranch() string { return "" }
