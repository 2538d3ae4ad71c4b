package main

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// quick is how many bytes one system call may move without being announced to the scheduler, which is there for those that
// last: a few microseconds, also for the most.
const quick = 64 << 10

// quickListener accepts connections whose reading and writing wakes nobody but the peer.
type quickListener struct{ net.Listener }

// Accept implements net.Listener.
func (l quickListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	tcp, ok := c.(*net.TCPConn)
	if err != nil || !ok {
		return c, err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c, nil
	}
	q := &quickConn{TCPConn: tcp, raw: raw}
	q.in.call, q.out.call = q.in.read, q.out.write
	return q, nil
}

// quickConn is a TCP connection that does not announce its system calls to the scheduler, as they never wait: that wakes
// the runtime's monitor thread, which then looks around every 20 us for a while, at more cost than a short write.
type quickConn struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out transfer
}

// transfer is a read or a write that goes on.
type transfer struct {
	mu    sync.Mutex
	b     []byte
	n     int
	errno syscall.Errno
	call  func(fd uintptr) bool
}

func (t *transfer) read(fd uintptr) bool  { return t.do(syscall.SYS_READ, fd) }
func (t *transfer) write(fd uintptr) bool { return t.do(syscall.SYS_WRITE, fd) }

// do is false when there is nothing to read, or no room to write.
func (t *transfer) do(trap, fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.b))), uintptr(len(t.b)))
		t.n, t.errno = int(n), errno
		if errno != syscall.EINTR {
			return errno != syscall.EAGAIN
		}
	}
}

// through carries one out, by the system call's name. wait is syscall.RawConn's.
func (t *transfer) through(wait func(func(uintptr) bool) error, b []byte, name string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = b
	err := wait(t.call)
	t.b = nil
	if err == nil && t.errno != 0 {
		err = os.NewSyscallError(name, t.errno)
	}
	if err != nil {
		return 0, err
	}
	return t.n, nil
}

// Read implements net.Conn.
func (q *quickConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := q.in.through(q.raw.Read, b[:min(len(b), quick)], "read")
	if err != nil {
		return 0, q.fault("read", err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (q *quickConn) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := q.out.through(q.raw.Write, b[done:min(len(b), done+quick)], "write")
		if err != nil {
			return done, q.fault("write", err)
		}
		done += n
	}
	return done, nil
}

// fault is an error as package net has it.
func (q *quickConn) fault(op string, err error) error {
	if o, ok := err.(*net.OpError); ok {
		err = o.Err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: q.LocalAddr(), Addr: q.RemoteAddr(), Err: err}
}
