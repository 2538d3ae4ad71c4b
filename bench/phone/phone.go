package phone

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// ErrClosed is what waits return once the phone is closed.
var ErrClosed = errors.New("phone: closed")

// Phone is one SIP user agent. Its methods may be called at the same time.
type Phone struct {
	cfg    Config
	codecs []Codec
	server netip.AddrPort
	local  netip.AddrPort
	ctx    context.Context // ends with Close
	stop   context.CancelFunc
	wg     sync.WaitGroup

	udp      PacketConn
	listener net.Listener

	mu       sync.Mutex // guards everything below, and every Call
	changed  signal
	rng      *rand.Rand
	closed   bool
	streams  map[netip.AddrPort]*stream
	timers   map[*time.Timer]struct{}
	clients  map[string]*clientTx
	servers  map[string]*serverTx
	calls    map[string]*Call
	past     map[string]string // remote tag of dialogs that ended, for Replaces; kept only with FollowReplaces
	referrer map[string]*Call  // calls that sent a REFER: their subscription outlives the call (RFC 5057 §5.5)
	waiting  []*Call           // for WaitCall
	watches  []*watch
	nonce    map[string]*challenge
	reg      registration
	log      []Entry
	counts   map[Key]int
}

// New opens the sockets of a phone and starts it. It sends nothing until told to.
func New(cfg Config) (*Phone, error) {
	server, codecs, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	p := &Phone{
		cfg: cfg, codecs: codecs, server: server,
		streams: map[netip.AddrPort]*stream{}, timers: map[*time.Timer]struct{}{}, clients: map[string]*clientTx{},
		servers: map[string]*serverTx{}, calls: map[string]*Call{}, past: map[string]string{}, referrer: map[string]*Call{},
		nonce: map[string]*challenge{}, counts: map[Key]int{}, changed: newSignal(),
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	if err := p.listen(); err != nil {
		return nil, fmt.Errorf("phone %s: %w", cfg.Number, err)
	}
	seed := cfg.Seed
	if seed == 0 {
		var b [8]byte
		crand.Read(b[:])
		seed = binary.NativeEndian.Uint64(b[:])
	}
	h := fnv.New64a()
	fmt.Fprint(h, cfg.Number, p.local) // two phones with one seed must not make the same tags
	p.rng = rand.New(rand.NewPCG(seed, h.Sum64()))
	p.reg = registration{callID: p.token(16), tag: p.token(8)}
	if p.listener != nil {
		p.wg.Go(p.accept)
	} else {
		p.wg.Go(p.readPackets)
	}
	return p, nil
}

// Close ends everything at once, without telling anybody, and waits for the goroutines of the phone and its calls.
// An OnInvite function that still runs is waited for too: it must end when its waits return ErrClosed.
func (p *Phone) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	p.closed = true
	p.stop()
	for t := range p.timers {
		t.Stop()
	}
	for _, s := range p.streams {
		s.conn.Close()
	}
	var media []*Media
	for _, c := range p.calls {
		media = append(media, c.Media)
	}
	p.changed.raise()
	p.mu.Unlock()

	if p.udp != nil {
		p.udp.Close()
	}
	if p.listener != nil {
		p.listener.Close()
	}
	for _, m := range media {
		m.close()
	}
	p.wg.Wait()
	return nil
}

// Addr is the address it listens at. With tcp it is that of the listener; connections it opens have others.
func (p *Phone) Addr() netip.AddrPort { return p.local }

// URI is its address of record.
func (p *Phone) URI() string { return "sip:" + p.cfg.Number + "@" + p.cfg.Domain }

// ContactURI is the Contact it claims: Config.Contact, or where it really listens.
func (p *Phone) ContactURI() string {
	if p.cfg.Contact != "" {
		return p.cfg.Contact
	}
	uri := "sip:" + p.cfg.Number + "@" + p.local.String()
	if p.cfg.Transport == "tcp" {
		uri += ";transport=tcp"
	}
	return uri
}

// token makes a random string for a tag, branch or Call-ID. p.mu is held, or p not yet shared.
func (p *Phone) token(n int) string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789"
	var b strings.Builder
	for range n {
		b.WriteByte(letters[p.rng.IntN(len(letters))])
	}
	return b.String()
}

// spawn runs f as a goroutine that Close waits for. p.mu is held.
func (p *Phone) spawn(f func()) {
	if !p.closed {
		p.wg.Go(f)
	}
}

// after runs f once, with p.mu held, unless the timer is forgotten or the phone closed before. p.mu is held.
func (p *Phone) after(d time.Duration, f func()) *time.Timer {
	if p.closed {
		return nil
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if _, live := p.timers[t]; !live || p.closed {
			return
		}
		delete(p.timers, t)
		f()
		p.changed.raise()
	})
	p.timers[t] = struct{}{}
	return t
}

// forget stops a timer of after, which may be nil. p.mu is held.
func (p *Phone) forget(t *time.Timer) {
	if t != nil {
		t.Stop()
		delete(p.timers, t)
	}
}

// await blocks until met, which is called with p.mu held, or ctx, Config.Patience or the phone's life ends.
func (p *Phone) await(ctx context.Context, what string, met func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Patience)
	defer cancel()
	for {
		p.mu.Lock()
		ok, closed, next := met(), p.closed, p.changed.next
		p.mu.Unlock()
		if ok {
			return nil
		}
		if closed {
			return ErrClosed
		}
		select {
		case <-next:
		case <-ctx.Done():
			return fmt.Errorf("phone %s waits for %s: %w\n%s", p.cfg.Number, what, ctx.Err(), p.Ladder())
		}
	}
}

// pause waits for d unless ctx or the phone ends.
func (p *Phone) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ctx.Done():
		return ErrClosed
	}
}

// signal wakes everybody who waits for its next channel. The owner's mutex guards it.
type signal struct{ next chan struct{} }

func newSignal() signal { return signal{make(chan struct{})} }

func (s *signal) raise() {
	close(s.next)
	s.next = make(chan struct{})
}
