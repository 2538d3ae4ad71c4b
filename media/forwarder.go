package media

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"ringdown/media/internal/epoll"
)

// receiver takes the datagrams of one leg, one after the other. b is its own until it returns.
type receiver interface {
	receive(b []byte, from netip.AddrPort)
}

// forwarder brings datagrams from sockets to legs. It is the seam between the legs and the way in which the system is
// asked for packets: through the runtime, through epoll with a system call for each packet, through epoll and io_uring, or
// some day through a flow table in the kernel that leaves only the unusual packets to us.
//
// Such a table would see nothing but plain RTP from one leg to one other that is relayed unchanged. A flow is one
// direction: what comes to one socket from one address, of one SSRC and of payload types that pass, goes out of another
// socket with the numbers that timeline.Line.Follow gives. Everything that decides so is known under the locks of the two
// legs, and has to be told there:
//
//	begins when  inbound.latch is locked; inbound.routes holds one route, whose op is pass and needs no settling; inbound
//	             has no source (mix, recording, ear) and no gate; outbound is open, neither frozen nor clipped; and a first
//	             packet has gone this way, so that the line's offsets are known
//	ends with    latch.negotiate and adopt, reroute and listen, outbound.aim and shut, the first Tick of a dtmf.Sender or
//	             clip, and closing: each before it changes anything
//	leaves to us another sender, SSRC or payload type (telephone-events are among them), RTCP, and a jump of the sequence
//	gives back   the newest sequence number, timestamp and time of the flow, for Line to go on; the time of the last packet
//	             for inbound.quietSince; the counts; and, for a mix that begins, nothing: recent is empty then
type forwarder interface {
	// listen binds a socket; port 0 lets the system choose.
	listen(netip.AddrPort) (socket, error)
	// way names what the system is asked by: io_uring, epoll or portable.
	way() string
	// hold lets packets that are written from now on leave together, as soon as release is called. Where a system call is
	// made for each packet, it does nothing.
	hold()
	release()
	// rests is how many sockets may rest.
	rests() int
	// close returns when everything that was started has ended. The sockets are closed before.
	close()
}

// socket is one leg's. Close ends reading and writing; a receive that is running may still end after it.
type socket interface {
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	// Refused is how many packets the system did not take after all, though WriteToUDPAddrPort had returned.
	Refused() uint64
	LocalAddr() net.Addr
	Close() error
	// start has the receiver get what arrives, until Close or rest.
	start(receiver) error
	// rest ends what start began, as Close does, but leaves the socket bound, for another start. It is false when it cannot.
	rest() bool
}

// maxPacket bounds a datagram: RTP fits into an Ethernet frame. A longer one is dropped.
const maxPacket = 2047

// newForwarder chooses the way: where the network is real, epoll with io_uring, or epoll alone, where the system has it.
func newForwarder(cfg Config) forwarder {
	if cfg.Net == nil && !cfg.Portable {
		c := epoll.Config{Shards: max(1, runtime.GOMAXPROCS(0)/2), Drain: cfg.Drain, Longest: maxPacket, Batch: !cfg.Single}
		p, err := epoll.New(c)
		if err != nil && c.Batch {
			cfg.Log.Info("media: no io_uring, a system call for each packet instead", "err", err)
			c.Batch = false
			p, err = epoll.New(c)
		}
		if err == nil {
			return polled{p, c.Batch}
		}
		if !errors.Is(err, epoll.ErrUnsupported) {
			cfg.Log.Warn("media: no epoll, one goroutine per socket instead", "err", err)
		}
	}
	if cfg.Net == nil {
		cfg.Net = udp{}
	}
	return &readers{net: cfg.Net, log: cfg.Log}
}

// The default of Config.Drain: below DrainFrom legs packets do not gather, since what it saves is not worth the delay that
// it adds, and from there on for DrainTime.
const (
	DrainFrom = 500
	DrainTime = time.Millisecond
)

func drain(sockets int) time.Duration {
	if sockets < DrainFrom {
		return 0
	}
	return DrainTime
}

// polled reads through epoll.
type polled struct {
	*epoll.Poller
	batched bool
}

func (p polled) way() string {
	if p.batched {
		return "io_uring"
	}
	return "epoll"
}

func (p polled) listen(at netip.AddrPort) (socket, error) {
	s, err := p.Listen(at)
	if err != nil {
		return nil, err
	}
	return polledSocket{s}, nil
}

func (p polled) rests() int { return p.Spare() }
func (p polled) hold()      { p.Hold() }
func (p polled) release()   { p.Release() }
func (p polled) close()     { p.Close() }

type polledSocket struct{ *epoll.Socket }

func (s polledSocket) start(r receiver) error { return s.Start(r.receive) }
func (s polledSocket) rest() bool             { return s.Rest() }

// readers is the portable forwarder: one goroutine per socket.
type readers struct {
	net Network
	wg  sync.WaitGroup
	log *slog.Logger
}

func (f *readers) listen(at netip.AddrPort) (socket, error) {
	c, err := f.net.ListenPacket(at)
	if err != nil {
		return nil, err
	}
	return readSocket{c, f}, nil
}

func (f *readers) way() string { return "portable" }

func (f *readers) rests() int { return 0 }

func (f *readers) hold()    {}
func (f *readers) release() {}
func (f *readers) close()   { f.wg.Wait() }

type readSocket struct {
	PacketConn
	f *readers
}

func (readSocket) Refused() uint64 { return 0 }

func (s readSocket) rest() bool { return false } // its goroutine waits in a Read

func (s readSocket) start(r receiver) error {
	s.f.wg.Go(func() { s.read(r) })
	return nil
}

func (s readSocket) read(r receiver) {
	b := make([]byte, maxPacket+1)
	for failed := 0; failed < 100; {
		n, from, err := s.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			failed = 0
			if n < len(b) { // else it was cut off
				r.receive(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			}
		case errors.Is(err, net.ErrClosed):
			return
		default: // an ICMP error for something we sent is told here on some systems, and harmless
			failed++
		}
	}
	s.f.log.Error("media: socket gives only errors, no longer read", "local", s.LocalAddr().String())
}
