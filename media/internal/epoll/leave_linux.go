//go:build amd64 || arm64

package epoll

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"
)

// Leave ends what Start began, and hands the socket on: as a file, which is another descriptor of it. Nothing is lost: what
// has not been given to the Receive waits in the socket, for whoever reads it next, and no Receive is running any more. The
// Socket may go on sending until Close, and may be started again. A Receive must not call it. It fails, and changes nothing,
// for a socket that is not being read, and when the process has no descriptors left.
func (k *Socket) Leave() (*os.File, error) {
	if !k.enter() {
		return nil, net.ErrClosed
	}
	defer k.leave()
	fd, err := duplicate(uintptr(k.fd))
	if err != nil {
		return nil, err
	}
	if err := k.shard.leave(k); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "udp"), nil
}

// leave has a socket read no more, and waits until what was read of it has been taken. Who calls it has entered the socket.
func (s *shard) leave(k *Socket) error {
	over := make(chan struct{})
	s.mu.Lock()
	err := error(net.ErrClosed)
	if !s.quit.Load() && s.watches(k) && !k.rests {
		// That it can be written rings, as a packet does, and has the shard look at its sockets anew.
		err = control(s.ready, syscall.EPOLL_CTL_MOD, k.fd, syscall.EPOLLOUT|syscall.EPOLLONESHOT)
	}
	if err == nil {
		s.sockets[k.fd] = nil
		s.watched--
		s.asking = append(s.asking, over)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-over:
	case <-s.done:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.quit.Load() { // else there is no epoll any more
		_ = control(s.ready, syscall.EPOLL_CTL_DEL, k.fd, 0) // its other descriptor would keep it there
	}
	return nil
}

// answer tells those who asked that what was found for them before is served. Called with mu held, between the two.
func (s *shard) answer() {
	for _, c := range s.asking {
		close(c)
	}
	s.asking = nil
}

// Flush sends what waits to be sent with others.
func (k *Socket) Flush() {
	if q := k.shard.batch; q != nil {
		q.mu.Lock()
		q.submit()
		q.mu.Unlock()
	}
}

// Adopt makes a Socket of a UDP socket that is bound already. The file remains the caller's. Nothing is read before Start.
func (p *Poller) Adopt(f *os.File) (*Socket, error) {
	c, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	k := &Socket{fd: -1, shard: p.nextShard()}
	k.users.Store(1)
	if failed := c.Control(func(fd uintptr) { k.fd, err = duplicate(fd) }); failed != nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("epoll: %s: %w", f.Name(), err)
	}
	local, six, err := name(k.fd)
	if err == nil {
		err = os.NewSyscallError("fcntl", syscall.SetNonblock(k.fd, true))
	}
	if err != nil {
		syscall.Close(k.fd)
		return nil, fmt.Errorf("epoll: %s: %w", f.Name(), err)
	}
	k.local, k.six = *net.UDPAddrFromAddrPort(local), six
	return k, nil
}

// name is the address that a socket is bound to.
func name(fd int) (at netip.AddrPort, six bool, err error) {
	var a sockaddr
	size := uint32(len(a))
	_, _, errno := syscall.RawSyscall(syscall.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&a)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return at, false, os.NewSyscallError("getsockname", errno)
	}
	return a.get(), size == syscall.SizeofSockaddrInet6, nil
}

// duplicate makes another descriptor of the same socket.
func duplicate(fd uintptr) (int, error) {
	d, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return int(d), nil
}
