package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"ringdown/callstate"
	"ringdown/sip/internal/digest"
	"ringdown/sip/internal/location"
	"ringdown/sip/internal/tx"
)

// Exchange is where events go. callstate/exchange implements it.
type Exchange interface {
	// NewCallID names a call that is about to begin.
	NewCallID() callstate.CallID
	// Post hands an event over without blocking. False: a new request does not fit, answer 503.
	Post(callstate.Event) bool
}

// User is an account that may register and call.
type User struct {
	Number   string
	Name     string
	Password string
}

// Config configures an Agent.
type Config struct {
	Domain    string     // realm, and domain of the AORs
	Digest    []string   // "md5", "sha-256", in the order of the challenges
	Advertise netip.Addr // written into Via and Contact; zero: the address of the listener
	Users     []User
	Trunks    []Trunk
	OnTrunk   func(TrunkState) // told of every change of a trunk, in order; must not block. May be nil
	Resolver  Resolver         // of the names of trunks; nil: the system's
	Expires   Expiry
	ReadSDP   func([]byte) (callstate.Facts, error) // media's
	Exchange  Exchange
	Log       *slog.Logger
	Trace     Tracer // may be nil
	Version   string // written into Server and User-Agent
	Limits    tx.Limits
}

// Expiry bounds registrations, in seconds.
type Expiry struct{ Min, Default, Max int }

// Tracer sees every message, and which leg a SIP Call-ID belongs to. It must not block.
type Tracer interface {
	Message(TraceMessage)
	Leg(sipCallID string, leg callstate.LegID, number string)
}

// TraceMessage is one message as on the wire.
type TraceMessage struct {
	Time   time.Time
	Out    bool
	Local  netip.AddrPort
	Remote netip.AddrPort
	Data   []byte // valid during the call only
}

// Agent is the SIP side of the switch.
type Agent struct {
	cfg       Config
	advertise string // Config.Advertise as text
	log       *slog.Logger
	layer     *tx.Layer
	auth      *digest.Authenticator
	secrets   map[string]digest.Secret
	names     map[string]string
	bindings  *location.Memory
	draining  atomic.Bool
	tags      tagMint
	unfit     sparse // lines about credentials that do not fit
	unknown   sparse // lines about callers that are challenged

	mu      sync.RWMutex
	legs    map[callstate.LegID]*leg
	dialogs map[dialogID]*leg
	invites map[mergeID]*leg // INVITEs that opened a leg, to tell merged ones (RFC 3261 §8.2.2.2)
	strays  map[strayID]*leg // dialogs that nobody wants, until their BYE is answered
	past    *pastDialogs
	trunks  []*trunk // in the order of the config

	wg    sync.WaitGroup
	stop  context.CancelFunc
	lines sync.WaitGroup // the keepers of the trunks, which end first
	hang  context.CancelFunc
}

