package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/port"
)

// Engine carries out media commands. See the package comment.
type Engine struct {
	cfg   Config
	start time.Time
	pool  *port.Pool[socket] // nil: the system chooses
	fwd   forwarder
	clock *clock
	hosts hosts
	music loop // a recording, or nothing: then the built-in one

	serial  atomic.Uint32
	handing sync.Mutex // one leg at a time goes to another back end

	// wire guards who exists and who hears whom: legs, tapes, and in each leg hears, heard, sound, told, feed and taped.
	wire   sync.Mutex
	legs   map[callstate.LegID]*leg
	tapes  map[recordID]*recording
	closed bool
	gone   Stats // what closed legs had counted

	create func(file string) (tapeFile, error) // makes the file of a recording
	tapers sync.WaitGroup                      // the goroutines of tapes
	ended  atomic.Bool                         // Close gave up waiting for one: it posts nothing any more
}

// New makes an engine; Close ends it.
func New(cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	cfg = cfg.withDefaults()
	var music loop
	if cfg.Music != "" {
		r, err := readMusic(cfg.Music)
		if err != nil {
			return nil, fmt.Errorf("media: Music: %w", err)
		}
		music = loopFrom(r)
	}
	e := &Engine{cfg: cfg, start: time.Now(), fwd: newForwarder(cfg), legs: map[callstate.LegID]*leg{},
		hosts: newHosts(cfg), music: music, tapes: map[recordID]*recording{}, create: folder(cfg.Folder).create}
	if cfg.PortMin != 0 {
		e.pool = port.New[socket](cfg.PortMin, cfg.PortMax, e.fwd.rests())
	}
	e.clock = newClock(e.now, e.fwd)
	return e, nil
}

// now is the time since the engine started; it does not jump.
func (e *Engine) now() time.Duration { return time.Since(e.start) }

// Do carries out one command. It does not block, and posts what comes of it before it returns or later. It may be
// called from many goroutines; the commands of one leg must come one after the other.
func (e *Engine) Do(cmd callstate.MediaCommand) {
	switch c := cmd.(type) {
	case callstate.OpenMedia:
		e.open(c)
	case callstate.MakeOffer:
		e.negotiate(c.Leg, c.Ref, func(l *leg) (callstate.Event, *failure) { return l.makeOffer(c) })
	case callstate.MakeAnswer:
		e.negotiate(c.Leg, c.Ref, func(l *leg) (callstate.Event, *failure) { return l.makeAnswer(c) })
	case callstate.TakeAnswer:
		e.negotiate(c.Leg, c.Ref, func(l *leg) (callstate.Event, *failure) { return l.takeAnswer(c) })
	case callstate.Connect:
		e.connect(c)
	case callstate.TakeDigits:
		e.takeDigits(c)
	case callstate.SendDigits:
		e.sendDigits(c)
	case callstate.StartRecord:
		e.startRecord(c)
	case callstate.RecordLegs:
		e.recordLegs(c)
	case callstate.EndRecord:
		e.endRecord(c)
	case callstate.PlayClip:
		e.playClip(c)
	case callstate.StopClip:
		e.stopClip(c)
	case callstate.CloseMedia:
		e.closeLeg(c.Leg)
	}
}

// Spare names a UDP port of this host where the switch listens for something else: no media is sent there, whatever an
// SDP says (edge case X13).
func (e *Engine) Spare(port uint16) {
	e.hosts.mu.Lock()
	defer e.hosts.mu.Unlock()
	e.hosts.services = append(e.hosts.services, port)
}

// Close ends every recording, closes every leg and waits for the engine's goroutines: the files are complete then. No
// event is posted after it.
func (e *Engine) Close() {
	e.wire.Lock()
	if e.closed {
		e.wire.Unlock()
		return
	}
	e.closed = true
	ids := make([]callstate.LegID, 0, len(e.legs))
	for id := range e.legs {
		ids = append(ids, id)
	}
	for _, r := range e.tapes {
		r.end("")
	}
	e.wire.Unlock()
	for _, id := range ids {
		e.closeLeg(id)
	}
	e.handing.Lock() // one that is under way ends, and finds no leg
	e.handing.Unlock()
	e.awaitTapers()
	e.clock.close()
	if e.pool != nil {
		e.pool.Close()
	}
	e.fwd.close()
}

