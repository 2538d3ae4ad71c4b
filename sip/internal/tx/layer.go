package tx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
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
	// Response is a response that is to no client transaction, or a further 2xx to an INVITE that opens a dialog (see
	// Client): a copy of one that the user knows has to be acknowledged again; one that comes late, or from another fork,
	// acknowledged and hung up; everything else can be ignored.
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
	// that the flow is sent from, on streams that of the listener. Needed for a socket that is bound to no certain
	// address (0.0.0.0, ::).
	SentBy func(Flow) (host string, port int)
	// Server is the value of the Server header of answers that the layer makes itself. Empty: none.
	Server string
	Limits Limits
}

// Layer is the transaction layer. New makes it, Serve* feed it, Close ends it.
type Layer struct {
	cfg     Config
	limits  Limits
	log     limitedLog
	timers  timers
	servers table[*serverTx, serverLeft]
	clients table[*Client, clientLeft]
	counts  counters
	usual   string // what the user's answers end with when nothing is special about them

	mu      sync.Mutex // guards what follows; never held while calling out
	sockets []*socket
	streams streams
	closed  bool

	ctx    context.Context // ends with Close; bounds dialling
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine of the layer
}

// New makes a Layer without sockets.
func New(cfg Config) *Layer {
	l := &Layer{cfg: cfg, limits: cfg.Limits.Defaults()}
	l.log.Logger = cfg.Log
	if cfg.Log == nil {
		l.log.Logger = slog.New(slog.DiscardHandler)
	}
	l.usual = "Content-Length: 0\r\n\r\n"
	if cfg.Server != "" {
		l.usual = "Server: " + cfg.Server + "\r\n" + l.usual
	}
	l.timers.init()
	l.servers.init(&l.timers)
	l.clients.init(&l.timers)
	l.streams.init()
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Close closes all sockets and listeners that were served, ends all transactions without telling anybody, and waits for
// every goroutine of the layer. It must not be called from a callback.
func (l *Layer) Close() error {
	l.mu.Lock()
	l.closed = true
	closers := l.streams.all()
	for _, s := range l.sockets {
		closers = append(closers, s.pc)
	}
	l.mu.Unlock()
	l.cancel()
	var errs []error
	for _, c := range closers {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	l.timers.close()
	l.wg.Wait()
	return errors.Join(errs...)
}

// addSocket registers s and counts its reader in.
func (l *Layer) addSocket(s *socket) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	l.sockets = append(l.sockets, s)
	l.wg.Add(1)
	return nil
}

func (l *Layer) dropSocket(s *socket) {
	l.mu.Lock()
	l.sockets = slices.DeleteFunc(slices.Clone(l.sockets), func(o *socket) bool { return o == s })
	l.mu.Unlock()
	s.pc.Close()
}

// route finds the link for a flow that the user names. Local is filled in.
func (l *Layer) route(flow Flow) (path, error) {
	flow.Remote = unmap(flow.Remote)
	if !flow.Remote.IsValid() || flow.Remote.Port() == 0 {
		return path{}, fmt.Errorf("%w: no remote address", ErrTransport)
	}
	switch flow.Transport {
	case "UDP":
		s := l.socketFor(flow)
		if s == nil {
			return path{}, fmt.Errorf("%w: no UDP socket for %v", ErrTransport, flow.Remote)
		}
		flow.Local = s.local
		return path{link: s, flow: flow}, nil
	case "TCP":
		return l.streamFor(flow)
	}
	return path{}, fmt.Errorf("%w: unknown transport %q", ErrTransport, flow.Transport)
}

// socketFor returns the socket bound to flow.Local or, if that is not given, the first one of the family of Remote.
func (l *Layer) socketFor(flow Flow) *socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sockets {
		if flow.Local.IsValid() {
			if s.local == flow.Local {
				return s
			}
			continue
		}
		// A socket on [::] serves both families.
		if s.local.Addr().Is4() == flow.Remote.Addr().Is4() || s.local.Addr() == netip.IPv6Unspecified() {
			return s
		}
	}
	return nil
}

// sentBy is the address for our Via on a flow: that of the socket, or of a listener that the peer could connect to.
func (l *Layer) sentBy(flow Flow) netip.AddrPort {
	if !flow.Reliable() {
		return flow.Local
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.streams.listening(flow.Local)
}

// Source fills in the Local of a flow that is to be sent on: the socket that Request would take or, of streams, the
// listener that the peer can connect to, which is what our Contact names. There has to be one.
func (l *Layer) Source(flow Flow) (Flow, error) {
	if flow.Transport != "TCP" {
		p, err := l.route(flow)
		return p.flow, err
	}
	flow.Remote = unmap(flow.Remote)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.streams.listeners {
		at := addrPort(ln.Addr())
		if at.Addr().Is4() == flow.Remote.Addr().Is4() || at.Addr() == netip.IPv6Unspecified() {
			flow.Local = at
			return flow, nil
		}
	}
	return flow, fmt.Errorf("%w: no TCP listener for %v", ErrTransport, flow.Remote)
}

// Write serialises a request that has no transaction, the ACK to a 2xx, with a branch that the user
// keeps, so that every sending of it has the same. Send sends it.
func (l *Layer) Write(ack *Request, flow Flow, branch string) ([]byte, error) {
	p, err := l.route(flow)
	if err != nil {
		return nil, err
	}
	return ack.wire(l, p.flow, branch)
}

// Send sends what Write made. b must not change any more.
func (l *Layer) Send(b []byte, flow Flow) error {
	p, err := l.route(flow)
	if err != nil {
		return err
	}
	return p.send(b, nil)
}
