//go:build amd64 || arm64

package main

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// batch is how many packets one system call takes from a socket.
const batch = 64

// receiveBuffer holds some seconds of all streams: what a socket here loses is never lost for want of room.
const receiveBuffer = 16 << 20

// socket is a UDP socket of loopback that tells when a packet arrived (SO_TIMESTAMPNS).
type socket struct {
	fd   int
	port int

	packets  [batch][256]byte
	controls [batch][64]byte
	vectors  [batch]syscall.Iovec
	messages [batch]message
}

// message is struct mmsghdr.
type message struct {
	header syscall.Msghdr
	n      uint32
	_      [4]byte
}

// address is where a packet goes.
type address = *syscall.SockaddrInet4

func addressOf(a netip.AddrPort) address {
	return &syscall.SockaddrInet4{Addr: a.Addr().Unmap().As4(), Port: int(a.Port())}
}

func openSocket() (*socket, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd}
	if syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, receiveBuffer) != nil { // needs a privilege
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, receiveBuffer)
	}
	err = errors.Join(err, syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1),
		syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	s.port = name.(*syscall.SockaddrInet4).Port
	for i := range s.messages {
		s.vectors[i] = syscall.Iovec{Base: &s.packets[i][0], Len: uint64(len(s.packets[i]))}
		s.messages[i].header = syscall.Msghdr{Iov: &s.vectors[i], Iovlen: 1, Control: &s.controls[i][0]}
	}
	return s, nil
}

func (s *socket) send(p []byte, to address) { syscall.Sendto(s.fd, p, 0, to) }

func (s *socket) close() { syscall.Close(s.fd) }

// drain takes everything that has arrived.
func (s *socket) drain(take func(p []byte, at time.Time)) {
	for {
		for i := range s.messages {
			s.messages[i].header.SetControllen(len(s.controls[i]))
		}
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.messages[0])), batch,
			syscall.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			return
		}
		for i := range int(n) {
			m := &s.messages[i]
			take(s.packets[i][:m.n], stamp(s.controls[i][:m.header.Controllen]))
		}
		if n < batch {
			return
		}
	}
}

// stamp reads the kernel's time of arrival: struct cmsghdr (16 bytes), then a timespec.
func stamp(control []byte) time.Time {
	if len(control) < 32 {
		return time.Now()
	}
	return time.Unix(int64(binary.NativeEndian.Uint64(control[16:])), int64(binary.NativeEndian.Uint64(control[24:])))
}

// precise gives the goroutine a thread of its own, for nap.
func precise() (release func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// nap sleeps in the kernel: the runtime's own timers are good to a millisecond only.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(d.Nanoseconds())
	syscall.Nanosleep(&t, nil)
}
