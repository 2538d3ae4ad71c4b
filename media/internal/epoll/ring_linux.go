//go:build amd64 || arm64

package epoll

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// ring is an io_uring: a list of receives and sends that one system call carries out. None of them waits for anything
// (MSG_DONTWAIT), so all are done when the call returns. It is not safe for use by several goroutines.
type ring struct {
	fd      int
	rings   []byte
	entries []byte

	sqHead, sqTail *uint32
	sqMask         uint32
	sqes           []sqe
	tail           uint32 // of what is not submitted yet

	cqHead, cqTail *uint32
	cqMask         uint32
	cqes           []cqe
}

// sqe is struct io_uring_sqe, as SEND and RECVMSG use it. The collector does not see what it points to.
type sqe struct {
	opcode  uint8
	flags   uint8
	_       uint16
	fd      int32
	to      uintptr // addr2: of SEND, the address
	what    uintptr // addr: the packet, or the msghdr
	length  uint32
	options uint32 // msg_flags
	mark    uint64 // user_data
	_       uint32
	toSize  uint16 // addr_len
	_       uint16
	_       [2]uint64
}

// cqe is struct io_uring_cqe.
type cqe struct {
	mark   uint64
	result int32 // bytes, or -errno
	_      uint32
}

// The kernel's numbers; those of system calls are the same on amd64 and arm64.
const (
	sysRingSetup = 425
	sysRingEnter = 426

	opRecvmsg = 10 // IORING_OP_RECVMSG
	opSend    = 26 // IORING_OP_SEND

	oneMapping = 1 << 0      // IORING_FEAT_SINGLE_MMAP
	mapRings   = 0           // IORING_OFF_SQ_RING
	mapEntries = 0x1000_0000 // IORING_OFF_SQES
	getEvents  = 1 << 0      // IORING_ENTER_GETEVENTS
)

// ringParams is struct io_uring_params.
type ringParams struct {
	sqEntries, cqEntries, flags, cpu, idle, features, wq uint32
	_                                                    [3]uint32
	sq                                                   struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

// newRing makes a ring with room for so many entries, at least two. It fails with ErrUnsupported where the kernel has none, does not
// let us have one, or has one that cannot say where a packet goes (before Linux 6.0).
func newRing(entries int) (*ring, error) {
	var p ringParams
	fd, _, errno := syscall.RawSyscall(sysRingSetup, uintptr(entries), uintptr(unsafe.Pointer(&p)), 0)
	switch errno {
	case 0:
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM:
		return nil, os.NewSyscallError("io_uring_setup", errno)
	default:
		return nil, fmt.Errorf("%w: io_uring: %w", ErrUnsupported, errno)
	}
	r := &ring{fd: int(fd)}
	if err := r.mapIn(&p); err != nil {
		r.close()
		return nil, err
	}
	if err := r.try(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ring) mapIn(p *ringParams) (err error) {
	if p.features&oneMapping == 0 {
		return fmt.Errorf("%w: io_uring before Linux 5.4", ErrUnsupported)
	}
	const protection, how = syscall.PROT_READ | syscall.PROT_WRITE, syscall.MAP_SHARED | syscall.MAP_POPULATE
	size := max(int(p.sq.array)+4*int(p.sqEntries), int(p.cq.cqes)+int(unsafe.Sizeof(cqe{}))*int(p.cqEntries))
	if r.rings, err = syscall.Mmap(r.fd, mapRings, size, protection, how); err != nil {
		return os.NewSyscallError("mmap", err)
	}
	r.entries, err = syscall.Mmap(r.fd, mapEntries, int(unsafe.Sizeof(sqe{}))*int(p.sqEntries), protection, how)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }
	r.sqHead, r.sqTail, r.sqMask = at(p.sq.head), at(p.sq.tail), *at(p.sq.mask)
	r.cqHead, r.cqTail, r.cqMask = at(p.cq.head), at(p.cq.tail), *at(p.cq.mask)
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.entries[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.rings[p.cq.cqes])), p.cqEntries)
	for i := range p.sqEntries { // which entry comes when: always in turn
		*at(p.sq.array + 4*i) = i
	}
	r.tail = *r.sqTail
	return nil
}

