package memnet

import (
	"container/heap"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Options say how a network treats datagrams. The zero value is a perfect network without delay.
type Options struct {
	Seed    uint64
	Loss    float64       // probability that a datagram vanishes
	Dup     float64       // probability that it arrives twice
	Reorder float64       // probability that it is held back by Late, so that later ones overtake it
	Delay   time.Duration // of every datagram
	Jitter  time.Duration // 0..Jitter is added to Delay; the order within a flow stays
	Late    time.Duration // what a reordered datagram waits beyond the others; default 50 ms
	Queue   int           // datagrams that wait unread on one Conn before further ones are dropped; default 256
}

// Stats counts datagrams since New. Sent = Delivered + Lost + Filtered + Unbound + Overflow + in flight - Repeated.
type Stats struct {
	Sent      uint64 // written by a Conn
	Delivered uint64 // put into a Conn's queue
	Lost      uint64 // by Options.Loss
	Repeated  uint64 // extra copies made by Options.Dup
	Late      uint64 // held back by Options.Reorder
	Filtered  uint64 // by SetDrop
	Unbound   uint64 // to an address where nobody listens
	Overflow  uint64 // to a Conn whose queue was full
}

// Network is one broadcast-free network of UDP addresses. Its methods may be called at the same time.
type Network struct {
	opts Options

	mu      sync.Mutex
	conns   map[netip.AddrPort]*Conn
	flows   map[flow]*flowState
	transit transit
	timer   *time.Timer
	serial  uint64
	port    uint16
	stats   Stats
	tap     func(from, to netip.AddrPort, payload []byte)
	drop    func(from, to netip.AddrPort, payload []byte) bool
	closed  bool
}

type flow struct{ from, to netip.AddrPort }

// flowState is the n of the next datagram and the time before which none may arrive, which keeps the order.
type flowState struct {
	n     uint64
	tail  time.Time
	basis uint64
}

// New makes a network with no conns. Close must be called when it may hold delayed datagrams.
func New(o Options) *Network {
	if o.Queue <= 0 {
		o.Queue = 256
	}
	if o.Late <= 0 {
		o.Late = 50 * time.Millisecond
	}
	return &Network{opts: o, conns: map[netip.AddrPort]*Conn{}, flows: map[flow]*flowState{}, port: 40000}
}

// SetTap has f see every datagram as it is written, before any loss. f runs on the writer's goroutine, must not keep
// or change payload, and must not write to the network. nil takes the tap away.
func (n *Network) SetTap(f func(from, to netip.AddrPort, payload []byte)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tap = f
}

// SetDrop has f choose datagrams to lose, beside those of Options.Loss; the rules of SetTap hold for f too.
func (n *Network) SetDrop(f func(from, to netip.AddrPort, payload []byte) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.drop = f
}

// SetLoss changes Options.Loss from now on.
func (n *Network) SetLoss(p float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opts.Loss = p
}

// Stats returns the counters as they stand.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// ListenPacket opens a Conn at an IP address and port, "192.0.2.1:5060"; port 0 picks a free one from 40000 on. The
// address has to be a literal and specific one: there are no interfaces here for 0.0.0.0 to stand for.
func (n *Network) ListenPacket(address string) (*Conn, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("memnet: %w", err)
	}
	if at.Addr().IsUnspecified() {
		return nil, fmt.Errorf("memnet: %s: an unspecified address cannot be bound", address)
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, net.ErrClosed
	}
	if at.Port() == 0 {
		if at, err = n.freePort(at.Addr()); err != nil {
			return nil, err
		}
	}
	if n.conns[at] != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(at), Err: syscall.EADDRINUSE}
	}
	c := newConn(n, at, n.opts.Queue)
	n.conns[at] = c
	return c, nil
}

// freePort picks the next free port from 40000 up, so that a port just closed rests for a while. n.mu is held.
func (n *Network) freePort(ip netip.Addr) (netip.AddrPort, error) {
	for range 25000 {
		at := netip.AddrPortFrom(ip, n.port)
		if n.port++; n.port >= 65000 {
			n.port = 40000
		}
		if n.conns[at] == nil {
			return at, nil
		}
	}
	return netip.AddrPort{}, errors.New("memnet: no free port")
}

