package phone

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	ptime = 20 * time.Millisecond
	// frames of received audio that are kept for Hears: one second.
	framesKept = 50
)

// Media is the audio stream of one call: sockets, a sender that runs only while it has something to send, and what
// was received. Its methods may be called at the same time, and the receiving ones also after the call.
//
// Goroutines: one reader per socket, one sender while sending.
type Media struct {
	sockets Net
	ip      string
	deaf    bool
	wg      sync.WaitGroup
	done    chan struct{}

	mu     sync.Mutex
	closed bool
	conns  []PacketConn
	local  netip.AddrPort // what the description says
	out    PacketConn     // what is sent from
	remote netip.AddrPort

	codec     Codec
	decode    map[int]*[256]int16 // G.711 payload numbers
	pattern   map[int]bool        // opaque codecs' numbers
	eventPT   int                 // to send
	recvEvent int
	maySend   bool

	sender sender
	heard  heard
}

func newMedia(sockets Net, ip string, deaf bool, seed uint64) (*Media, error) {
	m := &Media{sockets: sockets, ip: ip, deaf: deaf, done: make(chan struct{}), eventPT: -1, recvEvent: -1}
	if err := m.open(net.JoinHostPort(ip, "0")); err != nil {
		return nil, err
	}
	m.local = localAddr(m.out.LocalAddr())
	m.heard.start()
	return m, nil
}

// seed sets the random start of SSRC, sequence number and timestamp (RFC 3550 §5.1).
func (m *Media) seed(n uint64) {
	r := rand.New(rand.NewPCG(n, 0))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sender.ssrc, m.sender.seq, m.sender.timestamp = r.Uint32(), uint16(r.Uint32()), r.Uint32()
}

// open makes another socket the one that is sent from, and reads it. m.mu is not held.
func (m *Media) open(addr string) error {
	c, err := m.sockets.ListenPacket(addr)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || len(m.conns) >= 16 {
		c.Close()
		return errors.New("phone: the media is closed, or has 16 sockets")
	}
	m.conns, m.out = append(m.conns, c), c
	m.wg.Go(func() { m.read(c) })
	return nil
}

// Local is the address that this side's description names.
func (m *Media) Local() netip.AddrPort {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.local
}

// Remote is the address that is sent to.
func (m *Media) Remote() netip.AddrPort {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.remote
}

// SetRemote sends to another address than the peer's description says, until the next negotiation.
func (m *Media) SetRemote(to netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remote = to
}

// Move opens a new socket, sends from it and names it in the next description. Earlier sockets stay open.
func (m *Media) Move() (netip.AddrPort, error) {
	at, err := m.SendFrom("")
	if err == nil {
		m.mu.Lock()
		m.local = at
		m.mu.Unlock()
	}
	return at, err
}

// SendFrom sends from a new socket, at addr or a free port of the same host for "", without telling the peer.
func (m *Media) SendFrom(addr string) (netip.AddrPort, error) {
	if addr == "" {
		addr = net.JoinHostPort(m.ip, "0")
	}
	if err := m.open(addr); err != nil {
		return netip.AddrPort{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return localAddr(m.out.LocalAddr()), nil
}

// Inject sends bytes as they are to the peer's media address, whatever was negotiated.
func (m *Media) Inject(raw []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if !m.remote.IsValid() {
		return errors.New("phone: the peer's media address is not known")
	}
	_, err := m.out.WriteToUDPAddrPort(raw, m.remote)
	return err
}

// Codec is what is sent.
func (m *Media) Codec() Codec {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.codec
}

// agree puts a negotiation into force. A stream that is refused or held is not sent to.
func (m *Media) agree(remote netip.AddrPort, send, recv []Codec, sendEvent, recvEvent int, maySend bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remote = remote
	m.maySend = maySend && len(send) > 0 && remote.IsValid() && remote.Port() != 0 && !remote.Addr().IsUnspecified()
	if len(send) > 0 {
		m.codec = send[0]
	}
	m.eventPT, m.recvEvent = sendEvent, recvEvent
	m.decode, m.pattern = map[int]*[256]int16{}, map[int]bool{}
	for _, c := range append(recv[:len(recv):len(recv)], send...) {
		switch c.Name {
		case "PCMU", "pcmu":
			m.decode[c.PT] = &ulaw
		case "PCMA", "pcma":
			m.decode[c.PT] = &alaw
		default:
			m.pattern[c.PT] = true
		}
	}
}

// close ends the sender and the readers and waits for them.
func (m *Media) close() {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		m.heard.frozen = time.Now()
		close(m.done)
		for _, c := range m.conns {
			c.Close()
		}
	}
	m.mu.Unlock()
	m.wg.Wait()
}
