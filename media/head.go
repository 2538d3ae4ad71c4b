package media

import "encoding/binary"

// headerSize is that of every packet that we send: no CSRC, no extension.
const headerSize = 12

// plainHeader is the first byte of a packet whose header is as long as ours: version 2, no padding, extension or CSRC.
const plainHeader = 2 << 6

// head is what the path of a packet needs of its header (RFC 3550 §5.1):
//
//	 0                   1                   2                   3
//	|V=2|P|X|  CC   |M|     PT      |       sequence number         |
//	|                           timestamp                           |
//	|                             SSRC                              |
type head struct {
	ssrc, ts uint32
	seq      uint16
	pt       uint8
	marker   bool
}

// parse reads a packet of headerSize bytes at least, and tells where its payload lies. It is false for one that is
// malformed or holds nothing. Called with in.mu held.
func (in *inbound) parse(b []byte) (h head, start, end int, ok bool) {
	h = head{ssrc: binary.BigEndian.Uint32(b[8:]), ts: binary.BigEndian.Uint32(b[4:]), seq: binary.BigEndian.Uint16(b[2:]),
		pt: b[1] & 127, marker: b[1] >= 128}
	start, end = headerSize, len(b)
	if b[0] != plainHeader {
		var err error
		if start, err = in.odd.Unmarshal(b); err != nil {
			return h, 0, 0, false
		}
		if in.odd.Padding {
			end -= int(b[len(b)-1])
		}
	}
	return h, start, end, end > start
}