func (e *Engine) find(id callstate.LegID) *leg {
	e.wire.Lock()
	defer e.wire.Unlock()
	return e.legs[id]
}

// open gives a leg its socket.
func (e *Engine) open(c callstate.OpenMedia) {
	if l := e.find(c.Leg); l != nil {
		e.cfg.Log.Warn("media: leg is open already", "leg", c.Leg.String())
		return
	}
	fail := func(f *failure) {
		e.cfg.Log.Info("media: cannot open", "leg", c.Leg.String(), "reason", f.text)
		e.cfg.Post(callstate.MediaFailed{On: callstate.On{Leg: c.Leg}, Reason: f.reason, Text: f.text})
	}
	l := newLeg(e, c.Leg)
	if len(c.Offer) > 0 {
		if f := l.keepOffer(c.Offer); f != nil {
			fail(f)
			return
		}
	}
	conn, even, f := e.listen()
	if f != nil {
		fail(f)
		return
	}
	l.bind(conn, even)
	e.wire.Lock()
	if e.closed {
		e.wire.Unlock()
		conn.Close()
		return
	}
	e.legs[c.Leg] = l
	e.tape(l)
	e.hosts.add(l.port)
	err := conn.start(l)
	e.wire.Unlock()
	if err != nil {
		fail(failed(callstate.NoPorts, "port %d: %v", l.port, err))
		e.closeLeg(c.Leg)
	}
}

// listen binds a port pair: the next one of the range that no other program has (edge case M22), or whichever the
// system gives, even if it can be. The odd port is only reserved: RTCP is not used yet.
func (e *Engine) listen() (socket, uint16, *failure) {
	if e.pool == nil {
		conn, err := e.listenAny()
		if err != nil {
			return nil, 0, failed(callstate.NoPorts, "%v", err)
		}
		return conn, 0, nil
	}
	var last error
	for range e.pool.Free() {
		even, conn, ok := e.pool.Take(e.now())
		if !ok {
			break
		}
		if conn != nil {
			return conn, even, nil
		}
		conn, err := e.fwd.listen(netip.AddrPortFrom(e.cfg.Listen, even))
		if err == nil {
			return conn, even, nil
		}
		e.pool.Put(even, nil, e.now())
		if last = err; !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) && e.pool.Shed() == 0 {
			break // no other port would do better: out of files, say (edge case O14)
		}
	}
	e.cfg.Log.Error("media: no RTP port is free", "range", fmt.Sprintf("%d-%d", e.cfg.PortMin, e.cfg.PortMax), "last", last)
	if last != nil {
		return nil, 0, failed(callstate.NoPorts, "no port of %d-%d can be opened: %v", e.cfg.PortMin, e.cfg.PortMax, last)
	}
	return nil, 0, failed(callstate.NoPorts, "all ports of %d-%d are in use", e.cfg.PortMin, e.cfg.PortMax)
}

// listenAny asks the system for a port a few times, since RFC 3550 §11 wants an even one.
func (e *Engine) listenAny() (socket, error) {
	const tries = 8
	for i := 1; ; i++ {
		conn, err := e.fwd.listen(netip.AddrPortFrom(e.cfg.Listen, 0))
		if err != nil || i == tries || localPort(conn)%2 == 0 {
			return conn, err
		}
		conn.Close()
	}
}

func localPort(c socket) uint16 {
	if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
		return uint16(a.Port)
	}
	return 0
}

// closeLeg frees a leg. A packet of it that is being worked on may still end; Close waits for it.
func (e *Engine) closeLeg(id callstate.LegID) {
	e.wire.Lock()
	l := e.legs[id]
	if l == nil {
		e.wire.Unlock()
		return
	}
	delete(e.legs, id)
	l.silence()
	e.unwire(l)
	e.wire.Unlock()

	l.out.shut()
	e.clock.forget(l)
	conn := l.socket()
	if e.pool == nil || !conn.rest() { // else it stays bound for the next who gets its port
		conn.Close()
		conn = nil
	}
	e.hosts.remove(l.port)
	e.wire.Lock()
	e.gone.add(l.counts())
	e.wire.Unlock()
	if e.pool != nil {
		e.pool.Put(l.even, conn, e.now())
	}
}
