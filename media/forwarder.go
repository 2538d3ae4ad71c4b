package media

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
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
//
// Since it leaves packets to us, it stands before one of the others, whose sockets it uses: listen and adopt are that one's,
// and so is start, with a receiver between that looks for flows to begin. A leg goes there and back while it runs
// (Engine.handOver), as between any two: leave ends the leg's flows first, both ways, so that what comes from then on waits in
// the socket, and flush sends what is still to be sent.
type forwarder interface {
	// listen binds a socket; port 0 lets the system choose.
	listen(netip.AddrPort) (socket, error)
	// adopt takes over a socket that another back end let go of. The file remains the caller's.
	adopt(*os.File) (socket, error)
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
	// leave ends what start began, and hands the socket on to another back end: what was not given to the receiver waits in
	// the file, which is another descriptor of it, and no receive is running. It may still be written to, and started again.
	// A receiver must not call it. What cannot leave is left as it is.
	leave() (*os.File, error)
	// flush sends what waits to leave together with others.
	flush()
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

func (p polled) adopt(f *os.File) (socket, error) {
	s, err := p.Adopt(f)
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

func (s polledSocket) start(r receiver) error   { return s.Start(r.receive) }
func (s polledSocket) rest() bool               { return s.Rest() }
func (s polledSocket) leave() (*os.File, error) { return s.Leave() }
func (s polledSocket) flush()                   { s.Flush() }

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
	return &readSocket{PacketConn: c, f: f}, nil
}

func (f *readers) adopt(file *os.File) (socket, error) {
	if _, real := f.net.(udp); !real {
		return nil, errFixed
	}
	c, err := net.FilePacketConn(file)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		c.Close()
		return nil, errFixed
	}
	return &readSocket{PacketConn: u, f: f}, nil
}

// errFixed is why a socket cannot leave its back end, or come to it.
var errFixed = errors.New("not a UDP socket of the system that is being read")

func (f *readers) way() string { return "portable" }

func (f *readers) rests() int { return 0 }

func (f *readers) hold()    {}
func (f *readers) release() {}
func (f *readers) close()   { f.wg.Wait() }

type readSocket struct {
	PacketConn
	f    *readers
	over chan struct{} // closed when it is not read any more
}

func (*readSocket) Refused() uint64 { return 0 }

func (*readSocket) rest() bool { return false } // its goroutine waits in a Read

func (*readSocket) flush() {}

func (s *readSocket) start(r receiver) error {
	over := make(chan struct{})
	s.over = over
	s.f.wg.Go(func() { defer close(over); s.read(r) })
	return nil
}

func (s *readSocket) leave() (*os.File, error) {
	c, ok := s.PacketConn.(*net.UDPConn)
	if !ok || s.over == nil {
		return nil, errFixed
	}
	f, err := c.File()
	if err != nil {
		return nil, err
	}
	err = c.SetReadDeadline(time.Unix(1, 0)) // which ends a Read that waits for a packet, and takes none from one that has it
	if err == nil {
		<-s.over
		err = c.SetReadDeadline(time.Time{})
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (s *readSocket) read(r receiver) {
	b := make([]byte, maxPacket+1)
	for failed := 0; failed < 100; {
		n, from, err := s.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			failed = 0
			if n < len(b) { // else it was cut off
				r.receive(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			}
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded): // it leaves
			return
		default: // an ICMP error for something we sent is told here on some systems, and harmless
			failed++
		}
	}
	s.f.log.Error("media: socket gives only errors, no longer read", "local", s.LocalAddr().String())
}