// Close closes every Conn and forgets the datagrams in flight.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closed = true
	n.transit = nil
	if n.timer != nil {
		n.timer.Stop()
	}
	open := make([]*Conn, 0, len(n.conns))
	for _, c := range n.conns {
		open = append(open, c)
	}
	n.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	return nil
}

func (n *Network) unbind(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[c.at] == c {
		delete(n.conns, c.at)
	}
}

// send decides the fate of one datagram. What is written never fails: like UDP, the sender does not learn of a loss.
func (n *Network) send(from, to netip.AddrPort, payload []byte) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	n.mu.Lock()
	tap, drop := n.tap, n.drop
	n.mu.Unlock()
	if tap != nil {
		tap(from, to, payload)
	}
	filtered := drop != nil && drop(from, to, payload)

	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.stats.Sent++
	f := n.flow(from, to)
	dice := newDice(f.basis + f.n)
	f.n++
	if filtered {
		n.stats.Filtered++
		return
	}
	if dice.roll() < n.opts.Loss {
		n.stats.Lost++
		return
	}
	now := time.Now()
	due := now.Add(n.opts.Delay + time.Duration(dice.roll()*float64(n.opts.Jitter)))
	if due.Before(f.tail) {
		due = f.tail
	}
	if dice.roll() < n.opts.Reorder {
		n.stats.Late++
		due = due.Add(n.opts.Late)
	} else {
		f.tail = due
	}
	p := packet{from: from, payload: append([]byte(nil), payload...)}
	n.route(now, due, to, p)
	if dice.roll() < n.opts.Dup {
		n.stats.Repeated++
		p.payload = append([]byte(nil), payload...)
		n.route(now, due, to, p)
	}
}

// route delivers now what is due now, and lets the rest travel. n.mu is held.
func (n *Network) route(now, due time.Time, to netip.AddrPort, p packet) {
	if !due.After(now) {
		n.deliver(to, p)
		return
	}
	n.serial++
	heap.Push(&n.transit, travelling{due: due, serial: n.serial, to: to, packet: p})
	if n.transit[0].serial == n.serial {
		n.wakeAt(now)
	}
}

// wakeAt sets the one timer to the head of the heap. n.mu is held.
func (n *Network) wakeAt(now time.Time) {
	wait := n.transit[0].due.Sub(now)
	if n.timer == nil {
		n.timer = time.AfterFunc(wait, n.arrive)
		return
	}
	n.timer.Reset(wait)
}

// arrive delivers everything that is due.
func (n *Network) arrive() {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for len(n.transit) > 0 && !n.transit[0].due.After(now) {
		t := heap.Pop(&n.transit).(travelling)
		n.deliver(t.to, t.packet)
	}
	if len(n.transit) > 0 {
		n.wakeAt(now)
	}
}

// deliver puts a datagram into the queue of whoever listens at to. n.mu is held.
func (n *Network) deliver(to netip.AddrPort, p packet) {
	c := n.conns[to]
	if c == nil {
		n.stats.Unbound++
		return
	}
	select {
	case c.queue <- p:
		n.stats.Delivered++
	default:
		n.stats.Overflow++
	}
}

func (n *Network) flow(from, to netip.AddrPort) *flowState {
	key := flow{from, to}
	f := n.flows[key]
	if f == nil {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s %s", n.opts.Seed, from, to)
		f = &flowState{basis: h.Sum64()}
		n.flows[key] = f
	}
	return f
}

// travelling is a datagram on its way; transit orders them by arrival, equal ones by the order of writing.
type travelling struct {
	due    time.Time
	serial uint64
	to     netip.AddrPort
	packet packet
}

type transit []travelling

func (t transit) Len() int { return len(t) }
func (t transit) Less(i, j int) bool {
	if t[i].due.Equal(t[j].due) {
		return t[i].serial < t[j].serial
	}
	return t[i].due.Before(t[j].due)
}
func (t transit) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *transit) Push(x any)   { *t = append(*t, x.(travelling)) }
func (t *transit) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = travelling{}
	*t = (*t)[:last]
	return x
}

// dice is splitmix64: a few independent numbers in [0,1) from one seed, without state kept per flow.
type dice uint64

func newDice(seed uint64) *dice {
	d := dice(seed * 0x9e3779b97f4a7c15)
	return &d
}

func (d *dice) roll() float64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}
