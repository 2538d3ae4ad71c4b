//go:build amd64 || arm64

package tx

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// batch is how many datagrams one system call takes at most.
const batch = 8

// openDatagrams is the way to read and write pc: for a UDP socket of IPv4 its system calls, else package net.
func openDatagrams(pc net.PacketConn) datagrams {
	c, ok := pc.(*net.UDPConn)
	if !ok || !addrPort(c.LocalAddr()).Addr().Is4() {
		return newPackets(pc)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return newPackets(pc)
	}
	return newBatches(c, raw)
}

// batches reads up to so many datagrams at once, and does not tell the scheduler of system calls that never wait. To be
// told costs more than they do: each wakes the thread that watches over those that last, which then looks every 20 us.
type batches struct {
	conn *net.UDPConn // for what goes to an address that is not IPv4, and its error
	raw  syscall.RawConn
	outs sync.Pool // of *sending

	// of the one reader
	in    [batch]mmsghdr
	froms [batch]sockaddr
	got   int
	errno syscall.Errno
	take  func(fd uintptr) bool
}

// mmsghdr is struct mmsghdr: one datagram of many.
type mmsghdr struct {
	msg syscall.Msghdr
	len uint32
	_   [4]byte
}

func newBatches(c *net.UDPConn, raw syscall.RawConn) *batches {
	d := &batches{conn: c, raw: raw}
	for i := range d.in {
		room := syscall.Iovec{Base: &make([]byte, maxDatagram)[0], Len: maxDatagram}
		d.in[i].msg = syscall.Msghdr{Name: &d.froms[i][0], Iov: &room, Iovlen: 1}
	}
	d.take = d.recvmmsg
	d.outs.New = func() any {
		s := &sending{}
		s.send = s.sendto
		return s
	}
	return d
}

// receive implements datagrams.
func (d *batches) receive() (int, error) {
	if err := d.raw.Read(d.take); err != nil {
		return 0, err
	}
	if d.errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", d.errno)
	}
	return d.got, nil
}

// recvmmsg takes what is there; false when that is nothing.
func (d *batches) recvmmsg(fd uintptr) bool {
	for i := range d.in {
		d.in[i].msg.Namelen = uint32(len(d.froms[i]))
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&d.in[0])), batch,
		syscall.MSG_DONTWAIT, 0, 0)
	d.got, d.errno = int(n), errno
	return errno != syscall.EAGAIN
}

// datagram implements datagrams.
func (d *batches) datagram(i int) ([]byte, netip.AddrPort) {
	return unsafe.Slice(d.in[i].msg.Iov.Base, d.in[i].len), d.froms[i].get()
}

// sending is one datagram on its way out.
type sending struct {
	b     []byte
	to    sockaddr
	errno syscall.Errno
	send  func(fd uintptr) bool
}

// write implements datagrams.
func (d *batches) write(b []byte, to netip.AddrPort) error {
	if !to.Addr().Unmap().Is4() {
		_, err := d.conn.WriteToUDPAddrPort(b, to)
		return err
	}
	s := d.outs.Get().(*sending)
	defer d.outs.Put(s)
	s.b = b
	s.to.set(to)
	err := d.raw.Write(s.send)
	s.b = nil
	if err == nil && s.errno != 0 {
		err = os.NewSyscallError("sendto", s.errno)
	}
	return err
}

// sendto sends it; false when there is no room.
func (s *sending) sendto(fd uintptr) bool {
	_, _, s.errno = syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(s.b))),
		uintptr(len(s.b)), syscall.MSG_DONTWAIT, uintptr(unsafe.Pointer(&s.to)), uintptr(len(s.to)))
	return s.errno != syscall.EAGAIN
}

// sockaddr is a struct sockaddr_in: family, 2 (the machine's order) | port, 2 (big endian) | address, 4 | nothing, 8.
type sockaddr [syscall.SizeofSockaddrInet4]byte

func (a *sockaddr) set(to netip.AddrPort) {
	binary.NativeEndian.PutUint16(a[:], syscall.AF_INET)
	binary.BigEndian.PutUint16(a[2:], to.Port())
	ip := to.Addr().Unmap().As4()
	copy(a[4:], ip[:])
}

func (a *sockaddr) get() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[4:8])), binary.BigEndian.Uint16(a[2:]))
}
