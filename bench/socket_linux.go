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

// batch is how many packets one system call takes from a socket, and train how many it sends: more are cheaper, but
// those at the end leave later than the time that they carry, by 1 to 2 us for each before them.
const (
	batch = 64
	train = 16
)

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

	waiting int // to be sent
	outs    [train]message
	parts   [train]syscall.Iovec
}

// message is struct mmsghdr.
type message struct {
	header syscall.Msghdr
	n      uint32
	_      [4]byte
}

// address is where a packet goes: struct sockaddr_in.
type address = *[syscall.SizeofSockaddrInet4]byte

func addressOf(a netip.AddrPort) address {
	var s [syscall.SizeofSockaddrInet4]byte
	binary.NativeEndian.PutUint16(s[:], syscall.AF_INET)
	binary.BigEndian.PutUint16(s[2:], a.Port())
	ip := a.Addr().Unmap().As4()
	copy(s[4:], ip[:])
	return &s
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
	for i := range s.outs {
		s.outs[i].header = syscall.Msghdr{Namelen: syscall.SizeofSockaddrInet4, Iov: &s.parts[i], Iovlen: 1}
	}
	return s, nil
}

// queue has a packet leave with the next flush. There is room until it returns true.
func (s *socket) queue(p []byte, to address) (full bool) {
	s.parts[s.waiting] = syscall.Iovec{Base: &p[0], Len: uint64(len(p))}
	s.outs[s.waiting].header.Name = &to[0]
	s.waiting++
	return s.waiting == train
}

// sendmmsg is the number of the system call, which package syscall does not have on each architecture.
func sendmmsg() uintptr {
	if runtime.GOARCH == "amd64" {
		return 307
	}
	return 269 // arm64
}

// flush sends what is queued. What the system refuses shows as loss.
func (s *socket) flush() {
	for at := 0; at < s.waiting; {
		n, _, errno := syscall.RawSyscall6(sendmmsg(), uintptr(s.fd), uintptr(unsafe.Pointer(&s.outs[at])),
			uintptr(s.waiting-at), 0, 0, 0)
		if errno != 0 {
			n = 1
		}
		at += int(n)
	}
	s.waiting = 0
}

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
