package phone

import (
	"encoding/binary"
	"errors"
)

// Packet is one RTP packet (RFC 3550 §5.1).
//
//	 0                   1                   2                   3
//	|V=2|P|X|  CC   |M|     PT      |       sequence number         |
//	|                           timestamp                           |
//	|                             SSRC                              |
type Packet struct {
	Marker    bool
	PT        int
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
	Payload   []byte
}

// Append writes the packet behind b.
func (p Packet) Append(b []byte) []byte {
	second := byte(p.PT & 0x7f)
	if p.Marker {
		second |= 0x80
	}
	b = append(b, 0x80, second)
	b = binary.BigEndian.AppendUint16(b, p.Seq)
	b = binary.BigEndian.AppendUint32(b, p.Timestamp)
	b = binary.BigEndian.AppendUint32(b, p.SSRC)
	return append(b, p.Payload...)
}

var errNotRTP = errors.New("not an RTP packet")

// ParsePacket reads a packet; Payload points into b.
func ParsePacket(b []byte) (Packet, error) {
	if len(b) < 12 || b[0]>>6 != 2 {
		return Packet{}, errNotRTP
	}
	p := Packet{
		Marker: b[1]&0x80 != 0, PT: int(b[1] & 0x7f), Seq: binary.BigEndian.Uint16(b[2:]),
		Timestamp: binary.BigEndian.Uint32(b[4:]), SSRC: binary.BigEndian.Uint32(b[8:]),
	}
	start, end := 12+4*int(b[0]&0x0f), len(b)
	if b[0]&0x10 != 0 { // header extension
		if start+4 > end {
			return p, errNotRTP
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	if b[0]&0x20 != 0 { // padding
		end -= int(b[len(b)-1])
	}
	if start > end {
		return p, errNotRTP
	}
	p.Payload = b[start:end]
	return p, nil
}

// isRTCP tells RTCP from RTP on one port (RFC 5761 §4).
func isRTCP(b []byte) bool { return len(b) >= 8 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223 }
