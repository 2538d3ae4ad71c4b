//go:build amd64 || arm64

package epoll

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// most is how many sockets are served between two looks at the list of ready ones.
const most = 128

// shard is one goroutine and the sockets that it reads.
type shard struct {
	drain func(sockets int) time.Duration
	ready int      // epoll of the sockets
	timer int      // timerfd of the drain interval
	bell  *os.File // epoll of ready and timer, which the runtime watches
	quit  atomic.Bool
	done  chan struct{}

	mu      sync.Mutex
	sockets []*Socket       // that are watched, by descriptor
	watched int             // how many
	resting int             // of them
	asking  []chan struct{} // closed when what was found before is served

	// The goroutine's:
	armed  bool // packets ring
	buf    []byte
	events [most]syscall.EpollEvent
	served [most]*Socket

	batch *batch // nil: each packet has system calls of its own
	holds bool   // the batch
}

func newShard(c Config) (*shard, error) {
	s := &shard{drain: c.Drain, ready: -1, timer: -1, done: make(chan struct{}),
		armed: true, buf: make([]byte, c.Longest+1)}
	line, err := s.open()
	if err == nil && c.Batch {
		s.batch, err = newBatch(c.Longest)
	}
	if err != nil {
		s.release()
		return nil, err
	}
	go func() {
		defer close(s.done)
		defer s.finish() // what the end has left
		// One Read for all of the shard's life: a new one would forget a ring that came between the two.
		_ = line.Read(func(fd uintptr) bool { s.work(int(fd)); return false })
	}()
	return s, nil
}

// open makes the descriptors, and connects them.
func (s *shard) open() (line syscall.RawConn, err error) {
	if s.ready, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if s.timer, err = newTimer(); err != nil {
		return nil, err
	}
	bell, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	err = syscall.SetNonblock(bell, true) // by which the runtime knows that it can watch it
	s.bell = os.NewFile(uintptr(bell), "epoll")
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err = control(bell, syscall.EPOLL_CTL_ADD, s.timer, syscall.EPOLLIN); err != nil {
		return nil, err
	}
	if err = control(bell, syscall.EPOLL_CTL_ADD, s.ready, syscall.EPOLLIN); err != nil {
		return nil, err
	}
	// NewFile does not tell when the runtime could not watch it; a deadline, which needs that, does.
	if err = s.bell.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return s.bell.SyscallConn()
}

// close ends the goroutine, waits for it, and gives the descriptors back.
func (s *shard) close() {
	s.mu.Lock()
	again := s.quit.Swap(true)
	s.mu.Unlock()
	s.bell.Close()
	<-s.done
	if !again { // else the numbers may be others' by now
		s.release()
	}
}

func (s *shard) release() {
	if s.bell != nil {
		s.bell.Close()
	}
	if s.batch != nil {
		s.batch.close()
	}
	for _, fd := range []int{s.ready, s.timer} {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
}

// work serves what there is until there is nothing more, and says what shall ring next: the timer, or a packet.
func (s *shard) work(bell int) {
	var pause time.Duration
	for !s.quit.Load() {
		n := s.wait()
		switch {
		case n > 0:
			pause = s.drain(s.find(n))
			s.serve(n)
		case s.finish(): // and look again: it took a while, and some of it may have been for sockets of ours
		case pause > 0:
			s.arm(bell, false)
			setTimer(s.timer, pause)
			return
		case s.armed, !rung(s.timer): // a packet may have rung before the line was cut
			return
		default:
			s.arm(bell, true) // and look again: what came just before rings nobody
		}
	}
}

// serve takes one packet from each of the n sockets that find has found.
func (s *shard) serve(n int) {
	if s.batch != nil {
		if !s.holds {
			s.batch.hold()
			s.holds = true
		}
		for at := 0; at < n; at += mostReceives {
			s.batch.read(s.served[at:min(at+mostReceives, n)])
		}
		clear(s.served[:n])
		return
	}
	for i, k := range s.served[:n] {
		if k != nil {
			k.read(s.buf)
		}
		s.served[i] = nil
	}
}

// finish sends what serve has left to be sent. It returns false when there was nothing to end.
func (s *shard) finish() bool {
	if !s.holds {
		return false
	}
	s.holds = false
	s.batch.release()
	return true
}

// arm says whether the next packet rings. One that is there already may ring or not: the kernel does not ring for what
// is on the bell's list, and ready may have stayed there from before, behind the timer that was found true first.
func (s *shard) arm(bell int, on bool) {
	if on == s.armed {
		return
	}
	s.armed = on
	var events uint32
	if on {
		events = syscall.EPOLLIN
	}
	_ = control(bell, syscall.EPOLL_CTL_MOD, s.ready, events)
}

// watch has a socket read. The descriptors are open for as long as it holds s.mu: who closes them takes that first.
func (s *shard) watch(k *Socket, r Receive) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quit.Load() || k.users.Load()&closing != 0 {
		return net.ErrClosed
	}
	k.receive.Store(&r)
	if k.rests { // and is watched
		k.rests = false
		s.resting--
		k.refused.Store(0)
		return nil
	}
	if err := control(s.ready, syscall.EPOLL_CTL_ADD, k.fd, syscall.EPOLLIN); err != nil {
		return err
	}
	if more := k.fd + 1 - len(s.sockets); more > 0 { // the list of open descriptors is as long
		s.sockets = append(s.sockets, make([]*Socket, more)...)
	}
	s.sockets[k.fd] = k
	s.watched++
	return nil
}

func (s *shard) forget(k *Socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.watches(k) {
		return
	}
	s.sockets[k.fd] = nil
	s.watched--
	if k.rests {
		s.resting--
	}
}

// watches tells whether a socket is watched. Called with mu held.
func (s *shard) watches(k *Socket) bool { return k.fd < len(s.sockets) && s.sockets[k.fd] == k }

// rest throws away what a socket receives, until it is watched again. It is false for one that is not watched: nobody
// would read that.
func (s *shard) rest(k *Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.watches(k) {
		return false
	}
	if !k.rests {
		k.rests = true
		s.resting++
		k.receive.Store(nil)
	}
	return true
}

// find looks up the sockets of n events, and tells how many the shard has that do not rest.
func (s *shard) find(n int) (sockets int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range n {
		s.served[i] = s.sockets[s.events[i].Fd] // nil: closed since; or another one by now, which is read in vain
	}
	if len(s.asking) > 0 {
		s.answer()
	}
	return s.watched - s.resting
}

// wait tells how many of events are sockets with packets; it does not block.
func (s *shard) wait() int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(s.ready), uintptr(unsafe.Pointer(&s.events[0])),
		most, 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// control changes what an epoll watches.
func control(epoll, op, fd int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)}))
}

// newTimer makes a timer that can be watched like a socket.
func newTimer() (int, error) {
	const monotonic = 1
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, monotonic, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("timerfd_create", errno)
	}
	return int(fd), nil
}

// rung tells whether a timer has rung since it was last set or asked.
func rung(fd int) bool {
	var times uint64
	_, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&times)), unsafe.Sizeof(times))
	return errno != syscall.EAGAIN
}

// setTimer makes a timer ring once, and forgets that it has rung.
func setTimer(fd int, after time.Duration) {
	at := [2]syscall.Timespec{1: syscall.NsecToTimespec(int64(after))} // the first is for further rings
	syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(fd), 0, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
}
