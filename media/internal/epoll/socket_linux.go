//go:build amd64 || arm64

package epoll

import (
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Socket is a UDP socket of a Poller. Its methods may be called at the same time, except that Start
// and Rest come in turn.
type Socket struct {
	fd      int
	six     bool
	rests   bool // under shard.mu
	local   net.UDPAddr
	shard   *shard
	receive atomic.Pointer[Receive] // nil: what arrives is thrown away
	// users counts who is in a system call, and the owner until Close. The last one closes the descriptor, so that
	// none of them meets another socket under the same number.
	users   atomic.Int32
	refused atomic.Uint64 // packets of the batch that the system did not take
}

// closing is set in users from Close on.
const closing = 1 << 30

func listen(s *shard, at netip.AddrPort) (*Socket, error) {
	k := &Socket{fd: -1, six: at.Addr().Is6(), shard: s}
	k.users.Store(1)
	if err := k.bind(at); err != nil {
		if k.fd >= 0 {
			syscall.Close(k.fd)
		}
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(at), Err: err}
	}
	return k, nil
}

func (k *Socket) bind(at netip.AddrPort) (err error) {
	family := syscall.AF_INET
	if k.six {
		family = syscall.AF_INET6
	}
	k.fd, err = syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if k.six {
		only := 1
		if at.Addr().IsUnspecified() {
			only = 0
		}
		if err := syscall.SetsockoptInt(k.fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, only); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	var a sockaddr
	n := a.set(at, k.six)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_BIND, uintptr(k.fd), uintptr(unsafe.Pointer(&a)), n); errno != 0 {
		return os.NewSyscallError("bind", errno)
	}
	if at.Port() == 0 {
		chosen, _, err := name(k.fd)
		if err != nil {
			return err
		}
		at = netip.AddrPortFrom(at.Addr(), chosen.Port())
	}
	k.local = *net.UDPAddrFromAddrPort(at)
	return nil
}

// Start has the socket read until Close or Rest.
func (k *Socket) Start(r Receive) error { return k.shard.watch(k, r) }

// Rest ends what Start began, but keeps the socket bound, for another Start or Close later. It does not wait for a
// Receive that is running. What arrives meanwhile is read and thrown away: it is for nobody, and shall not wait there for
// the next user. It is false, and the socket is to be closed, when Start has not succeeded: what arrives would wait.
func (k *Socket) Rest() bool { return k.shard.rest(k) }

// take gives a datagram to who is to have it.
func (k *Socket) take(b []byte, from netip.AddrPort) {
	if r := k.receive.Load(); r != nil {
		(*r)(b, from)
	}
}

// LocalAddr is a *net.UDPAddr.
func (k *Socket) LocalAddr() net.Addr { return &k.local }

// Close ends reading and writing; it does not wait for a Receive that is running. A second one gives net.ErrClosed.
func (k *Socket) Close() error {
	if k.users.Or(closing)&closing != 0 {
		return net.ErrClosed
	}
	k.shard.forget(k)
	k.leave()
	return nil
}

func (k *Socket) enter() bool {
	for {
		n := k.users.Load()
		if n&closing != 0 {
			return false
		}
		if k.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (k *Socket) leave() {
	if k.users.Add(-1) == closing {
		syscall.Close(k.fd) // which takes it out of the epoll too
	}
}

// read takes one datagram, if there is one; the epoll tells again if there are more.
func (k *Socket) read(buf []byte) {
	if !k.enter() {
		return
	}
	var from sockaddr
	size := uint32(len(from))
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(k.fd), uintptr(unsafe.Pointer(&buf[0])),
		uintptr(len(buf)), 0, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
	k.leave()
	if errno == 0 && int(n) < len(buf) { // else it was cut off
		k.take(buf[:n], from.get())
	}
}

// Refused is how many datagrams the system did not take since Start though WriteToUDPAddrPort had returned.
func (k *Socket) Refused() uint64 { return k.refused.Load() }

// WriteToUDPAddrPort sends one datagram, at once or soon; see Poller.Hold.
func (k *Socket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if q := k.shard.batch; q != nil && q.send(k, b, to) {
		return len(b), nil
	}
	if !k.enter() {
		return 0, net.ErrClosed
	}
	defer k.leave()
	var a sockaddr
	size := a.set(to, k.six)
	if size == 0 {
		return 0, syscall.EAFNOSUPPORT
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(k.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
		uintptr(len(b)), 0, uintptr(unsafe.Pointer(&a)), size)
	if errno != 0 {
		return 0, os.NewSyscallError("sendto", errno)
	}
	return int(n), nil
}
