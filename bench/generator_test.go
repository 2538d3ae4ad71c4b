package main

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// RFC 3550 §5.1: from packet to packet the number grows by one and the timestamp by what was said; the SSRC stays, or
// a switch has a new source to set up for every packet.
func TestStreamIsOneSource(t *testing.T) {
	g, err := newGenerator(time.Millisecond, 1)
	must(t, err)
	defer g.close()
	g.add(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(g.socket().port))) // to itself
	s := g.streams[0]
	var last [headerSize]byte
	for n := range 3 {
		sendTogether(g.streams, true)
		p := s.packet[:headerSize]
		number := binary.BigEndian.Uint16(p[2:]) - binary.BigEndian.Uint16(last[2:])
		stamp := binary.BigEndian.Uint32(p[4:]) - binary.BigEndian.Uint32(last[4:])
		if n > 0 && (number != 1 || stamp != 160 || [4]byte(p[8:]) != [4]byte(last[8:])) {
			t.Errorf("% x followed % x", p, last)
		}
		last = [headerSize]byte(p)
	}
}