func (r *ring) close() {
	for _, m := range [][]byte{r.rings, r.entries} {
		if m != nil {
			syscall.Munmap(m)
		}
	}
	syscall.Close(r.fd)
}

// next is the entry of a further operation. The caller knows that there is room.
func (r *ring) next() *sqe {
	e := &r.sqes[r.tail&r.sqMask]
	r.tail++
	return e
}

// send adds a send; what it points to must lie on the heap, whose memory does not move, and stay until submit.
func (r *ring) send(fd int, b []byte, to *sockaddr, size uintptr, mark uint64) {
	*r.next() = sqe{opcode: opSend, fd: int32(fd), to: uintptr(unsafe.Pointer(to)), toSize: uint16(size),
		what: uintptr(unsafe.Pointer(unsafe.SliceData(b))), length: uint32(len(b)), options: syscall.MSG_DONTWAIT, mark: mark}
}

// receive adds a receive; what it points to must lie on the heap and stay until submit.
func (r *ring) receive(fd int, m *syscall.Msghdr, mark uint64) {
	*r.next() = sqe{opcode: opRecvmsg, fd: int32(fd), what: uintptr(unsafe.Pointer(m)), length: 1, options: syscall.MSG_DONTWAIT, mark: mark}
}

// submit carries out what was added, in that order, and hands each result to done. An operation that the kernel does not
// even begin has none; that is so only when it has no memory.
func (r *ring) submit(done func(mark uint64, result int32)) {
	todo := r.tail - atomic.LoadUint32(r.sqTail)
	atomic.StoreUint32(r.sqTail, r.tail)
	head := *r.cqHead // ours alone
	for tries := 0; todo > 0; tries++ {
		ahead := r.tail - atomic.LoadUint32(r.sqHead)
		_, _, errno := syscall.RawSyscall6(sysRingEnter, uintptr(r.fd), uintptr(ahead), uintptr(todo), getEvents, 0, 0)
		for tail := atomic.LoadUint32(r.cqTail); head != tail; head++ {
			c := &r.cqes[head&r.cqMask]
			done(c.mark, c.result)
			todo--
		}
		atomic.StoreUint32(r.cqHead, head)
		if errno != 0 && errno != syscall.EINTR && tries >= 10 {
			ahead = r.tail - atomic.LoadUint32(r.sqHead)
			r.tail, todo = r.tail-ahead, todo-ahead
			atomic.StoreUint32(r.sqTail, r.tail)
		}
	}
}

// try finds out whether the kernel's ring can do what we ask it: a datagram from a socket to itself.
func (r *ring) try() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fmt.Errorf("%w: io_uring: bind: %w", ErrUnsupported, err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	self := name.(*syscall.SockaddrInet4)
	t := &trial{}
	size := t.to.set(netip.AddrPortFrom(netip.AddrFrom4(self.Addr), uint16(self.Port)), false)
	t.vector = syscall.Iovec{Base: &t.got[0], Len: uint64(len(t.got))}
	t.header = syscall.Msghdr{Name: &t.from[0], Namelen: uint32(len(t.from)), Iov: &t.vector, Iovlen: 1}
	t.sent = [4]byte{'r', 'i', 'n', 'g'}
	results := [2]int32{}
	r.send(fd, t.sent[:], &t.to, size, 0)
	r.receive(fd, &t.header, 1)
	r.submit(func(mark uint64, result int32) { results[mark] = result })
	runtime.KeepAlive(t)
	if results != [2]int32{4, 4} || t.got != t.sent || t.from.get() != t.to.get() {
		return fmt.Errorf("%w: io_uring: a datagram came as %v", ErrUnsupported, results)
	}
	return nil
}

// trial is on the heap, whose memory does not move.
type trial struct {
	to, from  sockaddr
	sent, got [4]byte
	vector    syscall.Iovec
	header    syscall.Msghdr
}
