//go:build !linux || !(amd64 || arm64)

package tx

import "net"

// openDatagrams is the way to read and write pc.
func openDatagrams(pc net.PacketConn) datagrams { return newPackets(pc) }
