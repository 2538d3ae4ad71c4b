//go:build !linux || !(amd64 || arm64)

package epoll

import (
	"net"
	"net/netip"
	"os"
)

// Poller does not exist here.
type Poller struct{}

// Socket does not exist here.
type Socket struct{}

func New(Config) (*Poller, error)                      { return nil, ErrUnsupported }
func (*Poller) Listen(netip.AddrPort) (*Socket, error) { return nil, ErrUnsupported }
func (*Poller) Adopt(*os.File) (*Socket, error)        { return nil, ErrUnsupported }
func (*Poller) Hold()                                  {}
func (*Poller) Release()                               {}
func (*Poller) Spare() int                             { return 0 }
func (*Poller) Close()                                 {}
func (*Socket) Start(Receive) error                    { return ErrUnsupported }
func (*Socket) Rest() bool                             { return false }
func (*Socket) Leave() (*os.File, error)               { return nil, ErrUnsupported }
func (*Socket) Flush()                                 {}
func (*Socket) Refused() uint64                        { return 0 }
func (*Socket) LocalAddr() net.Addr                    { return nil }
func (*Socket) Close() error                           { return ErrUnsupported }
func (*Socket) WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error) {
	return 0, ErrUnsupported
}