// Defaults fills what is zero.
func (c Config) Defaults() Config {
	if c.Domain == "" {
		c.Domain = "example.com"
	}
	if len(c.Digest) == 0 {
		c.Digest = []string{"md5", "sha-256"}
	}
	if c.Expires == (Expiry{}) {
		c.Expires = Expiry{Min: 60, Default: 3600, Max: 7200}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "ringdown"
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	return c
}

// New makes an Agent without sockets.
func New(cfg Config) (*Agent, error) {
	cfg = cfg.Defaults()
	if cfg.Exchange == nil || cfg.ReadSDP == nil {
		return nil, errors.New("sip: Exchange and ReadSDP are required")
	}
	var algorithms []digest.Algorithm
	for _, name := range cfg.Digest {
		switch name {
		case "md5":
			algorithms = append(algorithms, digest.MD5)
		case "sha-256":
			algorithms = append(algorithms, digest.SHA256)
		default:
			return nil, fmt.Errorf("sip: digest %q: md5 or sha-256", name)
		}
	}
	if err := validateTrunks(cfg.Trunks); err != nil {
		return nil, err
	}
	auth, err := digest.New(digest.Config{Realm: cfg.Domain, Algorithms: algorithms})
	if err != nil {
		return nil, err
	}
	a := &Agent{
		cfg: cfg, advertise: cfg.Advertise.String(), log: cfg.Log, auth: auth,
		secrets:  make(map[string]digest.Secret, len(cfg.Users)),
		names:    make(map[string]string, len(cfg.Users)),
		bindings: location.NewMemory(maxContacts),
		legs:     map[callstate.LegID]*leg{},
		dialogs:  map[dialogID]*leg{},
		invites:  map[mergeID]*leg{},
		strays:   map[strayID]*leg{},
		past:     newPastDialogs(),
		tags:     newTagMint(),
	}
	for _, u := range cfg.Users {
		a.secrets[u.Number] = digest.NewSecret(u.Number, cfg.Domain, u.Password)
		a.names[u.Number] = u.Name
	}
	var trace func(tx.TraceRecord)
	if cfg.Trace != nil {
		trace = func(r tx.TraceRecord) {
			cfg.Trace.Message(TraceMessage{Time: r.Time, Out: r.Out, Local: r.Flow.Local, Remote: r.Flow.Remote, Data: r.Data})
		}
	}
	a.layer = tx.New(tx.Config{Handler: (*handler)(a), Log: cfg.Log, Trace: trace, SentBy: a.sentBy, Server: cfg.Version,
		Limits: cfg.Limits})
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.wg.Go(func() { a.sweep(ctx) })
	lines, hang := context.WithCancel(context.Background())
	a.hang = hang
	a.startTrunks(lines)
	return a, nil
}

// ServeUDP starts to read pc, which belongs to the agent from now on, also when it returns an error.
func (a *Agent) ServeUDP(pc net.PacketConn) error {
	serve, err := a.layer.AddUDP(pc)
	if err != nil {
		return err
	}
	a.wg.Go(func() { a.served("udp", pc.LocalAddr(), serve()) })
	a.wakeTrunks()
	return nil
}

// ServeTCP starts to accept from ln, which belongs to the agent from now on, also when it returns an error.
func (a *Agent) ServeTCP(ln net.Listener) error {
	serve, err := a.layer.AddTCP(ln)
	if err != nil {
		return err
	}
	a.wg.Go(func() { a.served("tcp", ln.Addr(), serve()) })
	a.wakeTrunks()
	return nil
}

func (a *Agent) served(network string, addr net.Addr, err error) {
	if err != nil {
		a.log.Error("listener ended", "network", network, "address", addr.String(), "err", err)
	}
}

// Drain refuses new registrations' calls and says so to OPTIONS; running calls go on (edge case O7).
func (a *Agent) Drain() { a.draining.Store(true) }

// Close ends everything at once and waits for it: trunks are unregistered, for which it waits up to two seconds. Legs are
// not hung up: end the calls first.
func (a *Agent) Close() error {
	a.hang()
	a.lines.Wait()
	a.stop()
	err := a.layer.Close()
	a.wg.Wait()
	return err
}

// Counts tells what is alive, for tests and metrics.
type Counts struct{ Legs, Dialogs, Bindings, ServerTx, ClientTx int }

// Counts returns what is alive now.
func (a *Agent) Counts() Counts {
	a.mu.RLock()
	defer a.mu.RUnlock()
	t := a.layer.Stats()
	return Counts{Legs: len(a.legs), Dialogs: len(a.dialogs) + len(a.strays), Bindings: a.bindings.Count(),
		ServerTx: t.Servers, ClientTx: t.Clients}
}

const sweepEvery = 30 * time.Second

// sweep forgets expired bindings.
func (a *Agent) sweep(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			a.past.age(now)
			for _, e := range a.bindings.Sweep(now) {
				a.log.Info("registration expired", "number", e.AOR, "contacts", len(e.Bindings))
			}
		}
	}
}

// sentBy is the address that we show on a flow.
func (a *Agent) sentBy(f tx.Flow) (string, int) {
	if a.cfg.Advertise.IsValid() {
		return a.advertise, int(f.Local.Port())
	}
	return "", 0
}

// contact is our Contact on a flow.
func (a *Agent) contact(f tx.Flow) string { return a.contactOf("ringdown", f) }

// contactOf is a Contact of ours with that user part.
func (a *Agent) contactOf(user string, f tx.Flow) string {
	var room [96]byte
	b := append(room[:0], "<sip:"...)
	b = append(b, escape(user)...)
	b = a.reachedAt(f).AppendTo(append(b, '@'))
	if f.Transport == "TCP" {
		b = append(b, ";transport=tcp"...)
	}
	return string(append(b, '>'))
}

func header(name, value string) tx.Header { return tx.Header{Name: name, Value: value} }

// reachedAt is the address at which the other end of a flow reaches us.
func (a *Agent) reachedAt(f tx.Flow) netip.AddrPort {
	if a.cfg.Advertise.IsValid() {
		return netip.AddrPortFrom(a.cfg.Advertise, f.Local.Port())
	}
	return netip.AddrPortFrom(f.Local.Addr().Unmap(), f.Local.Port())
}
