package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// generator sends G.711 streams at 50 packets a second and measures what comes back. Each packet carries who sent it
// and when:
//
//	| RTP header, 12 | magic, 8 | stream, 4 | number, 4 | time of sending, 8 | counted, 1 | silence to 160 |
//
// Its few sockets are shared by all streams, which have addresses of their own on the switch's side only; so a wake-up
// serves many packets, and what is left of the machine is the switch's. The time of arrival is the kernel's, not that
// of reading. The streams are spread evenly over 20 ms, but those that fall into one slot leave back to back, as they
// come out of a network card, as long trains from one socket (sendmmsg); without slots each leaves at a moment of its own,
// and each costs the switch a wake-up.
type generator struct {
	slot     time.Duration
	calls    int // that there will be
	sockets  []*socket
	streams  []*stream
	measured atomic.Bool
	quit     chan struct{}
	running  sync.WaitGroup

	// Of the sender until it has stopped:
	sent   int
	behind time.Duration // the most that a packet left too late
	// Of the receiver until it has stopped:
	delays    delays
	reordered int
	newest    []uint32
}

const (
	magic      = "ringdown"
	headerSize = 12
	packetSize = headerSize + 160
	ptime      = 20 * time.Millisecond
	socketsOf  = 8
)

// stream is one direction of one call.
type stream struct {
	from   *socket
	to     address
	packet [packetSize]byte
	number uint32
}

// streamResult is what a run of the streams gave; only packets that were sent in the measured window count.
type streamResult struct {
	sent, received, reordered int
	p50, p99, max             time.Duration
	behind                    time.Duration
}

func newGenerator(slot time.Duration, calls int) (*generator, error) {
	g := &generator{slot: slot, calls: calls, quit: make(chan struct{})}
	for range socketsOf {
		s, err := openSocket()
		if err != nil {
			g.close()
			return nil, err
		}
		g.sockets = append(g.sockets, s)
	}
	return g, nil
}

// socket is the one of both ends of the call that is being set up. Calls whose packets leave together share one.
func (g *generator) socket() *socket { return g.sockets[len(g.streams)/2*len(g.sockets)/g.calls] }

// owns says that an address is that of one of the sockets, as it is when a switch carries no media.
func (g *generator) owns(a netip.AddrPort) bool {
	return slices.ContainsFunc(g.sockets, func(s *socket) bool { return int(a.Port()) == int(s.port) })
}

// describe is the session description of one end of the next call.
func (g *generator) describe() string {
	return fmt.Sprintf("v=0\r\no=- %d 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n", len(g.streams)+1, g.socket().port)
}

// add adds the stream that flows from one end of a call to where the switch takes it: first the caller's, then the
// callee's.
func (g *generator) add(to netip.AddrPort) {
	s := &stream{from: g.socket(), to: addressOf(to)}
	p := s.packet[:]
	p[0] = 2 << 6 // RFC 3550 §5.1: version 2, payload type 0
	binary.BigEndian.PutUint16(p[2:], uint16(rand.Uint32()))
	binary.BigEndian.PutUint32(p[4:], rand.Uint32())
	binary.BigEndian.PutUint32(p[8:], rand.Uint32())
	for i := headerSize; i < packetSize; i++ {
		p[i] = 0xff // silence in PCMU
	}
	copy(p[headerSize:], magic)
	binary.BigEndian.PutUint32(p[20:], uint32(len(g.streams)))
	g.streams = append(g.streams, s)
}

// start lets the streams flow.
func (g *generator) start() {
	g.newest = make([]uint32, len(g.streams))
	g.running.Go(g.send)
	g.running.Go(g.receive)
}

// count says whether packets sent from now on count.
func (g *generator) count(on bool) { g.measured.Store(on) }

func (g *generator) stop() {
	select {
	case <-g.quit:
	default:
		close(g.quit)
	}
	g.running.Wait()
}

// result stops the streams.
func (g *generator) result() streamResult {
	g.stop()
	return streamResult{sent: g.sent, received: g.delays.n, reordered: g.reordered,
		p50: g.delays.quantile(0.50), p99: g.delays.quantile(0.99), max: g.delays.max, behind: g.behind}
}

func (g *generator) close() {
	g.stop()
	for _, s := range g.sockets {
		s.close()
	}
}

// phase is when in each 20 ms stream k of n sends its packet.
func (g *generator) phase(k int) time.Duration {
	p := ptime * time.Duration(k) / time.Duration(len(g.streams))
	if g.slot > 0 {
		p -= p % g.slot
	}
	return p
}

// send is the sender's goroutine.
func (g *generator) send() {
	defer precise()()
	begin := time.Now()
	for frame := 0; ; frame++ {
		for rest := 0; rest < len(g.streams); {
			phase := g.phase(rest)
			due := begin.Add(time.Duration(frame)*ptime + phase)
			counted := g.measured.Load()
			if wait := time.Until(due); wait > 0 {
				nap(wait)
			} else if counted && -wait > g.behind {
				g.behind = -wait
			}
			first := rest
			for rest++; rest < len(g.streams) && g.phase(rest) == phase; rest++ {
			}
			sendTogether(g.streams[first:rest], counted)
			if counted {
				g.sent += rest - first
			}
		}
		select {
		case <-g.quit:
			return
		default:
		}
	}
}

// sendTogether sends the next packet of each stream, as many of one socket at a time as it has room for.
func sendTogether(streams []*stream, counted bool) {
	first := 0
	for i, s := range streams {
		s.next(counted)
		if s.from.queue(s.packet[:], s.to) || i+1 == len(streams) || streams[i+1].from != s.from {
			now := uint64(time.Now().UnixNano())
			for _, s := range streams[first : i+1] {
				binary.BigEndian.PutUint64(s.packet[28:], now)
			}
			s.from.flush()
			first = i + 1
		}
	}
}

// next makes the next packet, all but the time of sending.
func (s *stream) next(counted bool) {
	p := s.packet[:]
	binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
	binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+160)
	s.number++
	binary.BigEndian.PutUint32(p[24:], s.number)
	p[36] = 0
	if counted {
		p[36] = 1
	}
}

// receive is the receiver's goroutine.
func (g *generator) receive() {
	defer precise()()
	for {
		for _, s := range g.sockets {
			s.drain(g.arrived)
		}
		select {
		case <-g.quit:
			return
		default:
			nap(2 * time.Millisecond)
		}
	}
}

// arrived takes one packet.
func (g *generator) arrived(p []byte, at time.Time) {
	if len(p) != packetSize || string(p[headerSize:headerSize+len(magic)]) != magic {
		return // RTCP, comfort noise
	}
	k, number := binary.BigEndian.Uint32(p[20:]), binary.BigEndian.Uint32(p[24:])
	if int(k) >= len(g.newest) {
		return
	}
	if number <= g.newest[k] {
		g.reordered++
	} else {
		g.newest[k] = number
	}
	if p[36] == 1 {
		g.delays.add(at.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(p[28:])))))
	}
}

// delays is a histogram in microseconds up to a second.
type delays struct {
	count [1_000_000]uint32
	n     int
	max   time.Duration
}

func (d *delays) add(t time.Duration) {
	d.n++
	d.max = max(d.max, t)
	d.count[min(max(t.Microseconds(), 0), int64(len(d.count)-1))]++
}

func (d *delays) quantile(q float64) time.Duration {
	left := int(q * float64(d.n))
	for us, n := range d.count {
		if left -= int(n); left < 0 {
			return time.Duration(us) * time.Microsecond
		}
	}
	return time.Second
}
